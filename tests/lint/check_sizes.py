# SPDX-License-Identifier: MIT
"""A file is a noun of the problem, so it fits in a head: 800 lines at most, 120 columns, and it opens by saying what it
is. No file is called by what says nothing. Generated tables may be long."""
import os
import re

import tree

MOST_LINES, MOST_COLUMNS = 800, 120
NAMELESS = re.compile(r"(^|_)(util|utils|common|misc|manager|helpers?)(_|$)")
GENERATED = re.compile(r"^helper/layout/tables/")


def columns(line):
    return len(line.expandtabs(8))


def check(path):
    text = tree.read(path)
    lines = text.split("\n")
    findings = []
    if len(lines) - 1 > MOST_LINES:
        findings.append("%s: %d lines, %d at most" % (path, len(lines) - 1, MOST_LINES))
    findings.extend("%s:%d: %d columns" % (path, number, columns(line)) for number, line in enumerate(lines, 1)
                    if columns(line) > MOST_COLUMNS)
    findings.extend("%s:%d: white space at the end" % (path, number) for number, line in enumerate(lines, 1)
                    if line != line.rstrip())
    if NAMELESS.search(os.path.splitext(os.path.basename(path))[0]):
        findings.append("%s: the name says nothing" % path)
    if "SPDX-License-Identifier: MIT" not in "\n".join(lines[:3]):
        findings.append("%s: does not open with its licence and what it answers" % path)
    if text and not text.endswith("\n"):
        findings.append("%s: no newline at the end" % path)
    return findings


def main():
    paths = [path for folder in ("helper", "gdb", "lldb", "cli", "tests", "corefiles")
             for path in tree.files(folder, ".c", ".h", ".py") if not GENERATED.match(path)]
    findings = []
    for path in paths:
        findings.extend(check(path))
    tree.finish(findings, len(paths))


main()
