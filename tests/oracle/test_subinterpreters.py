# SPDX-License-Identifier: MIT
"""Several interpreters in one process, each its own oracle: sizes, types, references, names, static types, threads."""
import json
import os
import re
import shutil

import pytest

import cores
import interpreters
import program

HERE = os.path.dirname(os.path.abspath(__file__))
NUMBER = 3


def pytest_generate_tests(metafunc):
    if "several" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--python")
        only = os.environ.get("PYDS_ONE_PYTHON", "") in ("ON", "1")
        rows = [one for one in interpreters.find()
                if (not wanted or wanted in one.name) and (not only or one == interpreters.distribution())]
        metafunc.parametrize("several", rows, indirect=True, scope="module", ids=[one.name for one in rows])


class Several(object):
    def __init__(self, interpreter, target, truths):
        self.interpreter, self.target, self.truths = interpreter, target, truths

        # The collector of 3.8 is everybody's: only who tells last tells what stays.
        self.complete = truths[:1] if interpreter.version < (3, 9) else truths

    def differing(self, truth, rows):
        """rows (of objects: address, kind, ...) less what may differ. The last interpreter runs no code any more, so
        what ran the script that told is freed or is something else: the module's function and the compiler's list."""
        gone = [row for row in rows if row[1] in ("builtins.function", "builtins.list")]
        if truth["number"] == NUMBER and len(gone) <= 3:
            return [row for row in rows if row not in gone]
        return rows


def plain(kind):
    return kind[len("builtins."):] if kind.startswith("builtins.") else kind


@pytest.fixture(scope="module")
def several(request):
    folder = cores.scratch("subinterpreters")
    try:
        with cores.Target(request.param.path, ["-W", "ignore", os.path.join(HERE, "subinterpreters_program.py"), folder,
                                               str(NUMBER)], folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        truths = []
        for number in range(NUMBER + 1):
            with open(os.path.join(folder, "interpreter-%d.json" % number)) as file:
                truths.append(json.load(file))
        yield Several(request.param, ["--core", core], truths)
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_all_are_found(several):
    answer = program.ask(several.target, ["info", "--json"])
    assert answer["target"]["interpreters"] == NUMBER + 1
    # gcore cannot read the guard page of a thread's stack.
    assert not [one for one in answer["warnings"] if "as gcore writes them" not in one]


def test_sizes_and_types(several):
    for truth in several.complete:
        wrong = []
        answers = program.ask_about(several.target, ["sizeof"], [row[0] for row in truth["tracked"]])
        for (address, size, kind), (_, answer) in zip(truth["tracked"], answers):
            if answer.get("shallow") != size or answer.get("type") != plain(kind):
                wrong.append((hex(address), kind, size, answer))
        assert len(truth["tracked"]) > 1000 and not several.differing(truth, wrong), truth["number"]


def test_references(several):
    for truth in several.complete:
        wrong = []
        kinds = {address: kind for address, _, kind in truth["tracked"]}
        answers = program.ask_about(several.target, ["referents"], [row[0] for row in truth["referents"]])
        for (address, found), (_, answer) in zip(truth["referents"], answers):
            visible = {int(one["address"], 16) for one in answer.get("referents", []) if not one["hidden"]}
            if visible != set(found):
                wrong.append((hex(address), kinds[address], [hex(one) for one in visible ^ set(found)]))
        assert not several.differing(truth, wrong), truth["number"]


def test_every_object_is_listed(several):
    answer = program.run(several.target + ["objects", "--json"])
    assert answer.status == 0, answer.errors
    listed = set(re.findall(r'"address":\s*"(0x[0-9a-f]+)"', answer.output))
    for truth in several.complete:
        absent = [(hex(address), kind) for address, _, kind in truth["tracked"] if hex(address) not in listed]
        assert not several.differing(truth, absent), truth["number"]


def test_names(several):
    """The same name means another object in each; what holds it is that interpreter's module, and nothing else."""
    for truth in several.truths:
        name = "interp:%d.__main__.HELD" % truth["number"]
        answer, = program.ask(several.target, ["deepsize", "--json", name])["objects"]
        assert int(answer["address"], 16) == truth["held"]
        assert answer["count"] >= 2 * (50 + truth["number"]) and 0 < answer["retained"] <= answer["deep"]
        path, = program.ask(several.target, ["path", "--json", name + "[7]"])["objects"]
        first = path["paths"][0]
        assert truth["held"] in [int(step["address"], 16) for step in first["steps"]]
        # the name that is told for an address says which interpreter's thing it is
        told, = program.ask(several.target, ["path", "--json", hex(truth["held"])])["objects"]
        assert told["name"] == ("interp:%d." % truth["number"] if truth["number"] else "") + "__main__.HELD"
    plain, = program.ask(several.target, ["sizeof", "--json", "__main__.HELD"])["objects"]
    assert int(plain["address"], 16) == several.truths[0]["held"]


def test_classes_of_each(several):
    rows = program.ask(several.target, ["heap", "--json", "-n", "10000"])["types"]
    counts = sorted(row["count"] for row in rows if row["type"] == "__main__.Held")
    assert counts == [50 + number for number in range(NUMBER + 1)]


def test_static_types_of_each(several):
    """What an interpreter keeps of int, a type that all share, is held by that interpreter."""
    for truth in several.truths:
        for address in truth["int_dict"]:
            path, = program.ask(several.target, ["path", "--json", hex(address)])["objects"]
            assert path["paths"], (truth["number"], hex(address))
            roots = {one["root"] for one in path["paths"]}
            assert not [root for root in roots if "held from C" in root], (truth["number"], hex(address), roots)


def test_names_of_static_types(several):
    """int.__dict__ is another dict in each interpreter since 3.12."""
    for truth in several.truths:
        for name, address in zip(("bit_length", "numerator"), truth["int_dict"]):
            asked = "interp:%d.int.__dict__['%s']" % (truth["number"], name)
            found, = program.ask(several.target, ["sizeof", "--json", asked])["objects"]
            assert int(found["address"], 16) == address, asked


def test_names_of_locals(several):
    """A frame of an interpreter that is named, with or without its number."""
    for truth in several.truths[1:NUMBER]:
        number = truth["number"]
        said = program.run(several.target + ["object", "--values", "interp:%d.frame:0.local[0]" % number]).output
        assert "'local of interpreter %d'" % number in said


def test_frames(several):
    threads = program.ask(several.target, ["frames", "--json"])["threads"]
    standing = [frame for thread in threads for frame in thread["frames"] if frame["function"] == "stand"]
    assert len(standing) == NUMBER - 1
    assert all("local" in [one["name"] for one in frame["locals"]] for frame in standing)
