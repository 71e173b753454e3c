# SPDX-License-Identifier: MIT
"""Every accepted difference between the program and the interpreter, with its reason. Short, or we are not exact."""
import re

CTYPES = r"StgDict|_ctypes\..*|ctypes\..*|_ctypes\.CThunkObject|subjects_library\.(c_int_Array_50|LP_c_int|extensions" \
         r"\.<locals>\.Pair)"
NO_DECODER = [
    (CTYPES, "ctypes: StgDict, StgInfo and CDataObject have no decoder"),
    (r"_pickle\..*", "the memo tables of C pickle have no decoder"),
    (r"xml\.etree\.ElementTree\.Element|_elementtree\..*", "the C Element's extra block has no decoder"),
    (r"_(md5|sha1|sha2|sha256|sha512|sha3|blake2)\..*|_hashlib\..*", "digests keep C state only, and have no decoder"),
    (r"numpy\..*", "numpy is not CPython's; its arrays have no decoder"),
]

# Accepted always: what differs, regular expression of the type's whole name, versions (None: all), reason.
DECLARED = [
    ("missing referents", r"module", None,
     "a C module's m_traverse visits the module's own state, whose layout only its extension knows"),
]


def reason(what, kind, python, approximate):
    """approximate: the program itself said that it does not know this type. Only then may it be wrong."""
    for row_what, pattern, versions, text in DECLARED:
        if row_what == what and (versions is None or versions(python)) and re.fullmatch(pattern, kind):
            return text
    if approximate:
        for pattern, text in NO_DECODER:
            if re.fullmatch(pattern, kind):
                return text
    return None
