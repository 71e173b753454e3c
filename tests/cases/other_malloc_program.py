# SPDX-License-Identifier: MIT
"""A process under somebody's malloc: usage `other_malloc_program.py FOLDER`. Where jemalloc is loaded, writes what its
mallctl() says into FOLDER/jemalloc without taking memory for it, says READY and waits."""
import asyncio  # noqa: F401  (objects of many kinds)
import ctypes
import io
import os
import ssl  # noqa: F401
import sys

rows = [[i, str(i)] for i in range(20000)]
blocks = [bytearray(600 + i % 8000) for i in range(3000)]
del blocks[::3]
wait, byte, ready = io.FileIO(0, closefd=False).readinto, bytearray(1), b"READY\n"  # takes no memory for what it reads
library = ctypes.CDLL(None)
NAMES = ("allocated", "active", "retained", "arenas.4096.pdirty", "arenas.4096.pmuzzy")  # 4096: all arenas together
if hasattr(library, "mallctl"):
    values = (ctypes.c_uint64 * len(NAMES))()
    one, size = ctypes.c_uint64(1), ctypes.c_size_t(8)
    names = [b"stats." + name.encode() for name in NAMES]
    places = [ctypes.byref(values, 8 * i) for i in range(len(NAMES))]
    out = os.open(os.path.join(sys.argv[1], "jemalloc"), os.O_CREAT | os.O_WRONLY)
    rounds = 3
    while rounds:
        rounds -= 1
        os.lseek(out, 0, 0)
        library.mallctl(b"epoch", ctypes.byref(one), ctypes.byref(size), ctypes.byref(one), size)
        for name, place in zip(names, places):
            library.mallctl(name, place, ctypes.byref(size), None, ctypes.c_size_t(0))
        os.write(out, values)
os.write(1, ready)
wait(byte)
