# SPDX-License-Identifier: MIT
"""Threads in states: in a finalizer, in a collection, at Python's end; equal ones; a queue behind one lock (argument:
states, or end). Then it stands still."""
import gc
import os
import queue
import sys
import threading
import time

import quiet

GATE = threading.Event()


def start(name, function, *arguments, **more):
    threading.Thread(target=function, args=arguments, name=name, daemon=more.get("daemon", True)).start()


class Slow(object):
    def __init__(self, entered):
        self.entered, self.cycle = entered, self

    def __del__(self):
        self.entered.set()
        GATE.wait()


def finalizes(entered):
    slow = Slow(entered)
    slow.cycle = None
    del slow


def collects(entered):
    Slow(entered)
    gc.collect()


def holds(lock, other, entered):
    with lock:
        entered.set()
        with other:
            pass


def first(lock, entered):
    with lock:
        entered.set()
        time.sleep(3600)


def child():
    """Ends with this process. sys.executable is not started: it may need another C library than the machine's."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    return process, writer


def states():
    gc.disable()
    process, writer = child()
    for name, function in (("finalizes", finalizes), ("collects", collects)):
        entered = threading.Event()
        start(name, function, entered)
        entered.wait()
    queues = [queue.Queue() for _ in range(3)]
    for one in queues:
        start("own queue", one.get)
    locks = [threading.Lock(), threading.Lock()]
    for name, function, arguments in (("first", first, [locks[0]]), ("holds", holds, [locks[1], locks[0]])):
        entered = threading.Event()
        start(name, function, *arguments + [entered])
        entered.wait()
    for _ in range(3):
        start("behind", locks[1].acquire)
    start("child", os.waitpid, process, 0)
    for number in range(9, 12):
        start("pool_%d" % number, GATE.wait)
    quiet.wait()
    print("READY", flush=True)
    sys.stdin.read()
    os.close(writer)


def waits_for_the_end(main):
    while sys._current_frames()[main].f_code.co_name not in ("_shutdown", "_wait_for_tstate_lock"):
        time.sleep(0.001)
    print("READY", flush=True)
    sys.stdin.read()


if sys.argv[1] == "states":
    states()
else:
    start("a daemon", GATE.wait)
    start("not a daemon 2", GATE.wait, daemon=False)
    start("not a daemon", waits_for_the_end, threading.get_ident(), daemon=False)
