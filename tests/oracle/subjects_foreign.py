# SPDX-License-Identifier: MIT
"""Objects of other people's libraries, as subjects.py has CPython's own. build() returns {name: object} of what is
installed for this Python; hidden_of() says which references gc.get_referents leaves out. Syntax of Python 3.8."""
import ctypes
import gc
import sys

HEAD = 16 if getattr(sys, "_is_gil_enabled", lambda: True)() else 32  # bytes of a PyObject
MADE_DICTS = []
ASIZEOF_ROOTS = []
DEEP_ROOTS = []


def word(address):
    return ctypes.c_void_p.from_address(address).value


def numpy_handler(array):
    """[the capsule that names the allocator of an array's data], which no attribute shows (numpy 1.22 and later)."""
    numpy = sys.modules["numpy"]
    if tuple(int(part) for part in numpy.__version__.split(".")[:2]) < (1, 22):
        return []
    address = word(id(array) + HEAD - 16 + 88)
    return [] if not address else [ctypes.cast(address, ctypes.py_object).value]


def numpy_array_owns(array):
    return ([] if array.base is None else [array.base]) + [array.dtype] + numpy_handler(array)


def numpy_items(array):
    """Objects in the data of an array that owns them, however deep in a record."""
    if not array.flags.owndata or not array.dtype.hasobject:
        return []
    found = []
    if array.dtype == object:
        found.extend(array.ravel(order="K").tolist())
    elif array.dtype.names:
        for name in array.dtype.names:
            found.extend(numpy_view_items(array[name]))
    return found


def numpy_view_items(view):
    if view.dtype == object:
        return view.ravel(order="K").tolist()
    found = []
    for name in view.dtype.names or ():
        found.extend(numpy_view_items(view[name]))
    return found


def hidden_of(subject):
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return []
    if isinstance(subject, numpy.ndarray):
        return numpy_array_owns(subject) + numpy_items(subject)
    if isinstance(subject, numpy.dtype):
        found = [None] if subject.isbuiltin == 1 else []  # and the scalar's class, a boundary
        if subject.names is not None:
            found += [subject.names] + gc.get_referents(subject.fields)
        if subject.subdtype is not None:
            found += list(subject.subdtype)
        if subject.metadata is not None:
            found += gc.get_referents(subject.metadata)
        return found
    if isinstance(subject, numpy.void):
        return ([] if subject.base is None else [subject.base]) + [subject.dtype]
    if isinstance(subject, numpy.flatiter):
        return [subject.base]
    if isinstance(subject, numpy.broadcast):
        return list(subject.iters)
    return []


def build_numpy(add, numpy):
    version = tuple(int(part) for part in numpy.__version__.split(".")[:2])
    numbers = numpy.arange(1000, dtype="f8")
    add("array", numbers)
    add("array with no dimensions", numpy.array(5))
    add("array of nothing", numpy.empty((0, 3)))
    add("array of no bytes", numpy.empty(4, dtype="V0"))
    add("array 32 dimensions", numpy.zeros((1,) * 32, dtype="i1"))
    add("array large", numpy.ones((300, 400), dtype="i4"))
    add("array in Fortran's order", numpy.asfortranarray(numpy.ones((7, 9))))
    add("array in odd order", numpy.ones((3, 4, 5)).transpose(1, 2, 0).copy("K"))
    add("view", numbers[10:20])
    add("view of a view", numbers[::-2][3:][::7])
    add("view shaped", numbers.reshape(10, 10, 10)[:, 1])
    add("view broadcast", numpy.broadcast_to(numbers[:3], (5, 3)))
    add("array over bytes", numpy.frombuffer(b"abcdefgh" * 10, dtype="i2"))
    add("array over a bytearray", numpy.frombuffer(bytearray(64), dtype="u1"))
    add("array over a memoryview", numpy.asarray(memoryview(bytearray(50))[3:]))
    add("memoryview of an array", memoryview(numpy.arange(40)))
    add("memoryview of a view", memoryview(numpy.arange(40)[::2]))
    one = ["held by an array"]
    add("array of objects", numpy.array([one, "text", None, one, 2.5, {"a": 1}], dtype=object))
    add("array of objects shaped", numpy.array([[object(), [1]], ["x" * 50, 10 ** 30]], dtype=object))
    add("array of objects transposed", numpy.array([[[1], [2], [3]], [[4], [5], [6]], None], dtype=object).T)
    add("view of objects", numpy.array([["only here"], "or here" * 3, 7.25], dtype=object)[1:])
    add("array of nulls", numpy.empty(20, dtype=object))
    record = numpy.dtype([("number", "i4"), ("held", object), ("name", "U5"), ("more", [("x", "f8"), ("y", object)])])
    records = numpy.zeros(12, dtype=record)
    for index in range(12):
        records[index] = (index, ["record %d" % index], "abc", (0.5, {"y": index + 1000}))
    add("array of records", records)
    add("record", records[3])
    add("record copied", records[4].copy())
    add("array of records aligned", numpy.zeros(5, dtype=numpy.dtype([("a", "i1"), ("b", "f8")], align=True)))
    packed = numpy.zeros(4, dtype=[("pad", "i1"), ("held", object)])
    packed["held"] = [[1.5], [2.5], [3.5], [4.5]]
    add("array of packed records", packed)
    grid = numpy.zeros(3, dtype=[("id", "i8"), ("grid", object, (2, 2))])
    for index in range(3):
        for place in range(4):
            grid[index]["grid"][place // 2, place % 2] = [index, place]
    add("array of records with a grid", grid)
    titled = numpy.zeros(2, dtype=[(("a title", "a"), object), ("b", "i4")])
    titled["a"] = [["titled 1"], ["titled 2"]]
    add("array of titled records", titled)
    add("recarray", numpy.rec.array([(1, 2.5, "x"), (2, 3.5, "yy")], names="a,b,c"))

    class Subclass(numpy.ndarray):
        pass
    sub = numpy.arange(12).reshape(3, 4).view(Subclass)
    sub.note = ["a note"]
    add("array subclass", sub)
    owner = Subclass((4, 5), dtype="f4")
    owner.note = "owner"
    add("array subclass that owns", owner)
    add("matrix", numpy.matrix([[1, 2], [3, 4]]))
    add("masked", numpy.ma.masked_array([1, 2, 3], mask=[0, 1, 0]))
    mapped = numpy.memmap(open("/proc/self/exe", "rb"), dtype="u1", mode="r", shape=(1000,))
    add("memmap", mapped)
    kinds = "? b B h H i I l L q Q e f d g F D G S5 U5 V7 M8[s] m8[us] O".split()
    add("arrays of every kind", [numpy.zeros(3, dtype=kind) for kind in kinds])
    add("dtypes", [numpy.dtype(kind) for kind in kinds])
    add("dtype swapped", numpy.dtype(">f8"))
    add("dtype of records", record)
    add("dtype aligned", numpy.dtype([("a", "i1"), ("b", "f8")], align=True))
    add("dtype of a subarray", numpy.dtype(("f4", (3, 2))))
    add("dtype with metadata", numpy.dtype("f8", metadata={"unit": ["m"]}))
    add("dtype classes", [type(numpy.dtype(kind)) for kind in kinds])
    scalars = [numpy.zeros(1, dtype=kind)[0] for kind in kinds[:-1]] + [numpy.str_("caf\xe9"), numpy.bytes_(b"bytes"),
                                                                       numpy.void(b"1234"), numpy.float64(2.5),
                                                                       numpy.str_("\U0001f600" * 3)]
    add("scalars", scalars)
    add("list of floats", [numpy.float64(index) for index in range(500)])
    if version >= (1, 20):
        memoryview(scalars[-1])  # a copy as UCS4 is made and stays

    class Float(numpy.float64):
        pass

    class Slim(numpy.float64):
        __slots__ = ()

    add("scalar subclasses", [Float(1.5), Slim(2.5)])
    if version >= (1, 20):  # numpy 1.17 crashes on it

        class Text(numpy.str_):
            pass
        add("text subclass", Text("text"))
    add("flat iterator", numbers[:7].flat)
    add("broadcast", numpy.broadcast(numpy.zeros((3, 1)), numpy.ones(4), numpy.zeros((1, 4))))
    add("ufuncs", [numpy.add, numpy.frompyfunc(max, 2, 1), numpy.matmul, numpy.vectorize(max)])
    if version >= (1, 25):
        add("functions", [numpy.concatenate, numpy.where])
    add("random", [numpy.random.default_rng(5), numpy.random.RandomState(7), numpy.random.PCG64(3)])
    add("iterator", [numpy.nditer([numpy.arange(3.0), None])])
    if version >= (2, 0):
        add("array of texts", numpy.array(["short", "a text that is longer than fifteen bytes", "x" * 500],
                                          dtype=numpy.dtypes.StringDType()))
        add("dtype of texts with a missing one", numpy.dtypes.StringDType(na_object=float("nan")))


def build_greenlet(add, greenlet):
    held = []

    def inner(level):
        local = ["held by a suspended greenlet", level]
        held.append(id(local))
        if level:
            return inner(level - 1) + len(local)
        return greenlet.getcurrent().parent.switch(len(local))

    def outer(start):
        return inner(start) + start

    waiting = greenlet.greenlet(outer)
    waiting.switch(1)
    waiting.note = ["an attribute"]
    add("greenlet suspended", waiting)
    for address in held:
        add("held by a greenlet only 0x%x" % address, None)  # the name says it, so that no object does
    add("greenlet not started", greenlet.greenlet(outer))
    ended = greenlet.greenlet(len)
    ended.switch([])
    add("greenlet ended", ended)
    add("greenlet of the thread", greenlet.getcurrent())

    class Subclass(greenlet.greenlet):
        def run(self):
            try:
                raise KeyError(["in flight"])
            except KeyError:
                self.parent.switch(1)
    sub = Subclass()
    sub.switch()
    add("greenlet of a subclass in an exception", sub)


DEEP_NUMPY = [
    "array", "array with no dimensions", "array of nothing", "array large", "view", "view of a view", "view shaped",
    "array over bytes", "array of objects", "array of objects shaped", "array of objects transposed",
    "view of objects", "array of nulls", "array of records", "array of packed records", "array of titled records",
    "array subclass", "array subclass that owns", "dtype of records", "dtype of a subarray", "dtype with metadata",
    "list of floats", "flat iterator", "broadcast"]


def build_lxml(add, lxml):
    from lxml import etree
    tree = etree.fromstring("<a><b c='d'>text</b><b/></a>")
    add("lxml", [tree, tree[0], tree.getroottree(), tree.attrib, etree.XMLParser(), etree.XPath("//b"), tree.iter(),
                 etree.QName("name"), etree.Comment("c")])


def build_orjson(add, orjson):
    fragments = [orjson.Fragment(b"{}")] if hasattr(orjson, "Fragment") else []  # since 3.9
    add("orjson", fragments + [orjson.loads(b'{"a": [1, 2.5, "text"]}')])


def build_pydantic(add, pydantic):
    class Model(pydantic.BaseModel):
        number: int
        rows: list = []
    add("pydantic", [Model(number=1, rows=["x"]), Model.__pydantic_validator__, Model.__pydantic_serializer__])


def build_pandas(add, pandas):
    import numpy
    frame = pandas.DataFrame({"a": numpy.arange(20000), "b": numpy.ones(20000),
                              "c": pandas.Series([["row %d" % index] for index in range(20000)], dtype=object)})
    add("frame", frame)
    add("series", frame["a"])
    index = pandas.Index([object() for _ in range(300)], dtype=object)
    index.get_loc(index[7])
    add("index", [index, index._engine, index._engine.mapping, pandas.RangeIndex(5)])
    add("pandas", [pandas.Timestamp("2020-01-01"), pandas.Timedelta(1), pandas.NaT, pandas.Interval(1, 2),
                   pandas.Categorical(["a", "b"]), pandas.date_range("2020", periods=10), pandas.Period("2020-01")])


def build_pyarrow(add, pyarrow):
    add("arrow array", pyarrow.array(list(range(50000)), type=pyarrow.int64()))
    add("arrow strings", pyarrow.array(["text %d" % index for index in range(5000)]))
    add("arrow over bytes", pyarrow.py_buffer(b"x" * 5000))
    add("arrow", [pyarrow.table({"a": [1, 2, 3]}), pyarrow.chunked_array([[1], [2, 3]]), pyarrow.scalar(5),
                  pyarrow.schema([("a", pyarrow.int8())])])


def build_gevent(add, gevent):
    import gevent.event
    event, held = gevent.event.Event(), []

    def wait():
        local = ["held by a greenlet of gevent"]
        held.append(id(local))
        event.wait()
        return local
    spawned = gevent.spawn(wait)
    gevent.sleep(0)
    add("gevent", [spawned, event, gevent.get_hub()])
    add("held by a greenlet of gevent only 0x%x" % held[0], None)


def build_msgpack(add, msgpack):
    add("msgpack", [msgpack.Packer(), msgpack.Unpacker(), msgpack.Timestamp(1)])


def build_regex(add, regex):
    pattern = regex.compile("(?P<x>a+)b")
    add("regex", [pattern, pattern.match("aab"), pattern.scanner("ab")])


def build_protobuf(add, protobuf):
    from google.protobuf import struct_pb2
    message = struct_pb2.Struct()
    message["a"] = 5
    add("protobuf", [message, message.fields, struct_pb2.Struct.DESCRIPTOR])


def build_cryptography(add, cryptography):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    add("cryptography", [key, key.public_key(), hashes.Hash(hashes.SHA256())])


def build_extensions(add, cyclass):
    """Modules made for this test, where somebody made them: docs/foreign-types.md."""
    add("cython", cyclass.make())


BUILDERS = [("numpy", build_numpy), ("greenlet", build_greenlet), ("lxml", build_lxml), ("orjson", build_orjson),
            ("pydantic", build_pydantic), ("pandas", build_pandas), ("pyarrow", build_pyarrow),
            ("gevent", build_gevent), ("msgpack", build_msgpack), ("regex", build_regex),
            ("google.protobuf", build_protobuf), ("cryptography", build_cryptography), ("cyclass", build_extensions)]


def build():
    made = {}

    def add(name, subject):
        if name in made:
            raise AssertionError(name)
        made[name] = subject
    for module, builder in BUILDERS:
        try:
            imported = __import__(module)
        except ImportError:
            continue
        builder(add, imported)
    if "array" in made:
        DEEP_ROOTS.extend(DEEP_NUMPY)
    return made
