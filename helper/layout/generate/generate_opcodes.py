#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generates helper/layout/tables/opcodes_<minor>.inc: what the instructions of one minor version do to the evaluation
stack, as that version's own module dis says.

    generate_opcodes.py PYTHON...            one interpreter for each minor version
    generate_opcodes.py --check PYTHON...    writes nothing, fails if a table would change

dis.stack_effect() is a function of the argument: base, as much for each, something for single low bits and for the
high byte, which is found from a few arguments and compared with many more. What it leaves open is said below."""
import argparse
import json
import pathlib
import subprocess
import sys

TABLES = pathlib.Path(__file__).resolve().parent.parent / "tables"

QUESTION = r"""
import dis, json, sys

def effects(number, jump):
    takes = number >= dis.HAVE_ARGUMENT if sys.version_info < (3, 13) else number in dis.hasarg
    arguments = list(range(64)) + [96, 127, 128, 255, 256, 257, 512, 513] if takes else [None]
    return [[argument or 0, dis.stack_effect(number, argument, jump=jump)] for argument in arguments]

rows = []
for name, number in dis.opmap.items():
    if number > 255:
        continue
    try:
        rows.append([name, number, effects(number, False), effects(number, True)])
    except ValueError:
        rows.append([name, number, None, None])
caches = getattr(dis, "_inline_cache_entries", {})
if hasattr(caches, "items"):
    caches = {name: count for name, count in caches.items()}
else:
    caches = {dis.opname[number]: count for number, count in enumerate(caches) if count}
every = getattr(dis, "_all_opmap", dis.opmap)
print(json.dumps({"minor": sys.version_info[1], "rows": rows, "caches": caches,
                  "deopt": {every[one]: every[base] for one, base in getattr(dis, "deoptmap", {}).items()},
                  "relative": list(dis.hasjrel), "absolute": list(dis.hasjabs)}))
"""

ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT", "CONTINUE_LOOP", "INTERPRETER_EXIT"}
LOADS = {"LOAD_GLOBAL": "LOAD_GLOBAL", "LOAD_NAME": "LOAD_NAME", "LOAD_FAST": "LOAD_FAST",
         "LOAD_FAST_CHECK": "LOAD_FAST", "LOAD_FAST_BORROW": "LOAD_FAST", "LOAD_FAST_LOAD_FAST": "LOAD_FAST_PAIR",
         "LOAD_FAST_BORROW_LOAD_FAST_BORROW": "LOAD_FAST_PAIR", "LOAD_DEREF": "LOAD_DEREF", "LOAD_ATTR": "LOAD_ATTR",
         "LOAD_METHOD": "LOAD_ATTR"}


def role_of(name, minor):
    """enum opcode_role; of calls the words between the arguments and the top; of AWAIT those above what is awaited."""
    if name == "CALL_FUNCTION":
        return "CALL_ONE", 0
    if name == "CALL_FUNCTION_KW":
        return "CALL_ONE", 1
    if name == "CALL_METHOD" or (name in ("CALL", "PRECALL") and minor in (11, 12)):
        return "CALL_NULL_FIRST", 0
    if name == "CALL":
        return "CALL_NULL_SECOND", 0
    if name == "CALL_KW":
        return "CALL_NULL_SECOND", 1
    if name == "CALL_FUNCTION_EX":
        # [NULL in front, 3.11 and 3.12] function [NULL behind, 3.13+] arguments, keywords (3.14+: or NULL)
        return ("CALL_ALL" if minor < 11 else "CALL_ALL_NULL_FIRST" if minor < 13 else "CALL_ALL",
                2 if minor < 13 else 3 if minor < 14 else 4)
    if name in ("SEND", "YIELD_FROM"):
        return "AWAIT", 2 if minor >= 15 else 1  # receiver [NULL or an index, 3.15] what is sent
    return LOADS.get(name, "PLAIN"), 0


def fit(name, effects):
    """base, for each, for bits 0 to 3, for each of arg >> 8."""
    known = dict(map(tuple, effects))
    base = known[0]
    if len(known) == 1:
        return [base, 0, 0, 0, 0, 0, 0]
    each = (known[32] - known[16]) // 16
    bits = [known[1 << bit] - base - (each << bit) for bit in range(4)]
    high = known[256] - base - 256 * each
    found = [base, each] + bits + [high]
    for argument, effect in known.items():
        said = base + each * argument + sum(one for bit, one in enumerate(bits) if argument >> bit & 1) + \
            high * (argument >> 8)
        if said != effect and not (name == "BUILD_SLICE" and argument == 3):
            raise SystemExit("%s %d: effect %d, not %d" % (name, argument, effect, said))
    return found


def table(facts):
    minor = facts["minor"]
    lines = {}
    for name, number, plain, jump in facts["rows"]:
        if plain is None or name.startswith("INSTRUMENTED_") or name in ("CACHE", "RESERVED", "ENTER_EXECUTOR"):
            continue
        effect = fit(name, plain)
        jumps = dict(map(tuple, jump))[plain[0][0]] - plain[0][1]
        flags = []
        if name in ENDS:
            flags.append("OPCODE_ENDS")
        if name == "END_ASYNC_FOR":
            pass  # 3.14 tells tracers by its argument where the loop began, and does not go there
        elif number in facts["relative"]:
            flags.append("OPCODE_JUMPS_BACK" if "BACKWARD" in name else "OPCODE_JUMPS")
        elif number in facts["absolute"]:
            flags.append("OPCODE_JUMPS_TO")
        if minor == 8 and name == "CALL_FINALLY":
            flags = []  # its target is reached in another way too
        if minor == 8 and name in ("BEGIN_FINALLY",):
            flags.append("OPCODE_OPENS_UNKNOWN")
        if minor == 8 and name == "SETUP_FINALLY":
            flags.append("OPCODE_JUMPS_UNKNOWN")
        if minor == 8 and name in ("END_FINALLY", "POP_FINALLY", "POP_EXCEPT"):
            flags.append("OPCODE_CLOSES_UNKNOWN")
        if name == "EXTENDED_ARG":
            flags.append("OPCODE_EXTENDS")
        if name == "BUILD_SLICE":
            flags.append("OPCODE_SLICES")
        if name == "GEN_START":
            flags.append("OPCODE_STARTS_WITH_ONE")
        role, words = role_of(name, minor)
        if minor == 11 and name == "PRECALL":
            effect = [0] * 7  # the words are still there when CALL begins
        if minor == 11 and name == "CALL":
            effect = [-1, -1, 0, 0, 0, 0, 0]
        if name == "RETURN_GENERATOR":
            effect = [1] + [0] * 6  # what is sent is on the stack when it goes on
        if role in ("LOAD_GLOBAL", "LOAD_ATTR") and effect[2]:
            flags.append("OPCODE_NAME_IN_UPPER_BITS")
        lines[number] = "OPCODE(%d, %d, %s, OPCODE_%s, %d, %s, %d) /* %s */" % (
            number, facts["caches"].get(name, 0), " | ".join(flags) or "0", role, words,
            ", ".join(map(str, effect)), jumps, name)
    numbers = {name: number for name, number, *_ in facts["rows"]}
    for name, number in numbers.items():  # those of lines and of single instructions stand for any other
        base = numbers.get(name[len("INSTRUMENTED_"):]) if name.startswith("INSTRUMENTED_") else None
        if base in lines:
            lines[number] = lines[base].replace("OPCODE(%d," % base, "OPCODE(%d," % number, 1)
    for one, base in facts["deopt"].items():
        if base in lines and int(one) not in lines:
            lines[int(one)] = lines[base].replace("OPCODE(%d," % base, "OPCODE(%d," % int(one), 1)
    return "/* CPython 3.%d. Written by generate_opcodes.py: do not edit. */\n%s\n" % (
        minor, "\n".join(lines[number] for number in sorted(lines)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("pythons", nargs="+")
    options = parser.parse_args()
    status = 0
    for python in options.pythons:
        facts = json.loads(subprocess.run([python, "-c", QUESTION], check=True, stdout=subprocess.PIPE).stdout)
        path = TABLES / ("opcodes_3.%d.inc" % facts["minor"])
        text = table(facts)
        if not options.check:
            path.write_text(text)
        elif path.read_text() != text:
            print("%s: %s says otherwise" % (path, python))
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
