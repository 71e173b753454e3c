# SPDX-License-Identifier: MIT
"""Threads that wait for locks that processes share: those of multiprocessing, of billiard (celery's), of files, of the
library filelock (argument: which). A child has some of them. Writes what it knows of them as one line of JSON, then
stands still."""
import fcntl
import functools
import json
import multiprocessing
import os
import sys
import threading

import quiet

WAITS, READY, GATE = {}, threading.Semaphore(0), threading.Event()


def start(name, function, *arguments):
    threading.Thread(target=function, args=arguments, name=name, daemon=True).start()


def expect(waiter, kind, lock, owner=None, by="unknown", **more):
    WAITS[waiter] = dict(more, kind=kind, address=hex(id(lock)), owner=owner, by=by)


def inside(lock):
    with lock:
        READY.release()
        GATE.wait()


def by_hand(acquire):
    acquire()
    READY.release()
    GATE.wait()


def hold(name, function, argument):
    start(name, function, argument)
    READY.acquire()


def child(prepare):
    """Starts a process that prepares something, and ends with this one's input."""
    ready, done = os.pipe()
    process = os.fork()
    if process == 0:
        kept = prepare()
        os.write(done, b".")
        sys.stdin.buffer.raw.read(1)
        os._exit(kept is None)
    os.close(done)
    assert os.read(ready, 1) == b"."
    return process


def processes(library=multiprocessing):
    context = library.get_context("fork")
    elsewhere = context.Lock()
    other = child(elsewhere.acquire)
    start("elsewhere waiter", elsewhere.acquire)
    expect("elsewhere waiter", "multiprocessing Lock", elsewhere, elsewhere="held", processes=[other])
    lock, recursive, semaphore, one = context.Lock(), context.RLock(), context.Semaphore(2), context.BoundedSemaphore(1)
    hold("lock holder", inside, lock)
    start("lock waiter", lock.acquire)
    expect("lock waiter", "multiprocessing Lock", lock, "lock holder", "owner")
    hold("recursive holder", by_hand, lambda: recursive.acquire() and recursive.acquire())
    start("recursive waiter", inside, recursive)
    expect("recursive waiter", "multiprocessing RLock", recursive, "recursive holder", "owner")
    hold("one holder", by_hand, one.acquire)
    start("one waiter", one.acquire, True, 3600)
    expect("one waiter", "multiprocessing Semaphore", one, "one holder", "owner")
    semaphore.acquire()
    hold("semaphore holder", by_hand, semaphore.acquire)
    start("semaphore waiter", semaphore.acquire)
    expect("semaphore waiter", "multiprocessing Semaphore", semaphore, "semaphore holder", "last", elsewhere="perhaps")
    condition, entered, event = context.Condition(), context.Condition(), context.Event()
    things, simple, barrier = context.Queue(), context.SimpleQueue(), context.Barrier(2)

    def in_condition():
        with condition:
            condition.wait()

    start("condition", in_condition)
    expect("condition", "multiprocessing Condition", condition, elsewhere="perhaps")
    hold("entered holder", inside, entered)
    start("entered waiter", inside, entered)
    expect("entered waiter", "multiprocessing RLock", entered._lock, "entered holder", "owner")
    for name, kind, object, function in (("event", "Event", event, event.wait), ("queue", "Queue", things, things.get),
                                         ("simple", "Queue", simple, simple.get),
                                         ("barrier", "Barrier", barrier, barrier.wait)):
        start(name, function)
        expect(name, "multiprocessing " + kind, object, elsewhere="perhaps")
    quiet.wait()
    start("second", things.get)
    expect("second", "multiprocessing Lock", things._rlock, "queue", "owner")
    return [elsewhere, lock, recursive, semaphore, one, condition, entered, event, things, simple, barrier]


def billiard():
    import billiard
    return processes(billiard)


def lock_file(name, take):
    file = open(name, "w")
    take(file, fcntl.LOCK_EX)
    return file


def keep_locked(name):
    file = open(name, "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    READY.release()
    GATE.wait()
    file.close()


def files():
    there = child(lambda: [lock_file("posix", fcntl.lockf), lock_file("whole", fcntl.flock)])
    hold("here holder", keep_locked, "here")
    for name, take, told in (("here", fcntl.flock, {"owner": "here holder", "process": os.getpid()}),
                             ("posix", fcntl.lockf, {"process": there}), ("whole", fcntl.flock, {"process": there})):
        file = open(name, "w")
        WAITS[name] = dict(told, kind="file lock", address=hex(id(file.buffer.raw)))
        KEPT.append(file)
        start(name, take, file, fcntl.LOCK_EX)
    return KEPT


def with_lock(lock):
    with lock:
        READY.release()
        GATE.wait()


def with_proxy(lock):
    with lock.acquire():
        READY.release()
        GATE.wait()


def filelock():
    import filelock
    there = child(lambda: filelock.FileLock("there").acquire())
    for name, function, by in (("with", with_lock, "with"), ("proxy", with_proxy, "with")):
        hold(name + " holder", function, filelock.FileLock(name))
        waiting = filelock.FileLock(name)
        KEPT.append(waiting)
        start(name, functools.partial(waiting.acquire, poll_interval=3600))  # else it runs now and then
        WAITS[name] = {"kind": "FileLock", "address": hex(id(waiting)), "owner": name + " holder", "by": by}
    waiting = filelock.FileLock("there")
    start("there", functools.partial(waiting.acquire, poll_interval=3600))
    WAITS["there"] = {"kind": "FileLock", "address": hex(id(waiting)), "owner": None, "by": "unknown", "process": there}
    return KEPT + [waiting]


KEPT = []
sys.path[:0] = sys.argv[2:]
kept = {"processes": processes, "billiard": billiard, "files": files, "filelock": filelock}[sys.argv[1]]()
quiet.wait()
print("READY " + json.dumps({"waits": WAITS, "pid": os.getpid()}), flush=True)
sys.stdin.read()
