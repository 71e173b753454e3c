# SPDX-License-Identifier: MIT
"""Objects with blocks of malloc, for damage: says READY with the addresses of two bytearrays, of two streams of zlib,
of the buffers of the former and of a chunk that is free, and waits."""
import ctypes
import os
import zlib

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
one, other = bytearray(b"1" * 3000), bytearray(b"2" * 3000)
streams = zlib.compressobj(), zlib.compressobj()
buffers = [ctypes.addressof((ctypes.c_char * 3000).from_buffer(array)) for array in (one, other)]
before, gone, after = libc.malloc(3000), libc.malloc(3000), libc.malloc(3000)
libc.free(gone)
words = [id(one), id(other), id(streams[0]), id(streams[1])] + buffers + [gone]
os.write(1, ("READY " + " ".join("0x%x" % word for word in words) + "\n").encode())
while os.read(0, 4096):
    pass
