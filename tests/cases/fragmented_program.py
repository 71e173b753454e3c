# SPDX-License-Identifier: MIT
"""Objects of a few MiB, RSS of hundreds: free memory inside malloc and pymalloc, pinned by what lives."""
import os

blocks = [bytearray(b"x" * (600 + i % 8000)) for i in range(30000)]
small = [("k%d" % i, float(i)) for i in range(700000)]
keep = blocks[::10], small[::500]
del blocks, small
os.write(1, b"READY\n")
os.read(0, 1)
