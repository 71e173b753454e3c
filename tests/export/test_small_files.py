# SPDX-License-Identifier: MIT
"""Files that show a few things: pictures for graphviz, Markdown for a ticket, snapshots of tracemalloc, answers of SQL,
and what all files have in common: who may read them, and what they hide."""
import csv
import gzip
import json
import os
import re
import shutil
import stat
import subprocess

import pytest

import interpreters

FORMATS = ("html", "md", "heapsnapshot", "pftrace", "pb.gz", "speedscope.json", "folded", "sqlite", "jsonl", "csv",
           "dot", "tracemalloc")


def read_dot(path):
    """Boxes by their name, and arrows, of a file that graphviz takes too where it is installed."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Tsvg", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0 and done.stderr == b"" and b"</svg>" in done.stdout, done.stderr
    string = r'"((?:[^"\\]|\\.)*)"'
    boxes = dict(re.findall(r'^\t(n\d+) \[label=%s' % string, text, re.M))
    arrows = re.findall(r'^\t(n\d+) -> (n\d+)(?: \[label=%s\])?;$' % string, text, re.M)
    assert len(boxes) + len(arrows) == len(re.findall(r"^\tn\d+ ", text, re.M)), text
    assert all(one in boxes and other in boxes for one, other, _ in arrows)
    return boxes, arrows


def test_picture_of_paths(shop, tmp_path):
    target = "__main__.SESSIONS['u:7'].rows"
    boxes, arrows = read_dot(shop.export(tmp_path, "a.dot", target))
    steps = shop.ask("path", target, "-k", "5", "-n", "0")["objects"][0]["paths"]
    drawn = {match for box in boxes.values() for match in re.findall(r"\\n(0x[0-9a-f]+)\\n", box)}
    assert drawn == {step["address"] for path in steps for step in path["steps"]}
    assert not any(path["left_out"] for path in steps)
    cut = shop.ask("path", target, "-k", "5", "-n", "2")["objects"][0]["paths"]
    assert [len(path["steps"]) + path["left_out"] for path in cut] == [len(path["steps"]) for path in steps]
    assert all(path["left_out"] > 0 for path in cut)
    labels = {label for _, _, label in arrows}
    assert {".rows", "['SESSIONS']", ".__dict__"} <= labels


def test_picture_of_referrers_and_of_what_is_reached(shop, tmp_path):
    boxes, arrows = read_dot(shop.export(tmp_path, "a.dot", "__main__.SETTINGS", "--show", "referrers"))
    assert any("dict, 3 entries" in box for box in boxes.values())
    assert "['SETTINGS']" in {label for _, _, label in arrows} and len(boxes) < 30
    boxes, arrows = read_dot(shop.export(tmp_path, "b.gv", "__main__.SETTINGS", "--show", "reached"))
    assert {"['name']", "['limit']"} <= {label for _, _, label in arrows}
    boxes, _ = read_dot(shop.export(tmp_path, "c.dot", "__main__.SESSIONS", "--show", "reached"))
    assert len(boxes) == 200
    more = [int(re.search(r"\.\.\. (\d+) more", box).group(1)) for box in boxes.values() if "more not drawn" in box]
    assert more[0] >= 2 * 2000 - 199
    # What would be markup is text.
    boxes, arrows = read_dot(shop.export(tmp_path, "d.dot", "__main__.SETTINGS", "--show", "reached", "--values"))
    assert any("onerror" in label for _, _, label in arrows)


def test_a_picture_needs_objects(shop, tmp_path):
    path = os.path.join(str(tmp_path), "a.dot")
    for operands, words in (([], "name them after the file"), (["__main__.NOTHING"], "NOTHING"),
                            (["__main__.SETTINGS", "--show", "all"], "--show takes")):
        answer = shop.run("export", path, *operands)
        assert answer.status == 1 and words in answer.errors, answer.errors
    assert os.listdir(str(tmp_path)) == []


def test_markdown_has_the_answers(shop, tmp_path):
    with open(shop.export(tmp_path, "a.md", "deepsize '__main__.SESSIONS' -t", "top -n 3"), encoding="utf-8") as file:
        text = file.read()
    assert text.startswith("# Python heap, CPython ")
    blocks = re.findall(r"^## pydeepsize ([^\n]*)\n\n```text\n(.*?)^```$", text, re.M | re.S)
    assert [command for command, _ in blocks] == ["deepsize '\\_\\_main\\_\\_.SESSIONS' -t", "top -n 3"]
    # As the program says it, but for the width.
    for block, command in zip(blocks, (["deepsize", "__main__.SESSIONS", "-t"], ["top", "-n", "3"])):
        assert set(block[1].split()) == set(shop.run(*command).output.split())
    with open(shop.export(tmp_path, "b.md"), encoding="utf-8") as file:
        assert len(re.findall(r"^## pydeepsize ", file.read(), re.M)) == 5
    for command in ("nonesuch", "deepsize __main__.NOTHING", "top 'x", ""):
        path = os.path.join(str(tmp_path), "c.md")
        assert shop.run("export", path, command).status == 1 and not os.path.exists(path), command


LOADER = """
import json, sys, tracemalloc
one = tracemalloc.Snapshot.load(sys.argv[1])
other = tracemalloc.Snapshot.load(sys.argv[2])
lines = [(stat.traceback[0].filename, stat.traceback[0].lineno, stat.size, stat.count)
         for stat in one.statistics("lineno")]
stacks = one.statistics("traceback")
print(json.dumps([lines, len(stacks), max(len(stat.traceback) for stat in stacks), one.traceback_limit,
                  [stat.size_diff for stat in other.compare_to(one, "lineno")],
                  len(one.filter_traces([tracemalloc.Filter(True, "*shop_program.py")]).traces)]))
"""


def test_snapshot_of_tracemalloc_loads_in_any_python(shop, tmp_path):
    """One of each minor version: the class has other parts in some."""
    path = shop.export(tmp_path, "a.tracemalloc")
    lines = [[row["file"], row["line"], row["size"], row["count"]]
             for row in shop.ask("tracemalloc", "-n", "0")["rows"]]
    pythons = {one.version[:2]: one.path for one in interpreters.find() if one.origin != "frozen"}
    assert pythons
    for version, python in sorted(pythons.items()):
        done = subprocess.run([python, "-c", LOADER, path, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, (version, done.stderr.decode())
        statistics, stacks, deepest, limit, differences, filtered = json.loads(done.stdout.decode())
        assert sorted(statistics) == sorted(lines), version
        assert limit == 5 and 2 <= deepest <= 5 and stacks >= len(lines)
        assert differences and set(differences) == {0} and filtered >= 20


def test_answers_of_sql_as_files(shop, tmp_path):
    statement = "SELECT type, count(*) AS n, sum(shallow) AS shallow FROM object GROUP BY type ORDER BY type"
    rows = shop.rows(statement)
    with open(shop.export(tmp_path, "a.csv", statement), encoding="utf-8", newline="") as file:
        assert [{"type": row["type"], "n": int(row["n"]), "shallow": int(row["shallow"])}
                for row in csv.DictReader(file)] == rows
    with open(shop.export(tmp_path, "a.jsonl", statement), encoding="utf-8") as file:
        assert [json.loads(line) for line in file] == rows
    path = os.path.join(str(tmp_path), "b.csv")
    for operands in (["SELECT nonesuch"], ["SELECT 1", "SELECT 2"], ["SELECT 1", "--table", "object"]):
        assert shop.run("export", path, *operands).status == 1 and not os.path.exists(path)
    assert shop.run("export", os.path.join(str(tmp_path), "b.folded"), "SELECT 1").status == 1


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_private_and_overwrites_nothing(shop, tmp_path, ending):
    # The table of all objects names each of them, which takes long: test_files.py has it.
    more = {"dot": ["__main__.SETTINGS"], "csv": ["--table", "local"], "jsonl": ["--table", "local"]}
    operands = more.get(ending, [])
    path = shop.export(tmp_path, "a." + ending, *operands)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    before = os.stat(path).st_mtime_ns
    answer = shop.run("export", path, *operands)
    assert answer.status == 1 and "--force" in answer.errors and os.stat(path).st_mtime_ns == before
    with open(path, "rb") as file:
        assert b"blue" not in file.read()
    hidden = os.path.join(str(tmp_path), "hidden." + ending)
    answer = shop.run("export", hidden, "--hide-names", *operands)
    if ending in ("html", "md"):
        assert answer.status == 1 and "--hide-names" in answer.errors and not os.path.exists(hidden)
        return
    assert answer.status == 0, answer.errors
    with (gzip.open if ending == "pb.gz" else open)(hidden, "rb") as file:
        content = file.read()
    for name in (b"SESSIONS", b"Session", b"shop_program", b"checkout", b"wait_for_till", b"onerror"):
        assert name not in content, (ending, name)


@pytest.mark.parametrize("table", ("thread", "frame", "local", "task", "trace", "module", "reference", "finding",
                                   "native_block", "root", "type"))
def test_names_are_hidden_in_every_table(shop, tmp_path, table):
    with open(shop.export(tmp_path, "a.jsonl", "--table", table, "--hide-names"), "rb") as file:
        content = file.read()
    assert content or table == "finding"
    for name in (b"SESSIONS", b"Session", b"shop_program", b"checkout", b"wait_for_till", b"/python3"):
        assert name not in content, name
