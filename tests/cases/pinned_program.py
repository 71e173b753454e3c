# SPDX-License-Identifier: MIT
"""Heaps of malloc that are nearly empty, and who keeps them: the main one a buffer at its very end and one in the
middle, a thread's one a compressor of zlib and a list's array. pymalloc's arenas: one object of each thousand."""
import os
import threading
import zlib

MIDDLE, ZIPPED, ROWS = [], [], []
made, done = threading.Event(), threading.Event()


class Token:
    __slots__ = "number", "text"


def work():
    blocks = [bytes(3000) for _ in range(10000)]
    ZIPPED.append(zlib.compressobj())
    ROWS.append([None] * 400)
    del blocks
    made.set()
    done.wait()


blocks = [bytearray(5000) for _ in range(12000)]
MIDDLE.append(blocks[6000])
END = blocks[-1]
tokens = [Token() for _ in range(400000)]
TOKENS = tokens[::4000]
del blocks, tokens
threading.Thread(target=work, daemon=True).start()
made.wait()
os.write(1, b"READY\n")
os.read(0, 1)
