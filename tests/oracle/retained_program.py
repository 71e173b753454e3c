# SPDX-License-Identifier: MIT
"""Builds objects with a name each, says where they are, waits to be looked at, then deletes one after the other and
says how many bytes the allocators got back for it. Run with -X tracemalloc, which sees every allocation by size.

A freed block equals sys.getsizeof() but for what that leaves out of instances (dict and weakref words up to 3.11,
values arrays): the excess is that, measured on instances of the same shape. Ints may be allocated larger than they say:
there are none but small ones."""
import array
import collections
import functools
import gc
import json
import operator
import sys
import tracemalloc


class Plain(object):
    def __init__(self, payload):
        self.payload = payload
        self.other = None


class Slotted(object):
    __slots__ = ("first", "second")

    def __init__(self, first, second):
        self.first, self.second = first, second


class Holder(object):
    cache = None


def text(number):
    return "text %d of a subject" % number


def linked(length):
    link = None
    for number in range(length):
        link = (link, float(number))
    return link


def closing():
    kept = [text(i) for i in range(50)]

    def inner():
        return kept
    return inner


def cycle():
    one, other = [text(1)], [text(2)]
    one.append(other)
    other.append(one)
    return one


def family():
    parent, child = Plain([]), Plain(text(7))
    parent.payload.append(child)
    child.other = parent
    return parent


def ordered():
    result = collections.OrderedDict((text(i), [i + 0.5]) for i in range(40))
    del result[text(3)]
    return result


def walking(rows):
    for row in rows:
        yield row


shared = [text(i) for i in range(1000)]
registry = {}

# name of the global: how it is made, and how many instances of Plain it retains
BUILT = {
    "table": (lambda: {text(i): [i + 0.5] for i in range(200)}, 0),
    "numbers": (lambda: [float(i) for i in range(1000)], 0),
    "blob": (lambda: b"x" * 100000, 0),
    "ring": (cycle, 0),
    "sharing": (lambda: {"mine": [text(i) for i in range(30)], "ours": shared}, 0),
    "instance": (lambda: Plain([text(1)]), 1),
    "slotted": (lambda: [Slotted(text(i), i * 0.5) for i in range(100)], 0),
    "related": (family, 2),
    "sets": (lambda: set((text(i), i + 0.25) for i in range(100)), 0),
    "frozen": (lambda: {frozenset((text(1), text(2))): text(3)}, 0),
    "function": (closing, 0),
    "queue": (lambda: collections.deque(text(i) for i in range(500)), 0),
    "in_order": (ordered, 0),
    "chain": (lambda: linked(3000), 0),
    "doubles": (lambda: array.array("d", range(1000)), 0),
    "mutable": (lambda: bytearray(50000), 0),
    "integer": (lambda: 1 << 99990, 0),
    "wide": (lambda: chr(0x1f600) * 3000, 0),
    "partial": (lambda: functools.partial(closing, [text(9)], key=text(10)), 0),
    "small": (lambda: [1, 2, None, True, (), "", "a"], 0),
    "many": (lambda: [Plain(float(i)) for i in range(300)], 300),
}
if sys.version_info >= (3, 11):  # before that a code object keeps the frame of its last call for the next one
    # Not started: to close one that has raises an exception, and 3.12 keeps memory of that.
    BUILT["generator"] = (lambda: walking([text(i) for i in range(60)]), 0)

# expression: how to delete it, how to see it, instances of Plain. Functions in C delete: they leave no frame behind.
ELSEWHERE = {
    "__main__.Holder.cache": (lambda: (delattr, Holder, "cache"), lambda: Holder.cache, 0),
    "__main__.registry['users']": (lambda: (operator.delitem, registry, "users"), lambda: registry["users"], 1),
    "__main__.registry['deep'].payload": (lambda: (setattr, registry["deep"], "payload", None),
                                          lambda: registry["deep"].payload, 0),
    "__main__.registry['list'][1]": (lambda: (operator.setitem, registry["list"], 1, None),
                                     lambda: registry["list"][1], 0),
}


def build():
    names = globals()
    # Free lists may have objects from before tracemalloc began, whose memory it will never see freed: kept here.
    names["from_free_lists"] = [([], {}, (i,), (i, i), i + 0.5) for i in range(200)]
    # 3.11 and 3.12 fit the size of values arrays to the first instances
    names["warm"] = [Plain(None) for _ in range(64)]
    del names["warm"]
    for name, (make, _) in BUILT.items():
        names[name] = make()
    Holder.cache = {text(i): text(i + 1) for i in range(300)}
    registry["users"] = Plain({"x": [text(i) for i in range(20)]})
    registry["deep"] = Plain([text(i) for i in range(25)])
    registry["list"] = [None, [text(i) for i in range(15)]]
    names["also"] = shared[10:20]


def freed_by(action, *arguments):
    """Bytes that the allocators get back from it; what this function itself keeps is constant."""
    gc.collect()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    action(*arguments)
    gc.collect()
    gc.collect()
    return before - tracemalloc.get_traced_memory()[0]


def measure_excess(names):
    spare = [Plain(None) for _ in range(64)]
    sizes = sys.getsizeof(spare) + sum(map(sys.getsizeof, spare))
    if sys.version_info < (3, 11):  # they have their dict from the start
        sizes += sum(sys.getsizeof(one.__dict__) for one in spare)
    names["spare"] = spare
    del spare
    excess, rest = divmod(freed_by(operator.delitem, names, "spare") - NOTHING - sizes, 64)
    assert rest == 0, "instances of one shape take different sizes"
    return excess


def main():
    global NOTHING
    local_rows = [text(i) for i in range(400)]
    names = globals()
    steps = [["__main__." + name, (operator.delitem, names, name), (lambda name=name: names[name]), instances]
             for name, (_, instances) in BUILT.items()]
    steps += [[expression, action(), see, instances] for expression, (action, see, instances) in ELSEWHERE.items()]
    results = [0] * len(steps)
    collections.deque(range(64 * 40)).clear()  # deque keeps some free blocks for itself: let it have them
    for _ in range(3):
        NOTHING = freed_by(operator.truth, names)
    assert freed_by(operator.truth, names) == NOTHING
    excess = measure_excess(names)
    assert measure_excess(names) == excess
    gc.collect()
    print("READY " + json.dumps({"local": "0x%x" % id(local_rows),
                                 "subjects": [[step[0], "0x%x" % id(step[2]()), step[3]] for step in steps]}))
    sys.stdout.flush()
    sys.stdin.readline()
    for index, step in enumerate(steps):
        results[index] = freed_by(*step[1]) - NOTHING
    gc.collect()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    del local_rows
    gc.collect()
    gc.collect()
    local = before - tracemalloc.get_traced_memory()[0] - NOTHING  # as in freed_by()
    print(json.dumps({"excess": excess, "freed": results, "local": local}))
    sys.stdout.flush()


build()
main()
