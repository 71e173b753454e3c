# SPDX-License-Identifier: MIT
"""threads: what each does beside waiting for a lock, in words; equal ones in one block; the longest queue."""
import os
import re

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "thread_states_program.py")


def asked(interpreter, mode, folder):
    with cores.Target(interpreter.path, ["-W", "ignore", PROGRAM, mode], str(folder)) as target:
        target.wait_ready()
        where = ["--pid", str(target.pid)]
        answer = program.ask(where, ["threads", "--json"])
        return answer, program.run(where + ["threads", "-n", "0"]).output


def test_states_in_words(each, tmp_path):
    answer, text = asked(each, "states", tmp_path)
    rows = {one["name"]: one for one in answer["threads"]}
    assert [name for name, one in rows.items() if one["in_finalizer"]] and \
        {name for name, one in rows.items() if one["in_finalizer"]} == {"finalizes", "collects"}, text
    # What is being collected hangs on its thread's stack. Free-threaded builds have no such list, and where no file
    # says the name of a function in C, which of the two is in the collection is not known.
    collecting = [name for name, one in rows.items() if one["collecting"]]
    perhaps = [name for name, one in rows.items() if one.get("perhaps_collecting")]
    assert (collecting, perhaps) == (["collects"], []) or \
        (each.free_threaded and collecting == [] and "collects" in perhaps), text
    assert answer["coverage"]["corrupt"] == 0, text
    assert "   waits for the end of process " in text and "   reads from descriptor 0" in text
    assert '"first"   ' in text and "sleeps   daemon" in text
    ids = {one["name"]: one["id"] for one in answer["threads"]}
    assert answer["longest_queue"] == {"thread": ids["first"], "threads": 4}, text
    assert "\nLongest queue: 4 threads behind thread %d \"first\" at first() thread_states_program.py:" % ids["first"] \
        in text
    # A pool's threads by the numbers in their names.
    pool = [ids["pool_%d" % number] for number in (9, 10, 11)]
    (listed,) = re.findall(r"\n3 threads: pool_9 \.\. _11   .*\n(?:  .*\n)*?  native ids (\d+), (\d+), (\d+)\n", text)
    assert sorted(int(one) for one in listed) == sorted(pool), text
    # Those that MainThread knows by a local of its own are not alike.
    assert "a Queue of its own, the first Queue " in text


def test_the_end_of_python(each, tmp_path):
    answer, text = asked(each, "end", tmp_path)
    (main,) = [one for one in answer["threads"] if one["finalizing"]]
    assert main["name"] == "MainThread" and "ends Python" in text
    # Which threads that are no daemons it waits for.
    ids = [one["id"] for one in answer["threads"] if one["name"].startswith("not a daemon")]
    assert len(ids) == 2 and sorted(main["waits_for"]["wakers"]) == sorted(ids), text
    assert re.search(r"\n  waits for the end of Thread .*, thread (%d|%d) \"not a daemon.*\", and of 1 more thread\n"
                     % tuple(ids), text), text
