# SPDX-License-Identifier: MIT
"""libpydeepsize.so exports exactly the functions of its public header, each listed in the version map under the release
that it came with, none of a release that is out has vanished, and it imports nothing that ends or prints in someone
else's process. Needs a build: PYDS_BUILD says which."""
import glob
import os
import re
import shutil
import subprocess
import sys

import tree

FORBIDDEN = {"abort", "exit", "_exit", "_Exit", "quick_exit", "__assert_fail", "printf", "puts", "putchar", "perror",
             "vprintf", "__printf_chk", "__vprintf_chk", "signal", "setlocale", "chdir", "fork", "system"}


def symbols(library, *options):
    output = subprocess.run(["nm", "-D", *options, library], stdout=subprocess.PIPE, check=True).stdout.decode()
    return {line.split()[-1].split("@")[0] for line in output.splitlines() if line.split()}


def declared():
    header = tree.without_comments(tree.read("helper/include/pydeepsize.h"))
    return set(re.findall(r"\b(pyds_[a-z0-9_]+)\s*\(", header))


def mapped():
    """The nodes of the version map: {"PYDEEPSIZE_0.1": {names}}."""
    text = tree.without_comments(tree.read("helper/libpydeepsize.map"))
    return {node: set(re.findall(r"\b(pyds_\w+)\s*;", body))
            for node, body in re.findall(r"(PYDEEPSIZE_[\d.]+)\s*\{(.*?)\}", text, re.S)}


def released():
    """The same of releases that are out: tests/lint/exports/NODE has a name a line, and never changes again."""
    folder = os.path.join(tree.ROOT, "tests", "lint", "exports")
    nodes = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return {node: set(tree.read("tests/lint/exports/" + node).split()) for node in nodes}


def map_findings():
    nodes = mapped()
    listed = [name for names in nodes.values() for name in names]
    findings = ["listed twice in the version map: " + name for name in sorted(set(listed)) if listed.count(name) > 1]
    findings += ["in the header, but not in the version map: " + name for name in sorted(declared() - set(listed))]
    findings += ["in the version map, but not in the header: " + name for name in sorted(set(listed) - declared())]
    for node, names in released().items():
        findings += ["%s lost %s, which the release had" % (node, name)
                     for name in sorted(names - nodes.get(node, set()))]
    return findings


def main():
    build = os.environ.get("PYDS_BUILD") or os.path.join(tree.ROOT, "build")
    found = glob.glob(os.path.join(build, "libpydeepsize.so")) + glob.glob(os.path.join(build, "*", "libpydeepsize.so"))
    if not found or not shutil.which("nm"):
        print("skipped: no libpydeepsize.so under %s, or no nm" % build)
        sys.exit(77)
    exported = {name for name in symbols(found[0], "--defined-only") if not name.startswith("PYDEEPSIZE_")}
    imported = symbols(found[0], "--undefined-only")
    sanitized = any("asan" in name or "ubsan" in name for name in imported)
    findings = map_findings()
    findings += ["exported, but not in the header: " + name for name in sorted(exported - declared())]
    findings += ["in the header, but not exported: " + name for name in sorted(declared() - exported)]
    if not sanitized:
        findings += ["imported: " + name for name in sorted(imported & FORBIDDEN)]
    tree.finish(findings, len(exported))


main()
