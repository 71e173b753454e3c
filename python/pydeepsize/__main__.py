# SPDX-License-Identifier: MIT
"""`pydeepsize ...`: the program of the wheel; `pydeepsize gdb CORE|PID ...` and `pydeepsize lldb ...` start a debugger
with the commands loaded, `pydeepsize mcp --core FILE` a server for agents."""
import glob
import os
import shutil
import sys
from typing import List, NoReturn

from .library import find, library


def run(program: str, arguments: List[str]) -> NoReturn:
    path = shutil.which(program) or program
    try:
        os.execv(path, [program] + arguments)
    except OSError as error:
        sys.exit("pydeepsize: %s cannot be run: %s" % (program, error))


def executable_of(core: str) -> List[str]:
    """What gdb wants before a core; it finds it out by itself where the core says its name and the file is here."""
    return ["-c", core]


def lldb_modules() -> List[str]:
    """LLDB's own Python modules, beside its real program: Debian 12's looks for them where they are not."""
    real = os.path.realpath(shutil.which("lldb") or "")
    pattern = os.path.join(os.path.dirname(os.path.dirname(real)), "lib*", "python3*", "*-packages", "lldb")
    return [os.path.dirname(path) for path in sorted(glob.glob(pattern))]


def debugger(name: str, words: List[str]) -> NoReturn:
    if not shutil.which(name):
        sys.exit("pydeepsize: %s is not installed here; `pydeepsize --core FILE COMMAND` needs no debugger" % name)
    os.environ["PYDEEPSIZE_LIBRARY"] = library()
    target, more = (words[:1], words[1:]) if words and not words[0].startswith("-") else ([], words)
    if name == "gdb":
        script = ["-ex", "source " + find("pydeepsize_gdb.py")]
        place = [] if not target else ["-p", target[0]] if target[0].isdigit() else executable_of(target[0])
        run("gdb", ["-q", "-iex", "set auto-solib-add off"] + place + script + more)
    modules = lldb_modules() + [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if modules:
        os.environ["PYTHONPATH"] = os.pathsep.join(modules)
    # Its Python takes the first python3 of PATH for its own: a virtual environment's lacks what LLDB imports.
    os.environ["PATH"] = os.path.dirname(shutil.which("lldb") or "") + os.pathsep + os.environ.get("PATH", "")
    script = ["-o", "command script import " + find("pydeepsize_lldb.py")]
    place = [] if not target else ["-p", target[0]] if target[0].isdigit() else ["-c", target[0]]
    run("lldb", place + script + more)


def main() -> None:
    words = sys.argv[1:]
    if words and words[0] in ("gdb", "lldb"):
        debugger(words[0], words[1:])
    if words and words[0] == "mcp":
        from . import mcp
        mcp.main(words[1:])
        return
    run(find("pydeepsize"), words)


if __name__ == "__main__":
    main()
