#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/types.md from helper/decode/decoders.def and foreign.def, after types_introduction.md.

    types_md.py            writes it
    types_md.py --check    writes nothing, fails if it would change
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
REGISTRY = ROOT / "helper" / "decode" / "decoders.def"
FOREIGN = ROOT / "helper" / "decode" / "foreign.def"
TARGET = ROOT / "docs" / "types.md"

SECTION = re.compile(r"/\* ---- ([^:]*?)(?::.*)? ---- \*/")
LINE = re.compile(
    r'DECODER\((?P<id>\w+), "(?P<names>[^"]*)", (?P<symbol>\w+), (?P<struct>\w+), (?P<flags>[\w |]+), '
    r'(?P<function>\w+), '
    r'(?P<visible>NO_FIELDS|FIELD_LIST\([^)]*\)), (?P<hidden>NO_FIELDS|FIELD_LIST\([^)]*\)), "(?P<summary>[^"]*)"\)')

FOREIGN_LINE = re.compile(
    r'FOREIGN_TYPE\((?P<id>\w+), "(?P<names>[^"]*)", \w+, (?P<flags>[\w |]+), \w+, '
    r'(?P<visible>NO_PLACES|PLACE_LIST\([^)]*\)), (?P<hidden>NO_PLACES|PLACE_LIST\([^)]*\)), "(?P<summary>[^"]*)"\)')

INTRODUCTION = pathlib.Path(__file__).resolve().parent / "types_introduction.md"


def hidden_fields(match):
    names = [name.strip().split("_", 1)[1] for name in match["hidden"][len("FIELD_LIST("):-1].split(",")] \
        if match["hidden"] != "NO_FIELDS" else []
    structs = [line.split("(")[1].split(",")[0] for line in
               (ROOT / "helper/layout/fields.def").read_text().splitlines() if line.startswith("STRUCT(")]
    shown = []
    for name in names:
        owner = max((struct for struct in structs if name.startswith(struct + "_")), key=len)
        shown.append("`" + name[len(owner) + 1:] + "`")
    if shown and "TYPE_HEAP_VISITS_ALL" in match["flags"]:
        shown.append("(visible where the type is a heap type)")
    return " ".join(shown)


def foreign_section():
    """Hidden references of these are not listed: hardly any of them is traversed at all."""
    body = FOREIGN.read_text()
    expected = sum(1 for line in body.splitlines() if line.startswith("FOREIGN_TYPE("))
    rows = [FOREIGN_LINE.match(line) for line in body.splitlines()]
    rows = [match for match in rows if match]
    if len(rows) != expected:
        sys.exit(f"{FOREIGN}: {expected} lines, {len(rows)} understood")
    text = "\n## Other libraries\n\n"
    text += "[docs/foreign-types.md](foreign-types.md) says for which versions, and how exactly.\n\n"
    text += "| type | an instance |\n|---|---|\n"
    for match in rows:
        names = ", ".join(f"`{name}`" for name in match["names"].split("|"))
        text += f"| {names} | {match['summary']}{' (approximate)' if 'APPROXIMATE' in match['flags'] else ''} |\n"
    return text


def document():
    text = INTRODUCTION.read_text()
    body = REGISTRY.read_text()
    expected = sum(1 for line in body.splitlines() if line.startswith("DECODER("))
    found = 0
    for line in body.splitlines():
        section = SECTION.match(line)
        if section:
            text += f"\n## {section[1]}\n\n| type | an instance | hidden |\n|---|---|---|\n"
        match = LINE.match(line)
        if match:
            found += 1
            names = ", ".join(f"`{name}`" for name in match["names"].split("|"))
            text += f"| {names} | {match['summary']} | {hidden_fields(match)} |\n"
    if found != expected:
        sys.exit(f"{REGISTRY}: {expected} lines, {found} understood")
    return text + foreign_section()


def main():
    text = document()
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != text:
            sys.exit(f"{TARGET} is not what decoders.def says: run {sys.argv[0]}")
        return
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text)


main()
