# SPDX-License-Identifier: MIT
"""Words that were left behind in memory of C code take no block from whom it is: the rest of a pointer in the padding
of a truth value, where a whole pointer names the block; the address of a tree's node, which knows its parent."""
import os
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
