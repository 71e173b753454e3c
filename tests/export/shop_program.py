# SPDX-License-Identifier: MIT
"""A heap whose structure is known: sessions that hold rows, a list that refers to itself and nobody refers to, a class
and a key that would be markup in a page."""
import gc
import sys

gc.disable()


class Session(object):
    def __init__(self, number):
        self.user = "user-%d" % number
        self.rows = [("row %d" % (number * 10 + i), i * 1000.5) for i in range(10)]
        self.me = self


Hostile = type("<script>alert(1)</script>", (object,), {"__module__": "</script>\"'`<b>"})
SESSIONS = {"u:%d" % number: Session(number) for number in range(int(sys.argv[1]))}
SETTINGS = {"name": "blue", "limit": 70000, "<img src=x onerror=alert(1)>": Hostile()}
TWICE = [("the same text " * 3).upper() for _ in range(100)]
RING = []
RING.append(RING)
del RING
print("READY", id(SESSIONS), id(SETTINGS), id(TWICE))
sys.stdout.flush()
sys.stdin.read()
