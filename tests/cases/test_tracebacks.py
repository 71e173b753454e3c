# SPDX-License-Identifier: MIT
"""tracebacks: exceptions that nobody handles, the lines they came through, the locals they keep, who keeps them."""
import json
import os

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tracebacks_program.py")


@pytest.fixture(scope="module", params=interpreters.find(), ids=lambda one: one.name)
def answer(request, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("tracebacks"))
    with cores.Target(request.param.path, ["-W", "ignore", PROGRAM], folder) as target:
        truth = json.loads(target.wait_ready()[len("READY "):])
        where = ["--pid", str(target.pid)]
        return truth, program.ask(where, ["tracebacks", "--json"]), program.run(where + ["tracebacks"]).output


def of_type(answer, name):
    return [one for one in answer[1]["exceptions"] if one["type"] == name]


def places(exception):
    return [[frame["function"].rsplit(".", 1)[-1], frame["line"]] for frame in exception["frames"]]


def test_those_that_came_the_same_way_are_one_group(answer):
    truth, found, text = answer
    (kept, *chained) = sorted(of_type(answer, "KeyError"), key=lambda one: -one["count"])
    assert kept["count"] == 10 and [one["count"] for one in chained] == [1, 1]
    assert kept["address"] == min(truth["keys"], key=lambda one: int(one, 16))
    assert places(kept) == truth["lines"]
    assert 10 * 100000 <= kept["retained"] <= 10 * 110000
    assert "10 KeyError   retained " in text


def test_the_local_that_weighs_most(answer):
    kept = max(of_type(answer, "KeyError"), key=lambda one: one["count"])
    heaviest = max((frame["local"] for frame in kept["frames"] if frame["local"]), key=lambda local: local["retained"])
    assert heaviest["name"] == "payload" and heaviest["retained"] >= 100000
    assert "ERRORS" in kept["kept_by"] and answer[0]["list"] in kept["kept_by"]
    assert "with_traceback(None)" in kept["advice"]


def test_causes_and_tasks(answer):
    truth, found, text = answer
    (chained,) = of_type(answer, "ValueError")
    assert chained["cause"] == "KeyError" and places(chained) == truth["chained"]
    assert "caused by KeyError" in text
    (task,) = of_type(answer, "RuntimeError")
    assert truth["task"] in task["kept_by"] and "exception()" in task["advice"]
    assert task["frames"][-1]["local"]["name"] == "rows" and task["frames"][-1]["local"]["retained"] >= 50000


def test_what_from_none_leaves(answer):
    """raise ... from None hides the context and keeps it; with_traceback() is of one exception only."""
    (hidden,) = of_type(answer, "TypeError")
    assert hidden["context"] == "KeyError" and hidden["retained"] >= 100000
    assert "error.with_traceback(None) leaves those that it is chained with" in hidden["advice"]
    behind = [one for one in of_type(answer, "KeyError") if one["kept_by"] and hidden["address"] in one["kept_by"]]
    assert len(behind) == 1 and "from None only hides it" in behind[0]["advice"]


def test_a_log_record_keeps_the_frames_too(answer):
    (logged,) = of_type(answer, "LookupError")
    assert "RECORDS" in logged["kept_by"] and "log record" in logged["advice"]
    assert logged["retained"] >= 60000 and logged["frames"][-1]["local"]["name"] == "rows"


def test_what_is_handled_and_what_never_was_raised_is_left_out(answer):
    assert of_type(answer, "OSError") == []
    assert answer[1]["handled"] == 3
    assert "alive (3 in a handler now)" in answer[2]
    assert answer[1]["alive"] >= answer[1]["handled"] + 15
