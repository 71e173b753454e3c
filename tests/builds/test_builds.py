# SPDX-License-Identifier: MIT
"""Builds that no table is of, and processes whose files are elsewhere, gone or replaced: right, or one sentence that
says what helps. The unknown ones are copies of the distribution's Python that claim another version or size."""
import json
import os
import re
import shutil
import subprocess

import pytest

import cores
import elf_patch
import interpreters
import program

UNREADABLE = 2
PROGRAM = """
import gc, json, os, sys
class Held(object):
    def __init__(self, number):
        self.number, self.text = number + 1000, 'text %d' % number
HELD = [Held(number) for number in range(30)] + [{'a': [1.5]}, (2.5,), bytearray(100), {3.5}, range(5)]
os.write(1, b'READY %d\\n' % id(HELD))
os.write(1, json.dumps([(id(one), sys.getsizeof(one)) for one in HELD + [HELD]]).encode() + b'\\n')
os.read(0, 1)
"""


@pytest.fixture
def folder():
    made = cores.scratch("builds")
    yield made
    shutil.rmtree(made, ignore_errors=True)


def home(interpreter):
    return os.path.dirname(os.path.dirname(os.path.realpath(interpreter.path)))


def copy_of(interpreter, folder, name="python"):
    path = os.path.join(folder, name)
    shutil.copy(os.path.realpath(interpreter.path), path)
    return path


def started(python, folder, interpreter):
    return cores.Target(python, ["-c", PROGRAM], folder, {"PYTHONHOME": home(interpreter)})


def truth_of(target):
    target.wait_ready()
    return json.loads(target.process.stdout.readline().decode())


def assert_right(named, truth):
    for (address, size), (_, answer) in zip(truth, program.ask_about(named, ["sizeof"], [row[0] for row in truth])):
        assert answer["shallow"] == size and not answer["approximate"], answer
    held, = program.ask(named, ["deepsize", "--json", "__main__.HELD"])["objects"]
    assert int(held["address"], 16) == truth[-1][0] and held["count"] > len(truth)


def statically_linked(interpreter):
    """Its _PyRuntime and Py_Version are in the executable itself, under names."""
    try:
        elf = elf_patch.Elf(os.path.realpath(interpreter.path))
        elf.symbol("_PyRuntime")
        elf.symbol("Py_Version")
    except (KeyError, OSError):
        pytest.skip("the distribution's Python is before 3.11, or its program has not the symbols itself")


def claiming(interpreter, folder, change):
    statically_linked(interpreter)
    path = copy_of(interpreter, folder)
    elf = elf_patch.Elf(path)
    elf.change_build_id()
    change(elf)
    elf.save()
    return path


def one_sentence(answer, package):
    assert answer.status == UNREADABLE, (answer.status, answer.errors)
    text = answer.errors.strip()
    assert "\n" not in text and not answer.output
    assert package in text and "--debug-dir" in text and "--debuginfod" in text and "3.8, 3.9, 3.10" in text, text


def test_unknown_minor_version(distribution, folder):
    python = claiming(distribution, folder, lambda elf: elf.set_constant("Py_Version", 0x031000f0))
    with started(python, folder, distribution) as target:
        truth_of(target)
        for command in (["info"], ["sizeof", "__main__.HELD"], ["heap", "--json"]):
            answer = program.run(["--pid", target.pid] + command)
            one_sentence(answer, "python3.16-dbg")
            assert "3.16.0" in answer.errors


def test_the_size_of_a_whole_struct_refutes_nothing(distribution, folder):
    """A known version whose interpreter is said to be of a size that no row has: the places in it are what counts."""
    python = claiming(distribution, folder, lambda elf: elf.set_symbol_size("_PyRuntime", 123456))
    with started(python, folder, distribution) as target:
        truth = truth_of(target)
        named = ["--pid", str(target.pid)]
        assert program.run(named + ["info"]).status == 0
        assert_right(named, truth)


def test_future_patch_release(distribution, folder):
    """Equal sizes: the nearest row serves, and it is said."""
    hexed = distribution.version[0] << 24 | distribution.version[1] << 16 | 99 << 8 | 0xf0
    python = claiming(distribution, folder, lambda elf: elf.set_constant("Py_Version", hexed))
    with started(python, folder, distribution) as target:
        truth = truth_of(target)
        named = ["--pid", str(target.pid)]
        text = "%d.%d.99" % tuple(distribution.version[:2])
        info = program.ask(named, ["info", "--json"])
        assert info["python"]["version"] == text
        assert [one for one in info["warnings"] if "no table for Python " + text in one]
        assert_right(named, truth)


def test_free_threaded_with_another_allocator(folder):
    """As 3.14.10t is to the row of 3.14.7t: its interpreter has another size, and mimalloc may be another one. The size
    alone refutes nothing: the row is said to hold in what was checked, and what mimalloc's heaps tell, found through it,
    is what the process says."""
    found = [one for one in interpreters.find()
             if one.free_threaded and not one.debug and one.version == (3, 14, 7) and one.origin == "source"]
    if not found or shutil.which("strip") is None:
        pytest.skip("no 3.14.7t (make_interpreters.py makes it), or no strip")
    path = copy_of(found[0], folder)
    elf = elf_patch.Elf(path)
    elf.change_build_id()
    elf.set_constant("Py_Version", 0x030e0af0)
    elf.add_to_word(".PyRuntime", 1, 0x030e0af0 - 0x030e07f0)
    elf.add_to_word(".PyRuntime", 6, 3256)  # _Py_DebugOffsets.interpreter_state.size
    elf.save()
    subprocess.run(["strip", "--strip-all", path], check=True)
    with started(path, folder, found[0]) as target:
        truth = truth_of(target)
        named = ["--pid", str(target.pid)]
        assert_right(named, truth)
        warnings = program.ask(named, ["info", "--json"])["warnings"]
        assert [one for one in warnings if "the one of 3.14.7t holds in all that was checked" in one], warnings
        heap = program.run(named + ["heap", "--json"])
        assert heap.status == 0 and not json.loads(heap.output)["coverage"]["tracked_unknown"], heap.output[-2000:]
        size, = program.ask(named, ["sizeof", "--json", "__main__.HELD"])["objects"]
        assert size["allocated"] >= size["shallow"]


def test_venv_by_symlink(distribution, folder):
    made = os.path.join(folder, "venv")
    done = subprocess.run([distribution.path, "-m", "venv", "--symlinks", "--without-pip", made],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        pytest.skip("no venv: " + done.stdout.decode("utf-8", "replace").strip()[-200:])
    with cores.Target(os.path.join(made, "bin", "python"), ["-c", PROGRAM], folder) as target:
        truth = truth_of(target)
        assert_right(["--pid", str(target.pid)], truth)
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
    assert_right(["--core", core], truth)


def other_build(interpreter, folder):
    """Another program of the same name, as an upgrade leaves it."""
    path = copy_of(interpreter, folder, "new")
    elf = elf_patch.Elf(path)
    elf.change_build_id()
    elf.save()
    return path


@pytest.mark.parametrize("upgrade", ["deleted", "replaced"])
def test_program_is_gone(distribution, folder, upgrade):
    """Alive, the kernel still has the file that runs; a core of it is read without, or by --exe, and says so."""
    python = copy_of(distribution, folder)
    with started(python, folder, distribution) as target:
        truth = truth_of(target)
        kept = copy_of(distribution, folder, "kept")
        if upgrade == "deleted":
            os.unlink(python)
        else:
            os.rename(other_build(distribution, folder), python)
        named = ["--pid", str(target.pid)]
        assert_right(named, truth)
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
    assert_right(["--core", core], truth)
    warnings = program.ask(["--core", core], ["info", "--json"])["warnings"]
    assert [one for one in warnings if "not on this machine" in one or "another build" in one], warnings
    assert_right(["--core", core, "--exe", kept], truth)


EMBEDDING = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **words)
{
	void *library = count == 3 ? dlopen(words[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	if (library == NULL) {
		puts(dlerror());
		return 1;
	}
	((void (*)(void))dlsym(library, "Py_Initialize"))();
	return ((int (*)(const char *, void *))dlsym(library, "PyRun_SimpleStringFlags"))(words[2], NULL);
}
"""


def shared_libraries():
    path = "/usr/sbin:/sbin:" + os.environ.get("PATH", "")
    found = subprocess.run(["ldconfig", "-p"], stdout=subprocess.PIPE, env=dict(os.environ, PATH=path)).stdout.decode()
    return sorted(set(re.findall(r"=> (\S*/libpython3\.\d+d?\.so\.1\.0)$", found, re.M)))


@pytest.mark.parametrize("stripped", [False, True], ids=["as-is", "stripped"])
def test_shared_library_loaded_late(folder, stripped):
    """A program that names no libpython and loads one: copied, so that it lies in no folder of libraries."""
    libraries = [one for one in shared_libraries() if not one.endswith("d.so.1.0")]
    if not libraries or shutil.which("gcc") is None:
        pytest.skip("no libpython3.X.so.1.0, or no gcc")
    library = os.path.join(folder, os.path.basename(libraries[-1]))
    shutil.copy(libraries[-1], library)
    if stripped:
        subprocess.run(["strip", "--strip-all", library], check=True)
    source, built = os.path.join(folder, "embed.c"), os.path.join(folder, "embed")
    with open(source, "w") as file:
        file.write(EMBEDDING)
    subprocess.run(["gcc", "-o", built, source, "-ldl"], check=True)
    with cores.Target(built, [library, PROGRAM], folder) as target:
        truth = truth_of(target)
        assert_right(["--pid", str(target.pid)], truth)
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
        os.unlink(library)
        assert_right(["--pid", str(target.pid)], truth)
    assert_right(["--core", core], truth)
