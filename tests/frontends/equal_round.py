#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program, gdb and every LLDB say the same, byte for byte: the commands of test_equal.py, on a kernel core and on
the live process, of the oracle's heap, of threads and tasks that wait for each other, of functions of C in stacks, of a
deep recursion, and of greenlets where PYDS_PACKAGES is a folder that has them. A line for each target; ends with 1 if a
text differed. The cores must lie on a disk: of one in tmpfs the holes become pages when LLDB maps it, and `memory`
counts them.

    build/venv/bin/python tests/frontends/equal_round.py 3.13.0 3.14 3.14.7t      (parts of names of interpreters)
    build/venv/bin/python tests/frontends/equal_round.py --only calls,recursion 3.12
"""
import argparse
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for one in ("support", "oracle"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), one))

import cores  # noqa: E402
import interpreters  # noqa: E402
import program  # noqa: E402
import test_equal  # noqa: E402
from truth import Truth  # noqa: E402

CASES = os.path.join(os.path.dirname(HERE), "cases")
# Pages that are the process's own, and what was read of it: a debugger that is attached changes the ones (it sets
# breakpoints) and reads all, where the program copies what it needs and takes the rest out of files.
NOT_ALIKE_WHEN_LIVE = ("memory", "info", "info --json")
DIFFERENCES_SHOWN, LINES_SHOWN, LENGTH_SHOWN = 4, 40, 300


def hung_commands(truth):
    """Of a process that stands still; the address of whatever is waited for, or of the first task."""
    waits = [one["address"] for one in truth.get("waits", {}).values() if one.get("address")]
    objects = waits[:4] or [one["address"] for one in truth.get("tasks", [])[:4]] or ["sys.modules"]
    return ["threads", "threads -n 0", "threads --json", "threads --native", "tasks", "tasks -n 0", "tasks --tree",
            "tasks --json", "tasks --locals", "tracebacks", "frames", "frames --no-retained --native",
            "frames --no-retained --values", "findings", "findings --json", "memory", "garbage", "info",
            "object " + " ".join(objects), "object --json " + objects[0], "path " + objects[0],
            "referrers " + objects[0]]


def heap(interpreter, folder):
    truth = os.path.join(folder, "truth")
    return (["-W", "ignore", test_equal.HEAP, truth, "--bulk", "400"],
            lambda line: test_equal.commands(Truth(truth).roots))


def hung(name, *arguments):
    def commands(line):
        told = line[len("READY "):].strip()
        return hung_commands(json.loads(told) if told.startswith("{") else {})
    return ["-W", "ignore", os.path.join(CASES, name)] + list(arguments), commands


def packages():
    return {"PYTHONPATH": os.environ.get("PYDS_PACKAGES", "")}


def situations(interpreter, folder):
    yield ("heap",) + heap(interpreter, folder)
    yield ("locks",) + hung("locks_program.py", "every_kind")
    yield ("deadlock",) + hung("locks_program.py", "lock_and_queue")
    yield ("tasks",) + hung("tasks_program.py")
    yield ("running",) + hung("running_task_program.py")
    yield ("calls",) + hung("calls_program.py")
    yield ("recursion",) + hung("stacks_program.py")
    if subprocess.run([interpreter.path, "-c", "import greenlet"], env=dict(os.environ, **packages()),
                      stderr=subprocess.DEVNULL).returncode == 0:
        yield ("greenlets",) + hung("task_libraries_program.py", "greenlet")


def executable_of(path):
    """The file that runs: an interpreter of another system's root is started by a script."""
    with open(path, "rb") as file:
        start = file.read(1 << 12)
    named = re.search(rb"^program=(.*)$", start, re.M)
    root = re.search(rb"^root=(.*)$", start, re.M)
    if start[:2] != b"#!" or named is None or root is None:
        return path
    return named.group(1).decode().replace("$root", root.group(1).decode())


def comparable(text):
    """Without what only the program can say of a live process, which a debugger stops; and what pages are its own: the
    kernel takes some back meanwhile. The JSON of a core tells the latter, where nothing changes."""
    is_live = '"live":{' in text
    text = re.sub(r"^Of .* private memory ", "Of private memory ", text, flags=re.M)
    return re.sub(r'"(live|memory)":\{[^}]*\}' if is_live else "^$", "", test_equal.plain(text))


def said(target, commands):
    return [comparable(test_equal.said(program.run_line(target, command))) for command in commands]


def compare(label, debugger, target, commands, alone):
    """How many texts differ."""
    texts = debugger.batch(target, ["py-" + command for command in commands], timeout=600)
    differing = [(command, text, expected) for command, text, expected in zip(commands, texts, alone)
                 if comparable(debugger.says(text)) != expected]
    print("%-40s %-8s %3d texts, %d differ" % (label, debugger.NAME, len(texts), len(differing)), flush=True)
    for command, text, expected in differing[:DIFFERENCES_SHOWN]:
        lines = difflib.unified_diff(expected.splitlines(), comparable(debugger.says(text)).splitlines(), "alone",
                                     debugger.NAME, lineterm="", n=0)
        print("\n    ".join(["  " + command] + [line[:LENGTH_SHOWN] for line in list(lines)[:LINES_SHOWN]]), flush=True)
    return len(texts), len(differing)


def look_at(interpreter, name, arguments, commands_of, folder, debuggers):
    total = differ = 0
    with cores.Target(interpreter.path, arguments, folder, packages()) as target:
        commands = commands_of(target.wait_ready())
        commands = [one for one in commands if one.split()[0] in program.commands()]
        live = [one for one in commands if one not in NOT_ALIKE_WHEN_LIVE]
        alone = said(["--pid", str(target.pid)], live)
        for debugger in debuggers:
            counts = compare("%s %s live" % (interpreter.name, name), debugger, debugger.process(target.pid), live,
                             alone)
            total, differ = total + counts[0], differ + counts[1]
        os.kill(target.pid, signal.SIGABRT)
        path = cores.kernel_core(target)
    alone = said(["--core", path], commands)
    for debugger in debuggers:
        counts = compare("%s %s core" % (interpreter.name, name), debugger,
                         debugger.core(executable_of(interpreter.path), path), commands, alone)
        total, differ = total + counts[0], differ + counts[1]
    return total, differ


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="+", help="parts of names of interpreters")
    parser.add_argument("--only", type=lambda text: text.split(","), help="situations, with commas between")
    arguments = parser.parse_args(arguments)
    debuggers = [one for one in test_equal.DEBUGGERS if not one.missing()]
    total = differ = 0
    for interpreter in interpreters.find(packaged=True):
        if not any(name in interpreter.name for name in arguments.names):
            continue
        folder = cores.scratch("equal")
        try:
            for situation in situations(interpreter, folder):
                if arguments.only and situation[0] not in arguments.only:
                    continue
                inside = os.path.join(folder, situation[0])
                os.mkdir(inside)
                counts = look_at(interpreter, *situation, folder=inside, debuggers=debuggers)
                total, differ = total + counts[0], differ + counts[1]
                shutil.rmtree(inside)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print("%d texts, %d differ" % (total, differ))
    return 1 if differ or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
