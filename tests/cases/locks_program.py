# SPDX-License-Identifier: MIT
"""Threads that hold every kind of lock and that wait for it, or that are in a deadlock (argument: which). Writes what
it knows of them as one line of JSON, then stands still."""
import concurrent.futures
import ctypes
import fcntl
import importlib
import json
import multiprocessing
import os
import queue
import select
import selectors
import socket
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
    shared = multiprocessing.get_context("fork").Lock()
    start("shared holder", inside, shared)
    READY.acquire()
    start("shared waiter", inside, shared)
    expect("shared waiter", "multiprocessing Lock", shared, "shared holder", "owner")
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
    timed = threading.Lock()
    start("timed holder", inside, timed)
    READY.acquire()
    start("timed waiter", timed.acquire, True, 3600)
    expect("timed waiter", "Lock", timed, "timed holder", "with")
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
    return [], [condition, event, barrier, things, simple, joined, pool, future, plain, timed, python, shared]


def slow_module(text):
    folder = tempfile.mkdtemp(dir=os.getcwd())
    sys.path.insert(0, folder)
    with open(os.path.join(folder, "slow_module.py"), "w") as file:
        file.write(text + "\n")


def descriptors():
    """Threads in system calls about files; WAITS: the file, what the kernel says of it."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(5)
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    reader, writer = os.pipe()
    file = open(reader, "rb", buffering=0)
    locks = [open("locked", "w") for _ in range(2)]
    fcntl.flock(locks[0], fcntl.LOCK_EX)
    for name, held, words, function, arguments in (
            ("receives", client, "socket 127.0.0.1:%d to 127.0.0.1:%d" % (client.getsockname()[1],
                                                                          server.getsockname()[1]), client.recv, [1]),
            ("accepts", server, "socket 127.0.0.1:%d, listening" % server.getsockname()[1], server.accept, []),
            ("reads", file, "pipe", file.read, [1]),
            ("locks", locks[1].buffer.raw, "%s, locked by process %d" % (os.path.realpath("locked"), os.getpid()),
             fcntl.flock, [locks[1], fcntl.LOCK_EX])):
        start(name, function, *arguments)
        WAITS[name] = {"file": hex(id(held)), "descriptor": held.fileno(), "file_name": words}
    pipes = [os.pipe() for _ in range(4)]
    files = [open(pipe[0], "rb", buffering=0) for pipe in pipes]
    poll, selector = select.poll(), selectors.EpollSelector()
    for one in files[:2] + [peer]:
        poll.register(one, select.POLLIN)
    for one in files[2:]:
        selector.register(one, selectors.EVENT_READ)
    for name, held, function, arguments in (
            ("polls", files[:2] + [peer], poll.poll, []), ("selector", files[2:], selector.select, []),
            ("selects", files[1:3], select.select, [files[1:3], [], []])):
        start(name, function, *arguments)
        WAITS[name] = {"polls": sorted([one.fileno(), hex(id(one))] for one in held)}
    start("sleeps", time.sleep, 3600)
    WAITS["sleeps"] = {"state": ["clock_nanosleep", "select", "pselect6"]}
    return [], [server, client, peer, file, locks, writer, pipes, files, poll, selector]


def mutex():
    """A PyMutex of C code, 3.13 and later."""
    lock = ctypes.c_uint8()
    ctypes.pythonapi.PyMutex_Lock(ctypes.byref(lock))
    start("mutex waiter", ctypes.pythonapi.PyMutex_Lock, ctypes.byref(lock))
    WAITS["mutex waiter"] = {"kind": "PyMutex", "address": hex(ctypes.addressof(lock)), "owner": None, "by": None}
    return [], [lock]


def object_lock():
    """Free-threaded: list.sort() has the lock of its list while it asks for keys."""
    things, begun = [1, 2], threading.Event()

    def key(number):
        begun.set()
        while not GATE.is_set():
            pass
        return number

    start("sorts", lambda: things.sort(key=key))
    begun.wait()
    start("appends", things.append, 3)
    expect("appends", "lock of an object", things, "sorts", "owner")
    return [], [things]


def gil():
    """The main thread has the GIL and sleeps in C; READY comes from there."""
    def spins():
        while True:
            pass
    start("spins", spins)
    line = json.dumps({"waits": WAITS, "deadlock": [], "threads": 2})
    ctypes.PyDLL(None).system(("echo 'READY %s'; read line" % line).encode())
    os._exit(0)


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


class Service(object):
    """What a program keeps its locks in."""
    gate = threading.Lock()


def named():
    """Locks that globals lead to, and one that only frames know. WAITS: the name."""
    Service.app = Service()
    Service.app.pool = Service()
    Service.app.pool.guard, Service.app.pool.jobs = threading.RLock(), queue.Queue()
    for name, lock in (("Service.gate", Service.gate), ("Service.app.pool.guard", Service.app.pool.guard)):
        start(name + " holder", inside, lock)
        READY.acquire()
        start(name, by_hand, lock)
        WAITS[name] = "__main__." + name
    start("Service.app.pool.jobs", Service.app.pool.jobs.get)
    WAITS["Service.app.pool.jobs"] = "__main__.Service.app.pool.jobs"

    def waits():
        own = threading.Event()
        own.wait()

    start("own", waits)
    WAITS["own"] = "local "
    return [], []


class Connection(object):
    def __init__(self, sock):
        self.sock = sock


def price(connection):
    return connection.sock.makefile("rb").readline()


def passed():
    """What only frames and the arguments of threads know. WAITS: the beginning of the name."""
    pair = socket.socketpair()
    held("Lock", threading.Lock(), "with")
    held("Semaphore", threading.Semaphore(1), "with")
    WAITS.update({"Lock waiter": "local 'lock' of ", "Semaphore waiter": "local 'lock' of "})
    start("price", price, Connection(pair[0]))
    WAITS["price"] = ".sock of local 'connection' of price() "
    return [], [pair[1]]


deadlock, kept = {"named": named, "every_kind": every_kind, "two_rlocks": two_rlocks, "lock_and_queue": lock_and_queue,
                  "import_lock": import_lock, "none": none, "descriptors": descriptors, "mutex": mutex,
                  "object_lock": object_lock, "gil": gil, "passed": passed}[sys.argv[1]]()
# One that runs all the time is interrupted, but never waits.
quiet.wait(*["voluntary"] if sys.argv[1] == "object_lock" else [])
print("READY " + json.dumps({"waits": WAITS, "deadlock": deadlock, "threads": threading.active_count()}), flush=True)
sys.stdin.read()
