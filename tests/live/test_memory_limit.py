# SPDX-License-Identifier: MIT
"""In the memory control group of its target, as after an exec into the worker's container: whatever is asked, however
little memory is left, the target lives; and the tool answers, or says in a sentence what it needs and what to do."""
import os
import shutil
import subprocess
import sys

import pytest

import cores
import program

WORKER = """
import sys
rows = [[i, {'a': i, 'b': str(i)}, (i, i + 1)] for i in range(120000)]
print('READY', flush=True)
sys.stdin.read()
"""
SPARE_MB = (160, 120, 90, 70, 50, 40, 30, 20, 12, 6)  # that the limit leaves beside what the worker has
COMMANDS = (["heap", "-n", "1"], ["sizeof", "__main__.rows"], ["deepsize", "__main__.rows"])
CONTROLLERS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
               ("/sys/fs/cgroup", "memory.max", "memory.current"))


@pytest.fixture(scope="module")
def group():
    """A control group of our own with a limit on memory: (folder, file of the limit, file of the use)."""
    if program.SANITIZED:
        pytest.skip("a sanitized program needs much more memory than is measured here")
    for root, limit, usage in CONTROLLERS:
        folder = os.path.join(root, "pydeepsize-test-%d" % os.getpid())
        try:
            os.mkdir(folder)
        except OSError:
            continue
        if os.access(os.path.join(folder, limit), os.W_OK):
            yield folder, os.path.join(folder, limit), os.path.join(folder, usage)
            os.rmdir(folder)
            return
        os.rmdir(folder)
    pytest.skip("no control group with a limit on memory can be made here (not root, or no controller)")


def number(path):
    with open(path) as file:
        return int(file.read())


def write(path, value):
    with open(path, "w") as file:
        file.write(str(value))


def within(folder, line, **more):
    return subprocess.Popen(["sh", "-c", 'echo $$ > %s/cgroup.procs && exec "$@"' % folder, "sh"] + line, **more)


@pytest.fixture()
def worker(group):
    process = within(group[0], [sys.executable, "-I", "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     env=cores.clean_environment())
    assert process.stdout.readline() == b"READY\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    write(group[1], -1 if "limit_in_bytes" in group[1] else "max")


def ask(group, worker, options, command):
    done = within(group[0], [program.path()] + options + ["--pid", str(worker.pid)] + command, stdout=subprocess.PIPE,
                  stderr=subprocess.STDOUT, env=cores.clean_environment())
    text = done.communicate(timeout=120)[0].decode()
    return done.returncode, text


def test_the_target_lives(group, worker):
    used = number(group[2])
    said = set()
    for spare in SPARE_MB:
        write(group[1], used + (spare << 20))
        for command in COMMANDS:
            status, text = ask(group, worker, [], command)
            assert worker.poll() is None, "%d MB left: %s ended the target: %s" % (spare, command, text)
            # -9: the kernel ended us, which is what we asked it for; estimates should have come first
            assert status in (0, 2), "%d MB left: %s: %d, %s" % (spare, command, status, text)
            if status == 2:
                assert "--spill" in text and "MiB" in text, text
            said.add(status)
    assert said == {0, 2}, "both happened: %s" % said


def test_the_disk_does_where_memory_is_short(group, worker):
    folder = cores.scratch("spill")
    try:
        free = ask(group, worker, [], ["heap", "--json"])[1].split(', "live"')[0].split(',"live"')[0]
        write(group[1], number(group[2]) + (40 << 20))
        status, text = ask(group, worker, ["--spill", folder], ["heap", "--json"])
        assert worker.poll() is None
        assert status == 0 and os.listdir(folder) == []
        assert text.split(', "live"')[0].split(',"live"')[0] == free
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_budget_of_the_user(distribution):
    folder = cores.scratch("budget")
    try:
        with cores.Target(distribution.path, ["-c", WORKER], folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
        answers = [program.run(["--core", core] + line) for line in (
            ["heap"], ["--max-memory", "40M", "heap"], ["heap", "--max-memory", "40M"], ["--spill", folder, "heap"],
            ["--max-memory", "much", "heap"])]
        assert [answer.status for answer in answers] == [0, 2, 2, 0, 1]
        for answer in answers[1:3]:
            assert "--max-memory leaves" in answer.errors and "the graph of the heap needs about" in answer.errors
        assert answers[3].output == answers[0].output
    finally:
        shutil.rmtree(folder, ignore_errors=True)
