# SPDX-License-Identifier: MIT
"""Memory that libraries in C, C++ and Rust have behind Python objects: usage
`native_cases_program.py FOLDER [NAME...]`. Each case whose library is there is kept in a global; FOLDER/truth gets
"NAME ADDRESS BYTES WHO" a line: the library's own count ("own"), what malloc gave out meanwhile ("malloc",
mallinfo2()), or malloc and pymalloc, Python objects included ("both"). Says READY and waits."""
import ctypes
import gc
import os
import re
import sys
import tempfile

FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
lines = []
kept = {}


class MallInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


libc = ctypes.CDLL(None)
mallinfo = getattr(libc, "mallinfo2", None)
if mallinfo is not None:
    mallinfo.restype = MallInfo


def given_out():
    """Bytes that glibc's malloc has given out."""
    gc.collect()
    if mallinfo is None:
        return 0
    info = mallinfo()
    return info.uordblks + info.hblkhd


def in_pools():
    """Bytes that pymalloc has given out: what sys._debugmallocstats() prints; None: it is not in use."""
    gc.collect()
    error = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        sys._debugmallocstats()
        os.dup2(error, 2)
        os.close(error)
        file.seek(0)
        found = re.search(rb"# bytes in allocated blocks +=([ 0-9,]+)", file.read())
    return int(found.group(1).replace(b",", b"")) if found else None


def pillow():
    from PIL import Image
    return [Image.new("RGB", (1000, 1000)) for _ in range(10)], None


def lxml():
    from lxml import etree
    root = etree.Element("root")
    for i in range(20000):
        etree.SubElement(root, "item", id=str(i)).text = "text %d" % i
    return [etree.ElementTree(root)], None


def tokenizers():
    from tokenizers import Tokenizer, models
    words = {"w%d" % i: i for i in range(60000)}
    words["[UNK]"] = 60000
    return [Tokenizer(models.WordLevel(words, "[UNK]"))], None


def sqlite():
    import sqlite3
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t(a, b)")
    connection.executemany("insert into t values(?, ?)", ((i, "x" * 200) for i in range(20000)))
    connection.commit()
    return [connection], None


def sqlite_file():
    import sqlite3
    path = os.path.join(sys.argv[1], "database")
    connection = sqlite3.connect(path)
    connection.execute("drop table if exists t")
    connection.execute("create table t(a, b)")
    connection.executemany("insert into t values(?, ?)", ((i, "x" * 200) for i in range(8000)))
    connection.commit()
    connection.execute("select count(b) from t").fetchall()
    return [connection], None


def polars():
    import polars
    frame = polars.DataFrame({"a": list(range(300000)), "b": ["value %d" % i for i in range(300000)]})
    return [frame], frame.estimated_size()


def polars_numpy():
    import numpy
    import polars
    return [polars.Series("x", numpy.random.rand(200000)).to_numpy()], 1600000


def ssl_contexts():
    import ssl
    return [ssl.create_default_context() for _ in range(10)], None


def ssl_sockets():
    import ssl
    context = ssl.create_default_context()
    made = []
    for _ in range(20):
        made.append((context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.org"), bytes(10)))
        try:
            made[-1][0].do_handshake()
        except ssl.SSLWantReadError:
            pass
    return made, None


def zlib():
    import zlib as module
    return [module.compressobj() for _ in range(20)] + [module.decompressobj() for _ in range(20)], None


def bz2():
    import bz2 as module
    made = [module.BZ2Compressor() for _ in range(3)], None
    for one in made[0]:
        one.compress(b"some words " * 100)
    return made


def bz2_decompressors():
    import bz2 as module
    made = [module.BZ2Decompressor() for _ in range(3)]
    packed = module.compress(os.urandom(200000))
    for one in made:
        one.decompress(packed[:1000])
    return made, None


def lzma():
    import lzma as module
    made = [module.LZMACompressor(preset=0) for _ in range(3)]
    packed = module.compress(b"some words" * 10000)
    for _ in range(3):
        made.append(module.LZMADecompressor())
        made[-1].decompress(packed[:60])
    return made, None


def hashes():
    import hashlib
    return [hashlib.new(name, b"x") for name in ("sha256", "sha512", "sha3_512") for _ in range(300)], None


def expat():
    from xml.parsers import expat as module
    made = []
    for i in range(30):
        parser = module.ParserCreate()
        parser.Parse("<root>" + "".join("<item%d name='value'>text</item%d>" % (j, j) for j in range(200)), False)
        made.append(parser)
    return made, None


def elementtree():
    import xml.etree.ElementTree as module
    made = []
    for i in range(30):
        parser = module.XMLPullParser()
        parser.feed("<root>" + "".join("<item%d name='value'>text</item%d>" % (j, j) for j in range(100)))
        made.append(parser)
    return made, None


def mmap():
    import mmap as module
    made = module.mmap(-1, 3000000)
    made.write(b"x" * 3000000)
    return [made], 3002368


def shared_memory():
    from multiprocessing import shared_memory as module
    made = module.SharedMemory(create=True, size=2000000)
    made.buf[:2000000] = b"x" * 2000000
    made.unlink()
    return [made], 2002944


def ctypes_buffer():
    return [ctypes.create_string_buffer(1500000)], 1500000


def protobuf():
    from google.protobuf import struct_pb2
    made = []
    for _ in range(2000):
        message = struct_pb2.Struct()
        for i in range(20):
            message["k%d" % i] = "value %d" % i
        made.append(message)
    return made, None


def protobuf_parsed():
    from google.protobuf import struct_pb2
    message = struct_pb2.Struct()
    for i in range(20000):
        message["k%d" % i] = "value %d" % i
    return [struct_pb2.Struct.FromString(message.SerializeToString())], None


def sklearn():
    import numpy
    from sklearn.ensemble import RandomForestClassifier
    random = numpy.random.RandomState(1)
    values = random.rand(5000, 10)
    forest = RandomForestClassifier(20, random_state=1).fit(values, (random.rand(5000) > .5).astype(int))
    return [forest], sum(t.tree_.__getstate__()["nodes"].nbytes + t.tree_.value.nbytes for t in forest.estimators_)


def sklearn_neighbours():
    import numpy
    from sklearn.neighbors import KDTree
    tree = KDTree(numpy.random.RandomState(1).rand(50000, 4))
    return [tree], sum(part.nbytes for part in map(numpy.asarray, tree.get_arrays()))


def torch():
    import torch as module
    rows = [module.zeros(250000) for _ in range(20)]
    return rows, sum(row.numel() * row.element_size() for row in rows)


def torch_views():
    import torch as module
    return [module.ones(1000, 1000)[1:3]], 4000000


def torch_numpy():
    import torch as module
    return [module.ones(500000).numpy()], 2000000


def torch_module():
    import torch as module
    made = module.nn.Sequential(*[module.nn.Linear(300, 300) for _ in range(10)])
    return [made], sum(p.numel() * p.element_size() for p in made.parameters())


def arrow_numpy():
    import pyarrow
    return [pyarrow.array(range(300000)).to_numpy()], 2400000


POOLED = {"expat", "elementtree"}  # Python gives these parsers memory of its own


def main():
    for name in sys.argv[2:]:
        make = globals()[name]
        try:
            make()  # what a library makes once
            before, pools = given_out(), in_pools()
            kept[name], own = make()
            taken, more = given_out() - before, in_pools()
        except ImportError:
            lines.append("missing %s 0 -" % name)
            continue
        who = "malloc" if own is None else "own"
        if name in POOLED:
            taken, who = taken + (more or 0) - (pools or 0) if pools is not None and taken > 0 else 0, "both"
        lines.append("%s %x %d %s" % (name, id(kept[name]), taken if own is None else own, who))
    with open(os.path.join(sys.argv[1], "truth"), "w") as file:
        file.write("\n".join(lines) + "\n")
    os.write(1, b"READY\n")
    os.read(0, 1)


main()
