#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the interpreters that no distribution ships from the distribution's own source archives, with debug symbols.

    python3 tests/support/make_from_source.py 3.14.7t 3.14.7td 3.15.0~rc2t 3.14.7r [--into FOLDER] [--jobs N] [--again]

The letters after a version, as in sys.abiflags: t --disable-gil, d --with-pydebug; and r --with-trace-refs. The
archive of a version is asked of the package mirror that this machine's apt is configured with (its pool keeps a few
versions; name one that is there, as it spells it), unpacked in a temporary folder and installed under
FOLDER/source/VERSION. FOLDER is where interpreters.py looks. What is there already is left alone, unless --again is
given. Needs a compiler, make, apt, and the headers of whatever optional modules are wanted (libffi, libssl,
libsqlite3)."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

import interpreters

OPTIONS = {"t": "--disable-gil", "d": "--with-pydebug", "r": "--with-trace-refs"}
SPELLING = re.compile(r"(3\.\d+)\.\d+(~rc\d+)?(t?d?r?)")


class Failed(Exception):
    pass


def mirrors():
    """The package mirrors of this machine's apt, the ordinary ones before those of security updates."""
    said = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], stdout=subprocess.PIPE,
                          check=True).stdout.decode()
    return sorted(set(said.split()), key=lambda uri: ("security" in uri, uri))


def fetch(series, version, into):
    """Fetches the archive of `version` by apt's own downloader; returns where it lies."""
    name = "python%s_%s.orig.tar.xz" % (series, version)
    path = os.path.join(into, name)
    for mirror in mirrors():
        uri = "%s/pool/main/p/python%s/%s" % (mirror.rstrip("/"), series, name)
        asked = subprocess.run(["/usr/lib/apt/apt-helper", "download-file", uri, path],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if asked.returncode == 0:
            return path
    raise Failed("%s: no mirror of this machine's apt has it; look for the versions in the pool of python%s"
                 % (name, series))


def run(command, source):
    done = subprocess.run(command, cwd=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Failed("%s failed:\n%s" % (" ".join(command), done.stdout.decode("utf-8", "replace")[-3000:]))


def build(spelled, folder, jobs, again):
    """Builds one version; returns the interpreter's path. The optimisation costs little time."""
    matched = SPELLING.fullmatch(spelled)
    if not matched:
        raise Failed("%r: like 3.14.7t, 3.15.0~rc2td" % spelled)
    series, _, letters = matched.groups()
    prefix = os.path.join(folder, "source", spelled.replace("~", ""))
    python = os.path.join(prefix, "bin", "python3")
    if os.path.exists(python) and not again:
        return python
    options = ["--with-system-libmpdec=no"] + [OPTIONS[letter] for letter in letters]
    if series not in ("3.8", "3.9", "3.10", "3.11"):
        options.append("--disable-test-modules")
    with tempfile.TemporaryDirectory(prefix="python-from-source-") as scratch:
        archive = fetch(series, spelled[:len(spelled) - len(letters)], scratch)
        source = os.path.join(scratch, "source")
        os.mkdir(source)
        run(["tar", "-xf", archive, "-C", source, "--strip-components=1"], scratch)
        run(["./configure", "-q", "--prefix=" + prefix, "--without-ensurepip", "CFLAGS=-g -O1"] + options, source)
        run(["nice", "make", "-s", "-j%d" % jobs], source)
        # All at once, so that an interrupted run leaves nothing that looks complete.
        run(["nice", "make", "-s", "install", "DESTDIR=" + os.path.join(scratch, "root")], source)
        shutil.rmtree(prefix, ignore_errors=True)
        os.makedirs(os.path.dirname(prefix), exist_ok=True)
        shutil.move(os.path.join(scratch, "root", prefix.lstrip("/")), prefix)
    return python


def build_all(spelled, folder, jobs, again=False):
    """The number of those that could not be built, each of which says why."""
    failures = 0
    for one in spelled:
        try:
            path = build(one, folder, jobs, again)
        except Failed as failure:
            failures += 1
            print("%s: %s" % (one, failure), file=sys.stderr, flush=True)
            continue
        found = interpreters.ask(path, "source")
        print("%s: %s" % (path, found.name if found else "does not run"), flush=True)
        failures += found is None
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    parser.add_argument("--into", metavar="FOLDER", default=interpreters.folder())
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", action="store_true", help="replace what is there")
    chosen = parser.parse_args()
    for tool in ("apt-get", "make", "tar"):
        if not shutil.which(tool):
            sys.exit("%s: not found" % tool)
    return 1 if build_all(chosen.versions, os.path.abspath(chosen.into), chosen.jobs, chosen.again) else 0


if __name__ == "__main__":
    sys.exit(main())
