# SPDX-License-Identifier: MIT
"""One fault of a program for each rule of `findings`, and what it costs: for what could be saved, the bytes that
tracemalloc saw go when it was mended.

    findings_program.py RULE fault|near
"""
import array
import collections
import contextvars
import datetime
import decimal
import functools
import gc
import itertools
import json
import os
import sys
import threading
import tracemalloc
import uuid
import weakref

import quiet

KEPT = {}


class Plain(object):
    def __init__(self, n):
        self.first, self.second, self.third = n, None, None


class Slotted(object):
    __slots__ = ("first", "second", "third")

    def __init__(self, n):
        self.first, self.second, self.third = n, None, None


class Session(object):
    def __init__(self, n):
        self.rows = ["row %d of session %d" % (k, n) for k in range(60)]


NUMBERS = range(1000, 61000)


def unbounded(count, bound):
    cached = functools.lru_cache(maxsize=bound)(lambda n: "result %d " % n * 20)
    for n in range(count):
        cached(n)
    return cached


def fail(n):
    rows = ["row %d of %d" % (k, n) for k in range(500)]
    raise ValueError(len(rows))


def caught(count, strips):
    kept = []
    for n in range(count):
        try:
            fail(n)
        except ValueError as error:
            kept.append(error.with_traceback(None) if strips else error)
    return kept


def shrunk(count):
    table = dict.fromkeys(NUMBERS[:count])
    for n in NUMBERS[100:count]:
        del table[n]
    return table


def with_room(count):
    lists = [[] for _ in range(count)]
    for one in lists:
        one.extend(range(40))
        del one[22:]
    return lists


def cut(count):
    buffers = [bytearray(50000) for _ in range(count)]
    for one in buffers:
        del one[30000:]
    return buffers


def closures(count):
    def make(n):
        return lambda: n
    return [make(n) for n in range(count)]


def strings(count, differ):
    return ["".join(["value ", str(n if differ else n % 50), " of a field that has a long text"])
            for n in range(count)]


def tuples(count, differ):
    return [tuple(["red", n if differ else n % 20, 2.5]) for n in NUMBERS[:count]]


def cycles(count):
    gc.disable()
    for n in range(count):
        one = [n, "text of %d" % n * 5]
        one.append(one)


def odd(count, how):
    """Instances that share the names of their attributes, and as many that do not."""
    made = [Plain(n) for n in range(count)]
    for n in range(count // 2):
        if how == "fault":
            made[n].__dict__ = {"third": None, "second": None, "first": n}
        else:
            made[n].third = None
    return made


def queues(count, items):
    return [collections.deque([None] * items) for _ in range(count)]


def values(count, differ):
    made = []
    for n in range(count):
        k = n if differ else n % 20
        made.append((datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=k), decimal.Decimal(k + 1000) / 7,
                     uuid.UUID(int=k + (1 << 70)), frozenset([k % 50, -k - 1000])))
    return made


def once(value, known):
    return known.setdefault(value, value)


def configuration(n, changes):
    rows = [{"name": "rule %d" % k, "limits": [k * 1.5, k * 2.5], "tags": ["red", "green %d" % k]} for k in range(200)]
    if changes:
        for row in rows:
            row["limits"][0] += n
    return json.loads(json.dumps({"version": 3, "rules": rows}))


def files(count, buffered):
    return [open(sys.executable, "rb", **({} if buffered else {"buffering": 0})) for _ in range(count)]


RUNS = itertools.count()


def documented(optimize):
    """A module with long docstrings; -OO leaves them out. Others each time: constants are made once and kept in
    free-threaded builds."""
    run = next(RUNS)
    lines = ["def f%d():\n    %r\n" % (n, "What f%d does in run %d. " % (n, run) * 300) for n in range(500)]
    names = {}
    exec(compile("".join(lines), "documented.py", "exec", optimize=optimize), names)
    return names


def named_cache(count):
    globals()["PRICE_CACHE"] = {n: "price of %d, " % n * 20 for n in range(count)}


def contexts(count, keeps):
    variable = contextvars.ContextVar("request")
    made = []
    for n in range(count):
        token = variable.set(["row %d of %d" % (k, n) for k in range(60)])
        if not keeps:
            variable.reset(token)
        made.append(contextvars.copy_context())
    variable.set(None)
    return made


def registry(count, lives):
    """What each of some threads put under its identity."""
    kept, all_there, go_on = {}, threading.Barrier(count + 1), threading.Event()

    def work():
        kept[threading.get_ident()] = ["row %d" % n for n in range(2000)]
        all_there.wait()
        go_on.wait()
    made = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for one in made:
        one.start()
    all_there.wait()
    if not lives:
        go_on.set()
        for one in made:
            one.join()
    return kept


def saved_garbage(count):
    gc.set_debug(gc.DEBUG_SAVEALL)
    cycles(count)
    gc.collect()
    gc.set_debug(0)


def weak(count, lives):
    objects = [Slotted2(n) for n in range(count)]
    return [weakref.ref(one) for one in objects], objects if lives else None


class Slotted2(object):
    __slots__ = ("n", "__weakref__")

    def __init__(self, n):
        self.n = n


def package(functions):
    """The code of a package that was installed: mostly what its functions say of themselves."""
    lines = ["def f%d():\n    return %r\n" % (n, "text %d " % n * 1200) for n in range(functions)]
    names = {}
    exec(compile("".join(lines), "/opt/lib/site-packages/heavy/api.py", "exec"), names)
    return names


def native(megabytes):
    """Blocks of C code, in use."""
    import ctypes
    malloc, memset = ctypes.CDLL(None).malloc, ctypes.CDLL(None).memset
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    for _ in range(megabytes * 16):
        memset(malloc(60000), 1, 60000)


def queue(threads):
    """So many threads wait for one lock."""
    lock = threading.Lock()
    lock.acquire()
    for _ in range(threads):
        threading.Thread(target=lock.acquire, daemon=True).start()
    quiet.wait()
    return lock


def waiting_tasks(count):
    """So many tasks wait for one lock of asyncio, in a loop that stands still."""
    import asyncio

    async def serve():
        lock = asyncio.Lock()

        async def order():
            async with lock:
                await asyncio.sleep(3600)
        made = [asyncio.ensure_future(order()) for _ in range(count + 1)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return lock, made
    loop = asyncio.new_event_loop()
    return loop, loop.run_until_complete(serve())


def tables(count, rows):
    """Records in many globals, none of them large."""
    for n in range(count):
        globals()["TABLE_%d" % n] = [{"name": "row %d of %d" % (k, n), "number": k} for k in range(rows)]


class Worker(threading.Thread):
    def run(self):
        self.result = ["row %d of %s" % (k, self.name) for k in range(2000)]


def workers(count, keeps):
    made = [Worker() for _ in range(count)]
    for one in made:
        one.start()
    for one in made:
        one.join()
    return made if keeps else [len(one.result) for one in made]


def locked(circle):
    """Two threads that wait for one another, or both for one that works."""
    first, second, both_there = threading.Lock(), threading.Lock(), threading.Barrier(3)

    def take(one, other):
        with one:
            both_there.wait()
            with other:
                pass
    pairs = ((first, second), (second, first)) if circle else ((threading.Lock(), first), (threading.Lock(), first))
    if not circle:
        first.acquire()
    made = [threading.Thread(target=take, args=pair, daemon=True) for pair in pairs]
    for one in made:
        one.start()
    both_there.wait()
    quiet.wait()
    return made


def failures(count, asks):
    """Tasks that ended by an exception, and are kept."""
    import asyncio

    async def fail(n):
        await asyncio.sleep(0)
        raise ValueError("request %d" % n)

    async def serve():
        kept = [asyncio.ensure_future(fail(n)) for n in range(count)]
        await asyncio.wait(kept)
        return kept
    kept = asyncio.run(serve())
    if asks:
        for one in kept:
            one.exception()
    return kept


def foreign_threads(count, lets_go):
    """Threads of C code that run Python, and end without letting go of its state of them."""
    import ctypes
    local, work = threading.local(), ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    libc = ctypes.CDLL(None)

    def run(_):
        if not lets_go:
            ctypes.pythonapi.PyGILState_Ensure()
        local.rows = ["row %d of %d" % (k, threading.get_ident()) for k in range(2000)]
    entry = work(run)
    for _ in range(count):
        thread = ctypes.c_ulong()
        assert libc.pthread_create(ctypes.byref(thread), None, entry, None) == 0
        assert libc.pthread_join(thread, None) == 0
    return local, entry


def tasks(count, keeps):
    """Tasks that have ended; asyncio.run() keeps none of them."""
    import asyncio

    async def answer(n):
        return ["row %d of %d" % (k, n) for k in range(60)]

    async def serve():
        kept = [asyncio.ensure_future(answer(n)) for n in range(count)]
        await asyncio.wait(kept)
        return kept if keeps else [one.result() for one in kept]
    return asyncio.run(serve())


# RULE, or RULE:WHAT where it has several: (fault, mended, near): three functions. mended None: what is found is held,
# and nothing is compared.
FAULTS = {
    "unbounded_cache": (lambda: unbounded(4000, None), None, lambda: unbounded(4000, 500)),
    "kept_tracebacks": (lambda: caught(40, False), None, lambda: caught(40, True)),
    "duplicate_strings": (lambda: strings(20000, False),
                          lambda: [sys.intern(one) for one in strings(20000, False)], lambda: strings(20000, True)),
    "equal_tuples": (lambda: tuples(24000, False),
                     lambda: [once(one, known) for known in [{}] for one in tuples(24000, False)],
                     lambda: tuples(24000, True)),
    "equal_values": (lambda: values(4000, False),
                     lambda: [tuple(once(part, known) for part in row) for known in [{}]
                              for row in values(4000, False)],
                     lambda: values(4000, True)),
    "equal_subtrees": (lambda: [configuration(n, False) for n in range(25)],
                       lambda: [one for one in [configuration(0, False)] for _ in range(25)],
                       lambda: [configuration(n, True) for n in range(25)]),
    "dict_records": (lambda: [{"first": n, "second": None, "third": None} for n in NUMBERS[:20000]],
                     lambda: [Slotted(n) for n in NUMBERS[:20000]],
                     lambda: [{"first": n, "second": None, "third": None} for n in NUMBERS[:900]]),
    "missing_slots": (lambda: [Plain(n) for n in NUMBERS[:20000]], lambda: [Slotted(n) for n in NUMBERS[:20000]],
                      lambda: [Slotted(n) for n in NUMBERS[:20000]]),
    "shared_keys": (lambda: odd(9000, "fault"), lambda: odd(9000, "near"), lambda: odd(9000, "near")),
    "list_room": (lambda: with_room(8000), lambda: [one[:] for one in with_room(8000)],
                  lambda: [one[:] for one in with_room(8000)]),
    "sparse_tables": (lambda: shrunk(60000), lambda: dict(shrunk(60000)), lambda: dict(shrunk(60000))),
    "empty_containers": (lambda: [set() for _ in range(20000)], lambda: [None] * 20000,
                         lambda: [set() for _ in range(500)]),
    "deque_blocks": (lambda: queues(4000, 3), lambda: [list(one) for one in queues(4000, 3)],
                     lambda: queues(400, 60)),
    "single_items": (lambda: [[n] for n in NUMBERS[:30000]], lambda: [(n,) for n in NUMBERS[:30000]],
                     lambda: [(n,) for n in NUMBERS[:30000]]),
    "boxed_numbers": (lambda: [float(n) for n in range(30000)], lambda: array.array("d", range(30000)),
                      lambda: [float(n % 7) for n in range(900)]),
    "buffer_slack": (lambda: cut(40), lambda: [bytes(one) for one in cut(40)], lambda: cut(3)),
    "reader_buffers": (lambda: files(200, True), None, lambda: files(200, False)),
    "repeated_functions": (lambda: closures(20000), lambda: list(range(20000)), lambda: closures(5000)),
    "utf8_caches": (lambda: cached_utf8(True), lambda: [one[:1] + one[1:] for one in cached_utf8(True)],
                    lambda: cached_utf8(False)),
    "docstrings": (lambda: documented(0), lambda: documented(2), lambda: documented(2)),
    "garbage": (lambda: cycles(20000), None, lambda: cycles(200)),
    "crowd": (lambda: [Session(n) for n in range(1500)], None, lambda: [Session(n) for n in range(50)]),
    "holder": (lambda: {n: "text %d" % n * 20 for n in range(60000)}, None,
               lambda: {n: "text %d" % n * 20 for n in range(2000)}),
    "named_caches": (lambda: named_cache(6000), None, lambda: named_cache(900)),
    "context_copies": (lambda: contexts(400, True), None, lambda: contexts(400, False)),
    "dead_threads": (lambda: registry(12, False), None, lambda: registry(12, True)),
    "gc_garbage": (lambda: saved_garbage(20000), None, lambda: saved_garbage(200)),
    "dead_references": (lambda: weak(20000, False), lambda: [None] * 20000, lambda: weak(20000, True)),
    "import_weight": (lambda: package(2000), None, lambda: package(200)),
    "memory_balance": (lambda: native(96), None, lambda: native(8)),
    "deadlocks": (lambda: locked(True), None, lambda: locked(False)),
    "finished_tasks": (lambda: tasks(400, True), None, lambda: tasks(400, False)),
    "thread_states": (lambda: foreign_threads(12, False), None, lambda: foreign_threads(12, True)),
    "unretrieved_exceptions": (lambda: failures(3, False), None, lambda: failures(3, True)),
    "frame_locals": (None, None, None),
    "deadlocks:queue": (lambda: queue(10), None, lambda: queue(5)),
    "lock_queues": (lambda: waiting_tasks(10), None, lambda: waiting_tasks(5)),
    "crowd:records": (lambda: tables(60, 300), None, lambda: tables(60, 20)),
    "dead_threads:objects": (lambda: workers(12, True), None, lambda: workers(12, False)),
    "boxed_numbers:dict": (lambda: {str(n): float(n) for n in range(60000)},
                           lambda: {str(n): None for n in range(60000)},
                           lambda: {str(n): float(n) for n in range(900)}),
    "repeated_functions:partial": (lambda: [functools.partial(max, n) for n in range(20000)],
                                   lambda: list(range(20000)),
                                   lambda: [functools.partial(max, n) for n in range(5000)]),
}


def cached_utf8(asks):
    """C code that asks a str for its UTF-8: here by ctypes."""
    import ctypes
    ask = ctypes.pythonapi.PyUnicode_AsUTF8
    ask.argtypes, ask.restype = [ctypes.py_object], ctypes.c_char_p
    texts = [u"\u00e9t\u00e9 %d" % n * 10 for n in range(20000)]
    for text in texts if asks else ():
        ask(text)
    return texts


# Objects/obmalloc.c puts so many bytes around a block in debug builds: its size, letters and a pattern.
GUARDS = 24 if "d" in getattr(sys, "abiflags", "") else 0
FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()
PYMALLOC_MOST = 512


def pymalloc_or_malloc(bytes_asked):
    """Up to 512 bytes in classes of 16; above by glibc's malloc: a word in front, in steps of 16."""
    if bytes_asked <= PYMALLOC_MOST:
        return (bytes_asked + 15) // 16 * 16
    asked = bytes_asked + GUARDS  # malloc's domain has guards of its own
    return (asked + 8 + 15) // 16 * 16 if asked < 128 << 10 else (asked + 16 + 4095) // 4096 * 4096


def mimalloc(bytes_asked):
    """Classes of 16 bytes up to 64, then four to each power of two (_mi_bin() of Objects/mimalloc/page-queue.c); above
    128 KiB whole parts of the system's memory (_mi_os_good_alloc_size() of os.c)."""
    words = (bytes_asked + 7) // 8
    if bytes_asked > 128 << 10:
        part = 4 << 10 if bytes_asked < 512 << 10 else 64 << 10 if bytes_asked < 2 << 20 else 256 << 10
        return (bytes_asked + part - 1) // part * part
    if words <= 8:
        return max(words + 1 & ~1, 2) * 8
    step = 1 << max((words - 1).bit_length() - 3, 0)
    return (words + step - 1) // step * step * 8


def taken(make):
    """Bytes that the allocators gave for what make() makes."""
    import _tracemalloc
    make()  # what a first run leaves behind
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    given = mimalloc if FREE_THREADED else pymalloc_or_malloc
    total = sum(given(trace[1] + GUARDS) for trace in _tracemalloc._get_traces())
    tracemalloc.stop()
    del made
    return total


def ready(saved):
    os.write(1, b"READY %d\n" % saved)
    sys.stdin.read()


def call_with_local(count):
    rows = [["row %d" % n] for n in range(count)]
    ready(0)
    return rows


def main():
    rule, how = sys.argv[1:]
    if rule == "frame_locals":
        call_with_local(120000 if how == "fault" else 2000)
        return
    fault, mended, near = FAULTS[rule]
    saved = taken(fault) - taken(mended) if mended is not None and how == "fault" else 0
    KEPT[rule] = (fault if how == "fault" else near)()
    if rule != "garbage":
        gc.collect()
    ready(saved)


main()
