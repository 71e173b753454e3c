# SPDX-License-Identifier: MIT
"""Eight ways in which web workers grow: `findings`, asked as somebody does who sees it for the first time, names the
culprit in its first two rows."""
import os
import shutil
import sys

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "web_cases_program.py")
# CASE: the rule that says why, what is named, what else it needs
CASES = {
    "context_kept_by_connection": ("context_copies", ("current_request", "__main__.POOL"), ("fastapi",)),
    "label_explosion": ("holder", ("__main__.REQUESTS._children",), ()),
    "thread_local_query_log": ("holder", ("'queries'", "local"), ("sqlalchemy",)),
    "cache_on_method": ("unbounded_cache", ("__main__.Service.price", "__main__.Service is kept by it as self"), ()),
    "exceptions_with_tracebacks": ("kept_tracebacks", ("__main__.FAILURES", "parse()", "'fields'"), ()),
    "frozen_garbage": ("garbage", ("The collector is off",), ()),
    "json_for_each_session": ("equal_subtrees", ("__main__.SESSIONS",), ()),
    "handlers_never_removed": ("holder", ("app.worker", ".handlers"), ()),
}


@pytest.fixture
def folder():
    path = cores.scratch("web")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("case", sorted(CASES))
def test_the_culprit_is_in_the_first_two_rows(case, folder):
    rule, words, libraries = CASES[case]
    python = sys.executable if libraries else interpreters.distribution().path
    for library in libraries:
        pytest.importorskip(library, reason="%s is not installed" % library)
    with cores.Target(python, [PROGRAM, case], folder) as target:
        target.wait_ready()
        answer = program.ask(["--pid", str(target.pid)], ["findings", "--json", "-n", "2"])["findings"]
        text = program.run(["--pid", str(target.pid), "findings", "-n", "2"]).output
    assert rule in [one["rule"] for one in answer], answer
    filled = " ".join(text.split())
    assert all(word in filled for word in words), text
    assert "Next: " in text
