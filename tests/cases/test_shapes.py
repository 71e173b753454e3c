# SPDX-License-Identifier: MIT
"""Shapes of heaps that took a time out of proportion, or objects that were none."""
import os
import resource

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shapes_program.py")


def seconds(named, command="heap"):
    """Of processor time that a command takes, the better of two runs, and its answer."""
    best = None
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = program.ask(named, [command, "--json"] + (["-n", "10"] if command != "heap" else []))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime
        best = spent if best is None else min(best, spent)
    return best, answer


def dumped(interpreter, arguments, folder):
    with cores.Target(interpreter.path, [PROGRAM] + arguments, folder) as target:
        said = target.wait_ready()
        return ["--core", cores.gcore(target.pid, os.path.join(folder, "core-" + "-".join(arguments)))], said


def lists(heap):
    (row,) = [one for one in heap["types"] if one["type"] == "list"]
    return row["count"]


@pytest.mark.skipif(program.SANITIZED, reason="times of an instrumented program")
def test_collection_under_way(each, tmp_path):
    if each.name.split("-")[0].endswith("t"):
        pytest.skip("a free-threaded build has no lists of tracked objects")
    named, _ = dumped(each, ["collecting", "60000"], str(tmp_path))
    other, _ = dumped(each, ["plain", "60000"], str(tmp_path))
    time, heap = seconds(named)
    plain, _ = seconds(other)
    assert 60000 <= lists(heap) < 61000
    assert time < 4 * plain + 0.1, "%.2f s, of a heap that is at rest %.2f s" % (time, plain)


@pytest.mark.skipif(program.SANITIZED, reason="times of an instrumented program")
def test_deep_recursion_is_linear(distribution, tmp_path):
    few, _ = dumped(distribution, ["recursion", "20000"], str(tmp_path))
    many, _ = dumped(distribution, ["recursion", "160000"], str(tmp_path))
    few_time, _ = seconds(few)
    many_time, heap = seconds(many)
    assert lists(heap) > 160000
    assert many_time < 16 * few_time + 0.1, "%.2f s, of an eighth of the frames %.2f s" % (many_time, few_time)
    # Names of frames' locals are tried, each a search for its frame: all frames were read again for it.
    top_time, _ = seconds(many, "top")
    assert top_time < 3 * many_time + 0.1, "top %.2f s, heap %.2f s" % (top_time, many_time)


@pytest.mark.skipif(program.SANITIZED, reason="times of an instrumented program")
def test_tasks_take_less_than_twice_top(distribution, tmp_path):
    many, _ = dumped(distribution, ["tasks", "40000"], str(tmp_path))
    top_time, _ = seconds(many, "top")
    time, tasks = seconds(many, "tasks")
    assert max(group["count"] for group in tasks["groups"]) == 40000
    assert time < 2 * top_time + 0.02, "tasks %.2f s, top %.2f s" % (time, top_time)


def test_static_arrays_are_no_exceptions(each, tmp_path):
    try:
        named, said = dumped(each, ["slots"], str(tmp_path))
    except cores.Failed as reason:
        if "No module named" in str(reason) or "ImportError" in str(reason):
            pytest.skip("this build lacks a module: " + str(reason)[-100:])
        raise
    heap = program.ask(named, ["heap", "--json"])
    assert sum(row["count"] for row in heap["types"] if row["type"] == "OSError") == int(said.split()[1])
