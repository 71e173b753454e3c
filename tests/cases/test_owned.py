# SPDX-License-Identifier: MIT
"""What only a block has that an object of an unknown C type points to is found, and what is gone is not. A type in C
may claim a base whose struct it does not have. What a count has room for is the object's that leads to the block."""
import json
import os
import re

import cores
import program

SIZE = 200000  # of what each object has
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "owned_program.py")


def sizes(named, addresses):
    asked = program.ask(named, ["deepsize", "--json"] + ["0x%x" % address for address in addresses])
    return [one["retained"] for one in asked["objects"]]


def check_tables(named, truth):
    """One owner alone leads to an object: its retained size has it. Several do: what they have in common has. Too many,
    or a reference that no word accounts for, or a word among data: C code has it. All references known: nobody more."""
    held = truth["held"]
    retained = {name: sizes(named, addresses) for name, addresses in truth["groups"].items()}
    for name, (group, *owners) in retained.items():
        assert (group >= SIZE) == (name in ("alone", "common", "twice")), (name, retained)
        assert all((owner >= SIZE) == (name == "alone") for owner in owners), (name, retained)
    names = list(held)
    rows = program.ask(named, ["referrers", "--json"] + ["0x%x" % held[name] for name in names])["objects"]
    not_found = {name: row["not_found"] for name, row in zip(names, rows)}
    assert not_found == {"alone": 0, "common": 0, "twice": 0, "short": 1, "many": 1, "data": 1, "known": 0}
    label = [row["label"] for row in rows[names.index("alone")]["referrers"]]
    assert len(label) == 1 and re.fullmatch(r"block 0x[0-9a-f]+ \+16", label[0]), label
    path, = program.ask(named, ["path", "--json", "0x%x" % held["alone"]])["objects"]
    owner, last = path["paths"][0]["steps"][-2:]
    assert int(owner["address"], 16) == truth["groups"]["alone"][1] and owner["type"] == "table.Table"
    assert last["label"] == label[0]


def check_behind(named, truth):
    """What is reached by memory of C code only has figures of its own, and is among the references, marked."""
    group, owner = ["0x%x" % address for address in truth["groups"]["alone"]]
    for start in (group, owner):
        deep, = program.ask(named, ["deepsize", "--json", start])["objects"]
        assert deep["behind"]["count"] == 2 and SIZE < deep["behind"]["bytes"] < SIZE + 200, deep  # Held and its bytes
        assert deep["deep"] < 200 and not deep["behind"]["partial"], deep
    text = program.run(named + ["deepsize", owner]).output
    assert "~ behind" in text and "2 objects more, which words in memory of C code lead to" in text
    for less in (["--policy", "gc"], ["--policy", "containers"]):
        assert program.ask(named, ["deepsize", "--json", owner] + less)["objects"][0]["behind"]["count"] == 0
    for less in (["--no-native"], ["--no-retained"]):
        assert program.ask(named, ["deepsize", "--json", owner] + less)["objects"][0]["behind"] is None
    for command in ("referents", "object"):
        found, = program.ask(named, [command, "--json", owner])["objects"]
        row, = [row for row in found["referents"] if row["estimate"]]
        assert int(row["address"], 16) == truth["held"]["alone"] and row["hidden"] and row["type"] == "__main__.Held"
        assert re.fullmatch(r"block 0x[0-9a-f]+ \+16", row["label"]) and found["total"] == len(found["referents"])
        less, = program.ask(named, [command, "--json", "--no-native", owner])["objects"]
        assert [one for one in found["referents"] if not one["estimate"]] == less["referents"]
    text = program.run(named + ["referents", owner]).output
    assert "~ block 0x" in text and "1 of them ~ words in memory of C code" in text
    poor = program.run(named + ["referents", "--json", "--max-memory", "1K", owner])
    assert poor.status == 0 and "native_left_out" in poor.output, (poor.output, poor.errors)


def test_what_a_block_of_a_c_type_holds(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        named = ["--pid", str(target.pid)]
        rows = {}
        for line in program.run(named + ["objects", "--json"]).output.splitlines():
            row = json.loads(line)
            rows[int(row.get("address", "0"), 16)] = row
        heap = program.ask(named, ["heap", "--json"])
        check_tables(named, truth)
        check_behind(named, truth)
        held, = program.ask(named, ["referrers", "--json", "0x%x" % truth["in_block"]])["objects"]
    assert rows[truth["in_block"]]["type"] == rows[truth["below"]]["type"] == "str"
    assert rows[truth["in_block"]]["shallow"] == truth["size"] and not rows[truth["in_block"]]["approximate"]
    assert truth["gone"] not in rows
    assert heap["coverage"]["corrupt"] == 0 and heap["coverage"]["approximate"] >= 1
    claiming = rows[truth["claiming"]]
    assert claiming["type"] == "table.Function" and claiming["approximate"]
    assert heap["coverage"]["unreadable"] == 0
    assert (held["refcount"], held["not_found"]) == (1, 0), held
