# SPDX-License-Identifier: MIT
"""`diff`: what grew between dumps of one process: exactly, by type; the global that grew first; what leaked."""
import os
import shutil

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "growth_program.py")


@pytest.fixture(scope="module")
def growth():
    """[(core, jobs, strings)]: three moments of one process; the last one is live still."""
    folder = cores.scratch("growth")
    moments = []
    try:
        with cores.Target(interpreters.distribution().path, [PROGRAM], folder) as target:
            for number in range(3):
                words = target.wait_ready().split()
                core = os.path.join(folder, "core.%d" % number)
                cores.gcore(target.pid, core)
                moments.append((core, int(words[1]), int(words[2])))
                if number < 2:
                    target.process.stdin.write(b"\n")
                    target.process.stdin.flush()
            yield moments, target.pid
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def diff(core, *arguments):
    return program.ask(["--core", core], ["diff", "--json"] + list(arguments))


def test_two_dumps(growth):
    (first, second, _), _ = growth
    answer = diff(first[0], second[0])
    assert answer["same_process"]
    types = {row["type"]: row for row in answer["types"]}
    assert types["__main__.Job"]["count_delta"] == second[1] - first[1] == 1000
    assert types["str"]["count_delta"] == second[2] - first[2] + 1  # and one name
    assert types["list"]["count_delta"] == 1000
    sizes = {}
    for core in (first[0], second[0]):
        for row in program.ask(["--core", core], ["heap", "--json"])["types"]:
            sizes.setdefault(row["type"], []).append((row["count"], row["shallow"]))
    for name, row in types.items():
        if len(sizes[name]) == 2:
            before, after = sizes[name]
            assert (row["count_delta"], row["shallow_delta"]) == (after[0] - before[0], after[1] - before[1]), name
    assert answer["total"]["count_delta"] == sum(row["count_delta"] for row in answer["types"])
    assert answer["owners"][0]["name"] == "__main__.HISTORY"
    assert not any(row["name"] == "__main__.SETTLED" for row in answer["owners"])
    assert any(row["name"] == "__main__.Registry.names" for row in answer["owners"])


def test_three_dumps_show_the_leak(growth):
    (first, second, third), _ = growth
    answer = diff(first[0], second[0], third[0])
    leaked = {row["type"]: row["count"] for row in answer["object_types"]}
    assert leaked["__main__.Job"] == 1000 and leaked["list"] == 1000
    assert leaked["str"] == second[2] - first[2] + 1
    assert "object" not in leaked, "what was needed for a moment is no leak"
    assert set(leaked) <= {"__main__.Job", "list", "str", "int", "dict"}, leaked
    assert answer["object_count"] == sum(leaked.values())
    text = program.run(["--core", first[0], "diff", second[0], third[0]]).output
    assert text.startswith("It grew by ") and "__main__.HISTORY" in text.split("\n")[0]


def test_live_and_back(growth):
    (first, _, third), pid = growth
    assert diff(first[0], str(pid))["types"] == diff(first[0], third[0])["types"]
    back = diff(third[0], first[0])
    assert {row["type"]: row["count_delta"] for row in back["types"]}["__main__.Job"] == -2000
    assert program.run(["--core", third[0], "diff", first[0]]).output.startswith("It shrank by ")


def test_fail_over(growth):
    (first, second, _), _ = growth
    for limit, status in (("5%", 4), ("99%", 0), ("1K", 4), ("1G", 0)):
        assert program.run(["--core", first[0], "diff", second[0], "--fail-over", limit]).status == status, limit
    assert program.run(["--core", first[0], "diff", first[0], "--fail-over", "0%"]).status == 0
    assert program.run(["--core", first[0], "diff", second[0], "--fail-over", "much"]).status == 1


def test_what_is_no_dump_is_named(growth, tmp_path):
    moments, _ = growth
    other = tmp_path / "no core"
    other.write_bytes(b"nothing")
    answer = program.run(["--core", moments[0][0], "diff", str(other)])
    assert answer.status == 2 and "no core" in answer.errors
    assert program.run(["--core", moments[0][0], "diff"]).status == 1
