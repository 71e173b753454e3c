# SPDX-License-Identifier: MIT
"""gdb with our front end: in batch mode, and on a terminal of its own where keys can be pressed."""
import re
import shutil
import subprocess

import cores
import program
import terminal

NAME = "gdb"
PROMPT = b"(gdb) "
START = ["gdb", "-nx", "-q", "-iex", "set auto-load off", "-iex", "set debuginfod enabled off",
         "-iex", "set auto-solib-add off", "-iex", "set confirm off", "-iex", "set pagination off",
         "-iex", "set style enabled off"]


def environment():
    return cores.clean_environment({"PYDS_BUILD": program.BUILD, "PYDEEPSIZE_LIBRARY": program.library(),
                                    "TERM": "dumb", "LC_ALL": "C.UTF-8"})


def missing():
    """Why gdb cannot be tested here, or None."""
    if shutil.which("gdb") is None:
        return "no gdb on this machine"
    if program.SANITIZED:
        return "gdb would need LD_PRELOAD of the sanitizer's library to load an instrumented libpydeepsize.so"
    return None


def batch(target, commands, timeout=120):
    """Runs commands one after the other and returns the text of each. target: arguments of gdb (core, pid)."""
    line = START + ["-batch", "-ex", "source " + program.GDB_SCRIPT] + list(target) + ["-ex", "set width 80"]
    for number, command in enumerate(commands):
        line += ["-ex", "echo \\n<<%d>>\\n" % number, "-ex", command]
    line += ["-ex", "echo \\n<<%d>>\\n" % len(commands)]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment(), timeout=timeout)
    text = done.stdout.decode("utf-8", "replace")
    parts = re.split(r"\n<<\d+>>\n", text)
    if len(parts) != len(commands) + 2:
        raise cores.Failed("gdb ended early (status %d):\n%s" % (done.returncode, text[-3000:]))
    return parts[1:-1]


def print_into(path, target, commands, timeout=120):
    """Runs commands as typed ones; gdb's output goes into the file."""
    line = START + ["-batch", "-ex", "source " + program.GDB_SCRIPT] + list(target)
    for command in commands:
        line += ["-ex", command]
    with open(path, "wb") as file:
        subprocess.run(line, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment(),
                       timeout=timeout, check=True)


def python(statement):
    """The command that runs a statement in the debugger's Python."""
    return "python " + statement


def core(executable, path, sysroot=None):
    """The target of batch() and Terminal() that is a core; the files of its process lie under sysroot."""
    where = ["-iex", "set sysroot " + sysroot] if sysroot else []
    return where + ([executable, path] if executable else ["-core", path])


def process(pid):
    return ["-p", str(pid)]


def says(text):
    """What the front end says of a failure, without gdb's own words: there are none."""
    return text


def Terminal(target):  # pylint: disable=invalid-name
    return terminal.Terminal(START + ["-ex", "source " + program.GDB_SCRIPT] + list(target), environment(), PROMPT)
