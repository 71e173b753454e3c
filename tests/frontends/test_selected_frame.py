# SPDX-License-Identifier: MIT
"""A name means what the frame means that is selected in the debugger: after up, down, frame N, py-up and py-down of
libpython.py, which all select frames of C."""
import os
import shutil

import pytest

import cores
import gdb_session

HERE = os.path.dirname(os.path.abspath(__file__))

# Selects the frame of the n-th call of the interpreter's loop, or what it was called from; from 0.
GDB = ("exec(\"f = gdb.newest_frame()\\nn = 0\\nwhile f:\\n"
       "  if (f.name() or '').startswith('_PyEval_EvalFrameDefault'):\\n"
       "    if n == %d: (f.newer() if %d else f).select()\\n"
       "    n += 1\\n"
       "  f = f.older()\")")
LLDB = ("exec(\"t = lldb.debugger.GetSelectedTarget().process.GetSelectedThread()\\nn = 0\\nfor f in t:\\n"
        "  if (f.name or '').startswith('_PyEval_EvalFrameDefault'):\\n"
        "    if n == %d: t.SetSelectedFrame(f.idx - %d)\\n"
        "    n += 1\")")


@pytest.fixture(scope="module")
def core(distribution):
    """Three calls of the loop: main() and below() in one of 3.11 and later, inner() through map, innermost() through
    map again."""
    folder = cores.scratch("selected frame")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "selected_frame_program.py")], folder) as target:
            target.wait_ready()
            yield distribution.path, cores.gcore(target.pid, os.path.join(folder, "core"))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_names_follow_the_selection(debugger, core):
    select = GDB if debugger is gdb_session else LLDB
    ask = "py-object --values rows[0]"
    steps = [(0, 0, "innermost"), (1, 0, "inner"), (2, 0, "below"), (1, 1, "inner"), (0, 0, "innermost")]
    commands = ["sharedlibrary"] if debugger is gdb_session else []
    seen = debugger.batch(debugger.core(*core), commands + ["bt"])[-1].count("_PyEval_EvalFrameDefault")
    if seen < 3:
        pytest.skip("%s sees %d of the three calls of the interpreter's loop in this core" % (debugger.NAME, seen))
    first = len(commands)
    commands.append(ask)
    for call, above, _name in steps:
        commands += [debugger.python(select % (call, above)), ask]
    executable, path = core
    texts = debugger.batch(debugger.core(executable, path), commands)[first:]
    assert "'rows of innermost'" in texts[0], texts[0]
    for (call, above, name), text in zip(steps, texts[2::2]):
        assert "'rows of %s'" % name in text, (call, above, text)
    # A frame's number still means that frame, whatever is selected.
    numbered = debugger.batch(debugger.core(executable, path), commands[:first] + [
        debugger.python(select % (2, 0)), "py-object --values frame:0.rows[0]"])[-1]
    assert "'rows of innermost'" in numbered
