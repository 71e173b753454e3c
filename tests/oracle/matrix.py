# SPDX-License-Identifier: MIT
"""The matrix: every Python found x kind of dump x what is at hand of its symbols, and how many objects agree with what
the dumped process said of itself. Writes docs/matrix.md.

    python3 tests/oracle/matrix.py [--write FILE] [--dumps core,live,gcore] [--situations NAMES] [--python NAME]
        [--keep FOLDER] [--parallel N] [--every N]

Without --write the table goes to standard output. Exit status 1 if anything differs that is not declared
(exceptions_declared.py); the differences are printed. --keep leaves core and truth of each interpreter in FOLDER, and
uses them again when they are there; a Python that came out equal is then not compared again. Two interpreters at a time
by default. --every 10 compares a tenth of the objects, for a machine that is busy.

Dumps: `core` by the kernel, `live` the process, `gcore` by gdb of it. Symbol situations, of the kernel's core:
    as is     the files that the process mapped, where they are, with the debug files that the machine has
    stripped  copies of these files made by `strip --strip-all`: .dynsym is all that is left of their symbols
    no files  the core alone
The others are compared as they are."""
import argparse
import collections
import concurrent.futures
import glob
import mmap
import os
import pickle
import re
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


def compare(interpreter, dump, situation, target, truth, every):
    """A row of the table, and the text of what differs without a declared reason."""
    asked = list(truth.objects)[::every]
    sizes = compare_sizes(truth, program.ask_about(target, ["sizeof"], asked))
    referents = compare_referents(truth, program.ask_about(target, ["referents"], asked), sizes.approximate)
    roots, wrong = deep_differences(target, truth)
    types_wrong = sum(count for (what, _), count in sizes.counts.items() if what == "type")
    sizes_wrong = sum(sizes.counts.values()) - types_wrong
    excused = collections.Counter()
    for one in (sizes, referents):
        for (what, kind, reason), count in one.excused.items():
            excused["%s of `%s`: %s" % (what, kind, reason)] += count
    count = len(asked)
    row = Row(interpreter, dump, situation, count, count - sizes_wrong, count - types_wrong,
              count - sum(referents.counts.values()), roots - len(wrong), roots, excused)
    texts = [one.text() for one in (sizes, referents) if one.counts] + wrong
    return row, "\n".join(texts)


def has_no_row(target):
    return "no table fits this target" in program.run(target + ["info"]).errors


def kernel_rows(interpreter, folder, options):
    truth_path, core = os.path.join(folder, "truth"), os.path.join(folder, "core")
    if not os.path.exists(truth_path) or not glob.glob(core + "*"):
        with start(interpreter, folder, "truth", ["--abort"]) as target:
            target.wait_ready()
            cores.kernel_core(target)
    core = sorted(glob.glob(core + "*"))[0]
    truth = Truth(truth_path)
    sysroot = os.path.join(folder, "stripped")
    if "stripped" in options.situations:
        strip_files(core, sysroot)
    more = {"as is": [], "stripped": ["--sysroot", sysroot], "no files": ["--no-files"]}
    for situation in options.situations:
        if interpreter.trace_refs and interpreter.version < (3, 13) and situation == SITUATIONS[-1]:
            raise cores.Skipped("of such a build static types are not known by their shape")
        if situation != SITUATIONS[0] and has_no_row(["--core", core] + more[situation]):
            raise cores.Skipped("no table row is of that build, which takes its debug information")
        yield compare(interpreter, "core", situation, ["--core", core] + more[situation], truth, options.every)
    shutil.rmtree(sysroot, ignore_errors=True)


def live_rows(interpreter, folder, options):
    with start(interpreter, folder, "truth of live", []) as target:
        target.wait_ready()
        truth = Truth(os.path.join(folder, "truth of live"))
        if "live" in options.dumps:
            yield compare(interpreter, "live", "as is", ["--pid", str(target.pid)], truth, options.every)
        if "gcore" in options.dumps:
            core = cores.gcore(target.pid, os.path.join(folder, "core by gcore"))
            yield compare(interpreter, "gcore", "as is", ["--core", core], truth, options.every)
            os.unlink(core)
    os.unlink(os.path.join(folder, "truth of live"))


def share(equal, of):
    return "100%" if equal == of else "%.3f%% (%d differ)" % (100.0 * equal / of, of - equal)


def build_name(interpreter):
    words = (["free-threaded"] if interpreter.free_threaded else []) + \
        (["debug"] if interpreter.debug else []) + (["trace-refs"] if interpreter.trace_refs else [])
    return ", ".join(words) or "release"


HEAD = """# How exact it is, on which Python

Written by `tests/oracle/matrix.py`; do not edit. Of each Python that was found a process built objects of every kind,
wrote down what it knew of each, and was dumped. Then every object was looked at: is its *shallow* size `sys.getsizeof`,
its *type* the type's name, are its visible *referents* those of `gc.get_referents`, and are the *deep* sizes under each
policy those that the process (and pympler) computed? A row stands for all of a Python's dumps with the same result.
With `--every N` one object of N is compared, with `--dumps` only these dumps; this page was made with
`--every %(every)d --dumps %(dumps)s`.

| what | is |
|---|---|
| core | by the kernel, with the files that the process ran from |
| core stripped | the same with copies of these files that `strip --strip-all` made |
| core no files | the same from the core alone |
| live | the process itself |
| gcore | by gdb |

| Python | build | dumps | objects | shallow | type | referents | deep | declared |
|---|---|---|---|---|---|---|---|---|
"""


def label(row):
    return row.dump if row.situation == SITUATIONS[0] else row.dump + " " + row.situation


def table(rows, missing, options):
    """The page, in the order of versions; rows of one Python that say the same are one."""
    groups, reasons = collections.OrderedDict(), collections.OrderedDict()
    for row in sorted(rows, key=lambda row: (row.interpreter.version, row.interpreter.name)):
        marks = []
        for reason in sorted(row.excused):
            number = reasons.setdefault(reason, len(reasons) + 1)
            marks.append("%d (%d)" % (number, row.excused[reason]))
        key = (row.interpreter, share(row.shallow, row.objects), share(row.names, row.objects),
               share(row.referents, row.objects), share(row.deep, row.roots), ", ".join(marks) or "none")
        groups.setdefault(key, []).append(row)
    text = HEAD % {"every": options.every, "dumps": ",".join(options.dumps)}
    for (interpreter, shallow, names, referents, deep, marks), group in groups.items():
        text += "| %s %s | %s | %s | %d | %s | %s | %s | %s | %s |\n" \
            % (interpreter.text, interpreter.origin, build_name(interpreter), ", ".join(map(label, group)),
               sum(row.objects for row in group), shallow, names, referents, deep, marks)
    text += "\n%d objects compared, %d deep sizes.\n" % (sum(row.objects for row in rows),
                                                        sum(row.roots for row in rows))
    if missing:
        text += "\nNot compared, and why:\n\n" + "".join("- %s\n" % line for line in missing)
    if reasons:
        text += "\nDeclared: differences with a reason, by number, and how many objects have one.\n\n"
        text += "".join("%d. %s\n" % (number, reason) for reason, number in reasons.items())
    return text


def rows_of(interpreter, options):
    """(rows, lines to print, titles of what differs, why the rest of it could not be compared) of one Python."""
    folder = os.path.join(options.keep, interpreter.name) if options.keep else cores.scratch("matrix")
    os.makedirs(folder, exist_ok=True)
    done = os.path.join(folder, "rows")
    if options.keep and os.path.exists(done):
        with open(done, "rb") as file:
            rows = pickle.load(file)
        return rows, ["%s %s: as before" % (interpreter.name, label(row)) for row in rows], [], []
    rows, lines, failed, notes = [], [], [], []
    try:
        for dumps, make in (({"core"}, kernel_rows), ({"live", "gcore"}, live_rows)):
            if not dumps & set(options.dumps):
                continue
            for row, text in make(interpreter, folder, options):
                rows.append(row)
                title = "%s %s" % (interpreter.name, label(row))
                lines.append("%s: %d objects, %s" % (title, row.objects, "differences" if text else "equal"))
                if text:
                    failed.append(title)
                    lines.append(text)
        if options.keep and not failed:
            with open(done, "wb") as file:
                pickle.dump(rows, file)
    except (cores.Failed, cores.Skipped, AssertionError) as error:
        if not isinstance(error, cores.Skipped):
            failed.append(interpreter.name)
        lines.append("%s: %s" % (interpreter.name, error))
        said = str(error).replace("pydeepsize: ", "", 1).strip().split("\n")[-1]
        notes.append("%s, after %s: %s" % (interpreter.name, ", ".join(map(label, rows)) or "nothing",
                                           re.split(r"[:;(] ", said)[0].strip()))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return rows, lines, failed, notes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", metavar="FILE")
    parser.add_argument("--dumps", type=lambda text: text.split(","), default=["core", "live", "gcore"])
    parser.add_argument("--situations", type=lambda text: text.split(","), default=list(SITUATIONS))
    parser.add_argument("--python", default="", help="only interpreters whose name contains this")
    parser.add_argument("--keep", metavar="FOLDER")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, metavar="N")
    options = parser.parse_args()
    rows, failed, missing = [], [], []
    with concurrent.futures.ProcessPoolExecutor(options.parallel) as pool:
        chosen = [one for one in interpreters.find(packaged=True) if options.python in one.name]
        for found, lines, differing, notes in pool.map(rows_of, chosen, [options] * len(chosen)):
            rows += found
            failed += differing
            missing += notes
            print("\n".join(lines), flush=True)
    if options.write:
        with open(options.write, "w") as file:
            file.write(table(rows, missing, options))
    else:
        print(table(rows, missing, options))
    if failed or not rows:
        sys.exit("differences: %s" % (", ".join(failed) or "no Python was found"))


if __name__ == "__main__":
    main()
