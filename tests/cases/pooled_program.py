# SPDX-License-Identifier: MIT
"""A chain of small blocks that C code has from PyMem_Malloc(), which takes them from Python's pools, and a pointer to the
first. Says READY with their bytes."""
import ctypes
import os

BLOCKS, SIZE = 300000, 96
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


kept = make_chain()
os.write(1, b"READY %d\n" % (BLOCKS * SIZE))
os.read(0, 1)
