# SPDX-License-Identifier: MIT
"""Objects of a C type that no decoder knows, xxlimited.Xxo of CPython's own examples: 20 in a box alone, one that
others hold too.

    python approximate_program.py
"""
import json
import sys


class Box(object):
    pass


def main():
    try:
        import xxlimited
    except ImportError as error:
        print("READY " + json.dumps({"lacks": str(error)}), flush=True)
        return
    global SHARED, BOX, EXACT
    BOX, EXACT, SHARED = Box(), [str(n) for n in range(100)], xxlimited.Xxo()
    BOX.known = [str(n) for n in range(50)]
    BOX.items = [xxlimited.Xxo() for _ in range(20)] + [SHARED]
    for one in BOX.items:
        one.demo = BOX.known
    truth = {"box": hex(id(BOX)), "exact": hex(id(EXACT)), "one": hex(id(BOX.items[0])),
             "bytes": sum(map(sys.getsizeof, BOX.items[:20]))}
    print("READY " + json.dumps(truth), flush=True)
    sys.stdin.read()


main()
