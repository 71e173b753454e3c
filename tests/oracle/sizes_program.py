# SPDX-License-Identifier: MIT
"""Runs the size checks that CPython has in its own test suite, under the Python that is tested, and keeps every object
that one of them asked sys.getsizeof() about.

    python sizes_program.py LIST

Nothing of those tests is here: they are imported from the interpreter's own package `test`. LIST gets one record a
line, fields separated by tabs:
    lacking  why there is nothing to run
    module   name  number of tests  number of failures
    failure  test  last line of its traceback
    other    a check that did not hold: the objects that are kept alive here can change what the next one measures
    object   id  sys.getsizeof at the end  type  how often it was asked about  1 if it had another size then
    python   number of objects whose __sizeof__ is Python code: it would have to be run
    end      number of checks
Then READY is printed, and the process waits for its standard input to end. Syntax and library of Python 3.8."""
import importlib
import io
import os
import sys
import types
import unittest

MODULES = ("test_sys", "test_array", "test_deque", "test_ordered_dict", "test_memoryio", "test_struct",
           "test_itertools", "test_xml_etree_c", "test_decimal", "test_pickle", "test_io", "test_bytes", "test_dict",
           "test_queue", "test_parser", "test_unicode", "test_list", "test_io.test_memoryio", "test_io.test_bufferedio")

getsizeof = sys.getsizeof
asked = {}  # id: [object, times, size at the last time, had it different ones]


def recording_getsizeof(*arguments):
    size = getsizeof(*arguments)
    one = arguments[0]
    record = asked.setdefault(id(one), [one, 0, size, False])
    record[3] |= record[2] != size
    record[1] += 1
    record[2] = size
    return size


def keep_going(check_sizeof, others):
    """One check that does not hold must not end those behind it in the same test."""
    def check_sizeof_and_go_on(test, one, size):
        try:
            check_sizeof(test, one, size)
        except AssertionError as error:
            others.append(" ".join(str(error).split()))
    return check_sizeof_and_go_on


def tests_in(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            for inner in tests_in(one):
                yield inner
        elif "sizeof" in one.id().lower():
            yield one


def run_module(name, out):
    try:
        module = importlib.import_module("test." + name)
    except (ImportError, unittest.SkipTest):
        return
    suite = unittest.TestSuite(tests_in(unittest.defaultTestLoader.loadTestsFromModule(module)))
    count = suite.countTestCases()
    if count == 0:
        return
    result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    failures = result.failures + result.errors
    out.write("module\t%s\t%d\t%d\n" % (name, count, len(failures)))
    for test, text in failures:
        out.write("failure\t%s\t%s\n" % (test.id(), text.strip().splitlines()[-1].replace("\t", " ")))


def type_name(kind):
    try:
        module, name = type.__dict__["__module__"].__get__(kind), type.__dict__["__qualname__"].__get__(kind)
    except AttributeError:
        return "?"
    return name if module == "builtins" or not isinstance(module, str) else module + "." + name


def is_python_code(kind):
    for base in kind.__mro__:
        if "__sizeof__" in base.__dict__:
            return isinstance(base.__dict__["__sizeof__"], types.FunctionType)
    return False


def write_objects(out):
    checks = python = 0
    for address, (one, times, size, differed) in asked.items():
        if is_python_code(type(one)):
            python += 1
            continue
        last = getsizeof(one)
        out.write("object\t%x\t%d\t%s\t%d\t%d\n" % (address, last, type_name(type(one)), times,
                                                  differed or last != size))
        checks += times
    out.write("python\t%d\nend\t%d\n" % (python, checks))


def main():
    with open(sys.argv[1], "w", encoding="utf-8", errors="backslashreplace") as out:
        try:
            import test.support
            others = []
            test.support.check_sizeof = keep_going(test.support.check_sizeof, others)
            import test.test_sys  # noqa: F401
        except ImportError as error:
            out.write("lacking\t%s\n" % error)
        else:
            sys.getsizeof = recording_getsizeof
            for name in MODULES:
                run_module(name, out)
            sys.getsizeof = getsizeof
            for text in others:
                out.write("other\t%s\n" % text)
            write_objects(out)
    os.write(1, b"READY\n")
    while os.read(0, 4096):
        pass
    os._exit(0)


main()
