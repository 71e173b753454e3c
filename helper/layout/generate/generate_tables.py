#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generates helper/layout/tables from Python interpreters whose debug information is installed.

    generate_tables.py --tool build/helper/layout/generate/layout_tables PYTHON...
    generate_tables.py --tool ... --root DIRECTORY /usr/bin/python3.13 ...     (interpreters of an unpacked system)
    generate_tables.py --tool ... --check PYTHON...      writes nothing, fails if a row would change
    generate_tables.py --description FILE.json --release 3.14.4 [--flags td] --base 3.14.7td \\
        --base-description FILE.json     a row of the structs of the runtime only, as that release's headers have them
    generate_tables.py --extend NAME --description FILE.json     gives a row whose interpreter is not at hand the fields
        that fields.def has since, of structs that the description has in the row's size; with --only of one
    generate_tables.py --prune       drops from all rows what fields.def no longer names; needs no interpreter

One row for each interpreter: cpython_<version>[t][d][r][-vendor].inc. rows.inc includes them all, versions.inc names
their minor versions. A description is what gdb says of a file that includes all of a release's headers, compiled with
-g: {"PyThreadState": {"size": 832, "f": {"prev": [0, 8], "_status.finalizing": [32, 4, 5, 1]}}}, offset, size and of a
bit-field the first bit and the width. Where it does not go as deep as fields.def, the row --base and the description of
that row's release tell how far a field lies behind the member that it is part of.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

TABLES = pathlib.Path(__file__).resolve().parent.parent / "tables"
FIELDS = TABLES.parent / "fields.def"

QUESTION = """
import json, site, sys, sysconfig
get = sysconfig.get_config_var
print(json.dumps({
    "version": list(sys.version_info), "hex": sys.hexversion,
    "debug": bool(get("Py_DEBUG")), "free_threaded": bool(get("Py_GIL_DISABLED")),
    "trace_refs": bool(get("Py_TRACE_REFS")) or hasattr(sys, "getobjects"),
    "shared": bool(get("Py_ENABLE_SHARED")), "library_directory": get("LIBDIR"), "library": get("INSTSONAME"),
    "modules": get("DESTSHARED"), "suffix": get("EXT_SUFFIX"),
    "arguments": get("CONFIG_ARGS") or "",
    "is_debian": any("dist-packages" in path for path in site.getsitepackages())}))
"""


def follow(root, path):
    """A file of an unpacked system; its absolute links mean that system, not this one."""
    path = inside(root, path)
    for _ in range(40):
        if not path.is_symlink():
            break
        path = inside(root, os.path.join("/", os.path.relpath(path.parent, root or "/"), os.readlink(path)))
    return path


def run_in(root, python):
    """The command and environment that start an interpreter of an unpacked system."""
    if root is None:
        return [python], None
    libraries = ":".join(str(path) for path in [root / "usr/lib/x86_64-linux-gnu", root / "lib/x86_64-linux-gnu"])
    loader = follow(root, "/lib64/ld-linux-x86-64.so.2")
    environment = dict(os.environ, PYTHONHOME=str(root / "usr"))
    return [str(loader), "--library-path", libraries, str(follow(root, python))], environment


def ask(root, python):
    command, environment = run_in(root, python)
    output = subprocess.run(command + ["-S", "-c", QUESTION], env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(output.stdout)


def vendor(answer):
    """Debian's own patch of site is in every version of it."""
    return "debian" if answer["is_debian"] else ""


def version_text(version):
    major, minor, micro, level, serial = version
    letters = {"alpha": "a", "beta": "b", "candidate": "rc"}
    return f"{major}.{minor}.{micro}" + (f"{letters[level]}{serial}" if level in letters else "")


def inside(root, path):
    if root is None or path.startswith(str(root)):
        return pathlib.Path(path)
    return root / path.lstrip("/")


def runtime_file(root, python, answer):
    """The file with _PyRuntime: the shared library where the interpreter uses one, else the executable."""
    if answer["shared"] and answer["library"]:
        library = inside(root, answer["library_directory"]) / answer["library"]
        if library.exists():
            return library
    return follow(root, python)


def extension_modules(root, answer):
    directory = inside(root, answer["modules"])
    modules = sorted(directory.glob("*" + answer["suffix"]))
    return [path for path in modules if not re.match(r"_test|_ctypes_test|_xx|xx", path.name)]


def row(arguments, python):
    answer = ask(arguments.root, python)
    flags = ("t" if answer["free_threaded"] else "") + ("d" if answer["debug"] else "") + \
        ("r" if answer["trace_refs"] else "")
    name = version_text(answer["version"]) + flags + (f"-{vendor(answer)}" if vendor(answer) else "")
    debug_directory = inside(arguments.root, "/usr/lib/debug")
    command = [arguments.tool, name, hex(answer["hex"]), flags or "-", debug_directory,
               runtime_file(arguments.root, python, answer), *extension_modules(arguments.root, answer)]
    body = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    words = [f"CPython {version_text(answer['version'])}", vendor(answer) or "upstream sources",
             *(["--with-pydebug"] if answer["debug"] else []),
             *(["--disable-gil"] if answer["free_threaded"] else []),
             *(["--with-trace-refs"] if answer["trace_refs"] else []),
             *(["--enable-experimental-jit"] if "experimental-jit" in answer["arguments"] else [])]
    header = "/* " + ", ".join(words) + ". Written by generate_tables.py: do not edit. */\n"
    return f"cpython_{name}.inc", header + body


def definitions():
    """{name of a struct: (spellings, {name of a field: paths})} of fields.def."""
    structs = {}
    for kind, owner, name, words in re.findall(r'^(STRUCT|FIELD)\((\w+)(?:, (\w+))?, "([^"]+)"\)', FIELDS.read_text(),
                                               re.M):
        if kind == "STRUCT":
            structs[owner] = (words.split("|"), {})
        else:
            structs[owner][1][name] = words.split("|")
    return structs


def row_places(name):
    """{Struct_field: (offset, size)} of a row that is there."""
    text = (TABLES / f"cpython_{name}.inc").read_text()
    return {field: (int(offset), int(size)) for field, offset, size in
            re.findall(r"[FB]\((\w+), (\d+), (\d+)", text)}


def described_place(paths, described, base_described, base):
    """The place of the first path that the description has. Of one that it does not follow to its end, the field is as
    far behind the last member that it names as in the release of the row --base, whose own description says where that
    member is there."""
    for path in paths:
        if path in described:
            return described[path]
        words = path.split(".")
        for length in range(len(words) - 1, 0, -1):
            member = ".".join(words[:length])
            if base is not None and member in described and member in base_described:
                return [base[0] + described[member][0] - base_described[member][0], base[1]]
    return None


def find_described(described, spellings):
    return next((described[key] for name in spellings for key in (name, "struct " + name) if key in described), None)


def described_row(arguments):
    release, flags = arguments.release, arguments.flags
    described = json.loads(pathlib.Path(arguments.description).read_text())
    base_described = json.loads(pathlib.Path(arguments.base_description).read_text())
    base, sizes, places = row_places(arguments.base), [], []
    for owner, (spellings, fields) in definitions().items():
        found, base_found = find_described(described, spellings), find_described(base_described, spellings)
        if found is None:
            continue
        sizes.append(f"S({owner}, {found['size']})")
        for name, paths in fields.items():
            field = f"{owner}_{name}"
            place = described_place(paths, found["f"], base_found["f"] if base_found else {}, base.get(field))
            if place is not None:
                numbers = ", ".join(str(number) for number in [place[0], min(place[1], 65535), *place[2:]])
                places.append(f"{'B' if len(place) == 4 else 'F'}({owner}_{name}, {numbers})")
    major, minor, micro = (int(number) for number in release.split("."))
    name = f"{release}{flags}-headers"
    words = [f"CPython {release}", "headers of upstream sources", *(["--with-pydebug"] if "d" in flags else []),
             *(["--disable-gil"] if "t" in flags else [])]
    text = "/* " + ", ".join(words) + ". Written by generate_tables.py --description: do not edit. */\n{\n"
    text += f'.name = "{name}", .is_partial = true,\n'
    text += f".version = {{ .hex = 0x{major:02x}{minor:02x}{micro:02x}f0, .is_debug = {int('d' in flags)}, " \
            f".is_free_threaded = {int('t' in flags)}, .has_trace_refs = 0 }},\n"
    text += f".struct_bytes = {{\n{wrap(sizes)}\n}},\n.fields = {{\n{wrap(places)}\n}},\n}},\n"
    return f"cpython_{name}.inc", text


def row_order(path):
    parts = re.match(r"cpython_3\.(\d+)\.(\d+)(.*)\.inc", path.name)
    return int(parts[1]), int(parts[2]), parts[3]


def write_lists(check):
    rows = sorted(TABLES.glob("cpython_*.inc"), key=row_order)
    lines = "".join(f'#include "layout/tables/{path.name}"\n' for path in rows)
    notice = "/* Written by generate_tables.py: do not edit. */\n"
    minors = list(dict.fromkeys(row_order(path)[0] for path in rows))
    changed = write(TABLES / "rows.inc", notice + lines, check)
    versions = ", ".join(f"3.{minor}" for minor in minors)
    return write(TABLES / "versions.inc", notice + f'#define BUILTIN_VERSIONS "{versions}"\n', check) or changed


def write(path, text, check):
    """True if the file had another content."""
    if path.exists() and path.read_text() == text:
        return False
    if check:
        print(f"{path.name} differs from what its interpreter says", file=sys.stderr)
    else:
        path.write_text(text)
        print(path.name)
    return True


def wrap(words):
    """Words filled to lines as layout_tables does."""
    lines, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > 119:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join(lines + [line])


def row_words(path):
    """(what stands before, between and after them, words of the structs, words of the fields) of a row."""
    before, structs, between, fields, after = re.fullmatch(
        r"(.*\.struct_bytes = \{\n)(.*?)(\n\},\n\.fields = \{\n)(.*?)(\n\},\n.*)", path.read_text(), re.S).groups()
    words = [{word[2:word.index(",")]: word for word in re.findall(r"[SFB]\(\w+,[^)]*\)", part)}
             for part in (structs, fields)]
    return (before, between, after), words[0], words[1]


def extend(arguments):
    described = json.loads(pathlib.Path(arguments.description).read_text())
    path = TABLES / f"cpython_{arguments.extend}.inc"
    (before, between, after), structs, fields = row_words(path)
    for owner, (spellings, names) in definitions().items():
        found = find_described(described, spellings)
        if found is None or arguments.only not in ("", owner):
            continue
        if structs.setdefault(owner, f"S({owner}, {found['size']})") != f"S({owner}, {found['size']})":
            continue
        for name, paths in names.items():
            place = described_place(paths, found["f"], {}, None)
            if place is not None:
                numbers = ", ".join(str(number) for number in [place[0], min(place[1], 65535), *place[2:]])
                field = f"{owner}_{name}"
                fields.setdefault(field, f"{'B' if len(place) == 4 else 'F'}({field}, {numbers})")
    order = definitions()
    sizes = [structs[owner] for owner in order if owner in structs]
    places = [fields[f"{owner}_{name}"] for owner in order for name in order[owner][1] if f"{owner}_{name}" in fields]
    return write(path, before + wrap(sizes) + between + wrap(places) + after, arguments.check)


def prune():
    definitions = FIELDS.read_text()
    known = set(re.findall(r"^STRUCT\((\w+),", definitions, re.M))
    known |= {f"{owner}_{name}" for owner, name in re.findall(r"^FIELD\((\w+), (\w+),", definitions, re.M)}
    for path in TABLES.glob("cpython_*.inc"):
        def keep(match):
            words = re.findall(r"[SFB]\(\w+,[^)]*\)", match[2])
            return match[1] + wrap([word for word in words if word[2:word.index(",")] in known]) + "\n},"
        text = re.sub(r"(\.(?:struct_bytes|fields) = \{\n)(.*?)\n\},", keep, path.read_text(), flags=re.S)
        write(path, text, False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", nargs="*", help="interpreters; with --root, their paths in that system")
    parser.add_argument("--tool", help="the program layout_tables of the build")
    parser.add_argument("--root", type=lambda text: pathlib.Path(text).resolve(), help="an unpacked system")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a row would change")
    parser.add_argument("--description", help="a file that says what headers have")
    parser.add_argument("--release", help="of the description, like 3.14.4")
    parser.add_argument("--flags", default="", help="of the description: t, d or td")
    parser.add_argument("--base", help="of the description: a row of the same build")
    parser.add_argument("--base-description", help="what the headers of that row's release have")
    parser.add_argument("--extend", help="of the description: the row that gets what it lacks")
    parser.add_argument("--only", default="", help="of --extend: this struct only")
    parser.add_argument("--prune", action="store_true", help="drop what fields.def no longer names")
    arguments = parser.parse_args()
    if arguments.prune:
        prune()
        return 0
    if arguments.extend:
        return 1 if extend(arguments) and arguments.check else 0
    if arguments.description:
        name, text = described_row(arguments)
        changed = write(TABLES / name, text, arguments.check)
        return 1 if write_lists(arguments.check) | changed and arguments.check else 0
    if not arguments.python or not arguments.tool:
        parser.error("name layout_tables with --tool, and at least one interpreter")
    changed = False
    for python in arguments.python:
        name, text = row(arguments, python)
        changed |= write(TABLES / name, text, arguments.check)
    changed |= write_lists(arguments.check)
    return 1 if arguments.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
