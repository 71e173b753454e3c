# SPDX-License-Identifier: MIT
"""A heap whose structure is known: sessions that hold rows, a list that refers to itself and nobody refers to, a class
and a key that would be markup in a page, a thread that waits for a lock, tasks that wait for each other, blocks
that tracemalloc traced."""
import asyncio
import gc
import sys
import threading
import tracemalloc

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


class Till(object):
    lock = threading.Lock()


async def pay(amount):
    await asyncio.sleep(amount)


async def check_out(other):
    await other


async def open_shop():
    first = asyncio.ensure_future(pay(3600))
    tasks = [first] + [asyncio.ensure_future(check_out(first)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def wait_for_till(customer):
    basket = ["apple %d" % i for i in range(50)]
    STANDING.set()
    with Till.lock:
        return customer, basket


def allocate():
    return [bytearray(3000 + i) for i in range(20)]


loop = asyncio.new_event_loop()
TASKS = loop.run_until_complete(open_shop())
STANDING = threading.Event()
Till.lock.acquire()
threading.Thread(target=wait_for_till, args=("customer one",), name="checkout", daemon=True).start()
STANDING.wait()
tracemalloc.start(5)
TRACED = allocate()
print("READY", id(SESSIONS), id(SETTINGS), id(TWICE))
sys.stdout.flush()
sys.stdin.read()
