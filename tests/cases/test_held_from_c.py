# SPDX-License-Identifier: MIT
"""What C code holds: `heap --held-from-c` and `referrers --from-c`, with what it retains and where it is held."""
import json
import os

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "held_program.py")


def test_held_from_c(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        named = ["--pid", str(target.pid)]
        held = program.ask(named, ["heap", "--held-from-c", "--json"])
        same = program.ask(named, ["referrers", "--from-c", "--type", "*.Held", "--json"])
        text = program.run(named + ["heap", "--held-from-c", "-n", "10"]).output
        heap = program.ask(named, ["heap", "--json"])
        box, other = program.ask(named, ["deepsize", "--json", truth["box"], truth["other_box"]])["objects"]
        words = program.run(named + ["deepsize", truth["box"]]).output
        alone, = program.ask(named, ["object", "--json", truth["box"]])["objects"]
        words += program.run(named + ["object", truth["box"]]).output
    rows = {row["address"]: row for row in held["objects"]}
    assert held["held_from_c"] == heap["coverage"]["held_from_c"] == len(rows)
    assert [row["retained"] for row in held["objects"]] == sorted((row["retained"] for row in held["objects"]),
                                                                  reverse=True)
    in_block, nowhere, thrice = (rows[truth[name]] for name in ("in_block", "nowhere", "thrice"))
    assert (in_block["missing"], nowhere["missing"], thrice["missing"]) == (1, 1, 3)
    assert in_block["retained"] > 300000 and nowhere["retained"] > 200000 and thrice["retained"] > 100000
    # words that were left behind may be seen too; what stands in the block itself and looks like another block is none
    (place,) = [one for one in in_block["places"] if one.get("block") == truth["block"]]
    assert place["allocator"] == "malloc" and 4000 <= place["bytes"] < 4100, place
    (kind,) = [row for row in held["types"] if row["type"] == "__main__.Held"]
    assert kind["count"] == 23 and kind["missing"] == 25 and kind["retained"] >= 800000
    assert {truth[name] for name in ("in_block", "nowhere", "thrice")} < {row["address"] for row in same["objects"]}
    assert len(same["objects"]) == 23
    # what is retained is not whole: said, with the bytes; not where others hold it as well
    assert box["retained"] < 10000 and box["held_from_c"]["count"] == 20
    assert 200000 < box["held_from_c"]["retained"] < 240000
    assert (alone["held_from_c"], alone["retained"]) == (box["held_from_c"], box["retained"])
    assert other["held_from_c"] == {"count": 0, "retained": 0}
    assert words.count("20 objects that C code holds too: freed once it lets go") == 2  # in deepsize, in object
    assert "alloc" in text and truth["in_block"] in text


def test_goes_with_no_target(tmp_path):
    answer = program.run(["--core", str(tmp_path / "none"), "referrers", "--from-c", "0x10"])
    assert answer.status == 1 and "it goes with no target" in answer.errors
