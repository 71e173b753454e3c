# SPDX-License-Identifier: MIT
"""An object of a C type that keeps its things in a table of its own, a block of malloc: texts that nothing else has,
one of them in a block below that block; and the address of a text that is gone. Prints READY and what they are."""
import ctypes
import json
import os
import sys


class Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]


class Spec(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("basicsize", ctypes.c_int), ("itemsize", ctypes.c_int),
                ("flags", ctypes.c_uint), ("slots", ctypes.POINTER(Slot))]


KEPT = []  # what the interpreter goes on reading


def make_type():
    """class table.Table of C, whose instances have 32 bytes of their own."""
    slots = (Slot * 1)()
    spec = Spec(b"table.Table", object.__basicsize__ + 32, 0, 0, slots)
    KEPT.extend((slots, spec))
    function = ctypes.pythonapi.PyType_FromSpec
    function.restype, function.argtypes = ctypes.py_object, [ctypes.POINTER(Spec)]
    return function(spec)


def put(address, word):
    ctypes.c_void_p.from_address(address).value = word


def text(words):
    """The address of a new one that is counted and known to nobody."""
    one = "".join([words, " that only a block of C has"])
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))
    return id(one)


def main():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    block, below = libc.malloc(4000), libc.malloc(2000)
    libc.malloc(64)  # so that it is not the last of the heap
    ctypes.memset(block, 0, 4000)
    ctypes.memset(below, 0, 2000)
    truth = {"in_block": text("a text"), "below": text("another text"), "gone": text("a last text")}
    truth["size"] = sys.getsizeof(ctypes.cast(truth["in_block"], ctypes.py_object).value)
    put(block + 160, truth["in_block"])
    put(block + 1600, below)
    put(block + 1608, truth["gone"])
    put(below + 1000, truth["below"])
    table = make_type()()
    put(id(table) + object.__basicsize__ + 8, block)
    ctypes.pythonapi.Py_DecRef(ctypes.cast(truth["gone"], ctypes.py_object))
    os.write(1, b"READY " + json.dumps(truth).encode() + b"\n")
    while os.read(0, 1):
        pass
    return table


main()
