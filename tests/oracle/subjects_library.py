# SPDX-License-Identifier: MIT
"""Objects of the standard library's C types and of its much used Python types: the second half of subjects.py."""
import array
import collections
import contextvars
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import operator
import os
import queue
import random
import re
import socket
import struct
import sys
import threading
import types
import weakref

PYTHON = sys.version_info[:2]
TINY = "--tiny" in sys.argv

Point = collections.namedtuple("Point", "x y")


class Record(object):
    name: str
    values: list

    def __init__(self, name, values=()):
        self.name, self.values = name, list(values)

    def method(self):
        return self.values


if not TINY:  # dataclasses imports inspect, which imports half of the library
    import dataclasses
    del Record.__init__
    Record = dataclasses.dataclass(Record)  # the same fields, and what the decorator makes


class Colour(enum.Enum):
    RED = 1
    GREEN = [2]


class Flags(enum.IntFlag):
    FIRST = 1
    SECOND = 2


class Target(object):
    pass


def containers(add):
    deque = collections.deque(range(1000, 1200))
    for _ in range(70):
        deque.popleft()
    add("deque", deque)
    add("deques", [collections.deque(), collections.deque([1, 2], maxlen=5), collections.deque("ab" * 32)])
    rotated = collections.deque(range(100))
    rotated.rotate(37)
    iterator = iter(rotated)
    next(iterator)
    add("deque iterators", [rotated, iterator, reversed(rotated)])
    ordered = collections.OrderedDict((str(number), number) for number in range(20))
    ordered.move_to_end("3")
    del ordered["7"]
    add("ordered dict", ordered)
    attributed = collections.OrderedDict(a=1)
    attributed.note = ["attribute"]
    add("ordered dicts", [collections.OrderedDict(), attributed, ordered.keys(), iter(ordered), reversed(ordered),
                          iter(ordered.items())])
    default = collections.defaultdict(list)
    default["a"].append(1)
    add("defaultdict", default)
    add("defaultdict of nothing", collections.defaultdict())
    add("counter", collections.Counter("abracadabra"))
    add("chain map", collections.ChainMap({"a": 1}, {"b": [2]}))
    add("user containers", [collections.UserDict(a=1), collections.UserList([1]), collections.UserString("s")])
    add("named tuples", [Point(1, [2]), Point("x", 3.5)])
    add("dataclass", Record("name", [1, 2, 3]))
    add("enum member", Colour.GREEN)
    add("enums", [Colour.RED, Flags.FIRST | Flags.SECOND, Flags.FIRST])
    add("arrays", [array.array(code, [1, 2, 3]) for code in "bBhHiIlLqQfd"] + [array.array("u", "text") if
        PYTHON < (3, 13) else None, array.array("d"), iter(array.array("i", [1, 2]))])
    grown = array.array("i")
    for number in range(100):
        grown.append(number)
    add("array grown", grown)
    linked = collections.deque()
    linked.append(linked)
    add("deque in itself", linked)


def weak(add):
    target, other = Target(), Target()
    target.name = "referred to"
    references = weakref.WeakValueDictionary(a=target)
    keyed = weakref.WeakKeyDictionary()
    keyed[target] = [1]
    finalizer = weakref.finalize(other, print, "never")
    add("weak references", [target, other, weakref.ref(target), weakref.ref(target, max), weakref.proxy(target),
                            references, keyed, weakref.WeakSet([target, other]), finalizer,
                            weakref.ref(Target()), weakref.WeakMethod(Record("r", []).method)])

    class Callable(object):
        def __call__(self):
            return 1

    called = Callable()
    add("weak callable proxy", [called, weakref.proxy(called)])

    class Reference(weakref.ref):
        pass

    reference = Reference(target)
    reference.attribute = [1]
    add("weak reference subclass", reference)


def function_tools(add):
    partial = functools.partial(max, [1, 2], key=abs)
    partial.attribute = ["attribute"]
    add("partial", functools.partial(max, [1, 2], key=abs))
    add("partials", [partial, functools.partial(min), functools.partialmethod(max, 1)])
    cached = functools.lru_cache(maxsize=8)(lambda value: [value])
    unbounded = functools.lru_cache(maxsize=None)(lambda value: [value])
    uncached = functools.lru_cache(maxsize=0)(lambda value: [value])
    typed = functools.lru_cache(typed=True)(lambda value, *rest, **named: [value])
    for number in range(1000, 1020):
        cached(number)
        unbounded(number)
        uncached(number)
        typed(number, 2.5, name=number)
    add("lru caches", [cached, unbounded, uncached, typed])
    add("cmp_to_key", [functools.cmp_to_key(max), functools.cmp_to_key(max)(1)])
    add("operator getters", [operator.attrgetter("a.b", "c"), operator.itemgetter(1), operator.itemgetter("a", 2),
                             operator.methodcaller("method", 1, two=2)])
    single = functools.singledispatch(lambda value: value)
    single.register(int, lambda value: -value)
    add("single dispatch", single)
    add("cached property", functools.cached_property(len))


def iteration_tools(add):
    pools = ["abc", [1, 2]]
    made = [
        itertools.accumulate([1, 2, 3], max), itertools.chain("ab", [1]), itertools.chain.from_iterable(["ab"]),
        itertools.combinations("abcd", 2), itertools.combinations_with_replacement("abc", 2),
        itertools.compress("abc", [1, 0, 1]), itertools.count(5), itertools.count(1.5, 2), itertools.count(10 ** 30),
        itertools.cycle("abc"), itertools.dropwhile(len, ["a"]), itertools.filterfalse(None, [1, 0]),
        itertools.groupby("aab"), itertools.islice("abcdef", 1, 5), itertools.permutations("abc", 2),
        itertools.product(*pools, repeat=2), itertools.repeat([1], 5), itertools.repeat("x"),
        itertools.starmap(pow, [(2, 3), (3, 2)]), itertools.takewhile(len, ["a", ""]),
        itertools.zip_longest("ab", "c", fillvalue=[0]),
    ]
    if PYTHON >= (3, 10):
        made.append(itertools.pairwise([1, 2, 3]))
    if PYTHON >= (3, 12):
        made.append(itertools.batched("abcdef", 2))
    add("itertools fresh", made)
    started = [
        itertools.accumulate([[1], [2]]), itertools.chain("ab", [1]), itertools.combinations("abcd", 2),
        itertools.combinations_with_replacement("abc", 2), itertools.compress("abc", [1, 0, 1]),
        itertools.cycle([[1], [2]]), itertools.groupby("aab"), itertools.islice("abcdef", 1, 5),
        itertools.permutations("abcd", 2), itertools.product("ab", [1, 2]), itertools.zip_longest("ab", "c"),
        itertools.starmap(pow, [(2, 3), (3, 2)]), itertools.dropwhile(len, ["", "a", "b"]), itertools.count(10 ** 30),
        itertools.takewhile(len, ["a", "b", ""]),
    ]
    for iterator in started:
        next(iterator)
    add("itertools started", started)
    ended = [itertools.chain("a"), itertools.combinations("abc", 2), itertools.permutations("ab"),
             itertools.product("a", "b"), itertools.islice("abc", 1), itertools.zip_longest("a", "bc"),
             itertools.combinations_with_replacement("ab", 2), itertools.compress("a", [1])]
    for iterator in ended:
        list(iterator)
    add("itertools ended", ended)
    first, second = itertools.tee([number for number in range(200, 400)])
    for _ in range(100):
        next(first)
    add("itertools tee", [first, second])
    groups = itertools.groupby("aabb")
    add("itertools group", [groups, next(groups)])


def text_and_numbers(add):
    pattern = re.compile(r"(?P<word>\w+)\s+(\d+)|[a-z\u20ac]{3,5}")
    match = pattern.match("word 17")
    add("regular expressions", [pattern, match, re.compile(b"bytes"), pattern.finditer("a 1 b 2"),
                                pattern.scanner("text"), re.compile("x" * 500)])
    zone = datetime.timezone(datetime.timedelta(hours=2), "name")
    add("dates", [datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2), datetime.time(1, 2),
                  datetime.timedelta(3, 4), datetime.timezone.utc, zone, datetime.datetime(2020, 1, 2, tzinfo=zone),
                  datetime.time(1, tzinfo=zone), datetime.datetime(2020, 1, 2, fold=1)])
    add("decimals", [decimal.Decimal("3.14"), decimal.Decimal("1" * 500), decimal.Decimal("NaN"), decimal.Decimal(0),
                     decimal.Decimal("1" * 70)])
    add("decimal context", [decimal.Context(prec=5), decimal.getcontext().copy(), decimal.localcontext()])
    add("fraction", fractions.Fraction(3, 7))
    add("structs", [struct.Struct("<iqd"), struct.Struct("10s2x?"), struct.Struct(""), struct.Struct("=" + "hi" * 50),
                    struct.iter_unpack("<h", b"1234")])
    add("random", [random.Random(1)])
    context = contextvars.copy_context()
    variable = contextvars.ContextVar("variable", default=[1])
    token = variable.set(["value"])
    grown = contextvars.copy_context()
    many = [contextvars.ContextVar("variable %d" % number) for number in range(200)]

    def fill():
        for number, one in enumerate(many):
            one.set([number])

    full = contextvars.copy_context()
    full.run(fill)
    add("context variables", [context, variable, token, grown, many[:3], full, iter(full), full.keys(), full.items(),
                              full.values()])


def input_output(add):
    shared = io.BytesIO(b"shared buffer" * 10)
    held = shared.getvalue()
    written = io.BytesIO()
    written.write(b"written" * 100)
    viewed = io.BytesIO(b"viewed" * 10)
    text = io.StringIO("initial")
    text.read(2)
    grown = io.StringIO()
    for number in range(100):
        grown.write("line %d\n" % number)
    attributed = io.StringIO("attributed")
    attributed.attribute = [1]
    add("memory files", [io.BytesIO(), shared, held, written, viewed, viewed.getbuffer(), text, grown, attributed,
                         io.StringIO(newline=None), io.BytesIO(b"")])
    raw = open(os.devnull, "rb", 0)
    buffered = open(os.devnull, "rb")
    wrapper = open(os.devnull, "r", encoding="utf-8")
    wrapper.readline()
    reading, writing = os.pipe()
    add("files", [raw, buffered, wrapper, open(os.devnull, "r+b"), open(os.devnull, "wb"),
                  open(os.devnull, "w", encoding="latin-1"), open(os.devnull, "rb", 64),
                  io.BufferedRWPair(open(reading, "rb", 0), open(writing, "wb", 0)),
                  io.TextIOWrapper(io.BytesIO(b"\xe9 text\n"), "latin-1"),
                  io.IncrementalNewlineDecoder(None, True)])
    closed = open(os.devnull, "rb")
    closed.close()
    closed_text = open(os.devnull, "r")
    closed_text.close()
    add("files closed", [closed, closed_text])
    half = io.TextIOWrapper(io.BytesIO("one\ntwo \u20ac\nthree\n".encode()), "utf-8")
    half.readline()
    add("text file half read", half)
    add("socket", socket.socket())


def threads(add):
    lock, held = threading.Lock(), threading.Lock()
    held.acquire()
    reentrant = threading.RLock()
    reentrant.acquire()
    local = threading.local()
    local.value = ["of this thread"]
    add("locks", [lock, held, reentrant, threading.RLock(), threading.Condition(), threading.Event(),
                  threading.Semaphore(2), threading.Barrier(2)])
    add("thread local", local)
    simple = queue.SimpleQueue()
    for number in range(20):
        simple.put([number])
    simple.get()
    filled = queue.Queue()
    filled.put([1])
    add("queues", [simple, filled, queue.SimpleQueue()])


def stopped_thread(add):
    """A thread that waits inside a generator: its frames are in use, and its generator is running."""
    started, never = threading.Lock(), threading.Lock()
    started.acquire()
    never.acquire()
    seen = []

    def running(argument):
        local = ["of the running generator", argument]
        seen.append(sys._getframe())
        started.release()
        never.acquire()
        yield local

    def main(generator):
        for value in generator:
            seen.append(value)

    generator = running([1, 2])
    thread = threading.Thread(target=main, args=(generator,), daemon=True)
    thread.start()
    started.acquire()
    add("running generator", [generator, thread, seen])


def asynchronous(add):
    if TINY:
        return
    import asyncio
    loop = asyncio.new_event_loop()

    async def work(value):
        local = [value]
        await asyncio.sleep(1000)
        return local

    pending = loop.create_future()
    done = loop.create_future()
    done.set_result(["result"])
    failed = loop.create_future()
    failed.set_exception(ValueError("failed"))
    cancelled = loop.create_future()
    cancelled.cancel()
    called = loop.create_future()
    called.add_done_callback(print)
    called.add_done_callback(repr)
    task = loop.create_task(work([1]))
    started = loop.create_task(work([2]))
    loop.call_soon(loop.stop)
    loop.run_forever()
    add("asyncio", [pending, done, failed, cancelled, called, task, started, asyncio.Event(), iter(pending),
                    asyncio.Queue()])


def extensions(add):
    """C types of the library that keep memory in ways of their own."""
    import _pickle
    import bz2
    import csv
    import ctypes
    import hashlib
    import json.scanner
    import lzma
    import mmap
    import select
    import xml.etree.ElementTree as etree
    import zlib

    class Pair(ctypes.Structure):
        _fields_ = [("first", ctypes.c_int), ("second", ctypes.c_char_p)]

    buffer = io.BytesIO()
    pickler = _pickle.Pickler(buffer)
    pickler.dump([{"a": [1]}, "b"])
    unpickler = _pickle.Unpickler(io.BytesIO(buffer.getvalue()))
    unpickler.load()
    tree = etree.fromstring("<a x='1'><b>text</b>tail<c/><c/><c/><c/><c/></a>")
    mapped = mmap.mmap(-1, 4096)
    add("ctypes", [ctypes.c_int(5), ctypes.create_string_buffer(100), Pair(1, b"two"), ctypes.pointer(ctypes.c_int(1)),
                   (ctypes.c_int * 50)(), Pair, ctypes.py_object([1]), ctypes.c_char_p(b"text"),
                   ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)])
    add("pickle", [pickler, unpickler])
    add("elements", [tree, tree[1], etree.Element("alone"), etree.iterparse, tree.iter()])
    add("mmap", mapped)
    add("json scanner", [json.scanner.make_scanner(json.JSONDecoder()), json.JSONEncoder()])
    if not TINY:
        add("compressors", [zlib.compressobj(), zlib.decompressobj(), bz2.BZ2Compressor(), lzma.LZMACompressor()])
    add("hashes", [hashlib.md5(b"x"), hashlib.sha256(b"y"), hashlib.blake2b(b"z")])
    add("csv", [csv.reader(["a,b"]), csv.writer(io.StringIO()), csv.get_dialect("excel")])
    add("poll objects", [select.poll(), select.epoll()])


def build(add):
    for section in (containers, weak, function_tools, iteration_tools, text_and_numbers, input_output, threads,
                    stopped_thread, asynchronous, extensions):
        section(add)
    add("abstract classes", [collections.abc.Mapping, type("Concrete", (collections.abc.Sized,), {"__len__": len})])
    add("module of the library", types)
