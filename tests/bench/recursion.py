# SPDX-License-Identifier: MIT
"""A recursion of COUNT frames, and its twin: the same objects without the frames. Each frame has a number, a list of
it and of its caller's list, and that list as its argument; the twin makes the same lists in a loop, from the same
numbers in the same order. From 3.11 on frames are no objects, so that nothing else differs. Says READY, and waits to be
dumped.

    recursion.py deep|flat COUNT"""
import sys

sys.setrecursionlimit(10 ** 7)


def ready():
    print("READY", flush=True)
    sys.stdin.read()


def recurse(number, caller):
    mine = [number, caller]
    if number == 0:
        ready()
        return mine
    return recurse(number - 1, mine)


def loop(count):
    mine = None
    for number in range(count, -1, -1):
        mine = [number, mine]
    ready()


if sys.argv[1] == "deep":
    recurse(int(sys.argv[2]), None)
else:
    loop(int(sys.argv[2]))
