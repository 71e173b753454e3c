# SPDX-License-Identifier: MIT
"""Leaves in a variable of C the address of what looks like a str in memory that nobody can write: the copy that
CPython 3.11 and later makes _PyRuntime from. Prints READY and the address, or 0 where this build has none."""
import ctypes
import os
import struct


def read_only_str():
    kind = struct.pack("<Q", id(str))
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            fields = line.split()
            if fields[1] != "r--p" or len(fields) < 6 or "python" not in fields[5]:
                continue
            start, end = (int(part, 16) for part in fields[0].split("-"))
            memory.seek(start)
            content = memory.read(end - start)
            at = content.find(kind, 8)
            while at >= 0:
                if at % 8 == 0 and struct.unpack_from("<q", content, at + 8)[0] == 1:
                    return start + at - 8
                at = content.find(kind, at + 1)
    return 0


def main():
    found = read_only_str()
    ctypes.c_void_p.in_dll(ctypes.pythonapi, "PyOS_InputHook").value = found
    os.write(1, b"READY 0x%x\n" % found)
    while os.read(0, 1):
        pass


main()
