# SPDX-License-Identifier: MIT
"""Starts the application under service/ as a worker that has served requests, and dumps it. For the test and for the
script that writes docs/walkthrough.md."""
import importlib.util
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))

import cores  # noqa: E402

SERVICE = os.path.join(HERE, "service")
PACKAGES = ("fastapi", "sqlalchemy", "httpx")


def missing():
    """Which packages this Python lacks to run the application; the worker runs under the same Python."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


class Worker(cores.Target):
    """The process. tcache is off so that what malloc got back is really counted as free (measure.allocated())."""

    def __init__(self, folder, arguments=()):
        super(Worker, self).__init__(
            sys.executable, ["-W", "ignore", os.path.join(SERVICE, "serve.py")] + list(arguments), folder,
            {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0", "NO_COLOR": "1", "HOME": folder})

    def ask(self, question):
        """What the worker answers to the name of a function of service/measure.py."""
        self.process.stdin.write(question.encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise cores.Failed("the worker ended:\n" + self.process.stderr.read().decode("utf-8", "replace")[-3000:])
        return json.loads(line)
