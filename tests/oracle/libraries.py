# SPDX-License-Identifier: MIT
"""The round over popular libraries: each Python that is named runs libraries_program.py, and what pydeepsize says of
the process is compared with what the process says of itself: objects lost, sizes, and objects that are none.

    python tests/oracle/libraries.py [--seconds S] PYTHON [NAME ...]

PYTHON is an interpreter in whose environment the libraries are installed (docs/testing.md has the line for pip); NAME
restricts the round to some. Exit status 1: something differs that nobody declared."""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))

import cores  # noqa: E402
import program  # noqa: E402

PROGRAM = os.path.join(HERE, "libraries_program.py")


def read_record(path):
    record = {}
    with open(path) as file:
        for line in file:
            fields = line.split()
            if fields[0] == "end":
                assert int(fields[1]) == len(record)
                return record
            record[int(fields[0], 16)] = int(fields[1])
    raise SystemExit("the record %s is cut off" % path)


def listed(target):
    answer = program.run(target + ["objects", "--json"])
    if answer.status not in (0, 3):
        raise SystemExit(answer.errors)
    rows = [json.loads(line) for line in answer.output.splitlines()]
    return {int(row["address"], 16): row for row in rows if "address" in row}


def led_to(target, known, others):
    """Those of the others that the known objects lead to by references that gc.get_referents() does not give."""
    command = [program.path()] + target + ["query", "SELECT source, target FROM reference", "--csv", "-n", "0"]
    sources = collections.defaultdict(list)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        next(process.stdout)
        for line in process.stdout:
            source, _, other = line.rstrip().partition(b",")
            if int(other, 0) in others:
                sources[int(other, 0)].append(int(source, 0))
    assert process.returncode in (0, 3)
    holders = collections.defaultdict(list)
    for other, found in sources.items():
        for source in found:
            holders[source].append(other)
    seen, queue = set(), [source for source in holders if source in known]
    while queue:
        for other in holders.get(queue.pop(), ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def examples(rows, count=8):
    by_type = collections.Counter(row["type"] for row in rows)
    lines = ["    %6d x %s" % (number, kind) for kind, number in by_type.most_common(count)]
    return lines + ["    e.g. " + json.dumps({key: value for key, value in row.items() if value is not False})
                    for row in rows[:4]]


def is_cached_name(target, row):
    """A str that only the interpreter's cache of attributes has (Objects/typeobject.c type_cache, whose entries own
    their names): whoever looks makes room there."""
    if row["type"] != "str":
        return False
    paths = program.ask(target, ["path", "--json", row["address"]])["objects"][0]["paths"]
    return len(paths) == 1 and paths[0]["root"].startswith("interpreter ") and len(paths[0]["steps"]) == 1


def compare(target, process, record):
    objects = listed(target)
    faults = 0
    lost = [address for address in record if address not in objects]
    wrong = [row for address, row in objects.items()
             if record.get(address, -1) not in (-1, row["shallow"]) and not row["approximate"]]
    for row in wrong:
        row["getsizeof"] = record[int(row["address"], 16)]
    approximate = [row for row in objects.values() if row["approximate"]]
    others = set(objects) - set(record)
    more = sorted(others - led_to(target, record, others))
    unknown = []
    process.stdin.write(b" ".join(b"%x" % address for address in more) + b"\n")
    process.stdin.flush()
    for address in more:
        words = process.stdout.readline().decode("utf-8", "replace").split()
        row = objects[address]
        row["process"] = " ".join(words)
        if len(words) != 2 or words[0] != row["type"].rsplit(".", 1)[-1] or int(words[1]) != row["shallow"]:
            unknown.append(row)
    unknown = [row for row in unknown if not is_cached_name(target, row)]
    print("  %d objects, %d of the process's own record" % (len(objects), len(record)))
    print("  lost %d%s" % (len(lost), "".join(" 0x%x" % one for one in lost[:5])))
    for title, rows, is_fault in (("sizes that differ", wrong, True), ("approximate", approximate, False),
                                  ("of no record", [objects[one] for one in more], False),
                                  ("of no record, and not what the process takes them for", unknown, True)):
        print("  %s: %d" % (title, len(rows)))
        print("\n".join(examples(rows)) if rows else "    none")
        faults += len(rows) if is_fault else 0
    coverage = program.ask(target, ["heap", "-n", "1", "--json"])["coverage"]
    print("  coverage: " + json.dumps(coverage))
    return faults + len(lost) + coverage["corrupt"] + coverage["unreadable"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long the libraries are used (default 60)")
    parser.add_argument("--malloc", metavar="NAME", help="PYTHONMALLOC of the process: debug, whose fill patterns show "
                        "every word that nobody initialised")
    parser.add_argument("--dump", metavar="FILE", help="write a core of it as well, to look closer")
    parser.add_argument("python")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    folder = cores.scratch("libraries")
    record = os.path.join(folder, "record")
    with cores.Target(arguments.python, ["-W", "ignore", PROGRAM, record, str(arguments.seconds)] + arguments.names,
                      folder, {"PYTHONMALLOC": arguments.malloc} if arguments.malloc else None) as target:
        ready = json.loads(target.wait_ready()[len("READY "):])
        print(arguments.python)
        print("  used: " + ", ".join("%s %d times" % one for one in sorted(ready["used"].items())))
        for name, reason in sorted(ready["missing"].items()):
            print("  not used: %s: %s" % (name, reason))
        faults = compare(["--pid", str(target.pid)], target.process, read_record(record))
        if arguments.dump:
            cores.gcore(target.pid, os.path.abspath(arguments.dump))
    shutil.rmtree(folder)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
