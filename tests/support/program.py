# SPDX-License-Identifier: MIT
"""Runs the program `pydeepsize` that was built, and gdb with its front end."""
import collections
import functools
import json
import os
import re
import shlex
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PYDS_BUILD") or os.path.join(ROOT, "build")
GDB_SCRIPT = os.environ.get("PYDS_GDB_SCRIPT") or os.path.join(ROOT, "gdb", "pydeepsize_gdb.py")
SANITIZED = os.environ.get("PYDS_SANITIZED", "").upper() in ("1", "ON", "TRUE", "YES", "THREAD")
CHUNK = 25000  # targets that one run is asked about

Answer = collections.namedtuple("Answer", "status output errors")


def path():
    for name in (os.environ.get("PYDS_PROGRAM"), os.path.join(BUILD, "pydeepsize")):
        if name and os.path.isfile(name):
            return name
    raise FileNotFoundError("no program pydeepsize under %s: build it, or set PYDS_BUILD" % BUILD)


def library():
    return os.path.join(BUILD, "libpydeepsize.so")


def run(arguments, text="", timeout=300, **more):
    done = subprocess.run([path()] + [str(argument) for argument in arguments], input=text.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **more)
    return Answer(done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
                  done.stderr.decode("utf-8", "replace"))


def run_line(target, line):
    """A command as one writes it in gdb: words separated by blanks, quoted where they have some."""
    return run(list(target) + shlex.split(re.sub(r"(\S*\['[^]]*'\]\S*)", r'"\1"', line)))


@functools.lru_cache(maxsize=None)
def commands():
    """Names of the commands that this build has, from its own help."""
    text = run(["--help"]).output
    section = re.search(r"^Commands:\n(.*?)\n\n", text, re.M | re.S).group(1)
    return tuple(re.findall(r"^  ([a-z]+)", section, re.M))


def ask(target, arguments, text=""):
    """A command's JSON. target is ["--core", FILE] or ["--pid", PID]. Anything but 0 and 3 is a failure."""
    answer = run(list(target) + list(arguments), text)
    if answer.status not in (0, 3):
        raise AssertionError("pydeepsize %s: exit status %d\n%s" % (" ".join(map(str, list(target) + list(arguments))),
                                                                    answer.status, answer.errors[-3000:]))
    return json.loads(answer.output)


def ask_about(target, arguments, addresses):
    """`objects` of a command that takes targets, in their order; asked in chunks, so that no answer is enormous."""
    for first in range(0, len(addresses), CHUNK):
        chunk = addresses[first:first + CHUNK]
        objects = ask(target, list(arguments) + ["--json", "-"], "".join("0x%x\n" % one for one in chunk))["objects"]
        assert len(objects) == len(chunk), "%d targets asked, %d answered" % (len(chunk), len(objects))
        for address, answer in zip(chunk, objects):
            yield address, answer
