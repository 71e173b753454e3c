# SPDX-License-Identifier: MIT
"""Words that were left behind in memory of C code take no block from whom it is: the rest of a pointer in the padding
of a truth value, where a whole pointer names the block; the address of a tree's node, which knows its parent. Nor is
there an object where one stands in the middle of a tuple of one class: its length, 1, would be a count."""
import os
import re
import shutil

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))


def test_words_left_behind_take_nothing(distribution):
    folder = cores.scratch("left_behind")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "left_behind_program.py"), folder], folder) as target:
            target.wait_ready()
            with open(os.path.join(folder, "truth")) as file:
                words = ["0x" + word for word in file.read().split()]
            blocks, (holder, other, tree) = words[:7], words[7:]
            places = program.ask(["--pid", str(target.pid)], ["object", "--json"] + blocks)["objects"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    owners = [place["owner"] and place["owner"]["address"] for place in places]
    assert owners == [holder, holder, holder, other, tree, tree, tree], owners


IN_A_TUPLE = """import ctypes, sys
class Kind(object):
    pass
kept = [(Kind,) for _ in range(3)]
length = id(kept[1]) + object.__basicsize__
ctypes.c_uint64.in_dll(ctypes.CDLL(None), "error_print_progname").value = length
print("READY", flush=True)
sys.stdin.read()
"""


def test_no_object_is_in_the_middle_of_a_tuple(each, tmp_path):
    with cores.Target(each.path, ["-c", IN_A_TUPLE], str(tmp_path)) as target:
        target.wait_ready()
        where = ["--pid", str(target.pid)]
        objects = program.run(where + ["objects", "--type", "__main__.Kind", "--json"])
        top = program.run(where + ["top"])
        owners = program.run(where + ["referrers", "__main__.Kind"]).output
    assert objects.output == "" and objects.status in (0, 3), (objects.output, objects.errors)
    assert top.status in (0, 3) and "no sane object" not in top.output, top.output
    assert len(re.findall(r"(?m)^ *tuple .*kept", owners)) == 3, owners
