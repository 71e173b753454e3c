# SPDX-License-Identifier: MIT
"""The heap that is looked for in programs that embed Python, and what their Python says of itself. Runs inside the
program under test, in whatever interpreter and thread it gives; needs nothing but the standard library.

PYDS_EMBEDDED is a folder with two FIFOs: `ready` takes one line with the process id when truth.json is complete, and
what comes out of `go` is waited for, so that the process stands still in hold()."""
import gc
import json
import os
import sys
import threading

FOLDER = os.environ["PYDS_EMBEDDED"]


class Session(object):
    def __init__(self, number):
        self.number = number + 10 ** 6
        self.words = ["word %d of %d" % (i, number) for i in range(3)]


SESSIONS = [Session(number) for number in range(200)]
ROWS = {"row %d" % number: [float(number), (number + 0.5,), b"x" * number] for number in range(100)}
ROWS["itself"] = ROWS


def sum_of_rows():
    """What deepsize says of ROWS, whose parts are all counted here; ints, floats and bytes may be shared."""
    parts = {id(ROWS): ROWS}
    for key, value in ROWS.items():
        parts[id(key)] = key
        if value is not ROWS:
            for part in [value, value[1], value[1][0]] + value:
                parts[id(part)] = part
    return len(parts), sum(sys.getsizeof(part) for part in parts.values())


def sizes():
    found = {}
    for one in gc.get_objects():
        found[id(one)] = (sys.getsizeof(one), type(one).__name__)
    found.pop(id(found), None)
    return found


def truth():
    # What is there only while one of these two is made is not in the other. (A comprehension would be a function.)
    first = sizes()
    second = sizes()
    tracked = []
    for address, row in first.items():
        if second.get(address) == row:
            tracked.append((address,) + row)
    count, size = sum_of_rows()
    return {"version": sys.version.split()[0], "objects": tracked, "rows": id(ROWS), "rows_count": count,
            "rows_size": size, "sessions": id(SESSIONS), "session": id(SESSIONS[7]),
            "thread": threading.get_native_id()}


def write(path, text, flags=0):
    descriptor = os.open(path, os.O_WRONLY | flags, 0o644)
    data = text.encode()
    while data:
        data = data[os.write(descriptor, data):]
    os.close(descriptor)


def write_truth():
    gc.disable()
    gc.collect()
    write(os.path.join(FOLDER, "truth.json"), json.dumps(truth()), os.O_CREAT | os.O_TRUNC)


def say_ready():
    write(os.path.join(FOLDER, "ready"), "%d\n" % os.getpid())


def hold(local=None):
    """Writes the truth, and waits to be looked at."""
    write_truth()
    say_ready()
    descriptor = os.open(os.path.join(FOLDER, "go"), os.O_RDONLY)
    os.read(descriptor, 1)
    os.close(descriptor)
    gc.enable()
    return local


def handle(marker):
    """The function whose frame and local must be found."""
    held = ["held by a local", marker]
    return hold(held)
