# SPDX-License-Identifier: MIT
"""Blocks of C code that are left out since too little memory is left for them, or since malloc's heaps do not confirm
themselves: the text says so, and what to do; nobody asked, so the rest is answered. (What is left out by its cost:
test_native.py.)"""
import os
import re
import shutil

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
COMMANDS = [["top"], ["heap"], ["modules"], ["frames"], ["deepsize", "__main__.keep"], ["object", "__main__.keep"]]
SHORT = "too little memory is left for them; --max-memory SIZE may allow more"
REFUSED = "malloc's heaps do not confirm themselves, so that its blocks are not known: memory says where"


class Answers(object):
    def __init__(self, where, options):
        self.texts = {command[0]: program.run(where + options + command) for command in COMMANDS}
        self.json = program.ask(where + options, ["top", "--json"])


def answers_of(python, argument, find_options):
    """Of a process, with options that are found out first."""
    folder = cores.scratch("left-out")
    try:
        with cores.Target(python, [os.path.join(HERE, "left_out_program.py"), argument], folder) as target:
            target.wait_ready()
            where = ["--pid", str(target.pid)]
            return Answers(where, find_options(where))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def just_enough(where):
    """About what the heap itself can be had with, to 32 MiB: its blocks are held to take 256 more."""
    for most in range(64, 1024, 32):
        options = ["--max-memory", "%dM" % most]
        if program.run(where + options + ["frames"]).status == 0:
            return ["--max-memory", "%dM" % (most + 32)]
    raise AssertionError("1 GiB is not enough for a small heap")


@pytest.fixture(scope="module")
def whole(distribution):
    return answers_of(distribution.path, "whole", lambda where: [])


@pytest.fixture(scope="module")
def short(distribution):
    return answers_of(distribution.path, "whole", just_enough)


@pytest.fixture(scope="module")
def damaged(distribution):
    return answers_of(distribution.path, "damaged", lambda where: [])


def test_nothing_is_left_out_where_there_is_memory(whole):
    for command, answer in whole.texts.items():
        assert answer.status == 0 and "left out" not in answer.output, (command, answer.output)
    assert whole.json["native"]["bytes"] > 1 << 30 and "native_left_out" not in whole.json


def test_too_little_memory_is_said(short):
    for command, answer in short.texts.items():
        assert answer.status == 0 and "left out: " + SHORT in answer.output, (command, answer.output, answer.errors)
    assert short.json["native"] is None and short.json["native_left_out"] == SHORT
    assert short.json["rows"]


def test_a_refusal_is_said(damaged):
    for command, answer in damaged.texts.items():
        assert answer.status in (0, 3), (command, answer.errors)
        assert re.search("(Blocks of C code( of malloc)? are |native +(malloc's )?)left out: " + REFUSED,
                         answer.output), (command, answer.output)
    assert damaged.json["native_left_out"] == REFUSED
    assert damaged.json["rows"]
