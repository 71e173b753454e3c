# SPDX-License-Identifier: MIT
"""As test_exact.py, for types of other people's libraries: sizes, references and deep sizes are what the process says.
Where we say "approximate", the references must at least be all that gc.get_referents gives; and nothing may be wrong
without that word.

The Python is that of the tests' own venv, whose packages .ci/python-packages lists; PYDS_FOREIGN_PYTHONS adds more,
separated by colons. One that is written PYTHON@FOLDER has its packages in that folder (pip install --target)."""
import os
import re
import shutil
import sys

import pytest

import cores
import program
from truth import Truth, compare_referents, compare_sizes

HERE = os.path.dirname(os.path.abspath(__file__))


def pythons():
    return [sys.executable] + [path for path in os.environ.get("PYDS_FOREIGN_PYTHONS", "").split(":") if path]


class Foreign(object):
    def __init__(self, python, core, truth):
        self.python, self.target, self.truth = python, ["--core", core], truth


@pytest.fixture(scope="module", params=pythons())
def foreign(request):
    folder = cores.scratch("foreign")
    truth = os.path.join(folder, "truth")
    try:
        arguments = ["-W", "ignore", os.path.join(HERE, "heap.py"), truth, "--bulk", "400", "--foreign"]
        python, _, packages = request.param.partition("@")
        with cores.Target(python, arguments, folder, {"PYTHONPATH": packages} if packages else None) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        yield Foreign(request.param, core, Truth(truth))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# Approximate types that have references where no scan of their body finds them: regular expression, reason.
INCOMPLETE = [
    (r"pydantic_core\._pydantic_core\..*", "a tree of Rust's own behind a pointer"),
    (r"lxml\.etree\..*Context", "a C structure of libxml2 behind a pointer"),
]


def answers(foreign, command):
    return dict(program.ask_about(foreign.target, [command], list(foreign.truth.objects)))


@pytest.fixture(scope="module")
def sizes(foreign):
    return answers(foreign, "sizeof")


def has(foreign, name):
    if name not in foreign.truth.roots:
        pytest.skip("this Python does not have the library (or not a version) that makes %r" % name)
    return foreign.truth.roots[name]


def test_nothing_is_wrong_in_silence(foreign, sizes):
    wrong = compare_sizes(foreign.truth, sizes.items())
    print(wrong.text())
    assert wrong.compared == len(foreign.truth.objects) > 2000
    silent = {kind: count for kind, count in wrong.counts.items() if kind[0] != "approximate flag"}
    for (what, kind), examples in wrong.groups.items():
        if what == "size" and all("approximate" in example for example in examples):
            silent.pop((what, kind), None)
    assert not silent, wrong.text()


def test_every_reference_is_found(foreign, sizes):
    """Of approximate ones at least all, of others exactly all."""
    approximate = {address for address, answer in sizes.items() if answer["approximate"]}
    ours = answers(foreign, "referents")
    exact = {address: answer for address, answer in ours.items() if address not in approximate}
    wrong = compare_referents(foreign.truth, exact.items())
    assert not wrong.counts, wrong.text()
    for address in approximate:
        if any(re.fullmatch(pattern, foreign.truth.objects[address].type) for pattern, _ in INCOMPLETE):
            continue
        seen = {int(one["address"], 16) for one in ours[address]["referents"]}
        known = {int(one, 16) for one in foreign.truth.objects[address].referents}
        assert known <= seen, "%s at 0x%x: %s are missing" % (foreign.truth.objects[address].type, address,
                                                              sorted(hex(one) for one in known - seen))


def test_deep_sizes(foreign):
    asked = [row for row in foreign.truth.deep if row[0] != "bulk"]
    if not asked:
        pytest.skip("this Python has no library whose deep sizes are known")
    wrong = []
    for name, policy, size in asked:
        answer = program.ask(foreign.target, ["deepsize", "--policy", policy, "--json",
                                              "0x%x" % foreign.truth.roots[name]])["objects"][0]
        if answer["deep"] != size:
            wrong.append("%s %s (%s): the process says %d, we say %d %s" % (
                name, policy, answer["type"], size, answer["deep"], answer["by_type"]))
    assert not wrong, "%d of %d differ\n%s" % (len(wrong), len(asked), "\n".join(wrong))


def test_without_any_file(foreign, sizes):
    """Names of static types then come from the namespaces of modules."""
    known = [address for address in foreign.truth.objects if not sizes[address]["approximate"] and
             foreign.truth.objects[address].type.startswith(("numpy.", "greenlet."))]
    if not known:
        pytest.skip("this Python has neither numpy nor greenlet")
    for address, answer in program.ask_about(foreign.target + ["--no-files"], ["sizeof"], known):
        assert answer["shallow"] == foreign.truth.objects[address].size, answer
        has_no_name = answer["type"].startswith("<type ")  # in no module's namespace: numpy._DTypeMeta
        assert answer["approximate"] == has_no_name, answer


NUMPY_EXACT = ["array", "array with no dimensions", "array of nothing", "array large", "view", "array of objects",
               "array of records", "array subclass", "memmap", "recarray", "dtype of records", "flat iterator"]


def test_numpy_is_exact(foreign, sizes):
    has(foreign, "array")
    flagged = [name for name in NUMPY_EXACT if sizes[foreign.truth.roots[name]]["approximate"]]
    assert not flagged
    kinds = {foreign.truth.objects[address].type for address, answer in sizes.items()
             if answer["approximate"] and foreign.truth.objects[address].type.startswith("numpy.")}
    print(sorted(kinds))
    assert not {kind for kind in kinds if kind.startswith(("numpy.ndarray", "numpy.dtype", "numpy.float", "numpy.int",
                                                           "numpy.str", "numpy.void", "numpy.ufunc"))}


def test_numpy_data_are_allocated(foreign, sizes):
    large = sizes[has(foreign, "array large")]
    assert large["shallow"] >= 300 * 400 * 4
    assert large["allocated"] >= large["shallow"]
    view = sizes[foreign.truth.roots["view"]]
    assert view["shallow"] < 200
    assert view["allocated"] < 400


def test_suspended_greenlets_hold_their_variables(foreign, sizes):
    """An object that only a local variable of a suspended greenlet has: the frame that switched, and its caller."""
    waiting = has(foreign, "greenlet suspended")
    mark = "held by a greenlet only "
    known = [int(name[len(mark):], 16) for name in foreign.truth.roots if name.startswith(mark)]
    assert len(known) == 2
    deep = program.ask(foreign.target, ["deepsize", "--json", "--policy", "all", "0x%x" % waiting])["objects"][0]
    assert deep["count"] > 10
    for address in known:
        paths = program.ask(foreign.target, ["path", "--json", "0x%x" % address])["objects"][0]
        assert paths["type"] == "list"
        steps = [step["address"] for path in paths["paths"] for step in path["steps"]]
        assert "0x%x" % waiting in steps, paths
    assert sizes[waiting]["allocated"] > sizes[waiting]["shallow"] + 300


def test_numpy_objects_in_records_have_a_path(foreign):
    """What only an array's item holds is reached from the array, and by the view over its base."""
    address = has(foreign, "array of records with a grid")
    answer = program.ask(foreign.target, ["referents", "--json", "0x%x" % address])["objects"][0]
    items = [one for one in answer["referents"] if one["type"] == "list"]
    assert len(items) == 12
    assert all(one["hidden"] for one in items)


def test_a_frame_weighs_its_columns(foreign, sizes):
    """pandas says so itself, by a __sizeof__ in Python; ours is the instance alone, flagged, and deep has the rest."""
    address = has(foreign, "frame")
    assert sizes[address]["approximate"]
    answer = program.ask(foreign.target, ["deepsize", "--json", "0x%x" % address])["objects"][0]
    assert answer["deep"] > 20000 * (8 + 8 + 8 + 64 + 49)
    arrays = [row for row in answer["by_type"] if row["type"] == "numpy.ndarray"]
    assert arrays and 3 * 160000 <= arrays[0]["shallow"] < 4 * 160000


def test_tables_behind_an_index_are_allocated(foreign, sizes):
    mapping = [answer for answer in sizes.values() if answer["type"] == "pandas._libs.hashtable.PyObjectHashTable"]
    has(foreign, "index")
    assert mapping and max(answer["allocated"] for answer in mapping) > 512 * 16


def test_buffers_of_arrow_are_allocated(foreign, sizes):
    address = has(foreign, "arrow array")
    assert sizes[address]["approximate"] and sizes[address]["shallow"] < 200
    # What the pool gave: classes of mimalloc and jemalloc are at most a quarter apart.
    assert 400000 <= sizes[address]["allocated"] < 400000 * 5 // 4
    assert sizes[foreign.truth.roots["arrow strings"]]["allocated"] > 5000 * 9
    assert sizes[foreign.truth.roots["arrow over bytes"]]["allocated"] < 200


def test_greenlets_of_gevent_hold_their_variables(foreign):
    has(foreign, "gevent")
    mark = "held by a greenlet of gevent only "
    known = [name[len(mark):] for name in foreign.truth.roots if name.startswith(mark)]
    assert len(known) == 1
    answer = program.ask(foreign.target, ["path", "--json", known[0]])["objects"][0]
    assert any("gevent" in step["type"] for path in answer["paths"] for step in path["steps"]), answer


UNVERIFIED = """
import numpy, sys
numpy.__version__ = "%s"
array = numpy.zeros(1000)
scalar = numpy.float64(1.5)
print("READY", " ".join("%%x %%d" %% (id(one), sys.getsizeof(one)) for one in (array, scalar)), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("version", ["99.0.0", "unknown"])
def test_a_version_that_was_not_verified_is_flagged(version):
    """The shape is used where the size of the struct fits, but nobody is told that it is exact."""
    pytest.importorskip("numpy")
    folder = cores.scratch("foreign")
    try:
        with cores.Target(sys.executable, ["-c", UNVERIFIED % version], folder) as target:
            words = target.wait_ready().split()[1:]
            known = dict(zip(words[::2], map(int, words[1::2])))
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        answers = program.ask(["--core", core], ["sizeof", "--json"] + ["0x" + one for one in known])["objects"]
        assert [answer["shallow"] for answer in answers] == list(known.values())
        assert all(answer["approximate"] for answer in answers)
        text = program.run(["--core", core, "sizeof", "0x" + words[0]]).output
        assert "not verified for this version" in text
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
