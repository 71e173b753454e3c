#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""damage.py [--rounds N] [--seed N] CORE...: one word of one random object of a core is damaged, `heap` is asked before
and after, the word is put back; again and again. Reports rounds whose totals differ by more than 0.1 % although nothing
is said (the same exit status and the same coverage), crashes and hangs. The long form of test_damage.py."""
import argparse
import json
import os
import random
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import program  # noqa: E402

MOST = 0.001
HEAD_WORDS, BODY_WORDS = 2, 12  # words before an object and from its address on that are damaged


def segments(core):
    with open(core, "rb") as file:
        head = file.read(64)
        offset, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        file.seek(offset)
        rows = [struct.unpack("<IIQQQQQQ", file.read(56)) for _ in range(count)]
    return [(row[3], row[5], row[2]) for row in rows if row[0] == 1 and row[5]]


def heap(core):
    """(exit status, totals, what is said) or the failure's text."""
    answer = program.run(["--core", core, "heap", "--json"], timeout=60)
    if answer.status not in (0, 3):
        return answer.status, None, answer.errors
    document = json.loads(answer.output)
    total = document["total"]
    return answer.status, (total["shallow"], total["allocated"]), json.dumps(document["coverage"], sort_keys=True)


def damaged(rng, word, words):
    kind = rng.randrange(6)
    if kind == 0:
        return word ^ 1 << rng.randrange(64)
    if kind == 1:
        return rng.getrandbits(64)
    if kind == 2:
        return rng.choice(words)
    if kind == 3:
        return rng.choice((0, 1, 1 << 20, 1 << 31, 1 << 58, (1 << 64) - 1))
    if kind == 4:
        return (word << 8) & (1 << 64) - 1
    return (word + rng.choice((1, 8, 16, 4096, 1 << 20))) & (1 << 64) - 1


class Core:
    def __init__(self, path, folder):
        self.path = os.path.join(folder, "damaged")
        shutil.copy(path, self.path)
        self.segments = segments(path)
        self.before = heap(self.path)
        lines = program.run(["--core", path, "objects", "--json"]).output.splitlines()
        self.objects = [json.loads(line) for line in lines]

    def place(self, address):
        for start, size, offset in self.segments:
            if start <= address and address + 8 <= start + size:
                return offset + address - start
        return None

    def round(self, rng, words):
        """None: nothing to tell; else what went wrong."""
        row = rng.choice(self.objects)
        address = int(row["address"], 16) + 8 * rng.randrange(-HEAD_WORDS, BODY_WORDS)
        place = self.place(address)
        if place is None or (address - int(row["address"], 16)) >= max(row["shallow"], 16):
            return None
        with open(self.path, "r+b") as file:
            file.seek(place)
            old = struct.unpack("<Q", file.read(8))[0]
            words[rng.randrange(len(words))] = old
            new = damaged(rng, old, words)
            file.seek(place)
            file.write(struct.pack("<Q", new))
        try:
            after = heap(self.path)
        except Exception as error:
            after = (-1, None, repr(error))
        with open(self.path, "r+b") as file:
            file.seek(place)
            file.write(struct.pack("<Q", old))
        what = "%s %s%+d: %#x -> %#x" % (row["type"], row["address"], address - int(row["address"], 16), old, new)
        if after[1] is None:
            return "%s: exit status %s: %s" % (what, after[0], after[2][-200:])
        ratios = [abs(right / left - 1) for left, right in zip(self.before[1], after[1])]
        if max(ratios) <= MOST or (after[0], after[2]) != (self.before[0], self.before[2]):
            return None
        return "%s: totals %s -> %s" % (what, self.before[1], after[1])


def run(cores, rounds, seed):
    """(silent differences, failures), each a line."""
    rng, silent, failed = random.Random(seed), [], []
    for path in cores:
        folder = tempfile.mkdtemp(prefix="damage-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        try:
            core, words = Core(path, folder), [0x7f0000000000] * 32
            for _ in range(rounds // len(cores)):
                line = core.round(rng, words)
                if line:
                    (silent if ": totals " in line else failed).append("%s: %s" % (os.path.basename(path), line))
                    print(line, flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return silent, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("cores", nargs="+")
    arguments = parser.parse_args()
    silent, failed = run(arguments.cores, arguments.rounds, arguments.seed)
    print("%d rounds, %d silent differences, %d failures" % (arguments.rounds, len(silent), len(failed)))
    sys.exit(len(silent) > 2 or bool(failed))


if __name__ == "__main__":
    main()
