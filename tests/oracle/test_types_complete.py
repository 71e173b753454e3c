# SPDX-License-Identifier: MIT
"""Every type in C of the standard library has a decoder and was compared (test_exact.py) with at least one instance, or
has a reason why not (types_declared.py). What a module in C visits is what we say."""
import collections
import os
import re
import shutil

import pytest

import cores
import interpreters
import program
import types_declared

LEAST_TYPES = 330  # of one interpreter: 3.8 has 356

Type = collections.namedtuple("Type", "name kind instances")


class Census(object):
    """What types_program.py wrote of one interpreter."""

    def __init__(self, path):
        self.types, self.modules, self.failed = {}, {}, []
        count = None
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            for line in file:
                fields = line.rstrip("\n").split("\t")
                if fields[0] == "type":
                    self.types[int(fields[1], 16)] = Type(fields[2], fields[3], int(fields[4]))
                elif fields[0] == "module":
                    self.modules[int(fields[2], 16)] = fields[1], {int(one, 16) for one in fields[3:]}
                elif fields[0] == "failed":
                    self.failed.append(": ".join(fields[1:]))
                elif fields[0] == "end":
                    count = int(fields[1])
        if count != len(self.types):
            raise ValueError("%s is cut off" % path)


class Answers(object):
    def __init__(self, interpreter):
        folder = cores.scratch("types")
        path = os.path.join(folder, "list")
        try:
            with cores.Target(interpreter.path, ["-W", "ignore", os.path.join(cores.ORACLE, "types_program.py"), path],
                              folder) as target:
                target.wait_ready()
                self.census = Census(path)
                where = ["--pid", str(target.pid)]
                self.types = list(program.ask_about(where, ["object", "--no-retained", "-n", "1"],
                                                    list(self.census.types)))
                self.modules = list(program.ask_about(where, ["referents"], list(self.census.modules)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def pytest_generate_tests(metafunc):
    found = interpreters.wanted(metafunc.config.getoption("--python"))
    metafunc.parametrize("answers", found, ids=[one.name for one in found], indirect=True, scope="module")


@pytest.fixture(scope="module")
def answers(request):
    return Answers(request.param)


def reason(rows, name):
    for pattern, text in rows:
        if re.fullmatch(pattern, name):
            return text
    return None


def test_every_type_has_a_decoder(answers):
    for text in answers.census.failed:
        print("cannot be imported: " + text)
    assert len(answers.types) >= LEAST_TYPES
    lacking, wrong = [], []
    for address, answer in answers.types:
        known = answers.census.types[address]
        instances = answer.get("instances")
        if instances is None or instances["python_class"]:
            wrong.append("%s (0x%x) is a type made in C; we say %s" % (known.name, address, instances))
        elif instances["approximate"] and not reason(types_declared.GENERIC, known.name):
            lacking.append("%s (%s)" % (known.name, known.kind))
        elif known.name != "?" and instances["type"] != known.name:
            wrong.append("%s is taken for %s" % (known.name, instances["type"]))
    assert not lacking, "no decoder, and no reason in types_declared.py: " + ", ".join(sorted(lacking))
    assert not wrong, "\n".join(wrong)


def test_every_type_has_an_instance_among_the_subjects(answers):
    lacking = sorted(known.name for known in answers.census.types.values()
                     if known.instances == 0 and not reason(types_declared.NO_INSTANCE, known.name))
    assert not lacking, "no instance in subjects*.py, and no reason in types_declared.py: " + ", ".join(lacking)


def test_what_modules_visit(answers):
    assert len(answers.modules) > 80
    wrong = []
    for address, answer in answers.modules:
        name, theirs = answers.census.modules[address]
        ours = {int(one["address"], 16): one for one in answer["referents"] if not one.get("hidden")}
        if theirs != set(ours) and not reason(types_declared.MODULE_STATE, name):
            extra = ["%s %s" % (ours[one]["type"], ours[one]["label"]) for one in set(ours) - theirs]
            wrong.append("%s: %d missing, %d extra %s" % (name, len(theirs - set(ours)), len(extra), extra))
    assert not wrong, "\n".join(wrong)
