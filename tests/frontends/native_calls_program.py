# SPDX-License-Identifier: MIT
"""Three threads in functions of native_calls.c, whose library is the argument: MainThread, and two that no byte comes
for. Says READY when the two are in their system call."""
import ctypes
import os
import sys
import threading

library = ctypes.CDLL(sys.argv[1])
nothing, kept_open = os.pipe()


def calls(descriptor):
    library.native_calls(descriptor, 96)


def is_reading(thread):
    with open("/proc/self/task/%d/syscall" % thread.native_id) as file:
        return file.read().startswith("0 0x%x " % nothing)


threads = [threading.Thread(target=calls, args=(nothing,), name="waits %d" % number, daemon=True)
           for number in range(2)]
for one in threads:
    one.start()
while not all(map(is_reading, threads)):
    pass
print("READY", flush=True)
calls(0)
