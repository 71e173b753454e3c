# SPDX-License-Identifier: MIT
"""Cycles whose objects have memory of C code, and the same objects in a list that is kept: zlib's compressors, and for
each cycle a compressor that another object of the garbage has too. Says READY with the bytes that malloc gave out for
the garbage; one line of input, and it collects and says how many went."""
import ctypes
import gc
import json
import os
import sys
import zlib

CYCLES, KEPT = 80, 7


class MallInfo(ctypes.Structure):
    pass


libc = ctypes.CDLL(None)
HAS_2 = hasattr(libc, "mallinfo2")  # glibc 2.33
MallInfo._fields_ = [(name, ctypes.c_size_t if HAS_2 else ctypes.c_int) for name in (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]
ask = libc.mallinfo2 if HAS_2 else libc.mallinfo
ask.restype = MallInfo
libc.mallopt(-6, 0x55)  # M_PERTURB: no words of an earlier use lead anywhere


def in_use():
    info = ask()
    return info.uordblks + info.hblkhd


class Node(object):
    pass


def make_cycles():
    for _ in range(CYCLES):
        one, other = Node(), Node()
        one.other, other.other = other, one
        one.both = other.both = zlib.compressobj(9)
        one.own = zlib.compressobj(9)


gc.collect()
gc.disable()
before = in_use()
make_cycles()
made = in_use() - before
kept = [zlib.compressobj(9) for _ in range(KEPT)]
os.write(1, b"READY " + json.dumps({"made": made}).encode() + b"\n")
if sys.stdin.readline():
    before = in_use()
    gc.collect()
    os.write(1, json.dumps({"freed": before - in_use()}).encode() + b"\n")
    os.read(0, 1)
