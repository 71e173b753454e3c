# SPDX-License-Identifier: MIT
"""The rows of `top` and what is left of the whole sum up, whatever is followed down, shown or left out."""
import os
import re

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
WAYS = ([], ["-t"], ["-t", "--garbage", "-n", "2"], ["--min", "1K", "--garbage"],
        ["-n", "3"], ["--min", "100K"], ["-t", "-n", "0"], ["--type", "list"], ["--allocated", "-n", "7"])
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@pytest.fixture(scope="module", params=range(3))
def core(request, distribution, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("top"))
    with cores.Target(distribution.path, [os.path.join(HERE, "top_program.py"), str(request.param)], folder) as target:
        _, first, second = target.wait_ready().split()
        yield ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))], "0x" + first, "0x" + second


def check(whole, rows, rest):
    assert sum(row["retained"] for row in rows) + rest["retained"] == whole
    for row in rows:
        if "children" in row:
            check(row["retained"], row["children"], row["rest"])


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_rows_and_rest_are_the_whole(core, way):
    top = program.ask(core[0], ["top", "--json"] + way)
    check(top["total"]["allocated" if "--allocated" in way else "shallow"], top["rows"], top["rest"])
    limit = int(way[way.index("-n") + 1]) if "-n" in way else 0
    assert not limit or len(top["rows"]) == limit
    if "--allocated" not in way:
        whole = "unreachable" if "--garbage" in way else "total"
        assert top["total"] == {key: program.ask(core[0], ["heap", "--json"])[whole][key]
                                for key in ("count", "shallow")}


def test_siblings_of_what_is_followed(core):
    target, first, second = core
    rows = program.ask(target, ["top", "--json", "-n", "0"])["rows"]
    found = {row["address"]: row for row in rows}
    assert first in found and second in found
    assert found[first]["retained"] > 39e6 and found[second]["retained"] > 11e6


def test_text_says_the_same(core):
    lines = program.run(list(core[0]) + ["top", "--bytes", "-n", "4"]).output.splitlines()
    whole = int(re.search(r"tree: ([\d,]+)", lines[0]).group(1).replace(",", ""))
    numbers = [int(found.group(1).replace(",", "")) for found in
               (re.match(r" *([\d,]+)( B)? +\d+\.\d ", line) for line in lines[2:]) if found]
    assert len(numbers) == 5 and sum(numbers) == whole


@pytest.fixture(scope="module")
def alike(distribution, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("alike"))
    with cores.Target(distribution.path, [os.path.join(HERE, "alike_program.py")], folder) as target:
        target.wait_ready()
        yield ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]


def test_threads_that_do_the_same_are_one_row(alike):
    top = program.ask(alike, ["top", "--json", "-t"])
    rows = top["rows"]
    check(top["total"]["shallow"], rows, top["rest"])
    locals_ = [row for row in rows if row["name"] and row["name"].startswith("local 'rows' of leaf() alike_program.py")]
    assert [(row["count"], row["type"]) for row in locals_] == [(30, "list")]
    frames = [row for row in rows if row["name"] and row["name"].startswith("worker() alike_program.py")]
    assert [(row["count"], row["type"]) for row in frames] == [(30, "frame")]
    own = frames[0]["children"][0]
    assert own["count"] == 30 and own["name"].startswith("local 'own' of worker() alike_program.py")
    assert own["retained"] > 30 * 100 * 133


def test_groups_are_named_by_what_they_have_in_common(alike):
    rows = program.ask(alike, ["top", "--json", "-t"])["rows"]
    orders = next(row for row in rows if row["name"] == "__main__.ORDERS")
    group = next(row for row in orders["children"] if row["type"] == "__main__.Order")
    assert (group["count"], group["name"]) == (3000, "__main__.ORDERS[*]")
    tags = next(row for row in group["children"] if row["type"] == "list")
    assert (tags["count"], tags["name"]) == (3000, "__main__.ORDERS[*].tags")
    text = program.run(alike + ["top", "-t"]).output
    assert "largest" not in text
