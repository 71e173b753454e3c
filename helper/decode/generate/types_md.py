#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/types.md from helper/decode/decoders.def.

    types_md.py            writes it
    types_md.py --check    writes nothing, fails if it would change
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
REGISTRY = ROOT / "helper" / "decode" / "decoders.def"
TARGET = ROOT / "docs" / "types.md"

SECTION = re.compile(r"/\* ---- ([^:]*?)(?::.*)? ---- \*/")
LINE = re.compile(
    r'DECODER\((?P<id>\w+), "(?P<names>[^"]*)", (?P<symbol>\w+), (?P<struct>\w+), (?P<flags>[\w |]+), (?P<function>\w+), '
    r'(?P<visible>NO_FIELDS|FIELD_LIST\([^)]*\)), (?P<hidden>NO_FIELDS|FIELD_LIST\([^)]*\)), "(?P<summary>[^"]*)"\)')

INTRODUCTION = """# Types

<!-- Written by helper/decode/generate/types_md.py from helper/decode/decoders.def; edit that. -->

Every type whose instances are decoded by name: what an instance owns, and which of its references are hidden, that
is, not visited by its `tp_traverse` and so not in `gc.get_referents`. A type that is not traversed in some Python
(`int` in all of them, `re.Pattern` up to 3.9) has only hidden references there. An instance of a class made in Python
has its base's line, and its `__dict__`, inline values and `__slots__` besides. Where the type is made on the heap, its
instances refer to it; since 3.9 that reference is visible (an instance of a class in Python: in all versions).

Weak and borrowed references are in no list: weak reference lists, a weak reference's referent, the globals and
builtins of an interpreter frame, the value that a `ContextVar` caches, the current group of `itertools.groupby`.

## What is not exact

| what | why |
|---|---|
| a type in C that is not in the tables below | size by `tp_basicsize` and `tp_itemsize`, references by its member descriptors and `__dict__`; the object is flagged approximate |
| the state of a module in C | a block of memory whose form only the module knows: its words that are addresses of objects are taken for references, visible if the module has an `m_traverse` and the referent's type is traversed. What a module keeps in memory beyond that block is found for `atexit` and `_decimal` only |
| the evaluation stack of an executing frame | how much of it is in use is in a register of the interpreter: only the variables are known. They are hidden in an executing generator, as its `tp_traverse` leaves them out |
| variables of a frame that executes, since 3.11 | they belong to the thread or the generator, not to the frame object that shows them |
| a capsule (3.13+) | it can have a traverse function of its own |
| `gc.get_referents` of the module `_asyncio` in 3.12 | visits a free list whose entries are their own successors and may not end (Modules/_asynciomodule.c); here its types are listed |
| a `__sizeof__` written in Python, or in a C type of a package | it would have to be run |
| a link of a bounded `functools.lru_cache` | the wrapper visits key and result in its stead, and they are listed as the wrapper's |
"""


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


def document():
    text = INTRODUCTION
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
    return text


def main():
    text = document()
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != text:
            sys.exit(f"{TARGET} is not what decoders.def says: run {sys.argv[0]}")
        return
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text)


main()
