# SPDX-License-Identifier: MIT
"""One core for all tests of exports and queries."""
import os

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))


class Shop(object):
    def __init__(self, core, names):
        self.core = core
        self.target = ["--core", core]
        self.sessions, self.settings, self.twice = names

    def run(self, *arguments):
        return program.run(self.target + list(arguments))

    def ask(self, *arguments):
        return program.ask(self.target, list(arguments) + ["--json"])

    def rows(self, statement, *arguments):
        """The answer of a statement as a list of dicts."""
        answer = self.ask("query", statement, *arguments)
        return [dict(zip(answer["columns"], row)) for row in answer["rows"]]

    def export(self, folder, name, *arguments):
        path = os.path.join(str(folder), name)
        answer = self.run("export", path, *arguments)
        assert answer.status == 0, answer.errors
        return path


@pytest.fixture(scope="session")
def shop(distribution, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("shop"))
    with cores.Target(distribution.path, [os.path.join(HERE, "shop_program.py"), "2000"], folder) as target:
        names = [int(word) for word in target.wait_ready().split()[1:]]
        core = cores.gcore(target.pid, os.path.join(folder, "core"))
    yield Shop(core, names)
    os.unlink(core)
