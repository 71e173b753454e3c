# SPDX-License-Identifier: MIT
"""Opening is work like any other: Ctrl-C ends it in the middle of a compressed core; and what was opened may change: a
core that is written anew, cut short or replaced under an open session is said, and the debugger lives."""
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import zlib

import pytest

import cores
import gdb_session
import program

BIG_MB = 400  # that expanding takes a second
PROGRAM = "rows = ['%d' % i for i in range(1000)]\nprint('READY', flush=True); input()"


@pytest.fixture(scope="module")
def core(distribution):
    folder = cores.scratch("opening")
    try:
        with cores.Target(distribution.path, ["-c", PROGRAM], folder) as target:
            target.wait_ready()
            path = cores.gcore(target.pid, os.path.join(folder, "core"))
        yield {"exe": distribution.path, "core": path, "folder": folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shell(debugger, command):
    """A command of the debugger that runs a command of the shell."""
    return ("shell " if debugger is gdb_session else "platform shell -- ") + command


def test_a_core_that_is_written_anew(debugger, core):
    path = os.path.join(core["folder"], "changing")
    shutil.copy(core["core"], path)
    texts = debugger.batch(debugger.core(core["exe"], path), [
        "py-sizeof __main__.rows", shell(debugger, "truncate -s 4096 " + path), "py-heap",
        shell(debugger, "cp %s %s" % (core["core"], path)), "py-sizeof __main__.rows"])
    assert "shallow" in texts[0]
    assert "was changed since it was opened" in texts[2] and "Traceback" not in texts[2], texts[2]
    assert "shallow" in texts[4], "opened again: %r" % texts[4]


SESSION = """import ctypes, os, sys
sys.path.insert(0, sys.argv[1])
import pydeepsize_bindings as b
library = b.load_library()
session = b.Session(library)
session.open_core(sys.argv[2], b.open_options())
session.resolve("__main__.rows")
real = library.pyds_job_start
def start(*arguments):
    status = real(*arguments)
    os.truncate(sys.argv[2], 4096)
    return status
library.pyds_job_start = start
try:
    print(session.run(["heap"]))
except b.Changed as error:
    print("CHANGED", error)
"""


def test_a_core_that_is_cut_while_it_is_read(core):
    """The kernel answers a read of what is no longer there by SIGBUS: it ends the command, not the program."""
    if program.SANITIZED:
        pytest.skip("a sanitized library cannot be loaded into Python")
    path = os.path.join(core["folder"], "cut")
    shutil.copy(core["core"], path)
    bindings = os.path.join(program.ROOT, "helper", "bindings")
    done = subprocess.run(["python3", "-c", SESSION, bindings, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=cores.clean_environment({"PYDEEPSIZE_LIBRARY": program.library()}), timeout=120)
    text = done.stdout.decode()
    # Where the command was quicker than the cut, its answer stands.
    assert done.returncode == 0 and ("CHANGED" in text or "Next:" in text), text[-2000:]


def write_compressed(path, source):
    """The core, and then bytes that its headers speak of, in gzip."""
    noise = os.urandom(1 << 14) * 64
    with open(source, "rb") as file:
        data = bytearray(file.read())
    # The first PT_LOAD's p_filesz says that all of it is the core's.
    at = int.from_bytes(data[32:40], "little")
    for number in range(int.from_bytes(data[56:58], "little")):
        header = at + 56 * number
        if int.from_bytes(data[header:header + 4], "little") == 1:
            data[header + 32:header + 40] = (BIG_MB << 20).to_bytes(8, "little")
            break
    with open(path, "wb") as file:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        file.write(packer.compress(bytes(data)))
        for _ in range(BIG_MB - (len(data) >> 20) - 1):
            file.write(packer.compress(noise))
        file.write(packer.flush())


@pytest.fixture(scope="module")
def compressed(core):
    path = os.path.join(core["folder"], "core.gz")
    write_compressed(path, core["core"])
    return path


def open_files(pid):
    folder = "/proc/%d/fd" % pid
    found = []
    for name in os.listdir(folder):
        try:
            found.append((os.readlink(os.path.join(folder, name)), os.stat(os.path.join(folder, name)).st_size))
        except OSError:
            continue
    return found


def test_control_c_while_a_core_is_expanded(compressed):
    process = subprocess.Popen([program.path(), "--core", compressed, "info"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=cores.clean_environment())
    while not any("(deleted)" in name and size > 1 << 20 for name, size in open_files(process.pid)):
        assert process.poll() is None, process.stdout.read()
    process.send_signal(signal.SIGINT)
    pressed = time.monotonic()
    output = process.communicate(timeout=60)[0]
    waited = time.monotonic() - pressed
    print("ended after %.3f s" % waited)
    assert process.returncode == 130, output
    assert re.search(rb"cancelled", output)
    assert waited < 1.0 if not program.SANITIZED else 10.0


def test_gdb_sources_it_from_another_script(tmp_path):
    """__file__ is the other script's then."""
    if gdb_session.missing():
        pytest.skip(gdb_session.missing())
    outer = tmp_path / "outer.py"
    outer.write_text("import gdb\ngdb.execute(%r)\n" % ("source " + program.GDB_SCRIPT))
    done = subprocess.run(gdb_session.START + ["-batch", "-x", str(outer), "-ex", "help py-sizeof"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=gdb_session.environment(), timeout=60)
    assert b"sys.getsizeof()" in done.stdout, done.stdout


FLOATS = "import sys\nrows = [float(i) for i in range(int(sys.argv[1]))]\nprint('READY', flush=True); input()"


def page_faults(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before


@pytest.mark.skipif(program.SANITIZED, reason="segments are copied there, into memory of their own")
def test_one_object_of_a_large_core_is_answered_without_reading_it(distribution):
    """Each page that is looked at of a core that lies on a disk is a read of its own: not one per arena of 1 MiB."""
    folder, faults = cores.scratch("large"), []
    try:
        for count in (1000, 5000000):  # 24 bytes each: some 110 arenas
            with cores.Target(distribution.path, ["-c", FLOATS, str(count)], folder) as target:
                target.wait_ready()
                path = cores.gcore(target.pid, os.path.join(folder, "core"))
            faults.append(min(page_faults([program.path(), "--core", path, "sizeof", "__main__.rows"])
                              for _ in range(3)))
            os.remove(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert faults[1] < faults[0] + 60, faults
