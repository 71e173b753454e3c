# SPDX-License-Identifier: MIT
"""Modules that hold things alone, two by two and all together, and garbage."""
import gc
import os
import sys
import types

gc.disable()
NAMES = ("shop.cache", "shop.views", "shop.jobs")
cache, views, jobs = [types.ModuleType(name) for name in NAMES]
sys.modules.update(zip(NAMES, (cache, views, jobs)))


def texts(label, count):
    return ["%s %d" % (label, number) for number in range(count)]


cache.OWN = texts("own", 300)
cache.PAIR = views.PAIR = {"rows": texts("pair", 2000)}
views.DEEP = [[jobs.__dict__.setdefault("DEEP", texts("deep", 1000))]]
cache.ALL = texts("all", 500)
views.ALL, jobs.ALL = {"all": cache.ALL}, (cache.ALL,)
first = last = None
for number in range(3000):  # a chain that is linked both ways, each end held by another module
    last = [last]
    if last[0] is not None:
        last[0].append(last)
    first = first or last
views.FIRST, jobs.LAST = first, last
for _ in range(100):
    lost = []
    lost.append(lost)
words = [hex(id(one)) for one in (cache.PAIR, jobs.DEEP, cache.ALL, first)]
sizes = [sum(map(sys.getsizeof, one)) for one in (cache.PAIR["rows"], jobs.DEEP, cache.ALL)]
del cache, views, jobs, lost, first, last
os.write(1, ("READY %s %s\n" % (" ".join(words), " ".join(map(str, sizes)))).encode())
sys.stdin.read()
