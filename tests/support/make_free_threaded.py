#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds free-threaded interpreters from the distribution's own source archives, with debug symbols.

    make_free_threaded.py 3.13.15 3.14.7 3.15.0~rc2 --into FOLDER

No distribution ships such an interpreter, and one is needed to test that we read it. The archive of a version is
asked of the package mirror that this machine's apt is configured with (its pool keeps a few versions; name one that
is there), unpacked in a temporary folder, configured with --disable-gil and installed under FOLDER/VERSIONt. A
version that is there already is left alone. The tests find the interpreters by PYDS_PYTHONS
(tests/support/interpreters.py); nothing of them belongs into this project. Needs a compiler, make, apt, and the
headers of whatever optional modules are wanted (libffi, libssl, libsqlite3)."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def mirrors():
    """The package mirrors of this machine's apt, the ordinary ones before those of security updates."""
    said = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], stdout=subprocess.PIPE, text=True,
                          check=True)
    return sorted(set(said.stdout.split()), key=lambda uri: ("security" in uri, uri))


def fetch(version, into):
    """Fetches the archive of `version` by apt's own downloader; returns where it lies."""
    series = ".".join(version.split(".")[:2])
    name = f"python{series}_{version}.orig.tar.xz"
    for mirror in mirrors():
        uri = f"{mirror.rstrip('/')}/pool/main/p/python{series}/{name}"
        asked = subprocess.run(["/usr/lib/apt/apt-helper", "download-file", uri, str(into / name)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if asked.returncode == 0:
            return into / name
    sys.exit(f"{name}: no mirror of this machine's apt has it; look for the versions in the pool of python{series}")


def configure(source, prefix, debug):
    """Configures a build whose optimisation keeps every struct in the DWARF and costs little time."""
    command = ["./configure", "-q", "--disable-gil", f"--prefix={prefix}", "--without-ensurepip",
               "--disable-test-modules", "CFLAGS=-g -O1"]
    if debug:
        command.append("--with-pydebug")
    subprocess.run(command, cwd=source, check=True)


def build(version, into, jobs, debug):
    """Builds `version` under `into`; returns the interpreter's path."""
    prefix = into / f"{version.replace('~', '')}t{'d' if debug else ''}"
    series = re.match(r"\d+\.\d+", version)[0]
    python = prefix / "bin" / f"python{series}t{'d' if debug else ''}"
    if python.exists():
        return python
    with tempfile.TemporaryDirectory(prefix="free-threaded-") as scratch:
        scratch = pathlib.Path(scratch)
        archive = fetch(version, scratch)
        source = scratch / "source"
        source.mkdir()
        subprocess.run(["tar", "-xf", archive, "-C", source, "--strip-components=1"], check=True)
        configure(source, prefix, debug)
        make = ["nice", "make", "-s", f"-j{jobs}"]
        subprocess.run(make, cwd=source, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(make[:-1] + ["install"], cwd=source, check=True, stdout=subprocess.DEVNULL)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("versions", nargs="+", metavar="VERSION", help="as the pool spells it, e.g. 3.15.0~rc2")
    parser.add_argument("--into", type=pathlib.Path, required=True, help="directory that gets one prefix per version")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--debug", action="store_true", help="build --with-pydebug too")
    chosen = parser.parse_args()
    for tool in ("apt-get", "make", "tar"):
        if not shutil.which(tool):
            sys.exit(f"{tool}: not found")
    for version in chosen.versions:
        print(build(version, chosen.into.resolve(), chosen.jobs, chosen.debug), flush=True)


if __name__ == "__main__":
    main()
