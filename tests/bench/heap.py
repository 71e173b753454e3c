# SPDX-License-Identifier: MIT
"""The heap that speed is measured on (docs/testing.md): lists, dicts, instances and strings, COUNT objects in all.
Prints how long one full gc.collect() takes here (the best of five), then READY, and waits to be dumped."""
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


def main():
    gc.disable()
    heap = build(int(sys.argv[1]))
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
