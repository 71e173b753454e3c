# SPDX-License-Identifier: MIT
"""A function does one thing: at most 60 lines and 6 parameters. Exceptions stand in a table with their reasons, and go
from it when they are mended."""
import re

import tree

MOST_LINES, MOST_PARAMETERS = 60, 6
FUNCTION = re.compile(r"^([a-zA-Z_][^\n;={}]*\b(\w+)\(([^;{}]*)\))\n\{\n(.*?)^\}", re.M | re.S)
# (file, function): why. What an inner loop is given stays in registers that way.
MORE_PARAMETERS = {
    ("helper/analysis/groups.c", "solve"): "arrays of one pass over the whole graph",
    ("helper/analysis/paths.c", "add_candidate"): "arrays of one search over the whole graph",
    ("helper/decode/emit.c", "emit_run"): "the seven numbers that a run is: called for every object",
    ("helper/graph/asizeof.c", "asizeof_walk"): "walk_deep()'s own",
    ("helper/graph/walk.c", "walk_deep"): "the question, how it is asked, the answer, the error",
    ("helper/graph/walk.c", "walk_from_reached"): "as walk_deep()",
    ("helper/layout/layout_compare.c", "layout_compare"): "two layouts by their names, and what they differ in",
    ("helper/memory/core/core_file.c", "read_program"): "one program header in its parts",
    ("helper/memory/core/core_file.c", "map_core"): "one file in its parts",
    ("helper/names/label.c", "append_dict_label"): "one entry of a dict in its parts",
    ("helper/names/subscript.c", "no_such_key"): "all that the sentence says",
    ("helper/names/subscript.c", "dict_item"): "a step of an expression with its dict",
    ("helper/query/instances.c", "instances_find"): "which types, which objects, where to",
}


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
