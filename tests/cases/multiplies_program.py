# SPDX-License-Identifier: MIT
"""A thread that is at work on its bytecode for half a minute: what is on its evaluation stack was put there after the
interpreter had last saved how deep it is. Says READY and begins."""
import sys


def takes(*arguments):
    return len(arguments)


def multiplies(number, left, right):
    return takes(number + 0.5, number + 0.75, left * right)


for _ in range(2000):  # so that the instructions become those for floats and ints
    multiplies(1.0, 3, 4)
huge = (1 << 100_000_000) - 1
print("READY", flush=True)
multiplies(987654321.0, huge, huge - 1)
sys.stdin.read()
