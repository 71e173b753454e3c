# SPDX-License-Identifier: MIT
"""Rows of C code of a live process are those of the program, also where a caller is found by the frame pointer only: of
a process that a debugger holds only that debugger knows it. What the user has selected stays so."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

import cores
import equal_round
import gdb_session
import interpreters
import lldb_session
import program
import test_equal

sys.path.insert(0, os.path.join(program.ROOT, "helper", "bindings"))
import pydeepsize_bindings as bindings  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
COMMANDS = ("threads --native -n 0", "threads --native --json", "frames --no-retained --native",
            "frames --no-retained --native --json")
THREADS = 3
WAITS = ["take", "waits_first", "native_calls"]


def pythons():
    """The distribution's, and one that is built with frame pointers (3.15 and later) where there is one."""
    newer = [one for one in interpreters.wanted(None) if one.version >= (3, 15) and not one.debug]
    newest = sorted(newer, key=lambda one: (one.version, not one.free_threaded))[-1:]
    return [one for one in [interpreters.distribution()] + newest if one is not None]


@pytest.fixture(scope="module")
def library():
    """native_calls.so"""
    if shutil.which("cc") is None:
        pytest.skip("no compiler here")
    folder = cores.scratch("registers")
    path = os.path.join(folder, "native_calls.so")
    subprocess.run(["cc", "-O0", "-fno-omit-frame-pointer", "-fasynchronous-unwind-tables", "-shared", "-fPIC", "-o",
                    path, os.path.join(HERE, "native_calls.c")], check=True)
    yield path
    shutil.rmtree(folder, ignore_errors=True)


def start(interpreter, library):
    target = cores.Target(interpreter.path, [os.path.join(HERE, "native_calls_program.py"), library],
                          os.path.dirname(library))
    target.wait_ready()
    return target


@pytest.fixture(params=pythons(), ids=lambda one: one.name)
def target(request, library):
    with start(request.param, library) as started:
        yield started


@pytest.fixture
def loaded_by_the_kernel(distribution, library):
    """LLDB 14 finds no library, to set a breakpoint in, of a process that began with the dynamic linker."""
    with start(distribution, library) as started:
        yield started


def native_rows(answer):
    """The functions of C of each thread, innermost first. LLDB 19 says at any time what stopped."""
    (line,) = [one for one in answer.split("\n") if one.startswith("{")]
    return {one["id"]: [frame["function"] for frame in one["native"]] for one in json.loads(line)["threads"]}


def test_rows_are_those_of_the_program(debugger, target):
    alone = [test_equal.said(program.run_line(["--pid", str(target.pid)], command)) for command in COMMANDS]
    rows = native_rows(alone[1])
    assert len(rows) == THREADS and all([one for one in names if one in WAITS] == WAITS for names in rows.values())
    texts = debugger.batch(debugger.process(target.pid), ["py-" + command for command in COMMANDS])
    for text, expected in zip(texts, alone):
        assert equal_round.comparable(debugger.says(text)) == equal_round.comparable(expected)
    assert target.process.poll() is None, "the debugger let the process go"


def test_registers_are_those_of_this_stop(debugger, loaded_by_the_kernel):
    """Between two answers the main thread has come from one function to the next. Past the breakpoint it would find a
    second byte, and end."""
    target = loaded_by_the_kernel
    feed = "open('/proc/%d/fd/0', 'w').write('xx')" % target.pid
    stop = ["sharedlibrary native_calls", "tbreak waits_second"] if debugger is gdb_session else [
        "breakpoint set -s native_calls.so -n waits_second"]
    asked = "py-threads --native --json"
    texts = debugger.batch(debugger.process(target.pid),
                           [asked] + stop + [debugger.python(feed), "continue", asked])
    before, after = native_rows(texts[0])[target.pid], native_rows(texts[-1])[target.pid]
    assert [one for one in before if one in WAITS] == WAITS
    assert after[:2] == ["waits_second", "native_calls"]
    assert after[2:] == before[before.index("native_calls") + 1:]


EVENTS = ("exec(\"seen = []\\nfor name in dir(gdb.events):\\n"
          "  if name != 'before_prompt' and hasattr(getattr(gdb.events, name), 'connect'):\\n"
          "    getattr(gdb.events, name).connect(lambda event=None, name=name: seen.append(name))\")")


def test_gdb_keeps_what_is_selected(target):
    why = gdb_session.missing()
    if why:
        pytest.skip(why)
    state = ["thread", "frame", "info frame", "output $_", "output $_thread", "output $pc", "show language"]
    for select in (["thread 2", "frame 2"], ["thread 1", "frame 1"], ["thread 3"]):
        texts = gdb_session.batch(gdb_session.process(target.pid), ["sharedlibrary"] + select + ["x/2i $pc"] + state + [
            "python " + EVENTS, "py-threads --native --json", "python print(seen)"] + state)
        first = 2 + len(select)
        before, (_, answer, events), after = (texts[first:first + len(state)],
                                              texts[first + len(state):first + len(state) + 3], texts[-len(state):])
        assert len(native_rows(answer)) == THREADS and events.strip() == "[]"
        assert before == after and all(text.strip() for text in before)
        if len(select) > 1:
            assert after[1].startswith("#" + select[1].split()[1])


@pytest.mark.parametrize("lldb", lldb_session.find(), ids=[one.NAME for one in lldb_session.find()])
def test_lldb_keeps_what_is_selected(lldb, target):
    why = lldb.missing()
    if why:
        pytest.skip(why)
    process = "lldb.debugger.GetSelectedTarget().process"
    # LLDB's own command for it prints at some later time.
    select = ("script process = %s; process.SetSelectedThread(process.GetThreadAtIndex(1)); "
              "process.GetSelectedThread().SetSelectedFrame(1)" % process)
    state = ("script thread = %s.GetSelectedThread(); frame = thread.GetSelectedFrame(); "
             "print('AT', thread.GetIndexID(), frame.GetFrameID(), frame.GetPC(), frame.GetFunctionName())" % process)
    texts = lldb.batch(lldb.process(target.pid), [select, state, "py-threads --native --json", state])
    assert len(native_rows(texts[2])) == THREADS
    (before,), (after,) = (re.findall("^AT .*$", text, re.M) for text in (texts[1], texts[3]))
    assert before == after and before.startswith("AT 2 1 ")


def is_stopped(pid):
    states = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, tid)) as file:
            states.append(file.read().rpartition(")")[2].split()[0])
    return set(states) == {"T"}


def said_with(target, registers, words):
    session = bindings.Session(bindings.load_library(), registers=registers)
    try:
        session.open_process(target.pid, bindings.open_options())
        return session.run(words)
    finally:
        session.close()


def test_only_who_wants_rows_of_c_asks_and_nonsense_is_not_believed(target, monkeypatch):
    if program.SANITIZED:
        pytest.skip("a sanitized library cannot be loaded into Python")
    monkeypatch.setenv("PYDEEPSIZE_LIBRARY", program.library())
    asked = []

    def others(tid):
        asked.append(tid)
        return [tid] * len(bindings.REGISTER_NAMES)

    def fails(tid):
        raise ValueError(tid)

    full = native_rows(program.run_line(["--pid", str(target.pid)], "threads --native --json").output)
    os.kill(target.pid, signal.SIGSTOP)
    while not is_stopped(target.pid):
        time.sleep(0.001)
    native = ["threads", "--native", "--json"]
    short = native_rows(said_with(target, None, native))
    assert set(short) == set(full) and all(len(short[tid]) < len(full[tid]) for tid in full)
    for registers in (others, fails, lambda tid: None, lambda tid: [tid]):
        assert native_rows(said_with(target, registers, native)) == short
    assert sorted(asked) == sorted(full)
    for words in (["threads"], ["frames", "--no-retained"], ["heap"]):
        said_with(target, others, words)
    assert len(asked) == THREADS
