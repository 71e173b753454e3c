# SPDX-License-Identifier: MIT
"""Objects whose references are easily taken for more or less than they are. Says READY and one line of JSON: addresses,
and what gc.get_referents() gives for each."""
import asyncio
import gc
import importlib
import io
import json
import operator
import os
import sys

facts = {"referents": {}}


def note(name, thing, referents=True):
    facts[name] = hex(id(thing))
    if referents:
        facts["referents"][hex(id(thing))] = sorted(hex(id(one)) for one in gc.get_referents(thing))


class Sentinel(type):
    """As h11 makes its constants: classes that are their own type."""
    def __new__(cls, name, bases, namespace):
        made = super().__new__(cls, name, bases, namespace)
        made.__class__ = made
        return made


OWN_TYPE = Sentinel("OWN_TYPE", (Sentinel,), {"payload": ["x%d" % i for i in range(100)]})


class Inline:
    def __init__(self):
        self.a, self.b = [1], {2: 3}


def modules():
    """Each module in C of the standard library, imported."""
    for name in sorted(getattr(sys, "stdlib_module_names", sys.builtin_module_names)):
        if name.startswith("_") or name in sys.builtin_module_names:
            if name not in ("_xxsubinterpreters", "_testcapi", "_tkinter") and not name.startswith("_test"):
                try:
                    importlib.import_module(name)
                except Exception:
                    pass
    for module in list(sys.modules.values()):
        if isinstance(module, type(sys)) and not getattr(module, "__file__", "x").endswith(".py"):
            yield module


def ready():
    for _ in range(3):
        gc.collect()
    note("own type", OWN_TYPE)
    facts["own type's payload"] = hex(id(OWN_TYPE.payload))
    junk = [[].append for _ in range(5000)]
    del junk
    callers = [operator.methodcaller("m%d" % i) for i in range(300)]
    facts["callers"] = [hex(id(one)) for one in callers]
    for one in callers[:20]:
        facts["referents"][hex(id(one))] = sorted(hex(id(other)) for other in gc.get_referents(one))
    inline = Inline()
    note("inline", inline)
    note("dict of inline", inline.__dict__)
    note("inline again", inline)
    files = io.BytesIO(bytes(2000000))
    note("bytesio", files, False)
    facts["bytesio shallow"] = sys.getsizeof(files)
    note("exception", KEPT)
    note("heap", HEAP, False)
    for module in modules():
        facts["referents"][hex(id(module))] = sorted(hex(id(one)) for one in gc.get_referents(module))

    class Body:
        big = [0] * 100000
        facts["big"] = hex(id(big))
        print("READY " + json.dumps(facts), flush=True)
        sys.stdin.read()


HEAP = [bytes(1000) for _ in range(1000)]
try:
    raise ValueError("kept")
except ValueError as error:
    KEPT = error


async def main():
    ready()


asyncio.run(main())
