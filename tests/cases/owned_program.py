# SPDX-License-Identifier: MIT
"""An object of a C type that keeps its things in a table of its own, a block of malloc: texts that nothing else has,
one of them in a block below that block; and the address of a text that is gone. Others whose blocks have objects with
references that are counted and that nobody else has. Prints READY and what they are."""
import ctypes
import gc
import json
import os
import sys


class Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]


class Spec(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("basicsize", ctypes.c_int), ("itemsize", ctypes.c_int),
                ("flags", ctypes.c_uint), ("slots", ctypes.POINTER(Slot))]


HAVE_GC = 1 << 14  # Include/object.h Py_TPFLAGS_HAVE_GC
TP_TRAVERSE = 71  # Include/typeslots.h Py_tp_traverse
KEPT = []  # what the interpreter goes on reading


def make_type(name=b"table.Table", size=object.__basicsize__ + 32, flags=0):
    """A class of C, whose instances have so many bytes."""
    slots = (Slot * 2)()
    if flags & HAVE_GC:  # it needs a function that is never called here
        slots[0] = Slot(TP_TRAVERSE, ctypes.cast(ctypes.pythonapi.PyObject_Hash, ctypes.c_void_p).value)
    spec = Spec(name, size, 0, flags, slots)
    KEPT.extend((slots, spec))
    function = ctypes.pythonapi.PyType_FromSpec
    function.restype, function.argtypes = ctypes.py_object, [ctypes.POINTER(Spec)]
    return function(spec)


def make_claiming():
    """An instance of a type that says function is its base, as compilers' functions do, and has another struct."""
    function = type(put)
    claiming = make_type(b"table.Function", function.__basicsize__ + 32, HAVE_GC)
    one = claiming()
    for at in range(id(claiming) + 200, id(claiming) + 320, 8):
        if ctypes.c_size_t.from_address(at).value == id(object):  # tp_base
            put(at, id(function))
            break
    else:
        raise SystemExit("no tp_base")
    for at in range(object.__basicsize__, function.__basicsize__, 8):
        put(id(one) + at, 1)
    return one


def put(address, word):
    ctypes.c_void_p.from_address(address).value = word


def cleared(libc, size):
    """The address of a block without a word of what was there before, beyond the size that was asked for either."""
    made = libc.malloc(size)
    ctypes.memset(made, 0, libc.malloc_usable_size(ctypes.c_void_p(made)))
    return made


def text(words):
    """The address of a new one that is counted and known to nobody."""
    one = "".join([words, " that only a block of C has"])
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))
    return id(one)


class Held(object):
    """Free lists have words of others that are gone, which new ones may take the place of; not of these."""
    __slots__ = ("data",)

    def __init__(self):
        self.data = bytes(SIZE)


class Tables(object):
    """Objects of C types in groups; each group leads to one object of Python, by a word in a block."""

    def __init__(self, libc, make):
        self.libc, self.make = libc, make
        self.groups = {}

    def block(self, size=480):
        return cleared(self.libc, size)

    def owner(self, block):
        one = self.make()
        put(id(one) + object.__basicsize__ + 8, block)
        return one

    def add(self, name, blocks, references=1, inner=None):
        """As many owners as blocks; the last block of each way has the word."""
        held = Held()
        for _ in range(references):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))
        for block in set(blocks):
            put(block + 40, inner or id(held))
        if inner:
            put(inner + 16, id(held))
        self.groups[name] = [self.owner(block) for block in blocks]
        return id(held)


SIZE = 200000


def make_tables(libc, make):
    """(what keeps them, {name: address of what they lead to})."""
    tables = Tables(libc, make)
    one, large = tables.block(), tables.block(1 << 18)
    held = {"alone": tables.add("alone", [tables.block()], inner=tables.block()),
            "common": tables.add("common", [one, one]),
            "twice": tables.add("twice", [tables.block(), tables.block()]),
            "short": tables.add("short", [tables.block()], references=2),
            "many": tables.add("many", [tables.block()] * 6),
            "data": tables.add("data", [large])}
    known = Held()  # all of its references are known: a word that was left behind
    tables.groups["known"] = [tables.owner(tables.block())]
    put(ctypes.c_size_t.from_address(id(tables.groups["known"][0]) + object.__basicsize__ + 8).value + 40, id(known))
    held["known"] = id(known)
    tables.known = known
    return tables, held


def main():
    gc.disable()
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    block, below = cleared(libc, 4000), cleared(libc, 2000)
    libc.malloc(64)  # so that it is not the last of the heap
    truth = {"in_block": text("a text"), "below": text("another text"),
             "gone": text("a text of a size that nothing else has soon" * 160)}
    truth["size"] = sys.getsizeof(ctypes.cast(truth["in_block"], ctypes.py_object).value)
    put(block + 160, truth["in_block"])
    put(block + 1600, below)
    put(block + 1608, truth["gone"])
    put(below + 1000, truth["below"])
    make = make_type()
    table = make()
    put(id(table) + object.__basicsize__ + 8, block)
    ctypes.pythonapi.Py_DecRef(ctypes.cast(truth["gone"], ctypes.py_object))
    claiming = make_claiming()
    truth["claiming"] = id(claiming)
    tables, truth["held"] = make_tables(libc, make)
    truth["groups"] = {name: [id(group)] + [id(one) for one in group] for name, group in tables.groups.items()}
    os.write(1, b"READY " + json.dumps(truth).encode() + b"\n")
    while os.read(0, 1):
        pass
    return table, claiming, tables


main()
