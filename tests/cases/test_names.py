# SPDX-License-Identifier: MIT
"""A name that is shown for an object can be typed and means that object; what cannot be typed is marked: it stands in
parentheses, or is words with blanks."""
import os
import shutil

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "names_program.py")


@pytest.fixture(scope="module")
def named(request):
    """(target, addresses that were asked for)"""
    import interpreters
    folder = cores.scratch("names")
    try:
        with cores.Target(interpreters.distribution().path, [PROGRAM], folder) as target:
            yield ["--pid", str(target.pid)], target.wait_ready().split()[1:]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leads_to(target, name):
    answer = program.run(target + ["sizeof", "--json", name])
    return program.json.loads(answer.output)["objects"][0]["address"] if answer.status == 0 else None


def is_description(name):
    return " " in name or name.startswith("(")


def test_forty_names_lead_back(named):
    target, asked = named
    assert len(asked) >= 40
    answers = program.ask(target, ["object", "--json", "-n", "1"] + asked)["objects"]
    names = [answer["owner"] for answer in answers]
    assert len(set(names)) == len(names), "two objects, one name"
    for address, name in zip(asked, names):
        assert name and leads_to(target, name) == address, (address, name)


def test_names_of_top_and_findings(named):
    target, _ = named
    rows = [(row["name"], row["address"]) for row in program.ask(target, ["top", "--json", "-n", "60"])["rows"]
            if row["name"] and not is_description(row["name"])]
    assert len(rows) > 20
    for name, address in rows:
        assert leads_to(target, name) == address, name
    for finding in program.ask(target, ["findings", "--json"])["findings"]:
        for place in finding["places"]:
            if not is_description(place["name"]) and "[*]" not in place["name"]:
                assert leads_to(target, place["name"]) == place["address"], place
