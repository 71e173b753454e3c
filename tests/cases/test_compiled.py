# SPDX-License-Identifier: MIT
"""Functions that a compiler made C code of: Nuitka's have frames of their own, Cython's only frames of C. With
PYDS_COMPILERS: a Python that has nuitka and cython (docs/testing.md)."""
import os
import shutil
import subprocess

import pytest

import cores
import program

PYTHON = os.environ.get("PYDS_COMPILERS")
TEXT = """
import os, sys
def stands(deep):
    if deep:
        return stands(deep - 1)
    os.write(1, b"READY\\n")
    os.read(0, 1)
"""


@pytest.fixture
def compiler():
    if PYTHON is None or shutil.which("cc") is None:
        pytest.skip("PYDS_COMPILERS names no Python with nuitka and cython, or there is no cc")
    return PYTHON


def test_nuitka(compiler, tmp_path):
    (tmp_path / "worker.py").write_text(TEXT + "stands(2)\n", encoding="utf-8")
    subprocess.run([compiler, "-m", "nuitka", "worker.py"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    with cores.Target(str(tmp_path / "worker.bin"), [], str(tmp_path)) as target:
        target.wait_ready()
        stack, = program.ask(["--pid", str(target.pid)], ["frames", "--json"])["threads"]
        text = program.run(["--pid", str(target.pid), "frames"]).output
    assert [(one["function"], one["compiled"]) for one in stack["frames"]] == [
        ("stands", "compiled_frame"), ("stands", "compiled_frame"), ("stands", "compiled_frame"),
        ("<module>", "compiled_frame")]
    assert "#0 stands() worker.py" in text and "compiled to C (compiled_frame)" in text


def test_cython(compiler, tmp_path):
    (tmp_path / "worker.pyx").write_text(TEXT, encoding="utf-8")
    subprocess.run([os.path.join(os.path.dirname(compiler), "cythonize"), "-i", "-3", "worker.pyx"], cwd=tmp_path,
                   check=True, stdout=subprocess.DEVNULL)
    with cores.Target(compiler, ["-c", "import sys; sys.path.insert(0, %r); import worker; worker.stands(2)"
                                 % str(tmp_path)], str(tmp_path)) as target:
        target.wait_ready()
        stack, = program.ask(["--pid", str(target.pid)], ["frames", "--json"])["threads"]
        text = program.run(["--pid", str(target.pid), "threads", "--native"]).output
    assert [(one["function"], one["compiled"]) for one in stack["frames"]] == [("<module>", None)]
    made = [line for line in text.split("\n") if line.endswith("   made by Cython")]
    assert len(made) >= 3 and all("stands" in line for line in made), text
