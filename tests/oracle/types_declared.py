# SPDX-License-Identifier: MIT
"""Types in C of the library that have no decoder, or no instance among the subjects, each with its reason."""

# Types that the generic rule serves: regular expression of the type's whole name, reason.
GENERIC = [
    (r"_tkinter\..*", "where the layout row was made without the package that has tkinter, its structs are unknown"),
]

# Types of which the subjects have no instance: the same. An instance that others do have is decoded all the same.
NO_INSTANCE = [
    (r"_ctypes\.(_CData|CType_Type)", "base of others, has no instances of its own"),
    (r"_ctypes\.StructParam_Type", "lives while a C function is called"),
    (r"_ctypes\.DictRemover", "up to 3.12: only a weak reference that the module keeps in static memory has it"),
    (r"_RunningLoopHolder", "up to 3.11: only in the dict of a thread state, and only while a loop runs"),
    (r"_thread\._localdummy", "up to 3.12: only in the dict of a thread state"),
    (r"_ssl\.Certificate", "needs a certificate that a peer has sent"),
    (r"_tkinter\..*", "where Tcl's own library cannot be found"),
    (r"_xxsubinterpreters\.ChannelID", "of a private module, which the tests of CPython alone use"),
    (r"async_generator_wrapped_value", "lives between a yield and the code that awaits it"),
    (r"builtin_method", "3.9: no module but those for tests has one"),
    (r"ossaudiodev\..*", "needs a sound card"),
    (r"sqlite3\.Cache|sqlite3Node", "up to 3.9: hidden behind a connection, which is not traversed"),
    (r"sys\.legacy_event_handler", "known to the interpreter's tools for monitoring only"),
    (r"uop_executor", "made where the second tier is on (PYTHON_JIT=1)"),
    (r"_curses(_panel)?\..*|_(g?dbm)\..*|.*Zstd.*|zoneinfo\.ZoneInfo|_gdbm\.gdbm",
     "where the terminal, the database or the time zones are not there"),
]

# Modules whose state is not all found: name, reason.
MODULE_STATE = [
    (r"_tkinter", "3.14+: visits types that are in static memory, which no symbol names"),
]
