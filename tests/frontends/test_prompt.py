# SPDX-License-Identifier: MIT
"""The program without a command: a prompt on a terminal, commands from a standard input that is none; and what
completes a line."""
import os
import stat

import pytest

import cores
import program
import terminal

PROMPT = b"(pydeepsize) "
ENDLESS = "\"SELECT count(*) FROM object a, object b, object c\"\n"


@pytest.fixture
def prompt(shop, tmp_path):
    history = os.path.join(str(tmp_path), "made", "history")
    environment = dict(os.environ, TERM="xterm", PYDEEPSIZE_HISTORY=history, LC_ALL="C.UTF-8", NO_COLOR="1")
    with terminal.Terminal([program.path(), "--core", shop[0]], environment, PROMPT) as opened:
        assert "Ctrl-D" in opened.read_until(PROMPT)
        opened.history = history
        yield opened


def complete(core, line):
    """What the program offers for the last word of a line, asked as shells do."""
    answer = program.run(["--core", core, "--complete", line])
    assert answer.status == 0, answer.errors
    return answer.output.splitlines()


def test_lines_of_standard_input(shop):
    core, address = shop
    lines = "# a comment\n\nsizeof __main__.SESSIONS --json\n  sizeof \"__main__.SESSIONS\" --json\r\nquit\nnonsense\n"
    answer = program.run(["--core", core], lines)
    alone = program.run(["--core", core, "sizeof", "__main__.SESSIONS", "--json"])
    assert answer.status == 0 and answer.errors == "" and answer.output == alone.output * 2
    assert "0x%x" % address in answer.output


def test_a_failure_of_a_line_is_the_exit_status(shop):
    answer = program.run(["--core", shop[0]], "nonsense\nsizeof __main__.NOTHING\nhelp sizeof\nsizeof 0x%x\n" % shop[1])
    assert answer.status == 1
    assert "there is no command nonsense" in answer.errors and "NOTHING" in answer.errors
    assert "Usage: pydeepsize TARGET sizeof" in answer.output and "shallow" in answer.output


def test_no_line_is_no_command(shop, tmp_path):
    answer = program.run(["--core", shop[0]], "\n# nothing\n")
    assert answer.status == 1 and "no command was given" in answer.errors
    nowhere = program.run(["--core", os.path.join(str(tmp_path), "nowhere")], "info\n")
    assert nowhere.status == 2 and "nowhere" in nowhere.errors and nowhere.output == ""


def test_keys(prompt, shop):
    """Tab completes a command, a path and an option; the arrow brings the line back; a list where several fit."""
    prompt.send("siz\t__main__.SES\t --by\t\n")
    assert "0x%x" % shop[1] in prompt.read_until(PROMPT)
    prompt.send("\x1b[A\n")
    assert "0x%x" % shop[1] in prompt.read_until(PROMPT)
    prompt.send("sizeof __main__.S\t")
    listed = prompt.read_until(b"(pydeepsize) sizeof __main__.S")
    assert "__main__.SESSIONS\r\n" in listed and "__main__.SETTINGS\r\n" in listed and "__main__.Session\r\n" in listed
    prompt.send("\x03")
    prompt.read_until(b"\n" + PROMPT)
    prompt.send("siz\t")
    prompt.read_until(b"eof ")
    prompt.send("\x15\x04")
    with pytest.raises(cores.Failed, match="ended"):
        prompt.read_until(b"no more")
    assert stat.S_IMODE(os.stat(prompt.history).st_mode) == 0o600
    with open(prompt.history) as file:
        assert "sizeof\\040__main__.SESSIONS\\040--bytes" in file.read()


def test_an_interrupt_ends_the_command_and_not_the_prompt(prompt, shop):
    for _ in range(2):
        # What completes shows that the terminal is in the editor's mode: before, the terminal itself would echo.
        prompt.send("que\t")
        prompt.read_until(b"ry ")
        prompt.send(ENDLESS)
        prompt.read_until(b"\n")
        prompt.send("\x03")
        assert "pydeepsize: " in prompt.read_until(PROMPT)
    assert "0x%x" % shop[1] in prompt.command("sizeof __main__.SESSIONS")


def test_names_of_files_complete(shop, tmp_path):
    folder = str(tmp_path)
    for name in ("heap.html", "heap two.html", ".hidden"):
        with open(os.path.join(folder, name), "w", encoding="ascii"):
            pass
    os.mkdir(os.path.join(folder, "herd"))
    found = complete(shop[0], "export %s/he" % folder)
    assert sorted(found) == [folder + "/heap.html", folder + "/herd/"]
    assert complete(shop[0], "diff %s/.h" % folder) == [folder + "/.hidden"]
    assert complete(shop[0], "export %s/nowhere/" % folder) == []


def test_what_completes_a_line(shop):
    core, address = shop
    assert complete(core, "fi") == ["findings"]
    assert complete(core, "qu") == ["query", "quit"] and complete(core, "help fi") == ["findings"]
    assert complete(core, "heap --li") == ["--limit"] and complete(core, "heap x") == []
    assert complete(core, "sizeof __main__.SE") == ["__main__.SESSIONS", "__main__.SETTINGS"]
    assert complete(core, "sizeof a __main__.SETTINGS['n") == ["__main__.SETTINGS['name']"]
    # Keys that are contents are not shown; members of an instance, of a class, submodules, frames.
    assert complete(core, "sizeof __main__.SESSIONS['u") == []
    values = "0x%x[key 1]" % address
    assert complete(core, "object %s." % values) == [values + "." + name for name in ("me", "rows", "user")]
    assert complete(core, "sizeof __main__.Session.__init__") == ["__main__.Session.__init__"]
    assert "os.path" in complete(core, "sizeof os.pa") and "encodings.aliases" in complete(core, "path encodings.al")
    assert complete(core, "sizeof frame:0.TWI") == ["frame:0.TWICE"] and "TWICE" in complete(core, "sizeof TWI")
    assert complete(core, "sizeof __main__.TWICE[9") == ["__main__.TWICE[%d]" % i for i in list(range(90, 100)) + [9]]
    for nothing in ("sizeof nowhere.at.al", "sizeof 0x10.", "sizeof __main__.SESSIONS[", "sizeof a['b", "nonsense a"):
        assert complete(core, nothing) == []
