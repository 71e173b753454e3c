# SPDX-License-Identifier: MIT
"""The benchmark runs, on a small heap. Whether its numbers are good is for an idle machine to say."""
import os
import subprocess
import sys

import pytest

import cores
import program

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench.py")


def test_benchmark_runs():
    if program.SANITIZED:
        pytest.skip("ctypes cannot load an instrumented library into a Python that is not")
    done = subprocess.run([sys.executable, BENCH, "--smoke"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=cores.clean_environment({"PYDS_BUILD": program.BUILD}), timeout=300)
    text = done.stdout.decode()
    assert done.returncode == 0, text
    assert "deepsize, whole process" in text and "sizeof of one object" in text
    assert "retained size of every object" in text
    assert "top, with native blocks / without" in text and "memory / top without native blocks" in text
    assert "frames, with the recursion / without" in text or "no recursion: up to 3.10" in text
