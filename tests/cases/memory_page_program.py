# SPDX-License-Identifier: MIT
"""The four processes of docs/memory.md: usage `memory_page_program.py NAME [SHARE]`. Each works for a
while, says READY, and works on for each byte that it reads."""
import ctypes
import os
import sys
import zlib

SESSIONS = {}  # leak: nobody takes a session out
PAGES = {}  # cache: bounded
RESULTS = []  # fragmented
STREAMS = []  # extension
MOST_PAGES = 3000
SHARE = float(sys.argv[2]) if len(sys.argv) > 2 else 1
libc = ctypes.CDLL(None)
libc.strdup.restype = ctypes.c_void_p


class Session:
    def __init__(self, user):
        self.user = user
        self.token = "%032x" % (user * 7919)
        self.visited = ["/", "/login", "/users/%d" % user]


def leak(turn):
    for user in range(150000 * turn, 150000 * (turn + 1)):
        SESSIONS[user] = Session(user)


def fragmented(turn):
    """A job that makes a million objects, keeps a few results, and lets the rest go."""
    blocks = [bytearray(b"x" * (600 + i % 8000)) for i in range(60000)]
    rows = [("k%d" % i, float(i)) for i in range(1500000)]
    RESULTS.append((blocks[::10], rows[::500]))


def extension(turn):
    """strdup() stands for a C library that forgets what it took; the streams are kept by a list."""
    for i in range(int(3800 * SHARE)):
        libc.strdup(b"session %05d " % i + b"." * 48000)
    for _ in range(int(300 * SHARE)):
        STREAMS.append(zlib.compressobj())
        STREAMS[-1].compress(b"some words " * 100)


def cache(turn):
    """Two thousand pages a turn, the oldest go."""
    for i in range(2000 * turn, 2000 * (turn + 4)):
        PAGES["/page/%d" % i] = bytes([i % 251]) * 100000
        if len(PAGES) > MOST_PAGES:
            del PAGES[next(iter(PAGES))]


turn = 0
while True:
    globals()[sys.argv[1]](turn)
    turn += 1
    os.write(1, b"READY\n")
    if not os.read(0, 1):
        break
