# SPDX-License-Identifier: MIT
"""What a command that takes long is like in a debugger: its answer is written while it is made, a key ends it, and what
it found out about the heap is kept until the process runs on."""
import os
import re
import shutil
import time

import pytest

import cores
import gdb_session
import lldb_session
import program

LLDBS = lldb_session.find()
LISTS, PAIRS = 150000, 4000000  # objects: twice as many
MOST_GROWN_KB = 16 << 10  # the answer's size is several times this
PROMPT_S = 0.2
SHOWS_PROGRESS_AT_ONCE = "import sys; sys.modules['pydeepsize_commands'].PROGRESS_FIRST_S = 0"
FORGETS_THE_PEAK = "open('/proc/self/clear_refs', 'w').write('5')"
SAYS_MEMORY = ("print('MEMORY', *[line.split()[1] for line in open('/proc/self/status') if line[:5] in "
               "('VmHWM', 'VmRSS')], flush=True)")


@pytest.fixture(scope="module")
def gdb():
    why = gdb_session.missing()
    if why:
        pytest.skip(why)
    return gdb_session


def core_of(exe, folder, statement):
    with cores.Target(exe, ["-c", "import gc; gc.disable(); %s\nprint('READY', flush=True); input()" % statement],
                      folder) as target:
        target.wait_ready()
        return cores.gcore(target.pid, os.path.join(folder, "core"))


@pytest.fixture(scope="module")
def many(distribution):
    """Enough objects for an answer of many parts, and what the program says of them."""
    folder = cores.scratch("many")
    try:
        core = core_of(distribution.path, folder, "rows = [['%%d' %% i] for i in range(%d)]" % LISTS)
        answer = program.run(["--core", core, "objects", "--json"])
        assert answer.status == 0 and answer.output.count("\n") > 2 * LISTS
        yield {"exe": distribution.path, "core": core, "objects": answer.output, "folder": folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def large(distribution):
    """So many objects that the graph takes about a second."""
    folder = cores.scratch("large")
    try:
        core = core_of(distribution.path, folder, "rows = [(i,) for i in range(%d)]" % PAIRS)
        shallow = program.ask(["--core", core], ["sizeof", "--json", "__main__.rows"])["objects"][0]["shallow"]
        assert shallow > 8 * PAIRS
        yield {"exe": distribution.path, "core": core, "shallow": shallow}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def opened(debugger, heap):
    return debugger.core(heap["exe"], heap["core"])


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        return "".join(line for line in file if line.startswith("{"))


def grown_kb(said):
    """By how much the debugger's peak is above what it had before."""
    (_, before), (peak, _) = [tuple(map(int, pair)) for pair in re.findall(r"^MEMORY (\d+) (\d+)$", said, re.M)]
    return peak - before


def measured(debugger, command):
    return ["py-heap --limit 1", debugger.python(FORGETS_THE_PEAK), debugger.python(SAYS_MEMORY), command,
            debugger.python(SAYS_MEMORY)]


def test_a_long_answer_is_not_kept(debugger, many):
    said = os.path.join(many["folder"], "said")
    debugger.print_into(said, opened(debugger, many), measured(debugger, "py-objects --json"))
    assert rows_of(said) == many["objects"]
    with open(said, encoding="utf-8") as file:
        grown = grown_kb(file.read())
    print("%s: %d KiB more for %d MiB of text" % (debugger.NAME, grown, len(many["objects"]) >> 20))
    assert len(many["objects"]) > 2 * MOST_GROWN_KB << 10
    assert grown < MOST_GROWN_KB


def test_a_long_answer_in_gdbs_pipe_and_log(gdb, many):
    said, piped, logged = (os.path.join(many["folder"], name) for name in ("said", "piped", "logged"))
    gdb.print_into(said, opened(gdb, many), measured(gdb, "pipe py-objects --json | cat >" + piped))
    assert rows_of(piped) == many["objects"]
    with open(said, encoding="utf-8") as file:
        assert grown_kb(file.read()) < MOST_GROWN_KB
    gdb.print_into(said, opened(gdb, many), ["set logging file " + logged, "set logging redirect on",
                                             "set logging enabled on", "py-objects --json",
                                             "set logging enabled off"])
    assert rows_of(logged) == many["objects"]
    assert rows_of(said) == ""


def test_a_script_has_the_whole_answer(debugger, many):
    """Of gdb.execute(to_string=True), and of LLDB's SBCommandReturnObject."""
    said = os.path.join(many["folder"], "said")
    ask = "text = gdb.execute('py-objects --json', to_string=True)" if debugger is gdb_session else (
        "answer = lldb.SBCommandReturnObject(); lldb.debugger.GetCommandInterpreter().HandleCommand("
        "'py-objects --json', answer); text = answer.GetOutput()")
    write = "open(%r, 'w', encoding='utf-8').write(text)" % (said + ".text")
    debugger.print_into(said, opened(debugger, many), [debugger.python(ask), debugger.python(write)])
    assert rows_of(said + ".text") == many["objects"]
    assert rows_of(said) == ""


def test_q_at_gdbs_pager_ends_the_command(gdb, many):
    with gdb.Terminal(opened(gdb, many)) as session:
        session.command("set height 10")
        session.send("set pagination on\n")
        session.read_until(gdb.PROMPT)
        session.send("py-objects --json\n")
        shown = session.read_until(b"--Type <RET>")
        session.send("\n")
        shown += session.read_until(b"--Type <RET>")
        pressed = time.monotonic()
        session.send("q\n")
        text = session.read_until(gdb.PROMPT)
        assert time.monotonic() - pressed <= PROMPT_S
        assert shown.count('{"address"') <= 20 and '{"address"' not in text and "Traceback" not in text, text
        session.send("set pagination off\n")
        session.read_until(gdb.PROMPT)
        session.send("py-heap --limit 1\n")
        session.read_until(b"objects, ")


def press_control_c(debugger, session, said):
    pressed = time.monotonic()
    session.send("\x03")
    text = session.read_until(b"Quit", 60) + session.read_until(debugger.PROMPT, 60)
    waited = time.monotonic() - pressed
    print("%s: prompt after %.3f s" % (debugger.NAME, waited))
    assert said in text and "Traceback" not in text, text[-1000:]
    assert waited <= PROMPT_S, "the prompt came back after %.3f s" % waited


STAYS = "the session stays usable"
ENDLESS = ("py-query --csv \"WITH RECURSIVE m(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m LIMIT 20000), n(i) AS "
           "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM m UNION ALL SELECT count(*) FROM n\"")


@pytest.mark.parametrize("command, at_work, said", [
    ("py-heap", b" objects", STAYS), ("py-deepsize " + "__main__.rows " * 40, b" objects", STAYS),
    ("py-objects --json", b'{"address"', "Quit"), (ENDLESS, b"9000", "Quit")],
    ids=["heap", "deepsize", "objects", "endless query"])
def test_control_c_gives_the_prompt_back(debugger, large, command, at_work, said):
    """Pressed when the debugger's text says that the job is at work: by a line of progress, or by the answer. A key
    that comes while gdb writes has gdb's own word only, as q at the pager."""
    with debugger.Terminal(opened(debugger, large)) as session:
        session.command("")
        session.send(debugger.python(SHOWS_PROGRESS_AT_ONCE) + "\n")
        session.read_until(debugger.PROMPT)
        for _ in range(2):
            session.send(command + "\n")
            session.read_until(at_work)
            press_control_c(debugger, session, said)
        session.send("py-sizeof --json __main__.rows\n")
        session.read_until(b'"shallow":%d,' % large["shallow"])


def test_the_graph_is_built_once(debugger, large):
    """The second command asks for something else of the same heap."""
    with debugger.Terminal(opened(debugger, large)) as session:
        session.command("")
        seconds = []
        for command in ("py-heap --limit 1", "py-heap --limit 2", "py-top --limit 3"):
            started = time.monotonic()
            session.send(command + "\n")
            session.read_until(b"Next:")
            seconds.append(time.monotonic() - started)
        print("%s: %s" % (debugger.NAME, seconds))
        assert seconds[1] < seconds[0] / 3, seconds


def test_the_graph_goes_when_the_process_runs_on(debugger, distribution):
    """Objects are made between two stops; py-heap has as many as there are, at each. The process stops itself."""
    make = ("import os, signal\nclass Fresh: pass\nrows = [Fresh()]\nprint('READY', flush=True)\n"
            "while os.read(0, 1):\n    rows.extend(Fresh() for _ in range(1000))\n"
            "    signal.raise_signal(signal.SIGTRAP)\n")
    folder = cores.scratch("runs-on")
    run_on = "continue" if debugger is gdb_session else "process continue"
    try:
        with cores.Target(distribution.path, ["-c", make], folder) as target:
            target.wait_ready()
            with debugger.Terminal(debugger.process(target.pid)) as session:
                session.send(debugger.python("print('it is', 'attached')") + "\n")
                session.read_until(b"it is attached")
                target.process.stdin.write(b"xx")  # one to run on, and one to run on again
                target.process.stdin.flush()
                for expected in ("1001", "2001"):
                    session.send(run_on + "\n")
                    session.read_until(b"SIGTRAP")
                    counts = []
                    for _ in range(2):  # as it is built, and as it was kept
                        session.send("py-heap --json --type __main__.Fresh\n")
                        session.read_until(b'Fresh",')
                        counts.append(re.search(r'"count":(\d+),', session.read_until(b"}")).group(1))
                    assert counts == [expected] * 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
