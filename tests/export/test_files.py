# SPDX-License-Identifier: MIT
"""Files of exports, read by the programs that people open them with, or by what those are made from."""
import csv
import gzip
import json
import os
import shutil
import sqlite3
import stat
import subprocess

import pytest

import program

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_PACKAGES = os.environ.get("PYDS_NODE_PACKAGES") or os.path.join(program.BUILD, "node")


def node_id(address):
    """As helper/export/node_ids.h: of the address, odd, 32 bits."""
    return (address >> 4 & 0x7fffffff) << 1 | 1


def node(script, *arguments):
    """Runs one of our scripts for node, which need packages of npm; the lines of JSON that it prints."""
    if not shutil.which("node") or not os.path.isdir(os.path.join(NODE_PACKAGES, "node_modules")):
        pytest.skip("no node, or no npm packages under %s: .ci/node" % NODE_PACKAGES)
    done = subprocess.run(["node", os.path.join(HERE, script)] + list(arguments), cwd=NODE_PACKAGES,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


class HeapSnapshot(object):
    """The file as its readers see it (HeapSnapshotLoader.ts)."""

    def __init__(self, path):
        with open(path, encoding="ascii") as file:
            document = json.load(file)
        meta = document["snapshot"]["meta"]
        self.strings = document["strings"]
        width = len(meta["node_fields"])
        flat = document["nodes"]
        assert len(flat) == width * document["snapshot"]["node_count"]
        self.nodes = [flat[i:i + width] for i in range(0, len(flat), width)]
        edges = document["edges"]
        assert len(edges) == 3 * document["snapshot"]["edge_count"]
        kinds = meta["edge_types"][0]
        self.edges = []
        at = 0
        for node in self.nodes:
            mine = []
            for _ in range(node[4]):
                kind, name, to = edges[at:at + 3]
                assert to % width == 0
                named = name if kinds[kind] in ("element", "hidden") else self.strings[name]
                mine.append((kinds[kind], named, to // width))
                at += 3
            self.edges.append(mine)
        assert at == len(edges)

    def by_id(self):
        found = {node[2]: index for index, node in enumerate(self.nodes)}
        assert len(found) == len(self.nodes)
        return found


def test_heapsnapshot_has_the_graph(shop, tmp_path):
    snapshot = HeapSnapshot(shop.export(tmp_path, "a.heapsnapshot"))
    heap = shop.ask("heap", "-n", "1")
    assert sum(node[3] for node in snapshot.nodes) == heap["total"]["shallow"] + heap["unreachable"]["shallow"]
    by_id = snapshot.by_id()
    index = by_id[node_id(shop.settings)]
    assert snapshot.strings[snapshot.nodes[index][1]] == "dict"
    names = {name for kind, name, _ in snapshot.edges[index] if kind == "property"}
    assert "['name']" in names and "['limit']" in names
    # Every node is below the first, and only "(GC roots)" is right below it.
    assert len(snapshot.edges[0]) == 1
    seen, queue = {0}, [0]
    while queue:
        for kind, _, to in snapshot.edges[queue.pop()]:
            if kind != "weak" and to not in seen:
                seen.add(to)
                queue.append(to)
    assert len(seen) == len(snapshot.nodes)


@pytest.mark.parametrize("options", ([], ["--collapse-leaves"], ["--min-retained", "10K"],
                                     ["--collapse-leaves", "--min-retained", "1K"]))
def test_devtools_finds_our_retained_sizes(shop, tmp_path, options):
    lines = node("devtools.mjs", shop.export(tmp_path, "a.heapsnapshot", *options), "0")
    nodes = {line["id"]: line for line in lines[1:]}
    rows = shop.rows("SELECT address, shallow, retained, dominator FROM object WHERE reachable")
    compared = 0
    for row in rows:
        found = nodes.get(node_id(int(row["address"], 16)))
        if found is None:
            assert options, row
            continue
        compared += 1
        assert found["retained"] == row["retained"], (row, found)
        if row["dominator"] is not None:
            assert found["dominator"] == node_id(int(row["dominator"], 16)), (row, found)
    assert compared == len(rows) if not options else 20 < compared < len(rows)
    garbage = shop.rows("SELECT sum(shallow) AS s FROM object WHERE NOT reachable")[0]["s"]
    assert lines[0]["total"] == sum(row["shallow"] for row in rows) + garbage


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def message(data):
    """Fields of a Protocol Buffers message: {number: [int or bytes]}."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        else:
            assert tag & 7 == 0
        found.setdefault(tag >> 3, []).append(value)
    return found


def packed(data):
    values, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


def test_perfetto_trace(shop, tmp_path):
    with open(shop.export(tmp_path, "a.pftrace"), "rb") as file:
        packets = [message(packet) for packet in message(file.read())[1]]
    assert len({packet[8][0] for packet in packets}) == 1
    graphs = [message(packet[56][0]) for packet in packets if 56 in packet]
    assert [graph[6][0] for graph in graphs] == list(range(len(graphs)))
    assert [5 in graph for graph in graphs] == [True] * (len(graphs) - 1) + [False]
    objects = [message(one) for graph in graphs for one in graph.get(2, ())]
    types = {message(one)[1][0]: message(one)[3][0].decode() for graph in graphs for one in graph.get(9, ())}
    fields = {message(one)[1][0]: message(one)[2][0].decode() for graph in graphs for one in graph.get(4, ())}
    heap = shop.ask("heap", "-n", "1")
    assert sum(one[3][0] for one in objects) == heap["total"]["shallow"] + heap["unreachable"]["shallow"]
    sessions = [one for one in objects if types[one[2][0]] == "__main__.Session"]
    assert len(sessions) == 2000
    for one in objects:
        names, targets = (packed(one[number][0]) if number in one else [] for number in (4, 5))
        assert len(names) == len(targets) and 0 not in targets and all(name in fields for name in names)
    names = [fields[name] for name in packed(sessions[0][4][0])]
    assert {".user", ".rows", ".me"} <= set(names) and not any(" " in name for name in fields.values())
    # Objects that the roots reach are those that are reachable here.
    edges = {one[1][0]: packed(one[5][0]) if 5 in one else [] for one in objects}
    queue = [root for graph in graphs for one in graph.get(7, ()) for root in packed(message(one)[1][0])]
    seen = set(queue)
    while queue:
        for target in edges[queue.pop()]:
            if target not in seen:
                seen.add(target)
                queue.append(target)
    assert len(seen) == heap["total"]["count"]


def stacks_of_pprof(path):
    with gzip.open(path) as file:
        profile = message(file.read())
    strings = [string.decode() for string in profile[6]]
    functions = {message(one)[1][0]: strings[message(one)[2][0]] for one in profile[5]}
    locations = {message(one)[1][0]: functions[message(message(one)[4][0])[1][0]] for one in profile[4]}
    for sample in map(message, profile[2]):
        count, size = packed(sample[2][0])
        yield [locations[one] for one in reversed(packed(sample[1][0]))], count, size


@pytest.mark.parametrize("along", ("dominator", "path"))
def test_profiles_agree_with_each_other_and_with_retained(shop, tmp_path, along):
    stacks = {}
    for stack, _, size in stacks_of_pprof(shop.export(tmp_path, "a.pb.gz", "--along", along)):
        stacks[";".join(stack)] = stacks.get(";".join(stack), 0) + size
    total = shop.ask("heap", "-n", "1")["total"]["shallow"]
    assert sum(stacks.values()) == total
    with open(shop.export(tmp_path, "a.folded", "--along", along), encoding="utf-8") as file:
        folded = dict(line.rstrip("\n").rsplit(" ", 1) for line in file)
    assert {name: str(size) for name, size in stacks.items() if size} == folded
    with open(shop.export(tmp_path, "a.speedscope.json", "--along", along), encoding="ascii") as file:
        document = json.load(file)
    frames = [frame["name"] for frame in document["shared"]["frames"]]
    shown = document["profiles"][0]
    assert sum(shown["weights"]) == shown["endValue"] == total
    assert {";".join(frames[one] for one in stack) for stack in shown["samples"]} == set(folded)
    if along == "dominator":
        below = [size for name, size in stacks.items() if "['SESSIONS']: dict" in name.split(";")]
        assert sum(below) == shop.ask("deepsize", "__main__.SESSIONS")["objects"][0]["retained"]


def test_go_reads_the_profile(shop, tmp_path):
    if not shutil.which("go"):
        pytest.skip("no go: `go tool pprof -top FILE` is the check by hand")
    path = shop.export(tmp_path, "a.pb.gz")
    done = subprocess.run(["go", "tool", "pprof", "-top", "-nodecount=500", "-unit=bytes", path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=dict(os.environ, HOME=str(tmp_path), GOFLAGS="-mod=mod"))
    assert done.returncode == 0, done.stderr
    cum = {line.split()[-2] + " " + line.split()[-1]: line.split()[3] for line in done.stdout.decode().splitlines()
           if line.strip().endswith(" dict")}
    retained = shop.ask("deepsize", "__main__.SESSIONS")["objects"][0]["retained"]
    assert cum["['SESSIONS']: dict"] == "%dB" % retained


def test_sqlite_file_answers_as_the_query_command(shop, tmp_path):
    path = shop.export(tmp_path, "a.sqlite")
    with sqlite3.connect(path) as database:
        for statement in ("SELECT type, count(*), sum(shallow) FROM object GROUP BY type ORDER BY 1",
                          "SELECT count(*) FROM reference",
                          "SELECT kind, count(*) FROM reference GROUP BY 1 ORDER BY 1", "SELECT * FROM garbage",
                          "SELECT type, holder, count, shallow FROM held_by ORDER BY 4, 1, 2, 3",
                          "SELECT count, saved FROM duplicates ORDER BY 1, 2",
                          "SELECT name, count FROM type ORDER BY 1, 2",
                          "SELECT kind, count(*) FROM root GROUP BY 1 ORDER BY 1", "SELECT * FROM warning"):
            expected = shop.ask("query", statement)["rows"]
            assert [list(row) for row in database.execute(statement)] == expected, statement
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for table in ("object", "reference"):
            cursor = database.execute("SELECT * FROM %s ORDER BY 1" % table)
            names = [column[0] for column in cursor.description if column[0] not in ("content", "slot")]
            rows = [list(row) for row in database.execute("SELECT %s FROM %s" % (", ".join(names), table))]
            asked = shop.ask("query", "SELECT %s FROM %s" % (", ".join(names), table))["rows"]
            assert rows == [[int(cell, 16) if str(cell).startswith("0x") else cell for cell in row] for row in asked]
        for where in ("reference WHERE target = 1", "object WHERE type = 'str'", "object WHERE dominator = 1"):
            assert "INDEX" in str(database.execute("EXPLAIN QUERY PLAN SELECT * FROM " + where).fetchall())
    hidden = shop.export(tmp_path, "hidden.sqlite", "--hide-names")
    with sqlite3.connect(hidden) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not database.execute("SELECT * FROM object WHERE type LIKE '%Session%'").fetchall()


def test_lines_of_json_and_csv(shop, tmp_path):
    with open(shop.export(tmp_path, "a.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    rows = shop.rows("SELECT * FROM object")
    # Names are in a file whose statement asks for them.
    named = shop.export(tmp_path, "n.jsonl", "SELECT address, name FROM object WHERE name = '__main__.SESSIONS'")
    with open(named, encoding="utf-8") as file:
        assert [json.loads(line)["name"] for line in file] == ["__main__.SESSIONS"]
    for row in rows:
        del row["name"]
    for row in lines + rows:
        has_content = row.pop("content") is not None
        assert has_content or row["type"] not in ("str", "bytes", "bytearray"), row
        assert not has_content or row["type"] not in ("dict", "list", "float", "__main__.Session"), row
    assert lines == rows
    with open(shop.export(tmp_path, "r.csv", "--table", "reference"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shop.rows("SELECT count(*) AS n FROM reference")[0]["n"]
    assert "0x%x" % shop.settings in {row["source"] for row in rows}
    assert shop.run("export", os.path.join(str(tmp_path), "x.csv"), "--table", "nothing").status == 1


def test_files_are_the_owners_and_nothing_is_overwritten(shop, tmp_path):
    path = shop.export(tmp_path, "a.folded")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    before = os.stat(path).st_mtime_ns
    answer = shop.run("export", path)
    assert answer.status == 1 and "--force" in answer.errors and os.stat(path).st_mtime_ns == before
    assert shop.run("export", path, "--force").status == 0
    link = os.path.join(str(tmp_path), "link.folded")
    os.symlink(os.path.join(str(tmp_path), "elsewhere"), link)
    assert shop.run("export", link).status == 1
    assert shop.run("export", os.path.join(str(tmp_path), "no", "a.folded")).status != 0
    assert shop.run("export", os.path.join(str(tmp_path), "a.unknown")).status == 1
    assert sorted(os.listdir(str(tmp_path))) == ["a.folded", "link.folded"]


def test_a_full_disk_is_said_and_leaves_nothing(shop):
    answer = shop.run("export", "/dev/full/x.csv")
    assert answer.status != 0 and "/dev/full/x.csv" in answer.errors


@pytest.mark.parametrize("name", ("a.heapsnapshot", "a.pftrace", "a.folded", "a.speedscope.json"))
def test_hidden_names_and_values(shop, tmp_path, name):
    with open(shop.export(tmp_path, name), "rb") as file:
        plain = file.read()
    assert b"SESSIONS" in plain and b"blue" not in plain
    with open(shop.export(tmp_path, "hidden-" + name, "--hide-names"), "rb") as file:
        hidden = file.read()
    assert b"SESSIONS" not in hidden and b"Session" not in hidden and b"blue" not in hidden
    if name == "a.heapsnapshot":
        with open(shop.export(tmp_path, "values-" + name, "--values"), "rb") as file:
            assert b"blue" in file.read()


def test_the_list_of_formats(shop):
    formats = shop.ask("export")["formats"]
    text = shop.run("export").output
    assert len(formats) >= 8 and all(one["name"] in text for one in formats)


def test_page_in_a_real_browser(shop, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no Chromium")
    path = shop.export(tmp_path, "report.html")
    assert os.path.getsize(path) < 3 << 20
    seen = node("page.mjs", browser, path)[0]
    assert seen["errors"] == [] and seen["requests"] == ["file://" + path] and seen["dialogs"] == 0
    assert seen["ready"] and {"Picture", "Types", "Modules", "Frames"} <= set(seen["sections"])
    # A bar zooms in, Backspace out.
    assert seen["crumbs"]["first"] != seen["crumbs"]["zoomed"] and seen["crumbs"]["first"] == seen["crumbs"]["back"]
    assert seen["bars"]["icicle"] > 20 and seen["bars"]["treemap"] > 20
    # Sorting by a heading, both ways.
    assert seen["sorted"]["down"] == sorted(seen["sorted"]["down"], reverse=True)
    assert seen["sorted"]["up"] == sorted(seen["sorted"]["up"])
    assert 0 < seen["found"] < seen["rows"]
    # Names that are markup are text.
    assert seen["scripts"] == 3 and seen["images"] == 0
    assert any("<script>alert(1)</script>" in name for name in seen["types"])
    assert seen["themes"][0] != seen["themes"][1]


def page_data(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    start = text.index(">", text.index('id="data"')) + 1
    return json.loads(text[start:text.index("</script>", start)])


def test_page_of_what_grew(shop, tmp_path):
    """From a core to itself nothing grew; the page is that of the later one, with the answer of diff before."""
    path = shop.export(tmp_path, "growth.html", shop.core)
    data, alone = page_data(path), page_data(shop.export(tmp_path, "alone.html"))
    assert data["diff"] == shop.ask("diff", shop.core, "-n", "300")
    assert data["diff"]["total"]["count_delta"] == 0 and "diff" not in alone
    assert data["heap"] == alone["heap"] and data["tree"] == alone["tree"] and os.path.getsize(path) < 3 << 20
    path = os.path.join(str(tmp_path), "no.html")
    answer = shop.run("export", path, os.path.join(str(tmp_path), "nothing"))
    assert answer.status != 0 and "nothing" in answer.errors and not os.path.exists(path)


def test_page_shows_no_values_unless_asked(shop, tmp_path):
    with open(shop.export(tmp_path, "report.html"), encoding="utf-8") as file:
        text = file.read()
    assert "blue" not in text.split('id="data"')[1].split("</script>")[0]
