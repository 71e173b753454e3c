# SPDX-License-Identifier: MIT
"""Threads that call functions of C at random, which call Python again, until somebody kills them; they are not wanted
to wait anywhere for long. Arguments: seed, number of threads, and what looks on: none, profile, trace or monitor."""
import functools
import gc
import hashlib
import io
import itertools
import json
import operator
import os
import random
import re
import select
import socket
import sys
import threading
import time
import warnings
import weakref
import zlib

SEED, THREADS, MODE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
MOST_DEEP = 3
lock = threading.Lock()
local = threading.local()
data = os.urandom(1 << 16)
path = os.path.abspath(__file__)
nowhere = open(os.devnull, "w")


def may_give_gil():
    chance = local.random.random()
    if chance < .2:
        time.sleep(1e-5)
    elif chance < .4:
        if lock.acquire(timeout=1e-4):
            lock.release()
    elif chance < .5:
        zlib.compress(data)
    elif chance < .6:
        hashlib.sha1(data)
    elif chance < .7:
        os.stat(path)
    elif chance < .8:
        sum(range(50))
    elif getattr(local, "depth", 0) < MOST_DEEP:
        act()


def key(*_):
    may_give_gil()
    return 0


def first(one, _):
    may_give_gil()
    return one


class Every:
    """Each operation is a function of Python."""
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        may_give_gil()
        return sorted


for name, result in {"__len__": 1, "__str__": "", "__repr__": "", "__lt__": True, "__add__": 1, "__hash__": 1,
                     "__eq__": True, "__index__": 1, "__bool__": True, "__call__": 1, "__iter__": (),
                     "__contains__": True, "__enter__": None, "__exit__": None}.items():
    def operation(self, *arguments, result=result):
        may_give_gil()
        return iter(result) if result == () else result
    setattr(Every, name, operation)


class Ends:
    def __del__(self):
        may_give_gil()


class Weak(list):
    pass


def generates():
    try:
        may_give_gil()
        yield 1
        may_give_gil()
        yield 2
    finally:
        may_give_gil()


def runs_generator():
    generator = generates()
    generator.send(None)
    try:
        generator.throw(ValueError)
    except ValueError:
        pass


def runs_coroutine():
    async def values():
        return sorted([1, 2], key=key)

    async def sorts():
        return sorted(await values(), key=key)
    try:
        sorts().send(None)
    except StopIteration:
        pass


def uses_socket():
    one, other = socket.socketpair()
    one.send(data[:100])
    other.recv(10)
    other.makefile("rb").read(5)


def by_table():
    {"a": sorted, "b": max}[local.random.choice("ab")]([1, 2], key=key)


def in_handler():
    try:
        raise ValueError
    except ValueError:
        sorted([1, 2], key=key)
    finally:
        max([1, 2], key=key)


def in_with():
    with Every(), lock, open(path) as file:
        file.readline()


def ends_weak():
    one = Weak()
    reference = weakref.ref(one, key)
    counts = len
    counts([one])
    del one
    return reference


ACTS = [
    lambda: sorted([3, 1, 2], key=key), lambda: [1, 2].sort(key=key), lambda: functools.reduce(first, [1, 2, 3]),
    lambda: re.sub("a", lambda _: str(key()), "aba"), lambda: list(map(key, [1, 2])), lambda: max([1, 2, 3], key=key),
    lambda: open(path).read(), lambda: list(open(path)), lambda: id(open(path)), lambda: open(path, "rb").read(10),
    lambda: type(int), lambda: (getattr if local else sorted)(Ends(), "m", sorted),
    lambda: (max if local else sorted)([sorted, sorted], key=id), by_table, in_with, in_handler, ends_weak,
    lambda: sorted([3, 1, 2], **{"key": key}), lambda: functools.reduce(*(first, [1, 2, 3])),
    lambda: max(*[[1, 2]], **{"key": key}), lambda: len(Every()), lambda: str(Every()), lambda: repr(Every()),
    lambda: sorted([Every(), Every()]), lambda: sum(generates()), lambda: next(generates()),
    lambda: tuple(generates()), runs_generator, runs_coroutine, uses_socket, lambda: {Every(): 1}.get(Every()),
    lambda: [Every()].index(2), lambda: getattr(Every(), "any"), lambda: print(Every(), file=nowhere),
    lambda: "".join(map(str, [Every()])), lambda: select.select([], [], [], 1e-5),
    lambda: [sorted([one, 1], key=key) for one in (1, 2)], lambda: exec("sorted([1, 2], key=key)", globals(), {}),
    lambda: hashlib.md5(io.FileIO(path).read()).update(data), lambda: json.dumps([Every], default=key),
    lambda: operator.index(Every()), lambda: list(itertools.accumulate([1, 2], first)), lambda: gc.collect(0),
    lambda: vars(dict).get("get"), lambda: {"get": dict.get}.get("get"), lambda: [list.pop].pop(),
    lambda: dict.fromkeys(generates()), lambda: (lambda function, **more: function([2, 1], **more))(sorted, key=key),
]


def act():
    local.depth = getattr(local, "depth", 0) + 1
    try:
        one = local.random.choice(ACTS)
        # Often enough to be specialised, now and then
        for _ in range(local.random.choice((1, 3, 40)) if local.depth == 1 else 1):
            one()
    finally:
        local.depth -= 1


def looks_on(*_):
    if getattr(local, "random", None) and local.random.random() < .02 and local.depth < MOST_DEEP:
        may_give_gil()
    return looks_on


def runs(number):
    local.random = random.Random(SEED * 100 + number)
    local.depth = 0
    if MODE == "trace":
        sys.settrace(looks_on)
    elif MODE == "profile":
        sys.setprofile(looks_on)
    while True:
        act()


def monitors():
    """Events come and go, so that code is replaced while it runs."""
    monitoring, chosen = sys.monitoring, random.Random(SEED)
    events = monitoring.events
    monitoring.use_tool_id(3, "calls")
    for one in ("CALL", "C_RETURN", "LINE", "PY_START", "PY_RETURN", "INSTRUCTION"):
        monitoring.register_callback(3, getattr(events, one), lambda *_: looks_on() and None)
    while True:
        monitoring.set_events(3, chosen.choice([0, events.CALL, events.CALL | events.LINE, events.INSTRUCTION,
                                                events.CALL | events.PY_START | events.PY_RETURN]))
        time.sleep(.02)


warnings.simplefilter("ignore")
sys.setswitchinterval(random.Random(SEED).choice([1e-6, 1e-4, 5e-3]))
for each in range(THREADS):
    threading.Thread(target=runs, args=(each,), daemon=True).start()
print("READY", flush=True)
if MODE == "monitor":
    monitors()
while True:
    time.sleep(.05)
    gc.collect()
