# SPDX-License-Identifier: MIT
"""What `memory` says of Python's own memory against the interpreter's counters: free lists against
sys._debugmallocstats(), interned strings against sys.getunicodeinternedsize(), blocks against sys.getallocatedblocks(),
tracemalloc's tables against tracemalloc.get_tracemalloc_memory(). Each is part of a row, and their sums are what the
rows have."""
import json
import os
import re
import shutil

import pytest

import cores
import interpreters
import program

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = {"collector_heads": "of it the collector's words before objects",
         "code": "of it code objects and what they own", "interned": "of it interned strings",
         "free_lists": "of it free lists", "tracemalloc": "of it tracemalloc's own tables"}


def one_of_each(found):
    """One of each minor version and kind of build: frozen ones take no options."""
    kinds = {}
    for one in found:
        if one.origin != "frozen":
            kinds.setdefault((one.version[:2], one.debug, one.free_threaded), one)
    return list(kinds.values())


def pytest_generate_tests(metafunc):
    found = one_of_each(interpreters.wanted(metafunc.config.getoption("--python")))
    metafunc.parametrize("shares", found, ids=[one.name for one in found], indirect=True, scope="module")


class Shares(object):
    pass


@pytest.fixture(scope="module")
def shares(request):
    folder = cores.scratch("shares")
    found = Shares()
    found.interpreter = request.param
    try:
        with cores.Target(request.param.path, [os.path.join(HERE, "python_shares_program.py"), folder],
                          folder) as target:
            target.wait_ready()
            found.answer = program.ask(["--pid", str(target.pid)], ["memory", "--json"])
            found.native = program.ask(["--pid", str(target.pid)], ["memory", "--json", "--native"])
            found.text = program.run(["--pid", str(target.pid), "memory", "--pools"]).output
        with open(os.path.join(folder, "counts")) as file:
            found.said = json.load(file)
        with open(os.path.join(folder, "lists")) as file:
            text = file.read()
        found.blocks = int(re.match(r"(\d+) blocks$", text, re.M).group(1))
        rows = re.findall(r"^ *(\d+) free (?:\d+-sized )?Py(\w+?)Objects? \*", text, re.M)
        found.lists = {}
        for count, name in rows:
            found.lists[name.lower()] = found.lists.get(name.lower(), 0) + int(count)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def parts_of(part):
    yield part
    for one in part["parts"]:
        for below in parts_of(one):
            yield below


def test_shares_are_parts_of_rows_and_sum_up(shares):
    sums = dict.fromkeys(KINDS.values(), 0)
    for part in parts_of(shares.answer["tree"][0]):
        for share in part["of_which"]:
            assert 0 < share["bytes"] <= part["bytes"] and share["count"] <= part["count"], (part, share)
            sums[share["name"]] = sums.get(share["name"], 0) + share["bytes"]
    for key, name in KINDS.items():
        assert sums[name] == shares.answer["of_which"][key]["bytes"], key
    objects, free_threaded = shares.answer["of_which"]["collector_heads"], shares.interpreter.free_threaded
    assert objects["bytes"] == 16 * objects["count"]
    assert objects["count"] == 0 if free_threaded else objects["count"] >= shares.said["tracked"]


def test_free_lists(shares):
    ours = shares.answer["of_which"]["free_lists"]
    assert ours["torn"] == 0 and ours["bytes"] == sum(row["bytes"] for row in ours["lists"])
    assert ours["known"] == (shares.interpreter.version >= (3, 10))
    assert ("not known of this Python" in shares.text) != ours["known"] and "Free lists" in shares.text
    if not ours["known"]:
        assert ours["lists"] == []
        return
    counts = {row["of"]: row["count"] for row in ours["lists"]}
    assert counts["float"] >= 50 and counts["tuple"] >= 19 * 50
    compared = [name for name in ("float", "list", "dict", "tuple") if name in shares.lists]
    assert {"float", "list", "dict", "tuple"} == set(compared), shares.lists
    # The empty tuple of 3.10 stands in its list and lives.
    for name in compared:
        assert abs(counts[name] - shares.lists[name]) <= 1, (name, counts, shares.lists)


def test_free_lists_are_no_c_codes(shares):
    """What Python keeps for itself is not among what C code has; both are what is in use and no object's."""
    row, = [part for part in shares.native["tree"][0]["parts"] if re.match("pymalloc|mimalloc", part["name"])]
    used, = [part for part in row["parts"] if part["name"] == "in use and no object's"]
    kept = {part["name"]: part["bytes"] for part in used["of_which"]}
    leads = sum(bytes_ for name, bytes_ in kept.items() if "~" in name)
    left = used["bytes"] - leads - sum(kept.get("of it " + name, 0) for name in (
        "free lists", "syntax trees of source that is run", "rounding of what objects asked for"))
    assert left == 0 or (row["name"].startswith("mimalloc") and 0 <= left < 4096), used


def test_interned_strings(shares):
    ours = shares.answer["of_which"]["interned"]
    assert ours["known"] and ours["strings"] >= shares.said["names"]
    assert ours["bytes"] > 50 * shares.said["names"] and ours["immortal_bytes"] <= ours["bytes"]
    if shares.said["interned"] is not None:
        assert abs(ours["strings"] + ours["static"] - shares.said["interned"]) <= 20
    else:
        assert ours["static"] == ours["immortal"] == 0


def test_code_and_blocks(shares):
    ours = shares.answer["of_which"]["code"]
    assert ours["count"] > shares.said["codes"] and ours["bytes"] > shares.said["code_bytes"]
    used = {}
    for row in shares.answer["tree"][0]["parts"]:
        used[row["name"]] = sum(part["count"] for part in row["parts"]
                                if part["name"] == "Python objects" or part["name"].startswith("in use "))
    if not shares.interpreter.free_threaded:
        # Those above 512 bytes, which are malloc's, it counts too; but not what C code asked malloc for itself.
        assert used["pymalloc arenas"] - 100 < shares.blocks < used["pymalloc arenas"] + used["malloc heaps"]


def test_tables_of_tracemalloc(shares):
    ours = shares.answer["of_which"]["tracemalloc"]
    assert abs(ours["tracemalloc_memory"] - shares.said["traced"]) < 0.02 * shares.said["traced"]
    assert ours["tracemalloc_memory"] < ours["bytes"] < 2.5 * ours["tracemalloc_memory"]
