# SPDX-License-Identifier: MIT
"""Writes docs/hung.md: starts the situations of hung_page/, asks each as a new user would, and puts what is printed
into hung_page.txt, where a line "$ SITUATION COMMAND" stands.

    PYTHON tests/cases/hung_page.py [FILE]

PYTHON has gunicorn, celery, uvicorn and fastapi, and is 3.11 or later."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))

import cores  # noqa: E402
import program  # noqa: E402

LINE = re.compile(r"^\$ (\w+) (.*)$")
LOOKS = 200  # for a situation to be there; each takes as long as a look at the process


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Situation(object):
    def __init__(self, folder, arguments, command, ready):
        self.open, self.ready, self.command = [], ready, command
        self.process = subprocess.Popen([sys.executable] + arguments, cwd=folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.folder = folder

    def children(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid), encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def request(self, port, count):
        for _ in range(count):
            while True:
                try:
                    self.open.append(socket.create_connection(("127.0.0.1", port)))
                    break
                except ConnectionRefusedError:
                    if self.process.poll() is not None:
                        raise cores.Failed("%s ended" % self.process.args) from None
            self.open[-1].sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")

    def pid(self):
        """Of the process to ask, once what is wanted is the case in it."""
        for _ in range(LOOKS):
            for pid in reversed(self.children() + [self.process.pid]):
                answer = program.run(["--pid", str(pid), self.command, "--json"])
                if answer.status in (0, 3) and self.ready(json.loads(answer.output)):
                    return pid
        raise cores.Failed("%s is not there" % self.process.args)

    def stop(self):
        for one in self.open:
            one.close()
        for pid in self.children() + [self.process.pid]:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.process.wait()


def waiting(count, function):
    """Whether so many threads stand below that function."""
    def ready(answer):
        return sum(any(frame["function"] == function for frame in thread["frames"])
                   for thread in answer["threads"]) >= count
    return ready


def suspended(count):
    return lambda answer: sum(group["count"] for group in answer["groups"] if group["state"] == "pending") >= count


def gunicorn(folder):
    port = free_port()
    made = Situation(folder, ["-m", "gunicorn", "-k", "gthread", "--threads", "4", "-w", "1", "-b",
                              "127.0.0.1:%d" % port, "shop:app"], "threads", waiting(4, "order"))
    made.request(port, 4)
    return made


def celery(folder):
    made = Situation(folder, ["-m", "celery", "-A", "jobs", "worker", "-c", "1", "--without-gossip",
                              "--without-mingle"], "threads", waiting(1, "measure"))
    subprocess.run([sys.executable, "-c", "import jobs; jobs.resize.delay('a')"], cwd=folder, check=True)
    return made


def uvicorn(folder):
    port = free_port()
    made = Situation(folder, ["-m", "uvicorn", "--port", str(port), "orders:app"], "tasks", suspended(50))
    made.request(port, 50)
    return made


def blocked(folder):
    port = free_port()
    made = Situation(folder, ["-m", "uvicorn", "--port", str(port), "prices:app"], "threads",
                     waiting(1, "SocketIO.readinto"))
    made.request(port, 3)
    return made


SITUATIONS = {
    "gunicorn": gunicorn, "celery": celery, "uvicorn": uvicorn, "blocked": blocked,
    "deadlock": lambda folder: Situation(folder, ["locks.py"], "threads", lambda answer: answer["deadlocks"] != []),
    "page": lambda folder: Situation(folder, ["page.py"], "tasks", suspended(5)),
}


def sample(name, words):
    """What the command prints of that situation, without what it says of the copy that it took."""
    folder = cores.scratch("hung_page")
    shutil.copytree(os.path.join(HERE, "hung_page"), folder, dirs_exist_ok=True)
    made = SITUATIONS[name](folder)
    try:
        answer = program.run(["--pid", str(made.pid())] + words.split())
    finally:
        made.stop()
        shutil.rmtree(folder)
    if answer.status not in (0, 3):
        raise cores.Failed("%s %s: exit status %d\n%s" % (name, words, answer.status, answer.errors))
    return re.sub(r"(?m)^process \d+ was stopped for .*\n", "", answer.output)


def write(path):
    with open(os.path.join(HERE, "hung_page.txt"), encoding="utf-8") as file:
        lines = file.readlines()
    text = "".join(sample(*LINE.match(line).groups()) if LINE.match(line) else line for line in lines)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(HERE), "..", "docs", "hung.md"))
