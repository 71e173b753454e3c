# SPDX-License-Identifier: MIT
"""`info --self-check` over blocks outside Python's pools: a core is damaged in one place, so that a block has two
owners, or less room than its owner says, or is free, or a sum does not close; each is found, and what is refuted is in
no sum."""
import os
import shutil
import struct

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
WORD = struct.Struct("<Q")


class Heap(object):
    """A core, and where its file has the process's bytes."""

    def __init__(self, core, words):
        self.core = core
        self.one, self.other, self.stream, self.second, self.buffer, self.others, self.gone = words
        with open(core, "rb") as file:
            data = file.read()
        self.data = data
        offset, = WORD.unpack_from(data, 0x20)
        size, count = struct.unpack_from("<HH", data, 0x36)
        self.loads = []
        for row in range(count):
            kind, _, start, first, _, held = struct.unpack_from("<IIQQQQ", data, offset + row * size)
            if kind == 1:  # PT_LOAD
                self.loads.append((first, held, start))

    def place(self, address):
        return next(start + address - first for first, held, start in self.loads if first <= address < first + held)

    def places_of(self, address, size, word):
        """Where the file has this word between two addresses."""
        start = self.place(address)
        return [start + at for at in range(0, size, 8) if WORD.unpack_from(self.data, start + at)[0] == word]

    def damaged(self, changes):
        """Where the core is with words changed in place: {offset in the file: word}."""
        with open(self.core, "r+b") as file:
            for where, word in changes.items():
                file.seek(where)
                file.write(WORD.pack(word))
        return ["--core", self.core]

    def restore(self, changes):
        self.damaged({where: WORD.unpack_from(self.data, where)[0] for where in changes})


@pytest.fixture(scope="module")
def heap(distribution):
    folder = cores.scratch("claims")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "claims_program.py")], folder) as target:
            words = [int(word, 16) for word in target.wait_ready().split()[1:]]
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        yield Heap(core, words)
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Answer(object):
    def __init__(self, heap, changes):
        try:
            target = heap.damaged(changes)
            self.check = program.ask(target, ["info", "--self-check", "--json"])["self_check"]
            self.text = program.run(target + ["info", "--self-check"]).output
            self.memory = program.ask(target, ["memory", "--json"])
        finally:
            heap.restore(changes)


@pytest.fixture(scope="module")
def sound(heap):
    return Answer(heap, {})


def check_found(answer, key, text, address):
    assert answer.check["disagreements"] == answer.check[key] == 1, answer.check
    example, = answer.check["examples"]
    assert int(example["object"], 16) == address
    assert text in answer.text and "DISAGREE" in answer.text and "0x%x" % address in answer.text


def test_nothing_is_found_where_nothing_is_damaged(sound):
    assert sound.check["disagreements"] == sound.check["open_sums"] == sound.check["refuted_blocks"] == 0
    assert sound.check["outside_pools"] > 100 and len(sound.check["sums"]) >= 6
    assert all(row["closes"] for row in sound.check["sums"])
    # Blocks of C code are listed one by one, and counted by their allocators.
    assert {row["what"] for row in sound.check["sums"] if row["held_against"] == "what is in use and no object's"} >= {
        "blocks of C code and free lists in pymalloc", "blocks of C code in malloc's heaps"}
    assert "sums close" in sound.text and "DISAGREE" not in sound.text


def test_block_of_two_owners(heap, sound):
    changes = dict.fromkeys(heap.places_of(heap.one, 64, heap.buffer), heap.others)
    assert changes
    answer = Answer(heap, changes)
    check_found(answer, "two_owners", "in a block that another one has", max(heap.one, heap.other))
    # It counts once, and what lost its owner is C code's.
    lost = sound.memory["total"]["objects"] - answer.memory["total"]["objects"]
    assert 3000 < lost < 3100 and answer.memory["total"]["native"] - sound.memory["total"]["native"] == lost


def test_state_of_a_library_that_two_objects_claim(heap, sound):
    owners = {int(row["address"], 16): int(row["owner"]["address"], 16) for row in program.ask(
        ["--core", heap.core], ["native", "--json"])["blocks"] if row["owner"]}
    for where in range(heap.stream, heap.stream + 160, 8):
        first, second = (WORD.unpack_from(heap.data, heap.place(address))[0]
                         for address in (where, where - heap.stream + heap.second))
        if (owners.get(first), owners.get(second)) == (heap.stream, heap.second):
            break
    else:
        raise AssertionError("no word of the stream leads to its state")
    answer = Answer(heap, {heap.place(where): second})
    check_found(answer, "two_owners", "in a block that another one has", max(heap.stream, heap.second))


def test_block_that_is_smaller_than_claimed(heap, sound):
    changes = dict.fromkeys(heap.places_of(heap.one + 16, 32, 3001), 3900)
    assert len(changes) == 1
    answer = Answer(heap, changes)
    check_found(answer, "too_large", "claim more than their block has", heap.one)
    assert 3000 < sound.memory["total"]["objects"] - answer.memory["total"]["objects"] < 3100


def test_block_that_is_free(heap, sound):
    changes = dict.fromkeys(heap.places_of(heap.one, 64, heap.buffer), heap.gone)
    answer = Answer(heap, changes)
    check_found(answer, "free", "in a block that is free", heap.one)
    assert answer.check["refuted_blocks"] == 1 and "allocators refute are in no sum" in answer.text
    assert 3000 < sound.memory["total"]["objects"] - answer.memory["total"]["objects"] < 3100


def test_sum_that_does_not_close(heap, sound):
    arena = program.ask(["--core", heap.core], ["memory", "--arenas", "--json"])["arenas"][0]
    assert arena["allocator"] == "malloc"
    where = heap.places_of(int(arena["address"], 16), 2300, arena["bytes"])
    answer = Answer(heap, dict.fromkeys(where[:1], arena["bytes"] + 4096))
    assert answer.check["open_sums"] == 1 and answer.check["disagreements"] == 0
    row, = [row for row in answer.check["sums"] if not row["closes"]]
    assert row["what"].startswith("chunks of malloc") and row["reason"]
    assert "DISAGREE: chunks of malloc" in answer.text
    assert not answer.memory["malloc"]["confirmed"]
