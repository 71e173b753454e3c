# SPDX-License-Identifier: MIT
"""info: how the garbage collector is set and what it did, as gc says in the process itself."""
import json
import os
import re

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "collector_program.py")


def seconds(told):
    number, unit = told
    return float(number) / (1000 if unit == "ms" else 1)


def test_info_says_what_gc_says(each, tmp_path):
    with cores.Target(each.path, ["-W", "ignore", PROGRAM], str(tmp_path)) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        where = ["--pid", str(target.pid)]
        info, text = program.ask(where, ["info", "--json"]), program.run(where + ["info"]).output
    found = info["collector"]
    assert found["enabled"] is False and found["collecting"] is False and "off (gc.disable())" in text
    assert found["thresholds"][:2] == truth["thresholds"][:2]
    # from 3.14.0 to 3.14.4 and free-threaded the last one has no meaning of its own
    assert found["thresholds"][2] in (truth["thresholds"][2], 0)
    assert found["debug"] == truth["debug"] and "gc.DEBUG_UNCOLLECTABLE is set" in text
    assert found["garbage"] == 2 and "gc.garbage has 2 objects" in text
    assert found["generations"] == [{key: one[key] for key in ("collections", "collected", "uncollectable")}
                                    for one in truth["stats"]]
    assert found["frozen"] == min(truth["frozen"], 1 << 16) > 0
    assert "  {:,} objects frozen\n".format(truth["frozen"]) in text
    if found["history"]:
        assert [one["number"] for one in found["history"] if one["generation"] == 0][-1] == \
            truth["stats"][0]["collections"]
        # Free-threaded builds do not count what a collection goes over: no number is no zero.
        sizes = [one["heap_size"] for one in found["history"]]
        assert all(one is None or one > 0 for one in sizes) and "over 0 objects" not in text
        assert "free-threaded" in info["python"]["build"] or None not in sizes
        young = [one for one in found["history"] if one["generation"] == 0]
        took = re.search(r"  generation 0  .*, ([\d.]+) (m?s) in all(?:, the last ([\d.]+) (m?s))?", text)
        assert took and abs(seconds(took.group(1, 2)) - truth["stats"][0]["duration"]) <= 1e-4, text
        # Some free-threaded builds remember one only.
        assert (took.group(3) is not None) == (len(young) > 1), text
        if len(young) > 1:
            told = (young[-1]["microseconds_in_all"] - young[-2]["microseconds_in_all"]) / 1e6
            assert abs(seconds(took.group(3, 4)) - told) <= 1e-4, text
