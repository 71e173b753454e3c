# SPDX-License-Identifier: MIT
"""The example of docs/examples in C, built against the public header alone, gives the numbers that commands give."""
import os
import shutil
import subprocess

import pytest

import cores
import program

PROGRAM = ("class Row: pass\nrows = []\nfor i in range(300):\n    row = Row(); row.data = ['%d' % (i * 7)] * (i + 1)\n"
           "    rows.append(row)\nprint('READY', flush=True); input()")


def test_largest_objects(distribution):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    if program.SANITIZED:
        pytest.skip("the example is linked without the sanitizer's library")
    folder = cores.scratch("example")
    example = os.path.join(folder, "largest_objects")
    try:
        subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-I" + os.path.join(program.ROOT, "helper", "include"),
                        os.path.join(program.ROOT, "docs", "examples", "largest_objects.c"), program.library(),
                        "-Wl,-rpath," + program.BUILD, "-o", example], check=True)
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
