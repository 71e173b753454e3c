# SPDX-License-Identifier: MIT
"""frames: lines of source where the file is the one, paths where names are not enough, contents with --values."""
import os
import sys

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "frame_values_program.py")


class Stack(object):
    def __init__(self, folder):
        self.folder = folder
        with cores.Target(sys.executable, ["-W", "ignore", PROGRAM], folder) as target:
            target.wait_ready()
            where = ["--pid", str(target.pid)]
            self.plain = program.run(where + ["frames", "--no-retained", "-n", "0"]).output
            self.full = program.run(where + ["frames", "--no-retained", "--full-paths", "-n", "0"]).output
            self.deep = self.values(where, ["--depth", "4"])
            self.short = self.values(where, ["--length", "2"])
            self.closed = self.values(where, ["--depth", "0"])
            self.usual = self.values(where, [])
            self.frames = program.ask(where, ["frames", "--json"])["threads"][0]["frames"]

    def values(self, where, arguments):
        answer = program.ask(where, ["frames", "--no-retained", "--json", "--values"] + arguments)
        (stands,) = [frame for frame in answer["threads"][0]["frames"] if frame["function"] == "stand"]
        return {one["name"]: one["value"] for one in stands["locals"]}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    return Stack(str(tmp_path_factory.mktemp("frames")))


def test_lines_of_source(stack):
    rows = {(frame["function"], os.path.relpath(frame["file"], stack.folder)): frame["source"]
            for frame in stack.frames}
    line = "return then()  # on to the next"
    assert rows[("run", "one/views.py")] == rows[("run", "two/views.py")] == line
    assert rows[("run", "other.py")] is None  # it begins elsewhere in what the file is now
    assert rows[("run", "more.py")] is None and rows[("run", "less.py")] is None  # it ends elsewhere
    assert rows[("run", "later.py")] is None  # newer than the process
    assert rows[("run", "renamed.py")] is None and rows[("<lambda>", "slow.py")] is None  # other names
    if sys.version_info >= (3, 11):  # the code knows columns
        assert rows[("run", "moved.py")] is None
    assert rows[("<lambda>", "quick.py")] == "run = lambda then: [kept for kept in [then()]]"
    assert [frame["source"] for frame in stack.frames if frame["function"] == "stand"] == ["sys.stdin.readline()"]
    assert stack.plain.count("     | %s\n" % line) == 2 and "     | sys.stdin.readline()\n" in stack.plain


def test_paths(stack):
    for name in ("one", "two"):
        assert " run() %s:5\n" % os.path.join(stack.folder, name, "views.py") in stack.plain
    assert " run() other.py:5\n" in stack.plain and " stand() frame_values_program.py:" in stack.plain
    assert " run() %s:5\n" % os.path.join(stack.folder, "other.py") in stack.full
    assert " stand() %s:" % PROGRAM in stack.full


def test_contents(stack):
    rows = "list, 8 items [1, 2.5, 'abc', None, True, b'x\\x00', (1,), ["
    assert stack.usual["rows"].startswith(rows + "<list 0x")
    assert stack.deep["rows"].startswith(rows + "[[<list 0x")
    assert stack.short["rows"] == "list, 8 items [1, 2.5, ... 6 more]"
    assert stack.closed["rows"] == "list, 8 items"
    assert stack.usual["many"] == "list, 1000 items [0, 1, 2, 3, 4, 5, 6, 7, ... 992 more]"
    assert stack.deep["pairs"] == "dict, 2 entries {'a': {'b': {'c': 1}}, 2: 'two'}"
    assert stack.usual["queue"] == "collections.deque, 3 items [1, 2, 3]"
    assert stack.usual["few"] == "set, 1 item {3}"
    assert stack.usual["none"] == "tuple, 4 items (set(), {}, (), [])"
    assert "s3cret" in stack.usual["secret"]
    assert "s3cret" not in stack.plain
    assert not any("value" in one for frame in stack.frames for one in frame["locals"])


def test_numbers_of_numpy(stack):
    if stack.usual["scalars"] == "None":
        pytest.skip("%s has no numpy" % sys.executable)
    assert stack.usual["scalars"] == \
        "tuple, 7 items (1.5, 0.1, -3, 9223372036854775808, True, 0.1, (1.0-2.0j))"
