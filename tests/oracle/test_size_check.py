# SPDX-License-Identifier: MIT
"""`info --self-check`: decoded sizes against the allocators' own records. All of them agree; blocks that are in use and
no object's are few; and a size that was damaged is reported."""
import os
import re
import shutil
import struct

import pytest

import cores
import interpreters
import program

HERE = os.path.dirname(os.path.abspath(__file__))
# Measured over all interpreters of 3.8 to 3.15: 98.65% of pymalloc's blocks at least, 95.68% of mimalloc's, which has
# the large blocks of C code too. The rest is memory of C code, and free lists.
LEAST_EXPLAINED = {"pymalloc": 0.98, "mimalloc": 0.94}


def pytest_generate_tests(metafunc):
    found = interpreters.wanted(metafunc.config.getoption("--python"))
    if "allocator" in metafunc.fixturenames:
        # Free-threaded builds have no other allocator.
        rows = [(one, allocator) for one in found for allocator in ("debug", "malloc", "malloc_debug")
                if allocator == "debug" or not one.free_threaded]
        metafunc.parametrize("interpreter, allocator", rows, ids=["%s-%s" % (one.name, name) for one, name in rows])
    elif "interpreter" in metafunc.fixturenames:
        # They have no pools either.
        rows = [one for one in found if not one.free_threaded]
        metafunc.parametrize("interpreter", rows, ids=[one.name for one in rows])


def self_check(target, *options):
    return program.ask(target, ["info", "--json"] + list(options))["self_check"]


def test_every_size_agrees_with_its_allocator(dump):
    check = self_check(dump.target, "--self-check")
    print({key: value for key, value in check.items() if key != "examples"})
    assert check["kind"] == "all"
    assert check["disagreements"] == 0, check["examples"]
    assert check["unknown"] == 0, check["examples"]
    assert check["objects"] > len(dump.truth.objects)
    assert check["exact"] + check["kept"] > len(dump.truth.objects)
    assert check["kept"] < 0.01 * check["exact"]


def test_blocks_in_use_are_objects(dump):
    check = self_check(dump.target, "--self-check")
    shares = {name: check[name] for name in LEAST_EXPLAINED if check[name]["blocks"]}
    assert list(shares) == ["mimalloc" if dump.interpreter.free_threaded else "pymalloc"]
    for name, share in shares.items():
        assert share["blocks"] > 0.9 * check["objects"]
        assert share["explained_blocks"] > LEAST_EXPLAINED[name] * share["blocks"], share
        assert share["explained_bytes"] <= share["bytes"]


def test_sample(dump):
    check = self_check(dump.target)
    assert check["kind"] == "sample" and "pymalloc" not in check
    assert check["disagreements"] == check["unknown"] == 0, check["examples"]
    assert check["exact"] > 500


def file_offset(data, address):
    """Where the core has the bytes at an address of the process."""
    offset, = struct.unpack_from("<Q", data, 0x20)
    size, count = struct.unpack_from("<HH", data, 0x36)
    for row in range(count):
        kind, _, start, first, _, held = struct.unpack_from("<IIQQQQ", data, offset + row * size)
        if kind == 1 and first <= address < first + held:  # PT_LOAD
            return start + address - first
    raise LookupError("0x%x is not in the core" % address)


def long_tuple(dump, data):
    """(address, file offset of its ob_size) of a tuple of many items in a small block."""
    has_links = dump.interpreter.trace_refs and dump.interpreter.version < (3, 13)  # _ob_next, _ob_prev
    place = 32 if dump.interpreter.free_threaded or has_links else 16
    least = 136 if has_links else 120
    for address, known in sorted(dump.truth.objects.items()):
        if known.type == "tuple" and least <= known.size <= 400:
            where = file_offset(data, address) + place
            length, = struct.unpack_from("<Q", data, where)
            assert 64 <= length * 8 < known.size
            return address, where
    raise LookupError("no tuple")


def test_damage_is_reported(dump):
    if dump.core is None:
        pytest.skip("a live process is not damaged")
    folder = cores.scratch("damaged")
    try:
        damaged = shutil.copy(dump.core, os.path.join(folder, "core"))
        with open(damaged, "r+b") as file:
            data = bytearray(file.read())
            address, where = long_tuple(dump, data)
            file.seek(where)
            file.write(struct.pack("<Q", 1))
        check = self_check(["--core", damaged], "--self-check")
        assert check["disagreements"] == check["wrong_size"] == 1
        example, = check["examples"]
        assert int(example["object"], 16) == address and example["type"] == "tuple"
        assert example["requested"] < example["allocated"] / 2
        answer = program.run(["--core", damaged, "info", "--self-check"])
        assert "DISAGREE" in answer.output and "0x%x" % address in answer.output
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_blocks_are_counted_as_the_allocator_does(interpreter):
    """Of each size class as many blocks in use as sys._debugmallocstats() says, but for the few that come and go
    while it says so."""
    folder = cores.scratch("pools")
    try:
        table = os.path.join(folder, "table")
        with cores.Target(interpreter.path, [os.path.join(HERE, "pools_program.py"), table], folder) as target:
            target.wait_ready()
            check = self_check(["--pid", str(target.pid)], "--self-check")
            with open(table) as file:
                rows = re.findall(r"^ *\d+ +(\d+) +(\d+) +(\d+) +\d+$", file.read(), re.M)
        assert len(rows) > 20
        blocks = sum(int(used) for _, _, used in rows)
        pools = sum(int(count) for _, count, _ in rows)
        assert blocks > 50000
        assert abs(check["pymalloc"]["blocks"] - blocks) < 100
        assert abs(check["pymalloc"]["pages"] - pools) < 10
        assert abs(check["pymalloc"]["bytes"] - sum(int(size) * int(used) for size, _, used in rows)) < 20000
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_other_allocators(interpreter, allocator):
    """With PYTHONMALLOC=debug the exact number of bytes asked for stands before each block; with malloc all are
    chunks."""
    folder = cores.scratch("allocator")
    try:
        arguments = ["-W", "ignore", os.path.join(HERE, "heap.py"), os.path.join(folder, "truth"), "--bulk", "100",
                     "--tiny"]
        with cores.Target(interpreter.path, arguments, folder, {"PYTHONMALLOC": allocator}) as target:
            target.wait_ready()
            check = self_check(["--pid", str(target.pid)], "--self-check")
        assert check["disagreements"] == check["unknown"] == 0, check["examples"]
        assert check["exact"] > 20000
        assert (check["pymalloc"]["blocks"] > 0) == (allocator == "debug" and not interpreter.free_threaded)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
