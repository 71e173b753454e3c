# SPDX-License-Identifier: MIT
"""`findings`: each rule finds its fault and nothing in what is nearly one; what it says would be saved is what the
program itself sees go when the fault is mended; a healthy process has none."""
import json
import os
import re
import shutil
import sys

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "findings_program.py")
HELLO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hello_program.py")
with open(PROGRAM, encoding="utf-8") as text:
    CASES = re.findall(r'^    "([a-z0-9_:]+)": \(', text.read(), re.M)
HELD = ("unbounded_cache", "named_caches", "context_copies", "dead_threads", "kept_tracebacks", "finished_tasks",
        "thread_states", "unretrieved_exceptions", "garbage", "gc_garbage", "crowd",
        "holder", "frame_locals", "reader_buffers", "import_weight", "memory_balance")
URGENT = ("deadlocks", "lock_queues")
# What is named that is not in KEPT; "": nothing is.
PLACES = {"named_caches": "PRICE_CACHE", "gc_garbage": "gc.garbage", "repeated_functions": "<lambda>",
          "garbage": "", "frame_locals": "", "memory_balance": "", "deadlocks": "", "lock_queues": "",
          "thread_states": "rows", "crowd:records": "TABLE_"}


# Where a debug build's guards around blocks, and a free-threaded build's classes of blocks, count most.
HARDEST = {"debug": ("single_items", "missing_slots", "equal_tuples"),
           "free-threaded": ("buffer_slack", "list_room", "import_weight")}


def pytest_generate_tests(metafunc):
    name = metafunc.config.getoption("--python")
    if "python" in metafunc.fixturenames:  # with --python all that it names, else the distribution's
        # Reference tracing has a table entry for each object since 3.13, which goes as well, and is not counted.
        pythons = [one for one in interpreters.wanted(name) if not (one.trace_refs and one.version >= (3, 13))
                   ] if name else [interpreters.distribution()]
        metafunc.parametrize("python", pythons, ids=lambda one: one.name)
    if "hardest" in metafunc.fixturenames:
        builds = {"debug": [one for one in interpreters.wanted(None) if one.debug],
                  "free-threaded": [one for one in interpreters.wanted(None) if one.free_threaded]}
        metafunc.parametrize("hardest", [(builds[kind][0], case) for kind in builds if builds[kind] and not name
                                         for case in HARDEST[kind]], ids=lambda one: one[0].name + "-" + one[1])
    if "healthy" in metafunc.fixturenames:
        minors = {}
        for one in interpreters.wanted(metafunc.config.getoption("--python")):
            if one.origin != "frozen":  # which take no -c
                minors.setdefault((one.version[:2], one.free_threaded), one)
        metafunc.parametrize("healthy", list(minors.values()), ids=lambda one: one.name)


def ask(pid, *arguments):
    return program.ask(["--pid", str(pid)], ["findings", "--json"] + list(arguments))


@pytest.fixture
def folder():
    path = cores.scratch("findings")
    yield path
    shutil.rmtree(path, ignore_errors=True)


def found(python, case, how, folder):
    """(findings of its rule, what the program says would be saved)"""
    rule = case.split(":")[0]
    with cores.Target(python, [PROGRAM, case, how], folder) as target:
        saved = int(target.wait_ready().split()[1])
        answer = ask(target.pid, "-n", "0")
    assert rule in answer["checked"]
    return [one for one in answer["findings"] if one["rule"] == rule], saved


def check_saved(python, case, folder):
    """The finding, whose bytes are what the program sees go when the fault is mended."""
    findings, saved = found(python, case, "fault", folder)
    assert findings, "not found"
    first = findings[0]
    assert (saved > 0) == (first["kind"] == "saved"), "the program measured nothing"
    assert first["estimated"] is False
    if saved:
        assert abs(first["bytes"] - saved) <= 0.1 * saved, "says %d, the program %d" % (first["bytes"], saved)
    return first


@pytest.mark.parametrize("case", CASES)
def test_fault_and_nearly(case, python, folder):
    rule = case.split(":")[0]
    first = check_saved(python.path, case, folder)
    assert first["text"] and first["next"]
    assert first["kind"] == ("urgent" if rule in URGENT else "held" if rule in HELD else "saved")
    assert first["bytes"] >= 256 << 10 or rule in URGENT + ("unretrieved_exceptions",)
    place = PLACES.get(case, PLACES.get(rule, "KEPT"))
    if place:
        assert any(place in one["name"] or "KEPT" in one["name"] for one in first["places"]), first["places"]
    nearly, _ = found(python.path, case, "near", folder)
    assert not nearly, nearly


def test_what_other_builds_save(hardest, folder):
    check_saved(hardest[0].path, hardest[1], folder)


def test_an_allocator_that_is_not_known(folder):
    """What a library by the name of another malloc gives out is not known: bytes saved are marked."""
    other = os.path.join(folder, "libhoard.so")
    with open("/proc/self/maps", encoding="utf-8") as text:  # some library of the system that does no harm
        shutil.copy(re.search(r"/\S*/libm[.-]\S*", text.read()).group(), other)
    with cores.Target(interpreters.distribution().path, [PROGRAM, "dict_records", "fault"], folder,
                      {"LD_PRELOAD": other}) as target:
        target.wait_ready()
        (finding,) = ask(target.pid, "--only", "dict_records")["findings"]
        assert finding["estimated"] is True
        text = program.run(["--pid", str(target.pid), "findings", "--only", "dict_records"]).output
        table = program.run(["--pid", str(target.pid), "query", "--csv", "SELECT DISTINCT estimated FROM finding "
                             "WHERE saving"]).output
    assert table.split() == ["estimated", "1"]
    assert re.search(r"1\. ~[0-9.]+ MiB could be saved", text), text


def test_each_rule_has_a_fault_and_a_line_in_the_docs(folder):
    with cores.Target(interpreters.distribution().path, [PROGRAM, "list_room", "near"], folder) as target:
        target.wait_ready()
        rules = ask(target.pid)["checked"]
    with open(os.path.join(program.ROOT, "docs", "symptoms.md"), encoding="utf-8") as text:
        page = text.read()
    assert set(rules) - {case.split(":")[0] for case in CASES} == {"incomplete_dump"}  # has a test of its own below
    assert [rule for rule in rules if "`%s`" % rule not in page] == []


@pytest.mark.parametrize("framework", ["fastapi", "django"])
def test_hello_world_has_none(framework, folder):
    pytest.importorskip(framework, reason="%s is not installed" % framework)
    with cores.Target(sys.executable, [HELLO, framework], folder) as target:
        assert "200" in target.wait_ready()
        assert ask(target.pid)["findings"] == []


def test_healthy_processes_have_none(healthy, folder):
    lines = ("import asyncio, decimal, http.server, json, logging, unittest, os, sys, threading\n"
             "sys.path.insert(0, %r)\nimport quiet\nlock = threading.Lock()\nlock.acquire()\n"
             "def take(own):\n    with own:\n        with lock:\n            pass\n"
             "for n in range(2):\n    threading.Thread(target=take, args=[threading.Lock()], daemon=True).start()\n"
             "quiet.wait()\n"  # two threads that wait for one that works: no deadlock
             "os.write(1, b'READY\\n')\nsys.stdin.read()\n" % os.path.dirname(PROGRAM))
    with cores.Target(healthy.path, ["-c", lines], folder) as target:
        target.wait_ready()
        assert ask(target.pid)["findings"] == []


def test_only_text_and_exit_status(folder):
    with cores.Target(interpreters.distribution().path, [PROGRAM, "dict_records", "fault"], folder) as target:
        target.wait_ready()
        pid = ["--pid", str(target.pid)]
        assert [one["rule"] for one in ask(target.pid, "--only", "dict_records")["findings"]] == ["dict_records"]
        assert ask(target.pid, "--only", "list_room")["checked"] == ["list_room"]
        text = program.run(pid + ["findings"]).output
        assert "(first, second, third)" in text and "__slots__" in text and "Checked, and nothing above" in text
        assert program.run(pid + ["findings", "--fail-over", "1%"]).status == 4
        assert program.run(pid + ["findings", "--fail-over", "99%"]).status == 0
        wrong = program.run(pid + ["findings", "--only", "nothing"])
        assert wrong.status == 1 and "dict_records" in wrong.errors


def test_where_it_was_made(folder):
    """Where tracemalloc was on, a place says which line asked for it."""
    lines = ("import os, sys\n\nKEPT = [\n    {'first': n, 'second': None}\n    for n in range(5000)]\n"
             "os.write(1, b'READY\\n')\nsys.stdin.read()\n")
    path = os.path.join(folder, "made.py")
    with open(path, "w", encoding="utf-8") as text:
        text.write(lines)
    with cores.Target(interpreters.distribution().path, ["-X", "tracemalloc", path], folder) as target:
        target.wait_ready()
        (finding,) = ask(target.pid, "--only", "dict_records")["findings"]
        assert finding["places"][0]["made_at"] == path + ":4"
        assert "made at %s:4" % path in program.run(["--pid", str(target.pid), "findings"]).output


def test_a_dump_that_is_not_whole(folder):
    with cores.Target(interpreters.distribution().path, [PROGRAM, "dict_records", "near"], folder) as target:
        target.wait_ready()
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
    whole = program.ask(["--core", core], ["findings", "--json"])["findings"]
    assert "incomplete_dump" not in [one["rule"] for one in whole]
    os.truncate(core, os.path.getsize(core) * 9 // 10)
    done = program.run(["--core", core, "findings", "--json"])
    if done.status in (0, 3):
        assert json.loads(done.output)["findings"][0]["rule"] == "incomplete_dump"
    else:
        assert "truncated" in done.errors or "ends" in done.errors


def test_only_its_rule_is_asked(folder):
    """Each rule alone finds what it finds among all."""
    with cores.Target(interpreters.distribution().path, [PROGRAM, "equal_subtrees", "fault"], folder) as target:
        target.wait_ready()
        every = ask(target.pid, "-n", "0")
        for one in every["findings"]:
            alone = ask(target.pid, "--only", one["rule"])
            assert alone["checked"] == [one["rule"]]
            assert [x["bytes"] for x in alone["findings"]] == [
                x["bytes"] for x in every["findings"] if x["rule"] == one["rule"]]
