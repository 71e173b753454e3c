# SPDX-License-Identifier: MIT
"""LLDBs with our front end, each in batch mode and on a terminal of its own: what gdb_session is for gdb.

Which: all `lldb` and `lldb-N` of PATH, the one under PYDS_BUILD/lldb (.ci/lldb unpacks a newer one there, as Debian's
packages of two versions exclude each other), and those named in PYDS_LLDBS, separated by colons. One a version."""
import functools
import glob
import os
import re
import subprocess
import tempfile

import cores
import program
import terminal

SCRIPT = os.environ.get("PYDS_LLDB_SCRIPT") or os.path.join(program.ROOT, "lldb", "pydeepsize_lldb.py")
WORKS = "its Python works"
PROBE = ["-x", "-b", "-o", "script import lldb, lldb.embedded_interpreter; print(%r[::-1])" % WORKS[::-1]]


class Lldb(object):
    PROMPT = b"(lldb) "

    def __init__(self, path, name, python_path):
        self.path, self.NAME, self.python_path = path, name, python_path

    def environment(self):
        return environment(self.python_path)

    def missing(self):
        """Why this LLDB cannot be tested here, or None."""
        if self.path is None:
            return "no LLDB on this machine"
        if program.SANITIZED:
            return "LLDB would need LD_PRELOAD of the sanitizer's library to load an instrumented libpydeepsize.so"
        if self.python_path is None:
            return "the Python of %s does not work, with no PYTHONPATH that was tried" % self.path
        return None

    @staticmethod
    def core(executable, path, sysroot=None):
        where = ["-O", "platform select --sysroot %s host" % sysroot] if sysroot else []
        return where + ["--core", path] + ([executable] if executable else [])

    @staticmethod
    def process(pid):
        return ["-p", str(pid)]

    @staticmethod
    def says(text):
        """What the front end says of a failure, without LLDB's own word before it."""
        return re.sub(r"^error: ", "", text, flags=re.M)

    def start(self, target):
        return [self.path, "-x"] + list(target) + ["-o", "settings set term-width 80",
                                                   "-o", "command script import " + SCRIPT]

    def batch(self, target, commands, timeout=300):
        """Runs commands one after the other, failing ones too, and returns the text of each."""
        mark = "script print('\\n<<%d>>\\n', end='', flush=True)\n"
        with tempfile.NamedTemporaryFile("w", suffix=".lldb") as file:
            file.write("".join(mark % number + command + "\n" for number, command in enumerate(commands)))
            file.write(mark % len(commands))
            file.flush()
            line = self.start(target) + ["-b", "-o", "command source -s 0 -e 0 -c 0 " + file.name]
            done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env=self.environment(), timeout=timeout)
        text = done.stdout.decode("utf-8", "replace")
        parts = re.split(r"\n<<\d+>>\n", text)
        if len(parts) != len(commands) + 2:
            raise cores.Failed("%s ended early (status %d):\n%s" % (self.NAME, done.returncode, text[-3000:]))
        # LLDB repeats each command before its text; what follows the text is the command of the next mark.
        return [part.partition("\n")[2].rpartition("(lldb) script print")[0] for part in parts[1:-1]]

    def print_into(self, path, target, commands, timeout=120):
        """Runs commands as typed ones; what LLDB prints goes into the file."""
        line = self.start(target) + ["-b"]
        for command in commands:
            line += ["-o", command]
        with open(path, "wb") as file:
            subprocess.run(line, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                           env=self.environment(), timeout=timeout, check=True)

    @staticmethod
    def python(statement):
        return "script " + statement

    def Terminal(self, target):  # pylint: disable=invalid-name
        return terminal.Terminal(self.start(target), self.environment(), self.PROMPT)


def environment(python_path):
    """LLDB's Python takes its library from where python3 of PATH has it, so that is the distribution's."""
    found = cores.clean_environment({"PYDS_BUILD": program.BUILD, "PYDEEPSIZE_LIBRARY": program.library(),
                                     "TERM": "dumb", "LC_ALL": "C.UTF-8",
                                     "PATH": "/usr/bin:/bin:" + os.environ.get("PATH", "")})
    if python_path:
        found["PYTHONPATH"] = python_path
    return found


def ask(path, arguments, python_path=""):
    try:
        return subprocess.run([path] + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=environment(python_path), timeout=60).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        return ""


def working_python_path(path):
    """What PYTHONPATH has to be for this LLDB: nothing, or the folder of its own files (Debian 12's lldb-14 looks in
    one that does not exist). None: nothing helps."""
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    for python_path in [""] + sorted(glob.glob(os.path.join(prefix, "lib", "python3*", "*-packages"))):
        if WORKS in ask(path, PROBE, python_path):
            return python_path
    return None


@functools.lru_cache(maxsize=None)
def find():
    candidates = []
    for folder in os.environ.get("PATH", "").split(":"):
        candidates += sorted(one for one in glob.glob(os.path.join(folder, "lldb*"))
                             if re.fullmatch(r"lldb(-\d+)?", os.path.basename(one)))
    candidates += sorted(glob.glob(os.path.join(program.BUILD, "lldb", "usr", "lib", "llvm-*", "bin", "lldb")))
    candidates += [one for one in os.environ.get("PYDS_LLDBS", "").split(":") if one]
    found = {}
    for path in candidates:
        version = re.search(r"lldb version (\d+)", ask(path, ["--version"]))
        if version and "lldb-" + version.group(1) not in found:
            name = "lldb-" + version.group(1)
            found[name] = Lldb(path, name, working_python_path(path))
    return tuple(found.values()) or (Lldb(None, "lldb", None),)
