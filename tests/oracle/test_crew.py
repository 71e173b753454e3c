# SPDX-License-Identifier: MIT
"""Several threads of ours read a heap at once. What they find does not depend on how many they are, nor on who comes
first: every answer is the same, byte for byte, as that of one thread."""
import os
import shutil

import pytest

import cores
import program

# Large enough that walks go on with several threads; lists in lists, so that one thread has what another one wants; a
# chain, which cannot be shared; wrecked objects, whose examples are shown.
HEAP = """
import ctypes, gc, os, sys
class Row(object):
    def __init__(self, i):
        self.number = i * 1000; self.name = 'row %d' % i; self.tags = ['a', str(i), (i, i + 0.5)]
rows = [Row(i) for i in range(20000)]
index = {row.name: row for row in rows}
groups = [[{row.name, row.number} for row in rows[i:i + 100]] for i in range(0, len(rows), 50)]
chain = None
for i in range(50000):
    chain = (chain, {'i': i})
broken = [[str(i), i + 7000] for i in range(30)]
for each in broken[::2]:
    ctypes.c_ssize_t.from_address(id(each) + 16).value = -5   # ob_size
os.write(1, b'READY %x %x %x\\n' % (id(rows), id(index), id(chain)))
while os.read(0, 1): pass
os._exit(0)
"""


@pytest.fixture(scope="module")
def heap(distribution):
    folder = cores.scratch("crew")
    with cores.Target(distribution.path, ["-c", HEAP], folder) as target:
        addresses = target.wait_ready().split()[1:]
        yield cores.gcore(target.pid, os.path.join(folder, "core")), ["0x" + each for each in addresses]
    shutil.rmtree(folder, ignore_errors=True)


def one_processor():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


COMMANDS = [["heap", "--json"], ["top", "--json", "-n", "100"], ["objects", "--json"], ["modules", "--json"],
            ["frames", "--json"], ["heap", "--min", "1"]]
COMMANDS += [["deepsize", "--json", "--policy", policy, "ROWS", "INDEX", "CHAIN"]
             for policy in ("data", "gc", "all", "containers")]
COMMANDS += [["referrers", "--json", "ROWS"], ["path", "--json", "CHAIN"], ["deepsize", "-t", "INDEX"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_threads_agree(heap, command):
    if len(os.sched_getaffinity(0)) == 1:
        pytest.skip("this process may use one processor only, so there is one thread")
    core, addresses = heap
    names = dict(zip(("ROWS", "INDEX", "CHAIN"), addresses))
    arguments = ["--core", core] + [names.get(each, each) for each in command]
    alone = program.run(arguments, preexec_fn=one_processor)
    assert alone.status in (0, 3), alone.errors
    for _ in range(3):  # who comes first differs from run to run
        together = program.run(arguments)
        assert (together.status, together.output, together.errors) == (alone.status, alone.output, alone.errors)
