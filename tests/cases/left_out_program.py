# SPDX-License-Identifier: MIT
"""Much memory of C code, hardly any of it touched: usage `left_out_program.py whole|damaged`. With
`damaged` the size of one of its chunks is written over, as a bug of C code would. Says READY and waits."""
import ctypes
import os
import sys

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
BLOCKS, BYTES = 300, 120000  # below what malloc gives pages of its own
keep = (ctypes.c_void_p * BLOCKS)(*[libc.malloc(BYTES) for _ in range(BLOCKS)])
large = (ctypes.c_void_p * 8)(*[libc.malloc(256 << 20) for _ in range(8)])
if sys.argv[1] == "damaged":
    ctypes.c_uint64.from_address(keep[BLOCKS // 2] - 8).value = 0x4141414141414141
os.write(1, b"READY\n")
while os.read(0, 4096):
    pass
os._exit(0)
