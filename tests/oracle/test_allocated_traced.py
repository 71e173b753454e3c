# SPDX-License-Identifier: MIT
"""What we say was asked of the allocators for an object is what tracemalloc of the process itself wrote down, block by
block (traced_program.py)."""
import os
import shutil

import pytest

import cores
import interpreters
import program

HERE = os.path.dirname(os.path.abspath(__file__))


def pytest_generate_tests(metafunc):
    found = interpreters.wanted(metafunc.config.getoption("--python"))
    metafunc.parametrize("traced", found, ids=[interpreter.name for interpreter in found], indirect=True,
                         scope="module")


@pytest.fixture(scope="module")
def traced(request):
    """(rows of expression, traced sizes, parts as we have them)."""
    folder = cores.scratch("traced")
    try:
        arguments = ["-X", "tracemalloc", "-S", os.path.join(HERE, "traced_program.py"), os.path.join(folder, "traces")]
        with cores.Target(request.param.path, arguments, folder) as target:
            target.wait_ready()
            with open(os.path.join(folder, "traces")) as file:
                lines = [line.rstrip("\n").split("\t") for line in file]
            asked = program.ask_about(["--pid", str(target.pid)], ["sizeof"], [int(line[1], 16) for line in lines])
            yield [(line[0], without_entry(request.param, [int(size) for size in line[2].split()]), answer["parts"])
                   for line, (_, answer) in zip(lines, asked)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def without_entry(interpreter, sizes):
    """Without what the table of all objects, that builds with reference tracing keep since 3.13, has for this one
    (_PyRefchain_Trace()): a _Py_hashtable_entry_t."""
    entry = 32
    if interpreter.trace_refs and interpreter.version >= (3, 13) and entry in sizes:
        sizes.remove(entry)
    return sizes


def own_parts(parts):
    """Blocks of the object alone: not such that lie in another one or in static memory, or that it shares."""
    return sorted(((part["requested"], part["requested_at_most"]) for part in parts
                   if not part["interior"] and not part["shared"] and part["allocator"] != "static"))


def fits(ours, sizes, has_more):
    """Whether each of our parts is one of the traced sizes, and none is left over."""
    sizes = list(sizes)
    for least, most in ours:
        found = [size for size in sizes if least <= size <= most]
        if not found:
            return False
        sizes.remove(found[0])
    return has_more or not sizes


def test_requested_is_what_was_traced(traced):
    wrong = []
    for expression, sizes, parts in traced:
        ours = own_parts(parts)
        if not fits(ours, sizes, "other objects too" in expression):
            wrong.append("%s: traced %s, we say %s" % (expression, sizes, ours))
    assert len(traced) > 70
    assert not wrong, "%d of %d differ\n%s" % (len(wrong), len(traced), "\n".join(wrong))


def test_allocated_covers_what_was_traced(traced):
    """Each block is as large as what was asked for, and larger at most by its allocator's rounding and a debug build's
    guards. An int may have been made for more digits than it has."""
    for expression, _, parts in traced:
        for part in parts:
            if part["allocator"] != "static":
                assert part["allocated"] >= part["requested"], (expression, part)
                assert part["allocated"] <= part["requested_at_most"] * 1.25 + 64, (expression, part)
