# SPDX-License-Identifier: MIT
"""A Python linked with musl (make_from_packages.py musl:3.11.8): its malloc is known by name, and what objects have
there; what is free is not known; pymalloc, stacks, threads and sizes are as with glibc."""
import glob
import os
import re

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "musl_program.py")
FOUND = sorted(glob.glob(os.path.join(interpreters.folder(), "musl", "bin", "*-python3.*")))


@pytest.fixture(params=FOUND or [None], ids=lambda path: os.path.basename(path or "none"))
def target(request, tmp_path):
    if request.param is None or interpreters.ask(request.param, "musl") is None:
        pytest.skip("no Python linked with musl runs here: make_from_packages.py musl:3.11.8 makes one, Debian's "
                    "package musl has its loader")
    with cores.Target(request.param, [PROGRAM], str(tmp_path)) as one:
        one.wait_ready()
        lines = []
        while not lines or "Total" not in lines[-1]:
            lines.append(one.process.stderr.readline().decode())
        one.arenas = int(re.search(r"# arenas allocated current *= *(\d+)", "".join(lines)).group(1))
        yield one


def part(parts, name):
    found = [one for one in parts if one["name"].startswith(name)]
    assert len(found) == 1, (name, [one["name"] for one in parts])
    return found[0]


def check(where, arenas):
    memory = program.ask(where, ["memory", "--json"])
    tree = memory["tree"][0]["parts"]
    assert part(tree, "pymalloc arenas")["count"] == arenas
    assert part(tree, "thread stacks")["bytes"] < 4 << 20
    rest = part(tree, "musl's malloc and others, not gone through")
    objects = part(rest["parts"], "Python objects")["bytes"]
    assert 3000000 + 400 * 5000 < objects <= rest["bytes"]
    assert objects + part(rest["parts"], "in use by C code, or free: not known")["bytes"] == rest["bytes"]
    text = program.run(where + ["memory"]).output
    assert "musl stands in for malloc and is not gone through; what of it is free is not known.\n" in text
    deep = program.ask(where, ["deepsize", "__main__.LARGE", "--json"])
    assert deep["objects"][0]["count"] == 402
    threads = program.ask(where, ["threads", "--json"])["threads"]
    waits = [one for one in threads if (one["name"] or "").startswith("waits ")]
    assert len(waits) == 3 and all("waits" in [frame["function"] for frame in one["frames"]] for one in waits)
    assert "what stands in for glibc's malloc is not gone through" in program.run(where + ["native"]).output


def test_live(target):
    check(["--pid", str(target.pid)], target.arenas)


def test_core(target, tmp_path):
    core = cores.gcore(target.pid, str(tmp_path / "core"))
    check(["--core", core], target.arenas)
