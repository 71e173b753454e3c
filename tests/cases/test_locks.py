# SPDX-License-Identifier: MIT
"""threads: who waits for which lock and who has it, for every kind of lock; three deadlocks and one that is none. The
case: a deadlock in which no command showed owner or waiters."""
import json
import os

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
                             "owner_is_guessed": False, "waiters": [rows["RLock waiter"]["id"]]}
    text = program.run(where + ["object", lock]).output
    assert "  RLock     held by thread %d" % rows["RLock holder"]["id"] in text and '  waiters   thread ' in text


def asked(interpreter, mode, folder, kind="live"):
    with cores.Target(interpreter.path, ["-W", "ignore", PROGRAM, mode], folder) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        where = ["--pid", str(target.pid)]
        if kind == "gcore":
            where = ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]
        answer = program.ask(where, ["threads", "--json"])
        if mode == "every_kind":
            check_object(where, answer)
        return truth, answer, program.run(where + ["threads", "-n", "0"]).output


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
    assert len(answer["threads"]) == truth["threads"] and len(truth["waits"]) == 13
    assert answer["deadlocks"] == []


def test_owner_and_waiters_of_every_kind(each, tmp_path):
    truth, answer, text = asked(each, "every_kind", str(tmp_path))
    check_waits(truth, answer)
    assert "DEADLOCK" not in text and "import lock of module slow_module" in text
    holders = [one["name"] for one in answer["threads"] if one["gil"] == "holds"]
    assert len(holders) <= 1


def test_the_same_from_a_core(distribution, tmp_path):
    truth, answer, _ = asked(distribution, "every_kind", str(tmp_path), "gcore")
    check_waits(truth, answer)


@pytest.mark.parametrize("mode", ["two_rlocks", "lock_and_queue", "import_lock", "none"])
def test_deadlocks(each, mode, tmp_path):
    truth, answer, text = asked(each, mode, str(tmp_path))
    names = {one["id"]: one["name"] for one in answer["threads"]}
    found = [sorted(names[one["thread"]] for one in circle) for circle in answer["deadlocks"]]
    assert found == ([sorted(truth["deadlock"])] if truth["deadlock"] else []), text
    assert ("DEADLOCK" in text) == bool(truth["deadlock"])
    assert answer["deadlocks_guessed"] == (mode == "lock_and_queue")
    if mode == "two_rlocks":
        assert answer["behind"] == 1 and "at two_rlocks.<locals>.take() " in text or "at take() " in text
