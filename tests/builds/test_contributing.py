# SPDX-License-Identifier: MIT
"""The command that CONTRIBUTING.md adds: its code is taken out of the page, built with the library and run."""
import glob
import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

import program
import stored_cores

BLOCK = re.compile(r"^```c (\S+)\n(.*?)^```$", re.M | re.S)


def compile_line(ending):
    with open(os.path.join(program.BUILD, "compile_commands.json"), encoding="utf-8") as file:
        entry = next(entry for entry in json.load(file) if entry["file"].endswith(ending))
    words = shlex.split(entry["command"])
    words = words[words.index("ccache") + 1:] if "ccache" in words[0] else words
    return words[:words.index("-o")]


def libraries():
    """What libpydeepsize.so and the program are linked with, of build.ninja; and what stands for malloc() there."""
    lines = read(os.path.join(program.BUILD, "build.ninja")).splitlines()
    library = next(line for line in lines if "LINK_LIBRARIES" in line and "--whole-archive" in line)
    start = next(i for i, line in enumerate(lines) if line.startswith("build pydeepsize:"))
    of_program = next(line for line in lines[start:] if "LINK_LIBRARIES" in line)
    wraps = next(line for line in lines if "LINK_FLAGS" in line and "--wrap=" in line)
    wraps = [word for word in wraps.split("=", 1)[1].split() if word.startswith("-Wl,--wrap=")]
    words = library.split("=", 1)[1].split() + of_program.split("=", 1)[1].split()
    return wraps + [word for word in words
                    if not word.startswith(("-Wl,", "libpydeepsize.so")) and word != "libpyds_objects.a"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def sources(folder):
    """The page's files under folder, beside commands.def and commands.c with what it adds to them. Of the .c files the
    paths."""
    helper = os.path.join(program.ROOT, "helper")
    blocks = dict(BLOCK.findall(read(os.path.join(program.ROOT, "CONTRIBUTING.md"))))
    line = blocks.pop("commands.def")
    write(folder, "report/commands.def", read(os.path.join(helper, "report/commands.def")) + line)
    commands = read(os.path.join(helper, "report/commands.c"))
    blocks["report/commands.c"] = commands.replace('#include "report/texts/', '#include "report/texts/count.h"\n'
                                                   '#include "report/texts/', 1)
    return [path for path in [write(folder, name, text) for name, text in sorted(blocks.items())] if path.endswith(".c")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    if program.SANITIZED or shutil.which("cc") is None:
        pytest.skip("built once, plainly, where there is a compiler")
    if not os.path.isfile(os.path.join(program.BUILD, "build.ninja")):
        pytest.skip("this build is not ninja's: what to link with is not known")
    folder = str(tmp_path_factory.mktemp("contributing"))
    first = compile_line("report/commands.c")
    objects = []
    for source in sources(folder):
        objects.append(source + ".o")
        subprocess.run([first[0], "-I" + folder] + first[1:] + ["-o", objects[-1], "-c", source], check=True)
    cli = compile_line("cli/main.c")
    for source in glob.glob(os.path.join(program.ROOT, "cli", "*.c")):
        objects.append(os.path.join(folder, os.path.basename(source)[:-len(".c")] + ".o"))
        subprocess.run(cli + ["-o", objects[-1], "-c", source], check=True)
    result = os.path.join(folder, "pydeepsize")
    subprocess.run([first[0], "-o", result] + objects + [os.path.join(program.BUILD, "libpyds_objects.a")] +
                   libraries() + ["-lpthread", "-lm"], check=True)
    return result


def test_the_command_of_the_page_counts(built, tmp_path):
    _, core, sysroot, _ = stored_cores.unpack("3.12.1", str(tmp_path))
    target = ["--core", core, "--sysroot", sysroot]

    def ask(name, *arguments):
        return subprocess.run([name] + target + list(arguments), stdout=subprocess.PIPE, check=True).stdout.decode()

    row = json.loads(ask(program.path(), "heap", "--type", "dict", "--json"))["types"][0]
    count = row["count"] + row["unreachable"]["count"]
    answer = json.loads(ask(built, "count", "--type", "dict", "--json"))
    assert answer["schema"] == "pydeepsize/count/1" and answer["count"] == count > 100
    assert answer["shallow"] == row["shallow"] + row["unreachable"]["shallow"] and "coverage" in answer
    assert ask(built, "count", "--type", "dict").startswith("{:,} objects, ".format(count))
    assert "how many objects of a type" in ask(built, "--help")
