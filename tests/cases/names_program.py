# SPDX-License-Identifier: MIT
"""Objects that are hard to name: lists held by nested functions of one code, classes of one name that no module has,
methods and what is deep below them."""
import os
import sys


def make(n):
    data = ["x%d" % (n + i) for i in range(200)]

    def call():
        return data
    return call


class Tree(object):
    def __init__(self, depth):
        self.leaves = {"kind": ["leaf %d" % i for i in range(20)]} if depth == 0 else None
        self.branches = [Tree(depth - 1) for _ in range(2)] if depth else ()


CALLS = {"k%d" % n: make(n) for n in range(100)}
CLASSES = {i: type("Made", (), {"table": [i] * 500}) for i in range(60)}
FORESTS = [Tree(3), Tree(2)]
PAIRS = {("a", 1): {"deep": [Tree(0)]}, 7: Tree(1), None: ["nothing"] * 30, True: {"yes": bytearray(50)}}
asked = []
for n in range(7, 17):
    asked += [CALLS["k%d" % n].__closure__[0].cell_contents, CALLS["k%d" % n]]
for i in range(8, 18):
    asked += [CLASSES[i].table, CLASSES[i]]
asked += [FORESTS[0].branches[1].branches[0].branches[1].leaves["kind"], FORESTS[1].branches[0],
          PAIRS[("a", 1)]["deep"], PAIRS[7].branches[1], PAIRS[None], PAIRS[True]["yes"], CALLS, Tree, make, FORESTS]
os.write(1, ("READY %s\n" % " ".join(hex(id(one)) for one in asked)).encode())
sys.stdin.read()
