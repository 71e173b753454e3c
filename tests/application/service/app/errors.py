# SPDX-License-Identifier: MIT
"""The last errors, for the status page. The trap: an exception keeps its traceback, so every local of its frames."""
import collections

RECENT = collections.deque(maxlen=5)


def remember(error):
    RECENT.append(error)
