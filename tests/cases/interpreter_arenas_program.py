# SPDX-License-Identifier: MIT
"""Objects of another interpreter with a GIL, and so arenas, of its own."""
import os

try:
    import _interpreters  # 3.13
    run = _interpreters.exec
except ImportError:
    import _xxsubinterpreters as _interpreters
    run = _interpreters.run_string

made = _interpreters.create()  # it ends with its last name
run(made, "keep = [str(n) * 3 for n in range(300000)]")
os.write(1, b"READY\n")
os.read(0, 1)
