# SPDX-License-Identifier: MIT
"""The heap that speed is measured on (docs/testing.md): lists, dicts, instances and strings, COUNT objects in all; with
a second argument also that many blocks of C code, each with an object of ctypes that alone has its address. Prints how
long one full gc.collect() takes here (the best of five), then READY, and waits to be dumped."""
import gc
import os
import sys
import time


class Order(object):
    def __init__(self, number):
        self.number = number
        self.name = "order %d" % number
        self.lines = [number + 0.5, "line %d" % number]


def build(count):
    """Each round makes 10 objects of which the collector sees 4: an instance, two lists, a dict, and strings, floats
    and ints."""
    orders, index = [], {}
    for number in range(1000, 1000 + count // 10):
        order = Order(number)
        orders.append([order, {"id": number * 1000, "tag": "tag %d" % number}])
        index["key %d" % number] = order
    return {"orders": orders, "index": index}


def take_blocks(count):
    import ctypes
    malloc = ctypes.CDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    return [ctypes.c_void_p(malloc(48)) for _ in range(count)]


def main():
    gc.disable()
    heap = build(int(sys.argv[1]))
    if len(sys.argv) > 2:
        heap["blocks"] = take_blocks(int(sys.argv[2]))
    sys.modules["__main__"].heap = heap
    gc.collect()
    best = 1e9
    for _ in range(5):
        start = time.perf_counter()
        gc.collect()
        best = min(best, time.perf_counter() - start)
    os.write(1, b"READY %.6f %x\n" % (best, id(heap)))
    while os.read(0, 1):
        pass
    os._exit(0)


main()
