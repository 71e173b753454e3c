# SPDX-License-Identifier: MIT
"""A word left behind in C code's memory: usage `left_behind_program.py FOLDER`. Two blocks that know each other are
held through `holder`; a block of `other` has a truth value whose padding is the rest of a pointer: with its lowest byte
0 it is the address of one of the two. A tree's parent, held through `tree`, and its children know each other; a block
of `other` has the address of a child, which knows nothing of it. FOLDER/truth gets the addresses of blocks and of
objects. Says READY and waits."""
import ctypes
import os
import sys

BYTES = 2024  # with its header 2032: each place of 16 bytes within 256 comes by
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]


def block():
    return libc.calloc(1, BYTES)


def put(address, word):
    ctypes.c_uint64.from_address(address).value = word


def aligned(wanted):
    address = block()
    while (address % 256 == 0) != wanted:
        address = block()
    return address


Pointers = ctypes.c_uint64 * 2
round_one, plain = aligned(True), aligned(False)
put(round_one, plain)
put(plain, round_one)
first, second = aligned(False), aligned(False)
put(first, plain)
put(second, round_one)
holder, other = Pointers(first, 0), Pointers(second, 0)
parent, child, sibling, stale = (aligned(False) for _ in range(4))
for at, word in ((parent, child), (child, parent), (child + 8, sibling), (sibling, child), (sibling + 8, parent),
                 (stale, sibling)):
    put(at, word)
tree, stranger = Pointers(parent, 0), Pointers(stale, 0)
with open(os.path.join(sys.argv[1], "truth"), "w") as file:
    file.write(" ".join("%x" % one for one in (round_one, plain, first, second, parent, child, sibling,
                                                 id(holder), id(other), id(tree))))
os.write(1, b"READY\n")
os.read(0, 1)
