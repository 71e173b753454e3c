# SPDX-License-Identifier: MIT
"""Retained sizes against the process itself: what it frees when a named object is deleted. And the commands that stand
on the graph of the whole heap, against what the program knows."""
import json
import os
import re

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "retained_program.py")


class Live(object):
    """Answers about the waiting process first; freed: what it said when it deleted things after that."""

    def __init__(self, target, ready):
        named = ["--pid", str(target.pid)]
        self.subjects = ready["subjects"]
        self.local = ready["local"]
        addresses = [address for _, address, _ in self.subjects] + [self.local]
        lines = "".join(address + "\n" for address in addresses)
        self.deep = program.ask(named, ["deepsize", "--json", "-"], lines)["objects"]
        self.objects = program.ask(named, ["object", "--json", "-n", "1", "-"], lines)["objects"]
        self.heap = program.ask(named, ["heap", "--retained", "--json"])
        self.by_module = program.ask(named, ["heap", "--by", "module", "--retained", "--json"])
        self.by_size = program.ask(named, ["heap", "--by", "size", "--json"])
        self.by_generation = program.ask(named, ["heap", "--by", "generation", "--json"])
        self.top = program.ask(named, ["top", "-t", "--json"])
        self.frames = program.ask(named, ["frames", "--json"])
        self.modules = program.ask(named, ["modules", "--json"])
        target.process.stdin.write(b"\n")
        target.process.stdin.flush()
        line = target.process.stdout.readline()
        if not line:
            raise cores.Failed(target.process.stderr.read().decode()[-3000:])
        self.freed = json.loads(line.decode())


@pytest.fixture(scope="module", params=interpreters.find(), ids=lambda interpreter: interpreter.name)
def live(request, tmp_path_factory):
    if request.param.free_threaded or (request.param.trace_refs and request.param.version >= (3, 13)):
        pytest.skip("%s: memory is freed late, or more than the object's own: tracemalloc cannot tell what went"
                    % request.param.name)
    with cores.Target(request.param.path, ["-X", "tracemalloc", PROGRAM],
                      str(tmp_path_factory.mktemp("retained"))) as target:
        yield Live(target, json.loads(target.wait_ready()[len("READY "):]))


def test_retained_is_what_deleting_frees(live):
    wrong = []
    for (name, _, instances), answer, freed in zip(live.subjects, live.deep, live.freed["freed"]):
        excess = instances * live.freed["excess"]
        if answer["retained"] + excess != freed:
            wrong.append("%s: retained %d, excess %d, freed %d" % (name, answer["retained"], excess, freed))
    assert not wrong, "\n".join(wrong)
    assert len(live.subjects) >= 20
    assert live.deep[-1]["retained"] == live.freed["local"]


def test_shared_is_what_others_keep(live):
    by_name = {name: answer for (name, _, _), answer in zip(live.subjects, live.deep)}
    for answer in by_name.values():
        assert 0 <= answer["shared"] <= answer["deep"]
        assert answer["deep"] - answer["shared"] <= answer["retained"]
    sharing = by_name["__main__.sharing"]
    assert sharing["shared"] > 50000 and sharing["deep"] == sharing["retained"] + sharing["shared"]


def test_names(live):
    for (name, _, _), answer in zip(live.subjects, live.objects):
        # a function says itself what it is called
        assert answer["owner"] == name  # also of a function whose qualified name leads nowhere
    assert re.match(r"local 'local_rows' of main\(\) retained_program\.py:\d+$", live.objects[-1]["owner"])


def test_heap(live):
    types = {row["type"]: row for row in live.heap["types"]}
    assert sum(row["count"] for row in live.heap["types"]) == live.heap["total"]["count"]
    assert sum(row["shallow"] for row in live.heap["types"]) == live.heap["total"]["shallow"]
    assert all(row["retained"] >= row["shallow"] for row in live.heap["types"])
    assert types["__main__.Plain"]["count"] == sum(instances for _, _, instances in live.subjects) + 1
    for other, key in ((live.by_module, "modules"), (live.by_size, "sizes"), (live.by_generation, "generations")):
        assert other["total"]["shallow"] == live.heap["total"]["shallow"]
        assert sum(row["count"] for row in other[key]) == live.heap["total"]["count"]
    # slotted instances are held by one list alone
    slotted = [answer for (name, _, _), answer in zip(live.subjects, live.deep) if name == "__main__.slotted"][0]
    assert types["__main__.Slotted"]["retained"] == slotted["retained"] - slotted["shallow"]


def every_row(rows):
    for row in rows:
        yield row
        for below in every_row(row.get("children", ())):
            assert below["retained"] <= row["retained"] and below["depth"] > row["depth"]
            yield below


def test_top(live):
    retained = [row["retained"] for row in live.top["rows"]]
    assert retained == sorted(retained, reverse=True)
    assert live.top["total"]["shallow"] == live.heap["total"]["shallow"]
    by_address = {answer["address"]: answer for answer in live.deep}
    found = [row for row in every_row(live.top["rows"]) if row["address"] in by_address and row["count"] == 1]
    assert len(found) >= 5, "the subjects are not among the rows"
    for row in found:
        assert row["retained"] == by_address[row["address"]]["retained"]
        assert row["name"].startswith(("__main__.", "local 'local_rows'"))


def test_frames(live):
    main = [frame for thread in live.frames["threads"] for frame in thread["frames"] if frame["function"] == "main"]
    assert len(main) == 1 and main[0]["file"].endswith("retained_program.py")
    rows = [one for one in main[0]["locals"] if one["name"] == "local_rows"]
    assert len(rows) == 1 and rows[0]["address"] == live.local
    assert rows[0]["retained"] == live.deep[-1]["retained"] == rows[0]["deep"]
    assert main[0]["retained"] >= rows[0]["retained"]


def test_modules(live):
    modules = {module["name"]: module for module in live.modules["modules"]}
    assert set(("sys", "__main__", "builtins")) <= set(modules)
    held = sum(answer["retained"] for (name, _, _), answer in zip(live.subjects, live.deep)
               if name.count(".") == 1 and "[" not in name)
    largest = max((answer["retained"], answer["address"]) for answer in live.deep[:-1])
    assert modules["__main__"]["retained"] > held
    assert modules["__main__"]["largest"]["address"] == largest[1]
