# SPDX-License-Identifier: MIT
"""Many threads that stand at the same place with locals of their own, and many objects of one class in one dict."""
import os
import sys
import threading

THREADS = 30


class Order(object):
    def __init__(self, n):
        self.number, self.tags = n, ["tag %d of %d" % (k, n) for k in range(5)]


ORDERS = {n: Order(n) for n in range(3000)}
gate, ready = threading.Event(), threading.Semaphore(0)


def leaf(rows):
    ready.release()
    gate.wait()


def worker(n):
    rows = ["row %d of %d" % (k, n) for k in range(600)]
    own = [bytes(100 + n) for _ in range(100)]
    leaf(rows)
    return own


for number in range(THREADS):
    threading.Thread(target=worker, args=(number,), daemon=True).start()
for _ in range(THREADS):
    ready.acquire()
os.write(1, b"READY\n")
sys.stdin.read()
