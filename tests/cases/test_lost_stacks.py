# SPDX-License-Identifier: MIT
"""A core that has zeros for the stacks of threads, as gcore writes them where it cannot read a guard page: the Python
frames lie elsewhere since 3.11, and are found without the entries on the C stack that lead from one to the next."""
import os
import struct

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import quiet
sys.setrecursionlimit(20000)
gate, ready = threading.Event(), threading.Semaphore(0)
def waits():
    ready.release()
    gate.wait()
def through_c(n):
    return plain(n) if n > 0 else waits()
def plain(n):
    return plain(n - 1) if n % 100 else list(map(through_c, [n - 1]))
for n in (2000, 0):
    threading.Thread(target=plain, args=[n], name="deep %d" % n, daemon=True).start()
    ready.acquire()
quiet.wait()
print("READY", flush=True)
sys.stdin.read()
"""


def stacks_of(pid):
    """The mappings that the stack pointers of all threads but the first lie in."""
    with open("/proc/%d/maps" % pid) as file:
        mappings = [tuple(int(part, 16) for part in line.split()[0].split("-")) for line in file]
    pointers = []
    for thread in os.listdir("/proc/%d/task" % pid):
        if int(thread) != pid:
            with open("/proc/%d/task/%s/syscall" % (pid, thread)) as file:
                pointers.append(int(file.read().split()[-2], 16))
    assert len(pointers) == 2
    return [one for one in mappings if any(one[0] <= pointer < one[1] for pointer in pointers)]


def put_zeros(core, ranges):
    with open(core, "r+b") as file:
        header = file.read(64)
        at, = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(at)
        rows = [struct.unpack("<IIQQQQQQ", file.read(size)) for _ in range(count)]
        for kind, _, offset, address, _, in_file, _, _ in rows:
            for start, end in ranges:
                first, last = max(start, address), min(end, address + in_file)
                if kind == 1 and first < last:
                    file.seek(offset + first - address)
                    file.write(bytes(last - first))


def stacks(core):
    threads = program.ask(["--core", core], ["frames", "--json", "--no-retained", "-n", "0"])["threads"]
    return {one["name"]: [(frame["function"], frame["line"]) for frame in one["frames"]] for one in threads}


def test_frames_without_the_stack(each, tmp_path):
    if each.version < (3, 11):
        pytest.skip("up to 3.10 frames are objects: no stack leads from one to the next")
    with cores.Target(each.path, ["-c", PROGRAM, HERE], str(tmp_path)) as target:
        target.wait_ready()
        ranges = stacks_of(target.pid)
        core = cores.gcore(target.pid, str(tmp_path / "core"))
    whole = stacks(core)
    put_zeros(core, ranges)
    answer = program.run(["--core", core, "info"]).output
    assert "zeros for" in answer and "that hold stacks of threads" in answer
    without = stacks(core)
    assert without == whole
    text = program.run(["--core", core, "threads"]).output
    assert "A stack could not be followed to its end." in text or "stacks could not be followed" in text


WAITS = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import quiet
lock = threading.Lock()
lock.acquire()
for name in "ab":
    threading.Thread(target=lock.acquire, name=name, daemon=True).start()
quiet.wait()
print("READY", flush=True)
sys.stdin.read()
"""


def test_a_lock_that_only_the_stack_names(each, tmp_path):
    """Since 3.13 a lock is a PyMutex, and a thread sleeps at a semaphore on its stack: that is no lock of C code."""
    with cores.Target(each.path, ["-c", WAITS, HERE], str(tmp_path)) as target:
        target.wait_ready()
        ranges = stacks_of(target.pid)
        live = program.ask(["--pid", str(target.pid)], ["threads", "--json"])
        core = cores.gcore(target.pid, str(tmp_path / "core"))
    put_zeros(core, ranges)
    text = program.run(["--core", core, "threads", "-n", "0"]).output
    waits = {one["name"]: one["waits_for"] for one in program.ask(["--core", core], ["threads", "--json"])["threads"]}
    known = {one["name"]: one["waits_for"] for one in live["threads"]}
    for name in "ab":
        assert known[name]["kind"] == "Lock" and known[name]["name"] == "__main__.lock"
        if each.version < (3, 11):  # which thread a thread state is of its stack says: nothing is known of the call
            assert waits[name] is None, text
        elif each.version < (3, 13):
            assert waits[name]["kind"] == "Lock" and waits[name]["address"] == known[name]["address"], text
        elif waits[name]["kind"] != "Lock":  # the first ones of 3.13 have a semaphore in the lock
            assert (waits[name]["kind"], waits[name]["address"]) == ("unknown lock", None), text
            assert "waits for a lock: which one its stack says, and that is not in the dump" in text, text
        assert each.version < (3, 14) or waits[name]["kind"] == "unknown lock", text
