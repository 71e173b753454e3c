# SPDX-License-Identifier: MIT
"""What is typed as X never changes a process: expressions that assign, call or run something else are refused before
they run, in gdb and LLDB; and an event of the debugger in the middle of a command leaves its session alone."""
import os
import shutil

import pytest

import cores
import gdb_session

MARK = b"untouched mark of the test"
PROGRAM = ("import ctypes, sys\nmark = ctypes.create_string_buffer(%r)\nrows = [1, 2]\n"
           "print('READY', ctypes.addressof(mark), flush=True)\nsys.stdin.readline()\n"
           "print(mark.value, flush=True)\n" % MARK)
REFUSED = "do more than look"


def test_nothing_is_written(debugger, distribution):
    folder = cores.scratch("only-looks")
    touched = os.path.join(folder, "touched")
    try:
        with cores.Target(distribution.path, ["-c", PROGRAM], folder) as target:
            address = int(target.wait_ready().split()[1])
            effects = ["*(int*)%d=0x42424242" % address, "*(char *)%d = 66" % address, "(*(char *)%d)++" % address,
                       "$rsp = 0", "$rax += 1", "$mine = 5", "malloc(8)", "(int)getpid()", "((int(*)())getpid)()",
                       '$_shell("touch %s")' % touched, "PyList_New (0)", "--*(char *)%d" % address]
            asked = ["py-sizeof '%s'" % effect if "'" not in effect else "py-sizeof " + effect for effect in effects]
            texts = debugger.batch(debugger.process(target.pid), asked + ["py-sizeof __main__.rows", "py-sizeof $rsp"])
            for effect, text in zip(effects, texts):
                assert "shallow" not in text and "Traceback" not in text, (effect, text)
            for effect, text in list(zip(effects, texts))[:8]:
                assert REFUSED in text, (effect, text)
            assert "shallow" in texts[-2], "the debugger goes on: %r" % texts[-2]
            assert REFUSED not in texts[-1], texts[-1]
            target.process.stdin.write(b"\n")
            target.process.stdin.flush()
            assert repr(MARK).encode() in target.process.stdout.readline()
        assert not os.path.exists(touched)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


FORGETS = """python import gc
sessions = [one for one in gc.get_objects() if type(one).__name__ == "Sessions"][0]
evaluate = sessions.debugger.evaluate
def forgetting(expression):
    sessions.forget()
    return evaluate(expression)
sessions.current().callbacks.evaluate
sessions.debugger.evaluate = forgetting
sessions.forget()"""


def test_an_event_in_the_middle_of_a_command(distribution):
    """gdb says that memory changed while the library asks it for an expression: the session lives till the command
    ends, and the next one has a new session."""
    why = gdb_session.missing()
    if why:
        pytest.skip(why)
    folder = cores.scratch("event")
    script = os.path.join(folder, "forgets.py")
    with open(script, "w") as file:
        file.write(FORGETS.split("python ", 1)[1])
    try:
        with cores.Target(distribution.path, ["-c", "print('READY', flush=True); input()"], folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        texts = gdb_session.batch([distribution.path, core], [
            "source " + script, "py-sizeof &PyList_Type", "py-sizeof &PyList_Type",
            "python print(len(sessions.dying), len(sessions.open))", "p 6*7"])
        assert "class list" in texts[1] and "class list" in texts[2], texts
        assert texts[3].split() == ["0", "0"], "the sessions were closed when their commands had ended"
        assert "42" in texts[4]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
