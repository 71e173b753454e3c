# SPDX-License-Identifier: MIT
"""Imports every module in C that this Python has, makes what makes more types, and writes down all types made in C.

    python types_program.py LIST

LIST gets one record a line, fields separated by tabs:
    type     id  module.qualname  static|heap  number of instances among the subjects (subjects.py)
    module   name  id  id of a referent (gc.get_referents) ...
    failed   name  why it cannot be imported
    end      number of types
Then READY is printed, and the process waits for its standard input to end. Syntax and library of Python 3.8."""
import ctypes
import gc
import importlib
import importlib.machinery
import os
import sys
import sysconfig
import types
import warnings

HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE
IS_GC = 1 << 14  # Py_TPFLAGS_HAVE_GC
IS_METATYPE = 1 << 31  # Py_TPFLAGS_TYPE_SUBCLASS
# _asyncio of 3.12 visits a list of free objects that may lead back into itself (Modules/_asynciomodule.c).
NEVER_ENDS = {(3, 12): ("_asyncio",)}
SLOT_DEALLOC, SLOT_TRAVERSE = 52, 71  # Include/typeslots.h


def is_for_tests(name):
    return name.startswith(("_test", "_xx", "xx", "_ctypes_test"))


def names_in_folder(folder):
    for file in sorted(os.listdir(folder)):
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            if file.endswith(suffix):
                yield file[:-len(suffix)]
                break


def modules_in_c():
    folders = {sysconfig.get_config_var("DESTSHARED"),
               os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload")}
    folders.update(folder for folder in sys.path if os.path.basename(folder) == "lib-dynload")
    names = set(sys.builtin_module_names)
    for folder in folders:
        if folder and os.path.isdir(folder):
            names.update(names_in_folder(folder))
    # A folder that builds share has files of the others too: what is left of those has a dot.
    return sorted(name for name in names if "." not in name and not is_for_tests(name))


def import_all(names, out):
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            out.write("failed\t%s\t%s\n" % (name, " ".join(("%s: %s" % (type(error).__name__, error)).split())))


flags_of = type.__dict__["__flags__"].__get__


def write_modules(out, names):
    for name in names:
        module = sys.modules.get(name)
        if type(module) is types.ModuleType and name not in NEVER_ENDS.get(sys.version_info[:2], ()):
            out.write("module\t%s\t%x%s\n" % (name, id(module), "".join(
                ["\t%x" % id(referent) for referent in gc.get_referents(module)])))


def all_types():
    """Every type that was made ready is in the list of its base; what has no base yet is the type of something."""
    found, waiting = {}, [object, type]
    for one in gc.get_objects():
        waiting.append(type(one))
        waiting.extend(type(referent) for referent in gc.get_referents(one))
        if flags_of(type(one)) & IS_METATYPE:  # isinstance() would believe a proxy
            waiting.append(one)
    while waiting:
        kind = waiting.pop()
        if id(kind) not in found:
            found[id(kind)] = kind
            waiting.append(type(kind))
            waiting.extend(type.__subclasses__(kind))
    return list(found.values())


slot = ctypes.pythonapi.PyType_GetSlot
slot.restype, slot.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_int]


class Statement(object):
    pass


def is_made_in_c(kind):
    """Not by a class statement or by type(). Of types made on the heap the interpreter does not say it, but the
    functions that destroy and traverse instances do."""
    flags = flags_of(kind)
    if not flags & HEAP_TYPE:
        return True
    if slot(kind, SLOT_DEALLOC) != slot(Statement, SLOT_DEALLOC):
        return True
    if flags & IS_GC:
        return slot(kind, SLOT_TRAVERSE) != slot(Statement, SLOT_TRAVERSE)
    names = type.__dict__["__dict__"].__get__(kind)
    return "__slots__" not in names and "__firstlineno__" not in names


def count_instances(root):
    """id of a type in C: how many of what is reached from the subjects are its own, or of a Python class that is made
    from it. What heap.py records; modules of the library are not entered."""
    closed = {id(sys.modules)}
    for name, module in list(sys.modules.items()):
        if not name.startswith("subjects"):
            closed.add(id(getattr(module, "__dict__", None)))
    counts, seen, waiting = {}, closed | {id(root)}, [root]
    while waiting:
        found = waiting.pop()
        kind = type(found)
        while not is_made_in_c(kind):
            kind = kind.__base__
        counts[id(kind)] = counts.get(id(kind), 0) + 1
        for referent in gc.get_referents(found):
            if id(referent) not in seen:
                seen.add(id(referent))
                waiting.append(referent)
    return counts


def type_name(kind):
    try:
        module, name = type.__dict__["__module__"].__get__(kind), type.__dict__["__qualname__"].__get__(kind)
    except AttributeError:
        return "?"
    return name if module == "builtins" or not isinstance(module, str) else module + "." + name


def main():
    warnings.simplefilter("ignore")
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import subjects
    with open(sys.argv[1], "w", encoding="utf-8", errors="backslashreplace") as out:
        names = modules_in_c()
        import_all(names, out)
        made = subjects.build()
        kinds = [kind for kind in all_types() if is_made_in_c(kind)]
        counts = count_instances(made)
        for kind in kinds:
            out.write("type\t%x\t%s\t%s\t%d\n" % (id(kind), type_name(kind), "heap" if flags_of(kind) & HEAP_TYPE
                                                  else "static", counts.get(id(kind), 0)))
        write_modules(out, names)
        out.write("end\t%d\n" % len(kinds))
    os.write(1, b"READY\n")
    while os.read(0, 4096):
        pass
    os._exit(0 if made else 1)


main()
