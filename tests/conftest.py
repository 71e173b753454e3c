# SPDX-License-Identifier: MIT
"""What every test of the suite shares: the folders of modules, dumps that are made once, and the count of skips."""
import os
import shutil
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "oracle"):
    sys.path.insert(0, os.path.join(HERE, folder))

import cores  # noqa: E402
import interpreters  # noqa: E402
from truth import Truth  # noqa: E402

SMALL_BULK, FULL_BULK = 400, 8000
DUMPS = ("gcore", "kernel", "live")


def pytest_addoption(parser):
    parser.addoption("--bulk", type=int, default=None, help="objects in the bulk part (400000: the acceptance)")
    parser.addoption("--all-dumps", action="store_true", help="every kind of dump for every Python")
    parser.addoption("--python", default=None, help="only interpreters whose name contains this")


def matrix(config):
    """(interpreter, kind of dump): all kinds for the distribution's Python, gcore for the others."""
    rows = []
    for interpreter in interpreters.wanted(config.getoption("--python")):
        everything = interpreter == interpreters.distribution() or config.getoption("--all-dumps")
        rows.extend((interpreter, kind) for kind in DUMPS if everything or kind == "gcore")
    return rows


@pytest.fixture(params=interpreters.find(), ids=lambda one: one.name)
def each(request):
    if os.environ.get("PYDS_ONE_PYTHON", "") in ("ON", "1") and request.param != interpreters.distribution():
        pytest.skip("only the distribution's Python was asked for")
    wanted = request.config.getoption("--python")
    if wanted and wanted not in request.param.name:
        pytest.skip("not among those named by --python")
    return request.param


def pytest_generate_tests(metafunc):
    if "dump" in metafunc.fixturenames:
        rows = matrix(metafunc.config)
        metafunc.parametrize("dump", rows, indirect=True, scope="session",
                             ids=["%s-%s" % (interpreter.name, kind) for interpreter, kind in rows])


class Dump(object):
    """A target for the program (["--core", FILE] or ["--pid", PID]) and the truth about it."""

    def __init__(self, interpreter, kind, target, truth, core=None, pid=None):
        self.interpreter, self.kind, self.target, self.truth = interpreter, kind, target, truth
        self.core, self.pid = core, pid


def pympler_path():
    """pympler is pure Python: the copy of the test's own Python serves every interpreter."""
    try:
        import pympler
    except ImportError:
        return None
    return os.path.dirname(os.path.dirname(os.path.abspath(pympler.__file__)))


@pytest.fixture(scope="session")
def dump(request):
    interpreter, kind = request.param
    folder = cores.scratch("oracle")
    bulk = request.config.getoption("--bulk")
    if bulk is None:
        bulk = FULL_BULK if interpreter == interpreters.distribution() else SMALL_BULK
    arguments = ["-W", "ignore", os.path.join(HERE, "oracle", "heap.py"), os.path.join(folder, "truth"),
                 "--bulk", str(bulk)]
    environment = {}
    if kind == "kernel":
        arguments += ["--abort", "--library"]
    if pympler_path():
        arguments.append("--asizeof")
        environment["PYTHONPATH"] = pympler_path()
    try:
        with cores.Target(interpreter.path, arguments, folder, environment) as target:
            target.wait_ready()
            core = None
            if kind == "gcore":
                core = cores.gcore(target.pid, os.path.join(folder, "core"))
            elif kind == "kernel":
                core = cores.kernel_core(target)
            if core:
                target.close()
            truth = Truth(os.path.join(folder, "truth"))
            named = ["--core", core] if core else ["--pid", str(target.pid)]
            yield Dump(interpreter, kind, named, truth, core, None if core else target.pid)
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def distribution():
    found = interpreters.distribution()
    if found is None:
        pytest.skip("no Python 3.8 to 3.15 on this machine")
    return found


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.write_line("pydeepsize: %d skipped, each with its reason above (-rs)" % len(skipped))
