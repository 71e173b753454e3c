# SPDX-License-Identifier: MIT
"""A deep recursion, and two threads that stand alike. Says READY, then stands still."""
import sys
import threading

sys.setrecursionlimit(100000)
threading.stack_size(256 << 20)
gate, started = threading.Event(), threading.Semaphore(0)


def waits():
    secret = "in two threads"
    started.release()
    gate.wait()
    return secret


def recurses(n):
    if n == 0:
        print("READY", flush=True)
        sys.stdin.read()
        return 0
    return recurses(n - 1)


def begins():
    numbers = [1, 2, 3]
    return recurses(5000), numbers


def opens():
    class Kind(object):
        pass
    pair = [[100001, 100002], "in a list"]
    first = pair[0]
    started.release()
    gate.wait()
    return Kind, pair, first


def shares():
    pair = [[100003, 100004], "in another list"]
    first = pair[0]
    opens()
    return pair, first


for _ in range(2):
    threading.Thread(target=waits, daemon=True).start()
    started.acquire()
threading.Thread(target=shares, name="shares", daemon=True).start()
started.acquire()
main = threading.Thread(target=begins, name="deep")
main.start()
main.join()
