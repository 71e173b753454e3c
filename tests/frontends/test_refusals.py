# SPDX-License-Identifier: MIT
"""What cannot be answered, said in words that help: cores of other machines and of emulators, files that are gone."""
import os
import shutil
import struct

import pytest

import cores
import program

MACHINES = (("aarch64", 183, 8, "<"), ("i386", 3, 4, "<"), ("armhf", 40, 4, "<"), ("riscv64", 243, 8, "<"),
            ("s390x", 22, 8, ">"), ("ppc64el", 21, 8, "<"), ("machine 94", 94, 8, "<"))


def empty_core(machine, word_bytes, order):
    """An ELF header of a core with one empty program header."""
    head = b"\x7fELF" + bytes([1 if word_bytes == 4 else 2, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "I" if word_bytes == 4 else "Q"
    size, row = (52, 32) if word_bytes == 4 else (64, 56)
    return head + struct.pack(order + "HHI3%sIHHHHHH" % word, 4, machine, 1, 0, size, 0, 0, size, row, 1, 0, 0, 0) + \
        bytes(row)


@pytest.mark.parametrize("name, machine, word_bytes, order", MACHINES, ids=[row[0] for row in MACHINES])
def test_cores_of_other_machines_by_name(name, machine, word_bytes, order, tmp_path):
    path = tmp_path / "core"
    path.write_bytes(empty_core(machine, word_bytes, order))
    answer = program.run(["--core", str(path), "info"])
    assert answer.status == 2
    assert name in answer.errors and "x86-64" in answer.errors


def test_emulator(tmp_path):
    emulator = tmp_path / "qemu-aarch64"
    shutil.copy("/bin/sleep", str(emulator))
    emulator.chmod(0o755)
    process = cores.subprocess.Popen([str(emulator), "600"])
    try:
        core = cores.gcore(process.pid, str(tmp_path / "core"))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        process.kill()
        process.wait()
    answer = program.run(["--core", core, "info"])
    assert answer.status == 2 and "emulator" in answer.errors and "another machine" in answer.errors


def test_pyinstaller_whose_folder_is_gone(distribution, tmp_path):
    """PyInstaller unpacks into /tmp/_MEI..., which it removes at the end; here a copy of Python stands for it."""
    folder = tmp_path / "_MEIabc123"
    folder.mkdir()
    python = folder / os.path.basename(distribution.path)
    shutil.copy(os.path.realpath(distribution.path), str(python))
    code = "import sys; rows = [1] * 1000; print('READY', flush=True); sys.stdin.readline()"
    try:
        with cores.Target(str(python), ["-S", "-c", code], str(tmp_path), {"PYTHONHOME": "/usr"}) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, str(tmp_path / "core"))
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    shutil.rmtree(str(folder))
    answer = program.run(["--core", core, "info"])
    assert "PyInstaller" in answer.output + answer.errors and "--sysroot" in answer.output + answer.errors
    assert program.run(["--core", core, "sizeof", "__main__.rows"]).status == 0
