# SPDX-License-Identifier: MIT
"""One list of commands through gdb, through every LLDB and through the program, on three cores: the texts are the same,
byte for byte, but for the names of commands in hints (py-sizeof in a debugger). Live processes, too."""
import os
import re
import shutil

import pytest

import cores
import interpreters
import program
import stored_cores
from truth import Truth

HEAP = os.path.join(cores.ORACLE, "heap.py")
SUBJECTS = "builtins._pydeepsize_oracle['subjects']"
FEWEST_COMMANDS = 30
CORES = 3


def commands(roots):
    """Without the prefix py-."""
    def at(name):
        return "0x%x" % roots[name]

    return [
        "info",
        "info --json",
        "sizeof " + at("list grown"),
        "sizeof --bytes %s %s %s" % (at("instance"), at("dict of text"), at("str ucs4")),
        "sizeof --json %s %s" % (at("set big"), at("deque")),
        "sizeof %s['dict of mixed']" % SUBJECTS,
        "sizeof --help",
        "sizeof 0x10",
        "sizeof no_such_module.nothing",
        "sizeof --no-such-option 1",
        "deepsize " + at("bulk"),
        "deepsize --bytes --limit 5 " + at("bulk"),
        "deepsize --policy gc " + at("instances that share keys"),
        "deepsize --policy asizeof --json " + at("dict of mixed"),
        "deepsize --tree %s" % at("dict of text"),
        "deepsize %s %s" % (at("list grown"), at("tuple")),
        "object " + at("instance with its dict made"),
        "object --values " + at("dict of mixed"),
        "object --json " + at("slotted"),
        "objects --limit 20",
        "objects --json --min 4K",
        "referents " + at("function"),
        "referents --limit 3 " + at("list grown"),
        "referents --json " + at("ordered dict"),
        "referrers " + at("list grown"),
        "referrers --json %s" % at("tuple"),
        "heap",
        "heap --json --limit 10",
        "heap --measure native",
        "deepsize --measure native --json " + at("list grown"),
        "top --limit 10",
        "path " + at("list grown"),
        "path --json " + at("instance"),
        "frames",
        "frames --json",
        "frames --no-retained --values --depth 3 --length 4 --full-paths",
        "frames --no-retained --json",
        "threads",
        "threads --json",
        "threads --native -n 0",
        "frames --no-retained --native",
        "tracebacks",
        "tracebacks --json",
        "tasks",
        "tasks -t",
        "tasks --json",
        "modules --limit 10",
        "findings",
        "findings --json",
        "tracemalloc",
        "query",
        "query \"SELECT * FROM held_by LIMIT 20\"",
        "query --csv \"SELECT name, count, base FROM type ORDER BY 2 DESC, 1 LIMIT 20\"",
        "query --json \"SELECT type, count(*), sum(shallow), sum(retained) FROM object GROUP BY type\"",
        "query \"SELECT label, describe(target) FROM reference WHERE source = %s\"" % at("dict of mixed"),
        "query \"SELECT name, resolve('no_such_module.nothing') FROM module\"",
    ]


def three_pythons():
    """The distribution's; of the stored cores, whose files lie under a sysroot, the oldest and the newest version."""
    stored = sorted(stored_cores.rows(), key=lambda row: row.version)
    return [one for one in [interpreters.distribution()] + stored[:1] + stored[1:][-1:] if one is not None]


PYTHONS = three_pythons()


def interpreter_core(interpreter, folder):
    with cores.Target(interpreter.path, ["-W", "ignore", HEAP, os.path.join(folder, "truth"), "--bulk", "4000"],
                      folder) as target:
        target.wait_ready()
        path = cores.gcore(target.pid, os.path.join(folder, "core"))
    return interpreter.path, path, None, Truth(os.path.join(folder, "truth"))


@pytest.fixture(scope="module", params=PYTHONS, ids=[python.name for python in PYTHONS])
def core(request):
    """A core with the oracle's heap: how to open it, and what the program says to each command."""
    folder = cores.scratch("frontends")
    try:
        if isinstance(request.param, stored_cores.Row):
            opened = stored_cores.unpack(request.param.name, folder)
        else:
            opened = interpreter_core(request.param, folder)
        executable, path, sysroot, truth = opened
        wanted = [command for command in commands(truth.roots) if command.split()[0] in program.commands()]
        target = ["--core", path] + (["--sysroot", sysroot] if sysroot else [])
        yield {"executable": executable, "path": path, "sysroot": sysroot, "truth": truth,
               "said": [(command, said(program.run_line(target, command))) for command in wanted]}
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


STOPPED = re.compile(r"^process \d+ was stopped .*\n", re.M)  # what only the program can say: a debugger stops it


def said(answer):
    return STOPPED.sub("", answer.output) + re.sub(r"^pydeepsize: ", "", answer.errors, flags=re.M)


def plain(text):
    """As the program would say it: no prefix, one newline at the end."""
    return re.sub(r"\bpy-(%s)\b" % "|".join(program.commands()), r"\1", text).rstrip("\n")


def test_there_are_three_cores():
    assert len(PYTHONS) == CORES, PYTHONS


def test_same_text(debugger, core):
    target = debugger.core(core["executable"], core["path"], core["sysroot"])
    texts = debugger.batch(target, ["py-" + command for command, _ in core["said"]])
    differing = []
    for (command, expected), text in zip(core["said"], texts):
        assert expected.strip(), command
        if plain(debugger.says(text)) != plain(expected):
            differing.append("%s\n--- %s\n%s\n--- alone\n%s" % (command, debugger.NAME, text[:1500], expected[:1500]))
    assert not differing, "%d of %d differ\n%s" % (len(differing), len(texts), "\n".join(differing[:5]))
    absent = sorted({command.split()[0] for command in commands(core["truth"].roots)} - set(program.commands()))
    if absent:
        pytest.skip("%d commands are equal; of the design are not there yet: %s" % (len(texts), ", ".join(absent)))
    assert len(texts) >= FEWEST_COMMANDS


def test_same_text_of_a_live_process(debugger, distribution):
    folder = cores.scratch("frontends")
    try:
        with cores.Target(distribution.path, ["-W", "ignore", HEAP, os.path.join(folder, "truth"), "--bulk", "400"],
                          folder) as target:
            target.wait_ready()
            roots = Truth(os.path.join(folder, "truth")).roots
            wanted = ["sizeof 0x%x" % roots["list grown"], "deepsize --bytes 0x%x" % roots["bulk"],
                      "object --values 0x%x" % roots["dict of mixed"], "referents 0x%x" % roots["function"],
                      "sizeof 0x10"]
            alone = [program.run_line(["--pid", str(target.pid)], command) for command in wanted]
            assert [answer.status for answer in alone[:4]] == [0] * 4, alone
            texts = debugger.batch(debugger.process(target.pid), ["py-" + command for command in wanted])
            for answer, text in zip(alone, texts):
                assert plain(debugger.says(text)) == plain(said(answer))
            assert target.process.poll() is None, "the debugger let the process go"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
