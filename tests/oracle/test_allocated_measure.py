# SPDX-License-Identifier: MIT
"""--allocated as the measure of sums: each against the allocated sizes of the objects that it should consist of, which
are asked for one by one."""
import ctypes
import json
import os
import sys

import pytest

import cores
import program

sys.path.insert(0, os.path.join(program.ROOT, "helper", "bindings"))
import pydeepsize_bindings as bindings  # noqa: E402

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "measure_program.py")
SUMS = (("heap", "--retained"), ("top", "-t"), ("modules", "-n", "0"), ("frames",))


class Measured(object):
    def __init__(self, core, subjects):
        self.core, self.subjects = core, subjects
        self.target = ["--core", core]
        rows = program.run(self.target + ["objects", "--json"]).output.splitlines()
        self.objects = {row["address"]: row for row in map(json.loads, rows) if "address" in row}
        self.lines = "".join(one["address"] + "\n" for one in subjects)

    def ask(self, *arguments):
        return program.ask(self.target, list(arguments) + ["--json"])

    def ask_all(self, *arguments):
        return program.ask(self.target, list(arguments) + ["--json", "-"], self.lines)

    def total(self, addresses, measure="allocated"):
        return sum(self.objects[address][measure] for address in addresses)


@pytest.fixture(scope="module")
def measured(distribution, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("measured"))
    with cores.Target(distribution.path, [PROGRAM], folder) as target:
        subjects = json.loads(target.wait_ready()[len("READY "):])
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
    yield Measured(core, subjects)
    os.unlink(core)


@pytest.mark.parametrize("measure", ("shallow", "allocated"))
def test_retained_and_deep_are_sums_of_objects(measured, measure):
    more = ["--allocated"] if measure == "allocated" else []
    answer = measured.ask_all("deepsize", *more)
    paths = measured.ask_all("path", *more)["objects"]
    alone = measured.ask_all("object", "-n", "1", *more)["objects"]
    assert answer["measure"] == measure
    # The closure is what the program says, or else the small ints and names that everybody shares.
    for subject, one, path, own in zip(measured.subjects, answer["objects"], paths, alone):
        expected = measured.total(subject["own"], measure)
        assert one["retained"] == expected, subject["name"]
        assert path["retained"] == own["retained"] == expected
        assert one["deep"] == one["shared"] + expected
        assert one["shared"] >= measured.total(subject["shared"], measure)
        assert sum(row[measure] for row in one["by_type"]) == one["deep"]
        assert sum(row["count"] for row in one["by_type"]) == one["count"]
        assert one[measure] == measured.objects[subject["address"]][measure]
    assert len(answer["objects"]) == len(measured.subjects) == 6


def test_measures_differ_by_what_sizes_leave_out(measured):
    shallow, allocated = measured.ask_all("deepsize")["objects"], measured.ask_all("deepsize", "--allocated")["objects"]
    for one, other in zip(shallow, allocated):
        assert other["count"] == one["count"] and other["deep"] > one["deep"]
        assert {row["type"]: (row["count"], row["shallow"]) for row in one["by_type"]} == \
            {row["type"]: (row["count"], row["shallow"]) for row in other["by_type"]}
        assert not any("allocated" in row for row in one["by_type"])


def test_trees_add_up(measured):
    for one in measured.ask_all("deepsize", "--allocated", "-t")["objects"]:
        assert one["tree"]["deep"] == one["deep"]


def test_leaves(measured):
    leaves = [row["address"] for row in measured.objects.values() if row["type"] in ("bytearray", "array.array")]
    answer = program.ask(measured.target, ["deepsize", "--allocated", "--json", "-"], "\n".join(leaves) + "\n")
    for address, one in zip(leaves, answer["objects"]):
        assert one["deep"] == measured.objects[address]["allocated"]
        assert one["retained"] == one["deep"], "somebody holds it, and it holds nothing"
    assert len(leaves) > 100


def test_heap_totals(measured):
    heap = measured.ask("heap", "--allocated", "--retained", "-n", "0")
    for part, reachable in (("total", True), ("unreachable", False)):
        rows = [row for row in measured.objects.values() if row["reachable"] == reachable]
        assert heap[part]["count"] == len(rows)
        for measure in ("shallow", "allocated"):
            assert heap[part][measure] == sum(row[measure] for row in rows)
    by_type = {row["type"]: row for row in heap["types"]}
    assert all(row["retained"] >= row["allocated"] for row in heap["types"])
    slotted = [one for one in measured.subjects if one["name"] == "__main__.the_slotted"][0]
    assert by_type["__main__.Slotted"]["retained"] == measured.total(set(slotted["own"]) - {slotted["address"]})
    top = measured.ask("top", "--allocated")
    assert top["measure"] == "allocated" and top["total"]["allocated"] == heap["total"]["allocated"]
    plain = measured.ask("heap", "--retained", "-n", "0")
    assert plain["measure"] == "shallow" and plain["total"] == heap["total"]


def test_rows_are_sorted_and_filtered_by_the_measure(measured):
    every = measured.ask("heap", "--allocated", "-n", "0")["types"]
    sizes = [row["allocated"] for row in every]
    assert sizes == sorted(sizes, reverse=True)
    # one that only passes by what was allocated for it
    large = [row for row in measured.objects.values() if row["type"] == "bytearray" and row["shallow"] > 10000]
    least = min(row["allocated"] for row in large if row["allocated"] > row["shallow"])
    listed = {}
    for more in ([], ["--allocated"]):
        lines = program.run(measured.target + ["objects", "--json", "--min", str(least)] + more).output.splitlines()
        listed[bool(more)] = {json.loads(line)["address"] for line in lines}
    for by_allocated, measure in ((False, "shallow"), (True, "allocated")):
        assert listed[by_allocated] == {row["address"] for row in measured.objects.values() if row[measure] >= least}
    assert listed[False] < listed[True]


def test_modules_and_frames(measured):
    modules = {row["name"]: row for row in measured.ask("modules", "--allocated", "-n", "0")["modules"]}
    largest = max((measured.total(one["own"]), one["address"]) for one in measured.subjects)
    assert modules["__main__"]["largest"]["address"] == largest[1]
    assert modules["__main__"]["largest"]["retained"] == largest[0]
    assert modules["__main__"]["deep"] > sum(measured.total(one["own"]) for one in measured.subjects)
    assert measured.ask("frames", "--allocated")["measure"] == "allocated"


def test_text_says_the_measure(measured):
    for command in SUMS + (("deepsize", measured.subjects[0]["address"]), ("path", measured.subjects[0]["address"])):
        plain = program.run(measured.target + list(command)).output
        text = program.run(measured.target + list(command) + ["--allocated"]).output
        assert "Sizes are what the allocators took" in text and "Sizes are what the allocators took" not in plain
    assert "asizeof" in program.run(measured.target + ["deepsize", "--allocated", "--policy", "asizeof",
                                                       measured.subjects[0]["address"]]).errors


@pytest.mark.skipif(program.SANITIZED, reason="a library with sanitizers cannot be loaded into Python")
def test_one_session_answers_in_either_measure(measured):
    """The graph of the heap and the walk are kept between commands; neither may bring along the measure of another."""
    address = measured.subjects[0]["address"]
    commands = [[name, address] for name in ("deepsize", "path", "object")] + [list(one) for one in SUMS]
    session = bindings.Session(bindings.load_library())
    try:
        session.open_core(measured.core, bindings.open_options())
        for command in commands:
            for more in ([], ["--allocated"], [], ["--allocated"]):
                arguments = command + more + ["--json"]
                assert json.loads(session.run(arguments)) == json.loads(
                    program.run(measured.target + arguments).output), arguments
        # The library's own deep size is in shallow bytes, whatever was asked before.
        deep, count = ctypes.c_uint64(), ctypes.c_uint64()
        session.run(["deepsize", address, "--allocated"])
        ask = session.library.pyds_object_deep
        ask.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
        assert ask(session.handle, int(address, 16), None, ctypes.byref(deep), ctypes.byref(count)) == 0
        assert deep.value == measured.ask("deepsize", address)["objects"][0]["deep"]
    finally:
        session.close()
