# SPDX-License-Identifier: MIT
"""`referrers` answers for an address that is no object: who has it. The `e.g.` lines name such addresses."""
import os

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torn_program.py")


def test_who_refers_to_a_bad_address(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        _, bad, holder, kept = target.wait_ready().split()
        named = ["--core", cores.gcore(target.pid, str(tmp_path / "core"))]
    heap = program.ask(named, ["heap", "--json"])
    # each bad reference is counted, and the sound object beside it is there
    assert heap["coverage"]["corrupt"] == 3
    assert "0x" + bad in [example["address"] for example in heap["coverage"]["examples"]]
    objects = program.run(named + ["objects", "--json", "-n", "0"]).output
    assert '"0x%s"' % kept in objects
    (answer,) = program.ask(named, ["referrers", "--json", "0x" + bad])["objects"]
    rows = [row for row in answer["referrers"] if row["address"] == "0x" + holder]
    assert [row["label"] for row in rows] == ["[0]", "[1]", "[3]"] and answer["total"] == 3
    text = program.run(named + ["referrers", "0x" + bad]).output
    assert "3 references to it" in text and "0x" + holder in text
