# SPDX-License-Identifier: MIT
"""Which Pythons are on this machine: the distribution's (its debug build too), pyenv's, those that make_interpreters.py
made (in folder() below), and those named in PYDS_PYTHONS (separated by colons). None is required but one; a test that
lacks one has nothing to skip, it has fewer parameters."""
import collections
import functools
import glob
import json
import os
import re
import subprocess

OLDEST, NEWEST = (3, 8), (3, 15)

# What make_from_packages.py brings: many patch releases, each like its neighbours. The matrix has them; every test with
# every one of them would take hours.
PACKAGED = ("frozen", "standalone")

FOLDER = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pydeepsize", "interpreters")

Interpreter = collections.namedtuple("Interpreter", "path version text debug free_threaded trace_refs origin name")

# sys.getobjects is what --with-trace-refs adds; it brings sys.gettotalrefcount along, which else tells of pydebug.
ASK = ("import sys, json; flags = getattr(sys, 'abiflags', ''); print(json.dumps([list(sys.version_info[:3]), "
       "sys.version.split()[0], 'd' in flags, 't' in flags, hasattr(sys, 'getobjects')]))")


def folder():
    """Where make_interpreters.py puts what it makes."""
    return os.environ.get("PYDS_INTERPRETERS") or FOLDER


def ask(path, origin):
    """None for what is no Python that this project reads. The name has the letters that make_from_source.py takes."""
    try:
        answer = subprocess.run([path, "-I", "-S", "-c", ASK], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                timeout=60, check=True).stdout
        version, text, debug, free_threaded, trace_refs = json.loads(answer)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    letters = ("t" if free_threaded else "") + ("d" if debug else "") + ("r" if trace_refs else "")
    return Interpreter(path, tuple(version), text, debug, free_threaded, trace_refs, origin,
                       "%s%s-%s" % (text, letters, origin))


def candidates():
    for path in sorted(glob.glob("/usr/bin/python3.*")):
        if re.fullmatch(r"/usr/bin/python3\.\d+d?", path):
            yield path, "distribution"
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for path in sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", "python3"))):
        yield path, "pyenv"
    for path in sorted(glob.glob(os.path.join(folder(), "bin", "*-python3.*"))):
        yield path, os.path.basename(path).rsplit("-python", 1)[0]
    for path in sorted(glob.glob(os.path.join(folder(), "source", "*", "bin", "python3"))):
        yield path, "source"
    for path in filter(None, os.environ.get("PYDS_PYTHONS", "").split(":")):
        yield path, "given"


@functools.lru_cache(maxsize=None)
def find(packaged=False):
    found, seen = [], set()
    for path, origin in candidates():
        if os.path.realpath(path) in seen or (origin in PACKAGED and not packaged):
            continue
        seen.add(os.path.realpath(path))
        interpreter = ask(path, origin)
        if interpreter:
            found.append(interpreter)
    return tuple(found)


def distribution():
    """The release build of the distribution, which every dump kind is tested with; or the first there is."""
    for interpreter in find():
        if interpreter.origin == "distribution" and not interpreter.debug:
            return interpreter
    return find()[0] if find() else None


def wanted(name):
    """Those whose name contains the option --python, if it was given; in CI's quick runs only the distribution's."""
    only_one = os.environ.get("PYDS_ONE_PYTHON", "") in ("ON", "1")
    return [interpreter for interpreter in find()
            if (not name or name in interpreter.name) and (not only_one or interpreter == distribution())]


if __name__ == "__main__":
    for one in find(packaged=True):
        print(one.name, one.path)
