# SPDX-License-Identifier: MIT
"""For programs that fork while they have threads: a child has the locks of its parent as they were, and nobody who
would release them. A thread that waits without a time limit holds none, and waits for no lock of the interpreter's."""

FUTEX = "202"  # x86-64


def wait_until_blocked(threads):
    """Until each of these threads is in such a wait. Reading a file lets them have the interpreter's lock meanwhile."""
    for thread in threads:
        call = []
        while len(call) < 5 or call[0] != FUTEX or call[4] != "0x0":
            with open("/proc/self/task/%d/syscall" % thread.native_id) as file:
                call = file.read().split()
