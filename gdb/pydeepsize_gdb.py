# SPDX-License-Identifier: MIT
"""pydeepsize in gdb: py-deepsize, py-sizeof, ... and $py_sizeof(X), $py_deepsize(X).

    (gdb) source /path/to/pydeepsize_gdb.py

Only asks gdb for what the library cannot know (which core, which process, what an expression means); all answers
come from libpydeepsize.so, which reads the core or the process by itself and writes nothing to it. Works in gdb 8.2
and later, whatever Python gdb embeds.
"""
import os
import re
import sys
import time

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(os.path.expanduser(__file__))))
_writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
try:
    import pydeepsize_bindings as bindings
finally:
    sys.dont_write_bytecode = _writes_bytecode
    del sys.path[0]

PROGRESS_FIRST_S = 0.5  # shorter work shows nothing
PROGRESS_EVERY_S = 0.2


class Progress:
    """A line on the terminal itself, so that it reaches neither pager nor log; nothing where there is no terminal."""

    def __init__(self):
        self.stream = sys.__stderr__
        try:
            self.shows = self.stream is not None and os.isatty(self.stream.fileno())
        except (OSError, ValueError):
            self.shows = False
        self.next = time.time() + PROGRESS_FIRST_S
        self.shown = False

    def __call__(self, done):
        now = time.time()
        if not self.shows or now < self.next:
            return
        self.next = now + PROGRESS_EVERY_S
        self.shown = True
        self.stream.write("\r%s objects\x1b[K" % format(done, ","))
        self.stream.flush()

    def erase(self):
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def info_target():
    try:
        return gdb.execute("info target", to_string=True)
    except gdb.error:
        return ""


def target_kind(inferior):
    """"core", "native", "remote", "extended-remote", or None."""
    connection = getattr(inferior, "connection", None)
    if connection is not None:
        return connection.type
    text = info_target()
    if "Local core dump file" in text:
        return "core"
    if "emote " in text:
        return "remote"
    return "native" if inferior.pid > 0 else None


def core_path(inferior):
    corefile = getattr(inferior, "corefile", None)
    if corefile is not None:
        return corefile.filename
    # The first file named after the heading is the core, the next ones are what gdb took sections from.
    found = re.search(r"Local core dump file:\s*`(.+?)', file type", info_target(), re.DOTALL)
    return found.group(1) if found else None


def local_path(path):
    """None for "target:/usr/bin/python3" and the like: a file of a gdbserver's machine, not of this one."""
    return path if path and ":" not in path.split("/")[0] else None


def executable_path(inferior):
    space = getattr(inferior, "progspace", None) or gdb.current_progspace()
    return local_path(getattr(space, "executable_filename", None) or space.filename)


def debug_directory():
    """What the user added to gdb's own places for debug information."""
    folders = (gdb.parameter("debug-file-directory") or "").split(":")
    return next((folder for folder in folders if folder and os.path.realpath(folder) != "/usr/lib/debug"), None)


def selected_tid():
    thread = gdb.selected_thread()
    return thread.ptid[1] or thread.ptid[0] if thread is not None and thread.is_valid() else 0


def open_options(inferior):
    return bindings.open_options(executable_path(inferior), local_path(gdb.parameter("sysroot")), debug_directory(),
                                 selected_tid())


def mappings():
    """What gdb knows of the target's mappings; [] where it cannot tell. Columns differ between gdb versions: the
    numbers come first, then maybe permissions, then maybe a path."""
    try:
        text = gdb.execute("info proc mappings", to_string=True)
    except gdb.error:
        return []
    found = []
    for line in text.splitlines():
        row = re.match(r"\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s*"
                       r"([r-][w-][x-][ps-])?\s*(\S.*)?$", line)
        if row is None:
            continue
        start, end, offset = (int(row.group(i), 16) for i in (1, 2, 3))
        flags = row.group(4) or "rw-p"
        protection = 1 * (flags[0] == "r") + 2 * (flags[1] == "w") + 4 * (flags[2] == "x")
        found.append((start, end, offset, protection, row.group(5)))
    return found


class NoCalls:
    """Expressions must not call functions of the target (gdb 9 and later can forbid it)."""

    def __enter__(self):
        try:
            self.before = gdb.parameter("may-call-functions")
            gdb.execute("set may-call-functions off", to_string=True)
        except (gdb.error, RuntimeError):
            self.before = None

    def __exit__(self, *_error):
        if self.before:
            gdb.execute("set may-call-functions on", to_string=True)


def evaluate(expression):
    """The address that an expression of gdb means: the value of a pointer or an integer."""
    try:
        with NoCalls():
            value = gdb.parse_and_eval(expression)
            kind = value.type.strip_typedefs().code
            if kind not in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM):
                raise bindings.Failure("not a pointer")
            return int(value) & 0xFFFFFFFFFFFFFFFF
    except (gdb.error, ValueError) as error:
        raise bindings.Failure(str(error))


class Sessions:
    """The open session of each inferior, until its memory may have changed."""

    def __init__(self, library):
        self.library = library
        self.open = {}  # inferior number -> (identity of the target, bindings.Session)
        for name in ("cont", "exited", "new_objfile", "clear_objfiles", "memory_changed", "inferior_deleted"):
            registry = getattr(gdb.events, name, None)
            if registry is not None:
                registry.connect(self.forget)

    def forget(self, _event=None):
        for _identity, session in self.open.values():
            session.close()
        self.open.clear()

    def forget_torn(self):
        if any(session.is_torn for _identity, session in self.open.values()):
            self.forget()

    def current(self):
        """The session of the selected inferior, its selected thread told to the library."""
        inferior = gdb.selected_inferior()
        kind = target_kind(inferior)
        path = core_path(inferior) if kind == "core" else None
        identity = (kind, path, inferior.pid)
        known = self.open.get(inferior.num)
        if known is None or known[0] != identity:
            if known is not None:
                self.open.pop(inferior.num)[1].close()
            self.open[inferior.num] = (identity, self.start(inferior, kind, path))
        session = self.open[inferior.num][1]
        tid = selected_tid()
        if tid:
            session.select_frame(tid, 0)
        return session

    def start(self, inferior, kind, path):
        session = bindings.Session(self.library, evaluate)
        try:
            if kind == "core":
                if path is None:
                    raise bindings.Failure("gdb does not say which core file it has open; use the program pydeepsize")
                session.open_core(path, open_options(inferior))
            elif kind == "native" and inferior.pid > 0:
                session.open_process(inferior.pid, open_options(inferior))
            elif kind is not None and inferior.pid > 0:
                session.open_callbacks(lambda address, size: inferior.read_memory(address, size).tobytes(),
                                       mappings(), open_options(inferior))
            else:
                raise bindings.Failure("there is no target: open a core file (core-file FILE) or attach to a process")
        except BaseException:
            session.close()
            raise
        return session


def output_width():
    return gdb.parameter("width") or 0


def output_colour():
    try:
        return bool(gdb.parameter("style enabled")) and os.isatty(1)
    except (gdb.error, RuntimeError, OSError):
        return False


class PyCommand(gdb.Command):
    """One command of the library's table."""

    def __init__(self, sessions, command):
        self.__doc__ = "%s.\n\nUsage: py-%s\n\n%s" % (command["summary"][:1].upper() + command["summary"][1:],
                                                       command["usage"], command["help"].rstrip("\n"))
        self.sessions = sessions
        self.name = command["name"]
        self.options = command["options"].split()
        super().__init__("py-" + self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        words = [self.name] + bindings.split_arguments(argument)
        progress = Progress()
        try:
            text = self.sessions.current().run(words, output_width(), output_colour(), progress)
        except bindings.Failure as failure:
            progress.erase()
            self.sessions.forget_torn()
            if getattr(failure, "output", ""):
                gdb.write(failure.output)
            raise gdb.GdbError(str(failure))
        progress.erase()
        gdb.write(text)

    def complete(self, text, word):
        last = text.split(" ")[-1]
        if last.startswith("-"):
            # gdb ends words at dashes: what it has of the option already is not to be repeated.
            return [option[len(last) - len(word):] for option in self.options if option.startswith(last)]
        return gdb.COMPLETE_EXPRESSION


class SizeFunction(gdb.Function):
    """$py_sizeof(X), $py_deepsize(X): X is an address, a pointer or a string with the name of a Python object."""

    def __init__(self, sessions, name, measure, text):
        self.__doc__ = text
        self.sessions = sessions
        self.measure = measure
        super().__init__(name)

    def invoke(self, target):
        try:
            session = self.sessions.current()
            if target.type.strip_typedefs().code in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_INT):
                address = int(target) & 0xFFFFFFFFFFFFFFFF
            else:
                address = session.resolve(target.string())
            return self.measure(session, address)
        except bindings.Failure as failure:
            raise gdb.GdbError(str(failure))


def register():
    library = bindings.load_library()
    sessions = Sessions(library)
    for command in bindings.commands(library):
        PyCommand(sessions, command)
    SizeFunction(sessions, "py_sizeof", lambda session, address: session.sizes(address)[0],
                 "$py_sizeof(X): size of a Python object as sys.getsizeof() gives it, in bytes.\n"
                 "X is a pointer, an address, or a string with a Python path or name.")
    SizeFunction(sessions, "py_deepsize", lambda session, address: session.deep(address),
                 "$py_deepsize(X): size of a Python object with all that is reached from it, in bytes.\n"
                 "X is a pointer, an address, or a string with a Python path or name.")


try:
    register()
except bindings.Failure as failure:
    raise gdb.GdbError("pydeepsize: %s" % failure)
