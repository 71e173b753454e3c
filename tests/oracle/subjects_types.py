# SPDX-License-Identifier: MIT
"""Objects of the rarer types in C of the library, so that each such type has one (test_types_complete.py says which
has none). What a Python lacks, it lacks; everything else that fails is an error. Third part of subjects.py."""
import asyncio
import codecs
import collections
import contextlib
import ctypes
import io
import os
import sys
import types

PYTHON = sys.version_info[:2]


def must(condition):
    if not condition:
        raise AssertionError


@contextlib.contextmanager
def optional():
    """A module that this Python was built without."""
    try:
        yield
    except ImportError:
        pass


def hashes(add):
    import hashlib
    made = []
    for name, kinds in (("_md5", ("md5",)), ("_sha1", ("sha1",)), ("_sha256", ("sha224", "sha256")),
                        ("_sha512", ("sha384", "sha512")), ("_sha2", ("sha224", "sha256", "sha384", "sha512")),
                        ("_sha3", ("sha3_224", "sha3_256", "sha3_384", "sha3_512", "shake_128", "shake_256")),
                        ("_blake2", ("blake2b", "blake2s"))):
        with optional():
            module = __import__(name)
            for kind in kinds:
                one = getattr(module, kind)(b"hashed")
                made.extend([one, one.copy()])
    with optional():
        import _hashlib
        made.extend([_hashlib.new("sha256", b"x"), _hashlib.hmac_new(b"key", b"x", "sha256")
                     if hasattr(_hashlib, "hmac_new") else None])
        if hasattr(_hashlib, "HASHXOF"):
            made.append(_hashlib.new("shake_128", b"x"))
    with optional():
        import _hmac
        made.append(_hmac.new(b"key", b"text", "sha256"))
    made.append(hashlib.new("sha512", b"y"))
    add("every hash", made)


def random_numbers(add):
    import _random
    add("random numbers", _random.Random(7))


def compression(add):
    made = []
    with optional():
        import bz2
        half = bz2.BZ2Decompressor()
        half.decompress(bz2.compress(b"text " * 4000), 10)
        ended = bz2.BZ2Decompressor()
        ended.decompress(bz2.compress(b"text") + b"more")
        made.extend([bz2.BZ2Decompressor(), half, ended])
    with optional():
        import lzma
        half = lzma.LZMADecompressor()
        half.decompress(lzma.compress(b"text " * 4000), 10)
        ended = lzma.LZMADecompressor()
        ended.decompress(lzma.compress(b"text") + b"more")
        made.extend([lzma.LZMADecompressor(), half, ended])
    with optional():
        import zlib
        compressed = zlib.compress(b"text " * 4000)
        half = zlib.decompressobj(zdict=b"dictionary")
        tail = zlib.decompressobj()
        tail.decompress(compressed, 10)
        ended = zlib.decompressobj()
        ended.decompress(compressed + b"more")
        made.extend([half, tail, ended])
        if hasattr(zlib, "_ZlibDecompressor"):
            partly = zlib._ZlibDecompressor()
            partly.decompress(compressed, 10)
            made.extend([partly, zlib._ZlibDecompressor()])
    with optional():
        from compression import zstd
        samples = [b"a sample of text number %d, and of words" % number for number in range(500)]
        trained = zstd.train_dict(samples, 2000)
        compressor = zstd.ZstdCompressor(zstd_dict=trained)
        compressed = zstd.compress(b"text " * 4000)
        half = zstd.ZstdDecompressor(zstd_dict=trained)
        half.decompress(compressor.compress(b"text " * 4000, zstd.ZstdCompressor.FLUSH_FRAME), 10)
        ended = zstd.ZstdDecompressor()
        ended.decompress(compressed + b"more")
        made.extend([trained, compressor, half, ended, zstd.ZstdCompressor(), zstd.ZstdDecompressor()])
    add("compressors and what they keep", made)


def databases(add):
    for name in ("_dbm", "_gdbm"):
        with optional():
            opened = __import__(name).open("database" + name, "n")  # in the folder of the test
            opened[b"key"] = b"value"
            add("database " + name, opened)


def sql(add):
    with optional():
        import sqlite3
        connection = sqlite3.connect(":memory:")
        connection.row_factory = sqlite3.Row
        connection.execute("create table t (id integer primary key, b blob)")
        connection.execute("insert into t values (1, zeroblob(10))")
        connection.create_function("f", 1, abs)
        connection.create_collation("c", lambda left, right: 0)
        connection.set_trace_callback(print)
        connection.set_trace_callback(None)
        connection.set_progress_handler(lambda: 0, 1000)
        cursor = connection.execute("select * from t union select 2, 3")
        made = [connection, cursor, cursor.fetchone(), sqlite3.PrepareProtocol()]
        if hasattr(connection, "blobopen"):
            made.append(connection.blobopen("t", "b", 1))
        closed = sqlite3.connect(":memory:")
        closed.close()
        statement = connection("select 1")  # a compiled statement, of which there is no other sight
        add("sqlite", made + [closed, statement])


def session(ssl):
    """Of a connection in memory, by a cipher that needs no certificate."""
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for context in contexts:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH:@SECLEVEL=0")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = contexts[0].wrap_bio(to_client, to_server)
    server = contexts[1].wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
    return [client.session, client, server]


def secure_sockets(add):
    with optional():
        import ssl
        context = ssl.create_default_context()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(b"text")
        wrapped = context.wrap_bio(incoming, outgoing, server_hostname="example")
        server = ssl.SSLContext(ssl.PROTOCOL_TLS)
        server.sni_callback = print
        class OwnError(ssl.SSLError):
            pass

        made = [OwnError("text"), context, incoming, wrapped, wrapped._sslobj, server, ssl.SSLError("text"),
                session(ssl)]
        add("secure sockets", made)


def sockets_and_processes(add):
    import _socket
    import select
    made = [_socket.socket(), select.poll()]
    made[1].register(0)
    with optional():
        import _multiprocessing
        made.append(_multiprocessing.SemLock(0, 1, 1, "/pydeepsize-%d" % os.getpid(), True))
    add("sockets and semaphores", made)


def files(add):
    scanned = os.scandir("/")
    entries = [next(scanned), next(scanned)]
    entries[0].stat()
    entries[0].stat(follow_symlinks=False)
    add("folders", [scanned, entries])

    class Raw(io.RawIOBase):
        pass

    class Buffered(io.BufferedIOBase):
        pass

    class Text(io.TextIOBase):
        pass

    class Base(io.IOBase):
        pass

    made = [io.RawIOBase(), io.BufferedIOBase(), io.TextIOBase(), io.IOBase(), Raw(), Buffered(), Text(), Base()]
    made[4].attribute = [1]
    add("bases of files", made)


def system_records(add):
    made = [os.statvfs("/"), os.terminal_size((80, 25)), os.times(), os.uname(), sys.hash_info, sys.int_info,
            sys.thread_info, sys.get_asyncgen_hooks(), sys.float_info, sys.flags, sys.version_info,
            os.sched_param(0)]
    if hasattr(os, "statx"):
        made.append(os.statx("/", 0x7ff))
    with optional():
        import grp
        made.append(grp.getgrgid(0))
    with optional():
        import pwd
        made.append(pwd.getpwuid(0))
    with optional():
        import spwd
        made.append(spwd.struct_spwd(range(9)))
    with optional():
        import resource
        made.append(resource.getrusage(resource.RUSAGE_SELF))
    with optional():
        import signal
        made.append(signal.struct_siginfo(range(7)))
    made.append(os.waitid_result(range(5)))
    with optional():
        import curses
        made.append(getattr(curses, "ncurses_version", None))
    with optional():
        import _thread
        made.append(getattr(_thread, "_ExceptHookArgs", getattr(_thread, "ExceptHookArgs", None))
                    ((ValueError, None, None, None)))
    add("system records", made)


def texts(add):
    import _string
    parsed = _string.formatter_parser("{a.b[c]} and {d}")
    next(parsed)
    made = [codecs.charmap_build("".join(map(chr, range(256)))), parsed,
            _string.formatter_field_name_split("a.b[c]")[1]]
    with optional():
        import unicodedata
        made.append(unicodedata.ucd_3_2_0)
        if hasattr(unicodedata, "iter_graphemes"):
            graphemes = unicodedata.iter_graphemes("text e\u0301")
            made.extend([graphemes, next(graphemes)])
    add("texts", made)


def codecs_of_east_asia(add):
    for name, module in (("shift_jis", "_codecs_jp"), ("gb18030", "_codecs_cn"), ("iso2022_jp", "_codecs_iso2022")):
        with optional():
            codec = __import__(module).getcodec(name)
            encoder = codecs.getincrementalencoder(name)("strict")
            replacing = codecs.getincrementalencoder(name)("xmlcharrefreplace")
            decoder = codecs.getincrementaldecoder(name)("ignore")
            decoder.decode(b"\x82")
            add("codec " + name, [codec, encoder, replacing, decoder, codecs.getreader(name)(io.BytesIO(b"text")),
                                  codecs.getwriter(name)(io.BytesIO())])


def pickles(add):
    import pickle
    import _pickle
    pickler, unpickler = _pickle.Pickler(io.BytesIO()), _pickle.Unpickler(io.BytesIO())
    pickler.dump(["x"])
    add("pickle memos", [pickler.memo, unpickler.memo, pickle.PickleBuffer(bytearray(b"text"))])


def documents(add):
    import _json
    import json
    import xml.etree.ElementTree as etree
    from xml.parsers import expat
    encoder = _json.make_encoder({}, print, json.encoder.encode_basestring, None, ": ", ", ", False, False, True)
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda *arguments: None
    parser.buffer_text = True
    parser.Parse("<a>text", False)
    sub = parser.ExternalEntityParserCreate(None)
    builder = etree.TreeBuilder(insert_comments=True) if PYTHON >= (3, 8) else etree.TreeBuilder()
    builder.start("a", {"b": "c"})
    builder.data("text")
    half = etree.XMLParser()
    half.feed("<a><b>text</b>")
    pulled = etree.XMLPullParser(["start", "end", "comment"])
    pulled.feed("<a><b/>")
    add("documents", [encoder, parser, sub, builder, half, pulled, etree.XMLParser(target=etree.TreeBuilder())])


def profiles(add):
    import _lsprof
    import cProfile

    def called(value):
        return len(repr(value))

    def calls():
        return [called(number) for number in range(3)] + [sorted([2, 1])]

    profiler = cProfile.Profile()
    profiler.enable()
    calls()
    profiler.disable()
    timed = _lsprof.Profiler(lambda: 7, 1.0)
    statistics = profiler.getstats()
    add("profiles", [profiler, timed, _lsprof.Profiler(), statistics])


def c_data(add):
    class Pair(ctypes.Structure):
        _fields_ = [("first", ctypes.c_int), ("second", ctypes.c_char_p)]

    class Either(ctypes.Union):
        _fields_ = [("first", ctypes.c_int), ("second", ctypes.c_double), ("pair", Pair)]

    class Bits(ctypes.Structure):
        _fields_ = [("low", ctypes.c_int, 3), ("high", ctypes.c_int, 5)]

    number = ctypes.c_int(5)
    pointer = ctypes.POINTER(ctypes.c_int)(number)
    pairs = (Pair * 3)(Pair(1, b"one"))
    library = ctypes.CDLL(None)
    library.getpid.restype = ctypes.c_int
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(abs)
    add("ctypes more", [ctypes.byref(number), pointer, pairs, pairs[0], Either(1), Bits(1, 2), Pair.first, Bits.high,
                        library.getpid, callback, Pair(1, b"text"), ctypes.create_unicode_buffer("text", 300),
                        Pair.from_buffer(bytearray(16)), ctypes.c_int * 4, Either, Pair, ctypes.POINTER(Pair)])


def coroutines(add):
    async def numbers():
        value = yield [1]
        yield value

    sent = numbers().asend(None)
    thrown = numbers().athrow(ValueError)
    made = [sent, thrown, numbers().__aiter__(), numbers().aclose()]
    if PYTHON >= (3, 10):
        made.extend([anext(numbers(), [2])])  # noqa: F821
    loop = asyncio.new_event_loop()

    async def work():
        await asyncio.sleep(0)
        await loop.create_future()

    task = loop.create_task(work())
    future = loop.create_future()
    task.add_done_callback(print)
    loop.call_soon(loop.stop)
    loop.run_forever()
    add("coroutines more", made + [task, future, future.__await__(), loop])


def iterators(add):
    ordered = collections.OrderedDict([("a", [1]), ("b", [2])])
    ready = list(loop for loop in (ordered.values(), ordered.items(), reversed(ordered.values())))

    def function():
        return 1

    made = ready + [function.__code__.co_lines() if PYTHON >= (3, 10) else None,
                    function.__code__.co_positions() if PYTHON >= (3, 11) else None]
    if PYTHON >= (3, 11):
        made.append(iter(collections.deque[int]))
    else:
        made.append(None)
    add("iterators more", made)


def syntax(add):
    import ast
    import symtable
    made = [ast.parse("def f(a):\n    return [a, 'text']\n"), ast.Name("x", ast.Load()), ast.AST()]
    table = symtable.symtable("def f(a):\n    global b\n    return lambda: a\n", "file", "exec")
    made.append(table)
    with optional():
        import parser
        made.extend([parser.expr("[f(x) for x in range(%s)]" % ", ".join(map(str, range(300)))),
                     parser.suite("def f(a, b=2):\n    return 'text %s' % a\n" * 20)])
    with optional():
        import _tokenize
        tokens = _tokenize.TokenizerIter(io.StringIO("a = [1]\nb = 2\n").readline, extra_tokens=True) \
            if PYTHON >= (3, 12) else _tokenize.TokenizerIter("a = [1]\nb = 2\n")
        next(tokens)
        made.append(tokens)
    for kind in object.__subclasses__():
        if kind.__name__ == "InstructionSequence":
            sequence, nested = kind(), kind()
            for _ in range(20):
                sequence.addop(1, 0, 1, 1, 1, 1)
            sequence.use_label(sequence.new_label())
            sequence.add_nested(nested)
            made.append(sequence)
    add("syntax", made)


MODERN = [
    ((3, 12), """
import typing
class Wide[T, *U, **P]:
    def method(self, *args: P.args, **kwargs: P.kwargs): pass
type Alias[T] = list[T]
add("typing more", [Wide, Wide.__type_params__[2].args, Wide.__type_params__[2].kwargs, Alias, Alias.__value__,
                    typing.Generic()])
import inspect, re
add("buffer made in Python", [memoryview(type("Buffer", (), {"__buffer__": lambda self, flags: memoryview(b"x")})()),
                              re.compile("(a)").sub("\\\\1b", "a")])
"""),
    ((3, 13), """
import typing
def with_default[T = int](value): return value
local = ["seen by a proxy"]
def locals_of_frame():
    variable = [1]
    yield sys._getframe()
generator = locals_of_frame()
frame = next(generator)
add("locals of a frame", [frame.f_locals, generator])
add("defaults of type parameters", [with_default, typing.NoDefault])
"""),
    ((3, 14), """
import typing
add("default of a type parameter, evaluated lazily", typing.TypeVar("T", default=list[int]).evaluate_default)
"""),
    ((3, 13), """
import _interpchannels, _interpreters
channel = _interpchannels.create(1)
_interpchannels.send(channel, memoryview(b"through a channel"), blocking=False)
add("channels", [channel, _interpchannels.get_info(channel), _interpchannels.recv(channel),
                 _interpreters.InterpreterError("text"), _interpreters.InterpreterNotFoundError("text")])
"""),
    ((3, 15), """
names = {}
exec("lazy import this", names)
add("lazy import", names)
"""),
    ((3, 14), """
import _remote_debugging, os
if hasattr(_remote_debugging, "RemoteUnwinder"):
    unwinder = _remote_debugging.RemoteUnwinder(os.getpid(), all_threads=True)
    unwinder.get_stack_trace()
    add("reader of this very process", unwinder)
if hasattr(_remote_debugging, "BinaryWriter"):
    writer = _remote_debugging.BinaryWriter("profile", 1000, 1, compression=0)
    writer.write_sample(unwinder.get_stack_trace(), 1)
    other = _remote_debugging.BinaryWriter("profile of nothing", 1000, 1, compression=0)
    other.write_sample(unwinder.get_stack_trace(), 1)
    other.finalize()
    add("stored profiles", [writer, _remote_debugging.BinaryReader("profile of nothing"),
                            _remote_debugging.GCMonitor(os.getpid())])
template = t"a {1} b {[2]}"
iterator = iter(template)
next(iterator)
add("template iterator", iterator)
kinds = [getattr(_remote_debugging, name) for name in dir(_remote_debugging)]
add("records of other processes", [kind(range(kind.n_fields)) for kind in kinds
                                   if isinstance(kind, type) and issubclass(kind, tuple)])
"""),
]


def modern(add):
    for version, text in MODERN:
        if PYTHON >= version:
            with optional():
                exec(compile(text, "<modern types>", "exec"), {"add": add, "sys": sys})


def windows_on_a_terminal(add):
    with optional():
        import curses
        import curses.panel
        try:
            curses.setupterm("xterm", os.open(os.devnull, os.O_WRONLY))
        except curses.error:
            return
        kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.environ["TERM"] = "xterm"
        screen = curses.initscr()
        window = curses.newwin(3, 10, 0, 0)
        panel = curses.panel.new_panel(window)
        panel.set_userptr(["kept by the panel"])
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        add("windows", [screen, window, panel, curses.newpad(20, 20), window.subwin(1, 2, 0, 0)])


def tcl(add):
    with optional():
        import _tkinter
        try:
            interpreter = _tkinter.create(None, "name", "Name", False, True, False, False, None)
        except _tkinter.TclError:
            return  # Tcl's own library is not where it should be
        shown = interpreter.call("dict", "create", "a", "b")
        must(str(shown) == "a b")
        other = interpreter.call("dict", "create", "c", "d")
        timer = interpreter.createtimerhandler(1 << 30, print)
        if hasattr(interpreter, "settrace"):
            interpreter.settrace(print)
        add("tcl", [interpreter, shown, other, timer])


def zones(add):
    with optional():
        import zoneinfo
        try:
            made = [zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo.no_cache("America/New_York")]
        except zoneinfo.ZoneInfoNotFoundError:
            return
        made.append(made[0].utcoffset(None))
        add("time zones", made)
    import datetime

    class Zone(datetime.tzinfo):
        pass

    add("time zone in Python", [Zone(), datetime.tzinfo(),
                                datetime.date(2020, 1, 2).isocalendar() if PYTHON >= (3, 9) else None])


def trie_hash(variable):
    """As Python/hamt.c folds a hash."""
    return hash(variable) & 0xffffffff ^ hash(variable) >> 32 & 0xffffffff


def same_hash(add):
    """Two variables of one hash in a context. A hash is made of address and name, so many are made until two meet: none
    do among 300,000 with a probability of e to the power of -10."""
    import contextvars
    seen, variables = {}, []
    for number in range(2000000):
        variable = contextvars.ContextVar(str(number))
        other = seen.setdefault(trie_hash(variable), variable)
        if other is not variable:
            variables = [variable, other]
            break
    del seen, other, variable
    context = contextvars.copy_context()
    for number, one in enumerate(variables):
        context.run(one.set, [number])
    add("context variables of one hash", [context, variables])


def unraisable(add):
    """The type of what sys.unraisablehook gets has no name."""
    kinds, kept = [], sys.unraisablehook

    class Fails(object):
        def __del__(self):
            raise ValueError

    sys.unraisablehook = lambda arguments: kinds.append(type(arguments))
    try:
        Fails()
    finally:
        sys.unraisablehook = kept
    add("unraisable", [kind((ValueError, None, None, "text", [1])) for kind in kinds])


def odd_ones(add):
    import contextvars
    import decimal
    made = [decimal.Context().flags, OSError(2, "text", "file"), contextvars.Token.MISSING]
    instance_method = ctypes.pythonapi.PyInstanceMethod_New
    instance_method.restype, instance_method.argtypes = ctypes.py_object, [ctypes.py_object]
    made.append(instance_method(abs))
    made.append(sys.__stderr__)
    import _csv
    made.append(_csv.Error("text"))
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    made.append(capsule(1, b"name", None))
    made.append(types.SimpleNamespace(a=[1]))
    with optional():
        import _xxsubinterpreters
        made.append(_xxsubinterpreters.get_current())
    printer = ctypes.pythonapi.PyFile_NewStdPrinter
    printer.restype, printer.argtypes = ctypes.py_object, [ctypes.c_int]
    made.append(printer(2))
    import errno
    definition = ctypes.pythonapi.PyModule_GetDef
    definition.restype, definition.argtypes = ctypes.c_void_p, [ctypes.py_object]
    made.append(ctypes.cast(definition(errno), ctypes.py_object).value)
    add("odd ones", made)


def build(add):
    for section in (hashes, random_numbers, compression, databases, sql, secure_sockets, sockets_and_processes, files,
                    system_records, texts, codecs_of_east_asia, pickles, documents, profiles, c_data, coroutines,
                    iterators, syntax, modern, windows_on_a_terminal, tcl, zones, same_hash, unraisable, odd_ones):
        section(add)
