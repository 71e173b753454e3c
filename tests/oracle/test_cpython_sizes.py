# SPDX-License-Identifier: MIT
"""CPython's own tests of sys.getsizeof, replayed: every object that one of them measures has the same size here."""
import collections
import os
import shutil

import pytest

import cores
import interpreters
import program

LEAST_CHECKS = 200  # of one interpreter; 3.10, which has the fewest, makes some 220
MOST_OTHERS = 4  # checks that keeping the objects of earlier ones disturbs: a class whose instances shared keys

Sized = collections.namedtuple("Sized", "size type times differed")


class Replay(object):
    def __init__(self, path):
        self.objects, self.modules, self.failures, self.others = {}, {}, [], []
        self.lacking, self.python, self.checks = None, 0, None
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            for line in file:
                fields = line.rstrip("\n").split("\t")
                kind = fields[0]
                if kind == "object":
                    self.objects[int(fields[1], 16)] = Sized(int(fields[2]), fields[3], int(fields[4]),
                                                             fields[5] == "1")
                elif kind == "module":
                    self.modules[fields[1]] = int(fields[2])
                elif kind == "failure":
                    self.failures.append(": ".join(fields[1:]))
                elif kind == "other":
                    self.others.append(fields[1])
                elif kind == "lacking":
                    self.lacking = fields[1]
                elif kind == "python":
                    self.python = int(fields[1])
                elif kind == "end":
                    self.checks = int(fields[1])


def pytest_generate_tests(metafunc):
    found = interpreters.wanted(metafunc.config.getoption("--python"))
    metafunc.parametrize("interpreter", found, ids=[one.name for one in found])


def test_size_checks_of_cpython(interpreter):
    folder = cores.scratch("sizes")
    path = os.path.join(folder, "list")
    try:
        with cores.Target(interpreter.path, ["-W", "ignore", os.path.join(cores.ORACLE, "sizes_program.py"), path],
                          folder) as target:
            target.wait_ready()
            replay = Replay(path)
            if replay.lacking:
                pytest.skip("this Python has no tests of its own: %s" % replay.lacking)
            assert replay.checks is not None
            answers = list(program.ask_about(["--pid", str(target.pid)], ["sizeof"], list(replay.objects)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrong = []
    for address, answer in answers:
        known = replay.objects[address]
        if answer.get("shallow") != known.size or answer.get("approximate"):
            wrong.append("0x%x %s: CPython says %d, we say %s, approximate: %s"
                         % (address, known.type, known.size, answer.get("shallow"), answer.get("approximate")))
    steady = sum(known.times for known in replay.objects.values() if not known.differed)
    print("%s: %d tests in %s; %d checks of %d objects, %d of them of objects that kept their size; %d objects with a "
          "__sizeof__ in Python" % (interpreter.name, sum(replay.modules.values()), " ".join(sorted(replay.modules)),
                                    replay.checks, len(replay.objects), steady, replay.python))
    assert not wrong, "%d of %d objects differ\n%s" % (len(wrong), len(answers), "\n".join(wrong[:40]))
    assert not replay.failures, "\n".join(replay.failures)
    assert len(replay.others) <= MOST_OTHERS, "\n".join(replay.others)
    for name in ("test_sys", "test_array", "test_deque", "test_ordered_dict", "test_struct", "test_itertools",
                 "test_xml_etree_c"):
        assert replay.modules.get(name), "no size check ran in %s" % name
    assert any(name.endswith("test_memoryio") for name in replay.modules)
    assert replay.checks >= LEAST_CHECKS
