# SPDX-License-Identifier: MIT
"""Objects whose references C code has: one whose address stands in a block of malloc, one in a static variable of the C
library, one nowhere any more, and one that is counted three times. Prints READY and what they are."""
import ctypes
import json
import os


class Held(object):
    def __init__(self, size):
        self.data = bytes(size)


class Box(object):
    """A container of objects that nothing but it and C code holds; each refers to itself."""

    def __init__(self, count):
        self.items = [Held(10000) for _ in range(count)]
        for item in self.items:
            item.me = [item]
            leak(item)


def leak(held, times=1):
    for _ in range(times):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))
    return id(held)


def main():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    block = libc.malloc(4000)
    other = libc.malloc(4000)
    libc.malloc(64)  # so that the other one is not the last of the heap
    truth = {"block": "0x%x" % block}
    in_block, nowhere, thrice = Held(300000), Held(200000), Held(100000)
    ctypes.memset(block, 0, 4000)
    for header in range(1000, 4000, 0x410):  # what chunks that were here before may leave behind
        ctypes.c_size_t.from_address(block + header).value = 0x411
    ctypes.c_void_p.from_address(block + 1600).value = id(in_block)
    ctypes.memset(other, 0, 4000)
    truth["in_block"] = "0x%x" % leak(in_block)
    truth["nowhere"] = "0x%x" % leak(nowhere)
    truth["thrice"] = "0x%x" % leak(thrice, 3)
    del in_block, nowhere
    box = Box(20)
    other_box = [thrice]
    truth["box"], truth["other_box"] = "0x%x" % id(box), "0x%x" % id(other_box)
    os.write(1, b"READY " + json.dumps(truth).encode() + b"\n")
    while os.read(0, 1):
        pass
    return thrice, box, other_box


main()
