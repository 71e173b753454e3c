# SPDX-License-Identifier: MIT
"""The project works on any machine: no path of a developer's machine, no address of a package mirror, and no
conflict markers in what is kept."""
import os
import re

import tree

FORBIDDEN = [
    (re.compile(r"/root/|/home/[a-z]|/tmp/(?!\.)[a-z]+/"), "a path of one machine"),
    (re.compile(r"https?://[^\s)>\"]*(?:mirror|proxy|artifactory|nexus|localhost|\b\d+\.\d+\.\d+\.\d+)"), "a mirror"),
    (re.compile(r"^(?:<<<<<<< |>>>>>>> )"), "a conflict marker"),
]
ENDINGS = (".c", ".h", ".def", ".py", ".md", ".txt", ".toml", ".cmake", ".inc", "run", "demo", "test", "LAYERS")


def main():
    paths = [path for path in tree.files(".", *ENDINGS)
             if os.path.normpath(path) != os.path.join("tests", "lint", "check_places.py")]
    findings = []
    for path in paths:
        for number, line in enumerate(tree.read(path).split("\n"), 1):
            findings.extend("%s:%d: %s: %s" % (os.path.normpath(path), number, what, line.strip()[:100])
                            for pattern, what in FORBIDDEN if pattern.search(line))
    tree.finish(findings, len(paths))


main()
