#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Brings interpreters that packages of other programs contain: builds of upstream's patch releases as people run them,
stripped and without debug information, which no distribution ships. Downloaded by each registry's ordinary client,
never committed.

    python3 tests/support/make_from_packages.py frozen:3.12.13,3.14.2 standalone:3.14.6 [--into FOLDER] [--again]

frozen      the base programs of cx_Freeze and freeze-core (pip): Python linked statically, all symbols stripped but the
            exported ones. They have no standard library: a Python of the same minor version on this machine lends its.
standalone  python-build-standalone, which uv installs, out of the Go module go-embed-python (go mod download): no
            build-id, its dynamic section in the page of its headers.
musl        as frozen, linked with musl; runs where its loader is (Debian's package musl). For test_musl.py alone:
            the other tests look for glibc's malloc.

A version is put into FOLDER/frozen/VERSION or FOLDER/standalone/VERSION, and FOLDER/bin/KIND-pythonVERSION runs it;
that of musl is in FOLDER/musl/bin."""
import argparse
import glob
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import interpreters

# Which release of the package has which Python: what the image that it was built in had.
FROZEN = {
    "3.8.18": "cx_Freeze==6.15.16", "3.9.18": "cx_Freeze==6.15.16", "3.10.13": "cx_Freeze==6.15.16",
    "3.11.8": "cx_Freeze==6.15.16", "3.9.23": "cx_Freeze==8.4.1", "3.10.18": "cx_Freeze==8.4.1",
    "3.11.13": "cx_Freeze==8.4.1", "3.11.17": "freeze-core==0.8.1",
    "3.12.3": "cx_Freeze==7.0.0", "3.12.4": "cx_Freeze==7.1.1", "3.12.7": "cx_Freeze==7.2.10",
    "3.12.9": "cx_Freeze==8.0.0", "3.12.10": "cx_Freeze==8.3.0", "3.12.11": "cx_Freeze==8.4.1",
    "3.12.12": "freeze-core==0.5.0", "3.12.13": "freeze-core==0.7.1", "3.12.15": "freeze-core==0.8.1",
    "3.13.2": "cx_Freeze==8.0.0", "3.13.3": "cx_Freeze==8.3.0", "3.13.7": "cx_Freeze==8.4.1",
    "3.13.11": "freeze-core==0.5.0", "3.13.12": "freeze-core==0.6.1", "3.13.15": "freeze-core==0.7.1",
    "3.13.17": "freeze-core==0.8.1",
    "3.14.2": "freeze-core==0.5.0", "3.14.3": "freeze-core==0.6.1", "3.14.7": "freeze-core==0.7.1",
    "3.14.9": "freeze-core==0.8.1",
}
STANDALONE = {"3.10.16": "v0.0.0-3.10.16-20241219-1", "3.11.11": "v0.0.0-3.11.11-20241219-1",
              "3.14.6": "v0.0.0-3.14.6-20260610-1"}
MUSL = {"3.8.18": "cx_Freeze==6.15.16", "3.9.18": "cx_Freeze==6.15.16", "3.10.13": "cx_Freeze==6.15.16",
        "3.11.8": "cx_Freeze==6.15.16"}
MODULE = "github.com/kluctl/go-embed-python"
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")
MUSL_PLATFORMS = ("musllinux_1_1_x86_64",)

# The options of the command line that the tests start interpreters with; a frozen program takes none.
STARTUP = '''\
import os
import sys


def init():
    pass


def run(name=None):
    sys.path[:] = [%(folder)r, %(modules)r, %(library)r]
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path]
    arguments = sys.argv[1:]
    while arguments and arguments[0] in ("-I", "-S", "-B", "-u", "-E", "-s"):
        del arguments[0]
    while arguments and arguments[0] in ("-W", "-X"):
        del arguments[:2]
    import builtins
    import types
    import warnings
    warnings.simplefilter("ignore")
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    if arguments[0] == "-c":
        source, path = arguments[1], "<string>"
        del arguments[1]
    else:
        path = main.__file__ = arguments[0]
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        with open(path, encoding="utf-8") as file:
            source = file.read()
    sys.argv[:] = arguments
    exec(compile(source, path, "exec"), main.__dict__)
'''


class Failed(Exception):
    pass


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode != 0:
        raise Failed("%s failed:\n%s" % (" ".join(command), done.stdout.decode("utf-8", "replace")[-2000:]))


def lender(minor):
    """A standard library of the same minor version: a release build's before a debug build's."""
    for one in sorted(interpreters.find(), key=lambda one: one.debug or one.free_threaded):
        if one.version[1] == minor:
            path = subprocess.run([one.path, "-I", "-S", "-c", "import os; print(os.path.dirname(os.__file__))"],
                                  stdout=subprocess.PIPE, check=True).stdout.decode().strip()
            return path
    raise Failed("no Python 3.%d is here that could lend its standard library" % minor)


def download_wheel(requirement, minor, platforms, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
               "--implementation", "cp", "--python-version", "3.%d" % minor, "--dest", folder]
    for platform in platforms:
        command += ["--platform", platform]
    run(command + [requirement])
    return glob.glob(os.path.join(folder, "*.whl"))[0]


def make_musl(version, root):
    return make_frozen(version, root, MUSL, MUSL_PLATFORMS)


def make_frozen(version, root, packages=FROZEN, platforms=PLATFORMS):
    """Unpacks the wheel and gives its base program what a frozen program has beside it: a folder of modules."""
    minor = int(version.split(".")[1])
    library = lender(minor)
    with tempfile.TemporaryDirectory() as temporary:
        with zipfile.ZipFile(download_wheel(packages[version], minor, platforms, temporary)) as wheel:
            wheel.extractall(root)
    bases = glob.glob(os.path.join(root, "*", "bases"))[0]
    base = glob.glob(os.path.join(bases, "console-cpython-*"))[0]
    # Modules beside the library in newer packages, beside the base in older ones; those of the library win.
    modules = [path for path in (os.path.join(os.path.dirname(bases), "lib"), os.path.join(bases, "lib-dynload"))
               if os.path.isdir(path)]
    if not modules:
        raise Failed("%s has no folder of extension modules" % packages[version])
    lib = os.path.join(bases, "lib")
    os.makedirs(lib, exist_ok=True)
    for name in sorted(os.listdir(library)):
        if name.endswith(".py") or name in ("encodings", "collections", "importlib", "re"):
            os.symlink(os.path.join(library, name), os.path.join(lib, name))
    for name in ("__startup__.py", "__init__python.py"):
        with open(os.path.join(lib, name), "w") as file:
            file.write(STARTUP % {"folder": lib, "modules": modules[0], "library": library})
    program = os.path.join(bases, "python")
    os.rename(base, program)
    os.chmod(program, 0o755)
    return program


def make_standalone(version, root):
    """The Go module holds the files of a system each by itself, the large ones compressed, and a list of them."""
    with tempfile.TemporaryDirectory() as temporary:
        answer = subprocess.run(["go", "mod", "download", "-json", "%s@%s" % (MODULE, STANDALONE[version])],
                                stdout=subprocess.PIPE, cwd=temporary)
    if answer.returncode != 0:
        raise Failed("go mod download %s@%s failed" % (MODULE, STANDALONE[version]))
    data = os.path.join(json.loads(answer.stdout)["Dir"], "python/internal/data/linux-amd64")
    with open(os.path.join(data, "files.json")) as file:
        files = json.load(file)["files"]
    for one in files:
        path = os.path.join(root, one["name"])
        if one.get("perm", 0) & 1 << 31:  # a folder
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if one.get("symlink"):
            os.symlink(one["symlink"], path)
            continue
        source = os.path.join(data, one["name"])
        if one.get("compressed"):
            with gzip.open(source + ".gz") as packed, open(path, "wb") as file:
                shutil.copyfileobj(packed, file)
        elif os.path.exists(source):
            shutil.copyfile(source, path)
        os.chmod(path, 0o755 if one["perm"] & 0o100 else 0o644)
    return os.path.join(root, "bin", "python" + version.rsplit(".", 1)[0])


KINDS = {"frozen": (FROZEN, make_frozen), "standalone": (STANDALONE, make_standalone), "musl": (MUSL, make_musl)}


def make(kind, version, folder, again):
    """True if it runs."""
    known, maker = KINDS[kind]
    if version not in known:
        raise Failed("%s:%s is not known; known are %s" % (kind, version, ", ".join(known)))
    root = os.path.join(folder, kind, version)
    command = os.path.join(folder, "musl/bin" if kind == "musl" else "bin", "%s-python%s" % (kind, version))
    if again or not os.path.exists(command):
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(root)
        os.makedirs(os.path.dirname(command), exist_ok=True)
        program = maker(version, root)
        with open(command, "w") as file:
            file.write('#!/bin/sh\nexec "%s" "$@"\n' % program)
        os.chmod(command, 0o755)
    found = interpreters.ask(command, kind)
    print("%s: %s" % (command, found.name if found else "does not run"), flush=True)
    return found is not None


def make_all(kind, versions, folder, again=False):
    """The number of those that could not be made or do not run; why is said."""
    failures = 0
    for version in versions:
        try:
            failures += not make(kind, version, folder, again)
        except (Failed, OSError) as failure:
            failures += 1
            print("%s:%s: %s" % (kind, version, failure), file=sys.stderr, flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", metavar="FOLDER", default=interpreters.folder())
    parser.add_argument("--again", action="store_true")
    parser.add_argument("wanted", nargs="+", metavar="KIND:VERSION,...")
    options = parser.parse_args()
    failures = 0
    for wanted in options.wanted:
        kind, _, versions = wanted.partition(":")
        if kind not in KINDS or not re.fullmatch(r"(3\.\d+\.\d+(,|$))+", versions):
            parser.error("%r: like frozen:3.12.13 or standalone:3.14.6" % wanted)
        failures += make_all(kind, versions.split(","), os.path.abspath(options.into), options.again)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
