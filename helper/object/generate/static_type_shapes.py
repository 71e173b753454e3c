#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes helper/object/static_type_shapes.def: names of static types by what they look like in memory.

    static_type_shapes.py [--keep] PYTHON ...

Each PYTHON builds the objects of tests/oracle (so that types which are made ready late are), imports the modules of
its library in C, and lists the static types that it has. With --keep what the file knew already stays: of interpreters
that are not at hand. A shape that two types of one file share is left out. `numpy` is listed too where it can be
imported."""
import builtins
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
OUTPUT = os.path.join(os.path.dirname(HERE), "static_type_shapes.def")

HEAD = """/* SPDX-License-Identifier: MIT
 * STATIC_TYPE_SHAPE(shape, file, tp_name): static types of extension modules, and of CPython itself where neither an
 * order nor a name in a module tells. file: the module's file up to the first dot; the module may be built into the
 * program instead. The shape is that of static_type_shape.c. Written by generate/static_type_shapes.py; do not edit. */
"""

ASK = r'''
import ctypes, gc, importlib.util, json, os, pkgutil, sys, sysconfig, warnings
warnings.simplefilter("ignore")
output, tests = sys.argv[1:3]
sys.argv = sys.argv[:1]
sys.path.insert(0, tests)
import subjects
kept = subjects.build()
skipped = ("_test", "_xx", "xx", "_tkinter", "readline")
dynload = os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")
names = set(sys.builtin_module_names) | {one.name for one in pkgutil.iter_modules([dynload])}
for name in sorted(names):
    if not name.startswith(skipped):
        try:
            importlib.import_module(name)
        except Exception:
            pass
try:
    import numpy
except ImportError:
    pass
with open("/proc/self/maps") as file:
    ranges = [(int(row[0].split("-")[0], 16), int(row[0].split("-")[1], 16), row[5] if len(row) > 5 else "")
              for row in map(str.split, file)]
def file_of(address):
    last, last_end = "", 0
    for start, end, path in ranges:
        if not path and start == last_end:
            path = last  # .bss
        last, last_end = path, end
        if start <= address < end:
            return os.path.basename(path)
    return ""
def word(kind, offset):
    return ctypes.c_ssize_t.from_address(id(kind) + offset).value
rows = []
# Objects can be of types that nobody made ready: asking such a type anything makes it so. Offsets of 3.8 to 3.11.
unready = {}
if sys.version_info < (3, 12):
    seen, queue = set(), [kept]
    while queue:
        one = queue.pop()
        if id(one) not in seen:
            seen.add(id(one))
            queue.extend(gc.get_referents(one))
            if word(type(one), 264) == 0:
                unready[id(type(one))] = type(one)
for kind in unready.values():
    numbers = [word(kind, offset) for offset in (32, 40, 288, 208, 168)]
    numbers[4] &= 0xff << 24 | 1 << 14
    base = word(kind, 256)
    functions = "".join("1" if word(kind, at) else "0" for at in range(48, 256, 8) if at != 168)
    rows.append([file_of(id(kind)), kind, numbers, ctypes.cast(base, ctypes.py_object).value if base else None,
                 ["functions " + functions]])
def name_of(kind):
    module = type.__dict__["__module__"].__get__(kind)
    name = type.__dict__["__qualname__"].__get__(kind)
    return name if module == "builtins" else module + "." + name
for row in rows:
    row[1].__doc__  # makes it ready: it is listed as such, too
    row[1] = name_of(row[1])
    row[3] = name_of(row[3]) if row[3] else ""
found = {}
def visit(kind):
    if kind not in found:
        found[kind] = True
        for one in type.__subclasses__(kind):
            visit(one)
visit(object)
for kind in list(found) + [sys.flags, sys.version_info, sys.hash_info, sys.thread_info, sys.int_info, sys.float_info]:
    visit(type(kind))
ordered = set()
for kind in type.__subclasses__(object):
    if kind.__flags__ & 1 << 9:
        break
    ordered.add(kind)
for kind in found:
    # Not those that an order names (static_type_order.c): first subclasses of object, what has a number (3.12+).
    # Of those with a number, datetime's come after all that the order has, and only where their module is built in.
    if kind.__flags__ & 1 << 9 or (kind.__flags__ & 1 << 1 and not name_of(kind).startswith("datetime.")):
        continue
    if kind is object or (sys.version_info < (3, 12) and kind in ordered):
        continue
    if file_of(id(kind))[:1] not in ("", "["):
        numbers = [kind.__basicsize__, kind.__itemsize__, kind.__dictoffset__, kind.__weakrefoffset__,
                   kind.__flags__ & (0xff << 24 | 1 << 14)]
        rows.append([file_of(id(kind)), name_of(kind), numbers, name_of(kind.__base__) if kind.__base__ else "",
                     sorted(key for key in kind.__dict__ if isinstance(key, str))])
with open(output, "w") as file:
    json.dump(rows, file)
os._exit(0)
'''


def hash_of(text):
    value = 0xcbf29ce484222325
    for byte in text.encode("utf-8", "surrogatepass"):
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return value


def shape_of(numbers, base, keys):
    """The sum of hashes does not depend on the order of keys."""
    words = ["%d %d %d %d %x" % tuple(numbers), "base " + base] + keys
    return sum(hash_of(word) for word in words) & (1 << 64) - 1


def rows_of(python):
    """(shape, file, name) of each static type that an interpreter has."""
    output = "/tmp/static-type-shapes-%d.json" % os.getpid()
    subprocess.run([python, "-c", ASK, output, os.path.join(ROOT, "tests", "oracle")], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(output) as file:
        rows = json.load(file)
    os.unlink(output)
    for path, name, numbers, base, keys in rows:
        stem = path.split(".")[0]
        is_python = path.startswith(("python", "libpython")) or re.search(r"-python3", path)
        yield shape_of(numbers, base, keys), "" if is_python or not path else stem, name


def known_rows():
    with open(OUTPUT) as file:
        return {(int(shape, 16), stem, name) for shape, stem, name in
                re.findall(r'STATIC_TYPE_SHAPE\(0x(\w+), "([^"]*)", "([^"]+)"\)', file.read())}


def main():
    pythons = [one for one in sys.argv[1:] if one != "--keep"]
    rows = known_rows() if "--keep" in sys.argv else set()
    for python in pythons:
        rows.update(rows_of(python))
    known = {name for name, value in vars(builtins).items() if isinstance(value, type)}
    # A module built into one vendor's program has a file of its own at another's: one line serves both.
    files = {name: stem for _, stem, name in rows if stem}
    rows = {(shape, files.get(name, stem), name) for shape, stem, name in rows}
    names = {}
    for shape, stem, name in rows:
        names.setdefault((shape, stem), set()).add(name)
    kept = sorted((stem, name, shape) for shape, stem, name in rows
                  if len(names[shape, stem]) == 1 and name not in known)
    with open(OUTPUT, "w") as file:
        file.write(HEAD)
        for stem, name, shape in kept:
            file.write('STATIC_TYPE_SHAPE(0x%016x, "%s", "%s")\n' % (shape, stem, name))
    for (shape, stem), several in sorted(names.items(), key=lambda item: sorted(item[1])):
        if len(several) > 1 and not several <= known:
            print("left out, alike in %s: %s" % (stem or "Python", ", ".join(sorted(several))))


if __name__ == "__main__":
    main()
