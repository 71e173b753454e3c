# SPDX-License-Identifier: MIT
"""A container's Python: a stripped copy that runs under another root, its core taken away without any of its files.
What is said of the core alone must be what is said with the files and their symbols."""
import os
import re
import shutil
import subprocess

import pytest

import cores
import exceptions_declared
import interpreters
import program
from truth import Truth

HEAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "heap.py")
DEFAULT_FILTER = 0x33  # coredump_filter of a process that nobody prepared
UNREADABLE = re.compile("|".join(pattern for pattern, _ in exceptions_declared.UNREADABLE))
UNNAMED = re.compile("|".join(pattern for pattern, _ in exceptions_declared.UNNAMED) + "|<type 0x.*")

ASK = """
import os, sys, sysconfig
maps = [line.split()[-1] for line in open("/proc/self/maps")]
print([path for path in maps if os.path.basename(path).startswith("python3.") and os.access(path, os.X_OK)][0])
print(os.path.dirname(os.__file__))
print([path for path in sys.path if path.endswith("lib-dynload")][0])
"""


def chosen():
    return [one for one in interpreters.find()
            if (3, 9) <= one.version[:2] <= (3, 13) and not (one.free_threaded or one.debug or one.trace_refs)]


def strip(source, copy):
    subprocess.run(["strip", "--strip-all", "-o", copy, source], check=True)


class Container(object):
    """`root` has the stripped copies; `files` is a --sysroot with the files as they were, at the same paths."""

    def __init__(self, interpreter, folder):
        answer = subprocess.run([interpreter.path, "-I", "-S", "-c", ASK], stdout=subprocess.PIPE, check=True).stdout
        self.program, library, modules = answer.decode().split("\n")[:3]
        self.root = os.path.join(folder, "root")
        self.files = os.path.join(folder, "files")
        name = os.path.basename(library)
        self.library = os.path.join(self.root, "lib", name)
        self.copy = os.path.join(self.root, "bin", os.path.basename(self.program))
        os.makedirs(os.path.join(self.library, "lib-dynload"))
        os.makedirs(os.path.dirname(self.copy))
        for entry in os.listdir(library):
            if entry not in ("lib-dynload", "site-packages", "dist-packages", "test"):
                os.symlink(os.path.join(library, entry), os.path.join(self.library, entry))
        self.keep(self.program, self.copy)
        for entry in os.listdir(modules):
            if entry.endswith(".so"):
                self.keep(os.path.join(modules, entry), os.path.join(self.library, "lib-dynload", entry))

    def keep(self, source, copy):
        strip(source, copy)
        place = self.files + copy
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(source, place)

    def command(self, interpreter):
        """How it is started, with the copy in place of the program (make_interpreters.py makes scripts)."""
        with open(interpreter.path, "rb") as file:
            head = file.read(4096)
        if head[:2] != b"#!":
            return self.copy
        script = os.path.join(os.path.dirname(self.copy), "start")
        with open(script, "w") as file:
            file.write(re.sub(r"(?m)^program=.*$", "program=" + self.copy, head.decode()))
        os.chmod(script, 0o755)
        return script


@pytest.fixture(scope="module", params=chosen(), ids=lambda one: one.name)
def container(request):
    wanted = request.config.getoption("--python")
    if wanted and wanted not in request.param.name:
        pytest.skip("not among those named by --python")
    if os.environ.get("PYDS_ONE_PYTHON", "") in ("ON", "1") and request.param != interpreters.distribution():
        pytest.skip("only the distribution's Python was asked for")
    folder = cores.scratch("container")
    with open("/proc/self/coredump_filter") as file:
        before = file.read().strip()
    try:
        made = Container(request.param, folder)
        set_filter("%x" % DEFAULT_FILTER)
        arguments = ["-W", "ignore", HEAP, os.path.join(folder, "truth"), "--bulk", "400", "--tiny", "--abort"]
        target = cores.Target(made.command(request.param), arguments, folder, {"PYTHONHOME": made.root})
        with target:
            target.wait_ready()
            core = cores.kernel_core(target)
        shutil.rmtree(made.root)  # the machine that the core is read on has none of it
        yield core, made, Truth(os.path.join(folder, "truth"))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        set_filter(before)
        shutil.rmtree(folder, ignore_errors=True)


def set_filter(text):
    """Children inherit it."""
    with open("/proc/self/coredump_filter", "w") as file:
        file.write("0x" + text)


def both(container, command):
    core, made, _ = container
    bare = program.ask(["--core", core, "--no-files"], command)
    full = program.ask(["--core", core, "--sysroot", made.files], command)
    return bare, full


def test_files_were_read_and_were_not(container):
    core, made, truth = container
    bare, full = both(container, ["info", "--json"])
    assert bare["python"]["version"] == full["python"]["version"] == truth.version
    assert bare["python"]["build"] == full["python"]["build"]
    sources = ({one["source"] for one in answer["layouts"]} for answer in (bare, full))
    assert all(sources)
    gone = program.ask(["--core", core], ["heap", "--json", "--limit", "0"])  # the other files, but not Python's
    assert gone["total"]["count"] == program.ask(["--core", core, "--no-files"],
                                                 ["heap", "--json", "--limit", "0"])["total"]["count"]


def test_heap(container):
    """Every type's name, count and bytes. Left out is what exceptions_declared.py says no dump tells without files."""
    rows, unnamed = [], []
    for answer in both(container, ["heap", "--json", "--limit", "100000"]):
        rows.append({row["type"]: (row["count"], row["shallow"]) for row in answer["types"]
                     if not UNREADABLE.fullmatch(row["type"]) and not UNNAMED.fullmatch(row["type"])})
        assert len(rows[-1]) > 200
        unnamed.append(sorted((row["count"], row["shallow"]) for row in answer["types"]
                              if UNNAMED.fullmatch(row["type"])))
    assert unnamed[0] == unnamed[1]
    differ = {name: (rows[0].get(name), rows[1].get(name)) for name in set(rows[0]) | set(rows[1])
              if rows[0].get(name) != rows[1].get(name)}
    assert not differ, differ


def steps_of(answer):
    """Without retained sizes: above everything are objects that test_heap leaves out."""
    return (answer["address"], answer["type"], answer["name"],
            [(path["root"], [(step["address"], step["type"], step["label"]) for step in path["steps"]])
             for path in answer["paths"]])


def test_deep_sizes_and_names(container):
    _, _, truth = container
    roots = sorted((name, address) for name, address in truth.roots.items() if "array" not in name)
    targets = ["0x%x" % address for _, address in roots]
    for policy in ("data", "gc", "all"):
        bare, full = both(container, ["deepsize", "--policy", policy, "--json"] + targets)
        for (name, _), left, right in zip(roots, bare["objects"], full["objects"]):
            assert left["type"] == right["type"], name
            if left.get("unreadable", 0) == 0:
                assert (left["count"], left["deep"], left["retained"]) == \
                    (right["count"], right["deep"], right["retained"]), name
    bare, full = both(container, ["path", "--json"] + targets[:40])
    assert [steps_of(one) for one in bare["objects"]] == [steps_of(one) for one in full["objects"]]
    for command in (["modules", "--json"], ["frames", "--json"]):
        bare, full = both(container, command)
        names = [[(row.get("name"), len(row.get("frames", ()))) for row in answer.get("modules", answer.get("threads"))]
                 for answer in (bare, full)]
        assert sorted(names[0], key=str) == sorted(names[1], key=str)
