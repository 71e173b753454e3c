# SPDX-License-Identifier: MIT
"""Functions of C in the stacks of `frames` and `threads`: those that called Python functions, and those that threads
wait in."""
import os
import re

import cores
import program
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM, ENDED = os.path.join(HERE, "calls_program.py"), os.path.join(HERE, "calls_ended_program.py")
WAITS = "<built-in method acquire of _thread.lock>"


def calls(frames):
    return [frame["calls"] for frame in frames if frame["calls"] is not None]


def of_program(thread):
    """A thread's frames without those of a frozen Python's launcher, which runs the program by exec()."""
    frames = thread["frames"]
    while thread["name"] == "MainThread" and os.path.basename(frames[-1]["file"]) != os.path.basename(PROGRAM):
        frames = frames[:-1]
    return frames


def check(answer, each):
    threads = {}
    for thread in answer["threads"]:
        threads.setdefault(thread["name"], []).append(calls(of_program(thread)))
    for name, stacks in threads.items():
        since, _, words = name.rpartition(": ")
        is_known = not since or each.version >= tuple(map(int, since.split(".")))
        expected = {"-": [WAITS], "none": [], "traced": [], "sleeps": ["<built-in function sleep>"],
                    "MainThread": ["<built-in method read of _io.TextIOWrapper>"]}.get(
                        name, [WAITS] + (words.split(" | ") if is_known else []))
        if name.startswith("| "):
            expected = [words[2:]]
        if each.version >= (3, 14) and name not in ("traced", "MainThread"):
            expected.append("<built-in method run of _contextvars.Context>")  # Thread.run() is called in a context
        assert stacks == [expected] * len(stacks), (each.name, name, stacks)
    return threads


def target_of(interpreter, folder, *arguments):
    # gcore would write what malloc's arenas reserve, one for each thread
    return cores.Target(interpreter.path, [PROGRAM] + list(arguments), folder, {"MALLOC_ARENA_MAX": "1"})


def test_calls(each, tmp_path):
    with target_of(each, str(tmp_path)) as target:
        target.wait_ready()
        live = program.ask(["--pid", str(target.pid)], ["frames", "--no-retained", "--json", "-n", "100"])
    assert len(check(live, each)) >= 10


def test_calls_profiled(each, tmp_path):
    """All code is instrumented (3.12+)."""
    with target_of(each, str(tmp_path), "profiled") as target:
        target.wait_ready()
        live = program.ask(["--pid", str(target.pid)], ["frames", "--no-retained", "--json", "-n", "100"])
    assert len(check(live, each)) >= 10


def test_calls_in_text_and_core(distribution, tmp_path):
    with target_of(distribution, str(tmp_path)) as target:
        target.wait_ready()
        core = cores.gcore(target.pid, str(tmp_path / "core"))
    where = ["--core", core]
    check(program.ask(where, ["frames", "--json", "-n", "100"]), distribution)
    text = program.run(where + ["frames", "--no-retained", "-n", "0"]).output
    assert re.search(r"\n     <built-in method acquire of _thread.lock>\n  #0 waits\(\) calls_program.py:\d+\n(.*\n)*"
                     r"     <built-in function reduce>\n  #1 by_reduce\(\) calls_program.py:\d+\n", text)
    threads = program.ask(where, ["threads", "--json", "-n", "0"])["threads"]
    reduce = [thread for thread in threads if thread["name"] == "<built-in function reduce>"][0]
    assert calls(reduce["frames"])[:2] == [WAITS, "<built-in function reduce>"]
    words = program.run(where + ["threads", "-n", "0"]).output
    assert "  at <built-in function sleep>\n     sleeps() calls_program.py:" in words
    # Threads with equal stacks are one there, and what they call is in a variable.
    for shown in (text, words):
        assert re.search(r"\n(  #1|    ) applies\(\) calls_program.py:\d+\n", shown)
        assert not re.search(r"\n     <.*>\n(  #1|    ) applies\(\) ", shown)


@pytest.mark.parametrize("case", ["either", "itself", "all_at_once"])
def test_call_is_over(each, case, tmp_path):
    with cores.Target(each.path, [ENDED, case], str(tmp_path)) as target:
        target.wait_ready()
        live = program.ask(["--pid", str(target.pid)], ["frames", "--no-retained", "--json"])
    frames = [thread["frames"] for thread in live["threads"] if thread["name"] == "ended"][0]
    assert frames[0]["function"] == case
    assert frames[0]["calls"] is None, (each.name, frames[0])
