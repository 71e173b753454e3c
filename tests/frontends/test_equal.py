# SPDX-License-Identifier: MIT
"""One list of commands through gdb and through the program: the texts are the same, byte for byte, but for the names
of commands in hints (py-sizeof in gdb). And what gdb adds: completion, help, functions, Ctrl-C."""
import os
import re
import shutil
import time

import pytest

import cores
import gdb_session
import program
from truth import Truth

HEAP = os.path.join(cores.ORACLE, "heap.py")


@pytest.fixture(scope="session")
def heap(distribution):
    """A core of the distribution's Python with the oracle's heap, and the addresses of its roots."""
    why = gdb_session.missing()
    if why:
        pytest.skip(why)
    folder = cores.scratch("frontends")
    try:
        with cores.Target(distribution.path, ["-W", "ignore", HEAP, os.path.join(folder, "truth"), "--bulk", "200000"],
                          folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core"))
            truth = Truth(os.path.join(folder, "truth"))
            yield {"core": core, "roots": truth.roots, "objects": truth.objects, "pid": target.pid,
                   "exe": distribution.path}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SUBJECTS = "builtins._pydeepsize_oracle['subjects']"


def commands(roots):
    """Without the prefix py-. A command of the design that is not there yet is left out, and counted as a skip."""
    def at(name):
        return "0x%x" % roots[name]

    return [
        "info",
        "info --json",
        "sizeof " + at("list grown"),
        "sizeof --bytes %s %s %s" % (at("instance"), at("dict of text"), at("str ucs4")),
        "sizeof --json %s %s" % (at("set big"), at("deque")),
        "sizeof %s['dict of mixed']" % SUBJECTS,
        "deepsize " + at("bulk"),
        "deepsize --bytes --limit 5 " + at("bulk"),
        "deepsize --policy gc " + at("instances that share keys"),
        "deepsize --policy asizeof --json " + at("dict of mixed"),
        "deepsize --tree %s" % at("dict of text"),
        "deepsize %s %s" % (at("list grown"), at("tuple")),
        "object " + at("instance with its dict made"),
        "object --values " + at("dict of mixed"),
        "object --json " + at("slotted"),
        "referents " + at("function"),
        "referents --limit 3 " + at("list grown"),
        "referents --json " + at("ordered dict"),
        "help",
        "sizeof 0x10",
        "sizeof no_such_module.nothing",
        "sizeof --no-such-option 1",
        "objects --limit 20",
        "heap",
        "heap --json --limit 10",
        "top --limit 10",
        "path " + at("list grown"),
        "referrers " + at("list grown"),
        "frames",
        "modules --limit 10",
    ]


def plain(text, names):
    """As the program would say it: no prefix, no colour, one newline at the end."""
    return re.sub(r"\bpy-(%s)\b" % "|".join(names), r"\1", text).rstrip("\n")


def test_same_text_in_gdb_and_alone(heap):
    known = program.commands()
    wanted = [command for command in commands(heap["roots"]) if command.split()[0] in known and command != "help"]
    assert len(wanted) >= 15
    in_gdb = gdb_session.batch([heap["exe"], heap["core"]], ["py-" + command for command in wanted])
    differing = []
    for command, text in zip(wanted, in_gdb):
        alone = program.run_line(["--core", heap["core"]], command)
        expected = alone.output + re.sub(r"^pydeepsize: ", "", alone.errors, flags=re.M)
        if plain(text, known) != plain(expected, known):
            differing.append("%s\n--- gdb\n%s\n--- alone\n%s" % (command, text[:1500], expected[:1500]))
    assert not differing, "%d of %d differ\n%s" % (len(differing), len(wanted), "\n".join(differing[:5]))


def test_same_text_of_a_live_process(heap):
    wanted = ["sizeof 0x%x" % heap["roots"]["list grown"], "deepsize --bytes 0x%x" % heap["roots"]["bulk"]]
    in_gdb = gdb_session.batch(["-p", str(heap["pid"])], ["py-" + command for command in wanted])
    for command, text in zip(wanted, in_gdb):
        alone = program.run_line(["--pid", str(heap["pid"])], command)
        assert alone.status == 0, alone.errors
        # gdb held it stopped before we came: only alone there is a stop to tell of
        answer, said = re.subn(r"^process \d+ was stopped for .*\n", "", alone.output, flags=re.M)
        assert said == 1, alone.output
        assert plain(text, program.commands()) == plain(answer, program.commands())


def test_commands_not_there_yet(heap):
    absent = sorted({command.split()[0] for command in commands(heap["roots"])} - set(program.commands()))
    if absent:
        pytest.skip("commands of the design that do not exist yet: " + ", ".join(absent))


def test_functions(heap):
    grown, instance = heap["roots"]["list grown"], heap["roots"]["instance"]
    texts = gdb_session.batch([heap["exe"], heap["core"]], [
        "p $py_sizeof(0x%x)" % grown, "p $py_sizeof(\"%s['list grown']\")" % SUBJECTS,
        "p $py_deepsize(0x%x)" % instance, "p $py_sizeof(0x10)", "p 6 * 7"])
    size = heap["objects"][grown].size
    assert re.search(r"= %d\b" % size, texts[0])
    assert re.search(r"= %d\b" % size, texts[1])
    deep = program.ask(["--core", heap["core"]], ["deepsize", "--json", "0x%x" % instance])["objects"][0]["deep"]
    assert re.search(r"= %d\b" % deep, texts[2])
    assert "=" not in texts[3] and texts[3].strip(), "a wrong address is an error: %r" % texts[3]
    assert "= 42" in texts[4], "gdb goes on"


def test_help_and_completion(heap):
    texts = gdb_session.batch([heap["core"]], ["help py-deepsize", "complete py-d", "complete py-deepsize --pol",
                                                   "complete py-sizeof --", "help user-defined"])
    assert "--policy" in texts[0] and "asizeof" in texts[0]
    assert "py-deepsize" in texts[1].split()
    assert "--policy" in texts[2]
    assert "--bytes" in texts[3]


def test_control_c_gives_the_prompt_back(heap):
    """The walk is made long by asking for the same root many times. Nothing is waited for but gdb's own text."""
    with gdb_session.Terminal([heap["exe"], heap["core"]]) as gdb:
        gdb.read_until(gdb_session.PROMPT)
        gdb.command("set width 80")
        gdb.send("py-deepsize %s\n" % " ".join(["0x%x" % heap["roots"]["bulk"]] * 400))
        gdb.read_until(b" objects", 60)  # the line of progress: the job is at work
        pressed = time.monotonic()
        gdb.send("\x03")
        gdb.read_until(gdb_session.PROMPT, 60)
        waited = time.monotonic() - pressed
        text = gdb.command("py-sizeof --bytes 0x%x" % heap["roots"]["list grown"])
        assert str(heap["objects"][heap["roots"]["list grown"]].size) in text.replace(",", ""), text
        assert "= 42" in gdb.command("p 6 * 7")
        print("prompt after %.3f s" % waited)
        assert waited <= 0.2, "the prompt came back after %.3f s" % waited


def test_without_a_target(heap):
    texts = gdb_session.batch([], ["py-info", "py-sizeof 0x1000", "p $py_sizeof(1)", "p 6 * 7"])
    for text in texts[:3]:
        assert text.strip() and "Traceback" not in text
    assert "= 42" in texts[3]
