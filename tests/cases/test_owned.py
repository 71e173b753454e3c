# SPDX-License-Identifier: MIT
"""What only a block has that an object of an unknown C type points to is found, and what is gone is not. A type in C
may claim a base whose struct it does not have."""
import json
import os

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "owned_program.py")


def test_what_a_block_of_a_c_type_holds(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        named = ["--pid", str(target.pid)]
        rows = {}
        for line in program.run(named + ["objects", "--json"]).output.splitlines():
            row = json.loads(line)
            rows[int(row.get("address", "0"), 16)] = row
        heap = program.ask(named, ["heap", "--json"])
        held, = program.ask(named, ["referrers", "--json", "0x%x" % truth["in_block"]])["objects"]
    assert rows[truth["in_block"]]["type"] == rows[truth["below"]]["type"] == "str"
    assert rows[truth["in_block"]]["shallow"] == truth["size"] and not rows[truth["in_block"]]["approximate"]
    assert truth["gone"] not in rows
    assert heap["coverage"]["corrupt"] == 0 and heap["coverage"]["approximate"] >= 1
    claiming = rows[truth["claiming"]]
    assert claiming["type"] == "table.Function" and claiming["approximate"]
    assert heap["coverage"]["unreadable"] == 0
    assert (held["refcount"], held["not_found"]) == (1, 1), held
