# SPDX-License-Identifier: MIT
"""`tracemalloc` says what tracemalloc itself says in the process: blocks, bytes, lines, tracebacks; with the files of
the interpreter, and with nothing but the memory."""
import os
import shutil

import pytest

import cores
import interpreters
import program

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "tracemalloc_program.py")


def one_of_each(found):
    """One interpreter of each minor version and one of each kind of build: what the tables depend on. Frozen ones take
    no options."""
    kinds = {}
    for one in found:
        if one.origin != "frozen":
            key = one.version[:2] if not (one.debug or one.free_threaded) else (one.debug, one.free_threaded)
            kinds.setdefault(key, one)
    return list(kinds.values())


def pytest_generate_tests(metafunc):
    found = one_of_each(interpreters.wanted(metafunc.config.getoption("--python")))
    if "lists_apart" in metafunc.fixturenames:  # where a list begins: static memory up to 3.9, then the interpreter
        kinds = [[one for one in found if (one.version < (3, 10)) == early and one.version < (3, 14)]
                 for early in (True, False)]
        metafunc.parametrize("lists_apart", [kind[0] for kind in kinds if kind], ids=lambda one: one.name)
    if "one" in metafunc.fixturenames:
        metafunc.parametrize("one", found, ids=[one.name for one in found])
    if "traced" in metafunc.fixturenames:
        metafunc.parametrize("traced", found, ids=[one.name for one in found], indirect=True, scope="module")


class Truth(object):
    def __init__(self, path, one):
        self.counts_frames = one.version >= (3, 9)  # total_nframe: how many there were
        # Of the table of all objects that builds with reference tracing keep (_PyRefchain_Trace(), since 3.13; before,
        # objects were in a list): asked for where the object was made.
        self.table_entry = 32 if one.trace_refs and one.version >= (3, 13) else 0
        with open(path, encoding="utf-8") as file:
            lines = [line.rstrip("\n").split("\t") for line in file]
        self.size, self.count, self.own = (int(word) for word in lines[0][0].split())
        self.lines = {(row[3], int(row[4])): (int(row[1]), int(row[2])) for row in lines[1:] if row[0] == "line"}
        self.stacks = {tuple(row[3:]): (int(row[1]), int(row[2])) for row in lines[1:] if row[0] == "stack"}


@pytest.fixture(scope="module")
def traced(request):
    """(target, truth, address of a Row): the process lives while it is asked."""
    folder = cores.scratch("tracemalloc")
    truth = os.path.join(folder, "truth")
    try:
        with cores.Target(request.param.path, ["-X", "tracemalloc=4", PROGRAM, truth], folder) as target:
            row = target.wait_ready().split()[1]
            yield ["--pid", str(target.pid)], Truth(truth, request.param), row
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ask(target, *arguments):
    return program.ask(target, ["tracemalloc", "--json", "--exclude", "writer"] + list(arguments))


def check_lines(answer, truth):
    assert (answer["total"]["size"], answer["total"]["count"]) == (truth.size, truth.count)
    assert {(row["file"], row["line"]): (row["size"], row["count"]) for row in answer["rows"]} == truth.lines
    keys = [(row["size"], row["count"], row["file"], row["line"]) for row in answer["rows"]]
    assert keys == sorted(keys, reverse=True)


def test_lines_tracebacks_and_names(traced):
    target, truth, row = traced
    answer = ask(target)
    check_lines(answer, truth)
    assert answer["tracing"] and answer["limit"] == 4
    assert answer["counted"] == answer["traced"], "the sum of all traces is not what the module counted"
    assert answer["peak"] >= answer["traced"]
    assert abs(answer["tracemalloc_memory"] - truth.own) < 1024  # an entry or two were made since
    assert answer["coverage"] == {"unreadable": 0, "torn": False}
    stacks = ask(target, "--traceback")["rows"]
    assert {tuple("%s:%d" % (frame["file"], frame["line"]) for frame in one["frames"]):
            (one["size"], one["count"]) for one in stacks} == truth.stacks
    if truth.counts_frames:
        assert any(one["total_frames"] > len(one["frames"]) for one in stacks)
    files = {}
    for (file, _), (size, count) in truth.lines.items():
        before = files.get(file, (0, 0))
        files[file] = (before[0] + size, before[1] + count)
    assert {one["file"]: (one["size"], one["count"]) for one in ask(target, "--by", "file")["rows"]} == files


def test_filters(traced):
    target, truth, _ = traced
    own = {key: value for key, value in truth.lines.items() if key[0] == PROGRAM}
    check = ask(target, "--include", "*_program.py")
    assert {(row["file"], row["line"]): (row["size"], row["count"]) for row in check["rows"]} == own
    (file, line), (size, count) = max(own.items(), key=lambda item: item[1])
    one = ask(target, "--include", "%s:%d" % (file, line))
    assert [(row["size"], row["count"]) for row in one["rows"]] == [(size, count)]
    rest = ask(target, "--include", "*_program.py", "--exclude", "*_program.py:%d" % line)
    assert (file, line) not in {(row["file"], row["line"]) for row in rest["rows"]}
    assert rest["total"]["size"] == check["total"]["size"] - size


def test_without_files(traced):
    """Up to 3.11 the tables are static variables: without symbols they are told by what they hold."""
    target, truth, _ = traced
    answer = ask(["--no-files"] + target)
    check_lines(answer, truth)
    assert answer["counted"] == answer["traced"]
    assert abs(answer["tracemalloc_memory"] - truth.own) < 1024


def test_objects_have_lines(traced):
    target, truth, row = traced
    object_ = program.ask(target, ["object", "--no-retained", "--json", row])["objects"][0]
    assert object_["allocated_at"][0]["file"] == PROGRAM, object_["allocated_at"]
    assert len(object_["allocated_at"]) >= 2
    line = object_["allocated_at"][0]["line"]
    assert (PROGRAM, line) in truth.lines
    text = program.run(target + ["sizeof", row]).output
    assert "tracemalloc_program.py:%d" % line in text
    shares = ask(target, "--include", "*_program.py", "--objects")["rows"]
    assert all(one["object_size"] <= one["size"] for one in shares)
    if truth.table_entry:  # but for where the table itself grew
        shares.remove(max(shares, key=lambda one: one["size"] - one["object_size"]))
    explained = [one["object_size"] + one["free_list_size"] +
                 truth.table_entry * ((one["count"] - one["free_list_count"]) // 2) for one in shares]
    assert sum(explained) > 0.9 * sum(one["size"] for one in shares)
    assert all(known <= one["size"] for known, one in zip(explained, shares))


def test_free_lists_are_told(traced):
    target, _, _ = traced
    answer = ask(target, "--include", "*_program.py", "--objects")
    with open(PROGRAM, encoding="utf-8") as file:
        marks = {n + 1: line.split("# ")[1].strip() for n, line in enumerate(file)
                 if "  # " in line}
    rows = {marks[row["line"]]: row for row in answer["rows"] if row["line"] in marks}
    for mark, least in (("FLOATS", 50), ("TUPLES", 1000), ("DICTS", 50)):
        row = rows[mark]
        assert row["free_list_count"] >= least and row["count"] - row["free_list_count"] < 4, (mark, row)
    for row in answer["rows"]:
        assert row["free_list_size"] + row["object_size"] <= row["size"]
        assert row["size"] < 1 << 20 or row["free_list_size"] == 0
    text = program.run(target + ["tracemalloc", "--objects"]).output
    assert "are kept in free lists, no live object" in text


LONE = """import os, sys
KEPT = [n * 1.5 for n in range(150)]  # more than the free list has
def drop():
    KEPT.pop()
drop()
os.write(1, b"READY\\n")
sys.stdin.read()
"""


def test_a_float_alone_in_its_free_list(lists_apart, tmp_path):
    """It looks like a small block of C code with nothing in it."""
    path = str(tmp_path / "lone.py")
    with open(path, "w", encoding="utf-8") as text:
        text.write(LONE)
    with cores.Target(lists_apart.path, ["-X", "tracemalloc", path], str(tmp_path)) as target:
        target.wait_ready()
        rows = ask(["--pid", str(target.pid)], "--include", path, "--objects")["rows"]
    (row,) = [one for one in rows if one["line"] == 2]
    assert row["free_list_count"] >= 1  # up to 3.9 the frame of the comprehension is kept as well
    assert row["object_size"] + row["free_list_size"] == row["size"]


def test_top_and_findings_have_lines(traced):
    target, truth, _ = traced
    rows = program.ask(target, ["top", "--json", "-t", "-n", "40"])["rows"]
    kept = next(row for row in rows if row["name"] == "__main__.KEPT")
    lines = [row.get("made_at") for row in kept["children"]]
    assert len([line for line in lines if line]) >= 3
    for line in [kept.get("made_at")] + lines:
        file, number = line.rsplit(":", 1) if line else (PROGRAM, 0)
        assert file == PROGRAM and (not line or (file, int(number)) in truth.lines)
    places = [place for finding in program.ask(target, ["findings", "--json"])["findings"]
              for place in finding["places"]]
    assert any(place.get("made_at") for place in places)
    assert "made at " in program.run(target + ["top"]).output


def test_heap_by_line(traced):
    target, truth, _ = traced
    lines = program.ask(target, ["heap", "--by", "line", "--type", "*.Row", "--json"])["lines"]
    assert [row["count"] for row in lines] == [2000]
    file, line = lines[0]["name"].rsplit(":", 1)
    assert (file, int(line)) in truth.lines
    everything = program.ask(target, ["heap", "--by", "line", "--json"])
    assert sum(row["count"] for row in everything["lines"]) == everything["total"]["count"]


def test_not_tracing(one, tmp_path):
    with cores.Target(one.path, ["-c", "import os, sys; os.write(1, b'READY\\n'); sys.stdin.read()"],
                      str(tmp_path)) as target:
        target.wait_ready()
        for files in ([], ["--no-files"]):
            answer = program.ask(files + ["--pid", str(target.pid)], ["tracemalloc", "--json"])
            assert not answer["tracing"] and answer["rows"] == [] and answer["peak"] is None
        text = program.run(["--pid", str(target.pid), "tracemalloc"])
        assert text.status == 0 and "was not on" in text.output
        by_line = program.run(["--pid", str(target.pid), "heap", "--by", "line"])
        assert by_line.status != 0 and "was not on" in by_line.errors
