# SPDX-License-Identifier: MIT
"""What lies in memory that cannot be written is no object, however much it looks like one."""
import os

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "read_only_program.py")


def test_no_object_where_nothing_can_be_written(each, tmp_path):
    with cores.Target(each.path, [PROGRAM], str(tmp_path)) as target:
        address = target.wait_ready()[len("READY "):].strip()
        if address == "0x0":
            pytest.skip("%s has no copy of its objects in read-only memory" % each.name)
        answer = program.run(["--pid", str(target.pid), "objects", "--json", "--type", "str"])
    assert answer.status == 0, answer.errors
    assert answer.output.count('"address":') > 1000
    assert '"%s"' % address not in answer.output
