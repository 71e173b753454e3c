# SPDX-License-Identifier: MIT
"""Whether the regions of `memory` are what was mapped, no byte twice: against the program headers and the list of
files of a core, which are read here, or a process's maps.

    python3 tests/cases/regions.py                every Python found: by gcore, by the kernel, as a live process
    python3 tests/cases/regions.py CORE...        these (.zst too)

One line each; the exit status is 1 if one differs."""
import os
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))

import cores  # noqa: E402
import interpreters  # noqa: E402
import program  # noqa: E402

PT_LOAD, PT_NOTE, NT_FILE = 1, 4, 0x46494c45
PROGRAM = os.path.join(HERE, "regions_program.py")


def united(ranges):
    """Ascending, none that touches another."""
    found = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1][1] = max(end, found[-1][1])
        elif start < end:
            found.append([start, end])
    return found


def only(ranges, others):
    """The first five that the others lack."""
    return [one for one in ranges if one not in others][:5]


def mapped_files(notes):
    """[start, end] of each mapping of a file, from the notes of a core."""
    at, found = 0, []
    while at + 12 <= len(notes):
        name_bytes, bytes_, kind = struct.unpack_from("<3I", notes, at)
        at += 12 + (name_bytes + 3 & ~3)
        if kind == NT_FILE:
            count, = struct.unpack_from("<Q", notes, at)
            found = [struct.unpack_from("<2Q", notes, at + 16 + 24 * i) for i in range(count)]
        at += bytes_ + 3 & ~3
    return found


def of_core(path):
    """What a core says was mapped: gdb leaves out segments that it has no bytes of, and files have a list."""
    with open(path, "rb") as file:
        head = file.read(64)
        table, = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<2H", head, 54)
        file.seek(table)
        rows = [struct.unpack_from("<2I6Q", file.read(size)) for _ in range(count)]
        found = [(row[3], row[3] + row[6]) for row in rows if row[0] == PT_LOAD]
        for row in rows:
            if row[0] == PT_NOTE:
                file.seek(row[2])
                found += mapped_files(file.read(row[5]))
    return united(found)


def of_process(pid):
    """Without the pages that the kernel shows to every process ([vvar], [vsyscall]), which cores lack too."""
    with open("/proc/%d/maps" % pid) as file:
        rows = [line.split() for line in file]
    return united([[int(word, 16) for word in row[0].split("-")] for row in rows
                   if not row[-1].startswith(("[vvar", "[vsyscall"))])


def compare(where, truth):
    """(answer of memory, sentence; "" if all is well)."""
    answer = program.ask(where, ["memory", "--json", "--regions"])
    ranges = [(int(one["start"], 16), int(one["start"], 16) + one["bytes"]) for one in answer["regions"]]
    mapped = answer["total"]["mapped"]
    wrong = ""
    for before, after in zip(ranges, ranges[1:]):
        if after[0] < before[1]:
            wrong = "0x%x is in two regions" % after[0]
    ours = united(ranges)
    if sum(end - start for start, end in ranges) != mapped:
        wrong = "regions do not sum to what is said to be mapped"
    elif ours != truth:
        wrong = "%s are mapped here, %s there" % tuple(
            " ".join("%x-%x" % tuple(one) for one in only(left, right)) or "no others"
            for left, right in ((ours, truth), (truth, ours)))
    return answer, wrong


def fresh(interpreter):
    """(kind, what `compare` says) of a process as it runs, by gcore and by the kernel."""
    folder = cores.scratch("regions")
    try:
        with cores.Target(interpreter.path, [PROGRAM], folder) as target:
            target.wait_ready()
            yield "live", compare(["--pid", str(target.pid)], of_process(target.pid))
            path = cores.gcore(target.pid, os.path.join(folder, "gcore"))
            yield "gcore", compare(["--core", path], of_core(path))
            os.remove(path)
            target.process.stdin.close()
            path = cores.kernel_core(target)
            yield "kernel", compare(["--core", path], of_core(path))
    except cores.Skipped as reason:
        print("%s: not all: %s" % (interpreter.name, reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stored(path):
    """What `compare` says of a core that may be compressed."""
    if not path.endswith(".zst"):
        return compare(["--core", path], of_core(path))
    folder = cores.scratch("regions")
    try:
        plain = os.path.join(folder, "core")
        subprocess.run(["zstd", "-dqf", path, "-o", plain], check=True)
        return compare(["--core", plain], of_core(plain))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    failures = 0
    if sys.argv[1:]:
        rows = ((path, "core", stored(path)) for path in sys.argv[1:])
    else:
        rows = ((one.name, kind, row) for one in interpreters.find() for kind, row in fresh(one))
    for name, kind, (answer, wrong) in rows:
        print("%-24s %-7s %12d bytes, %5d regions  %s" % (os.path.basename(name), kind, answer["total"]["mapped"],
                                                          len(answer["regions"]), wrong or "all, none twice"),
              flush=True)
        failures += wrong != ""
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
