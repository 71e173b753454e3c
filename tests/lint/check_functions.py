# SPDX-License-Identifier: MIT
"""A function does one thing: at most 60 lines and 6 parameters. Exceptions stand in a table with their reasons, and go
from it when they are mended."""
import re

import tree

MOST_LINES, MOST_PARAMETERS = 60, 6
FUNCTION = re.compile(r"^([a-zA-Z_][^\n;={}]*\b(\w+)\(([^;{}]*)\))\n\{\n(.*?)^\}", re.M | re.S)
# (file, function): why.
MORE_PARAMETERS = {}


def parameter_count(text):
    return 0 if text.strip() in ("", "void") else text.count(",") + 1


def check(path, used):
    findings = []
    for match in FUNCTION.finditer(tree.without_comments(tree.read(path))):
        name, lines = match.group(2), match.group(4).count("\n")
        parameters = parameter_count(match.group(3))
        if lines > MOST_LINES:
            findings.append("%s: %s() has %d lines, %d at most" % (path, name, lines, MOST_LINES))
        if parameters > MOST_PARAMETERS:
            used.add((path, name))
            if (path, name) not in MORE_PARAMETERS:
                findings.append("%s: %s() has %d parameters, %d at most" % (path, name, parameters, MOST_PARAMETERS))
    return findings


def main():
    findings, used = [], set()
    paths = tree.files("helper", ".c", ".h") + tree.files("cli", ".c", ".h")
    for path in paths:
        findings.extend(check(path, used))
    findings.extend("%s: %s() needs no exception any more" % key for key in sorted(set(MORE_PARAMETERS) - used))
    tree.finish(findings, len(paths))


main()
