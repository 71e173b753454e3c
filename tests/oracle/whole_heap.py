# SPDX-License-Identifier: MIT
"""What the interpreter knows of its own heap, written down without changing it. Syntax and library of Python 3.8."""
import ctypes
import gc
import os
import sys


def in_child(write, path):
    """Calls write(path, objects) in a forked child, with every object that the collector knows or that a referent leads
    to: what is made there is in the child's own memory. Returns when it is done. write is a function of a module: a
    closure made for this would be among the objects, and gone when they are looked for."""
    # The bare call: os.fork() would tidy up threads and locks. PyDLL keeps the interpreter's lock.
    fork = ctypes.PyDLL(None).fork
    pid = fork()
    if pid != 0:
        _, status = os.waitpid(pid, 0)
        assert status == 0
        return
    # First of all, so that what is made here is not among them; and no comprehension, whose cells would lead to it.
    found = gc.get_objects()
    frame, seen, queue = sys._getframe(), set(), []
    while frame is not None:
        seen.add(id(frame))
        frame = frame.f_back
    while found:
        one = found.pop()
        if id(one) not in seen:
            seen.add(id(one))
            queue.append(one)
    for found in queue:
        for referent in gc.get_referents(found):
            # 3.12's _asyncio visits its free list of these: dead objects (Modules/_asynciomodule.c fi_freelist)
            if id(referent) not in seen and type(referent).__name__ != "FutureIter":
                seen.add(id(referent))
                queue.append(referent)
    write(path, queue)
    os._exit(0)
