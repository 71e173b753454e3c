# SPDX-License-Identifier: MIT
"""What the debuggers add to the texts: help, C expressions, mistakes, no target, a process that runs on; gdb's
functions and completion; LLDB's search for its core, and that a live process is not written to."""
import os
import re
import shutil

import pytest

import cores
import gdb_session
import lldb_session
import program
import terminal
from truth import Truth

HEAP = os.path.join(cores.ORACLE, "heap.py")
SUBJECTS = "builtins._pydeepsize_oracle['subjects']"
LLDBS = lldb_session.find()
DEBUGGERS = (gdb_session,) + LLDBS


def usable(debugger):
    why = debugger.missing()
    if why:
        pytest.skip(why)
    return debugger


@pytest.fixture(scope="module", params=DEBUGGERS, ids=[debugger.NAME for debugger in DEBUGGERS])
def debugger(request):
    return usable(request.param)


@pytest.fixture(scope="module", params=LLDBS, ids=[debugger.NAME for debugger in LLDBS])
def lldb(request):
    return usable(request.param)


@pytest.fixture(scope="module")
def gdb():
    return usable(gdb_session)


@pytest.fixture(scope="module")
def heap(distribution):
    """A core of the distribution's Python with the oracle's heap, and the addresses of its roots."""
    folder = cores.scratch("frontends")
    try:
        with cores.Target(distribution.path, ["-W", "ignore", HEAP, os.path.join(folder, "truth"), "--bulk", "200000"],
                          folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        truth = Truth(os.path.join(folder, "truth"))
        yield {"core": core, "roots": truth.roots, "objects": truth.objects, "exe": distribution.path, "folder": folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def opened(debugger, heap):
    return debugger.core(heap["exe"], heap["core"])


def size_of(heap, name):
    return heap["objects"][heap["roots"][name]].size


def test_help(debugger, heap):
    texts = debugger.batch(opened(debugger, heap), ["help py-deepsize"])
    assert "--policy" in texts[0] and "asizeof" in texts[0] and "Usage: py-deepsize X..." in texts[0]


def test_expressions_of_the_debugger(debugger, heap):
    grown = heap["roots"]["list grown"]
    texts = debugger.batch(opened(debugger, heap), [
        "py-sizeof 0x%x" % grown, "py-sizeof (PyObject *)0x%x" % grown, "py-sizeof %d" % grown,
        "py-sizeof (void *)(0x%x + 16)" % (grown - 16), "py-sizeof &PyDict_Type", "py-sizeof nothing_of_this_name",
        "py-sizeof (int)3 + (PyObject *)"])
    assert "shallow" in texts[0]
    for text in texts[1:4]:  # the first line repeats what was typed
        assert text.split("\n")[1:] == texts[0].split("\n")[1:]
    assert texts[4].startswith("class dict ")
    for text in texts[5:]:
        assert text.strip() and "Traceback" not in text


def test_mistakes_end_nothing(debugger, heap):
    """One sentence each, and the next command works."""
    texts = debugger.batch(opened(debugger, heap), [
        "py-sizeof 0x10", "py-sizeof no_such_module.nothing", "py-deepsize --policy x 1", "py-sizeof '", "py-sizeof",
        "py-sizeof --bytes 0x%x" % heap["roots"]["list grown"], "p 6*7"])
    for text in texts[:5]:
        assert text.strip() and "Traceback" not in text and "\n" not in text.strip(), text
    assert str(size_of(heap, "list grown")) in texts[5].replace(",", "")
    assert re.search(r"\b42\b", texts[6])


def test_without_a_target(debugger):
    texts = debugger.batch([], ["py-info", "py-sizeof 0x1000", "p 6*7"])
    for text in texts[:2]:
        assert "there is no target" in text and "Traceback" not in text
    assert re.search(r"\b42\b", texts[2])


def list_bytes(items):
    return 56 + 8 * items


def stop_again(session, target, run_on, stop, stopped):
    """Lets the process run on till its list has grown, and stops it."""
    session.send(run_on + "\n")
    target.process.stdin.write(b"x")
    target.process.stdin.flush()
    assert target.process.stdout.readline() == b"grown 8000\n"
    session.send("py-info\n")
    session.read_until(b"the process is running")
    session.send(stop + "\n")
    session.read_until(stopped, 20)


def test_session_ends_when_the_process_runs_on(debugger, distribution):
    """The object grows between two stops: the second answer is of what is there then. On a busy machine LLDB may hold
    in itself that a process that runs does not ("Failed to halt process: Process is not running"), and for good: then
    another one is begun with."""
    grow = ("import os\nrows = []\nprint('READY', flush=True)\n"
            "while os.read(0, 1):\n    rows = [None] * 8000\n    print('grown', len(rows), flush=True)\n")
    words = ("continue&", "interrupt", b"received signal") if debugger is gdb_session else (
        "process continue", "process interrupt", b"stop reason =")
    for attempt in range(4):
        folder = cores.scratch("runs-on")
        try:
            with cores.Target(distribution.path, ["-c", grow], folder) as target:
                target.wait_ready()
                with debugger.Terminal(debugger.process(target.pid)) as session:
                    session.send("py-sizeof --json __main__.rows\n")
                    session.read_until(b'"shallow":%d,' % list_bytes(0))
                    stop_again(session, target, *words)
                    session.send("py-sizeof --json __main__.rows\n")
                    session.read_until(b'"shallow":%d,' % list_bytes(8000))
            return
        except cores.Failed as failure:
            if attempt == 3 or "Failed to halt process" not in str(failure):
                raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def test_functions(gdb, heap):
    grown, instance = heap["roots"]["list grown"], heap["roots"]["instance"]
    texts = gdb.batch([heap["exe"], heap["core"]], [
        "p $py_sizeof(0x%x)" % grown, "p $py_sizeof(\"%s['list grown']\")" % SUBJECTS,
        "p $py_deepsize(0x%x)" % instance, "p $py_sizeof(0x10)", "p 6 * 7",
        "p $py_retained(0x%x)" % instance])
    size = size_of(heap, "list grown")
    assert re.search(r"= %d\b" % size, texts[0])
    assert re.search(r"= %d\b" % size, texts[1])
    weighed = program.ask(["--core", heap["core"]], ["deepsize", "--json", "0x%x" % instance])["objects"][0]
    assert re.search(r"= %d\b" % weighed["deep"], texts[2])
    assert re.search(r"= %d\b" % weighed["retained"], texts[5]) and weighed["retained"] > 0
    assert "=" not in texts[3] and texts[3].strip(), "a wrong address is an error: %r" % texts[3]
    assert "= 42" in texts[4], "gdb goes on"


def test_completion(gdb, heap):
    texts = gdb.batch(opened(gdb, heap), ["complete py-d", "complete py-deepsize --pol", "complete py-sizeof --",
                                          "complete py-path -k 3 builtins._pydeepsize_ora",
                                          "complete py-heap builtins.",
                                          "complete py-path builtins._pydeepsize_oracle['su"])
    assert "py-deepsize" in texts[0].split()
    assert "--policy" in texts[1]
    assert "--bytes" in texts[2]
    assert texts[3].splitlines()[-1] == "py-path -k 3 builtins._pydeepsize_oracle"
    assert "_pydeepsize_oracle" not in texts[4] and "subjects" not in texts[5]


def test_core_that_was_opened_by_hand(lldb, heap):
    """Neither an argument of LLDB nor alone: another core is open in the same LLDB."""
    other = os.path.join(heap["folder"], "other")
    with cores.Target(heap["exe"], ["-c", "print('READY', flush=True); input()"], heap["folder"]) as target:
        target.wait_ready()
        cores.gcore(target.pid, other)
    texts = lldb.batch([], ["target create --core " + other, "target create --core " + heap["core"],
                            "py-sizeof --bytes 0x%x" % heap["roots"]["list grown"], "target select 0",
                            "py-info"])
    assert str(size_of(heap, "list grown")) in texts[2].replace(",", "")
    assert "pid %d\n" % target.pid in texts[4]


STOPPED = re.compile(r"^process \d+ was stopped .*\n", re.M)  # what only the program can say: a debugger stops it
WRITES = re.compile(r"send packet: \$(_M|M|X|G|P|c|C|s|S|vCont;|QSaveRegisterState)[0-9a-f]")


def test_live_process_is_only_read(lldb, distribution):
    """LLDB's own expressions make it allocate in the process and write there; ours do not, however X is given. The log
    of what LLDB says to its server is the witness, and must see the one write that the test makes itself."""
    folder = cores.scratch("written")
    log = os.path.join(folder, "packets")
    write = ("script p = lldb.debugger.GetSelectedTarget().GetProcess(); p.WriteMemory(p.GetSelectedThread()."
             "GetFrameAtIndex(0).GetSP() - 256, b'1', lldb.SBError())")
    try:
        with cores.Target(distribution.path, ["-c", "rows = [1, 2]\nprint('READY', flush=True); input()"],
                          folder) as target:
            target.wait_ready()
            asked = ["py-sizeof __main__.rows", "py-sizeof $rsp", "py-sizeof &PyList_Type",
                     "py-sizeof (PyObject *)$rdi", "py-sizeof (long)1 + 2", "py-deepsize no_such_name", "py-heap",
                     "py-threads --native"]
            lldb.batch(lldb.process(target.pid), ["log enable -f %s gdb-remote packets" % log] + asked + [
                write, "log disable gdb-remote packets"])
            assert target.process.poll() is None
        with open(log, errors="replace") as file:
            written = [line for line in file if WRITES.search(line)]
        assert len(written) == 1, "".join(written)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_remote_target_is_read_through_lldb(lldb, distribution):
    """A server that LLDB did not start: the process may be on another machine, so it is read through LLDB only."""
    server = os.path.join(os.path.dirname(os.path.realpath(lldb.path)), "lldb-server")
    if not os.path.exists(server):
        pytest.skip("no lldb-server beside %s" % lldb.path)
    folder = cores.scratch("remote")
    try:
        with cores.Target(distribution.path, ["-c", "rows = ['%d' % i for i in range(1000)]\n"
                                                    "print('READY', flush=True); input()"], folder) as target:
            target.wait_ready()
            alone = program.run(["--pid", target.pid, "deepsize", "--bytes", "__main__.rows"])
            pipe = os.path.join(folder, "port")
            os.mkfifo(pipe)
            arguments = [server, "gdbserver", "--named-pipe", pipe,
                         "--attach", str(target.pid), "127.0.0.1:0"]
            with terminal.Background(arguments):
                with open(pipe, "rb") as file:
                    port = int(file.read().rstrip(b"\0"))
                texts = lldb.batch([], ["gdb-remote 127.0.0.1:%d" % port, "py-deepsize --bytes __main__.rows",
                                        "py-sizeof 0x10", "detach"])
            assert alone.status == 0
            assert re.sub(r"\bpy-", "", texts[1]).rstrip("\n") == STOPPED.sub("", alone.output).rstrip("\n")
            assert "not an object" in texts[2]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
