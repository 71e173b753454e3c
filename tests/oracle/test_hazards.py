# SPDX-License-Identifier: MIT
"""Heaps that are torn while they are looked at: in list.sort(), within a collection, while deeply nested objects are
freed, in a child whose threads are gone, while tables are resized. What the process knew there must come out exactly,
nothing that the collector tracks may vanish, and nothing may be listed twice."""
import collections
import json
import os
import shutil

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hazards_program.py")
Known = collections.namedtuple("Known", "size type tracked")
SNAPSHOTS = 12


@pytest.fixture
def state(each):
    """state(mode): (["--pid", PID] of a process in that state, what it knew, other lines of its truth)."""
    folder = cores.scratch("hazards")
    running = []

    def begin(mode):
        target = cores.Target(each.path, ["-W", "ignore", PROGRAM, mode, os.path.join(folder, "truth")], folder)
        running.append(target)
        line = target.wait_ready().split()
        pid = int(line[1]) if len(line) > 1 else target.pid
        return (["--pid", str(pid)],) + read_truth(os.path.join(folder, "truth"))

    yield begin
    for target in running:
        target.process.stdin.close()  # of a child, too
        target.process.wait(60)
        target.process.stdin = open(os.devnull)
        target.close()
    shutil.rmtree(folder, ignore_errors=True)


def read_truth(path):
    known, other = {}, {}
    with open(path) as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    assert lines[-1] == ["end"]
    for fields in lines[:-1]:
        if fields[0] in ("object", "tracked"):
            size = None if fields[2] == "-" else int(fields[2])
            known[int(fields[1], 16)] = Known(size, fields[3], fields[0] == "tracked")
        else:
            other[fields[0]] = fields[1:]
    return known, other


def listed(target):
    """{address: row} of the whole heap."""
    answer = program.run(target + ["objects", "--json"])
    assert answer.status in (0, 3), answer.errors
    rows = {}
    for line in answer.output.splitlines():
        row = json.loads(line)
        assert row["address"] not in rows, "listed twice: %s" % row
        rows[row["address"]] = row
    return {int(address, 16): row for address, row in rows.items()}


def check(target, known):
    """Sizes and types asked for by address, and what is tracked found by enumeration."""
    wrong = []
    for address, answer in program.ask_about(target, ["sizeof"], list(known)):
        fact = known[address]
        if answer["type"] != fact.type or (fact.size is not None and answer["shallow"] != fact.size):
            wrong.append("0x%x is %s, we say %s %s" % (address, fact, answer["type"], answer["shallow"]))
    assert not wrong, "%d of %d differ\n%s" % (len(wrong), len(known), "\n".join(wrong[:5]))
    rows = listed(target)
    lost = [(hex(address), fact.type) for address, fact in known.items() if fact.tracked and address not in rows]
    assert not lost, "%d of %d are not enumerated: %s" % (len(lost), len(known), lost[:5])
    for command in (["heap"], ["top"], ["frames"], ["info"]):
        program.ask(target, command + ["--json"])
    return rows


def test_sort(state):
    target, known, _ = state("sort")
    check(target, known)


@pytest.mark.parametrize("mode", ["finalizer", "callback", "weak_callback"])
def test_collection(state, mode):
    """What is garbage is still there, also on a list that only the collector's C frames know."""
    target, known, _ = state(mode)
    assert sum(fact.tracked for fact in known.values()) >= 1700
    check(target, known)
    assert program.ask(target, ["info", "--json"])["target"]["collecting"] is True


def test_trashcan(state):
    target, known, _ = state("trashcan")
    check(target, known)


def test_child_without_its_threads(state):
    """Frames of threads that are gone are still in memory; their locals are objects as any."""
    target, known, other = state("fork")
    check(target, known)
    answer = program.ask(target, ["frames", "--json"])
    assert len(answer["threads"]) == int(other["threads"][0])
    waiting = [thread for thread in answer["threads"]
               if any(frame["function"].endswith("wait") for frame in thread["frames"])]
    assert len(waiting) == 3


def test_tables_that_grow(state):
    """Whatever moment it is: what does not change comes out exactly, the tables' walk ends and counts no more than
    there can be."""
    target, known, _ = state("growing")
    for _ in range(SNAPSHOTS):
        answer = program.ask(target, ["deepsize", "--json", "builtins.hazard"])["objects"][0]
        assert answer["count"] <= 5 + 5000
        assert answer["deep"] < 4 << 20
        wrong = [answer for address, answer in program.ask_about(target, ["sizeof"], list(known))
                 if answer["shallow"] != known[address].size]
        assert not wrong, wrong[:3]
