# SPDX-License-Identifier: MIT
"""The objects under test: at least one instance of every type that a decoder knows, in every state that changes its
size or what it refers to. build() returns {name: object}; heap.py records what the interpreter says of them.

Syntax of Python 3.8. What is newer stands in strings that are executed where the version has it. A subject may not
change by being looked at, and may not hold a running frame of heap.py (those are boundaries of the recording)."""
import ctypes
import sys
import types

import subjects_library

PYTHON = sys.version_info[:2]
TINY = "--tiny" in sys.argv  # for the cores that are kept: as small as possible


MADE_DICTS = []  # ids of the instances whose dict was made, as far as DEEP_ROOTS reach them


def must(condition):
    """assert would go with -O, and what it looks at with it."""
    if not condition:
        raise AssertionError


class Plain(object):
    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)

    def method(self, value=None):
        return value

    @classmethod
    def of_class(cls):
        return cls

    @staticmethod
    def of_nobody():
        return None

    @property
    def twice(self):
        return 2


class Slotted(object):
    __slots__ = ("left", "right", "unset")

    def __init__(self, left, right):
        self.left = left
        self.right = right


class SlottedMore(Slotted):
    __slots__ = ("third", "__weakref__")


class SlottedAndDict(Slotted):
    __slots__ = ("fourth", "__dict__")


class Meta(type):
    def __call__(cls, *arguments):
        return type.__call__(cls, *arguments)


class MetaWithState(type):
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        cls.registry = {"name": name, "numbers": [1, 2, 3]}


class OfMeta(object, metaclass=Meta):
    pass


class OfMetaWithState(object, metaclass=MetaWithState):
    pass


class Left(Plain):
    left = "left"


class Right(Plain):
    right = "right"


class Both(Left, Right):
    """A docstring, so that tp_doc is there."""

    both = ["both"]

    def method(self, value=None):
        return super().method(value)


class GrownClass(object):
    pass


for _number in range(200):
    setattr(GrownClass, "attribute_%d" % _number, _number)


def subclass_of(base, slots=None):
    namespace = {"__module__": __name__}
    if slots is not None:
        namespace["__slots__"] = slots
    return type("%s%s" % (base.__name__.title(), "Slotted" if slots is not None else "Attributes"), (base,), namespace)


def with_attributes(value, **attributes):
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


def numbers(add):
    for value in (0, 1, -1, 5, -5, 256, 257, 1023, 1024, -6, 2 ** 29, 2 ** 30 - 1, 2 ** 30, -2 ** 30, 2 ** 60 - 1,
                  2 ** 60, 10 ** 100, -10 ** 100, 1 << 5000):
        add("int %s" % (value if abs(value) < 10 ** 20 else hash(value)), value)
    add("bools", [True, False])
    add("float", 3.25)
    add("float nan", float("nan"))
    add("complex", 3 + 4j)
    add("singletons", [None, Ellipsis, NotImplemented])


def strings(add):
    add("str empty", "")
    add("str ascii", "ascii text " * 3)
    add("str one letter", "q")
    add("str latin1 letter", "\xe9")
    add("str latin1", "caf\xe9 " * 7)
    add("str ucs2", "\u20ac euro" * 5)
    add("str ucs4", "\U0001f40d snake" * 5)
    add("str large", "x" * (1000 if TINY else 100000))
    for name, text in (("latin1", "na\xefve " * 4), ("ucs2", "\u20ac\u20ac " * 4), ("ucs4", "\U0001f40d " * 4),
                       ("ascii", "plain " * 4)):
        text = text + str(len(text))
        ctypes.pythonapi.PyUnicode_AsUTF8.restype = ctypes.c_void_p
        ctypes.pythonapi.PyUnicode_AsUTF8.argtypes = [ctypes.py_object]
        ctypes.pythonapi.PyUnicode_AsUTF8(text)
        add("str %s with cached utf8" % name, text)
    add("str interned", sys.intern("interned by the test " + str(1)))
    if PYTHON < (3, 12):
        legacy_strings(add)
    kind = subclass_of(str)
    add("str subclasses", [with_attributes(kind(text), note=[text])
                           for text in ("", "ascii", "caf\xe9", "\u20ac", "\U0001f40d")])
    add("str subclass slotted", [subclass_of(str, ())(text) for text in ("ascii", "\u20ac")])


def legacy_strings(add):
    """wchar_t representations, which 3.12 removed (PEP 623)."""
    api = ctypes.pythonapi
    api.PyUnicode_FromUnicode.restype = ctypes.py_object
    api.PyUnicode_FromUnicode.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t]
    api.PyUnicode_AsUnicode.restype = ctypes.c_void_p
    api.PyUnicode_AsUnicode.argtypes = [ctypes.py_object]
    for name, text in (("ascii", "wide ascii"), ("latin1", "wide caf\xe9"), ("ucs2", "wide \u20ac"),
                       ("ucs4", "wide \U0001f40d")):
        text = text + str(len(text))
        api.PyUnicode_AsUnicode(text)
        add("str %s with cached wchar_t" % name, text)
        for ready in (False, True):
            legacy = api.PyUnicode_FromUnicode(None, len(text))
            ctypes.memmove(api.PyUnicode_AsUnicode(legacy), ctypes.create_unicode_buffer(text), 4 * len(text))
            if ready:
                must(legacy == text)
            add("str %s legacy %s" % (name, "ready" if ready else "not ready"), legacy)


def buffers(add):
    add("bytes", [b"", b"q", b"bytes" * 10, b"b" * 5000])
    add("bytes subclass", with_attributes(subclass_of(bytes)(b"tail" * 3), note=["a"]))
    add("bytes subclass slotted", subclass_of(bytes, ())(b"tail"))
    add("bytearray empty", bytearray())
    grown = bytearray()
    for number in range(300):
        grown.append(number % 256)
    add("bytearray grown", grown)
    shifted = bytearray(b"shifted" * 100)
    del shifted[:50]
    add("bytearray with an offset", shifted)
    emptied = bytearray(b"emptied" * 100)
    emptied.clear()
    add("bytearray emptied", emptied)
    exported = bytearray(b"exported" * 10)
    add("bytearray exported", [exported, memoryview(exported)])
    add("bytearray subclass", with_attributes(subclass_of(bytearray)(b"abc"), note=["a"]))
    view = memoryview(b"viewed bytes")
    add("memoryview", [view, view[2:5], memoryview(bytearray(24)).cast("I"), memoryview(bytearray(24)).cast(
        "B", (2, 3, 4)) if hasattr(view, "cast") else None])
    released = memoryview(b"released")
    released.release()
    add("memoryview released", released)


def sequences(add):
    grown = []
    for number in range(1000, 1100):
        grown.append(number)
    shrunk = list(range(2000, 3000))
    del shrunk[10:]
    cyclic = []
    cyclic.append(cyclic)
    cleared = list(range(100))
    cleared.clear()
    add("list empty", [])
    add("list grown", grown)
    add("list shrunk", shrunk)
    add("list cleared", cleared)
    add("list in itself", cyclic)
    add("list of one three times", [10 ** 100] * 3)
    add("list large", [float(number) for number in range(100 if TINY else 5000)])
    kind = subclass_of(list)
    add("list subclasses", [with_attributes(kind([1, 2.5]), note=["a"]), kind(), subclass_of(list, ())([1]),
                            with_attributes(subclass_of(list, ("note",))([1]), note="n")])
    add("tuple empty", ())
    add("tuple", (1.5, "two", [3]))
    add("tuple of atoms", (1, 2, 3, "four"))
    kind = subclass_of(tuple)
    add("tuple subclasses", [with_attributes(kind((1, 2.5)), note=["a"]), kind(), with_attributes(kind((1,)), x=1),
                             subclass_of(tuple, ())((1, 2))])
    add("struct sequences", [sys.version_info, sys.flags, sys.float_info, __import__("time").gmtime(0),
                             __import__("os").stat("/")])
    add("int subclasses", [with_attributes(subclass_of(int)(value), note=["a"]) for value in
                           (0, 1, -7, 10 ** 30, -10 ** 60)] + [subclass_of(int, ())(12345678901234567890)])
    add("float subclasses", [with_attributes(subclass_of(float)(1.5), note=["a"]), subclass_of(float, ())(2.5),
                             with_attributes(subclass_of(float, ("note",))(2.5), note="n")])
    add("complex subclasses", [with_attributes(subclass_of(complex)(1.5j), note=["a"]), subclass_of(complex, ())(2j)])


def mappings(add):
    add("dict empty", {})
    add("dict cleared", dict_cleared())
    add("dict of text", {"one": 1, "two": [2], "three": {"four": 4}})
    add("dict of numbers", {1: "one", 2: "two", 3.5: [3]})
    add("dict of mixed", {"text": 1, 2: "two", (3, 4): "tuple", None: None})
    holes = {"key %d" % number: number for number in range(100)}
    for number in range(0, 100, 3):
        del holes["key %d" % number]
    add("dict with deletions", holes)
    general_holes = {number: str(number) for number in range(50)}
    for number in range(0, 50, 2):
        del general_holes[number]
    add("dict of numbers with deletions", general_holes)
    add("dict 300", {str(number): number for number in range(300)})
    add("dict 70000", {number: None for number in range(500 if TINY else 70000)})
    add("dict under two keys", (lambda shared: {"first": shared, "second": shared})([1, 2, 3]))
    cyclic = {}
    cyclic["self"] = cyclic
    add("dict in itself", cyclic)
    keys_only = dict.fromkeys(["alpha", "beta"])
    add("dict fromkeys", [keys_only, dict.fromkeys(range(20), 0)])
    shrunk = {str(number): number for number in range(1000)}
    for number in range(5, 1000):
        del shrunk[str(number)]
    add("dict shrunk", shrunk)
    add("dict copied", shrunk.copy())
    kind = subclass_of(dict)
    add("dict subclasses", [with_attributes(kind(a=1), note=["a"]), kind(), subclass_of(dict, ())(b=2),
                            with_attributes(subclass_of(dict, ("note",))(c=3), note="n")])
    add("dict views", [holes.keys(), holes.values(), holes.items(), iter(holes), iter(holes.values()),
                       iter(holes.items()), iter(general_holes.items())])
    add("dict iterators used", used_up(holes.keys(), holes.values(), holes.items()))
    if PYTHON >= (3, 8):
        add("dict reversed", [reversed(holes), reversed(holes.values()), reversed(holes.items())])
    add("set empty", set())
    add("set small", {1, "two", 3.5})
    big = set(range(500))
    add("set big", big)
    emptied = set(range(500))
    for number in range(3, 500):
        emptied.discard(number)
    add("set with dummies", emptied)
    small_dummies = {1, 2, 3, "four"}
    small_dummies.discard(2)
    add("set small with dummies", small_dummies)
    cleared = set(range(100))
    cleared.clear()
    add("set cleared", cleared)
    add("frozenset empty", frozenset())
    add("frozenset", [frozenset([1, 2, "three"]), frozenset(range(100))])
    add("set iterator", iter(big))
    add("set subclasses", [with_attributes(subclass_of(set)([1, 2]), note=["a"]), subclass_of(set, ())([3]),
                           with_attributes(subclass_of(frozenset)([1, 2]), note=["a"]),
                           subclass_of(frozenset, ())(range(100))])


def dict_cleared():
    cleared = {str(number): number for number in range(100)}
    cleared.clear()
    return cleared


def used_up(*iterables):
    iterators = [iter(iterable) for iterable in iterables]
    for iterator in iterators:
        for _ in iterator:
            pass
    return iterators


def instances(add):
    add("instance", Plain(first=1, second=[2]))
    add("instance empty", Plain())
    shown = Plain(first=1, second=[2])
    must(vars(shown))
    MADE_DICTS.append(id(shown))
    add("instance with its dict made", shown)
    empty_shown = Plain()
    must(vars(empty_shown) == {})
    add("instance with its empty dict made", empty_shown)
    add("instance dict alone", vars(Plain(first=1, second=2)))
    order = Plain(second=1)
    order.first = 2
    add("instance in another order", order)
    add("instance with many attributes", Plain(**{"attribute_%d" % number: number for number in range(100)}))
    lost = Plain(first=1, second=2, third=3)
    del lost.second
    add("instance that lost an attribute", lost)
    lost_all = Plain(first=1)
    del lost_all.first
    add("instance that lost all attributes", lost_all)
    replaced = Plain(first=1)
    replaced.__dict__ = {"other": [1, 2]}
    add("instance whose dict was replaced", replaced)
    odd_keys = Plain(first=1)
    vars(odd_keys)[17] = "not text"
    add("instance whose dict has a number", odd_keys)
    many = [Left(number=number, text=str(number)) for number in range(50)]
    add("instances that share keys", many)
    unlike = []
    for number in range(40):
        value = Right()
        for index in (range(number % 5) if number % 2 else range(number % 5, 0, -1)):
            setattr(value, "attribute_%d" % index, index)
        unlike.append(value)
    add("instances in differing orders", unlike)
    add("instance of one class with one instance", type("Only", (), {})())
    self_cycle = Plain()
    self_cycle.self = self_cycle
    add("instance in itself", self_cycle)
    add("slotted", Slotted(1, [2]))
    full = Slotted("l", "r")
    full.unset = "set"
    add("slotted full", full)
    more = SlottedMore(1, 2)
    more.third = "third"
    weak = __import__("weakref").ref(more)
    add("slotted with a weak reference", [more, weak])
    mixed = SlottedAndDict(1, 2)
    mixed.fourth = [4]
    add("slotted with an unmade dict", mixed)
    mixed = SlottedAndDict(1, 2)
    mixed.elsewhere = [5]
    add("slotted with a dict", mixed)
    add("slotted empty", SlottedMore.__new__(SlottedMore))
    add("instance of a metaclass's class", OfMeta())
    add("instance of object", object())
    class_changed = Left(first=1)
    class_changed.__class__ = Right
    add("instance whose class changed", class_changed)
    add("instance with a finaliser", type("Finalised", (), {"__del__": lambda self: None})())
    add("classes", [Plain, Slotted, SlottedMore, SlottedAndDict, Meta, OfMeta, OfMetaWithState, Both, GrownClass])
    add("class made by type()", type("Made", (Plain, object), {"value": [1, 2], "__slots__": ("slot",)}))
    add("static types", [int, str, dict, object, type, type(None), BaseException, OSError, types.FunctionType])
    add("super", super(Both, Both()))


def functions(add):
    counter = 3
    text = ["closed over"]

    def closure(first, second=[1, 2], *rest, keyword="k", **others):
        """A docstring."""
        return counter, text, first, second

    def annotated(first: int, second: "str" = "") -> list:
        return [first, second]

    def counting():
        nonlocal counter
        counter += 1

    with_dict = with_attributes(lambda: None, attribute=[1], other=2)
    add("function", plain_function)
    add("closure", closure)
    add("closure that writes", counting)
    add("function annotated", annotated)
    add("function with a dict", with_dict)
    add("lambda", lambda value: value)
    add("cells", list(closure.__closure__))
    if hasattr(types, "CellType"):
        add("cell empty", types.CellType())
    add("code", [closure.__code__, plain_function.__code__, compile("a = 1\nb = [2, 3]\n", "<text>", "exec"),
                 (lambda: (yield)).__code__])
    value = Plain(first=1)
    add("methods", [value.method, Plain.of_class, Plain.method, Plain.of_nobody, [].append, "".join, len,
                    value.__init__, object().__str__, dict.fromkeys, int.from_bytes])
    add("descriptors", [vars(Plain)["of_class"], vars(Plain)["of_nobody"], vars(Plain)["twice"],
                        vars(Slotted)["left"], vars(Plain)["__dict__"], str.join, int.__add__, type.__dict__["__mro__"],
                        vars(dict)["fromkeys"], types.FunctionType.__dict__["__code__"], "".__add__])
    add("property", property(plain_function, closure, None, "a docstring"))
    add("property subclass", subclass_of(property)(plain_function))
    add("staticmethod", staticmethod(plain_function))
    add("classmethod", classmethod(plain_function))
    add("slices", [slice(1, None, [3]), slice(None)])
    add("ranges", [range(10), range(2, 10 ** 30, 7), range(0)])
    add("simple namespace", types.SimpleNamespace(one=1, two=[2]))
    add("mappingproxy", [types.MappingProxyType({"a": 1}), vars(Plain)])
    module = types.ModuleType("made_module", "its documentation")
    module.value = [1, 2, 3]
    add("module", module)
    add("module in use", types)
    if PYTHON >= (3, 9):
        add("generic alias", [list[int], dict[str, list[int]]])
    if PYTHON >= (3, 10):
        add("union type", int | str)


def plain_function(first=1, *, second=2):
    return first + second


def own_frame(value):
    local = [value]
    return sys._getframe(), local


def exceptions(add):
    made = []
    arguments = {
        "UnicodeDecodeError": ("utf-8", b"\xff", 0, 1, "why"), "UnicodeEncodeError": ("ascii", "\xe9", 0, 1, "why"),
        "UnicodeTranslateError": ("\xe9", 0, 1, "why"), "OSError": (2, "no such file", "name", None, "name2"),
        "SyntaxError": ("message", ("file", 1, 2, "text")), "StopIteration": ([1, 2],), "SystemExit": ([3],),
        "ExceptionGroup": ("group", [ValueError(1), KeyError("k")]),
        "BaseExceptionGroup": ("group", [KeyboardInterrupt(1), KeyError("k")]),
    }
    builtin = __import__("builtins")
    for name in sorted(vars(builtin)):
        kind = getattr(builtin, name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            given = [arguments[base.__name__] for base in kind.__mro__ if base.__name__ in arguments]
            made.append(kind(*(given[0] if given else ("an argument of", [name]))))
    made.append(ImportError("message", name="name", path="path"))
    if PYTHON >= (3, 10):
        made.append(AttributeError("message", name="name", obj=[1]))
        made.append(NameError("message", name="name"))
    noted = with_attributes(ValueError("with attributes"), attribute=[1])
    if PYTHON >= (3, 11):
        noted.add_note("a note")
    made.append(noted)
    made.append(subclass_of(ValueError)("sub", 2))
    made.append(subclass_of(OSError, ("slot",))(1, "text"))
    add("exceptions", made)
    add("exception raised", raised_chain())
    add("traceback", raised_chain().__traceback__)
    suppressed = KeyError("suppressed")
    suppressed.__cause__ = ValueError("cause")
    suppressed.__context__ = TypeError("context")
    add("exception with cause", suppressed)


def raised_chain():
    try:
        try:
            raise ValueError("inner", [1])
        except ValueError as inner:
            raise LookupError("outer") from inner
    except LookupError as outer:
        return outer


def generators(add):
    def counting(limit, held):
        local = {"held": held}
        for number in range(limit):
            yield number, local
        return [limit]

    def delegating(inner):
        result = yield from inner
        return result

    def keeps_frame():
        local = ["in the frame"]
        yield sys._getframe()
        yield local

    fresh, suspended, finished, closed = counting(3, [1]), counting(3, [2]), counting(1, [3]), counting(3, [4])
    next(suspended)
    list(finished)
    next(closed)
    closed.close()
    delegate = delegating(counting(5, [5]))
    next(delegate)
    add("generators", [fresh, suspended, finished, closed, delegate])
    add("generator expression", (number * number for number in [1, 2, 3]))
    keeper, ended_keeper = keeps_frame(), keeps_frame()
    ended_frame = next(ended_keeper)
    list(ended_keeper)
    add("generator with its frame", [keeper, next(keeper)])
    add("frame of a finished generator", [ended_keeper, ended_frame])
    shown = counting(3, [6])
    next(shown)
    must(shown.gi_frame.f_locals)
    add("frame whose f_locals was read", [shown, shown.gi_frame])
    add("frame of a finished function", own_frame("argument")[0])
    handling = handles_exception()
    next(handling)
    add("generator handling an exception", handling)
    large = many_locals()
    next(large)
    add("generator with many locals", large)
    coroutines(add)


def handles_exception():
    try:
        raise ValueError("handled while suspended")
    except ValueError:
        yield 1


def many_locals():
    a = b = c = d = e = [1]
    f, g, h = (a, b), (c, d), e
    del b
    for i in [1, 2]:
        for j in (3, 4):
            yield [a, c, d, e, f, g, h, i, j]


def coroutines(add):
    class Awaitable(object):
        def __await__(self):
            yield "awaited"

    async def coroutine(held):
        local = [held]
        await Awaitable()
        return local

    async def agenerator(held):
        local = [held]
        yield local
        await Awaitable()
        yield held

    @types.coroutine
    def old_style():
        yield 1

    fresh, suspended, finished, closed = coroutine(1), coroutine(2), coroutine(3), coroutine(4)
    for value in (suspended, finished):
        value.send(None)
    try:
        finished.send(None)
    except StopIteration:
        pass
    closed.close()
    add("coroutines", [fresh, suspended, finished, closed, coroutine(5).__await__()])
    generator = agenerator([1])
    step = generator.asend(None)
    try:
        step.send(None)
    except StopIteration:
        pass
    waiting = agenerator([2])
    add("async generators", [agenerator([0]), generator, waiting, waiting.asend(None), waiting.athrow(ValueError),
                             waiting.aclose(), waiting.__anext__()])
    add("coroutine of types.coroutine", old_style())


def iterators(add):
    source = [1, 2, 3]
    text = "\u20ac uro"
    add("iterators", [iter(source), reversed(source), iter((1, 2)), reversed((1, 2)), iter("ascii"), iter(text),
                      iter(b"bytes"), iter(bytearray(b"ba")), iter(range(5)), iter(range(10 ** 30)), iter({1, 2}),
                      enumerate(source), enumerate(source, 10 ** 30), zip(source, text), map(str, source),
                      filter(None, source), iter(lambda: 1, 2), iter(memoryview(b"mv")), reversed(range(9)),
                      iter(Indexed())])
    add("iterators used", used_up(source, (1, 2), "ascii", b"bytes", bytearray(b"ba"), {1, 2}, range(3),
                                  enumerate(source), zip(source), map(str, source), Indexed()))
    started = [enumerate(source), zip(source, text), map(lambda a, b: a, source, text), reversed(source)]
    for iterator in started:
        next(iterator)
    add("iterators started", started)


class Indexed(object):
    def __getitem__(self, index):
        if index > 3:
            raise IndexError(index)
        return index


MODERN = {
    (3, 8): "def positional(first, /, second, *, third=3): return (y := first)\n"
            "add('function with positional-only', positional)\n",
    (3, 10): "def matching(value):\n"
             "    match value:\n"
             "        case {'a': [first, *rest], **others}: return first, rest, others\n"
             "        case _: return None\n"
             "add('function that matches', matching)\n",
    (3, 11): "try:\n"
             "    try: raise ExceptionGroup('group', [ValueError(1), TypeError(2)])\n"
             "    except* ValueError: pass\n"
             "except ExceptionGroup as rest: add('exception group rest', rest)\n",
    (3, 12): "type Alias[T] = list[T]\n"
             "class Generic[T, *Ts, **P]:\n"
             "    def method[U: int](self, value: U) -> T: return value\n"
             "add('type alias and parameters', [Alias, Generic, Generic.__type_params__, Alias[int]])\n"
             "instance = Generic()\n"
             "instance.attribute = 1\n"
             "add('instance of a generic class', instance)\n",
    (3, 13): "class Defaulted[T = int]:\n"
             "    pass\n"
             "add('type parameter with a default', Defaulted.__type_params__)\n",
    (3, 14): "name = 'world'\n"
             "add('template string', t'hello {name!r:>10}')\n",
}


def modern(add):
    for version, source in sorted(MODERN.items()):
        if PYTHON >= version:
            exec(compile(source, "<since %d.%d>" % version, "exec"), {"add": add, "__name__": __name__})


# Roots whose deep size under the policies is computed in the process. No running frame may be reachable from them.
DEEP_ROOTS = [
    "int 1", "str ascii", "bytes", "list empty", "list grown", "list in itself", "list of one three times",
    "list subclasses", "tuple", "tuple subclasses", "dict of text", "dict of mixed", "dict with deletions",
    "dict under two keys", "dict in itself", "dict 70000", "dict subclasses", "set small", "set big", "frozenset",
    "set subclasses", "instance", "instance with its dict made", "instances that share keys",
    "instances in differing orders", "instance with many attributes", "slotted", "slotted full",
    "slotted with a dict", "function", "function with a dict", "property", "class made by type()",
    "simple namespace", "int subclasses", "str subclasses", "module",
    "deque", "ordered dict", "defaultdict", "counter", "chain map", "named tuples", "dataclass", "enum member",
    "partial", "decimals", "ranges", "slices", "dates",
]

# What pympler.asizeof is asked about: its documentation names these kinds.
ASIZEOF_ROOTS = [
    "int 1", "str ascii", "str ucs2", "bytes", "list empty", "list grown", "list shrunk", "list in itself",
    "list of one three times", "list large", "tuple", "tuple empty", "dict of text", "dict of numbers",
    "dict of mixed", "dict with deletions", "dict under two keys", "dict in itself", "dict 300", "set small",
    "set big", "frozenset", "instance", "instance with its dict made", "instances that share keys",
    "instance with many attributes", "slotted", "slotted full", "slotted with a dict", "named tuples", "deque",
    "ordered dict", "defaultdict", "counter",
]


def build():
    made = {}

    def add(name, value):
        must(name not in made)
        made[name] = value

    for section in (numbers, strings, buffers, sequences, mappings, instances, functions, exceptions, generators,
                    iterators, modern):
        section(add)
    subjects_library.build(add)
    if not TINY:
        import subjects_types
        subjects_types.build(add)
    return made
