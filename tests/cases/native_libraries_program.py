# SPDX-License-Identifier: MIT
"""Memory of other people's libraries behind Python objects: usage `native_libraries_program.py FOLDER`. Each kind whose
library is there is kept in a global of its own; FOLDER/truth gets "NAME ADDRESS BYTES" a line, the library's own count
or malloc's. Says READY and waits."""
import io
import os
import sys

lines = []


def note(name, thing, bytes_):
    lines.append("%s %x %d" % (name, id(thing), bytes_))


def arrow():
    global parquet, batch, views, dictionary, over_bytes, data, sliced, stream
    import pyarrow
    import pyarrow.parquet

    pool = pyarrow.BufferOutputStream()
    written = pyarrow.table({"i": list(range(200000)), "s": ["v%d" % i for i in range(200000)]})
    pyarrow.parquet.write_table(written, pool)
    parquet = pyarrow.parquet.read_table(pyarrow.BufferReader(pool.getvalue()))
    note("parquet", parquet, parquet.get_total_buffer_size())
    lists = pyarrow.array([[1, 2, 3]] * 50000 + [[]] * 50000)
    batch = pyarrow.record_batch({"n": pyarrow.array(range(100000)), "l": lists})
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
with open(os.path.join(sys.argv[1], "truth"), "w") as file:
    file.write("\n".join(lines))
os.write(1, b"READY\n")
os.read(0, 1)
