# SPDX-License-Identifier: MIT
"""tasks: every task with its state and chain as the process itself tells them, who waits for whom, cycles, what is
kept, and what no task has. The case: 2,000 stuck orders of which no command named the awaiting line."""
import json
import os
import re
import sys

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tasks_program.py")


class Tasks(object):
    def __init__(self, truth, answer, text, tree):
        self.truth, self.answer, self.text, self.tree = truth, answer, text, tree
        self.rows = {row["address"]: row for row in answer["tasks"]}

    def group(self, address):
        return self.answer["groups"][self.rows[address]["group"]]


@pytest.fixture(scope="module", params=interpreters.find(), ids=lambda one: one.name)
def tasks(request, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("tasks"))
    with cores.Target(request.param.path, ["-W", "ignore", PROGRAM], folder) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        where = ["--pid", str(target.pid)]
        yield Tasks(truth, program.ask(where, ["tasks", "--json"]), program.run(where + ["tasks", "-n", "0"]).output,
                    program.run(where + ["tasks", "--tree", "-n", "0"]).output)


def places(group):
    return [[step["function"].rsplit(".", 1)[-1], step["file"], step["line"]] for step in group["chain"]]


def test_every_task_is_there_with_its_state_and_chain(tasks):
    wrong = []
    for one in tasks.truth["tasks"]:
        row = tasks.rows.get(one["address"])
        if row is None:
            wrong.append("%s %s is not listed" % (one["name"], one["address"]))
            continue
        if not re.fullmatch(one["name"] or r"Task-\d+|python \d", row["name"]) or row["state"] != one["state"]:
            wrong.append("%s: %s" % (one, row))
        told = [[name.rsplit(".", 1)[-1], file, line] for name, file, line in one["chain"]]
        if one["state"] == "pending" and places(tasks.group(one["address"])) != told:
            wrong.append("%s: %s\n  %s" % (one["name"], places(tasks.group(one["address"])), told))
        if one["state"] == "pending" and told and one["stack"] != [told[0][2]]:
            wrong.append("%s: get_stack() says %s" % (one["name"], one["stack"]))
    listed = {address for address, row in tasks.rows.items()
              if row["state"] in ("pending", "running", "done", "failed", "cancelled")}
    more = listed - {one["address"] for one in tasks.truth["tasks"]}
    assert not wrong and not more, "%d wrong, %d too many\n%s" % (len(wrong), len(more), "\n".join(wrong[:5]))


def test_what_runs_is_followed_into_functions(tasks):
    (running,) = [one for one in tasks.answer["groups"] if one["state"] == "running"]
    assert [[function, line] for function, _, line in places(running)] == tasks.truth["running"]
    assert [function for function, _ in tasks.truth["running"]] == ["main", "come_to", "stand_still"]
    assert "   runs in thread %d \"MainThread\"\n" % running["runs_in"] in tasks.text
    lines = tasks.truth["running"]
    assert "main() tasks_program.py:%d ... stand_still() tasks_program.py:%d" % (
        lines[0][1], lines[-1][1]) in tasks.tree


def test_equal_chains_are_one_group(tasks):
    (group,) = [one for one in tasks.answer["groups"]
                if one["count"] >= 50 and one["chain"][0]["function"].endswith("middle")]
    assert group["count"] == 53 + 3  # the python ones and those under gather() stand in the same places
    assert group["waits_for"].startswith("in Event.wait of ") and tasks.truth["event"] in group["waits_for"]
    assert "waits in Event.wait of " in tasks.text


@pytest.mark.parametrize("function, words", [
    ("get", "in Queue.get of "), ("locked", "in Lock.acquire of "), ("gathering", "for gather() "),
    ("shielding", "for shield() "), ("sleeping", "in sleep"),
    ("through_old_style", "for a future: ")])
def test_what_a_group_waits_for(tasks, function, words):
    group = [one for one in tasks.answer["groups"] if one["chain"] and one["chain"][0]["function"] == function
             and one["state"] == "pending"]
    assert len(group) == 1 and group[0]["waits_for"].startswith(words), group
    known = {"get": "queue", "locked": "lock"}.get(function)
    assert known is None or tasks.truth[known] in group[0]["waits_for"]


def test_which_thread_works_for_a_task(tasks):
    (group,) = [one for one in tasks.answer["groups"] if one["chain"] and one["chain"][0]["function"] == "in_pool"]
    words = (r"for a thread pool: 1 is at work, in thread \d+ \"\S+\" at in_thread\(\) tasks_program.py:\d+; "
             r"1 has not begun")
    assert group["count"] == 2 and group["worker"] > 0 and re.fullmatch(words, group["waits_for"]), group
    assert "thread %d " % group["worker"] in tasks.tree


def test_what_the_loop_has_not_come_to(tasks):
    (group,) = [one for one in tasks.answer["groups"] if one["chain"] and one["chain"][0]["function"] == "overdue"]
    assert group["waits_for"] is None
    assert re.search(r"      overdue\(\) \S+\n   waits for nothing: the event loop has not come to it\n", tasks.text)


def test_who_holds_a_lock_of_asyncio(tasks):
    (group,) = [one for one in tasks.answer["groups"] if one["chain"] and one["chain"][0]["function"] == "wanting"]
    assert group["held_by"] == tasks.truth["holder"]
    assert ", held by task %s at holding() tasks_program.py:" % tasks.truth["holder"] in group["waits_for"]


def test_who_may_hold_a_lock_that_was_taken_by_hand(tasks):
    """The only task that knows it and calls acquire(): its coroutine is suspended, or runs."""
    for function, holder, place in (("wanting_by_hand", "hand", "by_hand"), ("locked", "main", "main")):
        (group,) = [one for one in tasks.answer["groups"] if one["chain"] and one["chain"][0]["function"] == function]
        assert group["held_by"] == tasks.truth[holder] and group["held_by_is_guessed"] is True, group
        assert ", perhaps held (it calls acquire) by task %s at %s() tasks_program.py:" % (
            tasks.truth[holder], place) in group["waits_for"]
    (group,) = [one for one in tasks.answer["groups"] if one["chain"] and
                one["chain"][0]["function"] == "wanting_condition"]
    assert group["held_by"] == tasks.truth["in_condition"] and group["held_by_is_guessed"] is False, group


def test_who_waits_for_whom(tasks):
    found = {(one["task"], one["waits_for"], one["by"]) for one in tasks.answer["awaits"]}
    told = {tuple(edge) for edge in tasks.truth["edges"]}
    cycle = tasks.truth["cycle"]
    assert found == told | {(cycle[0], cycle[1], "await"), (cycle[1], cycle[0], "await")}
    assert len(told) >= 7
    assert all(child in tasks.tree and by + ' "' in tasks.tree for _, child, by in told)


def test_the_call_graph_of_asyncio_itself(tasks):
    """asyncio.capture_call_graph(): its stacks end where an asynchronous generator or an old coroutine begins."""
    if "graphs" not in tasks.truth:
        pytest.skip("asyncio.capture_call_graph() is new in 3.14")
    found, wrong = {}, []
    for one in tasks.answer["awaits"]:
        found.setdefault(one["waits_for"], set()).add(one["task"])
    completing = {address for address in tasks.rows
                  if (tasks.group(address)["chain"] or [{}])[0].get("function") == "completing"}
    assert len(completing) == 1
    for graph in tasks.truth["graphs"]:
        chain = tasks.group(graph["address"])["chain"]
        lines = [step["line"] for step in chain]
        is_cut = chain[0]["function"].rsplit(".", 1)[-1] in ("consume", "through_old_style")
        awaited_by = found.get(graph["address"], set())
        if graph["address"] in (tasks.truth["holder"], tasks.truth["in_condition"]):  # its lock is waited for
            assert len(awaited_by) == 1
            awaited_by = set()
        reversed_lines = graph["lines"]
        # That as_completed() waits is told by asyncio only in later patch releases.
        awaited_by, told = awaited_by - completing, set(graph["awaited_by"]) - completing
        if (lines[:len(reversed_lines)] if is_cut else lines) != reversed_lines or \
                awaited_by != told:
            wrong.append("%s\n   %s %s" % (graph, lines, sorted(awaited_by)))
    assert not wrong and len(tasks.truth["graphs"]) > 60, "%d wrong\n%s" % (len(wrong), "\n".join(wrong[:5]))


def test_a_cycle_is_said(tasks):
    (cycle,) = tasks.answer["cycles"]
    assert sorted(cycle) == sorted(tasks.truth["cycle"])
    assert "CYCLE: task " in tasks.text and "none of them can go on" in tasks.text
    assert "waits for different tasks, the first " in tasks.text


def test_finished_ones_and_who_keeps_them(tasks):
    (done,) = [one for one in tasks.answer["groups"] if one["state"] == "done"]
    assert done["count"] == 20 and tasks.truth["kept"] in done["kept_by"] and "KEPT" in done["kept_by"]
    assert 20 * 10000 <= done["payload"] <= done["retained"] + 20 * 1000
    (failed,) = [one for one in tasks.answer["groups"] if one["state"] == "failed"]
    assert failed["count"] == 1 and failed["not_retrieved"] == 1
    assert "1 exception that nobody asked for" in tasks.text


def test_futures_that_nobody_waits_for(tasks):
    groups = {one["state"]: one for one in tasks.answer["groups"] if tasks.truth["answers"] in (one["kept_by"] or "")}
    assert {state: one["count"] for state, one in groups.items() if state.endswith(" future")} == {
        "done future": 10, "failed future": 1, "pending future": 1}
    assert 10 * 10000 <= groups["done future"]["payload"] <= groups["done future"]["retained"]
    assert groups["failed future"]["not_retrieved"] == 1
    assert "   nobody waits for it\n" in tasks.text


def test_what_no_task_has(tasks):
    assert tasks.rows[tasks.truth["never"]]["state"] == "never awaited"
    assert tasks.rows[tasks.truth["generator"]]["state"] == "generator"
    assert tasks.rows[tasks.truth["generator"]]["retained"] >= 5000
    assert tasks.rows[tasks.truth["async_generator"]]["state"] == "async generator"


def test_the_steps_of_a_framework_are_one_line(tmp_path):
    """Seven coroutines of a package between the loop and the program."""
    package = tmp_path / "site-packages"
    package.mkdir()
    steps = "".join("async def step%d(call):\n    await %s\n" % (n, "step%d(call)" % (n - 1) if n else "call()")
                    for n in range(7)) + "def endpoint(call):\n    call()\n"
    (package / "framework.py").write_text(steps)
    script = tmp_path / "app.py"
    script.write_text("import asyncio, sys\nsys.path.insert(0, %r)\nimport framework\n"
                      "async def order():\n    await asyncio.sleep(3600)\n"
                      "def plain():\n    begun.set(), gate.wait()\n"
                      "import threading\nbegun, gate = threading.Event(), threading.Event()\n"
                      "async def in_pool():\n"
                      "    await asyncio.get_running_loop().run_in_executor(None, framework.endpoint, plain)\n"
                      "async def main():\n    task = asyncio.ensure_future(framework.step6(order))\n"
                      "    work = asyncio.ensure_future(in_pool())\n"
                      "    await asyncio.sleep(0)\n    await asyncio.sleep(0)\n    begun.wait()\n"
                      "    print('READY', flush=True)\n    sys.stdin.read()\nasyncio.run(main())\n" % str(package))
    with cores.Target(sys.executable, [str(script)], str(tmp_path)) as target:
        target.wait_ready()
        where = ["--pid", str(target.pid)]
        short, whole = program.run(where + ["tasks"]).output, program.run(where + ["tasks", "-n", "0"]).output
    chain = ("      step6() framework.py:14\n      ... 5 more of packages (-n 0 shows all)\n"
             "      step0() framework.py:2\n")
    assert chain + "      order() app.py:5\n" in short and "framework.py:8" not in short
    assert " at plain() app.py:7\n" in short
    assert "      step3() framework.py:8\n" in whole and "more of packages" not in whole


def test_the_loop(tasks):
    (loop,) = [one for one in tasks.answer["loops"] if one["address"] == tasks.truth["loop"]]
    assert loop["descriptors"] >= 1 and loop["timers"] >= 1 and loop["ready"] >= 0
