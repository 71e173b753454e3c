# SPDX-License-Identifier: MIT
"""`garbage` against the collector of the same process: what it frees and what it leaves, by type."""
import json
import os

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
NODES = 4000


def classes(garbage):
    counts = {kind: {"Node": 0, "Final": 0, "Zone": 0} for kind in ("collectable", "stuck")}
    for row in garbage["types"]:
        name = row["type"].split(".")[-1]
        if row["type"].startswith("__main__.") and name in counts[row["kind"]]:
            counts[row["kind"]][name] = row["count"]
    return counts


def check_tree(whole, rows, rest):
    assert sum(row["retained"] for row in rows) + rest["retained"] == whole
    for row in rows:
        if "children" in row:
            check_tree(row["retained"], row["children"], row["rest"])


@pytest.mark.parametrize("seed", (1, 2))
def test_as_the_collector_decides(each, seed, tmp_path):
    arguments = [os.path.join(HERE, "garbage_program.py"), str(seed), str(NODES)]
    with cores.Target(each.path, arguments, str(tmp_path)) as target:
        target.wait_ready()
        garbage = program.ask(["--pid", str(target.pid)], ["garbage", "--json"])
        heap = program.ask(["--pid", str(target.pid)], ["heap", "--json"])
        top = program.ask(["--pid", str(target.pid)], ["top", "--garbage", "-t", "--json"])
        target.process.stdin.write(b"\n")
        target.process.stdin.flush()
        truth = json.loads(target.process.stdout.readline())
    found = classes(garbage)
    assert found == {"collectable": truth["freed"], "stuck": truth["stuck"]}
    assert sum(truth["freed"].values()) > NODES / 10 and truth["stuck"]["Zone"] > NODES / 100
    assert garbage["finalizers"] >= truth["freed"]["Final"]
    assert garbage["collector"]["enabled"] is False
    # every object in one class, one age and at most one cycle's row, and the sum is what `heap` has
    both = {key: garbage["collectable"][key] + garbage["stuck"][key] for key in ("count", "shallow")}
    assert both == {"count": heap["unreachable"]["count"], "shallow": heap["unreachable"]["shallow"]}
    for rows in (garbage["types"], garbage["cycles"], garbage["ages"].values()):
        assert {key: sum(row[key] for row in rows) for key in both} == both
    # its dominator tree has all of it, on each level
    assert top["garbage"] and top["total"] == both
    check_tree(top["total"]["shallow"], top["rows"], top["rest"])
    assert {"__main__.Node", "__main__.Zone"} <= {row["type"] for row in top["rows"]}
    # a stuck cycle says which of its references the collector does not see
    stuck = [row for row in garbage["cycles"] if row["kind"] == "stuck" and row["steps"]]
    assert stuck and any(step["type"] == "datetime.datetime" and step["unseen"] for row in stuck
                         for step in row["steps"])
    assert all(not step["unseen"] for row in garbage["cycles"] if row["kind"] == "collectable"
               for step in row["steps"])


def test_frozen(distribution, tmp_path):
    arguments = [os.path.join(HERE, "garbage_program.py"), "3", "500", "freeze"]
    with cores.Target(distribution.path, arguments, str(tmp_path)) as target:
        target.wait_ready()
        garbage = program.ask(["--pid", str(target.pid)], ["garbage", "--json"])
        text = program.run(["--pid", str(target.pid), "garbage"]).output
        target.process.stdin.write(b"\n")
        target.process.stdin.flush()
        truth = json.loads(target.process.stdout.readline())
    assert sum(truth["freed"].values()) == 0
    assert classes(garbage) == {"collectable": truth["freed"], "stuck": truth["stuck"]}
    assert garbage["ages"]["frozen"]["count"] > 100
    assert "gc.unfreeze()" in text and "off (gc.disable())" in text
