# SPDX-License-Identifier: MIT
"""A worker that was forked: usage `forked_program.py FOLDER`. 48 MiB were written before the fork, 12 of them again by
the worker, whose number is put into FOLDER/worker."""
import os
import sys

PAGES = bytearray(b"x" * (48 << 20))
ready, go = os.pipe(), os.pipe()
worker = os.fork()
if worker == 0:
    os.close(go[1])
    PAGES[:12 << 20] = b"y" * (12 << 20)
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    os._exit(0)
os.read(ready[0], 1)
with open(os.path.join(sys.argv[1], "worker"), "w") as file:
    file.write("%d" % worker)
os.write(1, b"READY\n")
os.read(0, 1)
os.close(go[1])
os.waitpid(worker, 0)
