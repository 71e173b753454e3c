# SPDX-License-Identifier: MIT
"""asizeof_program.py PYMPLER: runs pympler's own tests of asizeof (PYMPLER is its unpacked source distribution), keeps
each object that they size, and says at the end what pympler says of each: READY and {address: [size, type]}."""
import gc
import json
import os
import sys
import unittest

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, os.path.join(sys.argv[1], "test"))

from pympler import asizeof  # noqa: E402


def remember(original, seen):
    def call(*objects, **options):
        for one in objects:
            if len(seen) < 2000:
                seen[id(one)] = one
        return original(*objects, **options)
    return call


def run_tests():
    """What they size, by id."""
    seen = {}
    originals = {name: getattr(asizeof, name) for name in ("asizeof", "asizesof", "flatsize", "asized")}
    for name, original in originals.items():
        setattr(asizeof, name, remember(original, seen))
    suite = unittest.TestLoader().discover(os.path.join(sys.argv[1], "test", "asizeof"), top_level_dir=sys.argv[1])
    with open(os.devnull, "w") as sink:
        out, sys.stdout = sys.stdout, sink
        try:
            unittest.TextTestRunner(stream=sink, verbosity=0).run(suite)
        finally:
            sys.stdout = out
    for name, original in originals.items():
        setattr(asizeof, name, original)
    return seen


def main():
    seen, sizes = run_tests(), {}
    gc.collect()
    for _ in range(2):  # the first time makes what the second one finds
        for address, one in list(seen.items()):
            try:
                kind = type(one).__name__ + " " + str(getattr(one, "__name__", ""))
                sizes[hex(address)] = [asizeof.asizeof(one), kind]
            except Exception:
                sizes.pop(hex(address), None)
    print("READY " + json.dumps(sizes), flush=True)
    sys.stdin.read()


main()
