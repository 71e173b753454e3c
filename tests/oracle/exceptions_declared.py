# SPDX-License-Identifier: MIT
"""Every accepted difference between the program and the interpreter, with its reason. Short, or we are not exact.

DECLARED rows: what differs, regular expression of the type's whole name, versions (None: all), reason."""
import re

DECLARED = [
    ("missing referents", r"module", None,
     "a C module's m_traverse visits the module's own state, whose layout only its extension knows"),
]


def reason(what, kind, python):
    for row_what, pattern, versions, text in DECLARED:
        if row_what == what and (versions is None or versions(python)) and re.fullmatch(pattern, kind):
            return text
    return None
