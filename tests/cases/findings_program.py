# SPDX-License-Identifier: MIT
"""One fault of a program for each rule of `findings`, and what it costs: for what could be saved, the bytes that
tracemalloc saw go when it was mended.

    findings_program.py RULE fault|near
"""
import functools
import gc
import os
import sys
import tracemalloc

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


def closures(count, repeats):
    def make(n):
        return lambda: n
    return [make(n) for n in range(count)] if repeats else [functools.partial(max, n) for n in range(count // 3)]


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


class Local(object):
    """What a call keeps."""


# RULE: (fault, mended, near): three functions. mended None: nothing is compared.
FAULTS = {
    "unbounded_cache": (lambda: unbounded(4000, None), None, lambda: unbounded(4000, 500)),
    "kept_tracebacks": (lambda: caught(40, False), None, lambda: caught(40, True)),
    "duplicate_strings": (lambda: strings(20000, False),
                          lambda: [sys.intern(one) for one in strings(20000, False)], lambda: strings(20000, True)),
    "equal_tuples": (lambda: tuples(40000, False), None, lambda: tuples(40000, True)),
    "dict_records": (lambda: [{"first": n, "second": None, "third": None} for n in NUMBERS[:20000]],
                     lambda: [Slotted(n) for n in NUMBERS[:20000]],
                     lambda: [{"first": n, "second": None, "third": None} for n in NUMBERS[:900]]),
    "missing_slots": (lambda: [Plain(n) for n in NUMBERS], lambda: [Slotted(n) for n in NUMBERS],
                      lambda: [Slotted(n) for n in NUMBERS]),
    "list_room": (lambda: with_room(8000), lambda: [tuple(one) for one in with_room(8000)],
                  lambda: [one[:] for one in with_room(8000)]),
    "sparse_tables": (lambda: shrunk(60000), lambda: dict(shrunk(60000)), lambda: dict(shrunk(60000))),
    "empty_containers": (lambda: [set() for _ in range(20000)], lambda: [None] * 20000,
                         lambda: [set() for _ in range(500)]),
    "single_items": (lambda: [[n] for n in NUMBERS[:30000]], None, lambda: [(n,) for n in NUMBERS[:30000]]),
    "boxed_numbers": (lambda: [float(n) for n in range(60000)],
                      lambda: [None] * 60000, lambda: [float(n % 7) for n in range(900)]),
    "buffer_slack": (lambda: cut(40), lambda: [bytes(one) for one in cut(40)], lambda: cut(3)),
    "repeated_functions": (lambda: closures(20000, True), None, lambda: closures(20000, False)),
    "garbage": (lambda: cycles(20000), None, lambda: cycles(200)),
    "crowd": (lambda: [Session(n) for n in range(1500)], None, lambda: [Session(n) for n in range(50)]),
    "holder": (lambda: {n: "text %d" % n * 20 for n in range(60000)}, None,
               lambda: {n: "text %d" % n * 20 for n in range(2000)}),
    "utf8_caches": (lambda: cached_utf8(True), None, lambda: cached_utf8(False)),
    "frame_locals": (None, None, None),
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


def taken(make):
    """Bytes that the allocators gave for what make() makes: small requests rounded as pymalloc rounds them."""
    import _tracemalloc
    make()  # what a first run leaves behind
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    total = sum(trace[1] if trace[1] > 512 else (trace[1] + 15) // 16 * 16 for trace in _tracemalloc._get_traces())
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
    ready(saved)


main()
