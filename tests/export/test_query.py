# SPDX-License-Identifier: MIT
"""SQL over the heap: its answers against those of the other commands, which know nothing of SQL."""
import csv
import io
import json
import os
import signal
import subprocess

import pytest

import program


def test_types_are_those_of_heap(shop):
    rows = shop.rows("SELECT type, count(*) AS count, sum(shallow) AS shallow FROM object WHERE reachable "
                     "GROUP BY type")
    heap = shop.ask("heap", "-n", "0")["types"]
    assert {(row["type"], row["count"], row["shallow"]) for row in rows} == \
        {(row["type"], row["count"], row["shallow"]) for row in heap}


def test_the_order_of_types_is_that_of_a_sort(shop):
    """GROUP BY takes rows in the table's own order; + makes SQLite sort them itself."""
    one = shop.rows("SELECT type, count(*) AS n, sum(retained) AS r FROM object GROUP BY type")
    other = shop.rows("SELECT type, count(*) AS n, sum(retained) AS r FROM object GROUP BY +type")
    assert one == other and len(one) > 50


def test_an_object_is_the_row_of_objects(shop):
    lines = [json.loads(line) for line in shop.run("objects", "--json").output.splitlines()]
    objects = {line["address"]: line for line in lines if "address" in line}
    rows = shop.rows("SELECT address, type, shallow, allocated, reachable, approximate FROM object")
    assert len(rows) == len(objects)
    for row in rows[:: 37]:
        expected = objects[row["address"]]
        assert {name: row[name] for name in row} == {name: expected[name] for name in row}


def test_keys_find_rows_without_looking_at_others(shop):
    rows = shop.rows("SELECT * FROM object WHERE address = %d" % shop.sessions)
    assert [row["type"] for row in rows] == ["dict"] and rows[0]["length"] == 2000
    assert rows[0]["name"] == "__main__.SESSIONS"
    assert shop.rows("SELECT * FROM object WHERE address = %d" % (shop.sessions + 8)) == []
    assert shop.rows("SELECT count(*) AS n FROM object WHERE type = '__main__.Session'") == [{"n": 2000}]
    plan = shop.rows("EXPLAIN QUERY PLAN SELECT * FROM object WHERE type IN ('dict', 'list')")
    assert "VIRTUAL TABLE" in plan[0]["detail"]


def test_references_are_referents_and_referrers(shop):
    address = "0x%x" % shop.settings
    referents = shop.ask("referents", address)["objects"][0]["referents"]
    rows = shop.rows("SELECT target, label, hidden FROM reference WHERE source = %s AND kind != 'class'" % address)
    assert sorted((row["target"], row["label"]) for row in rows) == \
        sorted((one["address"], one["label"]) for one in referents if one["label"] != ".__class__")
    holders = shop.rows("SELECT source, label FROM reference WHERE target = %s" % address)
    assert [row["label"] for row in holders] == ["['SETTINGS']"]
    total = shop.rows("SELECT count(*) AS n FROM reference")[0]["n"]
    grouped = shop.rows("SELECT sum(n) AS n FROM (SELECT count(*) AS n FROM reference GROUP BY kind)")[0]["n"]
    assert total == grouped > 20000


def test_garbage_and_duplicates(shop):
    assert {row["type"]: row["count"] for row in shop.rows("SELECT * FROM garbage")}["list"] >= 1
    row = shop.rows("SELECT * FROM duplicates WHERE type = 'str' AND count = 100")
    assert len(row) == 1
    size = shop.rows("SELECT shallow FROM object WHERE address = %s" % row[0]["example"])[0]["shallow"]
    assert row[0]["saved"] == 99 * size


def test_functions(shop):
    rows = shop.rows("SELECT resolve('__main__.SETTINGS') AS a, describe(resolve('__main__.SETTINGS')) AS d, "
                     "value(resolve('__main__.SETTINGS')) AS v, addr(%d) AS x" % shop.settings)
    assert rows[0]["a"] == shop.settings and rows[0]["x"] == "0x%x" % shop.settings
    assert rows[0]["d"].startswith("dict, 3 entries") and rows[0]["v"] is None
    assert "SETTINGS" in shop.rows("SELECT path(%d) AS p" % shop.settings)[0]["p"]
    answer = shop.run("query", "SELECT resolve('__main__.NOTHING')")
    assert answer.status == 1 and "NOTHING" in answer.errors


def test_values_only_when_asked_for(shop):
    statement = "SELECT value(target) AS v FROM reference WHERE source = %d AND label = \"['name']\"" % shop.settings
    assert shop.rows(statement) == [{"v": None}]
    assert "blue" in shop.rows(statement, "--values")[0]["v"]


def test_nothing_but_questions(shop, tmp_path):
    path = os.path.join(str(tmp_path), "made")
    for statement in ("ATTACH '%s' AS x" % path, "CREATE TABLE x(y)", "DELETE FROM object", "PRAGMA writable_schema=1",
                      "SELECT load_extension('/lib/x.so')", "DROP VIEW garbage", "INSERT INTO object VALUES(1)"):
        answer = shop.run("query", statement)
        assert answer.status == 1 and answer.output == "", statement
    assert not os.path.exists(path)


def test_mistakes_are_explained(shop):
    for statement, words in (("SELECT nonesuch FROM object", "no such column: nonesuch"), ("SELEC 1", "syntax error"),
                             ("SELECT 1; SELECT 2", "one statement"), ("", "no statement"),
                             ("SELECT * FROM nowhere", "no such table")):
        answer = shop.run("query", statement)
        assert answer.status == 1 and words in answer.errors, (statement, answer.errors)
    assert shop.run("query", "SELECT", "1").status == 1


def test_csv_json_and_the_table_agree(shop):
    statement = "SELECT name, count, shallow FROM type WHERE module = '__main__' ORDER BY name"
    text = shop.run("query", statement, "--csv").output
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [{"name": row["name"], "count": int(row["count"]), "shallow": int(row["shallow"])} for row in rows] == \
        shop.rows(statement)
    assert "__main__.Session" in shop.run("query", statement).output
    assert "2 more rows" in shop.run("query", "SELECT * FROM object LIMIT 7", "-n", "5").output


def test_the_list_of_tables_is_whole(shop):
    answer = shop.ask("query")
    for table in answer["tables"]:
        columns = [column["name"] for column in table["columns"]]
        rows = shop.rows("SELECT * FROM %s LIMIT 3" % table["name"])
        assert not rows or list(rows[0]) == columns, table["name"]
    text = shop.run("query").output
    assert all(table["name"] in text for table in answer["tables"])


def test_tables_of_answers_are_the_answers(shop):
    modules = shop.ask("modules", "-n", "0")["modules"]
    assert [(row["name"], row["retained"]) for row in shop.rows("SELECT name, retained FROM module")] == \
        [(one["name"], one["retained"]) for one in modules]
    findings = shop.ask("findings")["findings"]
    assert [row["rule"] for row in shop.rows("SELECT DISTINCT rule FROM finding")] == [one["rule"] for one in findings]
    native = shop.rows("SELECT count(*) AS n, sum(bytes) AS b, sum(owner IS NOT NULL) AS o FROM native_block")[0]
    blocks = shop.ask("native", "-n", "0")["blocks"]
    assert (native["n"], native["b"]) == (len(blocks), sum(one["bytes"] for one in blocks)) and native["n"] > 10
    names = {row["address"]: row["name"] for row in shop.rows("SELECT address, name FROM native_block")}
    owned = [one for one in blocks[:1000] if one["owner"]]
    assert owned and all((names[one["address"]] or "") == one["owner"]["name"] for one in owned)


def test_threads_frames_and_locals_are_those_of_the_commands(shop):
    threads = shop.ask("threads")["threads"]
    rows = shop.rows("SELECT * FROM thread")
    assert [(row["id"], row["name"], row["gil"], row["waits_for"], row["frames"]) for row in rows] == \
        [(one["id"], one["name"], one["gil"], one["waits_for"] and one["waits_for"]["kind"], len(one["frames"]))
         for one in threads]
    waiting = [row for row in rows if row["name"] == "checkout"]
    assert [row["waits_for"] for row in waiting] == ["Lock"] and waiting[0]["daemon"] is True
    stacks = shop.ask("frames", "-n", "0")["threads"]
    frames = [(stack["id"], depth, frame["function"], frame["line"], frame["deep"], frame["retained"])
              for stack in stacks for depth, frame in enumerate(stack["frames"])]
    assert [tuple(row.values()) for row in
            shop.rows("SELECT thread, depth, function, line, deep, retained FROM frame")] == frames
    places = [(stack["id"], depth, one["name"], one["address"], one["type"], one["deep"], one["retained"])
              for stack in stacks for depth, frame in enumerate(stack["frames"]) for one in frame["locals"]]
    assert [tuple(row.values()) for row in shop.rows("SELECT * FROM local")] == places
    basket = shop.rows("SELECT l.type, l.retained FROM local l JOIN frame f ON f.thread = l.thread AND "
                       "f.depth = l.depth WHERE f.function = 'wait_for_till' AND l.name = 'basket'")
    assert len(basket) == 1 and basket[0]["type"] == "list" and basket[0]["retained"] > 50 * 50


def test_tasks_traces_and_regions_are_those_of_the_commands(shop):
    tasks = shop.ask("tasks", "-n", "0")["tasks"]
    rows = shop.rows("SELECT * FROM task")
    assert [(row["address"], row["name"], row["state"], row["number"], row["waits_for"], row["retained"])
            for row in rows] == \
        [(one["address"], one["name"], one["state"], one["group"], one["waits_for"], one["retained"]) for one in tasks]
    chains = [row["chain"] for row in rows if row["chain"] and "check_out" in row["chain"]]
    assert len(chains) == 3 and all(chain.startswith("check_out() shop_program.py:") for chain in chains)
    traced = shop.ask("tracemalloc", "-n", "0")
    total = shop.rows("SELECT count(*) AS n, sum(bytes) AS b FROM trace")[0]
    assert (total["n"], total["b"]) == (sum(one["count"] for one in traced["rows"]), traced["traced"])
    assert total["n"] > 20
    lines = shop.rows("SELECT file, line, sum(bytes) AS size, count(*) AS n FROM trace GROUP BY 1, 2")
    assert sorted((row["file"], row["line"], row["size"], row["n"]) for row in lines) == \
        sorted((one["file"], one["line"], one["size"], one["count"]) for one in traced["rows"])
    memory = shop.ask("memory", "--regions", "-n", "0")
    regions = shop.rows("SELECT * FROM region")
    assert [(row["start"], row["bytes"], row["kind"]) for row in regions] == \
        [(one["start"], one["bytes"], one["kind"]) for one in memory["regions"]]
    assert sum(row["bytes"] for row in regions) == memory["total"]["mapped"]


def test_native_bytes_of_an_object_are_its_blocks(shop):
    blocks = shop.rows("SELECT owner, sum(bytes) AS bytes FROM native_block WHERE owner IS NOT NULL GROUP BY owner")
    rows = shop.rows("SELECT address, native FROM object WHERE native IS NOT NULL")
    assert {row["address"]: row["native"] for row in rows} == {row["owner"]: row["bytes"] for row in blocks}


def test_what_is_not_asked_for_is_not_made(shop):
    """Weights of frames take the graph and a walk each; a statement without them must give the same places."""
    light = shop.rows("SELECT thread, depth, address FROM frame")
    heavy = shop.rows("SELECT thread, depth, address, deep FROM frame")
    assert light == [{name: row[name] for name in row if name != "deep"} for row in heavy] and len(light) >= 3


ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
SILENCE = ("WITH RECURSIVE m(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m LIMIT 20000), "
           "n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM m UNION ALL SELECT count(*) FROM n")
JOIN = ("WITH RECURSIVE m(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m LIMIT 20000) SELECT i FROM m UNION ALL "
        "SELECT count(*) FROM object a, object b, object c WHERE a.shallow + b.shallow < c.length")
TWICE = SILENCE.replace("count(*) FROM n", "count(*) FROM n a JOIN n b ON a.i = b.i")


def test_a_cell_has_a_size(shop):
    """A function that makes one long string cannot be cancelled, so that it must end by itself."""
    answer = shop.run("query", "SELECT length(printf('%.*c', 500000000, 'x'))")
    assert "500000000" not in answer.output.splitlines()[1], answer.output
    answer = shop.run("query", "SELECT hex(zeroblob(16000000))")
    assert answer.status == 1 and "too big" in answer.errors


@pytest.mark.parametrize("statement", (ROWS, SILENCE, JOIN, TWICE), ids=("rows", "silence", "join", "twice"))
def test_an_endless_query_is_cancelled(shop, statement):
    """By an interrupt, while it gives rows, and while it counts what has no end."""
    with subprocess.Popen([program.path()] + shop.target + ["query", "--csv", statement], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        seen = b""
        while b"\n9000\r" not in seen:
            part = process.stdout.read1(1 << 16)
            assert part, process.stderr.read()
            seen += part
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130 and b"cancelled" in errors
