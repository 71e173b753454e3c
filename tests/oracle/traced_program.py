# SPDX-License-Identifier: MIT
"""A process that traces its own allocations: makes objects, each by code that claims to come from a file of its own,
and writes down what tracemalloc says was asked for under that file name and is still there. Run with -X tracemalloc.

    python -X tracemalloc traced_program.py FILE

FILE gets a line for each: expression, id, sizes, separated by tabs. Then READY, and the process waits. Python 3.8."""
import _tracemalloc
import array
import collections
import datetime
import gc
import itertools
import os
import sys
import types
import weakref


class Plain:
    pass


class Slotted:
    __slots__ = ("a", "b", "c")


class IntSubclass(int):
    pass


class BytesSubclass(bytes):
    pass


class TupleSubclass(tuple):
    pass


class StrSubclass(str):
    pass


class ListSubclass(list):
    pass


class DictSubclass(dict):
    pass


class FloatSubclass(float):
    pass


class SetSubclass(set):
    pass


class Error(Exception):
    pass


NAMES = dict(globals())
NAMES.update(one=object(), some=tuple(range(7)), many=tuple(range(200)), words=tuple("w%d" % i for i in range(9)))
NAMES.update(floats=tuple(i + 0.5 for i in range(30)), text="x" * 300, accents="\xe9" * 90, data=b"d" * 700)
NAMES.update(big=10 ** 50, plain=Plain(), number=2.5, empty=[], function=len, result=None)

# `result` is the object; all memory that the line leaves behind is its, unless the line says otherwise: an iterator
# has another one, an instance up to 3.10 a dict, a call through a tuple leaves that on the free list, and so does a
# dict its first table.
LINES = """
result = []
result = [one] * 10
result = [one] * 1000
result = list(some)
result = list(many)
result = []; result.append(one)
result = []; result.append(one); result.append(one); result.append(one); result.append(one); result.append(one)
result = list(many); result.pop()
result = {}
result = {one: one}
result = {'a': one}
result = {'a': one, 'b': one, 'c': one, 'd': one, 'e': one, 'f': one, 'g': one}
result = set()
result = set(some)
result = set(many)
result = frozenset(some)
result = frozenset(many)
result = text + text
result = text * 4
result = accents + accents
result = accents + '\u20ac'
result = accents + '\U0001f600'
result = data + data
result = data[1:]
result = data[:33]
result = bytearray(33)  # other objects too
result = bytearray(5000)  # other objects too
result = big * big
result = big ** 20
result = -big
result = number * 3
result = complex(number, number)
result = tuple(some[1:])
result = some + some
result = many[1:]
result = (one, number, text)
result = Plain()
result = Plain(); result.a = one  # other objects too
result = Plain(); result.a = one; result.b = one  # other objects too
result = Plain(); result.a = one; result.b = one; result.c = one  # other objects too
result = Slotted()
result = Slotted(); result.a = one
result = IntSubclass(7)
result = IntSubclass(big)
result = BytesSubclass(data)  # other objects too
result = TupleSubclass(some)
result = TupleSubclass(many)
result = StrSubclass(text)
result = ListSubclass(some)
result = DictSubclass()
result = FloatSubclass(number)
result = SetSubclass(some)
result = SetSubclass(many)
result = Error()
result = object()
result = slice(one, one, one)
result = iter(some)
result = iter(empty)
result = map(function, some)  # other objects too
result = filter(None, some)  # other objects too
result = weakref.ref(plain, function)
result = staticmethod(function)  # other objects too
result = types.MethodType(function, one)
result = types.SimpleNamespace
result = itertools.repeat(one)
result = collections.deque()
result = collections.deque(many)  # other objects too
result = collections.defaultdict()
result = collections.OrderedDict()
result = array.array('d', floats)
result = array.array('b', data)
result = datetime.timedelta(500, 7)  # other objects too
result = datetime.date(2026, 11, 25)  # other objects too
result = datetime.datetime(2026, 11, 25, 12, 30)  # other objects too
result = datetime.datetime(2026, 11, 25, 12, 30, tzinfo=datetime.timezone.utc)  # other objects too
result = datetime.time(12, 30)  # other objects too
result = lambda: one
result = dict.fromkeys(words)  # other objects too
result = dict.fromkeys(some)  # other objects too
result = dict.fromkeys(many)  # other objects too
""".strip().split("\n")


def empty_free_lists():
    """What is kept for reuse is not asked for anew."""
    kept = [[] for _ in range(300)]
    kept += [{} for _ in range(300)] + [{"k": 1} for _ in range(300)] + [i + 0.25 for i in range(300)]
    kept += [complex(i, 1) for i in range(300)] + [slice(i, i, i) for i in range(300)]
    kept += [(lambda: 0) for _ in range(100)] + [types.MethodType(len, i) for i in range(300)]
    kept += [collections.deque(range(i)) for i in range(40)]
    for length in range(1, 22):
        kept += [tuple(range(i, i + length)) for i in range(2200)]
    return kept


def sizes_by_file():
    sizes = collections.defaultdict(list)
    for trace in _tracemalloc._get_traces():
        size, traceback = trace[1], trace[2]
        if traceback[0][0].startswith("subject "):
            sizes[traceback[0][0]].append(size)
    return sizes


codes = [compile(line, "subject %d" % number, "exec") for number, line in enumerate(LINES)]
kept, made = empty_free_lists(), [None] * len(codes)
warm = list(codes)
# What code keeps of its first run is made by a run that does not count.
for number, code in enumerate(codes):
    exec(code, NAMES)
NAMES["result"] = None
gc.collect()
gc.disable()
codes = [compile(line, "subject %d" % number, "exec") for number, line in enumerate(LINES)]
before = sizes_by_file()
kept.append(empty_free_lists())
for number, code in enumerate(codes):
    exec(code, NAMES)
    made[number] = NAMES["result"]
NAMES["result"] = None
after = sizes_by_file()
with open(sys.argv[1], "w") as file:
    for number, line in enumerate(LINES):
        sizes = list(after["subject %d" % number])
        for size in before["subject %d" % number]:
            sizes.remove(size)
        file.write("%s\t%x\t%s\n" % (line, id(made[number]), " ".join(map(str, sorted(sizes)))))
os.write(1, b"READY\n")
while os.read(0, 4096):
    pass
