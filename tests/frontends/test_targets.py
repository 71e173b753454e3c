# SPDX-License-Identifier: MIT
"""What X may be: several of which some lead nowhere, and keys that nobody may see."""
import pytest

import program
import stored_cores

COMMANDS = ("sizeof", "deepsize", "object", "path", "referents", "referrers")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    _, core, sysroot, _ = stored_cores.unpack("3.12.1", str(tmp_path_factory.mktemp("targets")))
    return ["--core", core, "--sysroot", sysroot]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_good_ones_are_answered_and_the_bad_ones_named(stored, command):
    names = "sys.modules\nnowhere.at.all\nsys.path\n"
    answer = program.run(stored + [command, "-"], names)
    assert answer.status == 3, answer.errors
    assert "nowhere.at.all: no module 'nowhere'" in answer.output
    assert "dict, " in answer.output and "list, 5 items" in answer.output
    asked = program.ask(stored, [command, "-", "--json"], names)["objects"]
    assert [one.get("target") for one in asked if "error" in one] == ["nowhere.at.all"]
    assert len(asked) == 3 and all("address" in one for one in asked if "error" not in one)


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_but_bad_ones_is_a_mistake(stored, command):
    alone = program.run(stored + [command, "nowhere"])
    assert alone.status == 1 and "no module 'nowhere'" in alone.errors and not alone.output
    two = program.run(stored + [command, "nowhere", "sys.no_such_thing"])
    assert two.status == 1 and "nowhere: " in two.output and "sys.no_such_thing: " in two.output


def test_no_key_is_shown_where_nobody_may_see_them(stored):
    shown = program.run(stored + ["referents", "sys.modules", "-n", "0"]).output
    hidden = program.run(stored + ["referents", "sys.modules", "-n", "0", "--hide-keys"]).output
    assert "['sys']" in shown and "['" not in hidden and "[key 1 of " in hidden
    assert "['" not in program.run(stored + ["path", "sys.path", "--hide-keys", "--values"]).output
    assert "['modules']" in program.run(stored + ["path", "sys.modules"]).output
    # an attribute's name is the program's own
    assert ".__dict__" in program.run(stored + ["path", "sys.path", "--hide-keys"]).output
