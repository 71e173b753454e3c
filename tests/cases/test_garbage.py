# SPDX-License-Identifier: MIT
"""`garbage` against the collector of the same process: what it frees and what it leaves, by type."""
import json
import os
import re

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


def test_what_c_code_has_for_garbage(each, tmp_path):
    """Its blocks are the garbage's, as many bytes as a collection gives back; those of what is kept are not."""
    with cores.Target(each.path, [os.path.join(HERE, "garbage_native_program.py")], str(tmp_path)) as target:
        made = json.loads(target.wait_ready()[len("READY "):])["made"]
        named = ["--core", cores.gcore(target.pid, str(tmp_path / "core"))]
        target.process.stdin.write(b"\n")
        target.process.stdin.flush()
        freed = json.loads(target.process.stdout.readline())["freed"]
    assert 0.99 * made <= freed <= 1.01 * made
    garbage, native, top, heap, memory = (program.ask(named, arguments + ["--json"]) for arguments in (
        ["garbage"], ["native"], ["top"], ["heap"], ["memory", "--native"]))
    row, = [row for row in garbage["types"] if row["type"] == "zlib.Compress"]
    if each.free_threaded and each.version >= (3, 15):  # zlib's memory is mimalloc's, which does not count it
        assert freed == 0 and made == 0
        freed = 160 * (1 << 18)  # what deflate needs at least
        assert freed <= row["native"] <= 1.35 * freed, row
    else:
        assert freed > 160 * (1 << 18) and 0.97 * freed <= row["native"] <= 1.01 * freed, (row, freed)
    assert row["count"] == 160
    whole = native["garbage"]["bytes"]
    assert whole == memory["native"]["garbage"]["bytes"] == top["unreachable"]["native"] >= row["native"]
    assert whole == heap["unreachable"]["native"] and whole <= row["native"] + 65536
    for rows in (garbage["types"], garbage["cycles"], garbage["ages"].values()):
        assert sum(one["native"] for one in rows) == whole
    cycle = garbage["cycles"][0]
    assert cycle["cycles"] == 80 and cycle["native"] >= row["native"]
    # what is kept has its own, and no more
    owners = {(owner["type"], owner["is_garbage"]): owner["bytes"] for owner in native["by_owner"]}
    assert owners[("zlib.Compress", True)] == row["native"]
    assert 0.97 * row["native"] <= owners[("zlib.Compress", False)] * 160 / 7 <= 1.03 * row["native"]
    # one of them, from the address of a block
    block = [block for block in native["blocks"] if block["holder"] == "garbage"][0]
    assert block["owner"]["type"] == "zlib.Compress"
    start = cycle["steps"][0]["address"]
    deep, = program.ask(named, ["deepsize", "--json", start])["objects"]
    assert deep["retained"] is None and deep["native"] is None
    assert 0.97 * row["native"] / 80 <= deep["native_reached"] <= 1.03 * row["native"] / 80
    check_words(named, block["address"])


def check_words(named, block):
    text = program.run(named + ["garbage"]).output
    assert re.search(r"objects of garbage, [\d.]+ KiB and ~[\d.]+ MiB of C code;", text) and "~Native" in text
    assert re.search(r"owner   ~ zlib.Compress 0x[0-9a-f]+, garbage: no root reaches it\n",
                     program.run(named + ["object", block]).output)
    for command in ("top", "heap", "modules"):
        assert re.search(r"apart: unreachable, and ~[\d.]+ MiB of C code that hang on them;",
                         program.run(named + [command]).output)
    finding, = [one for one in program.ask(named, ["findings", "--json"])["findings"] if one["rule"] == "garbage"]
    assert finding["bytes"] > 32 << 20 and finding["estimated"]
    rows = program.run(named + ["query", "--csv", "SELECT SUM(native) FROM object WHERE type = 'zlib.Compress' AND "
                                "retained IS NULL"]).output
    assert int(rows.split()[-1]) > 32 << 20
    less = program.ask(named, ["garbage", "--json", "--no-native"])
    assert less["types"][0]["native"] is None and "--no-native" in less["native_left_out"]


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
