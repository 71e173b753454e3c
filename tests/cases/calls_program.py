# SPDX-License-Identifier: MIT
"""Python functions that functions of C call, and threads that wait in functions of C. Each thread is named for what is
to be said of it in front of waits(), several between bars, innermost first; "-": nothing, though something of C may be
there; "none": nothing at all; "traced": nothing in the whole stack. "3.9: ": from then on, since the depth of the stack
is not known before where exceptions are handled. Says READY when all are where they stay."""
import cProfile
import functools
import io
import opcode
import os
import re
import signal
import socket
import sys
import threading
import time
import warnings
import weakref

import quiet

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


class Weak:
    """A weak reference to it has a callback: what an argument was is gone when the call is over."""
    def __len__(self):
        return 1


references = []


def weak():
    one = Weak()
    references.append(weakref.ref(one, waits))
    return one


def lets_go():
    len(weak())


def lets_go_of_list():
    len([weak()])


def lets_go_of_key():
    {}.get(weak())


class Closed:
    def close(self):
        waits()
    __del__ = close


def any_arguments(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper


class Wrapped:
    @any_arguments
    def __del__(self):
        waits()


def finalizes():
    id(Closed())


def finalizes_wrapped():
    id(Wrapped())


def generates():
    try:
        yield 1
    finally:
        waits()


def closes_generator():
    next(generates())


def yields():
    waits()
    yield 1


class Keys:
    def keys(self):
        waits()
        return ["key"]

    def __getitem__(self, key):
        return abs


def unpacks():
    max(*yields())


def unpacks_with_keywords():
    options = {"key": abs}
    max(*yields(), **options)


def unpacks_keywords():
    max([1], **Keys())


def applies(function):
    """Text shows threads as one that differ in nothing but a variable."""
    function([2, 1], key=waits)


class Length:
    def __len__(self):
        waits()
        return 1

    def __str__(self):
        waits()
        return ""


def by_len():
    len(Length())


def by_str():
    str(Length())


class Profiler:
    def __init__(self, event):
        self.event = event

    def called(self, frame, event, argument):
        if event == self.event and argument is sorted:
            waits()


def is_profiled(event):
    sys.setprofile(Profiler(event).called)
    sorted([1])


def is_traced():
    def trace(frame, event, argument):
        trace.lines += frame.f_lineno == begin and event == "line"
        if trace.lines == 2:
            waits()
        return trace

    def traced():
        return (
            sorted(
                [2, 1],
                key=abs))
    begin = traced.__code__.co_firstlineno + 2
    trace.lines = 0
    sys.settrace(trace)
    traced()


class Unbound:
    """A finalizer that is not given what it finalizes."""
    __del__ = staticmethod(lambda: waits())


def finalizes_unbound():
    id(Unbound())


class Iterates:
    def __iter__(self):
        return self

    def __next__(self):
        return 1

    def close(self):
        waits()


def closes_iterator():
    """The generator's end closes what it yields from."""
    def delegates():
        yield from Iterates()
    next(delegates())


def closes_quietly():
    def generates():
        try:
            yield 1
        except GeneratorExit:
            pass
        waits()
    next(generates())


def closes_in_handler():
    def generates():
        try:
            yield 1
        finally:
            try:
                raise ValueError
            except ValueError:
                waits()
    next(generates())


def forgets_to_await():
    async def coroutine():
        pass
    warnings._warn_unawaited_coroutine = waits  # what C code calls
    id(coroutine())


def hooks():
    async def generates():
        yield 1

    def begun():
        generator = generates()
        try:
            generator.__anext__().send(None)
        except StopIteration:
            return generator
    sys.set_asyncgen_hooks(finalizer=waits)
    id(begun())


def full_pipe():
    """A file over a pipe that takes no more, with something that its end has to write."""
    number = os.pipe()[1]
    os.set_blocking(number, False)
    for size in (65536, 1):
        try:
            while True:
                os.write(number, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(number, True)
    file = io.BufferedWriter(io.FileIO(number, "w"), 4096)
    file.write(b"rest")
    ready.release()
    return file


def ends_file():
    id(full_pipe())


def ends_file_of_replaced():
    """The instruction is one for functions of one argument (3.11+) by then."""
    for make in [object] * 200 + [full_pipe]:
        id(make())


def ends_text():
    id(io.TextIOWrapper(full_pipe()))


def ends_own_file():
    full_pipe().fileno()


def ends_file_of_many():
    max([1], default=full_pipe())


def is_timed():
    """Each call of C asks for the time before and behind it."""
    def timer():
        timer.times += timer.is_on
        if timer.times == 3:
            waits()
        return time.time()
    timer.times, timer.is_on = 0, False
    profile = cProfile.Profile(timer)
    profile.enable()
    timer.is_on = True
    sorted([1])
    len([1])
    abs(1)


def takes_trace_off():
    def trace(frame, event, argument):
        if event == "opcode" and frame.f_code is traced.__code__ and frame.f_code.co_code[frame.f_lasti] in CALLS:
            sys.settrace(None)
            del frame
            waits()
        elif event == "call":
            frame.f_trace_opcodes = True
        return trace

    def traced():
        sorted([2, 1], key=abs)
    sys.settrace(trace)
    traced()


CALLS = [opcode.opmap[name] for name in ("CALL", "CALL_FUNCTION_KW") if name in opcode.opmap]


def monitors(event):
    """The callback takes the events off, and the code is as it was."""
    def called(code, offset, function, argument):
        if function is sorted:
            monitoring.set_local_events(tool, code, 0)
            waits()

    def target():
        sorted([1])
    monitoring = sys.monitoring
    tool = 3 + (event == "C_RETURN")
    monitoring.use_tool_id(tool, event)
    monitoring.register_callback(tool, getattr(monitoring.events, event), called)
    monitoring.set_local_events(tool, target.__code__, monitoring.events.CALL)
    target()


def receives():
    pair = socket.socketpair()
    ready.release()
    pair[0].recv(1)


def reads_line():
    file = os.fdopen(os.pipe()[0])
    ready.release()
    file.readline()


def sends():
    def generates():
        yield 1
        waits()
    generator = generates()
    next(generator)
    generator.send(None)


def awaits():
    async def values():
        return [1]

    async def sorts():
        sorted(await values(), key=waits)
    coroutine = sorts()
    coroutine.send(None)


def in_every_way():
    sorted([1, 2] if lock else [3], key=waits if lock else None, reverse=True if lock else False)


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
    ("-", lets_go), ("-", lets_go_of_list), ("-", lets_go_of_key), ("-", finalizes), ("-", finalizes_wrapped),
    ("-", closes_generator), ("-", unpacks), ("-", unpacks_with_keywords), ("-", unpacks_keywords),
    ("<built-in function sorted>", functools.partial(applies, sorted)),
    ("<built-in function min>", functools.partial(applies, min)),
    ("<built-in function max>", functools.partial(applies, max)),
    ("<built-in function len>", by_len), ("<built-in class str>", by_str),
    ("-", finalizes_unbound), ("-", closes_iterator), ("-", closes_quietly), ("-", closes_in_handler),
    ("-", forgets_to_await), ("-", hooks),
    ("none", ends_file), ("none", ends_file_of_replaced), ("none", ends_text), ("none", ends_own_file),
    ("none", ends_file_of_many),
    ("| <built-in method recv of _socket.socket>", receives),
    ("| <built-in method readline of _io.TextIOWrapper>", reads_line),
    ("<built-in method send of generator>", sends), ("<built-in function sorted>", in_every_way),
    ("<built-in function sorted> | <built-in method send of coroutine>", awaits),
]
PROFILED = [("traced", functools.partial(is_profiled, event)) for event in ("c_call", "c_return")]
if sys.version_info < (3, 12):
    CASES += PROFILED + [("traced", is_traced), ("traced", is_timed), ("traced", takes_trace_off)]
elif "profiled" in sys.argv:
    # The instructions of all threads are replaced. Those of lines too, with sys.settrace(), and nothing can be told.
    CASES += PROFILED
else:
    CASES += [("traced", functools.partial(monitors, event)) for event in ("CALL", "C_RETURN")]


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
    quiet.wait()


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
