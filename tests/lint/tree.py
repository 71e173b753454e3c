# SPDX-License-Identifier: MIT
"""What the checks share: the files of the project, and how a finding is shown and counted."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = {".git", "__pycache__", ".pytest_cache", "venv"}


def files(folder, *endings):
    """Paths relative to the root, sorted. Build folders are not the project's."""
    found = []
    for base, folders, names in os.walk(os.path.join(ROOT, folder)):
        folders[:] = [name for name in folders if name not in SKIPPED and not name.startswith("build")]
        found.extend(os.path.relpath(os.path.join(base, name), ROOT) for name in names if name.endswith(endings))
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    """C without comments, strings kept; the number of lines stays."""
    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


def finish(findings, checked):
    """A check that looked at nothing has failed: it would pass for ever."""
    for finding in findings:
        print(finding)
    if not checked:
        print("nothing was checked")
    print("%s: %d checked, %d findings" % (os.path.basename(sys.argv[0]), checked, len(findings)))
    sys.exit(1 if findings or not checked else 0)
