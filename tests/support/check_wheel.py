#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tries a wheel of python/make_wheel.py where nothing of this machine is: in roots of Debian suites, each with its own
Python and gdb, dumps that Python there, and asks as a user would.

    python3 tests/support/check_wheel.py dist/pydeepsize-*.whl [--suites bullseye,bookworm,trixie] [--roots FOLDER]

Needs root (it uses chroot) and, for roots that are not there yet, mmdebstrap. Packages of PyPI for the notebook are
downloaded here. A line for each question; ends with 1 if one was not answered."""
import argparse
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PYTHONS = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
PACKAGES = "python3-venv,gdb,lldb,ca-certificates"
PLATFORMS = ["manylinux_2_%d_x86_64" % minor for minor in (5, 12, 17, 24, 26, 27, 28, 31)] + ["manylinux2014_x86_64"]
BACKPORTS = ["importlib-resources", "zipp"]  # of Python 3.9: pip would judge by this Python whether they are needed
FILES = ["tests/export/shop_program.py", "tests/support/notebook.py", "docs/culprit.ipynb"]
# What a user does; each `try` is a line of the report.
SCRIPT = r"""
set -u
cd /check
failed=0
try() {
	name=$1
	shift
	if "$@" >out 2>&1; then echo "  ok      $name"; else echo "  FAILED  $name"; tail -20 out; failed=1; fi
}
says() { # WORD COMMAND...
	word=$1
	shift
	"$@" >said 2>&1
	cat said
	grep -q -e "$word" said
}
unset PYTHONPATH
try "a fresh virtual environment" python3 -m venv venv
PATH=/check/venv/bin:$PATH
try "pip install" pip install --quiet --no-index --find-links wheels "$(ls pydeepsize-*.whl)[pandas]" matplotlib
mkfifo input
python3 shop_program.py 2000 <input >ready &
exec 9>input
while ! grep -q READY ready; do kill -0 $! || break; sleep 0.1; done
pid=$!
try "gcore" gdb -q -nx -batch -p $pid -ex "gcore /check/core"
try "pydeepsize --core" says SESSIONS pydeepsize --core core top
try "pydeepsize --pid" says SESSIONS pydeepsize --pid $pid top
exec 9>&-
try "the prompt" says SESSIONS sh -c 'printf "info\ntop\n" | pydeepsize --core core'
try "pydeepsize gdb" says SESSIONS pydeepsize gdb core -batch -nx -ex "py-top"
lldb_version=$(lldb --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p' | head -n 1)
if [ "${lldb_version:-0}" -lt 14 ]; then
	echo "  left out: pydeepsize lldb, which needs LLDB 14; here is ${lldb_version:-none}"
else
	try "pydeepsize lldb" says SESSIONS pydeepsize lldb core -b -o "py-top"
fi
try "export" pydeepsize --core core export report.html
try "import pydeepsize" says dict python3 -c \
	"import pydeepsize; print(pydeepsize.open('core')['__main__.SESSIONS'].type)"
try "the notebook" env CORE=core python3 notebook.py culprit.ipynb
exit $failed
"""


def make_root(root, suite):
    if not os.path.isdir(root):
        subprocess.run(["mmdebstrap", "--variant=apt", "--aptopt=Acquire::Check-Valid-Until \"false\"",
                        "--include=" + PACKAGES, suite, root + ".part"], check=True)
        os.rename(root + ".part", root)


def prepare(root, suite, wheel):
    work = os.path.join(root, "check")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(os.path.join(work, "wheels"))
    for path in [wheel] + [os.path.join(ROOT, name) for name in FILES]:
        shutil.copy(path, work)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--implementation", "cp",
               "--python-version", PYTHONS[suite], "--dest", os.path.join(work, "wheels")]
    for platform in PLATFORMS:
        command += ["--platform", platform]
    subprocess.run(command + ["pandas", "matplotlib"] + BACKPORTS, check=True)


def ask(root):
    """In a mount namespace of its own, with /proc and /dev for the debuggers."""
    inner = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" sh -c "$1"'
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/check", "LC_ALL": "C.UTF-8"}
    return subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", inner, root, SCRIPT],
                          env=environment).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    parser.add_argument("wheel")
    parser.add_argument("--suites", default=",".join(PYTHONS))
    parser.add_argument("--roots", metavar="FOLDER", default=os.path.join(cache, "pydeepsize", "wheel-checks"))
    options = parser.parse_args()
    failures = 0
    os.makedirs(options.roots, exist_ok=True)
    for suite in options.suites.split(","):
        root = os.path.join(options.roots, suite + "-fresh")
        make_root(root, suite)
        prepare(root, suite, options.wheel)
        print("%s, Python %s" % (suite, PYTHONS[suite]), flush=True)
        failures += ask(root) != 0
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
