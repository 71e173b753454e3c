# SPDX-License-Identifier: MIT
"""Memory of C libraries behind objects of the standard library: usage `native_program.py FOLDER`. Writes what malloc
gave out while each kind was made ("TYPE BYTES" a line) into FOLDER/native, addresses ("NAME ADDRESS" a line) into
FOLDER/places, says READY and waits."""
import bz2
import ctypes
import lzma
import mmap
import os
import sqlite3
import ssl
import sys
import zlib

libc = ctypes.CDLL(None)
NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
HAS_2 = hasattr(libc, "mallinfo2")


class MallInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t if HAS_2 else ctypes.c_int) for name in NAMES]


ask = libc.mallinfo2 if HAS_2 else libc.mallinfo
ask.restype = MallInfo
libc.malloc.restype = ctypes.c_void_p
M_PERTURB = -6  # malloc.h: memory is filled when it is given out and when it is freed
libc.mallopt(M_PERTURB, 0xff)  # words of an earlier use may be anybody's; those that matter are made below


Documented = type("Documented", (), {"__doc__": "What it is. " * 100})  # the type has a copy of it


def database():
    made = sqlite3.connect(":memory:")
    made.execute("create table rows (number, words)")
    made.executemany("insert into rows values (?, ?)", ((i, "x" * 200) for i in range(20000)))
    made.commit()
    return made


def pointers():
    made = (ctypes.c_void_p * 3000)()
    for i in range(3000):
        made[i] = libc.malloc(1000)
    return made


def in_use():
    info = ask()
    return info.uordblks + info.hblkhd


keep = [ssl.create_default_context()]  # what OpenSSL makes once
lines = []
for name, make in (("zlib.Compress", lambda: [zlib.compressobj() for _ in range(20)]),
                   ("_lzma.LZMACompressor", lambda: [lzma.LZMACompressor(preset=3) for _ in range(2)]),
                   ("_bz2.BZ2Compressor", lambda: [bz2.BZ2Compressor() for _ in range(3)]),
                   ("c_void_p_Array_3000", pointers),
                   ("sqlite3.Connection", lambda: [database()])):
    before = in_use()
    keep.append(make())
    lines.append("%s %d" % (name, in_use() - before))
# Words that were left behind: a truth value in front of the rest of a pointer, which ends in 1; the last word of a
# chunk that is larger than what was asked for. What it alone leads to; what a variable of the C library has as well.
LARGE = 1 << 18
left = {name: libc.malloc(LARGE) for name in ("truth value", "left and variable", "left alone")}


def holder(words):
    size = 8 * len(words)
    block = libc.malloc(size)
    ctypes.memmove(block, (ctypes.c_size_t * len(words))(*words), size)
    return ctypes.c_void_p(block)


BEHIND = [holder([0, (left["truth value"] + 0x200) & ~0xff | 1] + [0] * 10),
          holder([0] * 2 + [left["left and variable"]]), holder([0] * 2 + [left["left alone"]])]
ctypes.c_void_p.in_dll(libc, "optarg").value = holder([0, left["left and variable"]] + [0] * 10).value
# What two have: a block of C that both name, an object that two lists hold.
SHARED_BYTES = 300000
shared = libc.malloc(SHARED_BYTES)
ONE, OTHER = [(ctypes.c_void_p * 2)(shared)], [(ctypes.c_void_p * 2)(shared)]
FIRST = [zlib.compressobj()]
SECOND = [FIRST[0]]
# A hash table of Rust: the address of its control bytes, behind 1024 buckets, and what hashbrown has beside it.
BUCKETS = 1024
buckets, head = libc.malloc(33 * BUCKETS + 16), libc.malloc(4 * 8)
ctypes.memset(buckets, 0, 33 * BUCKETS + 16)
ctypes.memmove(head, (ctypes.c_size_t * 4)(buckets + 32 * BUCKETS, BUCKETS - 1, 96, 800), 32)
TABLE = (ctypes.c_void_p * 3)(head)
mapping = mmap.mmap(-1, 1 << 16)
mapping[:4] = b"page"
freed = [libc.malloc(5000) for _ in range(3)]
libc.free.argtypes = [ctypes.c_void_p]
libc.free(freed[1])
places = {"shared": shared, "mapping": ctypes.addressof(ctypes.c_char.from_buffer(mapping)), "freed": freed[1],
          "buckets": buckets,
          "unmapped": 4096, **{name.replace(" ", "_"): address for name, address in left.items()}}
for line in open("/proc/self/maps"):
    bounds, name = line.split()[0].split("-"), line.split()[-1]
    if name in ("[stack]", "[vdso]"):
        places[name[1:-1]] = int(bounds[1], 16) - 64 if name == "[stack]" else int(bounds[0], 16) + 64
    elif "libc" in name and " rw-p " in line:
        places["variable"] = int(bounds[0], 16)
with open(os.path.join(sys.argv[1], "places"), "w") as file:
    file.write("\n".join("%s 0x%x" % place for place in places.items()))
with open(os.path.join(sys.argv[1], "native"), "w") as file:
    file.write("\n".join(lines))
os.write(1, b"READY\n")
os.read(0, 1)
