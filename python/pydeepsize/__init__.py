# SPDX-License-Identifier: MIT
"""What Python objects weigh and what keeps them alive, from a core dump or a stopped process.

    import pydeepsize
    with pydeepsize.open("core.1234") as target:
        print(target["app.cache.SESSIONS"].retained)

Nothing runs in the target and nothing is written to it. All sizes are bytes, all addresses integers of the target. A
Target, and all that came from it, is used by one thread at a time; a second one gets a RuntimeError.
"""
from .rows import Rows, Table
from .target import Failure, Frame, Interrupted, Object, Reference, Target, Type, open  # pylint: disable=redefined-builtin

__all__ = ["Failure", "Frame", "Interrupted", "Object", "Reference", "Rows", "Table", "Target", "Type", "open"]
