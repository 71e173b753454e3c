# SPDX-License-Identifier: MIT
"""The matrix: every Python found x kind of dump x what is at hand of its symbols, and how many objects agree with what
the dumped process said of itself. Writes docs/matrix.md.

    python3 tests/oracle/matrix.py [--write FILE] [--dumps kernel,live] [--situations NAMES] [--python NAME]
        [--keep FOLDER]

Without --write the table goes to standard output. Exit status 1 if anything differs that is not declared
(exceptions_declared.py); the differences are printed. --keep leaves core and truth of each interpreter in FOLDER, and
uses them again when they are there.

Symbol situations:
    as is     the files that the process mapped, where they are, with the debug files that the machine has
    stripped  copies of these files made by `strip --strip-all`: .dynsym is all that is left of their symbols
    no files  the core alone"""
import argparse
import collections
import glob
import mmap
import os
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "support"), HERE]

import cores  # noqa: E402
import interpreters  # noqa: E402
import program  # noqa: E402
from truth import Truth, compare_referents, compare_sizes  # noqa: E402

SITUATIONS = ("as is", "stripped", "no files")
POLICIES = ("gc", "data", "containers", "asizeof")
Row = collections.namedtuple("Row", "interpreter dump situation objects shallow names referents deep roots excused")


def pympler_path():
    try:
        import pympler
    except ImportError:
        return None
    return os.path.dirname(os.path.dirname(os.path.abspath(pympler.__file__)))


def start(interpreter, folder, truth, more):
    arguments = ["-W", "ignore", os.path.join(HERE, "heap.py"), os.path.join(folder, truth), "--bulk", "400",
                 "--library"] + more
    environment = {}
    if pympler_path():
        arguments.append("--asizeof")
        environment["PYTHONPATH"] = pympler_path()
    return cores.Target(interpreter.path, arguments, folder, environment)


def notes(data):
    """(type, content) of each note of a 64-bit little-endian core."""
    offset, = struct.unpack_from("<Q", data, 0x20)
    size, count = struct.unpack_from("<HH", data, 0x36)
    for row in range(count):
        kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", data, offset + row * size)
        end = start + length if kind == 4 else start  # PT_NOTE
        while start + 12 <= end:
            name, content, what = struct.unpack_from("<III", data, start)
            begin = start + 12 + (name + 3 & ~3)
            yield what, bytes(data[begin:begin + content])
            start = begin + (content + 3 & ~3)


def mapped_files(core):
    """Paths of the files that the core says were mapped."""
    with open(core, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for what, content in notes(data):
            if what == 0x46494c45:  # NT_FILE: count, page size, 3 words each, then the names
                count, = struct.unpack_from("<Q", content)
                names = content[16 + 24 * count:].split(b"\0")[:count]
                return sorted({os.fsdecode(name) for name in names})
    return []


def strip_files(core, sysroot):
    """A --sysroot with a stripped copy of each ELF file that was mapped."""
    for path in mapped_files(core):
        try:
            with open(path, "rb") as file:
                if file.read(4) != b"\x7fELF":
                    continue
        except OSError:
            continue
        copy = os.path.join(sysroot, path.lstrip("/"))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        subprocess.run(["strip", "--strip-all", "-o", copy, path], check=True)


def deep_differences(target, truth):
    """(roots compared, texts of those that differ)."""
    compared, wrong = 0, []
    for policy in POLICIES:
        asked = [(name, size) for name, row_policy, size in truth.deep if row_policy == policy]
        if not asked:
            continue
        answers = program.ask(target, ["deepsize", "--policy", policy, "--json", "-"],
                              "".join("0x%x\n" % truth.roots[name] for name, _ in asked))["objects"]
        compared += len(asked)
        wrong += ["deep size of %s (%s), policy %s: the process says %d, we say %s"
                  % (name, answer["type"], policy, size, answer["deep"])
                  for (name, size), answer in zip(asked, answers) if answer["deep"] != size]
    return compared, wrong


def compare(interpreter, dump, situation, target, truth):
    """A row of the table, and the text of what differs without a declared reason."""
    sizes = compare_sizes(truth, program.ask_about(target, ["sizeof"], list(truth.objects)))
    referents = compare_referents(truth, program.ask_about(target, ["referents"], list(truth.objects)),
                                  sizes.approximate)
    roots, wrong = deep_differences(target, truth)
    types_wrong = sum(count for (what, _), count in sizes.counts.items() if what == "type")
    sizes_wrong = sum(sizes.counts.values()) - types_wrong
    excused = collections.Counter()
    for one in (sizes, referents):
        for (what, kind, reason), count in one.excused.items():
            excused["%s of `%s`: %s" % (what, kind, reason)] += count
    count = len(truth.objects)
    row = Row(interpreter, dump, situation, count, count - sizes_wrong, count - types_wrong,
              count - sum(referents.counts.values()), roots - len(wrong), roots, excused)
    texts = [one.text() for one in (sizes, referents) if one.counts] + wrong
    return row, "\n".join(texts)


def kernel_rows(interpreter, folder, situations):
    truth_path, core = os.path.join(folder, "truth"), os.path.join(folder, "core")
    if not os.path.exists(truth_path) or not glob.glob(core + "*"):
        with start(interpreter, folder, "truth", ["--abort"]) as target:
            target.wait_ready()
            cores.kernel_core(target)
    core = sorted(glob.glob(core + "*"))[0]
    truth = Truth(truth_path)
    sysroot = os.path.join(folder, "stripped")
    if "stripped" in situations:
        strip_files(core, sysroot)
    options = {"as is": [], "stripped": ["--sysroot", sysroot], "no files": ["--no-files"]}
    for situation in situations:
        yield compare(interpreter, "core", situation, ["--core", core] + options[situation], truth)
    shutil.rmtree(sysroot, ignore_errors=True)


def live_rows(interpreter, folder, situations):
    if SITUATIONS[0] not in situations:
        return
    with start(interpreter, folder, "truth of live", []) as target:
        target.wait_ready()
        truth = Truth(os.path.join(folder, "truth of live"))
        yield compare(interpreter, "live", "as is", ["--pid", str(target.pid)], truth)
    os.unlink(os.path.join(folder, "truth of live"))


def share(equal, of):
    return "100%" if equal == of else "%.3f%% (%d differ)" % (100.0 * equal / of, of - equal)


def build_name(interpreter):
    words = (["free-threaded"] if interpreter.free_threaded else []) + \
        (["debug"] if interpreter.debug else []) + (["trace-refs"] if interpreter.trace_refs else [])
    return ", ".join(words) or "release"


def table(rows):
    """The page, in the order of versions."""
    lines = ["# How exact it is, on which Python", "",
             "Written by `tests/oracle/matrix.py`; do not edit. For each Python that was found a process built objects",
             "of every kind, wrote down what it knew of each (`sys.getsizeof`, type, `gc.get_referents`, sums under",
             "the policies of `deepsize`), and was then dumped. *As is*: with the files it ran from. *Stripped*: with",
             "copies of these that `strip --strip-all` made. *No files*: from the core alone.", "",
             "| Python | build | dump | symbols | objects | shallow | type names | referents | deep | declared |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    reasons = collections.OrderedDict()
    for row in sorted(rows, key=lambda row: (row.interpreter.version, row.interpreter.name)):
        marks = []
        for reason in sorted(row.excused):
            number = reasons.setdefault(reason, len(reasons) + 1)
            marks.append("%d (%d)" % (number, row.excused[reason]))
        lines.append("| %s %s | %s | %s | %s | %d | %s | %s | %s | %s | %s |"
                     % (row.interpreter.text, row.interpreter.origin, build_name(row.interpreter), row.dump,
                        row.situation, row.objects, share(row.shallow, row.objects), share(row.names, row.objects),
                        share(row.referents, row.objects), share(row.deep, row.roots), ", ".join(marks) or "none"))
    lines += ["", "Declared: differences with a reason, by number, and how many objects have one."
              if reasons else "No difference needed a reason."]
    lines += ["", ] + ["%d. %s" % (number, reason) for reason, number in reasons.items()] if reasons else []
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", metavar="FILE")
    parser.add_argument("--dumps", default="kernel,live")
    parser.add_argument("--situations", default=",".join(SITUATIONS))
    parser.add_argument("--python", default="", help="only interpreters whose name contains this")
    parser.add_argument("--keep", metavar="FOLDER")
    options = parser.parse_args()
    rows, failed = [], []
    for interpreter in interpreters.find():
        if options.python not in interpreter.name:
            continue
        folder = os.path.join(options.keep, interpreter.name) if options.keep else cores.scratch("matrix")
        os.makedirs(folder, exist_ok=True)
        try:
            for kind, make in (("kernel", kernel_rows), ("live", live_rows)):
                if kind not in options.dumps.split(","):
                    continue
                for row, text in make(interpreter, folder, options.situations.split(",")):
                    rows.append(row)
                    title = "%s %s, %s" % (interpreter.name, row.dump, row.situation)
                    print("%s: %d objects, %s" % (title, row.objects, "differences" if text else "equal"), flush=True)
                    if text:
                        failed.append(title)
                        print(text, flush=True)
        except (cores.Failed, cores.Skipped, AssertionError) as error:
            failed.append(interpreter.name)
            print("%s: %s" % (interpreter.name, error), flush=True)
        finally:
            if not options.keep:
                shutil.rmtree(folder, ignore_errors=True)
    if options.write:
        with open(options.write, "w") as file:
            file.write(table(rows))
    else:
        print(table(rows))
    if failed or not rows:
        sys.exit("differences: %s" % (", ".join(failed) or "no Python was found"))


if __name__ == "__main__":
    main()
