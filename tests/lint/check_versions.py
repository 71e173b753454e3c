# SPDX-License-Identifier: MIT
"""Version numbers of CPython are compared only in helper/layout and helper/runtime/find/version.c; everybody else asks
for a field or for a named feature. Reading a version to show it is fine."""
import os
import re

import tree

ALLOWED = ("helper/layout/", "helper/runtime/find/version.c", "helper/runtime/version.h")
COMPARED = [
    re.compile(r"\b(?:version_hex|hexversion|py_version|PY_VERSION_HEX|minor|version(?:\.|->)\w+)\s*(?:[<>]=?|==|!=)\s*"
               r"\(*(?:0x)?[0-9]"),
    re.compile(r"(?:[<>]=?|==|!=)\s*0x030[0-9a-fA-F]{5}\b"),
    re.compile(r"\b0x030[0-9a-fA-F]{5}\s*(?:[<>]=?|==|!=)"),
    re.compile(r"\bPYTHON_?3_?1?[0-9]\b|\bversion_at_least\b|\bis_python_?3"),
]


def main():
    findings, paths = [], [path for folder in ("helper", "cli", "gdb", "lldb")
                           for path in tree.files(folder, ".c", ".h", ".def", ".py")]
    for path in paths:
        if path.replace(os.sep, "/").startswith(ALLOWED):
            continue
        text = tree.read(path)
        text = re.sub(r"#[^\n]*", "", text) if path.endswith(".py") else tree.without_comments(text)
        for number, line in enumerate(text.split("\n"), 1):
            if any(pattern.search(line) for pattern in COMPARED) and "sys.version_info" not in line:
                findings.append("%s:%d: compares a version: %s" % (path, number, line.strip()))
    tree.finish(findings, len(paths))


main()
