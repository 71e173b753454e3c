# SPDX-License-Identifier: MIT
"""Memory of other people's libraries behind Python objects: usage `native_libraries_program.py FOLDER`. Each kind whose
library is there is kept in a global of its own; FOLDER/truth gets "NAME ADDRESS BYTES" a line, the library's own count
or malloc's. Says READY and waits."""
import gc
import io
import os
import sys

lines = []


def note(name, thing, bytes_):
    lines.append("%s %x %d" % (name, id(thing), bytes_))


def arrow():
    global parquet, batch, views, dictionary, over_bytes, data, sliced
    import pyarrow
    import pyarrow.parquet

    pool = pyarrow.BufferOutputStream()
    written = pyarrow.table({"i": list(range(200000)), "s": ["v%d" % i for i in range(200000)]})
    pyarrow.parquet.write_table(written, pool)
    parquet = pyarrow.parquet.read_table(pyarrow.BufferReader(pool.getvalue()))
    note("parquet", parquet, parquet.get_total_buffer_size())
    lists = pyarrow.array([[1, 2, 3]] * 50000 + [[]] * 50000)
    batch = pyarrow.RecordBatch.from_arrays([pyarrow.array(range(100000)), lists], names=["n", "l"])
    note("batch", batch, batch.get_total_buffer_size())
    views = pyarrow.array(["y" * 40] * 50000, type=pyarrow.string_view()) if hasattr(pyarrow, "string_view") else None
    if views is not None:
        note("views", views, views.get_total_buffer_size())
    dictionary = pyarrow.chunked_array([pyarrow.array(["red", "green", None] * 20000).dictionary_encode()] * 3)
    note("dictionary", dictionary, dictionary.chunk(0).get_total_buffer_size())
    sliced = pyarrow.array(range(100000, 200000)).slice(10, 5)
    note("sliced", sliced, 800000)
    data = [bytes([i % 251]) * 64000 for i in range(50)]
    over_bytes = [pyarrow.py_buffer(one) for one in data]
    note("over_bytes", over_bytes, 0)
    more_arrow(pyarrow)


def more_arrow(pyarrow):
    """Each under a global of its own, against what Arrow's pool gave out meanwhile."""
    def kinds():
        yield "nested", pyarrow.array([{"a": i, "b": ["x%d" % i] * 2} for i in range(50000)])
        yield "large_strings", pyarrow.array(["text %d" % i for i in range(100000)], pyarrow.large_string())
        yield "fixed", pyarrow.array([b"0123456789abcdef"] * 50000, pyarrow.binary(16))
        yield "union", pyarrow.UnionArray.from_dense(
            pyarrow.array([0, 1] * 50000, pyarrow.int8()),
            pyarrow.array([i // 2 for i in range(100000)], pyarrow.int32()),
            [pyarrow.array(range(50000)), pyarrow.array([.5] * 50000)])
        yield "chunks", pyarrow.chunked_array([list(range(i, i + 50000)) for i in range(5)])
        yield "columns", pyarrow.table({"c%d" % i: pyarrow.array(range(20000)) for i in range(10)})
        yield "thrice", pyarrow.table(dict.fromkeys("abc", pyarrow.array(range(100000))))
        yield "slices", [whole.slice(i, 10) for whole in [pyarrow.array(range(200000))] for i in range(20)]
        yield "allocated", pyarrow.allocate_buffer(1000000)
        yield "resizable", pyarrow.allocate_buffer(2000000, resizable=True)
        yield "buffer_slice", pyarrow.allocate_buffer(1000000).slice(100, 50)
        yield "ipc_stream", ipc(pyarrow)
        yield "ipc_table", pyarrow.ipc.open_stream(ipc(pyarrow)).read_all()
        yield "nulls", pyarrow.array([None, 1] * 100000)
        yield "coded", pyarrow.table({"d": coded(pyarrow)})
        if hasattr(pyarrow.compute, "run_end_encode"):
            yield "runs", pyarrow.compute.run_end_encode(pyarrow.array(range(50000)))
        if hasattr(pyarrow, "list_view"):
            yield "list_views", pyarrow.array([[1, 2, 3]] * 50000, pyarrow.list_view(pyarrow.int64()))

    import pyarrow.compute
    import pyarrow.ipc
    before = pyarrow.total_allocated_bytes()
    for name, made in kinds():
        globals()[name] = made
        del made
        after = pyarrow.total_allocated_bytes()
        note(name, globals()[name], after - before)
        before = after


def coded(pyarrow):
    return pyarrow.array(["a%d" % (i % 999) for i in range(99999)]).dictionary_encode()


def ipc(pyarrow):
    sink = pyarrow.BufferOutputStream()
    table = pyarrow.table({"a": list(range(50000)), "s": ["v%d" % i for i in range(50000)]})
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def pydantic_classes():
    global MODELS
    import pydantic
    MODELS = {i: pydantic.create_model("Made%d" % i, x=(int, ...), y=(str, "a")) for i in range(50)}
    note("pydantic", MODELS, 0)


def bytes_io():
    global buffer
    buffer = io.BytesIO(bytes(2000000))
    note("bytesio", buffer, 2000033)


for make in (arrow, pydantic_classes, bytes_io):
    try:
        make()
    except ImportError as reason:
        lines.append("missing %s 0" % make.__name__)
if "pyarrow" in sys.modules:
    gc.collect()
    pool = sys.modules["pyarrow"].default_memory_pool()
    note("pool_" + pool.backend_name, pool, pool.bytes_allocated())
with open(os.path.join(sys.argv[1], "truth"), "w") as file:
    file.write("\n".join(lines))
os.write(1, b"READY\n")
os.read(0, 1)
