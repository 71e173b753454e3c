# SPDX-License-Identifier: MIT
"""Libraries made in C and Rust whose objects once were counted wrongly. PYDS_PACKAGES is a folder with them for the
distribution's Python: `pip install --target FOLDER hiredis==2.2.2 pydantic`; without it they are skipped."""
import os

import pytest

import cores
import program

PACKAGES = os.environ.get("PYDS_PACKAGES", "")
END = "import os, sys\nos.write(1, ('READY %s\\n' % truth).encode())\nsys.stdin.read()\n"
PARSERS = """
import gc
import hiredis
class Parser:
    def err(self, *a):
        return Exception(*a)
    def __init__(self):
        self.data = [0] * 500
        self.reader = hiredis.Reader(replyError=self.err)
for _ in range(1000):
    Parser()
gc.collect(), gc.collect()
truth = sum(type(o) is Parser for o in gc.get_objects())
"""
MODELS = """
from pydantic import create_model
MODELS = {i: create_model("Made%d" % i, x=(int, ...), y=(str, "a")) for i in range(300)}
import gc
gc.collect()
truth = hex(id(MODELS))
"""


def dumped(distribution, folder, package, text):
    if not os.path.isdir(os.path.join(PACKAGES or "/nonexistent", package)):
        pytest.skip("PYDS_PACKAGES has no %s" % package)
    with cores.Target(distribution.path, ["-c", text + END], folder, {"PYTHONPATH": PACKAGES}) as target:
        truth = target.wait_ready().split()[1]
        return ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))], truth


def test_a_type_without_gc_support_is_stuck(distribution, tmp_path):
    """hiredis.Reader 2.2.2 refers to a method of who has it, and no collection sees that."""
    target, alive = dumped(distribution, str(tmp_path), "hiredis", PARSERS)
    garbage = program.ask(target, ["garbage", "--json"])
    stuck = {row["type"]: row["count"] for row in garbage["types"] if row["kind"] == "stuck"}
    assert stuck["__main__.Parser"] == int(alive) == 1000
    (cycle,) = [row for row in garbage["cycles"] if row["kind"] == "stuck" and row["cycles"] == 1000]
    assert [step["type"] for step in cycle["steps"] if step["unseen"]] == ["hiredis.Reader"]
    assert "that is not collected yet" not in program.run(target + ["heap"]).output


def test_classes_that_rust_holds_too(distribution, tmp_path):
    """What would go with MODELS is 2 MB, not the 10 KiB of the dict: pydantic-core holds each class as well."""
    target, models = dumped(distribution, str(tmp_path), "pydantic", MODELS)
    for command in ("deepsize", "object"):
        (answer,) = program.ask(target, [command, "--json", models])["objects"]
        assert answer["retained"] < 100000
        assert answer["held_from_c"]["count"] == 300 and answer["held_from_c"]["retained"] > 2000000
