# SPDX-License-Identifier: MIT
"""Who includes whom: helper/LAYERS against the #include lines; elfutils only in memory and layout; no decoder includes
another one (what they share has a name of its own, object/keys_table.h); no header of CPython anywhere."""
import os
import re

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.M)
ELFUTILS = re.compile(r"^(elfutils/.*|libelf|gelf|nlist|libdw|dwarf|libdwfl)\.h$|^elfutils/")
OF_CPYTHON = re.compile(r"^(Python|pyconfig|cpython/.*|internal/pycore_.*|.*object|pycore_.*|code|frameobject)\.h$")
HEADER_OF_CPYTHON = re.compile(r"^(Python\.h|pyconfig\.h|pycore_|cpython/|internal/)")
ELFUTILS_LAYERS = {"memory", "layout"}
DEFINITION = re.compile(r"^(?!static|typedef)([a-zA-Z_][^\n;={}()]*\b(\w+)\([^;{}]*\))\n\{", re.M)
DECLARATION = re.compile(r"^(?!static|typedef|return|else)([a-z][\w \*]*\b(\w+)\([^;{}=]*\))[^;{}=]*;", re.M)
# Files that call each other, and why they still do.
CIRCLES = {}


def allowed_layers():
    allowed = {}
    for line in tree.read("helper/LAYERS").splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, _, others = line.partition(":")
            allowed[name.strip()] = set(others.split()) | {name.strip()}
    return allowed


def decoder_files():
    """The files that define the function of a registry line, decode_x()."""
    named = set(re.findall(r"\bdecode_[a-z0-9_]+\b", tree.without_comments(tree.read("helper/decode/decoders.def"))))
    found = set()
    for path in tree.files("helper/decode", ".c"):
        text = tree.without_comments(tree.read(path))
        if any(re.search(r"^void %s\(" % name, text, re.M) for name in named):
            found.add(path)
    return found


def layer_of(path, allowed):
    parts = path.split(os.sep)
    if parts[0] == "helper" and len(parts) > 2 and parts[1] in allowed:
        return parts[1]
    return None


def check(path, allowed, decoders):
    layer, findings = layer_of(path, allowed), []
    for match in INCLUDE.finditer(tree.without_comments(tree.read(path))):
        quote, included = match.groups()
        if (OF_CPYTHON if quote == "<" else HEADER_OF_CPYTHON).match(included):
            findings.append("%s: includes %s, a header of CPython" % (path, included))
        if layer is None:
            continue
        if ELFUTILS.match(included) and layer not in ELFUTILS_LAYERS:
            findings.append("%s: includes %s: elfutils is for memory and layout" % (path, included))
        if quote == '"':
            other = included.split("/")[0] if "/" in included else None
            if included == "pydeepsize.h":
                other = "include"
            if other is None:
                findings.append('%s: includes "%s": write "layer/file.h"' % (path, included))
            elif other not in allowed[layer]:
                findings.append("%s: layer %s may not include %s" % (path, layer, included))
            elif path in decoders and "helper/" + included[:-1] + "c" in decoders - {path}:
                findings.append("%s: a decoder may not include another one, %s" % (path, included))
    return findings


def included_layers(path, known):
    """The layers that a file gets to see through its headers."""
    if path not in known:
        known[path] = set()
        for quote, included in INCLUDE.findall(tree.without_comments(tree.read(path))):
            header = "helper/" + included
            if quote == '"' and os.path.exists(os.path.join(tree.ROOT, header)):
                known[path] |= {included.split("/")[0]} | included_layers(header, known)
    return known[path]


def check_reach(path, allowed, known):
    layer = layer_of(path, allowed)
    if layer is None:
        return []
    reached = {name for name in included_layers(path, known) if name in allowed}
    return ["%s: reaches layer %s through its headers" % (path, name) for name in sorted(reached - allowed[layer])]


def calls_within_layers(allowed):
    """Of each .c file the other ones of its layer whose functions it uses; and declarations where none belong."""
    texts = {path: tree.without_comments(tree.read(path)) for path in tree.files("helper", ".c")
             if layer_of(path, allowed) and "/generate/" not in path and "/tables/" not in path}
    defined, findings, calls = {}, [], {}
    for path, text in texts.items():
        defined.update({match.group(2): path for match in DEFINITION.finditer(text)})
    for path, text in texts.items():
        findings.extend("%s: declares %s(), which is another file's" % (path, match.group(2))
                        for match in DECLARATION.finditer(text) if defined.get(match.group(2), path) != path)
        words = set(re.findall(r"\b\w+\b", re.sub(r'"(?:\\.|[^"\\\n])*"', "", text)))
        calls[path] = {defined[word] for word in words if word in defined and defined[word] != path and
                       layer_of(defined[word], allowed) == layer_of(path, allowed)}
    return calls, findings


def reaches(calls, start):
    seen, todo = set(), [start]
    while todo:
        for path in calls[todo.pop()] - seen:
            seen.add(path)
            todo.append(path)
    return seen


def circles(calls):
    reach = {path: reaches(calls, path) for path in calls}
    found = {tuple(sorted({path} | {other for other in reach[path] if path in reach[other]}))
             for path in calls if path in reach[path]}
    return (["%s call each other in a circle" % ", ".join(circle) for circle in sorted(found - set(CIRCLES))] +
            ["%s: no circle any more" % ", ".join(circle) for circle in sorted(set(CIRCLES) - found)])


def main():
    allowed, decoders = allowed_layers(), decoder_files()
    folders = {name for name in os.listdir(os.path.join(tree.ROOT, "helper"))
               if os.path.isdir(os.path.join(tree.ROOT, "helper", name))} - {"include", "bindings"}
    findings = ["helper/%s: not in helper/LAYERS" % name for name in sorted(folders - set(allowed))]
    paths = tree.files("helper", ".c", ".h", ".def", ".inc") + tree.files("cli", ".c", ".h")
    for path in paths:
        findings.extend(check(path, allowed, decoders))
    known = {}
    for path in paths:
        findings.extend(check_reach(path, allowed, known))
    calls, declared = calls_within_layers(allowed)
    findings.extend(declared + circles(calls))
    tree.finish(findings, len(paths))


main()
