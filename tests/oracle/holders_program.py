# SPDX-License-Identifier: MIT
"""Objects of which the program knows every reference: says who holds each of them, then waits to be dumped. A forked
child writes down every object that the collector or a referent leads to: id, size, whether it is tracked.

    python holders_program.py RECORD"""
import collections
import contextvars
import ctypes
import functools
import gc
import json
import sys
import threading
import types
import weakref

from blocked import wait_until_blocked
from whole_heap import in_child


class Thing(object):
    """What is held. Instances of it are referred to by nothing but what the subjects say."""


class Plain(object):
    pass


class Slotted(object):
    __slots__ = ("first", "second")


class Link(object):
    def __init__(self, link):
        self.link = link


SUBJECTS = []
KEPT = {}


def subject(name, thing, holders, label=None, frames=0, from_c=0, label_of="referrer"):
    """holders: objects with a reference each, as often as they have it. Nothing of this call stays."""
    SUBJECTS.append({"name": name, "address": "0x%x" % id(thing), "holders": ["0x%x" % id(one) for one in holders],
                     "label": label, "frames": frames, "from_c": from_c})


def names_of_this_module():
    global one_global
    one_global = Thing()
    subject("global", one_global, [globals()], "['one_global']")
    other = types.ModuleType("holders.other")
    other.shared = Thing()
    sys.modules["holders.other"] = other
    KEPT["alias"] = other.shared
    subject("global of another module and a dict", other.shared, [other.__dict__, KEPT])


def containers():
    thing = Thing()
    KEPT["list"] = [thing, None, thing, thing]
    subject("list item, three times", thing, [KEPT["list"]] * 3, "[0]")
    thing = Thing()
    KEPT["tuple"] = (1, thing)
    subject("tuple item", thing, [KEPT["tuple"]], "[1]")
    thing, other = Thing(), Thing()
    KEPT["dict"] = {thing: other}
    subject("dict key", thing, [KEPT["dict"]], "key [0x")
    subject("dict value", other, [KEPT["dict"]], "[0x")
    thing = Thing()
    KEPT["set"] = {thing}
    subject("set item", thing, [KEPT["set"]], "{item}")
    thing = Thing()
    KEPT["frozenset"] = frozenset([thing])
    subject("frozenset item", thing, [KEPT["frozenset"]], "{item}")
    thing = Thing()
    KEPT["deque"] = collections.deque([0] * 100 + [thing])
    subject("deque item", thing, [KEPT["deque"]], "[100]")
    thing = Thing()
    KEPT["ordered"] = collections.OrderedDict(key=thing)
    subject("value of an OrderedDict", thing, [KEPT["ordered"]], "['key']")
    thing = Thing()
    KEPT["big list"] = [None] * 100000 + [thing]
    subject("far in a list", thing, [KEPT["big list"]], "[100000]")


def attributes():
    instance = KEPT["slotted"] = Slotted()
    instance.second = Thing()
    subject("slot", instance.second, [instance], ".second")
    instance = KEPT["with dict"] = Plain()
    instance.__dict__["attribute"] = Thing()
    subject("attribute in a __dict__", instance.attribute, [instance.__dict__], "attribute")
    Plain.of_class = Thing()
    # __dict__ of a class is a proxy: the dict is what the proxy refers to
    subject("attribute of a class", Plain.of_class, [gc.get_referents(Plain.__dict__)[0]], "['of_class']")


def closing():
    thing = Thing()

    def inner():
        return thing
    KEPT["closure"] = inner
    subject("cell", thing, [inner.__closure__[0]], ".cell_contents")


def functions():
    def defaulted(argument=Thing()):
        return argument
    KEPT["defaults"] = defaulted
    subject("default", defaulted.__defaults__[0], [defaulted.__defaults__], "[0]")

    def annotated():
        pass
    annotated.__dict__["note"] = Thing()
    KEPT["function dict"] = annotated
    subject("attribute of a function", annotated.note, [annotated.__dict__], "['note']")
    thing = Thing()
    KEPT["partial"] = functools.partial(print, thing)
    subject("argument of a partial", thing, [KEPT["partial"].args], "[0]")
    thing = Thing()
    KEPT["method"] = types.MethodType(print, thing)
    subject("self of a method", thing, [KEPT["method"]], ".__self__")
    thing = Thing()
    KEPT["property"] = property(thing)
    subject("getter of a property", thing, [KEPT["property"]], ".fget")
    thing = Thing()
    KEPT["staticmethod"] = staticmethod(thing)
    subject("function of a staticmethod", thing, [KEPT["staticmethod"]], ".__func__")
    thing = Thing()
    KEPT["map"] = map(thing, ())
    subject("function of a map", thing, [KEPT["map"]], ".func")
    thing = Thing()
    KEPT["context"] = contextvars.ContextVar("variable", default=thing)
    subject("default of a ContextVar", thing, [KEPT["context"]], ".var_default")
    KEPT["weakly"] = Thing()
    KEPT["weak"] = weakref.ref(KEPT["weakly"])
    KEPT["proxy"] = weakref.proxy(KEPT["weakly"])
    KEPT["values"] = weakref.WeakValueDictionary(key=KEPT["weakly"])
    subject("weakly referred to", KEPT["weakly"], [KEPT], "['weakly']")


def held_from_c():
    KEPT["counted"] = Thing()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(KEPT["counted"]))
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(KEPT["counted"]))
    subject("counted by C too", KEPT["counted"], [KEPT], "['counted']", from_c=2)
    thing = Thing()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    subject("held from C alone", thing, [], from_c=1)


def garbage():
    thing = Thing()
    cycle = [thing]
    cycle.append(cycle)
    KEPT["half garbage"] = thing
    subject("held by garbage too", thing, [KEPT, cycle])
    thing = Thing()
    cycle = [thing]
    cycle.append(cycle)
    subject("held by garbage alone", thing, [cycle])


def generating():
    in_generator = Thing()
    yield in_generator
    yield 1


def failing():
    in_traceback = Thing()
    KEPT["of traceback"] = id(in_traceback)
    raise ValueError("kept")


def keep_error():
    try:
        failing()
    except ValueError as error:
        KEPT["error"] = error


def suspended():
    generator = KEPT["generator"] = generating()
    thing = next(generator)
    frame = generator.gi_frame if sys.version_info < (3, 11) else generator
    subject("local of a generator", thing, [frame], "local in_generator")
    keep_error()
    traceback = KEPT["error"].__traceback__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    thing = ctypes.cast(KEPT.pop("of traceback"), ctypes.py_object).value
    subject("local of a frame that failed", thing, [traceback.tb_frame], "local in_traceback")
    # this frame is one of those that the traceback leads to
    del thing, frame, generator, traceback


def chain():
    link = None
    for _ in range(500):
        link = Link(link)
    KEPT["chain"] = link
    while link.link is not None:
        link = link.link
    subject("end of a chain", link, [], "link")


def worker(running, stop):
    in_thread = Thing()
    subject("local of a thread", in_thread, [], "local in_thread", frames=1)
    running.set()
    stop.wait()


def write_record(path, objects):
    # no encoding that would have to be imported: that makes the collector track what it did not
    with open(path, "w", encoding="utf-8") as file:
        for found in objects:
            file.write("%x %d %d\n" % (id(found), sys.getsizeof(found), gc.is_tracked(found)))
        file.write("end %d %d\n" % (len(objects), gc.get_freeze_count()))


def main():
    for make in (names_of_this_module, containers, attributes, closing, functions, held_from_c, garbage, suspended,
                 chain):
        make()
    running, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=worker, args=(running, stop), daemon=True)
    thread.start()
    running.wait()
    wait_until_blocked([thread])
    KEPT["many"] = [Slotted() for _ in range(1000)]
    KEPT["few"] = {"slotted %d" % i: Slotted() for i in range(10)}
    in_main = Thing()
    subject("local of the main thread", in_main, [], "local in_main", frames=1)
    in_child(write_record, sys.argv[1])
    sys.stdout.write("READY %s\n" % json.dumps(SUBJECTS))
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    gc.collect()
    gc.disable()
    main()
