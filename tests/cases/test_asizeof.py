# SPDX-License-Identifier: MIT
"""Policy asizeof is pympler's number for the objects of pympler's own tests, but for those of kinds that docs/types.md
names. pympler 1.1 is fetched from PyPI; without a network it is taken from PYDS_PYMPLER, or the test is skipped."""
import json
import os
import shutil
import subprocess
import sys
import tarfile

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "asizeof_program.py")
# Of these pympler runs code that says what an attribute is: __getattr__ of typing's aliases, threading.local.
DECLARED = ("module typing", "module asyncio.events")


@pytest.fixture(scope="module")
def pympler():
    given = os.environ.get("PYDS_PYMPLER")
    if given:
        yield given
        return
    folder = cores.scratch("pympler")
    done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
                           "--no-build-isolation", "-d", folder, "pympler==1.1"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    archives = [name for name in os.listdir(folder) if name.endswith(".tar.gz")]
    if not archives:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip("pympler 1.1 cannot be had: %s" % done.stdout.decode("utf-8", "replace").strip()[-200:])
    with tarfile.open(os.path.join(folder, archives[0])) as archive:
        archive.extractall(folder)
    yield os.path.join(folder, archives[0][:-len(".tar.gz")])
    shutil.rmtree(folder, ignore_errors=True)


def test_numbers_of_pymplers_own_tests(each, pympler, tmp_path):
    if each != next(one for one in interpreters.find() if one.version[:2] == each.version[:2]):
        pytest.skip("one interpreter of each minor version is enough")
    with cores.Target(each.path, ["-W", "ignore", PROGRAM, pympler], str(tmp_path)) as target:
        sizes = json.loads(target.wait_ready().split(" ", 1)[1])
        core = str(tmp_path / "core")
        cores.gcore(target.pid, core)
    assert len(sizes) > 100
    wrong = []
    for address, (size, kind) in sizes.items():
        answer = program.ask(["--core", core], ["deepsize", "--no-retained", "--policy", "asizeof", "--json", address])
        ours = answer["objects"][0]["deep"]
        if ours != size and kind not in DECLARED:
            wrong.append("%s %s: pympler says %d, we say %d" % (kind, address, size, ours))
    assert not wrong, "%d of %d\n%s" % (len(wrong), len(sizes), "\n".join(wrong[:20]))
