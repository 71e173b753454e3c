# SPDX-License-Identifier: MIT
"""A process whose interpreter counts its own memory: usage `python_shares_program.py FOLDER`. Fills free lists,
interns strings, has sys._debugmallocstats() write into FOLDER/lists and other counters into FOLDER/counts, says READY
and waits.
Python 3.8."""
import asyncio
import gc
import json
import os
import sys
import tracemalloc

FOLDER = sys.argv[1]
tracemalloc.start(3)
names = [sys.intern("interned by the test %d" % number) for number in range(3000)]
functions = [eval("lambda n: (n + %d.5, 'constant %d')" % (number, number)) for number in range(500)]


async def agenerator():
    yield 1
    yield 2


async def consume():
    async for _ in agenerator():
        pass
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(100)))


def fill():
    """Makes and frees objects of the types that have a list."""
    floats = [float(number) for number in range(300)]
    lists = [[] for _ in range(300)]
    dicts = [{number: number} for number in range(300)]
    tuples = [tuple(range(length)) for length in range(1, 21) for _ in range(50)]
    del floats, lists, dicts, tuples


asyncio.run(consume())
gc.collect()
fill()
interned = getattr(sys, "getunicodeinternedsize", lambda: None)
lists = os.open(os.path.join(FOLDER, "lists"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
with open(os.path.join(FOLDER, "counts"), "w") as file:
    json.dump({"tracked": len(gc.get_objects()), "interned": interned(), "names": len(names),
               "codes": len(functions), "code_bytes": sum(sys.getsizeof(one.__code__) for one in functions),
               "traced": tracemalloc.get_tracemalloc_memory()}, file)
stats, write, read = sys._debugmallocstats, os.write, os.read
fill()
os.dup2(lists, 2)
write(2, b"%d blocks\n" % sys.getallocatedblocks())
stats()
write(1, b"READY\n")
while read(0, 4096):
    pass
