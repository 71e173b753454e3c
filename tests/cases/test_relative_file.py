# SPDX-License-Identifier: MIT
"""frames: files that code objects name without their folders. The script that is started has such a name up to 3.8."""
import os

import cores
import program

SCRIPT = """import os, sys
sys.dont_write_bytecode = True
sys.path.append(os.path.dirname(os.path.abspath(__file__)))
if "moved" in sys.argv:
    os.chdir("/")
if "hidden" in sys.argv:
    sys.path[:] = []

def compiled(name, text):
    values = {"stands": stands}
    exec(compile(text, name, "exec"), values)
    values["inner"]()

def stands():
    print("READY", flush=True), sys.stdin.read()

compiled("./part/inner.py", open(sys.argv[1]).read())
"""
INNER = """def inner():
    compiled = "<made>"
    exec(compile("stands()", compiled, "exec"), globals())
"""


def start(interpreter, folder, *words, **variables):
    for name, text in (("script.py", SCRIPT), ("inner.py", INNER)):
        os.makedirs(os.path.join(folder, "part"), exist_ok=True)
        with open(os.path.join(folder, "part", name), "w") as file:
            file.write(text)
    return cores.Target(interpreter.path, [os.path.join("part", "script.py"),
                                           os.path.join(folder, "part", "inner.py")] + list(words), folder, variables)


def look(where, folder, is_found=True):
    frames = program.ask(where, ["frames", "--no-retained", "--json"])["threads"][0]["frames"]
    frames = {frame["function"].rsplit(".", 1)[-1]: frame for frame in frames if not frame["file"].startswith("<")}
    inner, stands = frames["inner"], frames["stands"]
    assert inner["file"] == "./part/inner.py"
    path = os.path.join(folder, "part", "inner.py")
    assert (inner["path"], inner["source"]) == ((path, INNER.split("\n")[2].strip()) if is_found else (None, None))
    assert stands["path"] == os.path.join(folder, "part", "script.py")
    assert stands["source"] == 'print("READY", flush=True), sys.stdin.read()'
    text = program.run(where + ["frames", "--no-retained", "--full-paths"]).output
    assert "  #2 inner() %s:3\n" % (path if is_found else "./part/inner.py") in text.replace(
        " (in a folder that is not known)", "") and "() <made>:1\n" in text
    assert (" inner() ./part/inner.py:3 (in a folder that is not known)\n" in text) == (not is_found)


def test_live(each, tmp_path):
    folder = os.path.realpath(str(tmp_path))
    with start(each, folder) as target:
        target.wait_ready()
        look(["--pid", str(target.pid)], folder)


def test_in_another_folder(distribution, tmp_path):
    """sys.path has no folder of it, and the process is not where it was: PWD alone tells."""
    folder = os.path.realpath(str(tmp_path))
    with start(distribution, folder, "moved", "hidden", PWD=folder) as target:
        target.wait_ready()
        look(["--pid", str(target.pid)], folder)
    with start(distribution, folder, "moved", "hidden", PWD="/") as target:
        target.wait_ready()
        core = cores.gcore(target.pid, str(tmp_path / "core"))
        look(["--pid", str(target.pid)], folder, is_found=False)
    look(["--core", core], folder, is_found=False)


def test_core(distribution, tmp_path):
    """A core has no folder of the process; that of sys.path ends as the file's does."""
    folder = os.path.realpath(str(tmp_path))
    with start(distribution, folder, PWD="/") as target:
        target.wait_ready()
        core = cores.gcore(target.pid, str(tmp_path / "core"))
    look(["--core", core], folder)
