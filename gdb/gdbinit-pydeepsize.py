# SPDX-License-Identifier: MIT
# Read by gdb at its start. Loads pydeepsize's commands; says nothing where they are not installed or do not load.
# Imported, not sourced: while gdb reads one Python file, __file__ of a nested one would be this one's.
import sys

sys.path.insert(0, "/usr/share/pydeepsize")
_writes = sys.dont_write_bytecode
sys.dont_write_bytecode = True
try:
    import pydeepsize_gdb
except Exception:  # no gdb session may fail or complain for our sake
    pass
finally:
    sys.dont_write_bytecode = _writes
    sys.path.remove("/usr/share/pydeepsize")
    del _writes
