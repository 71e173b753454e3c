# SPDX-License-Identifier: MIT
"""A stack through two files of one name and one that was changed since; locals of every kind that --values opens."""
import collections
import os
import sys

try:
    import numpy
    SCALARS = (numpy.float64(1.5), numpy.float32(0.1), numpy.int8(-3), numpy.uint64(2 ** 63), numpy.bool_(True),
               numpy.float16(0.1), numpy.complex64(1 - 2j))
except ImportError:
    SCALARS = None


def made(name, text):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w") as file:
        file.write(text)
    space = {}
    exec(compile(text, name, "exec"), space)
    return space["run"]


def stand():
    rows = [1, 2.5, "abc", None, True, b"x\x00", (1,), [[[["deep"]]]]]
    many = list(range(1000))
    pairs = {"a": {"b": {"c": 1}}, 2: "two"}
    queue = collections.deque([1, 2, 3], 5)
    few, none = {3}, (set(), {}, (), [])
    scalars = SCALARS
    secret = "s3cret-t0ken"
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    sys.stdin.readline()
    return rows, many, pairs, queue, few, none, scalars, secret


here = os.getcwd()
CALLS = "# a comment\n@(lambda f: f)\ndef run(then):\n    kept = 1\n    return then()  # on to the next\n"
first = made(os.path.join(here, "one", "views.py"), CALLS)
second = made(os.path.join(here, "two", "views.py"), CALLS)
other = made(os.path.join(here, "other.py"), CALLS)
later = made(os.path.join(here, "later.py"), CALLS)
MOVED = "# one line more\n# and one\n" + CALLS.replace("run", "runs") + "def run(): pass\n"
made(os.path.join(here, "other.py"), MOVED)
# One line more and one less inside of the function; a file that only looks as if it were older.
more = made(os.path.join(here, "more.py"), CALLS)
less = made(os.path.join(here, "less.py"), CALLS)
made(os.path.join(here, "more.py"), CALLS.replace("    kept", "    new = 0\n    kept"))
made(os.path.join(here, "less.py"), CALLS.replace("    kept = 1\n", ""))
# As many lines as before: one that was moved up, one that calls another function.
EDITED = "import sys\ndef run(then):\n    kept = len('one')\n    kept += 1\n    return then()  # on to the next\n"
moved = made(os.path.join(here, "moved.py"), EDITED)
renamed = made(os.path.join(here, "renamed.py"), EDITED)
quick = made(os.path.join(here, "quick.py"), "run = lambda then: [kept for kept in [then()]]\n")
slow = made(os.path.join(here, "slow.py"), "run = lambda then: [kept for kept in [then()]]\n")
made(os.path.join(here, "moved.py"),
     EDITED.replace("    kept = len('one')\n    kept += 1\n", "    kept = 1\n    kept += len('one')\n"))
made(os.path.join(here, "renamed.py"), EDITED.replace("len(", "ord("))
made(os.path.join(here, "slow.py"), "run = lambda other: [kept for kept in [other()]]\n")
os.utime(os.path.join(here, "later.py"), (4000000000, 4000000000))
first(lambda: second(lambda: other(lambda: later(lambda: more(lambda: less(
    lambda: moved(lambda: renamed(lambda: quick(lambda: slow(stand))))))))))
