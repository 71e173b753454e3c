# SPDX-License-Identifier: MIT
"""Under jemalloc, tcmalloc and mimalloc, with pymalloc and without: a word before a block is nobody's header, sizes are
the allocator's own or said to be not known, and what jemalloc has is what it says itself."""
import glob
import os
import re
import shutil
import struct

import pytest

import cores
import interpreters
import program

HERE = os.path.dirname(os.path.abspath(__file__))
# Debian: libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0
PAGE = 4096
FOLDERS = [os.environ.get("PYDS_MALLOC_LIBRARIES") or "", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]
LIBRARIES = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2"}
STATS = ("allocated", "active", "retained", "dirty", "muzzy")  # the last two in pages


def find(name):
    for folder in FOLDERS:
        path = os.path.join(folder, LIBRARIES[name])
        if folder and os.path.exists(path):
            return path
    pytest.skip("no %s here; Debian has it, or set PYDS_MALLOC_LIBRARIES to its folder" % LIBRARIES[name])


@pytest.fixture(scope="module")
def plain(distribution):
    """Allocated bytes of the same heap under glibc, by PYTHONMALLOC."""
    return {malloc: ask([distribution.path], {"PYTHONMALLOC": malloc})[0]["total"]["allocated"]
            for malloc in ("pymalloc", "malloc")}


def suite_command(root):
    """A suite's newest Python under its own linker, with its own jemalloc; what /bin/sh is cannot load that."""
    triplet = os.path.basename(os.path.dirname(glob.glob(os.path.join(root, "usr/lib/*/libjemalloc.so.2"))[0]))
    libraries = [os.path.join(root, "usr/lib", triplet), os.path.join(root, "lib", triplet)]
    linker, = glob.glob(os.path.join(libraries[1], "ld-linux*.so.*"))
    names = [name for name in os.listdir(os.path.join(root, "usr/bin")) if re.fullmatch(r"python3\.\d+", name)]
    newest = max(names, key=lambda name: int(name.rpartition(".")[2]))
    return [linker, "--library-path", ":".join(libraries), "--preload", os.path.join(libraries[0], "libjemalloc.so.2"),
            os.path.join(root, "usr/bin", newest)]


def suites():
    """Roots of make_interpreters.py that have a jemalloc; 5.2.1 to 5.3.1, trees of two levels and of three."""
    if os.environ.get("PYDS_ONE_PYTHON", "") in ("ON", "1"):
        return []
    return sorted({path[:path.index("/usr/lib/")] for path in
                   glob.glob(os.path.join(interpreters.folder(), "*", "usr/lib/*/libjemalloc.so.2"))})


def ask(command, environment):
    folder = cores.scratch("malloc")
    try:
        with cores.Target(command[0], command[1:] + [os.path.join(HERE, "other_malloc_program.py"), folder], folder,
                          environment) as target:
            target.wait_ready()
            where = ["--pid", str(target.pid)]
            answers = [program.ask(where, words) for words in (["heap", "--allocated", "--json"],
                                                               ["info", "--self-check", "--json"],
                                                               ["memory", "--json", "--regions"])]
            answers.append(program.run(where + ["heap", "--allocated", "-n", "1"]).output)
        if os.path.exists(os.path.join(folder, "jemalloc")):
            with open(os.path.join(folder, "jemalloc"), "rb") as file:
                answers.append(dict(zip(STATS, struct.unpack("<5Q", file.read()))))
        return answers
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def of_objects(text):
    """What heap says but for the native bytes, whose owners are an estimate."""
    return "\n".join(line for line in text.splitlines() if "of C code" not in line).replace("~Native", "")


@pytest.mark.parametrize("malloc", ["pymalloc", "malloc"])
@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_sizes_are_the_allocators_or_not_known(distribution, plain, name, malloc):
    heap, info, memory, text = ask([distribution.path], {"LD_PRELOAD": find(name), "PYTHONMALLOC": malloc})[:4]
    assert info["self_check"]["disagreements"] == 0, info["self_check"]["examples"]
    assert abs(heap["total"]["allocated"] - plain[malloc]) < 0.1 * plain[malloc]
    assert memory["malloc"]["replaced_by"] == name
    assert sum(region["bytes"] for region in memory["regions"]) == memory["total"]["mapped"]
    assert (memory["pymalloc"]["arenas"] > 0) == (malloc == "pymalloc")
    if name == "jemalloc":
        used, = [part for row in memory["tree"][0]["parts"] for part in row["parts"]
                 if part["name"] == "in use by C code, or kept by threads"]
        python = sum(memory["of_which"][kind]["bytes"] for kind in ("free_lists", "tracemalloc"))
        assert memory["total"]["native"] >= used["bytes"] - python > 0
        assert info["self_check"]["unknown"] == 0 and "~" not in of_objects(text)
    else:
        assert info["self_check"]["unknown"] > 1000 and name in text and "~" in text


@pytest.mark.parametrize("root", [None] + suites(), ids=lambda root: os.path.basename(root or "distribution"))
def test_jemalloc_says_the_same(distribution, root):
    environment = {"PYTHONMALLOC": "malloc"}
    if root is None:
        environment["LD_PRELOAD"] = find("jemalloc")
    memory, said = ask(suite_command(root) if root else [distribution.path], environment)[2::2]
    said["dirty"] *= PAGE
    said["muzzy"] *= PAGE
    # What threads keep for themselves counts as in use in both.
    assert {name: memory["jemalloc"][name] for name in STATS} == said
    assert memory["explained"] >= 0.9 * memory["total"]["private"]
