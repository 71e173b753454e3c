# SPDX-License-Identifier: MIT
"""Makes the Pythons that this machine lacks: unpacks those of other Debian suites (release and debug builds with their
debug information) into folders, builds from source what no distribution ships, and takes out of packages what others
build of upstream's releases. Nothing is installed.

    python3 tests/support/make_interpreters.py                  the whole matrix
    python3 tests/support/make_interpreters.py trixie:3.13 sid:3.13,3.14,3.15 source:3.14.7t,3.14.7td
    python3 tests/support/make_interpreters.py frozen:3.12.13,3.14.2 standalone:3.14.6

They lie in --into, by default where interpreters.py looks. FOLDER/SUITE is a root with the packages pythonX.Y and
pythonX.Y-dbg, FOLDER/bin/SUITE-pythonX.Y and FOLDER/bin/SUITE-pythonX.Yd are the commands; FOLDER/source is the work of
make_from_source.py, which says how its versions are spelled, FOLDER/frozen and FOLDER/standalone are that of
make_from_packages.py, stripped builds of many patch releases. What is there is not made again; what cannot be made is
said, and the rest is made. A suite and version takes about 150 MiB, a version from source 200 MiB and some minutes.

Needs mmdebstrap and a machine whose apt is set up for Debian: the packages come from the mirror that it uses. A command
runs the interpreter with its own root's dynamic linker and libraries, so it needs neither root nor chroot, and paths
are the same inside and outside: no --sysroot. For debug information: --debug-dir FOLDER/SUITE/usr/lib/debug."""
import argparse
import glob
import os
import platform
import re
import shutil
import subprocess
import sys

import interpreters
import make_from_packages
import make_from_source

MATRIX = ["bullseye:3.9", "bookworm:3.11", "trixie:3.13", "forky:3.13,3.14,3.15", "sid:3.13,3.14,3.15",
          "source:3.13.5t,3.13.5td,3.13.15t,3.13.15td,3.14.7t,3.14.7td,3.15.0~rc2t,3.15.0~rc2td,3.9.2r,3.14.7r",
          "frozen:" + ",".join(make_from_packages.FROZEN), "standalone:" + ",".join(make_from_packages.STANDALONE)]
PACKAGES = ["python%s", "python%s-minimal", "libpython%s-minimal", "libpython%s-stdlib", "python%s-dbg",
            "libpython%s-dbg"]
ALSO = ["libjemalloc2"]  # for tests of other mallocs
COMMAND = """#!/bin/sh
root=%(root)s
program=$root/usr/bin/%(name)s
exec "$root/%(linker)s" --library-path "$root/usr/lib/%(triplet)s:$root/lib/%(triplet)s" "$program" "$@"
"""


class Failed(Exception):
    pass


def mirror():
    """Where this machine's apt takes Debian itself from; the security archive has no suites of its own to unpack."""
    output = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], stdout=subprocess.PIPE,
                            check=True).stdout.decode()
    found = [uri for uri in dict.fromkeys(output.split()) if "debian" in uri and "security" not in uri]
    if not found:
        raise Failed("apt-get indextargets names no archive: this needs a Debian whose apt has one")
    return found[0]


def unpack(root, suite, versions):
    """Only unpacked: no script of a package runs, nothing needs root."""
    if not shutil.which("mmdebstrap"):
        raise Failed("needs mmdebstrap, the Debian package of that name")
    packages = ",".join([name % version for version in versions for name in PACKAGES] + ALSO)
    shutil.rmtree(root, ignore_errors=True)
    done = subprocess.run(["mmdebstrap", "--variant=extract", "--aptopt=Acquire::Check-Valid-Until \"false\"",
                           "--include=" + packages, suite, root, mirror()])
    if done.returncode != 0:
        raise Failed("mmdebstrap failed; has %s these versions?" % suite)


def link_to_usr(root):
    """Since bookworm /lib is a link that a package's script makes; before, a folder of its own."""
    for name in ("bin", "sbin", "lib", "lib64"):
        path = os.path.join(root, name)
        if os.path.isdir(os.path.join(root, "usr", name)) and not os.path.lexists(path):
            os.symlink("usr/" + name, path)


def follow(root, path):
    """A file of the root; its absolute links mean the root, not this machine."""
    for _ in range(40):
        if not os.path.islink(path):
            break
        target = os.readlink(path)
        path = os.path.join(root, target.lstrip("/")) if target.startswith("/") else \
            os.path.join(os.path.dirname(path), target)
    return path


def find_linker(root):
    for folder in ("lib64", "lib", "usr/lib64", "usr/lib"):
        for path in sorted(glob.glob(os.path.join(root, folder, "ld-linux*.so.*"))):
            if os.path.isfile(follow(root, path)):
                return os.path.relpath(follow(root, path), root)
    raise Failed("%s has no dynamic linker" % root)


def versions_in(root):
    """Of the releases that are unpacked."""
    names = [os.path.basename(path)[len("python"):] for path in glob.glob(os.path.join(root, "usr/bin/python3.*"))]
    return [name for name in names if re.fullmatch(r"3\.\d+", name)]


def write_commands(folder, suite, root):
    os.makedirs(os.path.join(folder, "bin"), exist_ok=True)
    linker, failures = find_linker(root), 0
    for path in sorted(glob.glob(os.path.join(root, "usr", "bin", "python3.*"))):
        name = os.path.basename(path)
        if not re.fullmatch(r"python3\.\d+d?", name):
            continue
        command = os.path.join(folder, "bin", "%s-%s" % (suite, name))
        with open(command, "w") as file:
            file.write(COMMAND % {"root": root, "name": name, "linker": linker,
                                  "triplet": platform.machine() + "-linux-gnu"})
        os.chmod(command, 0o755)
        found = interpreters.ask(command, suite)
        print("%s: %s" % (command, found.name if found else "does not run"), flush=True)
        failures += found is None
    return failures


def make_suite(folder, suite, versions):
    """The number of commands that do not run."""
    root = os.path.join(folder, suite)
    wanted = sorted(set(versions) | set(versions_in(root)), key=lambda version: int(version[2:]))
    if wanted != sorted(versions_in(root), key=lambda version: int(version[2:])):
        os.makedirs(folder, exist_ok=True)
        unpack(root + ".part", suite, wanted)
        shutil.rmtree(root, ignore_errors=True)
        os.rename(root + ".part", root)
    link_to_usr(root)
    return write_commands(folder, suite, root)


def machine_suite():
    """The Debian suite that this machine runs, whose Pythons are to be installed and not to be unpacked."""
    try:
        with open("/etc/os-release") as file:
            matched = re.search(r"^VERSION_CODENAME=(\w+)", file.read(), re.M)
    except OSError:
        return None
    return matched.group(1) if matched else None


def parse(parser, wanted):
    suite, _, versions = wanted.partition(":")
    one = make_from_source.SPELLING.pattern if suite == "source" else \
        r"3\.\d+\.\d+" if suite in make_from_packages.KINDS else r"3\.\d+"
    if not re.fullmatch(r"[a-z][a-z0-9-]*", suite) or not all(re.fullmatch(one, name) for name in versions.split(",")):
        parser.error("%r: like sid:3.13,3.14 or source:3.14.7t" % wanted)
    return suite, versions.split(",")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", metavar="FOLDER", default=interpreters.folder())
    parser.add_argument("suites", nargs="*", metavar="SUITE:VERSION,...")
    options = parser.parse_args()
    folder, failures = os.path.abspath(options.into), 0
    for suite, versions in [parse(parser, wanted) for wanted in options.suites or MATRIX]:
        if suite == machine_suite() and not options.suites:
            print("%s: this machine; its Pythons are those of /usr/bin (packages python3 and python3-dbg)" % suite)
            continue
        try:
            if suite in make_from_packages.KINDS:
                failures += make_from_packages.make_all(suite, versions, folder)
            elif suite == "source":
                failures += make_from_source.build_all(versions, folder, os.cpu_count() or 1)
            else:
                failures += make_suite(folder, suite, versions)
        except Failed as failure:
            failures += 1
            print("%s: %s" % (suite, failure), file=sys.stderr, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
