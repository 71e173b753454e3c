# SPDX-License-Identifier: MIT
"""threads --native, frames --native: the frames of C code, unwound, with those of Python in their places."""
import http.server
import os
import re
import threading

import pytest

import cores
import program

TEXT = """
import os, sys, threading, time
def inner():
    time.sleep(3600)
def outer():
    sorted([2, 1], key=lambda number: inner())
threading.Thread(target=outer, name="sleeps", daemon=True).start()
def main():
    os.write(1, b"READY\\n")
    os.read(0, 1)
while True:
    with open("/proc/self/task/%d/syscall" % [one.native_id for one in threading.enumerate()][-1]) as file:
        if not file.read().startswith("running"):
            break
main()
"""
PYTHON = {"MainThread": ["main", "<module>"],
          "sleeps": ["inner", "outer.<locals>.<lambda>", "outer", "Thread.run", "Thread._bootstrap_inner",
                     "Thread._bootstrap"]}


@pytest.fixture(scope="module", params=("live", "core"))
def where(request, distribution, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("native"))
    with cores.Target(distribution.path, ["-c", TEXT], folder) as target:
        target.wait_ready()
        if request.param == "live":
            yield ["--pid", str(target.pid)]
        else:
            yield ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]


def test_c_code_from_end_to_end(where):
    for command in ("threads", "frames"):
        rows = {one["name"]: one["native"] for one in program.ask(where, [command, "--native", "--json"])["threads"]}
        for name, call, calls_of_loop in (("MainThread", "read", 1), ("sleeps", "nanosleep", 2)):
            names = [frame["function"] or "" for frame in rows[name]]
            assert call in names[0] or "syscall" in names[0], names
            assert sum(frame["runs_python"] for frame in rows[name]) >= calls_of_loop, names
            assert not names[-1] or re.search("start|clone", names[-1]), names  # a stripped libc has no name for it
        files = {os.path.basename(frame["file"]) for frame in rows["sleeps"] if frame["file"]}
        assert any(file.startswith("libc") for file in files) and any("python" in file for file in files)


def test_python_frames_between(where):
    text = program.run(where + ["threads", "--native", "-n", "0"]).output
    for block in text.split("\n\n"):
        name = re.search(r'"(\w+)"', block.split("\n")[0])
        if name is None:
            continue
        python = [line.split("() ")[0].strip() for line in block.split("\n")
                  if line.startswith("     ") and "() " in line]
        assert [one.rsplit(".", 1)[-1] for one in python] == [one.rsplit(".", 1)[-1] for one in PYTHON[name.group(1)]]
    assert text.count("  C  _PyEval_EvalFrameDefault() ") >= 3


def test_above_the_first_python_frame(where):
    text = program.run(where + ["frames", "--native", "--no-retained"]).output
    before, _, _ = text.partition("  #0 main() ")
    lines = before.split("\n")
    assert any(line.startswith("  C  ") and "read" in line for line in lines), text
    assert "_PyEval_EvalFrameDefault" not in text and "  C  " not in program.run(where + ["frames"]).output


def test_no_server_is_asked(where):
    """elfutils asks whom DEBUGINFOD_URLS names, if it is let."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = dict(os.environ, DEBUGINFOD_URLS="%s://localhost:%d/" % ("http", server.server_port))
        assert program.run(where + ["threads", "--native"], env=environment).status == 0
        server.shutdown()
    assert not asked
