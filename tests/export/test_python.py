# SPDX-License-Identifier: MIT
"""The package `pydeepsize`: its interface against the program's JSON, and the wheel that people install."""
import importlib
import json
import os
import subprocess
import sys
import threading
import venv
import zipfile

import pytest

import program

PACKAGE = os.path.join(program.ROOT, "python")
pytestmark = pytest.mark.skipif(program.SANITIZED, reason="the library with sanitizers cannot be loaded into Python")


@pytest.fixture(scope="module")
def pydeepsize():
    os.environ.setdefault("PYDS_BUILD", program.BUILD)
    sys.path.insert(0, PACKAGE)
    yield importlib.import_module("pydeepsize")
    sys.path.remove(PACKAGE)


@pytest.fixture(scope="module")
def target(pydeepsize, shop):
    with pydeepsize.open(shop.core) as opened:
        yield opened


def test_an_object_says_what_the_commands_say(target, shop):
    sessions = target["__main__.SESSIONS"]
    expected = shop.ask("deepsize", "__main__.SESSIONS")["objects"][0]
    assert sessions.address == shop.sessions == int(expected["address"], 16)
    assert (sessions.type, sessions.shallow, sessions.deep(), sessions.retained) == \
        ("dict", expected["shallow"], expected["deep"], expected["retained"])
    assert sessions.name == "__main__.SESSIONS" and sessions.path()[-1] == "['SESSIONS']"
    first = sessions["u:1"]
    assert first.type == "__main__.Session" and first.attribute("rows").type == "list"
    assert {reference.label for reference in first.referents()} >= {".user", ".rows", ".me"}
    assert target[first.address] == first and first in {reference.object for reference in sessions.referents()}
    assert any(reference.object == sessions for reference in first.referrers())


def test_every_command_is_a_method(target, shop):
    commands = set(program.commands()) - {"help"}
    assert commands and commands <= set(dir(target))
    assert target.heap(limit=3) == shop.ask("heap", "-n", "3")
    assert target.sizeof(target["__main__.SETTINGS"])["objects"][0]["shallow"] > 0
    assert "Options" in target.top.__doc__
    with pytest.raises(AttributeError):
        target.no_such_command()


def test_objects_and_types(target, shop):
    found = list(target.objects(type="__main__.Session"))
    assert len(found) == 2000 and all(one.type == "__main__.Session" for one in found)


def test_types_and_frames(target, shop):
    heap = shop.ask("heap", "-n", "0")["types"]
    assert [(one.name, one.objects, one.shallow) for one in target.types()] == \
        [(row["type"], row["count"], row["shallow"]) for row in heap]
    frames = list(target.stack())
    assert [(one.function, one.line) for one in frames if one.number == 0] == \
        [(thread["frames"][0]["function"], thread["frames"][0]["line"]) for thread in shop.ask("frames")["threads"]]
    assert "<module>" in [one.function for one in frames]
    local = next(value for one in frames for value in one.locals.values())
    assert local.shallow > 0 and "shallow" in local._repr_html_()
    assert target.complete("__main__.SET") == ["__main__.SETTINGS"] and target.commands()["heap"]["usage"]


def test_everything_public_says_what_it_does(pydeepsize):
    """Docstrings, with units where there are numbers, and types: mypy --strict is a command in docs/testing.md."""
    for name in pydeepsize.__all__:
        thing = getattr(pydeepsize, name)
        assert thing.__doc__, name
        if not isinstance(thing, type) or issubclass(thing, (Exception, tuple)):
            continue
        for part, value in vars(thing).items():
            function = value.fget if isinstance(value, property) else value
            if callable(function) and not part.startswith("_"):
                assert function.__doc__, "%s.%s" % (name, part)
                assert "return" in function.__annotations__, "%s.%s" % (name, part)
    for size in ("shallow", "allocated", "retained", "deep"):
        assert "Bytes" in vars(pydeepsize.Object)[size].__doc__


def test_the_notebook_runs(shop, tmp_path):
    """docs/culprit.ipynb, from a core to the culprit."""
    pytest.importorskip("matplotlib", reason="no matplotlib")
    path = os.path.join(program.ROOT, "docs", "culprit.ipynb")
    copy = os.path.join(str(tmp_path), "culprit.ipynb")
    with open(path, encoding="utf-8") as file, open(copy, "w", encoding="utf-8") as written:
        written.write(file.read())
    environment = dict(os.environ, CORE=shop.core, PYTHONPATH=PACKAGE, PYDS_BUILD=program.BUILD)
    done = subprocess.run([sys.executable, os.path.join(program.ROOT, "tests", "support", "notebook.py"), copy,
                           "--write"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    assert done.returncode == 0, done.stdout.decode()[-3000:]
    with open(copy, encoding="utf-8") as file:
        outputs = [output for cell in json.load(file)["cells"] for output in cell.get("outputs", [])]
    text = json.dumps(outputs)
    assert "__main__.SESSIONS is a dict and retains" in text
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert any("<table" in "".join(output.get("data", {}).get("text/html", "")) for output in outputs)


def test_the_program_hands_over_what_is_the_package_s(tmp_path):
    """`pydeepsize gdb`, `lldb` and `mcp` of the C program, as the Debian package has it."""
    environment = dict(os.environ, PYDS_BUILD=program.BUILD, PYTHONPATH=PACKAGE)
    answer = program.run(["mcp", "--help"], env=environment)
    assert answer.status == 0 and "--values" in answer.output
    alone = program.run(["mcp", "--help"], env=dict(environment, PATH=str(tmp_path)))
    assert alone.status == 2 and "python3" in alone.errors


def total(rows, key):
    return sum(row[key] for row in rows)


# What is asked, in SQL, of the commands' JSON, and of Python.
QUESTIONS = (
    ("SELECT count(*) FROM object WHERE reachable", lambda ask: ask("heap", "-n", "1")["total"]["count"],
     lambda target: target.heap(limit=1)["total"]["count"]),
    ("SELECT sum(shallow) FROM object WHERE reachable", lambda ask: ask("heap", "-n", "1")["total"]["shallow"],
     lambda target: target.top(limit=1)["total"]["shallow"]),
    ("SELECT count(*) FROM object WHERE type = '__main__.Session'",
     lambda ask: ask("heap", "--type", "__main__.Session")["types"][0]["count"],
     lambda target: len(list(target.objects(type="__main__.Session")))),
    ("SELECT sum(shallow) FROM object WHERE reachable AND type = 'str'",
     lambda ask: ask("heap", "--type", "str")["types"][0]["shallow"],
     lambda target: target.heap(type="str")["types"][0]["shallow"]),
    ("SELECT shallow FROM object WHERE address = resolve('__main__.SESSIONS')",
     lambda ask: ask("sizeof", "__main__.SESSIONS")["objects"][0]["shallow"],
     lambda target: target["__main__.SESSIONS"].shallow),
    ("SELECT allocated FROM object WHERE address = resolve('__main__.SESSIONS')",
     lambda ask: ask("sizeof", "__main__.SESSIONS")["objects"][0]["allocated"],
     lambda target: target["__main__.SESSIONS"].allocated),
    ("SELECT retained FROM object WHERE address = resolve('__main__.SESSIONS')",
     lambda ask: ask("deepsize", "__main__.SESSIONS")["objects"][0]["retained"],
     lambda target: target["__main__.SESSIONS"].retained),
    ("SELECT retained FROM object WHERE address = resolve('__main__.TWICE')",
     lambda ask: ask("path", "__main__.TWICE")["objects"][0]["retained"],
     lambda target: target["__main__.TWICE"].retained),
    ("SELECT type FROM object WHERE address = resolve('__main__.SESSIONS[''u:1'']')",
     lambda ask: ask("object", "__main__.SESSIONS['u:1']")["objects"][0]["type"],
     lambda target: target["__main__.SESSIONS"]["u:1"].type),
    ("SELECT name(resolve('__main__.SETTINGS'))", lambda ask: ask("path", "__main__.SETTINGS")["objects"][0]["name"],
     lambda target: target["__main__.SETTINGS"].name),
    ("SELECT count(*) FROM reference WHERE source = resolve('__main__.SETTINGS') AND kind != 'class'",
     lambda ask: len([one for one in ask("referents", "__main__.SETTINGS", "-n", "0")["objects"][0]["referents"]
                      if one["label"] != ".__class__"]),
     lambda target: len([one for one in target["__main__.SETTINGS"].referents() if one.label != ".__class__"])),
    ("SELECT count(*) FROM reference WHERE target = resolve('__main__.SETTINGS')",
     lambda ask: len(ask("referrers", "__main__.SETTINGS")["objects"][0]["referrers"]),
     lambda target: len(target["__main__.SETTINGS"].referrers())),
    ("SELECT retained FROM object WHERE type = 'module' AND name(address) = '__main__'",
     lambda ask: ask("deepsize", "module:__main__")["objects"][0]["retained"],
     lambda target: target["module:__main__"].retained),
    ("SELECT count(*) FROM object WHERE NOT reachable", lambda ask: ask("heap", "-n", "1")["unreachable"]["count"],
     lambda target: sum(row[1] for row in target.query("SELECT * FROM garbage"))),
    ("SELECT sum(shallow) FROM object WHERE NOT reachable",
     lambda ask: ask("heap", "-n", "1")["unreachable"]["shallow"],
     lambda target: target.heap(limit=1)["unreachable"]["shallow"]),
    ("SELECT retained FROM module WHERE name = '__main__'",
     lambda ask: [one for one in ask("modules", "-n", "0")["modules"] if one["name"] == "__main__"][0]["retained"],
     lambda target: [one for one in target.modules(limit=0)["modules"] if one["name"] == "__main__"][0]["retained"]),
    ("SELECT count(*) FROM thread", lambda ask: len(ask("threads")["threads"]),
     lambda target: len(target.threads()["threads"])),
    ("SELECT count(*) FROM task", lambda ask: len(ask("tasks", "-n", "0")["tasks"]),
     lambda target: len(target.table("task").rows())),
    ("SELECT sum(bytes) FROM region", lambda ask: ask("memory")["total"]["mapped"],
     lambda target: target.memory()["total"]["mapped"]),
    ("SELECT sum(bytes) FROM trace", lambda ask: total(ask("tracemalloc", "-n", "0")["rows"], "size"),
     lambda target: target.tracemalloc(limit=0)["traced"]),
)


def test_twenty_questions_have_one_answer(target, shop):
    """SQL by the program and by the package, the commands' JSON, and Python's own words."""
    assert len(QUESTIONS) == 20
    for statement, by_json, by_python in QUESTIONS:
        answer = target.query(statement)[0][0]
        assert answer is not None and answer != 0, statement
        assert answer == by_json(shop.ask) == by_python(target), statement
        assert [[answer]] == shop.ask("query", statement)["rows"], statement


def test_rows_go_on_elsewhere(target, tmp_path):
    rows = target.query("SELECT type, retained, reachable, name(address) AS name, shallow * 1.5 AS half, address "
                        "FROM object LIMIT 500")
    assert len(rows) == 500 and rows[:2].dicts()[0]["type"] == rows.column("type")[0]
    frame = rows.to_pandas()
    assert list(frame.columns) == rows.columns and frame["retained"].sum() == sum(rows.column("retained"))
    assert "<td>" in rows._repr_html_() and "450 more rows" in rows._repr_html_()
    pyarrow = pytest.importorskip("pyarrow", reason="no pyarrow")
    table = pyarrow.table(rows)
    assert table.to_pylist() == rows.dicts()
    assert [str(field.type) for field in table.schema] == ["large_string", "int64", "bool", "large_string", "double",
                                                           "large_string"]
    path = os.path.join(str(tmp_path), "rows.parquet")
    rows.to_parquet(path)
    assert pyarrow.parquet.read_table(path).num_rows == 500
    del table
    arrow = importlib.import_module("pydeepsize.arrow")
    assert not arrow._alive and not arrow._capsules


def test_columns_are_what_rows_are(target, tmp_path):
    """Each kind of column, expressions that change their kind on the way, and nothing at all."""
    pyarrow = pytest.importorskip("pyarrow", reason="no pyarrow")
    for statement, types in (
            ("SELECT type, address, shallow, retained, reachable, name(address) AS name, shallow * 1.5 AS half "
             "FROM object LIMIT 3000", ["large_string", "uint64", "int64", "int64", "bool", "large_string", "double"]),
            ("SELECT 1 AS a UNION ALL SELECT 2.5 UNION ALL SELECT NULL UNION ALL SELECT 3", ["double"]),
            ("SELECT NULL AS a UNION ALL SELECT 7 UNION ALL SELECT 'seven' UNION ALL SELECT 8", ["large_string"]),
            ("SELECT address, type FROM object WHERE address = 1", ["uint64", "large_string"]),
            ("SELECT NULL AS a", ["int64"])):
        table = pyarrow.table(target.arrow(statement))
        table.validate(full=True)
        assert [str(field.type) for field in table.schema] == types, statement
        rows = target.query(statement)
        expected = [tuple(int(cell, 16) if kind == "uint64" and cell is not None else
                          str(cell) if kind == "large_string" and cell is not None else cell
                          for cell, kind in zip(row, types)) for row in rows]
        assert [tuple(row.values()) for row in table.to_pylist()] == expected, statement
    for broken in ("SELEC", "SELECT * FROM nowhere", "DROP TABLE object"):
        with pytest.raises(Exception, match="SELEC|nowhere|DROP|statement"):
            pyarrow.table(target.arrow(broken))
    assert pyarrow.table(target.arrow("SELECT CAST(x'41ff42' AS TEXT) AS t")).to_pylist() == [{"t": "A?B"}]


def test_a_whole_table(target, shop, tmp_path):
    """Of which nothing becomes a Python object; parts of it outlive the target and its batch."""
    pyarrow = pytest.importorskip("pyarrow", reason="no pyarrow")
    frame = target.table("object").to_pandas()
    total = shop.ask("heap", "-n", "1")["total"]
    assert (frame.reachable.sum(), frame.shallow[frame.reachable].sum()) == (total["count"], total["shallow"])
    assert target[int(frame.address[0])].type == frame.type[0]
    column = pyarrow.table(target.table("type"))["name"]
    assert "__main__.Session" in column.to_pylist()
    path = os.path.join(str(tmp_path), "types.parquet")
    target.table("type").to_parquet(path)
    assert pyarrow.parquet.read_table(path).num_rows == len(target.table("type").rows()) == len(column)
    unused = target.table("type").__arrow_c_stream__()
    del unused
    assert not importlib.import_module("pydeepsize.arrow")._capsules
    assert len(target.table("object").rows(7)) == 7 and "<td>" in target.table("type")._repr_html_()
    for name in ("polars", "duckdb"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        objects = target.table("object")
        assert (module.DataFrame(objects).height if name == "polars" else
                module.sql("SELECT count(*) FROM objects").fetchall()[0][0]) == len(frame)


def test_names_cannot_inject_markup(target):
    assert "<script>" not in target.query("SELECT name FROM type")._repr_html_()


def test_mistakes_are_sentences(target, pydeepsize, shop, tmp_path):
    for wrong in (lambda: target["__main__.NOTHING"], lambda: target.query("SELEC"), lambda: target.heap(sort="x"),
                  lambda: target.table("a b"), lambda: pydeepsize.open(os.path.join(str(tmp_path), "nowhere"))):
        with pytest.raises(pydeepsize.Failure) as failure:
            wrong()
        assert len(str(failure.value)) > 10
    with pytest.raises(TypeError):
        pydeepsize.open()
    closed = pydeepsize.open(shop.core)
    closed.close()
    closed.close()
    with pytest.raises(pydeepsize.Failure):
        closed.heap()


def test_a_second_thread_is_told(pydeepsize, shop):
    seen = []

    def ask(_done, _total):
        def other():
            try:
                target.info()
            except RuntimeError as error:
                seen.append(str(error))
        if target is not None and not seen:
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
    target = None
    target = pydeepsize.open(shop.core, progress=ask)
    target.query("SELECT count(*) FROM reference a, (SELECT 1 FROM object LIMIT 40) b")
    target.close()
    assert seen and "another thread" in seen[0]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("wheel"))
    # With what is built already: compiling it once more is `python/make_wheel.py`, which docs/testing.md names.
    done = subprocess.run([sys.executable, "-c", "import backend, sys; print(backend.build_sdist(sys.argv[1])); "
                           "print(backend.build_wheel(sys.argv[1], {'compiled': sys.argv[2]}))", folder, program.BUILD],
                          cwd=PACKAGE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()[-3000:]
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def test_the_wheel_works_where_nothing_else_is(wheel, shop, tmp_path):
    path = next(one for one in wheel if one.endswith(".whl"))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and "pydeepsize/py.typed" in archive.namelist()
    folder = os.path.join(str(tmp_path), "fresh")
    venv.create(folder, with_pip=True)
    python = os.path.join(folder, "bin", "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", path],
                   check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYDS_", "PYDEEPSIZE_"))}
    installed = os.path.join(folder, "bin", "pydeepsize")
    output = subprocess.run([installed, "--core", shop.core, "heap", "--json", "-n", "1"], check=True, cwd=folder,
                            stdout=subprocess.PIPE, env=environment).stdout
    assert json.loads(output)["total"] == shop.ask("heap", "-n", "1")["total"]
    output = subprocess.run([python, "-c", "import pydeepsize, sys; "
                             "print(pydeepsize.open(sys.argv[1])['__main__.SESSIONS'].retained)", shop.core],
                            stdout=subprocess.PIPE, env=environment, cwd=folder, check=True).stdout
    assert int(output) == shop.ask("deepsize", "__main__.SESSIONS")["objects"][0]["retained"]
    output = subprocess.run([installed, "gdb", shop.core, "-batch", "-nx", "-iex",
                             "set debuginfod enabled off", "-ex", "py-sizeof 0x%x" % shop.sessions],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=folder).stdout
    output = output.decode()
    assert "shallow" in output and "dict" in output, output
