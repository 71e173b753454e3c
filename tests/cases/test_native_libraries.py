# SPDX-License-Identifier: MIT
"""Memory of other people's libraries at the Python objects that have it, against the library's own count: pyarrow's
buffers are decoded and exact, each counted once however many chunks, columns and slices lead to it, and those over
memory of Python objects own nothing; classes of pydantic that Rust's heap holds; BytesIO over bytes.

The Python is that of the tests' own venv (.ci/python-packages), without words that were left behind in memory;
PYDS_FOREIGN_PYTHONS adds more, as in test_foreign.py, and those as they are."""
import os
import shutil
import sys

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
# What C++ needs for arrays, fields and types around the buffers is an estimate: words left behind may lead to other
# memory, never to much of it.
OBJECTS = 1 << 17
POOLS = {"pool_mimalloc": "mimalloc of a library", "pool_jemalloc": "jemalloc extents"}
ELSEWHERE = {"over_bytes", "pydantic", "bytesio", "parquet", "batch", "views", "dictionary", "sliced", *POOLS}


def pythons():
    return [sys.executable] + [path for path in os.environ.get("PYDS_FOREIGN_PYTHONS", "").split(":") if path]


def surroundings(python):
    return cores.without_leftovers() if python == sys.executable else None


@pytest.fixture(scope="module", params=pythons())
def kept(request):
    """({name: (bytes, answer of deepsize)}, answer of memory, answer of top)."""
    folder = cores.scratch("native_libraries")
    python, _, packages = request.param.partition("@")
    try:
        with cores.Target(python, [os.path.join(HERE, "native_libraries_program.py"), folder], folder,
                          {"PYTHONPATH": packages} if packages else surroundings(python)) as target:
            target.wait_ready()
            named = ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]
        with open(os.path.join(folder, "truth")) as file:
            rows = [line.split() for line in file]
        found = [row for row in rows if row[0] != "missing"]
        asked = program.ask(named, ["deepsize", "--json"] + ["0x" + row[1] for row in found])["objects"]
        yield ({row[0]: (int(row[2]), answer) for row, answer in zip(found, asked)},
               program.ask(named, ["memory", "--json"]), program.ask(named, ["top", "--json", "-n", "0"]))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has(kept, name):
    if name not in kept[0]:
        pytest.skip("the library of %s is not there" % name)
    return kept[0][name]


@pytest.mark.parametrize("name", ["parquet", "batch", "views", "dictionary", "sliced"])
def test_arrow_is_its_own_count(kept, name):
    bytes_, answer = has(kept, name)
    assert 0.95 * bytes_ <= answer["native"] <= 1.05 * bytes_ + OBJECTS, answer


def test_each_kind_is_what_its_pool_gave_out(kept):
    """Buffers are exact, whichever pool they are from; a little is beside them, what C++ has for each object."""
    kinds = {name: row for name, row in kept[0].items() if row[1].get("native") and name not in ELSEWHERE}
    if not kinds:
        pytest.skip("pyarrow is not there")
    wrong = {name: (bytes_, answer["native"]) for name, (bytes_, answer) in kinds.items()
             if not 0.98 * bytes_ <= answer["native"] <= 1.05 * bytes_ + OBJECTS}
    assert len(kinds) >= 12 and wrong == {}


def test_blocks_of_a_pool_in_use(kept):
    """What the walk of the pool's own allocator has in use is what the pool has given out, but for sizes of blocks."""
    pools = [(name, row[0]) for name, row in kept[0].items() if name in ("pool_mimalloc", "pool_jemalloc")]
    if not pools:
        pytest.skip("no pyarrow, or one with another pool")
    name, bytes_ = pools[0]
    row = [part for part in kept[1]["tree"][0]["parts"] if part["name"] in (
        "mimalloc of a library", "jemalloc extents")]
    assert [part["name"] for part in row] == [POOLS[name]]
    used = row[0]["parts"][0]
    assert used["name"].startswith("in use by C code") and bytes_ <= used["bytes"] <= 1.3 * bytes_ + 4 * OBJECTS


def test_buffers_over_bytes_own_nothing(kept):
    _, answer = has(kept, "over_bytes")
    assert answer["native"] < 400000  # what words left behind lead to among it; the 50 bytes objects have 3.2 MB


def test_a_pool_has_an_owner(kept):
    has(kept, "parquet")
    _, memory, top = kept
    assert memory["explained"] >= 0.9 * memory["total"]["private"]
    assert top["memory"]["explained"] >= 0.75 * top["memory"]["private"]
    assert top["native"]["bytes"] == sum(row["native"] for row in top["rows"]) + top["rest"]["native"]


def test_classes_that_rust_holds(kept):
    _, answer = has(kept, "pydantic")
    # 10 KiB without what Rust holds; what words left behind lead to as well is in common, and not in it.
    assert answer["retained"] > 50 * 2000, answer


def test_bytes_of_a_buffer_count_once(kept):
    bytes_, answer = has(kept, "bytesio")
    assert bytes_ < answer["deep"] < bytes_ + 300
