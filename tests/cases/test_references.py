# SPDX-License-Identifier: MIT
"""References as the collector has them, where a word says otherwise: borrowed, uninitialised, or another object's."""
import collections
import json
import os
import shutil

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "references_program.py")
TARGETS = {}


@pytest.fixture
def case(each):
    """(["--core", FILE], what the program knew), dumped once for each Python."""
    if each.name not in TARGETS:
        folder = cores.scratch("references")
        with cores.Target(each.path, ["-W", "ignore", PROGRAM], folder) as target:
            line = target.wait_ready()
            core = os.path.join(folder, "core")
            cores.gcore(target.pid, core)
        TARGETS[each.name] = folder, ["--core", core], json.loads(line.split(" ", 1)[1])
    return TARGETS[each.name][1:]


@pytest.fixture(scope="module", autouse=True)
def remove():
    yield
    for folder, _, _ in TARGETS.values():
        shutil.rmtree(folder, ignore_errors=True)


def deep(target, address, *more):
    return program.ask(target, ["deepsize", "--no-retained", "--json", *more, address])["objects"][0]


def test_what_the_collector_visits(case):
    target, facts = case
    wrong = []
    addresses = [int(address, 16) for address in facts["referents"]]
    for address, answer in program.ask_about(target, ["referents"], addresses):
        ours = sorted(row["address"] for row in answer["referents"] if not row["hidden"])
        if ours != facts["referents"][hex(address)]:
            theirs = facts["referents"][hex(address)]
            more = collections.Counter(ours) - collections.Counter(theirs)
            less = collections.Counter(theirs) - collections.Counter(ours)
            labels = [row["label"] for row in answer["referents"] if row["address"] in more and not row["hidden"]]
            wrong.append("%s %s: more: %s, less: %s" % (hex(address), answer["type"], labels, list(less)[:3]))
    assert not wrong, "%d of %d\n%s" % (len(wrong), len(addresses), "\n".join(wrong[:12]))


def test_a_class_that_is_its_own_type(case):
    target, facts = case
    answer = deep(target, facts["own type"])
    assert not answer["unreadable"] and answer["count"] > 100, answer
    assert program.ask(target, ["object", "--json", facts["own type"]])["objects"][0]["type"].endswith("OWN_TYPE")


def test_callers_that_were_not_called(case):
    target, facts = case
    for _, answer in program.ask_about(target, ["referents"], [int(one, 16) for one in facts["callers"]]):
        assert all(row["type"] in ("str", "tuple", "dict", "type")
                   for row in answer["referents"]), answer


def test_buffer_is_counted_once(case):
    target, facts = case
    answer = deep(target, facts["bytesio"])
    assert answer["shallow"] == facts["bytesio shallow"]
    assert 2000000 < answer["deep"] < 2001000


def test_locals_of_a_module_are_globals(case):
    target, facts = case
    for policy in ("data", "gc"):
        assert deep(target, facts["exception"], "--policy", policy)["deep"] < 500000


def test_names_of_a_class_body(case):
    target, facts = case
    threads = program.ask(target, ["frames", "--json", "--limit", "50"])["threads"]
    bodies = [frame for thread in threads for frame in thread["frames"] if frame["function"].endswith("Body")]
    assert bodies, threads
    assert facts["big"] in [one["address"] for one in bodies[0]["locals"] if one["name"] == "big"]
