# SPDX-License-Identifier: MIT
"""A word that was left behind in the padding of a truth value takes no block from whom a whole pointer names."""
import os
import shutil

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))


def test_the_rest_of_a_pointer_takes_nothing(distribution):
    folder = cores.scratch("left_behind")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "left_behind_program.py"), folder], folder) as target:
            target.wait_ready()
            with open(os.path.join(folder, "truth")) as file:
                words = ["0x" + word for word in file.read().split()]
            blocks, holder, other = words[:4], words[4], words[5]
            places = program.ask(["--pid", str(target.pid)], ["object", "--json"] + blocks)["objects"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    owners = [place["owner"] and place["owner"]["address"] for place in places]
    assert owners == [holder, holder, holder, other], owners
