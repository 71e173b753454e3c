# SPDX-License-Identifier: MIT
"""Heaps of odd shapes: `collecting N` is inside a collection, with a second thread whose stack an arena follows;
`recursion N` has N frames; `tasks N` has N tasks that wait; `slots` has modules in C whose static arrays look like
objects. Prints READY and the number of lists, of exceptions that the collector knows, and waits to be dumped."""
import gc
import os
import resource
import sys
import threading


def ready():
    errors = sum(isinstance(one, OSError) for one in gc.get_objects())
    os.write(1, b"READY %d\n" % errors)
    while os.read(0, 1):
        pass


class Dying(object):
    def __init__(self):
        self.me = self

    def __del__(self):
        ready()


def deeper(count, value):
    row = [count, value]
    if count == 0:
        ready()
        return row
    return deeper(count - 1, row)


def waiting(count):
    import asyncio

    async def leaf(event):
        await event.wait()

    async def middle(event):
        await leaf(event)

    async def run():
        event = asyncio.Event()
        tasks = [asyncio.ensure_future(middle(event)) for _ in range(count)]
        await asyncio.sleep(0)
        ready()
        return tasks
    asyncio.run(run())


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    heap = [[i] for i in range(count)]
    if sys.argv[1] == "collecting":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        Dying()
        gc.collect()
    elif sys.argv[1] == "recursion":
        heap = None
        sys.setrecursionlimit(10 ** 7)
        deeper(count, None)
    elif sys.argv[1] == "tasks":
        heap = None
        waiting(count)
    elif sys.argv[1] == "slots":
        import _ctypes  # noqa: F401
        import _ssl  # noqa: F401
        import decimal  # noqa: F401
        import sqlite3  # noqa: F401
        gc.collect()
        ready()
    else:
        ready()
    return heap


if sys.argv[1] == "recursion":
    resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    threading.stack_size(0)
main()
