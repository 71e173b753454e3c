# SPDX-License-Identifier: MIT
"""For programs that are dumped: waits until all threads have come to where they wait."""
import os
import time


def wait():
    """Until none has run for a while."""
    def switches():
        total = 0
        for thread in os.listdir("/proc/self/task"):
            with open("/proc/self/task/%s/status" % thread) as file:
                total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        return total
    quiet, before = 0, -1
    while quiet < 10:
        time.sleep(0.02)
        now = switches()
        quiet = quiet + 1 if now - before <= 2 else 0
        before = now
