# SPDX-License-Identifier: MIT
"""`diff`: what grew between dumps of one process: exactly, by type; the global that grew first; what leaked."""
import json
import os
import shutil

import pytest

import cores
import gdb_session
import interpreters
import lldb_session
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


def test_memory_of_the_process(growth):
    (first, _, third), _ = growth
    rows = {row["name"]: row for row in diff(first[0], third[0])["memory"]}
    now = program.ask(["--core", third[0]], ["memory", "--json"])
    assert rows["mapped by the process"]["bytes"] == now["total"]["mapped"]
    assert rows["pymalloc arenas: Python objects"]["bytes_delta"] > 2000 * 56
    text = program.run(["--core", first[0], "diff", third[0]]).output
    assert "Memory of the process" in text and "pymalloc arenas: Python objects" in text


def test_survivors_have_names(growth):
    moments, _ = growth
    objects = diff(*[core for core, _, _ in moments])["objects"]
    assert objects and all(row["name"] for row in objects if row["type"] == "__main__.Job")
    assert any(row["name"].startswith("__main__.HISTORY[") for row in objects if row["name"])


@pytest.mark.skipif(program.SANITIZED, reason="the sanitizer keeps what was freed")
def test_one_after_the_other_where_memory_is_short(growth):
    (first, second, third), _ = growth
    command = ["--core", first[0], "diff", second[0], third[0], "--json", "--max-memory"]
    for mebibytes in range(24, 400, 4):
        answer = program.run(command + ["%dM" % mebibytes])
        if answer.status in (0, 3):
            break
        assert "--max-memory leaves" in answer.errors
    found, whole = json.loads(answer.output), diff(first[0], second[0], third[0])
    assert found.pop("one_by_one") and not whole.pop("one_by_one")
    assert found == whole


def test_files_elsewhere(growth, tmp_path):
    """Without its files the first one's layouts come from elsewhere; those of the later ones lie where it is said."""
    (first, second, third), _ = growth
    executable = os.path.realpath(interpreters.distribution().path)
    sysroot = tmp_path / "sysroot"
    os.makedirs(str(sysroot) + os.path.dirname(executable))
    os.symlink(executable, str(sysroot) + executable)
    plain = diff(first[0], second[0])
    assert diff(first[0], second[0], "--exe", executable, "--sysroot", str(sysroot))["types"] == plain["types"]
    # One for each later target, in their order.
    lacks = str(tmp_path / "lacks")
    both = [first[0], "diff", "--json", second[0], third[0]]
    for words, status in ((["--exe", executable, "--exe", "none"], 0), (["--exe", "none", "--exe", lacks], 2),
                          (["--exe", lacks, "--exe", "none"], 2), (["--sysroot", str(sysroot), "--sysroot", "none"], 0),
                          (["--exe", executable] * 3, 1)):
        done = program.run(["--core"] + both + words)
        assert done.status == status, (words, done)
        if status == 2:
            assert lacks in done.errors
            assert "'%s'" % (second if words[1] == lacks else third)[0] in done.errors


@pytest.mark.parametrize("debugger", (gdb_session,) + lldb_session.find(), ids=lambda one: one.NAME)
def test_in_debuggers(growth, debugger):
    if debugger.missing():
        pytest.skip(debugger.missing())
    (first, second, third), _ = growth
    commands = ["diff %s" % second[0], "diff --json -n 5 %s %s" % (second[0], third[0])]
    executable = os.path.realpath(interpreters.distribution().path)
    texts = debugger.batch(debugger.core(executable, first[0]), ["py-" + command for command in commands])
    for command, text in zip(commands, texts):
        alone = program.run(["--core", first[0]] + command.split())
        assert alone.status == 0
        assert debugger.says(text).replace("py-", "").rstrip("\n") == alone.output.rstrip("\n")


def test_what_is_no_dump_is_named(growth, tmp_path):
    moments, _ = growth
    other = tmp_path / "no core"
    other.write_bytes(b"nothing")
    answer = program.run(["--core", moments[0][0], "diff", str(other)])
    assert answer.status == 2 and "no core" in answer.errors
    assert program.run(["--core", moments[0][0], "diff"]).status == 1
