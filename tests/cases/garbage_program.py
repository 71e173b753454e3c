# SPDX-License-Identifier: MIT
"""Random object graphs: kept ones, garbage in cycles that a collection frees, with and without finalizers, and cycles
through a type without GC support (a datetime, which holds its tzinfo), which none frees. Prints READY, waits for a line
while it is looked at, then collects until nothing is left to be and says in JSON what went and what is still there."""
import datetime
import gc
import json
import os
import random
import sys


class Node(object):
    def __init__(self):
        self.refs = []


class Final(Node):
    def __del__(self):
        pass


class Zone(datetime.tzinfo):
    def __init__(self):
        self.refs = []
        self.when = None


def build(chance, count):
    """Clusters of a few nodes; references inside a cluster go anywhere, between clusters only forwards."""
    nodes = [chance.choice((Node, Node, Node, Final, Zone))() for _ in range(count)]
    begin = 0
    while begin < count:
        end = min(count, begin + chance.randrange(1, 9))
        for node in nodes[begin:end]:
            for _ in range(chance.randrange(3)):
                node.refs.append(nodes[chance.randrange(begin, end)])
            if chance.random() < 0.1 and end < count:
                node.refs.append(nodes[chance.randrange(end, count)])
            if isinstance(node, Zone) and chance.random() < 0.4:
                zones = [one for one in nodes[begin:end] if isinstance(one, Zone)]
                node.when = datetime.datetime(2026, 11, 27, tzinfo=chance.choice(zones))
        begin = end
    return nodes


def reachable(kept):
    found, waiting = set(), list(kept)
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found.add(id(node))
            waiting.extend(node.refs)
            if isinstance(node, Zone) and node.when is not None:
                waiting.append(node.when.tzinfo)
    return found


def alive():
    return [one for one in gc.get_objects() if isinstance(one, (Node, Zone))]


def by_type(nodes):
    counts = {"Node": 0, "Final": 0, "Zone": 0}
    for node in nodes:
        counts[type(node).__name__] += 1
    return counts


def main():
    gc.collect()
    gc.disable()
    chance = random.Random(int(sys.argv[1]))
    nodes = build(chance, int(sys.argv[2]))
    kept = chance.sample(nodes, len(nodes) // 50)
    wanted = reachable(kept)
    del nodes
    sys.modules["__main__"].KEPT = kept
    before = by_type(one for one in alive() if id(one) not in wanted)
    if len(sys.argv) > 3:
        gc.freeze()
    os.write(1, b"READY\n")
    os.read(0, 1)
    while gc.collect():
        pass
    gc.unfreeze()  # or get_objects() would not list them
    stuck = by_type(one for one in alive() if id(one) not in wanted)
    freed = {name: before[name] - stuck[name] for name in before}
    os.write(1, json.dumps({"freed": freed, "stuck": stuck}).encode() + b"\n")
    while os.read(0, 1):
        pass


main()
