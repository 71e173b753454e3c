# SPDX-License-Identifier: MIT
"""A process whose allocator counts its own blocks: builds and frees objects, has sys._debugmallocstats() write its
table to the file named by the argument, prints READY and waits. Python 3.8."""
import os
import sys

kept = [[number] * (number % 70) for number in range(20000)]
texts = {str(number): "x" * (number % 500) for number in range(20000)}
del kept[::3]
for key in list(texts)[::7]:
    del texts[key]
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
os.dup2(file, 2)
sys._debugmallocstats()
os.write(1, b"READY\n")
while os.read(0, 4096):
    pass
