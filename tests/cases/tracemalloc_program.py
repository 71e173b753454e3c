# SPDX-License-Identifier: MIT
"""Makes objects while tracemalloc watches and writes down what its own statistics say of them, at a moment after which
nothing is allocated but in the file "writer", which whoever compares leaves out.

    python -X tracemalloc=N tracemalloc_program.py FILE
"""
import os
import sys

KEPT = []
WRITER = """
def write(path, module, system, row):
    for again in range(4):  # what free lists and caches lack is taken by the first ones
        traces = module._get_traces()
        by_line, by_stack, count, total = {}, {}, 0, 0
        for trace in traces:
            frames = trace[2]
            if frames[0][0] == "writer":
                continue
            count += 1
            total += trace[1]
            for table, key in ((by_line, frames[0]), (by_stack, frames)):
                sums = table.setdefault(key, [0, 0])
                sums[0] += trace[1]
                sums[1] += 1
        output = system.open(path, system.O_CREAT | system.O_TRUNC | system.O_WRONLY)
        system.write(output, b"%d %d %d\\n" % (total, count, module.get_tracemalloc_memory()))
        for key in by_line:
            text = "line\\t%d\\t%d\\t%s\\t%d\\n" % (by_line[key][0], by_line[key][1], key[0], key[1])
            system.write(output, text.encode())
        for key in by_stack:
            text = "stack\\t%d\\t%d" % (by_stack[key][0], by_stack[key][1])
            for frame in key:
                text += "\\t%s:%d" % frame
            system.write(output, text.encode() + b"\\n")
        system.close(output)
    system.write(1, b"READY 0x%x\\n" % row)
    system.read(0, 1)
"""


class Row(object):
    def __init__(self, n):
        self.number, self.name = n, "row %d" % n


def rows(count):
    return [Row(n) for n in range(count)]


def deeper(n):
    return [str(n) * 20 for n in range(50)] if n == 0 else deeper(n - 1)


def foreign():
    """Blocks of another domain, as numpy traces its arrays."""
    try:
        import ctypes
    except ImportError:
        return
    track = ctypes.pythonapi.PyTraceMalloc_Track
    track.argtypes = [ctypes.c_uint, ctypes.c_size_t, ctypes.c_size_t]
    for n in range(10):
        track(389047, 0x1000 + 64 * n, 1000 + n)


def freed():
    """Free lists keep some of their blocks. The writer makes no tuples of that length, which would have its line."""
    floats = [n * 1.5 for n in range(300)]  # FLOATS
    tuples = [(n, 1, 2, 3, 4, 5, floats) for n in range(3000)]  # TUPLES
    dicts = [{"a": n} for n in range(300)]  # DICTS
    del floats, tuples, dicts


def main():
    import gc
    import _tracemalloc
    namespace = {}
    exec(compile(WRITER, "writer", "exec"), namespace)
    KEPT.append(rows(2000))
    KEPT.append({n: (n, "value %d" % n) for n in range(3000)})
    KEPT.append([deeper(n) for n in range(30)])
    KEPT.append(bytearray(1 << 20))
    KEPT.append("\u00e9" * 5000)
    foreign()
    gc.collect()
    gc.disable()  # a collection empties free lists
    freed()
    namespace["write"](sys.argv[1], _tracemalloc, os, id(KEPT[0][7]))


main()
