# SPDX-License-Identifier: MIT
"""gdb with our front end: in batch mode, and on a terminal of its own where keys can be pressed."""
import os
import re
import select
import shutil
import signal
import subprocess
import time

import cores
import program

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


class Terminal(object):
    """gdb on a pseudo terminal. Reads wait for text, never for time; a text that does not come is a failure."""

    def __init__(self, target):
        import pty
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            arguments = START + ["-ex", "source " + program.GDB_SCRIPT] + list(target)
            os.execvpe("gdb", arguments, environment())
        self.pending = b""

    def read_until(self, wanted, seconds=60):
        """Everything up to and with `wanted`, which may come in pieces."""
        deadline = time.monotonic() + seconds
        while wanted not in self.pending:
            ready = select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]
            if not ready:
                raise cores.Failed("gdb did not say %r within %d s: %r" % (wanted, seconds, self.pending[-2000:]))
            try:
                self.pending += os.read(self.master, 65536)
            except OSError:
                raise cores.Failed("gdb ended: %r" % self.pending[-2000:])
        end = self.pending.index(wanted) + len(wanted)
        text, self.pending = self.pending[:end], self.pending[end:]
        return text.decode("utf-8", "replace")

    def send(self, text):
        os.write(self.master, text.encode())

    def command(self, text, seconds=60):
        self.send(text + "\n")
        return self.read_until(PROMPT, seconds)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
