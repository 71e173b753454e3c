# SPDX-License-Identifier: MIT
"""Many objects of the kinds that fill a real heap: records of instances, dicts, lists, strings, numbers, sets.
make(count) returns one list from which about `count` objects are reachable."""
import collections


class Record(object):
    def __init__(self, number):
        self.number = number + 10 ** 6
        self.name = "record %d" % number
        self.children = []


class Slotted(object):
    __slots__ = ("first", "second")


MADE_DICTS = []  # ids of the instances whose dict was made
Pair = collections.namedtuple("Pair", "left right")


def group(number):
    """About 40 objects, a few of which are shared with the neighbours."""
    record = Record(number)
    for child in range(3):
        record.children.append(Record(number * 4 + child))
    slotted = Slotted()
    slotted.first, slotted.second = record, float(number)
    if number % 3 == 0:
        record.extra = {"of": slotted}
    if number % 7 == 0:
        record.children[0].__dict__
        MADE_DICTS.append(id(record.children[0]))
    table = {"record": record, "tags": ("a", "b%d" % number), "text \u20ac %d" % number: number * 2 ** 40}
    return [table, slotted, Pair(number + 0.5, {number, number + 10 ** 9, "in a set"}), bytes(number % 600),
            [None] * (number % 50), frozenset(range(number, number + number % 9)), "caf\xe9 %d" % number,
            "x" * (number % 200) + str(number), {number + index: index + 0.25 for index in range(number % 12)}]


def make(count):
    made = []
    for number in range(max(1, count // 40)):
        made.append(group(number))
    return made
