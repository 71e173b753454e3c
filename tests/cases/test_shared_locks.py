# SPDX-License-Identifier: MIT
"""threads: owners of locks that processes share, live and from a core: of multiprocessing by what each counts of this
process, of files by what the kernel says of a live one; and what cannot be known from a core is said."""
import json
import os
import subprocess

import pytest

import cores
import program
from test_locks import dumped

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shared_locks_program.py")


def asked(interpreter, mode, folder, *arguments):
    """What the program knows; for a live process and for its core what `threads` says, and its text."""
    with cores.Target(interpreter.path, ["-W", "ignore", PROGRAM, mode] + list(arguments), str(folder)) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        answers = []
        for kind in ("live", "core"):
            where = ["--pid", str(target.pid)]
            if kind == "core":
                where = ["--core", dumped(target, os.path.join(str(folder), "core-" + mode))]
            answers.append((kind, program.ask(where, ["threads", "--json"]),
                            program.run(where + ["threads", "-n", "0"]).output))
        return truth, answers


def waits_of(answer):
    names = {one["id"]: one["name"] for one in answer["threads"]}
    for one in answer["threads"]:
        if one["waits_for"] is not None:
            yield one["name"], one["waits_for"], names.get(one["waits_for"]["owner"])


def packages_with(interpreter, module):
    """Folders for sys.path; PYDS_PACKAGES names one."""
    folders = [path for path in (os.environ.get("PYDS_PACKAGES"),) if path]
    code = "import sys; sys.path[:0] = sys.argv[1:]; import " + module
    if not folders or subprocess.call([interpreter.path, "-c", code] + folders, stderr=subprocess.DEVNULL) != 0:
        pytest.skip("%s cannot be imported; PYDS_PACKAGES names a folder that has it" % module)
    return folders


def test_locks_of_multiprocessing(each, tmp_path):
    check_processes(*asked(each, "processes", tmp_path))


def test_locks_of_billiard(each, tmp_path):
    check_processes(*asked(each, "billiard", tmp_path, *packages_with(each, "billiard")))


def check_processes(truth, answers):
    for kind, answer, text in answers:
        found = {name: (waits, owner) for name, waits, owner in waits_of(answer)}
        wrong = []
        for name, told in truth["waits"].items():
            waits, owner = found.get(name, ({}, None))
            said = {"kind": waits.get("kind"), "address": waits.get("address"), "owner": owner,
                    "by": waits.get("owner_by")}
            if "elsewhere" in told:
                said["elsewhere"] = waits.get("elsewhere")
            if "processes" in told:
                # Who else has the memory mapped is known as long as the processes live.
                told = dict(told, processes=told["processes"] if kind == "live" else [])
                said["processes"] = waits.get("processes")
            if said != told:
                wrong.append((name, said, told))
        assert not wrong, "%s\n%s" % ("\n".join(map(str, wrong)), text)
        assert "held by another process: its semaphore does not say which" in text
        assert "taken last by thread" in text and "another process may end that" in text
        assert answer["deadlocks"] == []


def test_locks_of_files(each, tmp_path):
    truth, answers = asked(each, "files", tmp_path)
    for kind, answer, text in answers:
        found = {name: (waits, owner) for name, waits, owner in waits_of(answer)}
        for name, told in truth["waits"].items():
            waits, owner = found[name]
            assert (waits["kind"], waits["address"], owner) == (told["kind"], told["address"], told.get("owner")), text
            if kind == "core":
                assert waits["elsewhere"] == "unknown" and "process" not in waits
                assert waits["owner_by"] == ("perhaps" if owner else "unknown")
                continue
            assert (waits["elsewhere"], waits["process"]) == ("kernel", told["process"]), waits
            assert (waits["descriptor"] >= 0) == (told["process"] == truth["pid"])
            assert waits["owner_by"] == ("uses" if owner else "unknown")
        if kind == "live":
            there = truth["waits"]["posix"]["process"]
            assert text.count(", held by process %d, as the kernel says\n" % there) == 2
            assert "held by this process through descriptor" in text
        else:
            assert text.count("; who has it is not in a core, of a live process the kernel says it\n") == 3


def test_locks_of_filelock(each, tmp_path):
    packages = packages_with(each, "filelock")
    truth, answers = asked(each, "filelock", tmp_path, *packages)
    for kind, answer, text in answers:
        found = {name: (waits, owner) for name, waits, owner in waits_of(answer)}
        for name, told in truth["waits"].items():
            waits, owner = found[name]
            assert (waits["kind"], waits["address"], owner, waits["owner_by"]) == \
                (told["kind"], told["address"], told["owner"], told["by"]), text
            if "process" in told and kind == "live":
                assert (waits["elsewhere"], waits["process"]) == ("kernel", told["process"])
            elif "process" in told:
                assert waits["elsewhere"] == "unknown"
