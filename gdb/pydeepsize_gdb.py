# SPDX-License-Identifier: MIT
"""pydeepsize in gdb: py-deepsize, py-sizeof, ... and $py_sizeof(X), $py_deepsize(X), $py_retained(X).

    (gdb) source /path/to/pydeepsize_gdb.py

Only asks gdb for what the library cannot know (which core, which process, what an expression means); all answers
come from libpydeepsize.so, which reads the core or the process by itself and writes nothing to it. Works in gdb 8.2
and later, whatever Python gdb embeds.
"""
import os
import re
import signal
import sys

import gdb

# Beside this file where it was installed, in helper/bindings in the source tree. Where another script sources this one,
# __file__ is that script's; the name that the code was compiled with is this file's.
_here = os.path.dirname(os.path.abspath(os.path.expanduser(sys._getframe().f_code.co_filename)))
sys.path[:0] = [_here, os.path.join(os.path.dirname(_here), "helper", "bindings")]
_writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
try:
    import pydeepsize_bindings as bindings
    import pydeepsize_commands as commands
finally:
    sys.dont_write_bytecode = _writes_bytecode
    del sys.path[:2]


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


def native_id(thread):
    return thread.ptid[1] or thread.ptid[0]


def selected_place():
    """The selected frame, and how many of its thread's frames are newer."""
    selected, frame, index = gdb.selected_frame(), gdb.newest_frame(), 0
    while frame is not None and frame != selected:
        frame, index = frame.older(), index + 1
    return selected, index


class NoInterrupt:
    """Ctrl-C comes when this is over."""

    def __enter__(self):
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        except BaseException:  # one that came before
            self.__exit__()
            raise

    def __exit__(self, *_error):
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


class ThreadRegisters:
    """The registers of the selected inferior's threads, for as long as a command lasts. gdb tells those of the selected
    thread, so each is selected for a moment, and then what the user had selected is so again: nothing is printed, no
    event is sent."""

    def __init__(self):
        self.threads = {native_id(thread): thread for thread in gdb.selected_inferior().threads()}
        self.selected, self.frame, self.known = gdb.selected_thread(), None, {}
        try:
            frame, index = selected_place()
            self.frame = frame if index else None  # None: the newest, which is selected with its thread
        except gdb.error:
            pass

    @staticmethod
    def _read(thread):
        if not thread.is_valid() or not thread.is_stopped():
            return None
        try:
            thread.switch()
            frame = gdb.newest_frame()
            return [int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF for name in bindings.REGISTER_NAMES]
        except (gdb.error, ValueError):
            return None

    def _read_all(self, tids):
        with NoInterrupt():
            try:
                self.known.update((tid, self._read(self.threads[tid])) for tid in tids)
            finally:
                self.selected.switch()
                if self.frame is not None:
                    self.frame.select()

    def of(self, tid):
        can_return = self.selected is not None and self.selected.is_valid()
        if can_return and tid in self.threads and tid not in self.known:
            # The way back to a frame is as long as the stack above it is deep: it is gone once.
            self._read_all([tid] if self.frame is None else self.threads)
        return self.known.get(tid)


class OnlyLooks:
    """Expressions must neither call functions of the target (gdb 9 and later can forbid it) nor write to it. What they
    would do was looked for in their text already; here gdb itself is told not to."""

    SETTINGS = ("may-call-functions", "may-write-memory", "may-write-registers")

    def __init__(self):
        self.changed = []

    def __enter__(self):
        for setting in self.SETTINGS:
            try:
                if gdb.parameter(setting):
                    gdb.execute("set %s off" % setting, to_string=True)
                    self.changed.append(setting)
            except (gdb.error, RuntimeError):
                continue
        return self

    def can_call(self):
        try:
            return bool(gdb.parameter("may-call-functions"))
        except (gdb.error, RuntimeError):
            return True

    def __exit__(self, *_error):
        for setting in self.changed:
            gdb.execute("set %s on" % setting, to_string=True)


class Gdb(commands.Debugger):
    """The selected inferior."""

    def __init__(self):
        self.thread_registers = None  # of the command that runs, once it asked for some

    def target(self):
        self.thread_registers = None
        inferior = gdb.selected_inferior()
        connection = target_kind(inferior)
        path = None
        if connection == "core":
            kind, path = commands.CORE, core_path(inferior)
            if path is None:
                raise bindings.Failure("gdb does not say which core file it has open; use the program pydeepsize")
        elif connection is not None and inferior.pid > 0:
            kind = commands.PROCESS if connection == "native" else commands.REMOTE
        else:
            raise bindings.Failure("there is no target: open a core file (core-file FILE) or attach to a process")
        thread = gdb.selected_thread()
        if thread is not None and thread.is_valid() and thread.is_running():
            raise bindings.Failure("the process is running: stop it first (interrupt)")
        return commands.Target(inferior.num, (connection, path, inferior.pid), kind, path, inferior.pid)

    def target_numbers(self):
        return [inferior.num for inferior in gdb.inferiors()]

    def open_options(self):
        return bindings.open_options(executable_path(gdb.selected_inferior()), local_path(gdb.parameter("sysroot")),
                                     debug_directory(), self.selected_tid())

    def selected_tid(self):
        thread = gdb.selected_thread()
        return native_id(thread) if thread is not None and thread.is_valid() else 0

    def selected_call(self):
        def names():
            frame = gdb.newest_frame()
            while frame is not None and frame.is_valid():
                yield frame.name()
                frame = frame.older()

        try:
            _frame, index = selected_place()
            return commands.calls_before(names(), index) if index else 0
        except gdb.error:
            return 0

    def registers(self, tid):
        if self.thread_registers is None:
            self.thread_registers = ThreadRegisters()
        return self.thread_registers.of(tid)

    def read(self, address, size):
        return gdb.selected_inferior().read_memory(address, size).tobytes()

    def mappings(self):
        return mappings()

    def evaluate(self, expression):
        commands.refuse_side_effects(expression)
        try:
            with OnlyLooks() as only_looks:
                # (f)(1) may be a cast as well as a call; only gdb knows which.
                if only_looks.can_call() and re.search(r"\)\s*\(", expression):
                    raise bindings.Refused("%s: this gdb cannot be told to call no functions" % expression)
                value = gdb.parse_and_eval(expression)
                kind = value.type.strip_typedefs().code
                if kind not in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM):
                    raise bindings.Failure("not a pointer")
                return int(value) & 0xFFFFFFFFFFFFFFFF
        except (gdb.error, ValueError) as error:
            raise bindings.Failure(str(error))

    def output_width(self):
        return gdb.parameter("width") or 0

    def output_colour(self):
        try:
            return bool(gdb.parameter("style enabled")) and os.isatty(1)
        except (gdb.error, RuntimeError, OSError):
            return False


def forget_when_it_runs(sessions):
    for name in ("cont", "exited", "new_objfile", "clear_objfiles", "memory_changed", "inferior_deleted"):
        registry = getattr(gdb.events, name, None)
        if registry is not None:
            registry.connect(lambda _event=None: sessions.forget())


class PyCommand(gdb.Command):
    """One command of the library's table."""

    def __init__(self, sessions, command):
        self.__doc__ = commands.description(command)
        self.sessions = sessions
        self.name = command["name"]
        self.options = command["options"].split()
        self.takes_targets = command["flags"] & bindings.COMMAND_TAKES_TARGETS
        super().__init__("py-" + self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        self.dont_repeat()
        try:
            # gdb's own output: pager, `pipe` and `set logging` have each part as it comes; q there ends the job.
            gdb.write(self.sessions.run(self.name, argument, gdb.write))
        except bindings.Failure as failure:
            gdb.write(getattr(failure, "output", ""))
            raise gdb.GdbError(str(failure))

    def complete(self, text, word):
        last = text.split(" ")[-1]
        # gdb ends words where it likes: what it has of one already is not to be repeated.
        typed = len(last) - len(word)
        if last.startswith("-"):
            return [option[typed:] for option in self.options if option.startswith(last)]
        # gdb would close an open quote behind the whole.
        is_quoted = last.count("'") % 2 or last.count('"') % 2
        names = self.sessions.complete(last) if last and self.takes_targets and not is_quoted else []
        return [name[typed:] for name in names] or gdb.COMPLETE_EXPRESSION


class SizeFunction(gdb.Function):
    """$py_sizeof(X), $py_deepsize(X), $py_retained(X).

    X is an address, a pointer or a string with the name of a Python object."""

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
    sessions = commands.Sessions(library, Gdb())
    forget_when_it_runs(sessions)
    for command in bindings.commands(library):
        PyCommand(sessions, command)
    SizeFunction(sessions, "py_sizeof", lambda session, address: session.sizes(address)[0],
                 "$py_sizeof(X): size of a Python object as sys.getsizeof() gives it, in bytes.\n"
                 "X is a pointer, an address, or a string with a Python path or name.")
    SizeFunction(sessions, "py_deepsize", lambda session, address: session.deep(address),
                 "$py_deepsize(X): size of a Python object with all that is reached from it, in bytes.\n"
                 "X is a pointer, an address, or a string with a Python path or name.")
    SizeFunction(sessions, "py_retained", lambda session, address: session.retained(address),
                 "$py_retained(X): what would be freed if a Python object went, in bytes.\n"
                 "X is a pointer, an address, or a string with a Python path or name.")


try:
    register()
except bindings.Failure as failure:
    raise gdb.GdbError("pydeepsize: %s" % failure)
