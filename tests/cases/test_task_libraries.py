# SPDX-License-Identifier: MIT
"""tasks: those of other libraries than asyncio, and greenlets: each is found, its chain has the lines that the process
itself tells, and those that hang alike are one group. The libraries are looked for in the Python of these tests, and in
those that PYDS_LIBRARY_PYTHONS names, separated by colons; docs/testing.md says how to make them."""
import json
import os
import re
import subprocess
import sys

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "task_libraries_program.py")
PYTHONS = [sys.executable] + [one for one in os.environ.get("PYDS_LIBRARY_PYTHONS", "").split(":") if one]
WAITS = {"uvloop": ("Queue.get", "StreamReader.readline"), "anyio": ("MemoryObjectReceiveStream.receive", "Event.wait"),
         "trio": ("MemoryReceiveChannel.receive", "Event.wait"), "curio": ("Queue.get", "Event.wait"),
         "greenlet": (None, None), "gevent": (None, None), "eventlet": (None, None)}


def steps(group):
    return [[step["function"].rsplit(".", 1)[-1], step["line"]] for step in group["chain"]]


@pytest.mark.parametrize("python", PYTHONS, ids=range(len(PYTHONS)))
@pytest.mark.parametrize("library", sorted(WAITS))
def test_tasks_that_hang(python, library, tmp_path):
    if subprocess.run([python, "-c", "import " + library], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("%s has no %s that can be imported" % (python, library))
    with cores.Target(python, ["-W", "ignore", PROGRAM, library], str(tmp_path)) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        where = ["--pid", str(target.pid)]
        answer = program.ask(where, ["tasks", "--json"])
        text = program.run(where + ["tasks", "-n", "0"]).output
    rows = {row["address"]: row for row in answer["tasks"]}
    groups = {}
    for told in truth["tasks"]:
        row = rows[told["address"]]
        assert steps(answer["groups"][row["group"]]) == told["chain"], told
        assert told["name"] in (None, row["name"])
        groups.setdefault(row["group"], []).append(row)
    assert sorted(len(found) for found in groups.values()) == [3, 5]
    assert all(answer["groups"][group]["count"] == len(found) for group, found in groups.items())
    for waits in WAITS[library]:
        assert waits is None or "waits in %s of " % waits in text
    if library == "uvloop":
        (loop,) = [one for one in answer["loops"] if one["address"] == truth["loop"]]
        assert (loop["ready"], loop["timers"]) == (4, 1)
    if library == "anyio":
        assert [group for group in answer["groups"]
                if group["worker"] and "is at anyio_program.<locals>.in_thread()" in group["waits_for"]], text
    if "edge" in truth:
        assert truth["edge"] in [[one["task"], one["waits_for"], one["by"]] for one in answer["awaits"]]
    assert not [group for group in answer["groups"] if group["state"] == "suspended coroutine"], text
    if WAITS[library] == (None, None):
        assert sorted(answer["groups"][group]["state"] for group in groups) == ["greenlet", "greenlet"]
        assert max(answer["groups"][group]["retained"] for group in groups) > 50000  # the local `weighs` of five


def test_locals_of_greenlets(tmp_path):
    if subprocess.run([sys.executable, "-c", "import greenlet"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("%s has no greenlet" % sys.executable)
    with cores.Target(sys.executable, ["-W", "ignore", PROGRAM, "greenlet"], str(tmp_path)) as target:
        target.wait_ready()
        where = ["--pid", str(target.pid)]
        text = program.run(where + ["tasks", "--locals", "--values"]).output
        groups = program.ask(where, ["tasks", "--locals", "--json"])["groups"]
    steps = [step for group in groups if group["state"] == "greenlet" for step in group["chain"]]
    found = {local["name"]: local["type"] for step in steps for local in step["locals"]}
    assert found["weighs"] == "bytearray" and found["order"] == "int"
    assert "          weighs  0x" in text and "  bytearray, 1000" in text and "  int " in text


LIMITED = """import sys, threading
import anyio, anyio.to_thread
begun, gate = threading.Event(), threading.Event()
def work():
    begun.set(), gate.wait()
async def order():
    await anyio.to_thread.run_sync(work, limiter=LIMITER)
async def main():
    global LIMITER
    LIMITER = anyio.CapacityLimiter(1)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(order)
        while not begun.is_set():
            await anyio.sleep(0)
        print("READY", flush=True), sys.stdin.read()
anyio.run(main)
"""


def test_a_pool_that_is_full(tmp_path):
    """anyio's run_sync() waits for its limiter: 40 calls at a time, if the program made none of its own."""
    pytest.importorskip("anyio")
    with cores.Target(sys.executable, ["-W", "ignore", "-c", LIMITED], str(tmp_path)) as target:
        target.wait_ready()
        answer = program.ask(["--pid", str(target.pid)], ["tasks", "--json"])
    waits = {group["count"]: group["waits_for"] for group in answer["groups"] if group["state"] == "pending"}
    assert waits[2].startswith("in CapacityLimiter.acquire of __main__.LIMITER 0x"), waits
    assert re.fullmatch(
        r"for a thread pool: thread \d+ \"AnyIO worker thread\" is at work\(\) <string>:5", waits[1]), waits
