# SPDX-License-Identifier: MIT
# Read by gdb at its start. Loads pydeepsize's commands; says nothing where they are not installed or do not load.
import os

import gdb

_script = "/usr/share/pydeepsize/pydeepsize_gdb.py"
if os.path.exists(_script):
    try:
        gdb.execute("source " + _script, to_string=True)
    except gdb.error:
        pass
del _script
