# SPDX-License-Identifier: MIT
"""Every accepted difference between the program and the interpreter, with its reason. Short, or we are not exact."""
import re

# Accepted where the program itself says "approximate": regular expression of the type's whole name, reason.
NO_DECODER = []

# Accepted where the program says "unreadable": the same.
UNREADABLE = [
    (r"array\.array|subjects\.\w*Array\w*", "how large an item is stands in read-only data of the module's file; for a "
     "dozen items or fewer the allocator's block does not tell either"),
]

# Accepted where no name of the type is known (without files): the same.
UNNAMED = [
    (r"async_generator_a(send|throw)", "up to 3.9 two types of one file that are alike in all that a dump has of them"),
    (r"_pickle\.(P|Unp)icklerMemoProxy|(line|positions)_iterator", "up to 3.11 a type that no "
     "module names and that is made ready when it is first needed: in no order, and of no shape of its own"),
    (r"asyncgen_hooks|UnraisableHookArgs", "up to 3.11 a struct "
     "sequence that no module names"),
]

# Accepted always: what differs, regular expression of the type's whole name, versions (None: all), reason.
DECLARED = [
    ("type", r"_thread\.ExceptHookArgs", lambda python: python < (3, 10), "without files by what its module has it as: "
     "_ExceptHookArgs, which is its own name from 3.10 on"),
    ("extra referents", r"subjects_foreign\.build_greenlet\.<locals>\.Subclass", None, "a suspended greenlet is no "
     "object of the collector's, whatever its class says (tp_is_gc): nothing is traversed, but its class is listed"),
]


def reason(what, kind, python, approximate, unreadable=False, unnamed=False):
    """approximate, unreadable, unnamed: the program itself said that it does not know this type, that memory or a file
    is missing, that it has no name for the type. Only then may it be wrong."""
    for row_what, pattern, versions, text in DECLARED:
        if row_what == what and (versions is None or versions(python)) and re.fullmatch(pattern, kind):
            return text
    for said, rows in ((approximate, NO_DECODER), (unreadable and what == "size", UNREADABLE),
                       (unnamed, UNNAMED)):
        for pattern, text in rows if said else []:
            if re.fullmatch(pattern, kind):
                return text
    return None
