# SPDX-License-Identifier: MIT
"""Subjects of test_names_live.c: makes objects of every kind that a path can go through, says what it expects about
them, one tab-separated line each, then waits to be looked at. What the interpreter itself says is the truth.

    resolve   EXPRESSION  ADDRESS      the expression means the object at that address
    error     EXPRESSION  TEXT         it means nothing, and the message contains the text
    describe  ADDRESS     TEXT         description without values
    values    ADDRESS     TEXT         description with values
    label     ADDRESS     REFERENT LABEL   a reference from one to the other is called so
    frame     NUMBER      FUNCTION LINE    of the main thread
    lines     CODE        OFFSET:LINE ...  line table
    str, int, bytes, float, attribute, class_attribute, dict, keys   see test_value_live.c
"""
import collections
import dis
import enum
import functools
import json
import math
import os
import sys
import threading
import types

Point = collections.namedtuple("Point", "x y")
Point3 = type("Point3", (Point,), {"__slots__": ()})


class Plain:
    """Instance dict, split keys, inline values."""
    kind = "shared by the class"

    def __init__(self, name, items):
        self.name = name
        self.items = items

    @property
    def computed(self):
        return self.name

    def method(self):
        return self

    @classmethod
    def make(cls):
        return cls("made", [])


class Slotted:
    __slots__ = ("first", "second", "never")

    def __init__(self):
        self.first = ["first"]
        self.second = ["second"]


class SlottedWithDict(Slotted):
    def __init__(self):
        super().__init__()
        self.extra = ["extra"]


class Big(int):
    """Up to 3.11 its dict pointer stands at its end."""


class Words(tuple):
    pass


class Table(dict):
    pass


class Row(list):
    pass


class Name(str):
    pass


class Meta(type):
    meta_attribute = ["of the metatype"]


class WithMeta(Plain, metaclass=Meta):
    pass


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Failure(Exception):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.detail = ["detail"]


class Cached:
    @functools.cached_property
    def value(self):
        return ["value"]


def make_closure():
    captured = ["captured"]

    def closure(a, b=["default"], *, c=["keyword"]):
        return captured, a, b, c
    return closure


def function_with_attributes():
    pass


function_with_attributes.registry = {"handlers": [1, 2, 3]}
closure = make_closure()
plain = Plain("plain", [["zero"], ["one"], ["two"]])
more = [Plain("n%d" % i, [i]) for i in range(40)]
odd = Plain("odd", [])
del odd.name
odd.late, odd.name = ["late"], "again"
dictful = Plain("dictful", ["kept"])
dictful.__dict__["touched"] = ["touched"]
many = Plain("many", [])
for number in range(60):
    setattr(many, "attribute_%d" % number, [number])
slotted = Slotted()
slotted_with_dict = SlottedWithDict()
big, words = Big(10 ** 40), Words([["a"], ["b"]])
big.tag, words.tag = ["big"], ["words"]
small = Big(7)
small.tag = ["small"]
negative = Big(-(2 ** 70))
negative.tag = ["negative"]
table, row, name = Table(k=["value"]), Row([["item"]]), Name("name")
table.tag, row.tag, name.tag = ["table"], ["row"], ["of a str"]
point, point3 = Point(["x"], ["y"]), Point3(["px"], ["py"])
space = types.SimpleNamespace(left=["left"], right=["right"])
ordered = collections.OrderedDict([("b", ["b"]), ("a", ["a"])])
ordered.move_to_end("b")
defaults = collections.defaultdict(list, {"key": ["of default"]})
counter = collections.Counter("abracadabra")
queue = collections.deque([[i] for i in range(300)])
for _ in range(70):
    queue.popleft()
queue.appendleft(["front"])
bounded = collections.deque([[i] for i in range(5)], maxlen=3)
failure = Failure("args", ["more"])
cached, uncached = Cached(), Cached()
cached.value
proxy = types.MappingProxyType({"inside": ["proxied"]})
big_list = [[i] for i in range(1000)]
keyed = {
    "plain": ["plain"], "u:914421": ["colon"], "it's": ["quote"], 'say "x"': ["double"], "tab\tnew\n": ["control"],
    "\u00e9t\u00e9": ["latin1"], "\u20ac": ["ucs2"], "\U0001f600": ["ucs4"], "a\0b": ["nul"], "back\\slash": ["back"],
    "": ["empty"], 0: ["zero"], -5: ["minus five"], 2 ** 40: ["large"], -2 ** 62: ["very negative"],
    b"raw\xff": ["bytes"], None: ["none"], ("a", 1): ["tuple"], ("a", ("b", None)): ["nested"], (): ["empty tuple"],
    (7,): ["one"], Name("subclassed"): ["subclass"],
}
flags = {True: ["true"], False: ["false"]}
other_key = object()
by_object = {other_key: ["by object"]}
split_dict = plain.__dict__ if sys.version_info < (3, 11) else None
lookalike = types.ModuleType("lookalike")
lookalike.SESSIONS = {"one": ["session"]}
lookalike.json = ["attribute"]
sys.modules["lookalike"] = lookalike
submodule = types.ModuleType("lookalike.cache")
submodule.SESSIONS = Table({"u:1": plain})
sys.modules["lookalike.cache"] = submodule
shadow = types.ModuleType("lookalike.shadow")
sys.modules["lookalike.shadow"] = shadow
lookalike.shadow = Plain("not the module", ["shadowed"])
thread_ready, thread_end = threading.Event(), threading.Event()


def say(*words):
    sys.stdout.write("\t".join(str(word) for word in words) + "\n")


def resolve(expression, value):
    say("resolve", expression, hex(id(value)))


def expect_paths():
    me = "__main__."
    for expression in (
            "plain", "plain.name", "plain.items", "plain.items[1]", "plain.items[-1]", "plain.items[0x2][0]",
            "plain.kind", "odd.late", "odd.name", "dictful.items", "dictful.touched", "dictful.__dict__",
            "many.attribute_59", "many.attribute_0", "slotted.first", "slotted.second", "slotted_with_dict.first",
            "slotted_with_dict.extra", "big.tag", "small.tag", "negative.tag", "words.tag", "words[1]", "words[-2]",
            "table.tag", "table['k']", "row.tag", "row[0]", "name.tag", "point.x", "point.y", "point[1]", "point3.y",
            "space.left", "space.right", "ordered['a']", "ordered['b'][0]", "defaults['key']",
            "defaults.default_factory",
            "counter['a']", "queue[0]", "queue[1]", "queue[64]", "queue[230]", "queue[-1]", "bounded[0]",
            "bounded[2]",
            "failure.args", "failure.args[1]", "failure.detail", "cached.value", "proxy['inside']",
            "proxy['inside'][0]",
            "big_list[999]", "big_list[-1000]", "Plain", "Plain.kind", "Plain.method", "Plain.__class__",
            "Plain.__bases__", "Plain.__mro__[1]", "Plain.__base__", "Plain.__qualname__", "plain.__class__",
            "plain.__class__.kind", "WithMeta.meta_attribute", "WithMeta.kind", "Colour.RED",
            "Colour._member_map_['GREEN']",
            "closure.__closure__[0].cell_contents", "closure.__defaults__[0]", "closure.__kwdefaults__['c']",
            "closure.__code__", "closure.__code__.co_consts", "closure.__globals__", "closure.__name__",
            "function_with_attributes.registry['handlers']", "function_with_attributes.__dict__",
            "function_with_attributes.registry['handlers'][2]", "Slotted.__slots__", "json", "json.decoder",
            "json.decoder.JSONDecoder", "generator.gi_code", "failure.__traceback__", "failure.__cause__",
            "cached.__dict__", "bound_method.__self__", "bound_method.__func__", "os.path", "os.environ",
            "sys.modules", "math.pi", "collections.deque",
            "collections.OrderedDict", "json.__dict__", "by_object"):
        resolve(me + expression, eval(expression))
    for key in keyed:
        if not isinstance(key, tuple):
            resolve(me + "keyed[%s]" % ascii(key), keyed[key])
    for typed, key in (("'a', 1", ("a", 1)), ("('a', 1)", ("a", 1)), ("('a', ('b', None))", ("a", ("b", None))),
                       ("()", ()), ("(7,)", (7,)), ("7,", (7,)), ('"it\'s"', "it's"), ("u'plain'", "plain"),
                       (r"r'back\slash'", "back\\slash"), ("  'plain' ", "plain"), ("0x0", 0), ("0o0", 0),
                       ("False", 0),
                       ("-0x5", -5), ("1_099_511_627_776", 2 ** 40), ("'\u20ac'", "\u20ac"), ("''", ""),
                       ("'subclassed'", "subclassed"), (r"'\u00e9t\351'", "\u00e9t\u00e9"),
                       (r"b'raw\377'", b"raw\xff")):
        resolve(me + "keyed[%s]" % typed, keyed[key])
    resolve(me + "flags[True]", flags[True])
    resolve(me + "flags[0]", flags[False])
    resolve(me + "by_object[%#x]" % id(other_key), by_object[other_key])
    resolve(me + "keyed[key 2 of 22]", keyed["u:914421"])
    resolve(hex(id(plain)), plain)
    resolve(hex(id(plain)) + ".items[1]", plain.items[1])
    resolve("  %#x  " % id(Plain), Plain)
    resolve("json.decoder", sys.modules["json.decoder"])
    resolve("lookalike.SESSIONS['one']", lookalike.SESSIONS["one"])
    resolve("lookalike.cache.SESSIONS['u:1'].items[1]", plain.items[1])
    resolve("lookalike.shadow", lookalike.shadow)  # what the frame's global of that name has
    resolve("module:lookalike.shadow", shadow)
    resolve("lookalike.shadow.items", lookalike.shadow.items)
    resolve("lookalike.json", lookalike.json)
    resolve("interp:0.lookalike.json", lookalike.json)
    resolve("builtins.len", len)
    resolve("sys.stdout", sys.stdout)
    resolve("builtins.int", int)
    resolve("builtins.dict.fromkeys", dict.__dict__["fromkeys"])
    resolve("__main__.__dict__['plain']", plain)


def expect_errors():
    me = "__main__."
    for expression, text in (
            ("", "empty"), ("   ", "empty"), ("0x", "a number is expected"), ("0x12345678123456781", "64 bits"),
            ("0x10", "is no Python object: the process has no memory there"),
            ("%#x" % (id(plain) + 8), "is no Python object"), ("%#x" % (id(plain) + 1), "is no Python object"),
            ("[3]", "a name is expected"), (".x", "a name is expected"), ("a..b", "a name is expected"),
            ("a.", "a name is missing"), ("a[", "a key or an index is missing"),
            ("a[]", "a key or an index is missing"),
            ("a['x]", "no closing '"), ('a["x', 'no closing "'), ("a[3", "not closed"), ("a[3}", "']' is expected"),
            ("a b", "the end is expected"), ("a[b]", "a key can be"), ("a[1.5]", "floats"),
            ("a['\\xg1']", "hex digits"),
            ("a['\\ud8']", "hex digits"), ("a['\\N{DASH}']", "\\N{...}"), ("a[99999999999999999999]", "64 bits"),
            ("a[" + "(" * 100, "nested too deeply"), ("a" + "[0]" * 5000, "4096 steps"),
            ("a[0x]", "a number is expected"),
            ("frame:", "a number is expected"), ("frame:2", "no object"), ("frame:x.y", "no digit"),
            ("frame:1x", "no digit"),
            ("thread:1.frame:0.x", "no Python thread 1 (threads: "), ("frame:99999.x", "its Python frames are 0 to "),
            ("interp:77.sys", "no interpreter 77"), ("frame:0.0x10", "an address is in no frame"),
            (me + "plane", "__main__ has no attribute 'plane'; did you mean 'plain'?"),
            (me + "plain.nmae", "__main__.plain has no attribute 'nmae'; did you mean 'name'?"),
            (me + "plain.zzzzzz", "(has: name, items"), (me + "plain.computed", "it is a property"),
            (me + "uncached.value", "cached property"), (me + "slotted.never", "not set"),
            (me + "slotted.frist", "did you mean 'first'?"), (me + "plain.items[3]", "has 3 items, so no [3]"),
            (me + "plain.items[-4]", "has 3 items, so no [-4]"), (me + "plain.items['x']", "takes an index"),
            (me + "plain['x']", "of type __main__.Plain, which has no items"), (me + "name[0]", "no items"),
            (me + "keyed['plian']", "has no key ['plian'] among its 22 entries; did you mean 'plain'?"),
            (me + "keyed['u:914422']", "has no key"), (me + "keyed[12345]", "has no key"),
            (me + "keyed[key 23]", "has no entry"), (me + "queue[231]", "has 231 items"),
            ("lookalike.SESIONS", "lookalike has no attribute 'SESIONS'; did you mean 'SESSIONS'?"),
            ("jsno.decoder", "no module 'jsno' in sys.modules; did you mean 'json'?"),
            ("rows_of_no_frame", "no module 'rows_of_no_frame' in sys.modules; frame 0 of thread"),
            ("in_class_body[0]", "of that name; frame 3 has one: frame:3.in_class_body"),
            ("in_cell", "; frame 1 has one: frame:1.in_cell"),
            ("frame:1.recrod", "has no local 'recrod'; did you mean 'record'?"),
            ("frame:2.unset", "local 'unset' of frame 2 of thread"),
            ("Plain.metod", "has no attribute 'metod'; did you mean 'method'?"),
            (me + "\u202eplain", "\\u202eplain")):
        say("error", expression.replace("\t", " "), text)


def expect_descriptions():
    def both(value, text, values=None):
        say("describe", hex(id(value)), text)
        say("values", hex(id(value)), text if values is None else values)
    both(None, "None")
    both(keyed, "dict, 22 entries")
    both(plain.items, "list, 3 items")
    both(keyed["plain"], "list, 1 item")
    both(point, "__main__.Point, 2 items")
    both(queue, "collections.deque, 231 items")
    both(defaults, "collections.defaultdict, 1 entry")
    both(plain, "__main__.Plain")
    both(Plain, "class __main__.Plain")
    both(int, "class int")
    both(make_closure, "function __main__.make_closure")
    both(closure, "function __main__.make_closure.<locals>.closure")
    both(bound_method, "method __main__.Plain.make")
    both(json, "module json")
    both(len, "built-in function builtins.len")
    both(flags_set, "set, 3 items")
    both(frozen, "frozenset, 2 items")
    both(secret, "str, 13 characters", "str, 13 characters, 'pass\\x1b[31m\\'\\\\rd'")
    both(long_text, "str, 100 characters", "str, 100 characters, '%s...'" % ("x" * 64))
    both(name, "__main__.Name, 4 characters", "__main__.Name, 4 characters, 'name'")
    both(raw, "bytes, 5 bytes")
    both(array, "bytearray, 7 bytes")
    both(number, "int", "int 123456789")
    both(True, "bool", "bool True")
    both(real, "float", "float 1.5")
    both(failure, "__main__.Failure")
    both(generator, "generator expect_all.<locals>.<genexpr>")
    both(closure.__closure__[0], "cell of list")


def expect_labels():
    def label(owner, value, text, values=None):
        say("label", hex(id(owner)), hex(id(value)), text, text if values is None else values)
    label(plain.items, plain.items[2], "[2]")
    label(point, point[1], "[1]")
    if sys.version_info >= (3, 11):
        label(more[0], more[0].items, ".items")
    else:
        label(more[0].__dict__, more[0].items, "['items']")
    label(slotted, slotted.second, ".second")
    label(slotted_with_dict, slotted_with_dict.first, ".first")
    label(keyed, keyed["plain"], "['plain']")
    label(keyed, keyed["u:914421"], "[key 2 of 22]", "['u:914421']")
    label(keyed, keyed["it's"], "[key 3 of 22]", "['it\\'s']")
    label(keyed, keyed["tab\tnew\n"], "[key 5 of 22]", "['tab\\x09new\\x0a']")
    label(keyed, keyed["\u00e9t\u00e9"], "['\u00e9t\u00e9']")
    label(keyed, keyed[0], "[0]")
    label(keyed, keyed[-5], "[-5]")
    label(keyed, keyed[None], "[None]")
    label(keyed, keyed[b"raw\xff"], "[key 16 of 22]", "[b'raw\\xff']")
    label(keyed, keyed[("a", 1)], "[('a', 1)]")
    label(keyed, keyed[()], "[()]")
    label(flags, flags[True], "[True]")
    label(by_object, by_object[other_key], "[%#x]" % id(other_key))
    label(vars(lookalike), lookalike.SESSIONS, "['SESSIONS']")
    label(closure, closure.__closure__, ".__closure__")
    label(closure, closure.__code__, ".__code__")
    label(closure.__closure__[0], closure.__closure__[0].cell_contents, ".cell_contents")
    label(Plain, Plain.__mro__, ".__mro__")
    label(lookalike, vars(lookalike), ".__dict__")
    label(defaults, list, ".default_factory")
    label(failure, failure.args, ".args")
    label(generator, generator.gi_code, ".gi_code" if sys.version_info < (3, 12) else ".f_code")
    label(queue, queue[64], "[64]")
    label(bound_method, Plain, ".__self__")
    label(function_with_attributes, function_with_attributes.__dict__, ".__dict__")


def expect_lines():
    codes, seen = [function.__code__ for function in (make_closure, expect_all, expect_errors, Plain.make)], set()
    for module in (json.decoder, collections, dis, enum, functools, threading, os):
        codes += [value.__code__ for value in vars(module).values() if isinstance(value, types.FunctionType)]
    for code in codes:
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        if id(code) in seen or len(seen) > 400:
            continue
        seen.add(id(code))
        pairs = []
        if hasattr(code, "co_lines"):
            for start, end, line in code.co_lines():
                pairs += [(offset, line or 0) for offset in range(start, end, 2)]
        else:
            starts = dict(dis.findlinestarts(code))
            line = code.co_firstlineno
            for offset in range(0, len(code.co_code), 2):
                line = starts.get(offset, line)
                pairs.append((offset, line))
        say("lines", hex(id(code)), *["%d:%d" % pair for pair in pairs])


def expect_values():
    texts = ["", "a", "ascii text", "\u00e9t\u00e9", "\u20ac uro", "\U0001f600 smile", "a\0b",
             "x" * 5000, Name("sub"),
             Name("\u20ac"), "\ud800 lone", sys.intern("interned"), str(12345)]
    numbers = [0, 1, -1, 256, 257, 2 ** 30 - 1, 2 ** 30, -2 ** 30, 2 ** 60, 2 ** 62, 2 ** 63 - 1, -2 ** 63, 2 ** 63,
               -2 ** 63 - 1, 2 ** 64, 10 ** 40, True, False, Big(5), Big(-2 ** 40), Colour.RED.value]
    chunks = [b"", b"abc", b"\0\xff" * 300, bytearray(b"array"), bytearray(b"")]
    shifted = bytearray(b"0123456789")
    del shifted[:3]
    chunks.append(shifted)
    reals = [0.0, -1.5, 1e300, float("inf")]
    kept.extend((texts, numbers, chunks, reals))
    for text in texts:
        say("str", hex(id(text)), len(text), text.encode("utf-8", "surrogatepass").hex().replace("eda080", "efbfbd"))
    for value in numbers:
        say("int", hex(id(value)), int(value) if -2 ** 63 <= value < 2 ** 63 else "none")
    for chunk in chunks:
        say("bytes", hex(id(chunk)), len(chunk), bytes(chunk).hex())
    for real_number in reals:
        say("float", hex(id(real_number)), real_number.hex())
    for mapping in (keyed, ordered_as_dict, defaults, counter, table, sys.modules, os.__dict__, flags, {},
                    many.__dict__,
                    odd.__dict__, dictful.__dict__, holes, split_dict or {}):
        kept.append(mapping)
        say("dict", hex(id(mapping)), *["%x=%x" % (id(k), id(v)) for k, v in mapping.items()])
    for sequence in ([], [1], (), (1, 2), plain.items, words, row, point, big_list, sys.version_info):
        kept.append(sequence)
        say("items", hex(id(sequence)), *["%x" % id(tuple.__getitem__(sequence, i) if isinstance(sequence, tuple)
                                               else sequence[i]) for i in range(len(sequence))])
    for owner, attribute in ((plain, "name"), (plain, "items"), (more[39], "items"), (odd, "late"),
                             (many, "attribute_59"),
                             (slotted, "second"), (slotted_with_dict, "extra"), (big, "tag"), (words, "tag"),
                             (table, "tag"),
                             (row, "tag"), (name, "tag"), (space, "right"), (failure, "detail"), (json, "loads"),
                             (Plain, "kind"), (WithMeta, "kind"), (closure, "__closure__"), (int, "from_bytes"),
                             (function_with_attributes, "registry"), (big, "tag"), (str, "join")):
        in_class = isinstance(owner, type) and attribute in vars(owner)
        value = vars(owner)[attribute] if in_class else getattr(owner, attribute)
        kept.append(value)
        say("attribute", hex(id(owner)), attribute, hex(id(value)))
    for owner, attribute in ((plain, "missing"), (slotted, "never"), (None, "x"), (len, "x"), (plain, "kind"),
                             (5, "real")):
        say("attribute", hex(id(owner)), attribute, "0x0")
    for address in (0, 1, 8, 2 ** 47 - 8, 2 ** 64 - 8, id(plain) + 8, id(keyed) + 16):
        say("wild", hex(address))


kept = []
flags_set, frozen = {1, 2, 3}, frozenset((1, 2))
secret, long_text, raw, array, number, real = "pass\x1b[31m'\\rd", "x" * 100, b"12345", bytearray(7), 123456789, 1.5
secret = "".join(secret)
ordered_as_dict = dict(ordered)
holes = {i: [i] for i in range(100)}
for i in range(0, 100, 3):
    del holes[i]
generator, bound_method = None, Plain.make


def expect_all():
    global generator
    captured = ["captured by a generator"]
    generator = (item for item in captured)
    next(generator)
    expect_paths()
    expect_errors()
    expect_descriptions()
    expect_labels()
    expect_lines()
    expect_values()


def other_thread(argument):
    local_of_thread = [argument]
    thread_ready.set()
    thread_end.wait()
    return local_of_thread


def innermost(record, *rest):
    local = ["local"]
    resolve("local", local)
    resolve("frame:0.local", local)
    resolve("record.items[0]", record.items[0])
    resolve("rest[1]", rest[1])
    resolve("plain.items", plain.items)
    resolve("len", len)
    resolve("frame:1.record", record)
    resolve("frame:1.in_cell", sys._getframe(1).f_locals["in_cell"])
    resolve("frame:2.free_cell[0]", sys._getframe(2).f_locals["free_cell"][0])
    resolve("frame:3.in_class_body", sys._getframe(3).f_locals["in_class_body"])
    resolve("frame:4.plain", plain)
    resolve("frame:4.__name__", __name__)
    frame, depth = sys._getframe(), 0
    while frame is not None:
        code = frame.f_code
        say("frame", depth, getattr(code, "co_qualname", code.co_name), os.path.basename(code.co_filename),
            "here" if depth == 0 else frame.f_lineno)
        frame, depth = frame.f_back, depth + 1
    frame = None
    say("here", sys._getframe().f_lineno + 1)
    sys.stdout.write("ready\n"); sys.stdout.flush(); sys.stdin.readline()
    os._exit(0)
    return local


def middle(record):
    in_cell = ["in a cell"]

    def user():
        return in_cell
    return innermost(record,
                     ["several"], ["lines"],
                     user)


def main():
    free_cell = [["free"]]

    def uses_free():
        if free_cell is None:
            unset = 1
        return (middle(plain), free_cell,
                unset)

    class Body:
        in_class_body = ["class body"]
        uses_free()


if __name__ == "__main__":
    other = threading.Thread(target=other_thread, args=("thread argument",), daemon=True)
    other.start()
    thread_ready.wait()
    expect_all()
    if hasattr(other, "native_id"):
        inside = sys._current_frames()[other.ident]
        while inside.f_code is not other_thread.__code__:
            inside = inside.f_back
        deep = 0
        walk = sys._current_frames()[other.ident]
        while walk is not inside:
            walk, deep = walk.f_back, deep + 1
        resolve("thread:%d.frame:%d.local_of_thread" % (other.native_id, deep), inside.f_locals["local_of_thread"])
        walk = inside = None
    main()
