# SPDX-License-Identifier: MIT
"""Native bytes at the Python objects that have them, for libraries that people meet most: against the library's own
count, or what malloc gave out. The Python is that of the tests' own venv with what the standard library and lxml,
pyarrow and numpy have, without words that were left behind in memory; PYDS_NATIVE_PYTHONS adds others, each as it is
and with every case whose library is there (docs/testing.md).
"""
import os
import shutil
import sys

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
STANDARD = ["sqlite", "sqlite_file", "ssl_contexts", "ssl_sockets", "zlib", "bz2", "bz2_decompressors", "lzma",
            "hashes", "mmap", "shared_memory", "ctypes_buffer", "expat", "elementtree"]
LIBRARIES = ["lxml", "arrow_numpy"]
OTHERS = ["pillow", "tokenizers", "polars", "polars_numpy", "protobuf", "protobuf_parsed", "sklearn",
          "sklearn_neighbours", "torch", "torch_views", "torch_numpy", "torch_module"]
# Owners that are decoded: within 5 %; others, an estimate, within 25 %.
DECODED = ["sqlite", "sqlite_file", "mmap", "shared_memory", "ctypes_buffer", "arrow_numpy", "torch", "torch_views",
           "torch_numpy", "torch_module"]


def pythons():
    return [sys.executable] + [path for path in os.environ.get("PYDS_NATIVE_PYTHONS", "").split(":") if path]


@pytest.fixture(scope="module", params=pythons())
def kept(request):
    """({name: (bytes, native bytes and those of Python objects)}, answer of memory, answers of native: live and of the
    core)."""
    names = STANDARD + LIBRARIES + (OTHERS if request.param != sys.executable else [])
    folder = cores.scratch("native_cases")
    try:
        with cores.Target(request.param, [os.path.join(HERE, "native_cases_program.py"), folder] + names, folder,
                          cores.without_leftovers() if request.param == sys.executable else None) as target:
            target.wait_ready()
            live = program.ask(["--pid", str(target.pid)], ["native", "--json", "-n", "1"])
            named = ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]
        with open(os.path.join(folder, "truth")) as file:
            rows = [line.split() for line in file]
        rows = [row for row in rows if row[0] != "missing"]
        asked = program.ask(named, ["deepsize", "--json"] + ["0x" + row[1] for row in rows])["objects"]
        # An array that polars took over is one that only Rust holds: where it is found it is retained, not reached.
        yield ({row[0]: (int(row[2]), answer["native"], max(answer["deep"], answer["retained"]))
                for row, answer in zip(rows, asked)},
               program.ask(named, ["memory", "--native", "--json"]), live,
               program.ask(named, ["native", "--json", "-n", "1"]))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wrong(name, bytes_, native, python):
    """What is said of a case in which the numbers do not fit; "": they do."""
    # What Python counts itself (memoryviews of a tree of neighbours) is no native memory.
    least, most = (0.95, 1.05) if name in DECODED else (0.75, 1.25)
    fits = native + python >= least * bytes_ and native <= most * bytes_ + 4096
    return "" if fits else "%s: %d native, %d of Python, of %d" % (name, native, python, bytes_)


def test_native_bytes_are_at_their_owner(kept):
    counted = {name: row for name, row in kept[0].items() if row[0] > 0}  # an older malloc says nothing
    assert len(counted) >= 3
    assert "\n".join(filter(None, (wrong(name, *row) for name, row in counted.items()))) == ""


@pytest.mark.parametrize("name", ["expat", "elementtree"])
def test_blocks_in_pools_have_an_owner(kept, name):
    """Python gives these parsers its own memory, most of it in pools."""
    bytes_, native, python = kept[0].get(name, (0, 0, 0))
    if bytes_ == 0:
        pytest.skip("no pymalloc, or an older malloc that says nothing")
    assert 0.8 * bytes_ <= native + python <= 1.1 * bytes_, (native, python, bytes_)


def test_nearly_all_private_memory_has_an_owner(kept):
    memory = kept[1]
    assert memory["named"] >= 0.98 * memory["total"]["private"], memory["native"]


def test_a_live_process_and_its_core_have_the_same_owners(kept):
    """What one of them leaves out, as a page of a shared mapping, must not move the owners of all blocks behind it."""
    live, core = kept[2:]
    for holder in ("owned", "garbage", "static", "trees", "unseen"):
        assert live[holder]["count"] == pytest.approx(core[holder]["count"], rel=0.02, abs=20), holder
        assert live[holder]["bytes"] == pytest.approx(core[holder]["bytes"], rel=0.02, abs=65536), holder
