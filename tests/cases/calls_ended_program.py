# SPDX-License-Identifier: MIT
"""A thread whose call of a C function is over, and that waits for the GIL in front of the next instruction: a function
of C stands where the called one stood. Says READY when nobody gives the GIL away any more."""
import ctypes
import itertools
import sys
import threading

library = ctypes.PyDLL(None)
begun = threading.Event()


def either():
    """Another instruction loads what the result is."""
    while True:
        values = itertools.repeat(sorted, 10 ** 6)
        begun.set()
        (max if begun else sorted)(values, key=id)


def itself():
    while True:
        values = itertools.repeat(max, 10 ** 6)
        begun.set()
        max(values, key=id)


def all_at_once():
    options = {"key": id}
    while True:
        values = (itertools.repeat(sorted, 10 ** 6),)
        begun.set()
        (max if begun else sorted)(*values, **options)


threading.Thread(target=globals()[sys.argv[1]], name="ended", daemon=True).start()
begun.wait()
library.write(1, b"READY\n", 6)
library.sleep(10000)
