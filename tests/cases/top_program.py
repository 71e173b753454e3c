# SPDX-License-Identifier: MIT
"""Random graphs of lists, dicts and bytes of very different sizes, held by globals, by each other and twice; prints
READY with the addresses of two large ones beside each other, and waits to be dumped."""
import gc
import os
import random
import sys


def grow(chance, depth):
    """Mostly one large branch, with siblings that weigh something too."""
    if depth == 0 or chance.random() < 0.1:
        return bytes(chance.choice((10, 1000, 50000, 400000)))
    items = [grow(chance, depth - 1) for _ in range(chance.choice((1, 1, 2, 3)))]
    items += [bytes(chance.randrange(3000)) for _ in range(chance.randrange(20))]
    if chance.random() < 0.5:
        return {"k%d" % i: item for i, item in enumerate(items)}
    return items


def main():
    chance = random.Random(int(sys.argv[1]))
    module = sys.modules["__main__"]
    module.first = [bytes(1000000 - 33) for _ in range(40)]
    module.second = [bytes(1000000 - 33) for _ in range(12)]
    shared = grow(chance, 4)
    for i in range(chance.randrange(1, 6)):
        setattr(module, "tree%d" % i, [grow(chance, chance.randrange(1, 9)), shared])
    gc.disable()
    for _ in range(chance.randrange(3, 9)):
        lost = [grow(chance, chance.randrange(1, 5)), shared]
        lost.append({"again": lost})
    lost = (lost,)
    lost[0].append(lost)
    del lost
    os.write(1, b"READY %x %x\n" % (id(module.first), id(module.second)))
    while os.read(0, 1):
        pass


main()
