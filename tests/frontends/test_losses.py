# SPDX-License-Identifier: MIT
"""What was lost before anybody looked stands under every answer, in text and JSON, with exit status 3: a checksum that
fails in each compression, a stream that ends early, a core that is cut off."""
import json
import os
import shutil
import subprocess
import zlib

import pytest

import cores
import program

PROGRAM = "rows = [['%d' % i] for i in range(3000)]\nprint('READY', flush=True); input()"
LINES = (["info"], ["sizeof", "__main__.rows"], ["referents", "__main__.rows"], ["deepsize", "__main__.rows"],
         ["path", "__main__.rows"], ["referrers", "__main__.rows"], ["heap"], ["top"], ["frames"], ["modules"],
         ["objects", "-n", "3"])
PACKERS = {"zstd": ["zstd", "-q", "--check", "-c"], "xz": ["xz", "-0", "-c"], "lz4": ["lz4", "-q", "-c"], "gzip": None}


@pytest.fixture(scope="module")
def whole(distribution):
    folder = cores.scratch("losses")
    try:
        with cores.Target(distribution.path, ["-c", PROGRAM], folder) as target:
            target.wait_ready()
            path = cores.gcore(target.pid, os.path.join(folder, "core"))
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def packed(name, path):
    if PACKERS[name] is None:
        with open(path, "rb") as file:
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            return packer.compress(file.read()) + packer.flush()
    if shutil.which(name) is None:
        pytest.skip("no %s on this machine" % name)
    return subprocess.run(PACKERS[name] + [path], stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_a_checksum_that_fails(name, whole):
    """The last bytes of each format are checksums, or the index that has them."""
    data = bytearray(packed(name, whole))
    at = len(data) - {"zstd": 2, "gzip": 6, "lz4": 2, "xz": 40}[name]
    data[at] ^= 0x55
    damaged = whole + "." + name
    with open(damaged, "wb") as file:
        file.write(data)
    for line in LINES if name == "gzip" else LINES[:4]:
        text, document = program.run(["--core", damaged] + line), program.run(["--core", damaged] + line + ["--json"])
        assert (text.status, document.status) == (3, 3), (line, text.errors)
        assert "is cut off or damaged" in text.output, line
        # of a JSON object a line the last one has what is true of all
        last = document.output.splitlines()[-1] if line[0] == "objects" else document.output
        assert any("damaged" in one for one in json.loads(last)["losses"]), line
    os.unlink(damaged)


def test_nothing_is_lost_of_a_whole_core(whole):
    for line in LINES:
        answer = program.run(["--core", whole] + line)
        assert answer.status == 0 and "Not all is known" not in answer.output, line


def test_a_core_that_is_cut_off(whole):
    """Answers about all objects, or about who holds one, say so; one about an object that is there does not need to."""
    cut = whole + ".cut"
    shutil.copy(whole, cut)
    os.truncate(cut, os.path.getsize(whole) * 24 // 25)
    partial = 0
    for line in LINES:
        answer = program.run(["--core", cut] + line)
        if answer.status == 2 or "__main__" in " ".join(line) and answer.status == 1:
            continue  # what the answer needs was in the part that is gone
        if line[0] in ("info", "sizeof", "referents"):
            continue
        partial += 1
        assert answer.status == 3 and "the core is cut off" in answer.output, (line, answer.output)
        assert "There is no other path.\n" not in answer.output
        document = program.run(["--core", cut] + line + ["--json"])
        last = document.output.splitlines()[-1] if line[0] == "objects" else document.output
        assert document.status == 3 and json.loads(last)["losses"]
    assert partial >= 4
    os.unlink(cut)
