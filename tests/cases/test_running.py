# SPDX-License-Identifier: MIT
"""What a thread has on its evaluation stack while it runs: the depth is in a register of the interpreter."""
import os
import time

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "multiplies_program.py")


def test_stack_of_running_frame(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        target.wait_ready()
        time.sleep(0.5)  # it is multiplying, then and for long
        where = ["--pid", str(target.pid)]
        rows = program.ask(where, ["query", "--json", "select address from object where type = 'float'"])["rows"]
        floats = program.ask(where, ["object", "--json", "--values"] + [row[0] for row in rows])["objects"]
        stacks = program.ask(where, ["frames", "--no-retained", "--json"])
        heap = program.ask(where, ["heap", "--json"])
    assert stacks["threads"][0]["frames"][0]["function"] == "multiplies"
    values = [one["description"] for one in floats]
    for value in ("float 987654321.5", "float 987654321.75"):
        assert values.count(value) == 1, values
    # A word that is no longer on the stack is no reference. Free-threaded builds count those of running code apart.
    assert heap["coverage"]["references"]["overcounted"] <= each.free_threaded
