# SPDX-License-Identifier: MIT
"""frames: a recursion is one frame and a number; --no-retained needs no heap; values in JSON; equal stacks are one."""
import os
import re
import sys
import time

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stacks_program.py")
RECURSION = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "bench", "recursion.py")


def frames_of(answer, name):
    (thread,) = [one for one in answer["threads"] if one["name"] == name]
    return thread["frames"]


def test_recursion_and_equal_stacks(each, tmp_path):
    with cores.Target(each.path, ["-W", "ignore", PROGRAM], str(tmp_path)) as target:
        target.wait_ready()
        where = ["--pid", str(target.pid)]
        plain = program.run(where + ["frames", "--no-retained"]).output
        weighed = program.run(where + ["frames"]).output
        stacks = program.ask(where, ["frames", "--no-retained", "--json", "--values"])
        whole = program.ask(where, ["frames", "--json", "-n", "8"])
        memory = program.ask(where, ["memory", "--json"])
    for text in (plain, weighed):
        assert "     ... 4,999 more of recurses() stacks_program.py:23\n" in text
        assert "#5001 begins() stacks_program.py:28" in text
        assert text.count(" waits() stacks_program.py:14") == 1 and text.count("2 threads: Thread ") == 1
        assert text.count("  and alike: Thread ") == 1
    frames = frames_of(stacks, "deep")
    assert [one["line"] for one in frames[:2]] == [21, 23] and len(frames) >= 5004
    begins = [one for one in frames if one["function"] == "begins"]
    assert [one["name"] for one in begins[0]["locals"]] == ["numbers"] and len(begins) == 1
    assert begins[0]["locals"][0]["value"].startswith("list, 3 items")
    # What locals have in common weighs once, whichever comes first; a class among them is opened.
    for function, parts in (("opens", ("Kind", "pair")), ("shares", ("pair",))):
        (frame,) = [one for one in frames_of(whole, "shares") if one["function"] == function]
        deep = {one["name"]: one["deep"] for one in frame["locals"]}
        assert deep["pair"] > deep["first"] > 0 and frame["deep"] == sum(deep[name] for name in parts)
    assert "in two threads" in str(frames_of(stacks, "Thread-2" if each.version < (3, 10) else "Thread-2 (waits)"))
    assert "coverage" in whole and "coverage" in stacks and "value" not in str(whole["threads"])
    # 5,000 frames of 3.11 and later lie in mappings that are nobody else's.
    parts = {part["name"]: part["bytes"] for part in memory["tree"][0]["parts"]}
    assert each.version < (3, 11) or parts["Python frames"] >= 5000 * 80
    assert each.version >= (3, 11) or "Python frames" not in parts


def test_recursion_of_nested_lists(distribution, tmp_path):
    """Each local reaches what the caller's does: one by one, 20,000 of them are two hundred million."""
    count = 20000
    with cores.Target(distribution.path, [RECURSION, "deep", str(count)], str(tmp_path)) as target:
        target.wait_ready()
        core = cores.gcore(target.pid, str(tmp_path / "core"))
    begin = time.monotonic()
    program.ask(["--core", core], ["top", "--json"])
    top = time.monotonic() - begin
    (thread,) = program.ask(["--core", core], ["frames", "--json", "-n", "100000"])["threads"]
    assert time.monotonic() - begin < 20 * top
    frames = [one for one in thread["frames"] if one["function"] == "recurse"]
    assert len(frames) == count + 1
    deep = [{local["name"]: local["deep"] for local in frame["locals"]} for frame in frames]
    for number, (one, caller, frame) in enumerate(zip(deep, deep[1:], frames)):
        shared = 0 if number < 257 else sys.getsizeof(number)  # small numbers are there once for all
        assert one["caller"] == caller["mine"] and (shared == 0 or one["number"] == shared)
        assert one["mine"] - caller["mine"] in (sys.getsizeof([0, 0]) + sys.getsizeof(number),
                                               sys.getsizeof([0, 0]) + shared)
        assert frame["deep"] == one["mine"]


PACKAGE = """def step0(lock):
    lock.acquire()
""" + "".join("def step%d(lock):\n    step%d(lock)\n" % (n, n - 1) for n in range(1, 7))

CALLER = """import sys, threading
sys.path.insert(0, %r)
import framework
gate, sides, met = threading.RLock(), [threading.RLock(), threading.RLock()], threading.Barrier(3)
def order():
    framework.step6(gate)
def transfer(one, other):
    with one:
        met.wait()
        framework.step3(other)
with gate:
    for _ in range(3):
        threading.Thread(target=order, name="worker", daemon=True).start()
    for pair in (sides, sides[::-1]):
        threading.Thread(target=transfer, args=pair, name="deadlocked", daemon=True).start()
    met.wait()
    print("READY", flush=True)
    sys.stdin.read()
"""


def waits_in_kernel(pid):
    """How many of the threads sleep at a lock."""
    count = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/syscall" % (pid, task), encoding="ascii") as file:
            count += file.read().split()[0] in ("202", "98")  # futex, on x86-64 and aarch64
    return count


def test_where_the_program_called_a_package(distribution, tmp_path):
    """The innermost frames are a library's, as requests' are where a request never ends: its caller is shown too."""
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "framework.py").write_text(PACKAGE)
    script = tmp_path / "app.py"
    script.write_text(CALLER % str(package))
    with cores.Target(distribution.path, [str(script)], str(tmp_path)) as target:
        target.wait_ready()
        while waits_in_kernel(target.pid) < 5:
            pass
        text = program.run(["--pid", str(target.pid), "threads"]).output
    assert re.search(r"\n3 threads: worker   daemon\n  waits for RLock __main__\.gate 0x\w+, held by thread \d+ "
                     r"\"MainThread\"\n  native ids \d+, \d+, \d+\n", text), text
    assert ("     step1() framework.py:4\n     step2() framework.py:6\n     ... 4 more of packages\n"
            "     order() app.py:6\n     ... 3 more\n") in text, text
    assert "     step2() framework.py:6\n     step3() framework.py:8\n     transfer() app.py:10\n" in text, text
    assert "\nDEADLOCK\n" in text and "\nLongest queue besides: 3 threads behind thread " in text, text
