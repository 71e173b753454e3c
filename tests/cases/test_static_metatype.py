# SPDX-License-Identifier: MIT
"""Classes whose metatype is a struct of a program in C, shorter than a heap type, are classes all the same: torch has
38 of them, which were "no sane object"."""
import os
import shutil

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))


def test_they_are_classes(each):
    if each.debug or each.trace_refs:
        pytest.skip("a debug build has more in front of an object's type")
    folder = cores.scratch("metatype")
    try:
        with cores.Target(each.path, [os.path.join(HERE, "static_metatype_program.py")], folder) as target:
            _, one, meta = target.wait_ready().split()
            named = ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]
        answers = program.ask(named, ["object", "--json", "0x" + one, "0x" + meta])["objects"]
        assert [answer["type"] for answer in answers] == ["tensors.tensortype", "type"], answers
        assert "tensors.Tensor0" in program.run(named + ["object", "0x" + one]).output
        heap = program.ask(named, ["heap", "--json", "-n", "0"])
        assert [row["count"] for row in heap["types"] if row["type"] == "tensors.tensortype"] == [38]
        assert heap["coverage"]["corrupt"] == 0, heap["coverage"]
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
