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


def unpacked(name, folder):
    if shutil.which("zstd") is None:
        pytest.skip("no zstd to unpack the stored cores with")
    core = str(folder / (name + ".core"))
    stored = os.path.join(program.ROOT, "corefiles", name + ".core.zst")
    subprocess.run(["zstd", "-dqf", stored, "-o", core], check=True)
    return core


def words_at(file, core, address, count):
    """Leaves the file there, too."""
    place = next(offset + address - start for start, size, offset in damage.segments(core)
                 if start <= address < start + size)
    file.seek(place)
    words = struct.unpack("<%dQ" % count, file.read(8 * count))
    file.seek(place)
    return words


def test_interned_strings_that_cannot_be_known(tmp_path):
    """Their dict is not gone through as others are, since its keys are roots: where it is damaged, that is said, too.
    Of 3.12, where the interpreter says which dict it is."""
    core = unpacked("3.12.1", tmp_path)
    lines = program.run(["--core", core, "objects", "--json", "--type", "dict", "--sort", "shallow", "-n", "5"]).output
    rows = [json.loads(line) for line in lines.splitlines()]
    addresses = [row["address"] for row in rows if "address" in row]
    owner = {address: str(program.ask(["--core", core], ["object", "--json", address])["objects"][0]["owner"])
             for address in addresses}
    interned = int(next(address for address in owner if "static memory" in owner[address]), 16)
    assert total(core)[1]["corrupt"] == 0
    with open(core, "r+b") as file:
        keys = words_at(file, core, interned + 32, 1)[0]  # ma_keys
        sizes = words_at(file, core, keys + 8, 1)[0]
        file.write(struct.pack("<Q", sizes & ~0xff | 48))  # dk_log2_size is the lowest byte
    assert total(core)[1]["corrupt"] == 1


def test_characters_beyond_all_memory(tmp_path):
    """What takes another object's words for the form of a str has characters by the terabyte, in no allocator's memory:
    a wrapper_descriptor that is called a str, in the stored core."""
    core = unpacked("3.13.0", tmp_path)
    descriptor, text = 0x7f1ddd067d80, 0x7f1ddd90c5e0
    before = total(core)
    with open(core, "r+b") as file:
        words_at(file, core, descriptor + 8, 1)
        file.write(struct.pack("<Q", text))
    after = total(core)
    assert before[1]["corrupt"] == 0 and after[1]["corrupt"] == 1
    assert abs(after[0]["shallow"] - before[0]["shallow"]) < 4096


@pytest.mark.parametrize("name", ["3.10.13", "3.12.1", "3.13.0"])
def test_random_words(name, tmp_path):
    core = unpacked(name, tmp_path)
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


def patched(core, path, changes):
    """A copy of a core with {offset in the file: bytes}."""
    shutil.copy(core, path)
    with open(path, "r+b") as file:
        for offset, data in changes.items():
            file.seek(offset)
            file.write(data)
    return str(path)


def program_headers(core):
    """(offset of the header, type, address, offset of the bytes, bytes in the file) of each."""
    with open(core, "rb") as file:
        head = file.read(64)
        start, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        file.seek(start)
        table = file.read(56 * count)
    rows = []
    for i in range(count):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", table, 56 * i)
        rows.append((start + 56 * i, kind, address, offset, size))
    return rows


def place_of(core, address):
    return next(place + address - start for start, size, place in damage.segments(core)
                if start <= address < start + size)


def test_segment_at_address_zero(sound, tmp_path):
    """An address of 1 is then one that is there, and no object all the same."""
    core, objects = sound
    last = max(row for row in program_headers(core) if row[1] == 1 and row[4] > 0)
    with open(core, "rb") as file:
        file.seek(place_of(core, objects["names"] + 24))
        items = struct.unpack("<Q", file.read(8))[0]
    path = patched(core, tmp_path / "core", {last[0] + 16: struct.pack("<Q", 0),
                                             place_of(core, items): struct.pack("<Q", 1)})
    before, _ = total(core)
    after, said = total(path)
    assert after["count"] > before["count"] * 0.9 and said["corrupt"] >= 1
    answer = program.run(["--core", path, "top"])
    assert answer.status in (0, 3) and "Top of the dominator tree" in answer.output


def test_many_lists_of_all_memory(sound, tmp_path):
    """Lists that say that a whole segment is their items: each is possible alone, together they are 20 GB of edges."""
    core, _ = sound
    lists = [json.loads(line)["address"] for line in
             program.run(["--core", core, "objects", "-n", "0", "--type", "list", "--json"]).output.splitlines()]
    segments = damage.segments(core)
    start, size, _ = max(segments, key=lambda one: sum(one[0] <= int(a, 16) < one[0] + one[1] for a in lists))
    claim = struct.pack("<QQQ", size // 8, start, size // 8)
    path = patched(core, tmp_path / "core", {place_of(core, int(a, 16) + 16): claim for a in lists[:2000]})
    process = subprocess.Popen([program.path(), "--core", path, "heap"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=cores.clean_environment())
    output, said = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    process.stdout.close()
    process.stderr.close()
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 2, 3), (status, output[-300:], said)
    assert b"no sane object" in output or b"not mapped" in output or b"damaged or forged" in said, (output, said)
    assert program.SANITIZED or usage.ru_maxrss < 3 << 20, usage.ru_maxrss  # KiB


def test_threads_and_segments_without_end(tmp_path):
    """Many threads with one stack pointer, and as many segments that hold it: read once, and no Python in them."""
    count = 20000
    status = bytearray(336)
    struct.pack_into("<Q", status, 112 + 19 * 8, 0x7F0000000100)
    notes = (struct.pack("<III", 5, 336, 1) + b"CORE\0\0\0\0" + bytes(status)) * count
    at = 64 + 56 * (count + 1)
    head = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8) + struct.pack(
        "<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, count + 1, 64, 0, 0)
    rows = struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), len(notes), 4)
    rows += struct.pack("<IIQQQQQQ", 1, 6, at + len(notes), 0x7F0000000000, 0, 512, 512, 1) * count
    path = tmp_path / "core"
    path.write_bytes(head + rows + notes + b"\x01" * 512)
    answer = program.run(["--core", str(path), "info"])
    assert answer.status == 2 and "Python" in answer.errors, answer
