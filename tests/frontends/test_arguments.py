# SPDX-License-Identifier: MIT
"""How the debuggers' front ends split a command line: quotes and brackets of Python paths and C casts survive."""
import os
import sys

import pytest

import program

sys.path.insert(0, os.path.join(program.ROOT, "helper", "bindings"))
import pydeepsize_bindings as bindings  # noqa: E402
import pydeepsize_commands as commands  # noqa: E402


@pytest.mark.parametrize("line, words", [
    ("", []),
    ("  0x7f31c02a8e40  -n 3 ", ["0x7f31c02a8e40", "-n", "3"]),
    ("app.CACHE['u:1 x'].items[3] -t", ["app.CACHE['u:1 x'].items[3]", "-t"]),
    ("a['x']['y'] b", ["a['x']['y']", "b"]),
    ("a[ (1, 2) ] b", ["a[ (1, 2) ]", "b"]),
    (r"a['it\'s here'] b", [r"a['it\'s here']", "b"]),
    ("'(PyObject *) op' -n 3", ["(PyObject *) op", "-n", "3"]),
    ("(PyObject *) op -t", ["(PyObject *)op", "-t"]),
    ("(struct _object *)op", ["(struct _object *)op"]),
    ("--type 'app.*'", ["--type", "app.*"]),
    ("'a'['b c']", ["'a'['b c']"]),
])
def test_split(line, words):
    assert commands.split_arguments(line) == words


@pytest.mark.skipif(program.SANITIZED, reason="a library with sanitizers cannot be loaded into Python")
def test_structs_are_those_of_the_library():
    """A struct that differs from the header's is refused or filled wrongly: the table of commands comes through."""
    library = bindings.load_library()
    known = bindings.commands(library)
    assert [command["name"] for command in known][:2] == ["info", "sizeof"]
    for command in known:
        assert command["usage"].startswith(command["name"]) and "--json" in command["options"].split()


def test_a_file_before_a_mistyped_command(tmp_path):
    """The file is the target, and what is wrong is the command; or, at the prompt, the file."""
    core = tmp_path / "core"
    core.write_bytes(b"")
    mistyped, nothing = program.run([core, "haep"]), program.run([core])
    assert (mistyped.status, nothing.status) == (1, 2)
    assert "there is no command haep" in mistyped.errors
    assert "core" in nothing.errors and program.run([]).errors.startswith("pydeepsize: no command was given")
