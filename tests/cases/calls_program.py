# SPDX-License-Identifier: MIT
"""Python functions that functions of C call, and threads that wait in functions of C. Each thread is named for what is
to be said of it; several between bars, innermost first. "-": nothing, though something of C may be there. "3.9: ": from
then on, since the depth of the stack is not known before where exceptions are handled. Says READY when all are where
they stay."""
import functools
import re
import signal
import sys
import threading
import time

threading.stack_size(1 << 18)
ready = threading.Semaphore(0)
lock = threading.Lock()
lock.acquire()
never = threading.Event()


def waits(*_):
    """In C code, without the GIL."""
    ready.release()
    lock.acquire()


def by_sorted():
    sorted([3, 1, 2], key=waits)


def by_sort():
    [3, 1, 2].sort(key=waits)


def by_reduce():
    functools.reduce(waits, [1, 2, 3])


def by_sub():
    re.sub("a", waits, "bab")


def by_pattern():
    pattern = re.compile("a")
    pattern.sub(waits, "bab")


def by_list():
    list(map(waits, [1, 2]))


def by_generator():
    bytearray(waits() for _ in range(2))


def by_max():
    max([1, 2, 3], key=lambda one: waits() if one > 1 else 0)


def by_alias():
    find = min
    find([1, 2, 3], key=waits)


def by_cell():
    inner = sorted

    def calls():
        inner([2, 1], key=waits)
    calls()


def by_keywords():
    options = {"key": waits}
    sorted([3, 1, 2], **options)


def by_arguments():
    arguments = (waits, [1, 2, 3])
    functools.reduce(*arguments)


def in_expression():
    return 1 + len([0, sorted([2, 1], key=waits if never else None), max(1, 2)])


def in_with():
    with ready:
        ready.release()
        try:
            raise ValueError
        except ValueError:
            for _ in range(3):
                sorted([2, 1], key=waits)



def by_import():
    exec("sorted([1, 2], key=waits)", globals(), {})


def is_python(function):
    function()


class Made:
    def __init__(self):
        waits()


def makes():
    Made()


def by_table():
    {"x": sorted}["x"]([1, 2], key=waits)


def adds():
    Added() + 1


class Added:
    def __add__(self, other):
        waits()


def by_iteration():
    for _ in map(waits, [1, 2]):
        pass


def returns_builtin():
    """A finalizer, after a call whose result stands where the callable was."""
    return getattr(Holder(), "method", sorted)


class Holder:
    def __del__(self):
        waits()


many = ", ".join("arguments[%d]" % i for i in range(300))
exec(compile("def by_many(arguments=[0] * 299 + [1]):\n    max(%s, key=waits)\n" % many, __file__, "exec"))

CASES = [
    ("<built-in function sorted>", by_sorted), ("<built-in method sort of list>", by_sort),
    ("<built-in function reduce>", by_reduce), ("<built-in method sub of re.Pattern>", by_pattern),
    ("<built-in class bytearray>", by_generator), ("<built-in function max>", by_max),
    ("<built-in function min>", by_alias), ("<built-in function sorted>", by_cell),
    ("<built-in function sorted>", by_keywords), ("<built-in function reduce>", by_arguments),
    ("<built-in function sorted>", in_expression), ("3.9: <built-in function sorted>", in_with),
    ("<built-in class list>", by_list), ("<built-in function max>", globals()["by_many"]),
    ("<built-in function sorted> | <built-in function exec>", by_import),
    ("-", lambda: is_python(waits)), ("-", makes), ("-", by_table), ("-", adds), ("-", by_iteration),
    ("-", returns_builtin), ("<built-in method sub of re.Pattern>", by_sub),
]


def sleeps():
    ready.release()
    time.sleep(10000)


def starts():
    threads = []
    for name, function in CASES:
        threads.append(threading.Thread(target=function, name=name, daemon=True))
    threads.append(threading.Thread(target=sleeps, name="sleeps", daemon=True))
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()


def interrupted(number, frame):
    """Between two instructions, or in the middle of one that is of Python."""
    time.sleep(0.2)
    print("READY", flush=True)
    sys.stdin.read()


def is_interrupted():
    values = [1, 2, 3]
    while True:
        values.append
        len(values)
        getattr(values, "append")


starts()
signal.signal(signal.SIGALRM, interrupted)
signal.setitimer(signal.ITIMER_REAL, 0.3)
is_interrupted()
