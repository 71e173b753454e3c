# SPDX-License-Identifier: MIT
"""Processes in states that tear their heap: hazards_program.py MODE TRUTH. Each gets into the state, writes down from
within what it knows of some objects (`object`: id, sys.getsizeof or -, type; `tracked`: the same, and gc.is_tracked is
true), says READY there and waits for the end of its input. Syntax and library of Python 3.8."""
import builtins
import ctypes
import gc
import os
import sys
import threading
import weakref

from blocked import wait_until_blocked


class Node(object):
    def __init__(self, number):
        self.number = number
        self.text = "node %d" % number
        self.other = None


KEPT = [Node(number) for number in range(500)]


def describe(subject, kind="object", size=True):
    name = type(subject).__qualname__
    if type(subject).__module__ != "builtins":
        name = type(subject).__module__ + "." + name
    return "%s\t%x\t%s\t%s\n" % (kind, id(subject), sys.getsizeof(subject) if size else "-", name)


def stop_here(lines):
    """Never returns: the state is left as it is."""
    with open(sys.argv[2], "w") as file:
        file.write("".join(lines + [describe(one, "tracked") for one in KEPT] + ["end\n"]))
    os.write(1, b"READY\n")
    while os.read(0, 4096):
        pass
    os._exit(0)


def sort():
    """list.sort() has taken the items out of the list: they are in C memory while keys are compared."""
    class Key(object):
        def __init__(self, number):
            self.number = number

        def __lt__(self, other):
            if self.number == 40 or other.number == 40:
                stop_here([describe(keys)] + [describe(one, "tracked") for one in made])
            return self.number < other.number

    made = [Key(number) for number in range(64)]
    keys = list(made)
    builtins.hazard = keys
    keys.sort()


def cycles(count):
    """Lines about objects that only refer to each other; nothing here holds them."""
    lines = []
    for number in range(count):
        first, second = Node(number), Node(-number)
        first.other, second.other = second, [first, {"back": second}]
        lines += [describe(one, "tracked") for one in (first, second, second.other, second.other[1])]
    return lines


class Blocks(object):
    """One of a garbage cycle: its finalizer runs while the collector has the cycle's objects on a list of its own."""
    lines = []

    def __init__(self):
        self.me = self

    def __del__(self):
        stop_here(Blocks.lines)


def finalizer():
    gc.disable()
    Blocks.lines = cycles(300)
    one = Blocks()
    Blocks.lines.append(describe(one, "tracked"))
    del one
    gc.collect()


def callback():
    gc.disable()
    lines = cycles(300)
    gc.callbacks.append(lambda phase, _: stop_here(lines) if phase == "start" else None)
    gc.collect()


def weak_callback():
    """Callbacks of weak references to garbage run before it is cleared."""
    gc.disable()
    lines = cycles(300)
    one = Node(1)
    one.other = one
    lines.append(describe(one, "tracked"))
    reference = weakref.ref(one, lambda _: stop_here(lines))
    builtins.hazard = reference
    del one
    gc.collect()


def trashcan():
    """Deep nesting is freed in portions; objects whose turn has not come have no references any more."""
    class Last(object):
        def __del__(self):
            stop_here([])

    nested = Last()
    for _ in range(3000):
        nested = [nested]
    builtins.hazard = KEPT
    del nested


def fork():
    """A child of a bare fork(): the other threads' states are there, the threads are not."""
    started = threading.Barrier(4)
    never = threading.Event()

    def wait():
        mine = [Node(number) for number in range(10)]
        started.wait()
        never.wait()
        mine.clear()

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait()
    wait_until_blocked(threads)
    output = os.dup(1)
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        with open(sys.argv[2], "w") as file:
            file.write("".join([describe(one, "tracked") for one in KEPT] + ["threads\t4\n", "end\n"]))
        os.write(output, b"READY %d\n" % os.getpid())
        os.close(output)
        ctypes.PyDLL(None).pause()
    os.close(output)
    while os.read(0, 4096):
        pass
    os.kill(child, 9)
    os._exit(0)


def growing():
    """Tables that grow and shrink all the time: a copy of the memory finds some in the middle of it."""
    builtins.hazard = tables = [{}, set(), [], bytearray()]
    numbers = list(range(5000))

    def grow():
        while True:
            for number in numbers:
                tables[0][number] = number
                tables[1].add(number)
                tables[2].append(number)
                tables[3].append(number & 127)
            for table in tables:
                table.clear()

    threading.Thread(target=grow, daemon=True).start()
    stop_here([])


MODES = {function.__name__: function
         for function in (sort, finalizer, callback, weak_callback, trashcan, fork, growing)}

if __name__ == "__main__":
    MODES[sys.argv[1]]()
