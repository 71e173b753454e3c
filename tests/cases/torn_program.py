# SPDX-License-Identifier: MIT
"""Three of the pointers of a list are torn: they lead into the middle of an object that something sound refers to as
well. Prints READY, the bad address, the list's and the object's, and waits to be dumped."""
import ctypes
import os
import sys

kept = bytes(3000)
torn = [object() for _ in range(5)]
bad = id(kept) + 11
items = ctypes.c_void_p.from_address(id(torn) + object.__basicsize__ + 8).value
for index in (0, 1, 3):
    ctypes.c_void_p.from_address(items + 8 * index).value = bad
sys.modules["__main__"].last = kept
os.write(1, b"READY %x %x %x\n" % (bad, id(torn), id(kept)))
while os.read(0, 1):
    pass
