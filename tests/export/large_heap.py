# SPDX-License-Identifier: MIT
"""Makes a heap of about ten million objects, says so, and waits for the end of its input."""
import gc
import sys

gc.disable()


class Session(object):
    def __init__(self, number):
        self.user = "user-%d" % number
        self.rows = [("r%d" % (number * 10 + i), i * 1000.5 + number) for i in range(10)]
        self.extra = {"a": number + 1000, "b": self}


SESSIONS = {"u:%d" % number: Session(number) for number in range(int(sys.argv[1]))}
print("READY", flush=True)
sys.stdin.read()
