# SPDX-License-Identifier: MIT
"""For programs that are dumped: waits until all threads have come to where they wait."""
import os
import threading
import time


def wait(*counted):
    """Until none but the caller has run for a while; "voluntary": or none but those that never wait."""
    counted = counted or ("voluntary", "nonvoluntary")
    # On a busy machine the caller is interrupted each time it looks.
    own = str(threading.get_native_id())

    def switches():
        total = 0
        for thread in os.listdir("/proc/self/task"):
            if thread == own:
                continue
            with open("/proc/self/task/%s/status" % thread) as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(counted))
        return total
    quiet, before = 0, -1
    while quiet < 10:
        time.sleep(0.02)
        now = switches()
        quiet = quiet + 1 if now - before <= 2 else 0
        before = now
