# SPDX-License-Identifier: MIT
"""`memory` against what the process says of itself: malloc's rows are mallinfo2()'s to the byte, what malloc_trim(0)
would return is what it returns, pymalloc's rows are sys._debugmallocstats()'s, and each byte that was mapped is in one
region."""
import glob
import os
import re
import shutil
import struct

import pytest

import cores
import interpreters
import program
import regions

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
PAGE = 4096
# Rows of pymalloc, and the lines of _debugmallocstats() that they are.
PYMALLOC = {"arenas": "# arenas allocated current", "in_use": "# bytes in allocated blocks",
            "free_in_pools": "# bytes in available blocks", "headers": "# bytes lost to pool headers",
            "quantization": "# bytes lost to quantization", "alignment": "# bytes lost to arena alignment"}


def pytest_generate_tests(metafunc):
    if "interpreter" in metafunc.fixturenames:
        # glibc is the distribution's for all others; suites bring their own.
        found = [one for one in interpreters.wanted(metafunc.config.getoption("--python"))
                 if one == interpreters.distribution() or re.search("bullseye|sid|trixie", one.name)]
        rows = {}
        for one in found:
            if not one.free_threaded and not re.search(r"\dd-", one.name):
                rows[one.name.split("-")[-1]] = one  # one of each suite
        metafunc.parametrize("interpreter", list(rows.values()), scope="module",
                             ids=[one.name for one in rows.values()])


@pytest.fixture(params=["threads", "large", "small"], scope="module")
def asked(interpreter, request):
    """(answer of memory, what the process said, folder) of one workload."""
    folder = cores.scratch("memory")
    try:
        with cores.Target(interpreter.path, [os.path.join(HERE, "memory_program.py"), folder, request.param],
                          folder) as target:
            target.wait_ready()
            answer = program.ask(["--pid", str(target.pid)], ["memory", "--json", "--pools", "--regions", "--stacks"])
            target.process.stdin.write(b"x")
            target.process.stdin.flush()
            target.wait_ready()
        yield answer, folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def mallinfo(folder):
    with open(os.path.join(folder, "malloc"), "rb") as file:
        data = file.read()
    return dict(zip(NAMES, struct.unpack("<10Q" if len(data) == 80 else "<10i", data)))


def table(folder):
    """{words: number} of the lines of _debugmallocstats(), and its rows by size: (size, pools, used, free)."""
    with open(os.path.join(folder, "pymalloc")) as file:
        text = file.read()
    rows = [tuple(map(int, row)) for row in re.findall(r"^ *\d+ +(\d+) +(\d+) +(\d+) +(\d+)$", text, re.M)]
    lines = {name.strip(): int(number.replace(",", ""))
             for name, number in re.findall(r"^(.*?) += +([\d,]+)$", text, re.M)}
    return lines, rows


def check_tree(part):
    if part["parts"]:
        assert sum(one["bytes"] for one in part["parts"]) == part["bytes"], part
    for one in part["parts"]:
        check_tree(one)


def test_rows_are_the_allocators_own(asked):
    answer, folder = asked
    said = mallinfo(folder)
    assert answer["malloc"]["confirmed"], answer["malloc"]
    ours = answer["malloc"]["mallinfo2"]
    del said["usmblks"]
    # mremap_chunk() of 2.43 counts 16 bytes too many each time: what malloc says is no multiple of pages then.
    if said["hblkhd"] % PAGE:
        assert 0 <= said["hblkhd"] - ours["hblkhd"] < 16 * 1000
        said["hblkhd"] = ours["hblkhd"]
    assert ours == said
    with open(os.path.join(folder, "trimmed")) as file:
        drop = int(file.read())
    assert abs(answer["malloc"]["returnable_resident"] - drop) <= 2 * PAGE

    lines, rows = table(folder)
    pymalloc = answer["pymalloc"]
    assert {one["block_bytes"]: (one["pools"], one["in_use"], one["free"]) for one in answer["pools"]} \
        == {size: tuple(counts) for size, *counts in rows}
    for name, said in PYMALLOC.items():
        assert pymalloc[name] == lines[said], name
    unused, = [number for name, number in lines.items() if "unused pools" in name]
    assert pymalloc["free_pools"] == unused
    assert pymalloc["arenas"] * pymalloc["arena_bytes"] == sum(
        pymalloc[name] for name in ("in_use", "free", "headers", "quantization", "alignment"))


def test_regions_sum_to_what_was_mapped(asked):
    answer, _ = asked
    end = 0
    for region in answer["regions"]:
        assert int(region["start"], 16) >= end and region["bytes"] > 0
        end = int(region["start"], 16) + region["bytes"]
    assert sum(region["bytes"] for region in answer["regions"]) == answer["total"]["mapped"]
    tree, = answer["tree"]
    assert tree["bytes"] == answer["total"]["mapped"]
    assert sum(region["resident"] for region in answer["regions"]) == answer["total"]["resident"]

    def of(kind, key):
        return sum(region[key] for region in answer["regions"] if region["kind"] == kind)
    assert of("malloc heap", "in_use") == answer["malloc"]["in_use"] - answer["malloc"]["mapped"]
    assert of("malloc heap", "cached") == answer["malloc"]["cached"]
    assert of("malloc block of its own pages", "in_use") == answer["malloc"]["mapped"]
    assert of("pymalloc arena", "in_use") == answer["pymalloc"]["in_use"]
    assert of("pymalloc arena", "free") == answer["pymalloc"]["free"]
    for region in answer["regions"]:
        known = [region[key] for key in ("in_use", "cached", "free") if region[key] is not None]
        assert len(known) in (0, 3) and sum(known) <= region["bytes"], region
        assert region["resident"] == region["resident_most"] <= region["bytes"], region
    # Headers of heaps are neither in use nor free.
    assert 0 <= of("malloc heap", "bytes") - of("malloc heap", "in_use") - of("malloc heap", "cached") \
        - of("malloc heap", "free") < 4096 * len(answer["regions"])
    stacks = answer["stacks"]
    assert 0 < len(stacks) <= 4 and all(0 < one["used"] <= one["bytes"] for one in stacks), stacks
    assert {one["thread"] for one in stacks} == {
        region["thread"] for region in answer["regions"] if region["kind"] == "thread stack" and region["writable"]}
    assert len({one["thread"] for one in stacks}) == len(stacks)
    check_tree(tree)
    assert answer["explained"] >= 0.9 * answer["total"]["private"]
    assert abs(answer["total"]["resident"] - answer["kernel"]["rss"]) < 0.02 * answer["kernel"]["rss"]


def test_fragmentation_is_told_from_objects(distribution):
    folder = cores.scratch("fragmented")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "fragmented_program.py")], folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        answer = program.ask(["--core", core], ["memory", "--json", "--arenas"])
        text = program.run(["--core", core, "memory", "--arenas"]).output
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kinds = [one["kind"] for one in answer["verdict"]]
    assert kinds[0] == "returnable" and "fragmented" in kinds and "objects" not in kinds
    assert answer["total"]["objects"] < 40 << 20 < 200 << 20 < answer["total"]["resident"]
    assert answer["malloc"]["returnable"] > 80 << 20
    pymalloc = answer["pymalloc"]
    assert pymalloc["sparse_arenas"] > 0.9 * pymalloc["arenas"] > 80
    pinned = {one["type"]: one["count"] for one in pymalloc["pinned"]}
    assert all(1000 < pinned[name] < 3000 for name in ("tuple", "str", "float", "bytearray")), pinned
    assert "malloc_trim(0) would return them" in text and "kept by" in text and " leak" not in text


def test_what_keeps_heaps_that_are_nearly_empty(distribution):
    """Each block in a stretch of a heap, and in an arena, that is nearly empty has its owner in the rows, once."""
    folder = cores.scratch("pinned")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "pinned_program.py")], folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        answer = program.ask(["--core", core], ["memory", "--json", "--arenas", "-n", "0"])
        plain = program.ask(["--core", core], ["memory", "--json"])
        text = program.run(["--core", core, "memory", "--arenas"]).output
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sparse = answer["malloc"]["sparse"]
    assert sparse["bytes"] > 70 << 20 and sparse["in_use"] < 1 << 20
    assert sum(row["count"] for row in sparse["pinned"]) == sparse["blocks"] + sparse["cached_blocks"]
    assert sum(one["stranded"] for one in sparse["stretches"]) == sparse["stranded"] < sparse["free"]
    assert sparse["free"] + sparse["in_use"] + sparse["cached"] == sparse["bytes"]
    ends = {one["last"]["name"]: one["last"] for one in sparse["stretches"] if one["last"]}
    assert ends["__main__.END"]["kind"] == "object" and ends["__main__.END"]["type"] == "bytearray"
    of = {(row["kind"], row["type"]): row for row in sparse["pinned"]}
    assert of["object", "bytearray"]["count"] >= 1 and of["object", "bytearray"]["bytes"] > 5000
    assert [row for row in sparse["pinned"] if "ZIPPED" in (row["name"] or "")]

    pymalloc = answer["pymalloc"]
    assert sum(row["bytes"] for row in pymalloc["pinned"]) == sum(
        arena["in_use"] for arena in answer["arenas"]
        if arena["allocator"] == "pymalloc" and arena["in_use"] * 10 < arena["bytes"])
    token, = [row for row in pymalloc["pinned"] if row["type"] == "__main__.Token"]
    assert token["count"] > 80 and token["name"].startswith("__main__.TOKENS[")

    assert plain["malloc"]["sparse"]["bytes"] == sparse["bytes"]
    assert plain["malloc"]["sparse"]["pinned"] is None and plain["pymalloc"]["pinned"] is None
    assert "the last block of its heap, is buffer of bytearray" in text and "__main__.END" in text
    assert "not known" not in [part["name"] for part in answer["tree"][0]["parts"] if part["bytes"] > 1 << 20]


def test_a_forked_worker_has_private_and_shared_memory(distribution):
    """48 MiB are its parent's too, but for the 12 that it wrote to."""
    folder = cores.scratch("forked")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "forked_program.py"), folder], folder) as target:
            target.wait_ready()
            with open(os.path.join(folder, "worker")) as file:
                where = ["--pid", file.read()]
            answer = program.ask(where, ["memory", "--json"])
            text = program.run(where + ["memory"]).output
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kernel = answer["kernel"]
    assert 36 << 20 <= kernel["shared"] < 56 << 20 and 12 << 20 <= kernel["private"] < 24 << 20, kernel
    assert kernel["private"] + kernel["shared"] == kernel["rss"]
    # Each page of two processes is half of each; other processes have the files too.
    assert kernel["private"] + (16 << 20) < kernel["pss"] < kernel["private"] + (24 << 20), kernel
    rows = {line.split()[0]: line for line in text.splitlines()[:12] if line.strip()}
    assert all(name in rows for name in ("Rss", "Pss", "private", "shared")), text[:800]


def test_arenas_of_other_interpreters(pytestconfig):
    """An interpreter with a GIL of its own has arenas of its own, of which nothing is left over."""
    found = [one for one in interpreters.wanted(pytestconfig.getoption("--python"))
             if one.version >= (3, 12) and not one.free_threaded and one.origin != "frozen"]
    if not found:
        pytest.skip("no Python from 3.12 on here: older interpreters share their arenas")
    folder = cores.scratch("arenas")
    try:
        with cores.Target(found[0].path, [os.path.join(HERE, "interpreter_arenas_program.py")], folder) as target:
            target.wait_ready()
            answer = program.ask(["--pid", str(target.pid)], ["memory", "--json"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    pymalloc, = [part for part in answer["tree"][0]["parts"] if part["name"] == "pymalloc arenas"]
    objects, = [part for part in pymalloc["parts"] if part["name"] == "Python objects"]
    assert objects["count"] > 300000 and objects["bytes"] > 15 << 20
    rest, = [part for part in pymalloc["parts"] if part["name"] == "in use and no object's"]
    assert rest["bytes"] < 1 << 20
    assert sum(part["bytes"] for part in answer["tree"][0]["parts"] if part["name"] == "not known") < 1 << 20


def test_regions_are_what_was_mapped(distribution):
    """Each byte in one region: live, by gcore, by the kernel."""
    found = list(regions.fresh(distribution))
    assert found and [row for row in found if row[1][1]] == []


def test_stored_cores():
    stored = sorted(glob.glob(os.path.join(program.ROOT, "corefiles", "*.core.zst")))
    assert stored
    for core in stored:
        answer, wrong = regions.stored(core)
        assert wrong == "", core
        assert answer["malloc"]["confirmed"], (core, answer["malloc"])
        assert (answer["pymalloc"]["arenas"] > 0) == ("t.core" not in core), core
        assert answer["explained"] >= 0.9 * answer["total"]["private"], core
        check_tree(answer["tree"][0])
