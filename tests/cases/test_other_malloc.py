# SPDX-License-Identifier: MIT
"""Under jemalloc, tcmalloc and mimalloc, with pymalloc and without: a word before a block is nobody's header, sizes are
the allocator's own or said to be not known, and what jemalloc has is what it says itself."""
import os
import shutil
import struct

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
# Debian: libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0
FOLDERS = [os.environ.get("PYDS_MALLOC_LIBRARIES") or "", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]
LIBRARIES = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2"}
STATS = ("allocated", "active", "retained")


def find(name):
    for folder in FOLDERS:
        path = os.path.join(folder, LIBRARIES[name])
        if folder and os.path.exists(path):
            return path
    pytest.skip("no %s here; Debian has it, or set PYDS_MALLOC_LIBRARIES to its folder" % LIBRARIES[name])


@pytest.fixture(scope="module")
def plain(distribution):
    """Allocated bytes of the same heap under glibc, by PYTHONMALLOC."""
    return {malloc: ask(distribution, {"PYTHONMALLOC": malloc})[0]["total"]["allocated"]
            for malloc in ("pymalloc", "malloc")}


def ask(interpreter, environment):
    folder = cores.scratch("malloc")
    try:
        with cores.Target(interpreter.path, [os.path.join(HERE, "other_malloc_program.py"), folder], folder,
                          environment) as target:
            target.wait_ready()
            where = ["--pid", str(target.pid)]
            answers = [program.ask(where, words) for words in (["heap", "--allocated", "--json"],
                                                               ["info", "--self-check", "--json"],
                                                               ["memory", "--json", "--regions"])]
            answers.append(program.run(where + ["heap", "--allocated", "-n", "1"]).output)
        if os.path.exists(os.path.join(folder, "jemalloc")):
            with open(os.path.join(folder, "jemalloc"), "rb") as file:
                answers.append(dict(zip(STATS, struct.unpack("<3Q", file.read()))))
        return answers
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def of_objects(text):
    """What heap says but for the native bytes, whose owners are an estimate."""
    return "\n".join(line for line in text.splitlines() if "of C code" not in line).replace("~Native", "")


@pytest.mark.parametrize("malloc", ["pymalloc", "malloc"])
@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_sizes_are_the_allocators_or_not_known(distribution, plain, name, malloc):
    heap, info, memory, text = ask(distribution, {"LD_PRELOAD": find(name), "PYTHONMALLOC": malloc})[:4]
    assert info["self_check"]["disagreements"] == 0, info["self_check"]["examples"]
    assert abs(heap["total"]["allocated"] - plain[malloc]) < 0.1 * plain[malloc]
    assert memory["malloc"]["replaced_by"] == name
    assert sum(region["bytes"] for region in memory["regions"]) == memory["total"]["mapped"]
    assert (memory["pymalloc"]["arenas"] > 0) == (malloc == "pymalloc")
    if name == "jemalloc":
        assert info["self_check"]["unknown"] == 0 and "~" not in of_objects(text)
    else:
        assert info["self_check"]["unknown"] > 1000 and name in text and "~" in text


def test_jemalloc_says_the_same(distribution):
    memory, said = ask(distribution, {"LD_PRELOAD": find("jemalloc"), "PYTHONMALLOC": "malloc"})[2::2]
    ours = memory["jemalloc"]
    assert ours["active"] == said["active"]
    assert ours["retained"] == said["retained"]
    # What threads keep for themselves counts as in use here, and not there.
    assert 0 <= ours["allocated"] - said["allocated"] < 0.02 * said["allocated"]
