# SPDX-License-Identifier: MIT
"""A collector that was set and has worked: writes what gc says of it, then stands still."""
import gc
import json
import sys


class Node(object):
    pass


gc.collect()
gc.freeze()
gc.set_threshold(5000, 12, 13)
for _ in range(3):
    node = Node()
    node.me = node
    del node
    gc.collect(0)
gc.collect(1)
gc.collect()
gc.garbage.extend([[1], [2]])
gc.disable()
gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
text = json.dumps({"enabled": gc.isenabled(), "thresholds": gc.get_threshold(), "debug": gc.get_debug(),
                   "garbage": len(gc.garbage), "stats": gc.get_stats(), "frozen": gc.get_freeze_count()})
print("READY " + text, flush=True)
sys.stdin.read()
