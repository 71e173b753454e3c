# SPDX-License-Identifier: MIT
"""Writes docs/walkthrough.md: starts the application of this folder, dumps it, runs the commands of walkthrough.txt on
the core and puts what they print below them. Usage: make_walkthrough.py [FILE]; PYDS_BUILD: the build folder.

In walkthrough.txt a line "$ pydeepsize ..." is a command; {name} in it is the address of a subject (measure.py)."""
import os
import re
import shlex
import shutil
import sys
import time

import worker
import cores
import program

CORE = "worker.core"
COMMAND = re.compile(r"^\$ pydeepsize (.*)$")


class Page(object):
    def __init__(self, folder, addresses, pid):
        self.folder, self.addresses, self.pid = folder, addresses, pid
        self.slowest = 0

    def run(self, line):
        """The line as a person types it, and what it prints."""
        for name, address in self.addresses.items():
            line = line.replace("{%s}" % name, "0x%x" % address)
        start = time.monotonic()
        answer = program.run(shlex.split(line.replace("{pid}", str(self.pid)), posix=True), cwd=self.folder)
        self.slowest = max(self.slowest, time.monotonic() - start)
        if answer.status != 0:
            raise cores.Failed("%s: exit status %d\n%s" % (line, answer.status, answer.errors))
        return "$ pydeepsize %s\n%s" % (line.replace("{pid}", "4242"), self.anonymous(answer.output))

    def anonymous(self, text):
        text = re.sub(r"\b%d\b" % self.pid, "4242", text)
        for private in (self.folder, worker.SERVICE, program.ROOT, sys.prefix):
            if private in text:
                raise cores.Failed("the page would name %s of this machine:\n%s" % (private, text))
        return text

    def lines(self, source):
        for line in source:
            match = COMMAND.match(line)
            yield self.run(match.group(1)) if match else line


def write(path):
    with open(os.path.join(worker.HERE, "walkthrough.txt"), encoding="utf-8") as file:
        source = file.readlines()
    folder = cores.scratch("walkthrough")
    try:
        with worker.Worker(folder) as process:
            process.wait_ready()
            core = cores.gcore(process.pid, os.path.join(folder, CORE))
            live = next(line for line in source if "--pid" in line and COMMAND.match(line))
            page = Page(folder, {}, process.pid)
            live_text = page.run(COMMAND.match(live).group(1))
            page.addresses = process.ask("addresses")
        text = "".join(live_text if line == live else part for line, part in
                       ((line, line if line == live else next(page.lines([line]))) for line in source))
        text = text.replace("{core size}", "%d MB" % (os.path.getsize(core) // 1000000))
        text = text.replace("{slowest}", "%.1f" % page.slowest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    if worker.missing():
        sys.exit("%s lacks %s: run this with the Python of the build folder's venv (.ci/test makes it)"
                 % (sys.executable, ", ".join(worker.missing())))
    write(sys.argv[1] if len(sys.argv) > 1 else os.path.join(program.ROOT, "docs", "walkthrough.md"))
