# SPDX-License-Identifier: MIT
"""tasks: the chain of a task that executes, from its coroutine to the innermost that something awaits, and
the functions that this one called."""
import json
import os

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "running_task_program.py")


def check(answer, told):
    running = [group for group in answer["groups"] if group["state"] == "running"]
    assert [group["count"] for group in running] == [1]
    chain = [[step["function"].rsplit(".", 1)[-1], step["line"]] for step in running[0]["chain"]]
    assert len(told) == 8 and chain[:8] == told and 9 <= len(chain) <= 10 and chain[-1][0] == "stands"


def test_running_task(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        told = json.loads(target.wait_ready()[len("READY "):])
        check(program.ask(["--pid", str(target.pid)], ["tasks", "--json"]), told)


def test_running_task_in_core(distribution, tmp_path):
    with cores.Target(distribution.path, [PROGRAM], str(tmp_path)) as target:
        told = json.loads(target.wait_ready()[len("READY "):])
        core = cores.gcore(target.pid, str(tmp_path / "core"))
    check(program.ask(["--core", core], ["tasks", "--json"]), told)
