# SPDX-License-Identifier: MIT
"""Threads that hold every kind of lock and that wait for it, or that are in a deadlock (argument: which). Writes what
it knows of them as one line of JSON, then stands still."""
import concurrent.futures
import importlib
import json
import os
import queue
import sys
import tempfile
import threading
import time

import quiet

WAITS, READY, GATE = {}, threading.Semaphore(0), threading.Event()


def start(name, function, *arguments):
    thread = threading.Thread(target=function, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


def expect(waiter, kind, lock, owner=None, by=None):
    WAITS[waiter] = {"kind": kind, "address": hex(id(lock)), "owner": owner, "by": by}


def inside(lock):
    with lock:
        READY.release()
        GATE.wait()


def held(kind, lock, by):
    start(kind + " holder", inside, lock)
    READY.acquire()
    start(kind + " waiter", lock.acquire)
    expect(kind + " waiter", kind, lock, kind + " holder", by)


def in_condition(condition):
    with condition:
        condition.wait()


def by_hand(lock):
    lock.acquire()
    READY.release()
    GATE.wait()
    lock.release()


def every_kind():
    held("Lock", threading.Lock(), "with")
    held("RLock", threading.RLock(), "owner")
    held("Semaphore", threading.Semaphore(1), "with")
    python = threading._PyRLock()
    start("python holder", inside, python)
    READY.acquire()
    start("python waiter", python.acquire)
    expect("python waiter", "RLock", python, "python holder", "owner")
    condition, event, barrier = threading.Condition(), threading.Event(), threading.Barrier(2)
    things, simple = queue.Queue(), queue.SimpleQueue()
    for name, kind, object, function in (("event", "Event", event, event.wait), ("queue", "Queue", things, things.get),
                                         ("simple", "SimpleQueue", simple, simple.get),
                                         ("barrier", "Barrier", barrier, barrier.wait)):
        start(name, function)
        expect(name, kind, object)
    start("condition", in_condition, condition)
    expect("condition", "Condition", condition)
    joined = start("joined", GATE.wait)
    start("joining", joined.join)
    expect("joining", "Thread", joined, "joined", "owner")
    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="pool")
    future = pool.submit(GATE.wait)
    start("future", future.result)
    expect("future", "Future", future, "pool_0", "runs")
    plain = threading.Lock()
    start("by hand", by_hand, plain)
    READY.acquire()
    start("plain waiter", plain.acquire)
    expect("plain waiter", "Lock", plain, "by hand", "perhaps")
    slow_module("import locks_gate; locks_gate.ready(); locks_gate.wait()")
    sys.modules["locks_gate"] = type(sys)("locks_gate")
    sys.modules["locks_gate"].ready, sys.modules["locks_gate"].wait = READY.release, GATE.wait
    start("importer", importlib.import_module, "slow_module")
    READY.acquire()
    start("second importer", importlib.import_module, "slow_module")
    WAITS["second importer"] = {"kind": "import lock", "address": None, "owner": "importer", "by": "owner"}
    return [], [condition, event, barrier, things, simple, joined, pool, future, plain, python]


def slow_module(text):
    folder = tempfile.mkdtemp(dir=os.getcwd())
    sys.path.insert(0, folder)
    with open(os.path.join(folder, "slow_module.py"), "w") as file:
        file.write(text + "\n")


def two_rlocks():
    locks = [threading.RLock(), threading.RLock()]
    both = threading.Barrier(2)

    def take(one, other):
        with one:
            both.wait()
            with other:
                pass

    start("a", take, *locks)
    start("b", take, *reversed(locks))
    start("behind", locks[0].acquire)
    return ["a", "b"], locks


def lock_and_queue():
    lock, things, taken = threading.Lock(), queue.Queue(), threading.Event()

    def consume(lock, things):
        with lock:
            taken.set()
            things.get()

    def produce(lock, things):
        with lock:
            things.put(1)

    start("consumer", consume, lock, things)
    taken.wait()
    start("producer", produce, lock, things)
    return ["consumer", "producer"], [lock, things]


def import_lock():
    slow_module("import threading\n"
                "def work():\n    import slow_module\n"
                "thread = threading.Thread(target=work, name='imports', daemon=True)\nthread.start()\nthread.join()")
    start("module", importlib.import_module, "slow_module")
    return ["module", "imports"], []


def none():
    """A long queue, but the last one only sleeps."""
    lock, other = threading.Lock(), threading.Lock()

    def sleeps(lock):
        with lock:
            READY.release()
            time.sleep(3600)

    def middle(one, other):
        with one:
            READY.release()
            with other:
                pass

    start("sleeps", sleeps, lock)
    READY.acquire()
    start("middle", middle, other, lock)
    READY.acquire()
    start("last", other.acquire)
    return [], [lock, other]


deadlock, kept = {"every_kind": every_kind, "two_rlocks": two_rlocks, "lock_and_queue": lock_and_queue,
                  "import_lock": import_lock, "none": none}[sys.argv[1]]()
quiet.wait()
print("READY " + json.dumps({"waits": WAITS, "deadlock": deadlock, "threads": threading.active_count()}), flush=True)
sys.stdin.read()
