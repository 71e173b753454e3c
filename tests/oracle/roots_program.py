# SPDX-License-Identifier: MIT
"""Objects that a root alone keeps alive: evaluation stacks, state of threads and interpreters, variables of C code. And
objects that were on an evaluation stack and have left it, whose addresses may still lie there. Says where they are,
then waits to be dumped."""
import atexit
import codecs
import contextvars
import ctypes
import functools
import gc
import json
import sys
import threading


class Thing(object):
    """What is held. Its weight makes it an object with something below it."""

    def __init__(self, name):
        self.weight = [name]


KEPT = []
SUBJECTS = []
BLOCKED = threading.Semaphore(0)
STOP = threading.Event()
THREADS = []


def subject(name, one, kind, root=None, label=None):
    """Root and label of the shortest path to it, as regular expressions."""
    SUBJECTS.append({"name": name, "address": "0x%x" % id(one), "kind": kind, "root": root, "label": label})


def block(*ignored):
    """The frames above this one wait in a call."""
    BLOCKED.release()
    STOP.wait()
    return 0


def start(function):
    thread = threading.Thread(target=function, daemon=True)
    THREADS.append(thread)
    thread.start()
    BLOCKED.acquire()


# ---- On an evaluation stack ----

def noted(one, name, function):
    subject(name, one, "frame", r"%s\(\)" % function if function else "interpreter 0", "stack ")
    return one


def made(name, function=None):
    return noted([Thing(name) for _ in range(100)], name, function)


def iterating():
    for _ in made("list that is iterated over", "iterating"):
        block()


def calling():
    print(made("argument of a call to be made", "calling"), block())


def in_c():
    functools.reduce(block, made("argument of a call that is made", "in_c"))


def adding():
    return [made("first of a list to be built", "adding"), block()]


def text():
    """Not tracked by the collector: nothing but the stack knows of it."""
    return [noted("text that the stack alone knows of " * 100 + str(id(SUBJECTS)), "text on a stack", "text"), block()]


def number():
    return [noted((1 << 4000) + id(SUBJECTS), "int on a stack", "number"), block()]


def deep(n=3):
    if n:
        return [made("stack of a frame that called itself, %d" % n, "deep"), deep(n - 1)]
    return block()


def suspended():
    held = [made("list on the stack of a generator"), (yield)]
    return held


# ---- No longer on one ----

def dropped(one):
    """Has one other holder, the list, and was on many stacks."""
    KEPT.append(one)
    subject("dropped", one, "dropped")
    return one


def dropping():
    """Leaves the words of many objects behind in its stack, then waits with a stack that is nearly empty."""
    len([dropped(Thing(i)) for i in range(3)])
    [dropped(Thing(3)), dropped(Thing(4)), dropped(Thing(5)), dropped(Thing(6)), dropped(Thing(7)), dropped(Thing(8))]
    str((dropped(Thing(9)), (dropped(Thing(10)), [dropped(Thing(11)), {1: dropped(Thing(12))}])))
    for one in dropped([dropped(Thing(13))]):
        repr(one)
    del one
    # freed ones too, whose memory others may have by now
    [Thing(i) for i in range(3)], Thing(1), [Thing(2), Thing(3), [Thing(4)]]
    block()


def dropping_deeper(n=5):
    [dropped(Thing(n)), dropped(Thing(n)), dropped(Thing(n))]
    if n:
        dropping_deeper(n - 1)
    else:
        block()


def dropping_in_a_generator():
    [dropped(Thing(1)), dropped(Thing(2)), dropped(Thing(3))]
    yield block()


# ---- State of interpreters and threads, and of C code ----

class Callback(object):
    def __init__(self, name, kind, label):
        self.name = name
        subject(name, self, kind, None, label)

    def __call__(self, *ignored):
        return None


def state():
    atexit.register(Callback("function to be called at exit", "interpreter|module|static", None))
    codecs.register_error("roots", Callback("error handler of codecs", "interpreter", None))
    gc.callbacks.append(Callback("callback of the collector", "any", None))
    if hasattr(sys, "monitoring"):
        tool = sys.monitoring.PROFILER_ID
        sys.monitoring.use_tool_id(tool, "roots")
        sys.monitoring.register_callback(tool, sys.monitoring.events.RAISE,
                                         Callback("callback of sys.monitoring", "interpreter|static", None))


def profiled():
    sys.setprofile(Callback("profiler of a thread", "thread", "c_profileobj"))
    block()


def hooked():
    hook = Callback("hook of asynchronous generators", "thread", "async_gen_firstiter")
    sys.set_asyncgen_hooks(firstiter=hook)
    del hook
    block()


def in_context():
    variable = contextvars.ContextVar("variable")
    value = Thing("context")
    subject("value of a context", value, "thread|frame", None, None)
    variable.set(value)
    del value
    KEPT.append(variable)
    block()


def handling():
    try:
        raise ValueError("handled")
    except ValueError:
        subject("exception that is handled", sys.exc_info()[1], "thread", None, None)
        block()


def static():
    """A variable of the interpreter that nothing looks at before input() is called."""
    one = Thing("static")
    subject("variable of C code", one, "static", r"static memory of \S*python\S* → \+\d+$", None)
    variable = ctypes.c_void_p.in_dll(ctypes.pythonapi, "PyOS_ReadlineFunctionPointer")
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))
    variable.value = id(one)


def main():
    for function in (iterating, calling, in_c, adding, text, number, deep, dropping, dropping_deeper,
                     lambda: list(dropping_in_a_generator()), profiled, hooked, in_context, handling):
        start(function)
    KEPT.append(suspended())
    next(KEPT[-1])
    state()
    static()
    sys.stdout.write("READY %s\n" % json.dumps(SUBJECTS))
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    gc.collect()
    gc.disable()
    main()
