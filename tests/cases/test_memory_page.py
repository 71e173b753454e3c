# SPDX-License-Identifier: MIT
"""What docs/memory.md says of C code that forgets what it took (the page itself is written by memory_page.py): the
blocks that nothing leads to, of one size, and that it is they which grew."""
import os
import shutil

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
TURN = 1900 * 48048  # bytes that a turn loses: chunks of malloc


@pytest.fixture(scope="module")
def answers(distribution):
    """native, memory, their text and that of diff a turn later; memory --native."""
    folder = cores.scratch("memory_page")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "memory_page_program.py"), "extension", "0.5"],
                          folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
            target.process.stdin.write(b"x")
            target.process.stdin.flush()
            target.wait_ready()
            yield (program.ask(["--core", core], ["native", "--json"]),
                   program.ask(["--core", core], ["memory", "--json"]),
                   program.run(["--core", core, "native", "-n", "3"]).output,
                   program.run(["--core", core, "diff", str(target.pid), "-n", "2"]).output,
                   program.ask(["--core", core], ["memory", "--json", "--native"]))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_what_c_code_lost_is_seen(answers):
    native, memory, text, _, _ = answers
    assert [one["kind"] for one in memory["verdict"]] == ["native"]
    most = native["unseen_most"]
    # One word of 32 bits in millions may look like the address of a block, where the heap lies low.
    assert most["at_least"] == 32768 and 0.99 * TURN < most["bytes"] < 1.01 * TURN
    unseen, = [row for row in native["by_owner"] if row["type"] == "nothing seen"]
    assert native["unseen"]["bytes"] == unseen["bytes"] >= most["bytes"]
    assert "blocks of 32.0 KiB to 64.0 KiB" in text and most["example"] in text
    # The same by size, all powers of two whatever the limit.
    rows = text[text.index("\nBy size\n"):text.index("\nThe largest blocks\n")].strip().split("\n")[2:]
    sizes = native["by_size"]
    assert len(rows) == len(sizes) and sum(row["count"] for row in sizes) == native["total"]["count"]
    row, = [row.split() for row in rows if row.split()[3:5] == ["32.0", "KiB"]]
    assert row[1] == row[6] == "MiB", row


def test_what_grew_is_no_objects(answers):
    lines = answers[3].split("\n")
    assert lines[0].startswith("It grew by ") and "__main__.STREAMS" in lines[0]
    assert lines[1].startswith("What grew more is no object's: malloc heaps: in use by C code +")


def parts_of(part):
    return [part] + [one for below in part["parts"] for one in parts_of(below)]


def test_memory_says_what_leads_to_blocks_of_c_code(answers):
    native, without, memory = answers[0], answers[1], answers[4]
    assert without["native"] is None
    assert memory["native"] == {holder: native[holder] for holder in ("owned", "garbage", "static", "trees", "unseen")}
    heaps, = [part for part in parts_of(memory["tree"][0]) if part["name"] == "malloc heaps"]
    used, = [part for part in heaps["parts"] if part["name"] == "in use by C code"]
    leads = {one["name"]: one for one in used["of_which"] if "~" in one["name"] or "trees" in one["name"]}
    assert leads["of it ~ nothing seen leads to it"]["bytes"] >= native["unseen_most"]["bytes"]
    assert sum(one["bytes"] for one in leads.values()) == used["bytes"]
    assert sum(one["count"] for one in leads.values()) == used["count"]
