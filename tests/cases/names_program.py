# SPDX-License-Identifier: MIT
"""Objects that are hard to name: lists held by nested functions of one code, classes of one name that no module has,
what is deep below methods, and values of ContextVars, of which a context keeps many in a trie."""
import contextvars
import os
import sys
import threading


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
REQUEST = contextvars.ContextVar("request")
OTHERS = [contextvars.ContextVar("other%d" % i) for i in range(40)]
for i, variable in enumerate(OTHERS):
    variable.set(["other %d" % i] * 10)


class Connection(object):
    def __init__(self, n):
        REQUEST.set({"body": ["body %d" % n] * 20})
        self.context = contextvars.copy_context()


def work(started, gate):
    REQUEST.set(["of a thread"] * 300)
    started.set()
    gate.wait()


POOL = [contextvars.copy_context().run(Connection, n) for n in range(5)]
TOKEN = POOL[0].context.copy().run(REQUEST.set, None)
started = threading.Event()
threading.Thread(target=work, args=(started, threading.Event()), daemon=True).start()
started.wait()
asked = []
for n in range(7, 17):
    asked += [CALLS["k%d" % n].__closure__[0].cell_contents, CALLS["k%d" % n]]
for i in range(8, 18):
    asked += [CLASSES[i].table, CLASSES[i]]
asked += [FORESTS[0].branches[1].branches[0].branches[1].leaves["kind"], FORESTS[1].branches[0],
          PAIRS[("a", 1)]["deep"], PAIRS[7].branches[1], PAIRS[None], PAIRS[True]["yes"], CALLS, Tree, make, FORESTS,
          POOL[3].context[REQUEST], POOL[4].context[REQUEST]["body"], POOL[2].context, TOKEN.old_value]
words = " ".join(hex(id(one)) for one in asked)
del asked  # else that is where they are
os.write(1, ("READY %s\n" % words).encode())
sys.stdin.read()
