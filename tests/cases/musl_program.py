# SPDX-License-Identifier: MIT
"""Memory of pymalloc, of malloc and of threads, for a Python that is linked with musl. Says READY when it stands; what
pymalloc says of itself goes to stderr."""
import sys
import threading

ready = threading.Semaphore(0)
lock = threading.Lock()
lock.acquire()
LARGE = [bytearray(3000000)] + [bytes(5000) for _ in range(400)]
SMALL = {number: str(number) for number in range(20000)}


def waits():
    ready.release()
    lock.acquire()


for number in range(3):
    threading.Thread(target=waits, name="waits %d" % number, daemon=True).start()
    ready.acquire()
print("READY", flush=True)
sys._debugmallocstats()
sys.stdin.readline()
