# SPDX-License-Identifier: MIT
"""A name that is shown for an object can be typed and means that object; what cannot be typed is marked: it stands in
parentheses, or is words with blanks."""
import json
import os
import re
import shutil

import pytest

import cores
import interpreters
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "names_program.py")


def pytest_generate_tests(metafunc):
    """One interpreter of each minor version."""
    if "named" in metafunc.fixturenames:
        found = {one.version[:2]: one for one in interpreters.wanted(metafunc.config.getoption("--python"))
                 if one.origin != "frozen"}
        metafunc.parametrize("named", list(found.values()), ids=[one.name for one in found.values()], indirect=True,
                             scope="module")


@pytest.fixture(scope="module")
def named(request):
    """(target, addresses that were asked for)"""
    folder = cores.scratch("names")
    try:
        with cores.Target(request.param.path, [PROGRAM], folder) as target:
            yield ["--pid", str(target.pid)], target.wait_ready().split()[1:]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_lead_back(target, pairs):
    """(name, address): each name is asked back."""
    answers = program.ask(target, ["sizeof", "--json"] + [name for name, _ in pairs])["objects"]
    assert [(name, answer["address"]) for (name, _), answer in zip(pairs, answers)] == pairs


def is_description(name):
    return " " in name or name.startswith("(") or "*" in name


def test_names_of_objects_lead_back(named):
    target, asked = named
    assert len(asked) >= 44
    answers = program.ask(target, ["object", "--json", "-n", "1"] + asked)["objects"]
    names = [answer["owner"] for answer in answers]
    assert len(set(names)) == len(names), "two objects, one name"
    check_lead_back(target, list(zip(names, asked)))


def test_context_variables_go_by_name(named):
    target, asked = named
    names = [one["owner"] for one in program.ask(target, ["object", "--json", "-n", "1"] + asked[-4:])["objects"]]
    assert names == ["__main__.POOL[3].context['request']", "__main__.POOL[4].context['request']['body']",
                     "__main__.POOL[2].context", "__main__.TOKEN.old_value"]
    lists = [row["address"] for row in
             (json.loads(line) for line in program.run(target + ["objects", "--type", "list", "--json", "-n", "0"])
              .output.splitlines()) if row.get("shallow", 0) >= 300 * 8]
    owners = [one["owner"] for one in program.ask(target, ["object", "--json", "-n", "1"] + lists)["objects"]]
    words = re.compile(r"variable 'request' of thread \d+$|.*\['request'\] of ")
    assert any(name and words.match(name) for name in owners), owners
    missing = program.run(target + ["sizeof", "POOL[3].context['nothing']"])
    assert missing.status != 0 and "has no ['nothing'] among its 41 variables" in missing.errors


def test_names_of_top_and_findings(named):
    target, _ = named
    pairs = [(row["name"], row["address"]) for row in program.ask(target, ["top", "--json", "-n", "60"])["rows"]
             if row["name"] and not is_description(row["name"])]
    assert len(pairs) > 10
    for finding in program.ask(target, ["findings", "--json"])["findings"]:
        pairs += [(place["name"], place["address"]) for place in finding["places"]
                  if not is_description(place["name"])]
    check_lead_back(target, pairs)


def test_which_meaning_was_taken(distribution, tmp_path):
    """A name of the frame that is a module's as well: said in text and in JSON; module: is the other one."""
    text = "import json, os, sys\nmodule, json = hex(id(json)), ['shadow']\n" \
           "os.write(1, ('READY %s %s\\n' % (hex(id(json)), module)).encode())\nsys.stdin.read()\n"
    with cores.Target(distribution.path, ["-c", text], str(tmp_path)) as target:
        _, local, module = target.wait_ready().split()
        where = ["--pid", str(target.pid)]
        taken = program.ask(where, ["sizeof", "--json", "json"])
        other = program.ask(where, ["sizeof", "--json", "module:json"])
        said = program.run(where + ["sizeof", "json"]).output
    words = "json: what the selected frame means by it is taken; module:json is the module's"
    assert taken["objects"][0]["address"] == local and taken["notes"] == [words] and words in said
    assert other["objects"][0]["address"] == module and "notes" not in other
