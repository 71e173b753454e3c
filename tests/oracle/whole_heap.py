# SPDX-License-Identifier: MIT
"""What the interpreter knows of its own heap, written down without changing it. Syntax and library of Python 3.8."""
import ctypes
import gc
import os
import sys
import traceback


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
    last(walk, write, path)


def in_child_and_stop(write, path, answer):
    """The same for a process whose other threads go on meanwhile: the process stops, all of its threads, as soon as it
    has the child, and is what the child found it to be. answer() is then called in a child of the child, which has not
    yet made anything either, with fork() and None. Returns when somebody continues the process."""
    library = ctypes.PyDLL(None)
    fork, kill, pid = library.fork, library.kill, os.getpid()
    # Who waits for the interpreter's lock from now on does not get it between the two calls below, and who waits for
    # it already has asked for it when a collection ends.
    sys.setswitchinterval(1000)
    gc.collect()
    gc.disable()
    if fork() != 0:
        kill(pid, 19)  # SIGSTOP, the number: signal's enum would be made for it
        return
    if fork() == 0:
        last(answer, fork, None)
    last(walk, write, path)


def last(function, first, second):
    """All that this process still does. Its end by an exception would wait for threads that it does not have. (A tuple
    of arguments would be an object that the parent does not have.)"""
    try:
        function(first, second)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def walk(write, path):
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
