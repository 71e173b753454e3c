# SPDX-License-Identifier: MIT
"""threads: who waits for which lock and who has it, for every kind of lock; three deadlocks and one that is none. The
case: a deadlock in which no command showed owner or waiters."""
import json
import os
import re
import signal

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locks_program.py")


def check_object(where, answer):
    """object LOCK says the same of one lock."""
    rows = {one["name"]: one for one in answer["threads"]}
    lock = rows["RLock waiter"]["waits_for"]["address"]
    (found,) = program.ask(where, ["object", "--json", lock])["objects"]
    assert found["lock"] == {"kind": "RLock", "locked": True, "owner": rows["RLock holder"]["id"],
                             "owner_by": "owner", "owner_is_guessed": False, "waiters": [rows["RLock waiter"]["id"]]}
    text = program.run(where + ["object", lock]).output
    assert "  RLock     held by thread %d" % rows["RLock holder"]["id"] in text and '  waiters   thread ' in text


def dumped(target, path):
    """By the kernel where it does: an older gdb cannot read stacks with the guard pages of glibc 2.42."""
    try:
        cores.check_kernel_cores()
    except cores.Skipped:
        return cores.gcore(target.pid, path)
    os.kill(target.pid, signal.SIGABRT)
    return cores.kernel_core(target)


def asked(interpreter, mode, folder, kinds=("live",)):
    """What the program knows, and for each kind of target what `threads` says, as JSON and as text."""
    folder = os.path.join(folder, mode)
    os.mkdir(folder)
    with cores.Target(interpreter.path, ["-W", "ignore", PROGRAM, mode], folder) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        answers = []
        for kind in kinds:
            where = ["--pid", str(target.pid)]
            if kind == "core":
                where = ["--core", dumped(target, os.path.join(folder, "core-" + mode))]
            text = program.run(where + ["threads", "-n", "0"]).output
            answers.append((program.ask(where, ["threads", "--json"]), text))
            if mode == "every_kind":
                check_object(where, answers[-1][0])
        return truth, answers


def check_waits(truth, answer):
    names = {one["id"]: one["name"] for one in answer["threads"]}
    found = {one["name"]: one for one in answer["threads"]}
    wrong = []
    for name, told in truth["waits"].items():
        waits = found[name]["waits_for"]
        if waits is None or waits["kind"] != told["kind"] or told["address"] not in (None, waits["address"]):
            wrong.append("%s: %s\n   %s" % (name, waits, told))
        elif told["owner"] and (names.get(waits["owner"]) != told["owner"] or waits["owner_by"] != told["by"]):
            wrong.append("%s: owner %s: %s\n   %s" % (name, names.get(waits["owner"]), waits, told))
    for name, told in truth["waits"].items():
        if told["by"] in ("with", "owner") and told["kind"] not in ("Thread", "import lock"):
            holds = [one for one in found[told["owner"]]["holds"] if one["address"] == told["address"]]
            if len(holds) != 1 or holds[0]["waiters"] != 1:
                wrong.append("%s holds %s" % (told["owner"], found[told["owner"]]["holds"]))
    assert not wrong, "%d wrong\n%s" % (len(wrong), "\n".join(wrong))
    assert len(answer["threads"]) == truth["threads"] and len(truth["waits"]) == 15
    assert answer["deadlocks"] == []


def test_owner_and_waiters_of_every_kind(each, tmp_path):
    """From a live process and from a core."""
    truth, answers = asked(each, "every_kind", str(tmp_path), ("live", "core"))
    for answer, text in answers:
        check_waits(truth, answer)
        assert "DEADLOCK" not in text and "import lock of module slow_module" in text
        holders = [one["name"] for one in answer["threads"] if one["gil"] == "holds"]
        assert len(holders) <= 1


def test_a_lock_is_called_by_what_the_program_keeps_it_in(distribution, tmp_path):
    """Whoever waits for it has it as a local, which says nothing."""
    truth, ((answer, text),) = asked(distribution, "named", str(tmp_path))
    names = {one["name"]: one["waits_for"]["name"] for one in answer["threads"] if one["waits_for"] is not None}
    assert {name: names[name] for name in truth["waits"] if name != "own"} == \
        {name: told for name, told in truth["waits"].items() if name != "own"}, text
    assert names["own"].startswith("local '"), names
    held = {hold["name"] for one in answer["threads"] for hold in one["holds"]}
    assert {"__main__.Service.gate", "__main__.Service.app.pool.guard"} <= held, text


def test_what_only_frames_know_is_called_by_the_program_s_local(each, tmp_path):
    """Not by what threading or the library's frame on top has it as, nor by a place on an evaluation stack."""
    truth, ((answer, text),) = asked(each, "passed", str(tmp_path))
    names = {one["name"]: one["waits_for"]["name"] for one in answer["threads"] if one["waits_for"] is not None}
    mine = r"local 'lock' of inside\(\) locks_program\.py:\d+$"
    # In a frozen program no folder tells the library's files from others.
    is_frozen = os.path.basename(each.path).startswith("frozen-")
    also = r"|local 'self' of (Semaphore\.)?acquire\(\) threading\.py:\d+$" if is_frozen else ""
    assert re.match(mine, names["Lock waiter"]), text
    assert re.match(mine + also, names["Semaphore waiter"]), text
    assert re.search(r' "price"   .*receives from descriptor \d+, %s' % re.escape(truth["waits"]["price"]), text), text


def test_files_that_threads_wait_for(each, tmp_path):
    """What the kernel says of a file is known of a live process only, which object has it from a core too."""
    truth, answers = asked(each, "descriptors", str(tmp_path), ("live", "core"))
    for kind, (answer, text) in zip(("live", "core"), answers):
        rows = {one["name"]: one for one in answer["threads"]}
        for name, told in truth["waits"].items():
            if "state" in told:
                assert rows[name]["state"] in told["state"] and "descriptor" not in rows[name]
                continue
            if "polls" in told:
                found = rows[name]["polls"]
                assert sorted([one["descriptor"], one.get("file")] for one in found) == told["polls"], name
                assert all(("file_name" in one) == (kind == "live") for one in found), name
                assert "  polls descriptor %d, " % told["polls"][0][0] in text
                continue
            assert (rows[name].get("file"), rows[name]["descriptor"]) == (told["file"], told["descriptor"]), name
            assert rows[name].get("file_name") == (told["file_name"] if kind == "live" else None), name
            assert " descriptor %d, " % told["descriptor"] in text
            assert (": " + told["file_name"] + "   daemon\n" in text) == (kind == "live")


def test_mutexes_of_c_code_and_of_objects(each, tmp_path):
    """PyMutex (3.13), and in a free-threaded build the lock of an object, which a critical section has."""
    if each.version < (3, 13):
        pytest.skip("PyMutex is new in 3.13")
    for mode in ("mutex", "object_lock") if each.free_threaded else ("mutex",):
        truth, answers = asked(each, mode, str(tmp_path), ("live", "core"))
        for answer, text in answers:
            found = {one["name"]: one for one in answer["threads"]}
            names = {one["id"]: one["name"] for one in answer["threads"]}
            for name, told in truth["waits"].items():
                waits = found[name]["waits_for"]
                assert waits is not None and (waits["kind"], waits["address"]) == (told["kind"], told["address"]), text
                assert names.get(waits["owner"]) == told["owner"], text
            if mode == "object_lock":  # one that waits is detached of course
                assert '"sorts"   attached   runs' in text and "detached" not in text, text
                assert found["appends"]["gil"] == "detached"


def test_who_has_the_gil(each, tmp_path):
    if each.free_threaded:
        pytest.skip("a free-threaded build has no GIL")
    with cores.Target(each.path, ["-W", "ignore", PROGRAM, "gil"], str(tmp_path)) as target:
        target.wait_ready()
        # Who waits for the GIL asks for it every 5 ms, and runs for some of them.
        for _ in range(50):
            answer = program.ask(["--pid", str(target.pid)], ["threads", "--json"])
            main, spins = [[one for one in answer["threads"] if one["name"] == name][0]
                           for name in ("MainThread", "spins")]
            assert main["gil"] == "holds" and spins["gil"] in ("waits", "released")
            if spins["gil"] == "waits":
                break
        assert spins["waits_for"]["kind"] == "GIL" and spins["waits_for"]["owner"] == main["id"]


@pytest.mark.parametrize("mode", ["two_rlocks", "lock_and_queue", "import_lock", "none"])
def test_deadlocks(each, mode, tmp_path):
    truth, ((answer, text),) = asked(each, mode, str(tmp_path))
    names = {one["id"]: one["name"] for one in answer["threads"]}
    found = [sorted(names[one["thread"]] for one in circle) for circle in answer["deadlocks"]]
    assert found == ([sorted(truth["deadlock"])] if truth["deadlock"] else []), text
    assert ("DEADLOCK" in text) == bool(truth["deadlock"])
    assert answer["deadlocks_guessed"] == (mode == "lock_and_queue")
    if mode == "two_rlocks":
        assert answer["behind"] == 1 and "at two_rlocks.<locals>.take() " in text or "at take() " in text
