#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exports a core in every format, has it read by the programs that people open it with, and compares: the sum of all
sizes, and the ten largest retained ones, must be those of `top` and `query`. A program that is not installed is said
and left out; a difference is the exit status.

    python3 -m venv readers && readers/bin/pip install duckdb pandas polars
    npm install --prefix readers --ignore-scripts memlab speedscope chrome-devtools-frontend esbuild puppeteer-core
    readers/bin/python tests/export/readers.py --node readers FILE       FILE: a core of CPython
"""
import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("PYDS_BUILD", os.path.join(HERE, "..", "..", "build"))


class Reading(object):
    def __init__(self, core, folder, node):
        self.core, self.folder, self.node_folder, self.failures = core, folder, node, 0
        self.count, self.total = self.run("top", "--json", "-n", "1")["total"].values()
        rows = self.run("query", "--json", "SELECT retained FROM object WHERE reachable ORDER BY 1 DESC LIMIT 10")
        self.largest = [row[0] for row in rows["rows"]]
        self.garbage = self.run("heap", "--json", "-n", "1")["unreachable"]["shallow"]

    def run(self, *arguments):
        done = subprocess.run([os.path.join(BUILD, "pydeepsize"), "--core", self.core] + list(arguments),
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout.decode())

    def export(self, name, *arguments):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            self.run("export", path, "--json", *arguments)
        return path

    def say(self, reader, total, largest, expected=None):
        is_equal = total == (self.total if expected is None else expected) and (largest is None or
                                                                               list(largest) == self.largest)
        self.failures += not is_equal
        print("%-12s %s" % (reader, "equal" if is_equal else "DIFFERS: %r %r" % (total, largest)), flush=True)

    def node(self, script, *arguments):
        done = subprocess.run(["node", "--max-old-space-size=12000", os.path.join(HERE, script)] + list(arguments),
                              cwd=self.node_folder, stdout=subprocess.PIPE, check=True)
        return [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]


def with_sqlite(reading):
    with sqlite3.connect(reading.export("o.sqlite")) as database:
        total, = database.execute("SELECT sum(shallow) FROM object WHERE reachable").fetchone()
        rows = database.execute("SELECT retained FROM object WHERE reachable ORDER BY 1 DESC LIMIT 10")
        reading.say("sqlite3", total, [row[0] for row in rows])


def with_duckdb(reading):
    import duckdb
    objects = "read_json('%s')" % reading.export("o.jsonl")
    total = duckdb.sql("SELECT sum(shallow) FROM %s WHERE reachable" % objects).fetchall()[0][0]
    rows = duckdb.sql("SELECT retained FROM %s WHERE reachable ORDER BY 1 DESC LIMIT 10" % objects).fetchall()
    reading.say("DuckDB", int(total), [row[0] for row in rows])


def with_pandas(reading):
    import pandas
    frame = pandas.read_csv(reading.export("o.csv"), low_memory=False)
    frame = frame[frame.reachable == 1]
    reading.say("pandas", int(frame.shallow.sum()), [int(one) for one in frame.retained.nlargest(10)])


def with_polars(reading):
    import polars
    frame = polars.read_ndjson(reading.export("o.jsonl"), infer_schema_length=None)
    frame = frame.filter(polars.col("reachable"))
    reading.say("polars", frame["shallow"].sum(), frame["retained"].sort(descending=True, nulls_last=True).head(10))


def with_devtools(reading):
    lines = reading.node("devtools.mjs", reading.export("o.heapsnapshot"), "2000")
    largest = [line["retained"] for line in lines[1:] if line["type"] != "synthetic"]
    reading.say("DevTools", lines[0]["total"], largest[:10], reading.total + reading.garbage)


def with_chromium(reading):
    """DevTools as it is in the browser: its Memory panel, with all that a person sees."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    found = reading.node("devtools_panel.mjs", browser, reading.export("o.heapsnapshot"))[0]
    assert not found["errors"], found
    statement = "SELECT retained FROM object WHERE reachable AND type = '%s' ORDER BY 1 DESC LIMIT 10" % found["type"]
    largest = [row[0] for row in reading.run("query", "--json", statement)["rows"]]
    reading.say("Chromium", found["total"], reading.largest if found["largest"] == largest else found["largest"],
                reading.total + reading.garbage)


def with_memlab(reading):
    found = reading.node("memlab.mjs", reading.export("o.heapsnapshot"))[0]
    reading.say("memlab", found["total"], found["largest"], reading.total + reading.garbage)


def with_pprof(reading):
    done = subprocess.run(["go", "tool", "pprof", "-top", "-unit=bytes", reading.export("o.pb.gz")], check=True,
                          stdout=subprocess.PIPE, env=dict(os.environ, GOFLAGS="-mod=mod"))
    reading.say("pprof", int(re.search(r"of (\d+)B total", done.stdout.decode()).group(1)), None)


def with_speedscope(reading):
    path = reading.export("o.speedscope.json")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    found = reading.node("speedscope.mjs", browser, path)[0]
    with open(path, encoding="ascii") as file:
        weights = json.load(file)["profiles"][0]["weights"]
    assert not found["errors"] and found["title"].startswith("Python heap") and "%)" in found["text"], found
    reading.say("speedscope", sum(weights), None)


def with_graphviz(reading):
    path = reading.export("o.dot", "sys.modules", "--show", "reached")
    done = subprocess.run(["dot", "-Tsvg", path], stdout=subprocess.PIPE, check=True)
    reading.say("graphviz", reading.total if b"</svg>" in done.stdout else 0, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("core")
    parser.add_argument("--node", default=os.path.join(BUILD, "node"), help="folder with node_modules")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        reading = Reading(os.path.abspath(options.core), folder, options.node)
        for read in (with_sqlite, with_duckdb, with_pandas, with_polars, with_devtools, with_chromium, with_memlab,
                     with_pprof, with_speedscope, with_graphviz):
            try:
                read(reading)
            except (ImportError, FileNotFoundError, TypeError, subprocess.CalledProcessError) as error:
                print("%-12s not read: %s" % (read.__name__[5:], error), flush=True)
    return 1 if reading.failures else 0


if __name__ == "__main__":
    sys.exit(main())
