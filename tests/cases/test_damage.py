# SPDX-License-Identifier: MIT
"""Damaged memory: a word that contradicts another one, or what the allocator gave out, is seen and counted, and what it
claims is in no total. damage.py is the long form, with random words."""
import json
import os
import shutil
import struct
import subprocess

import pytest

import cores
import damage
import interpreters
import program

ROUNDS = 30  # a core; damage.py does as many as one likes
PROGRAM = """
import gc, json, sys
names = [str(i) for i in range(1000)]
pair = [1, 2]
text, number, data = "x" * 100, 1 << 100, b"y" * 60
group = set(names)
class Base(dict):
    pass
class Small(Base):
    __slots__ = ("a", "b", "c")
small = [Small() for _ in range(100)]
gc.collect()
print("READY " + json.dumps({name: hex(id(globals()[name])) for name in
      ("names", "pair", "text", "number", "data", "group", "Small", "small")}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def sound():
    """(core, addresses of its objects)."""
    folder = cores.scratch("damage")
    with cores.Target(interpreters.distribution().path, ["-c", PROGRAM], folder) as target:
        objects = json.loads(target.wait_ready().split(" ", 1)[1])
        core = os.path.join(folder, "core")
        cores.gcore(target.pid, core)
    yield core, {name: int(address, 16) for name, address in objects.items()}
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def changed(sound, tmp_path):
    """changed(address, word): the core with that word there, and what was there."""
    core, _ = sound

    def change(address, word):
        path = str(tmp_path / "core")
        shutil.copy(core, path)
        offset = next(place + address - start for start, size, place in damage.segments(core)
                      if start <= address < start + size)
        with open(path, "r+b") as file:
            file.seek(offset)
            old = struct.unpack("<Q", file.read(8))[0]
            file.seek(offset)
            file.write(struct.pack("<Q", word if word is not None else old))
        return path, old

    return change


def total(core):
    answer = program.run(["--core", core, "heap", "--json"])
    document = json.loads(answer.output)
    return document["total"], document["coverage"]


# Offsets on 64 bits, of CPython 3.11: what each damaged word is.
CASES = [("pair", 32, 1 << 58), ("pair", 32, 1 << 20), ("names", 32, 1 << 20), ("text", 16, 100 << 16),
         ("number", 16, 1 << 16), ("data", 16, 1 << 20), ("group", 24, 5), ("group", 32, (1 << 20) - 1),
         ("Small", 32, 24), ("Small", 40, 8), ("pair", -16, 0), ("pair", -8, 0)]


@pytest.mark.parametrize("name, offset, word", CASES, ids=["%s%+d" % case[:2] + "=%#x" % case[2] for case in CASES])
def test_one_word(sound, changed, name, offset, word):
    core, objects = sound
    before, said = total(core)
    after, now = total(changed(objects[name] + offset, word)[0])
    # What is seen: either nothing changed, since another word says it too, or it is said.
    assert abs(after["shallow"] - before["shallow"]) < before["shallow"] // 20
    assert abs(after["allocated"] - before["allocated"]) < before["allocated"] // 20
    assert now != said or after == before


def test_a_size_that_is_contradicted_is_no_fact(sound, changed):
    core, objects = sound
    path, _ = changed(objects["pair"] + 32, 1 << 58)
    answer = program.ask(["--core", path], ["sizeof", "--json", hex(objects["pair"])])["objects"][0]
    assert answer["corrupt"] and answer["shallow"] < 100 and answer["allocated"] < 200


def test_class_smaller_than_its_base(sound, changed):
    """The instance is flagged, and not read with its base's decoder beyond what the class says."""
    core, objects = sound
    path, _ = changed(objects["Small"] + 32, 16)
    row = program.ask(["--core", path], ["referents", "--json", hex(objects["small"])])["objects"][0]["referents"][0]
    answer = program.ask(["--core", path], ["sizeof", "--json", row["address"]])["objects"][0]
    assert answer["corrupt"], answer


@pytest.mark.parametrize("name", ["3.10.13", "3.12.1", "3.13.0"])
def test_random_words(name, tmp_path):
    if shutil.which("zstd") is None:
        pytest.skip("no zstd to unpack the stored cores with")
    core = str(tmp_path / (name + ".core"))
    stored = os.path.join(program.ROOT, "corefiles", name + ".core.zst")
    subprocess.run(["zstd", "-dqf", stored, "-o", core], check=True)
    silent, failed = damage.run([core], ROUNDS, 7)
    assert not failed and not silent, failed + silent


def test_set_in_its_resize(tmp_path):
    """A set whose table is new and not filled yet, as set_table_resize() has it for a moment."""
    folder = str(tmp_path)
    program_text = PROGRAM.replace('group = set(names)', 'group = set("z%d" % i for i in range(3000))')
    with cores.Target(interpreters.distribution().path, ["-c", program_text], folder) as target:
        objects = json.loads(target.wait_ready().split(" ", 1)[1])
        core = os.path.join(folder, "core")
        cores.gcore(target.pid, core)
    # `used` is what all of them will be; less is found.
    place = int(objects["group"], 16)
    with open(core, "r+b") as file:
        for start, size, offset in damage.segments(core):
            if start <= place < start + size:
                file.seek(offset + place - start + 24)
                file.write(struct.pack("<Q", 19662))
    answer = program.run(["--core", core, "deepsize", "--no-retained", "--json", objects["group"]])
    assert json.loads(answer.output)["objects"][0]["count"] > 3000
    text = program.run(["--core", core, "deepsize", "--no-retained", objects["group"]]).output
    assert "decoded exactly" not in text, text
