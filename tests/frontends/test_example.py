# SPDX-License-Identifier: MIT
"""The example of docs/examples in C, built against the public header alone, gives the numbers that commands give."""
import os
import shutil
import subprocess

import pytest

import cores
import program

def build(name, folder):
    """One of docs/examples, built as its first lines say."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    if program.SANITIZED:
        pytest.skip("the example is linked without the sanitizer's library")
    example = os.path.join(folder, name)
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-I" + os.path.join(program.ROOT, "helper", "include"),
                    os.path.join(program.ROOT, "docs", "examples", name + ".c"), program.library(),
                    "-Wl,-rpath," + program.BUILD, "-o", example], check=True)
    return example


PROGRAM = ("class Row: pass\nrows = []\nfor i in range(300):\n    row = Row(); row.data = ['%d' % (i * 7)] * (i + 1)\n"
           "    rows.append(row)\nprint('READY', flush=True); input()")


def test_largest_objects(distribution):
    folder = cores.scratch("example")
    try:
        example = build("largest_objects", folder)
        with cores.Target(distribution.path, ["-c", PROGRAM], folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        done = subprocess.run([example, core, "__main__.R*"], stdout=subprocess.PIPE, check=True,
                              env=cores.clean_environment())
        lines = done.stdout.decode().splitlines()
        found = [line.split(None, 3) for line in lines if line.startswith("0x")]
        assert len(found) == 10
        asked = program.ask(["--core", core], ["deepsize", "--json"] + [row[0] for row in found])["objects"]
        assert [(row[0], int(row[1]), int(row[2])) for row in found] == [
            (one["address"], one["shallow"], one["retained"]) for one in asked]
        assert [int(row[2]) for row in found] == sorted((int(row[2]) for row in found), reverse=True)
        referents = program.ask(["--core", core], ["referents", "--json", found[0][0]])["objects"][0]["referents"]
        labels = {(one["label"], one["address"]) for one in referents}
        shown = [tuple(line.split()) for line in lines if line.startswith("  ")]
        assert shown and all(one in labels for one in shown), (shown, labels)
        wrong = subprocess.run([example, "/nonexistent"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=cores.clean_environment())
        assert wrong.returncode == 2 and b"cannot open" in wrong.stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)


STACKS = ("import threading\ndef inner(first):\n    second = [first] * 3\n    print('READY', flush=True); input()\n"
          "def outer():\n    kept = {'a': 1.5}\n    inner(kept)\nouter()\n")


def test_tables(distribution):
    folder = cores.scratch("example")
    try:
        example = build("tables", folder)
        with cores.Target(distribution.path, ["-c", STACKS], folder) as target:
            target.wait_ready()
            core = ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]
        done = subprocess.run([example, core[1], "threading"], stdout=subprocess.PIPE, check=True,
                              env=cores.clean_environment())
        lines = done.stdout.decode().splitlines()
        stack = []
        for line in lines:
            if line.startswith("frame "):
                stack.append((line.split()[2], []))
            elif line.startswith("    "):
                name, _, kind, _, address = line.split()
                stack[-1][1].append((name, kind, address))
        # the same frames and locals as the command has, in whatever order it sorts the locals
        (thread,) = program.ask(core, ["frames", "--json", "--no-retained", "-n", "0"])["threads"]
        assert [name for name, _ in stack] == [frame["function"] for frame in thread["frames"]]
        assert [name for name, _ in stack] == ["inner", "outer", "<module>"]
        for (_, found), frame in zip(stack, thread["frames"]):
            assert sorted(found) == sorted((one["name"], one["type"], one["address"]) for one in frame["locals"])
        assert [name for name, _, _ in stack[0][1]] == ["first", "second"]
        heap = program.ask(core, ["heap", "--json"])["types"]
        assert [line.split()[1:] for line in lines if line.startswith("type ")] == [
            [str(row["count"]), str(row["shallow"]), row["type"]] for row in heap[:5]]
        modules = program.ask(core, ["modules", "--json"])["modules"]
        assert [line.split()[1:3] for line in lines if line.startswith("module ")] == [
            [str(row["retained"]), row["name"]] for row in modules[:5]]
        (asked,) = program.ask(core, ["deepsize", "--json", "--no-retained", "threading"])["objects"]
        assert lines[-1] == "deep %d %d threading" % (asked["deep"], asked["count"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
