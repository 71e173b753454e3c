# SPDX-License-Identifier: MIT
"""Writes docs/memory.md: starts the four processes of memory_page_program.py, dumps each, runs the commands of
memory_page.txt and puts what they print below them.

    python3 tests/cases/memory_page.py [FILE]

In memory_page.txt a line "$ pydeepsize ..." or "$ gdb ..." is a command; {WORD} in it is the last address of a line
with WORD of what was printed, the latest first. Behind "  # only" follows a pattern: only lines that have it are shown.
A core NAME.core is that of process NAME, NAME-later.core the same process a turn later."""
import os
import re
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))

import cores  # noqa: E402
import interpreters  # noqa: E402
import program  # noqa: E402

COMMAND = re.compile(r"^\$ (pydeepsize|gdb) (.*?)(?:  # only (.*))?$")


class Page(object):
    def __init__(self, folder):
        self.folder, self.printed = folder, []

    def dump(self, name):
        """NAME.core and NAME-later.core, once."""
        if os.path.exists(os.path.join(self.folder, name + ".core")):
            return
        with cores.Target(interpreters.distribution().path, [os.path.join(HERE, "memory_page_program.py"), name],
                          self.folder) as target:
            target.wait_ready()
            cores.gcore(target.pid, os.path.join(self.folder, name + ".core"))
            target.process.stdin.write(b"x")
            target.process.stdin.flush()
            target.wait_ready()
            cores.gcore(target.pid, os.path.join(self.folder, name + "-later.core"))

    def address(self, word):
        for line in (line for text in reversed(self.printed) for line in text.splitlines()):
            found = re.findall("0x[0-9a-f]+", line)
            if word in line and found:
                return found[-1]
        raise cores.Failed("no address beside %r in\n%s" % (word, self.printed[-1]))

    def output(self, name, line):
        if name == "gdb":
            return subprocess.run(["gdb", "-nx"] + shlex.split(line), cwd=self.folder, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=True).stdout.decode()
        answer = program.run(shlex.split(line), cwd=self.folder)
        if answer.status != 0:
            raise cores.Failed("%s: exit status %d\n%s" % (line, answer.status, answer.errors))
        return answer.output

    def run(self, name, line, pattern):
        """The line as a person types it, and what of its output is shown."""
        line = re.sub(r"\{(\S+)\}", lambda match: self.address(match.group(1)), line)
        for core in re.findall(r"(\w+)(?:-later)?\.core", line):
            self.dump(core)
        self.printed.append(self.output(name, line))
        shown = []
        for one in self.printed[-1].rstrip("\n").split("\n"):
            if pattern is None or re.search(pattern, one):
                shown.append(one)
            elif shown[-1:] != ["..."]:
                shown.append("...")
        return "\n".join(["$ %s %s" % (name, line)] + shown) + "\n"


def write(path):
    folder = cores.scratch("memory_page")
    page = Page(folder)
    try:
        with open(os.path.join(HERE, "memory_page.txt"), encoding="utf-8") as file:
            parts = [(COMMAND.match(line), line) for line in file]
        text = "".join(page.run(*match.groups()) if match else line for match, line in parts)
        for private in (folder, program.ROOT):
            text = text.replace(private + "/", "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else os.path.join(program.ROOT, "docs", "memory.md"))
