# SPDX-License-Identifier: MIT
"""Builds objects and says of each which objects only it keeps alive, and which of its objects others keep alive too.
All of it was made here, so that whose it is needs no graph."""
import array
import gc
import json
import sys


class Plain(object):
    def __init__(self, *values):
        self.first, self.second = values


class Slotted(object):
    __slots__ = ("first", "second")

    def __init__(self, *values):
        self.first, self.second = values


shared = [bytearray(b"x" * (500 + i)) for i in range(20)]


def values(count):
    return [1000.5 + i for i in range(count)]


def buffers():
    made = [bytearray(10000), bytearray(500000), array.array("d", range(5000)), array.array("b")]
    return made, made


def plain():
    made = [Plain(a, b) for a, b in zip(values(200), values(200))]
    # Up to 3.10 an instance has its dict from the start; later, to ask for it would make one.
    dicts = [vars(one) for one in made] if sys.version_info < (3, 11) else []
    return made, made + dicts + [value for one in made for value in (one.first, one.second)]


def slotted():
    made = [Slotted(a, bytearray(100)) for a in values(100)]
    return made, made + [value for one in made for value in (one.first, one.second)]


def keyed():
    made = {("key %d" % i, 0.5 + i): [i + 0.25] for i in range(300)}
    return made, [part for key, value in made.items() for part in (key, key[0], key[1], value, value[0])]


def cycle():
    one, other = [bytearray(300)], [bytearray(4000)]
    one.append(other)
    other.append(one)
    return one, [other, one[0], other[0]]


def partly():
    own = [bytearray(50 * i) for i in range(10)]
    made = {"own": own, "ours": tuple(shared)}
    return made, [own, made["ours"]] + own


BUILT = (buffers, plain, slotted, keyed, cycle, partly)

subjects = []


def build():
    for make in BUILT:
        made, own = make()
        globals()["the_" + make.__name__] = made
        every = set(map(id, own)) | set([id(made)])
        subjects.append({
            "name": "__main__.the_" + make.__name__,
            "address": hex(id(made)),
            "own": sorted(hex(one) for one in every),
            "shared": sorted(hex(id(one)) for one in shared) if make is partly else [],
        })


build()
gc.collect()
print("READY " + json.dumps(subjects))
sys.stdout.flush()
sys.stdin.readline()
