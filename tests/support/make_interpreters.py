# SPDX-License-Identifier: MIT
"""Makes the Pythons that this machine lacks: unpacks those of other Debian suites (release and debug builds with their
debug information) into folders, nothing is installed.

    python3 tests/support/make_interpreters.py FOLDER SUITE:VERSION,... [...]
    python3 tests/support/make_interpreters.py - trixie:3.13 sid:3.13,3.14,3.15

FOLDER/SUITE becomes a root with the packages pythonX.Y and pythonX.Y-dbg, FOLDER/bin/SUITE-pythonX.Y and
FOLDER/bin/SUITE-pythonX.Yd the commands. `-` is the folder where interpreters.py looks unless PYDS_INTERPRETERS
names another. A root that is there is not made again. A suite and version takes about 150 MiB.

Needs mmdebstrap and a machine whose apt is set up for Debian: the packages come from the mirror that it uses. A command
runs the interpreter with its own root's dynamic linker and libraries, so it needs neither root nor chroot, and paths
are the same inside and outside: no --sysroot. For debug information: --debug-dir FOLDER/SUITE/usr/lib/debug."""
import argparse
import glob
import os
import platform
import re
import subprocess
import sys

import interpreters

PACKAGES = ["python%s", "python%s-minimal", "libpython%s-minimal", "libpython%s-stdlib", "python%s-dbg",
            "libpython%s-dbg"]
COMMAND = """#!/bin/sh
root=%(root)s
program=$root/usr/bin/%(name)s
exec "$root/%(linker)s" --library-path "$root/usr/lib/%(triplet)s" --argv0 "$program" "$program" "$@"
"""


def mirror():
    """Where this machine's apt takes Debian itself from; the security archive has no suites of its own to unpack."""
    output = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], stdout=subprocess.PIPE,
                            check=True).stdout.decode()
    found = [uri for uri in dict.fromkeys(output.split()) if "security" not in uri]
    if not found:
        sys.exit("apt-get indextargets names no archive: this needs a Debian whose apt has one")
    return found[0]


def unpack(root, suite, versions, archive):
    """Only unpacked: no script of a package runs, nothing needs root."""
    packages = ",".join(name % version for version in versions for name in PACKAGES)
    subprocess.run(["mmdebstrap", "--variant=extract", "--aptopt=Acquire::Check-Valid-Until \"false\"",
                    "--include=" + packages, suite, root, archive], check=True)


def link_to_usr(root):
    for name in ("bin", "sbin", "lib", "lib64"):
        path = os.path.join(root, name)
        if os.path.isdir(os.path.join(root, "usr", name)) and not os.path.lexists(path):
            os.symlink("usr/" + name, path)


def write_commands(folder, suite, root):
    os.makedirs(os.path.join(folder, "bin"), exist_ok=True)
    linkers = glob.glob(os.path.join(root, "usr", "lib64", "ld-linux*.so.*")) or \
        glob.glob(os.path.join(root, "usr", "lib", "ld-linux*.so.*"))
    if not linkers:
        sys.exit("%s has no dynamic linker" % root)
    triplet = platform.machine() + "-linux-gnu"
    for path in sorted(glob.glob(os.path.join(root, "usr", "bin", "python3.*"))):
        name = os.path.basename(path)
        if not re.fullmatch(r"python3\.\d+d?", name):
            continue
        command = os.path.join(folder, "bin", "%s-%s" % (suite, name))
        with open(command, "w") as file:
            file.write(COMMAND % {"root": root, "name": name, "linker": os.path.relpath(linkers[0], root),
                                  "triplet": triplet})
        os.chmod(command, 0o755)
        found = interpreters.ask(command, suite)
        print("%s: %s" % (command, found.text if found else "does not run"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("suites", nargs="+", metavar="SUITE:VERSION,...")
    options = parser.parse_args()
    folder = interpreters.FOLDER if options.folder == "-" else os.path.abspath(options.folder)
    for wanted in options.suites:
        suite, _, versions = wanted.partition(":")
        if not re.fullmatch(r"[a-z][a-z0-9-]*", suite) or not re.fullmatch(r"3\.\d+(,3\.\d+)*", versions):
            parser.error("%r: like sid:3.13,3.14" % wanted)
        root = os.path.join(folder, suite)
        if not os.path.exists(root):
            os.makedirs(folder, exist_ok=True)
            unpack(root + ".part", suite, versions.split(","), mirror())
            os.rename(root + ".part", root)
        link_to_usr(root)
        write_commands(folder, suite, root)


if __name__ == "__main__":
    main()
