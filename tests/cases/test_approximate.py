# SPDX-License-Identifier: MIT
"""A retained size in which there are objects with approximate references says so, with how many and their bytes."""
import json
import os

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "approximate_program.py")


def test_retained_is_said_to_be_approximate(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        if "lacks" in truth:
            pytest.skip("%s has no type without a decoder: %s" % (each.name, truth["lacks"]))
        named = ["--pid", str(target.pid)]
        asked = [truth["box"], truth["exact"], truth["one"]]
        deep = program.ask(named, ["deepsize", "--json"] + asked)["objects"]
        alone = program.ask(named, ["object", "--json"] + asked)["objects"]
        words = [program.run(named + [command, truth[name]]).output
                 for name in ("box", "exact") for command in ("deepsize", "object")]
    in_box, in_exact, itself = (row["retained_approximate"] for row in deep)
    assert in_box == {"count": 20, "bytes": truth["bytes"]}
    assert in_exact == {"count": 0, "bytes": 0}
    assert itself == {"count": 1, "bytes": deep[2]["shallow"]}
    assert [row["retained_approximate"] for row in alone] == [in_box, in_exact, itself]
    assert in_box["bytes"] <= deep[0]["retained"]
    said = ["20 objects with approximate references, so retained is approximate" in text for text in words]
    assert said == [True, True, False, False]
