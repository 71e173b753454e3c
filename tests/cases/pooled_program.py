# SPDX-License-Identifier: MIT
"""A chain of small blocks that C code has from PyMem_Malloc(), which takes them from Python's pools, and a pointer to
the first; arrays of pointers to large blocks, which fill what the arrays have of a pool or of malloc to the last word.
Says READY with the bytes of the chain and of each array's blocks."""
import ctypes
import os

BLOCKS, SIZE = 100000, 96
api = ctypes.pythonapi
api.PyMem_Malloc.restype, api.PyMem_Malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]


def make_chain():
    last = 0
    for _ in range(BLOCKS):
        block = api.PyMem_Malloc(SIZE)
        ctypes.memset(block, 0, SIZE)
        ctypes.c_void_p.from_address(block).value = last
        last = block
    return ctypes.c_void_p(last)


def make_array(count):
    return (ctypes.c_void_p * count)(*[libc.calloc(1, LARGE) for _ in range(count)])


LARGE, COUNTS = 200000, (1, 2, 3, 4, 8, 61, 63, 64, 65)
libc = ctypes.CDLL(None)
libc.mallopt(-6, 0x55)  # M_PERTURB: no words of an earlier use lead anywhere
libc.calloc.restype, libc.calloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]
kept = make_chain()
arrays = {count: make_array(count) for count in COUNTS}
os.write(1, b"READY %d %s\n" % (BLOCKS * SIZE, b" ".join(b"%d" % (count * LARGE) for count in COUNTS)))
os.read(0, 1)
