# SPDX-License-Identifier: MIT
"""frames: a recursion is one frame and a number; --no-retained needs no heap; values in JSON; equal stacks are one."""
import os
import sys
import time

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stacks_program.py")
RECURSION = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "bench", "recursion.py")


def frames_of(answer, name):
    (thread,) = [one for one in answer["threads"] if one["name"] == name]
    return thread["frames"]


def test_recursion_and_equal_stacks(each, tmp_path):
    with cores.Target(each.path, ["-W", "ignore", PROGRAM], str(tmp_path)) as target:
        target.wait_ready()
        where = ["--pid", str(target.pid)]
        plain = program.run(where + ["frames", "--no-retained"]).output
        weighed = program.run(where + ["frames"]).output
        stacks = program.ask(where, ["frames", "--no-retained", "--json", "--values"])
        whole = program.ask(where, ["frames", "--json", "-n", "8"])
        memory = program.ask(where, ["memory", "--json"])
    for text in (plain, weighed):
        assert "     ... 4,999 more of recurses() stacks_program.py:23\n" in text
        assert "#5001 begins() stacks_program.py:28" in text
        assert text.count(" waits() stacks_program.py:14") == 1 and text.count("2 threads: Thread ") == 1
        assert text.count("  and alike: Thread ") == 1
    frames = frames_of(stacks, "deep")
    assert [one["line"] for one in frames[:2]] == [21, 23] and len(frames) >= 5004
    begins = [one for one in frames if one["function"] == "begins"]
    assert [one["name"] for one in begins[0]["locals"]] == ["numbers"] and len(begins) == 1
    assert begins[0]["locals"][0]["value"].startswith("list, 3 items")
    # What locals have in common weighs once, whichever comes first; a class among them is opened.
    for function, parts in (("opens", ("Kind", "pair")), ("shares", ("pair",))):
        (frame,) = [one for one in frames_of(whole, "shares") if one["function"] == function]
        deep = {one["name"]: one["deep"] for one in frame["locals"]}
        assert deep["pair"] > deep["first"] > 0 and frame["deep"] == sum(deep[name] for name in parts)
    assert "in two threads" in str(frames_of(stacks, "Thread-2" if each.version < (3, 10) else "Thread-2 (waits)"))
    assert "coverage" in whole and "coverage" in stacks and "value" not in str(whole["threads"])
    # 5,000 frames of 3.11 and later lie in mappings that are nobody else's.
    parts = {part["name"]: part["bytes"] for part in memory["tree"][0]["parts"]}
    assert each.version < (3, 11) or parts["Python frames"] >= 5000 * 80
    assert each.version >= (3, 11) or "Python frames" not in parts


def test_recursion_of_nested_lists(distribution, tmp_path):
    """Each local reaches what the caller's does: one by one, 20,000 of them are two hundred million."""
    count = 20000
    with cores.Target(distribution.path, [RECURSION, "deep", str(count)], str(tmp_path)) as target:
        target.wait_ready()
        core = cores.gcore(target.pid, str(tmp_path / "core"))
    begin = time.monotonic()
    program.ask(["--core", core], ["top", "--json"])
    top = time.monotonic() - begin
    (thread,) = program.ask(["--core", core], ["frames", "--json", "-n", "100000"])["threads"]
    assert time.monotonic() - begin < 20 * top
    frames = [one for one in thread["frames"] if one["function"] == "recurse"]
    assert len(frames) == count + 1
    deep = [{local["name"]: local["deep"] for local in frame["locals"]} for frame in frames]
    for number, (one, caller, frame) in enumerate(zip(deep, deep[1:], frames)):
        shared = 0 if number < 257 else sys.getsizeof(number)  # small numbers are there once for all
        assert one["caller"] == caller["mine"] and (shared == 0 or one["number"] == shared)
        assert one["mine"] - caller["mine"] in (sys.getsizeof([0, 0]) + sys.getsizeof(number),
                                               sys.getsizeof([0, 0]) + shared)
        assert frame["deep"] == one["mine"]
