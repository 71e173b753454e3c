# SPDX-License-Identifier: MIT
"""Completion in shells, by the shells themselves where they are installed."""
import os
import shutil
import subprocess

import pytest

import program


def script(shell):
    answer = program.run(["--completion", shell])
    assert answer.status == 0 and answer.output, answer.errors
    return answer.output


def in_bash(words):
    """What bash offers for the last of these words."""
    text = script("bash") + 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pydeepsize; printf "%s\\n" "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash", "-c", text, "bash"] + words, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().split()


def test_bash_completes_commands_and_options():
    assert in_bash(["pydeepsize", "--core", "core.1", "fi"]) == ["findings"]
    assert set(program.commands()) - {"help"} <= set(in_bash(["pydeepsize", ""]))
    assert in_bash(["pydeepsize", "--co"]) == ["--core", "--completion"]
    assert in_bash(["pydeepsize", "--core", "x", "heap", "--li"]) == ["--limit"]
    assert in_bash(["pydeepsize", "--core", "x", "info", "--li"]) == []
    # X, a file: what bash itself completes.
    assert in_bash(["pydeepsize", "--core", "x", "heap", "x"]) == []


def test_bash_completes_paths_of_a_core(shop):
    core = shop[0]
    assert in_bash([program.path(), "--core", core, "sizeof", "__main__.SE"]) == ["__main__.SESSIONS",
                                                                                  "__main__.SETTINGS"]
    assert in_bash([program.path(), core, "path", "-n", "3", "sy"]) == ["sys"]
    assert in_bash([program.path(), "--core", core, "heap", "__main__.SE"]) == []
    # Not for a process, which would be stopped; not for what is no core.
    assert in_bash([program.path(), "--pid", str(os.getpid()), "sizeof", "__main__.SE"]) == []
    assert in_bash([program.path(), "--core", __file__, "sizeof", "__main__.SE"]) == []


@pytest.mark.parametrize("shell, check", (("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])))
def test_the_other_shells_can_read_theirs(shell, check, tmp_path):
    path = os.path.join(str(tmp_path), "completion")
    with open(path, "w") as file:
        file.write(script(shell))
    with open(path) as file:
        text = file.read()
    assert all(name in text for name in program.commands() if name != "help")
    if not shutil.which(shell):
        pytest.skip("no %s here: only what it is given was looked at" % shell)
    assert subprocess.run(check + [path]).returncode == 0


def test_another_shell_is_refused():
    answer = program.run(["--completion", "tcsh"])
    assert answer.status == 1 and "bash, zsh or fish" in answer.errors
