# SPDX-License-Identifier: MIT
"""The public interface of libpydeepsize.so by ctypes, for the front ends in gdb and LLDB.

Knows no debugger. Python 3.6 syntax, standard library only: it runs in whatever Python a debugger embeds.
"""
import ctypes
import json
import os

ABI_VERSION = 3

OK = 0
ERROR_ARGUMENT = -1
ERROR_NOT_FOUND = -10
ERROR_CANCELLED = -11
ERROR_CHANGED = -14

OPEN_ALREADY_STOPPED = 1

COMMAND_TAKES_TARGETS = 1

OBJECT_HAS_RETAINED = 16

STATEMENT_SHOWS_VALUES = 1
STATEMENT_HIDES_KEYS = 2

JOB_RUNS = 0
JOB_PART = 2

SLICE_MS = 50  # how soon an interrupt is noticed

READ = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64)
EVALUATE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_uint64))
REGISTERS = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint64, ctypes.POINTER(ctypes.c_uint64))

# DWARF's order of x86-64, by the names that debuggers give them
REGISTER_NAMES = ("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                  "r15", "rip")


class Sized(ctypes.Structure):
    """A struct of the header: struct_size comes first and says how much of it this file knows."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(type(self)), **fields)


class OpenOptions(Sized):
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("sysroot", ctypes.c_char_p),
                ("executable", ctypes.c_char_p), ("debug_directory", ctypes.c_char_p),
                ("selected_tid", ctypes.c_uint64), ("max_memory", ctypes.c_uint64),
                ("spill_directory", ctypes.c_char_p)]


class Callbacks(Sized):
    _fields_ = [("struct_size", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("read", READ),
                ("evaluate", EVALUATE), ("context", ctypes.c_void_p), ("registers", REGISTERS)]


class Mapping(Sized):
    _fields_ = [("struct_size", ctypes.c_uint32), ("protection", ctypes.c_uint32), ("start", ctypes.c_uint64),
                ("end", ctypes.c_uint64), ("file_offset", ctypes.c_uint64), ("path", ctypes.c_char_p)]


class ObjectInfo(Sized):
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("address", ctypes.c_uint64),
                ("type", ctypes.c_uint64), ("shallow", ctypes.c_uint64), ("allocated", ctypes.c_uint64),
                ("retained", ctypes.c_uint64), ("refcount", ctypes.c_int64), ("type_name", ctypes.c_char_p),
                ("name", ctypes.c_char_p)]


class CommandInfo(Sized):
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("summary", ctypes.c_char_p), ("usage", ctypes.c_char_p), ("help", ctypes.c_char_p),
                ("options", ctypes.c_char_p)]


class OutputOptions(Sized):
    _fields_ = [("struct_size", ctypes.c_uint32), ("width", ctypes.c_uint32), ("colour", ctypes.c_uint32),
                ("prefix_commands", ctypes.c_uint32), ("in_parts", ctypes.c_uint32), ("reserved", ctypes.c_uint32)]


_u64_out = ctypes.POINTER(ctypes.c_uint64)
_handle = ctypes.c_void_p
FUNCTIONS = (
    ("pyds_abi_version", [], ctypes.c_uint32),
    ("pyds_version", [], ctypes.c_char_p),
    ("pyds_status_text", [ctypes.c_int32], ctypes.c_char_p),
    ("pyds_session_create", [], _handle),
    ("pyds_session_destroy", [_handle], ctypes.c_int32),
    ("pyds_session_error", [_handle], ctypes.c_char_p),
    ("pyds_open_core", [_handle, ctypes.c_char_p, ctypes.POINTER(OpenOptions),
                        ctypes.POINTER(_handle)], ctypes.c_int32),
    ("pyds_open_process", [_handle, ctypes.c_int32, ctypes.POINTER(OpenOptions),
                           ctypes.POINTER(_handle)], ctypes.c_int32),
    ("pyds_open_callbacks", [_handle, ctypes.POINTER(Callbacks), ctypes.POINTER(Mapping), ctypes.c_uint64,
                             ctypes.POINTER(OpenOptions), ctypes.POINTER(_handle)], ctypes.c_int32),
    ("pyds_set_evaluate", [_handle, ctypes.POINTER(Callbacks)], ctypes.c_int32),
    ("pyds_select_call", [_handle, ctypes.c_uint64, ctypes.c_uint32], ctypes.c_int32),
    ("pyds_select_frame", [_handle, ctypes.c_uint64, ctypes.c_uint32], ctypes.c_int32),
    ("pyds_resolve", [_handle, ctypes.c_char_p, _u64_out], ctypes.c_int32),
    ("pyds_complete", [_handle, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)], ctypes.c_int32),
    ("pyds_object_sizes", [_handle, ctypes.c_uint64, _u64_out, _u64_out], ctypes.c_int32),
    ("pyds_object_deep", [_handle, ctypes.c_uint64, ctypes.c_char_p, _u64_out, _u64_out], ctypes.c_int32),
    ("pyds_object_info", [_handle, ctypes.c_uint64, ctypes.POINTER(ObjectInfo)], ctypes.c_int32),
    ("pyds_heap_build", [_handle, ctypes.POINTER(_handle)], ctypes.c_int32),
    ("pyds_command", [ctypes.c_uint32, ctypes.POINTER(CommandInfo)], ctypes.c_int32),
    ("pyds_statement_start", [_handle, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_void_p,
                              ctypes.POINTER(_handle)], ctypes.c_int32),
    ("pyds_job_start", [_handle, ctypes.c_uint32, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(OutputOptions),
                        ctypes.POINTER(_handle)], ctypes.c_int32),
    ("pyds_job_wait", [_handle, ctypes.c_uint32], ctypes.c_int32),
    ("pyds_job_part", [_handle, ctypes.POINTER(ctypes.c_char_p), _u64_out], ctypes.c_int32),
    ("pyds_job_progress", [_handle, _u64_out, _u64_out], None),
    ("pyds_job_cancel", [_handle], None),
    ("pyds_job_result", [_handle, ctypes.POINTER(ctypes.c_char_p), _u64_out, ctypes.POINTER(ctypes.c_int32)],
     ctypes.c_int32),
    ("pyds_job_destroy", [_handle], ctypes.c_int32),
)


class Failure(Exception):
    """One sentence for the user."""


class Refused(Failure):
    """An expression that would do more than look: said instead of what else is wrong with it."""


class Changed(Failure):
    """The target is no longer what was opened; a new session sees what is there now."""


class Interrupted(Failure):
    """A command that the user interrupted; what it had found by then is in `output`."""

    def __init__(self, output, done):
        super().__init__("Quit" if done is None else
                         "Quit (%s objects seen; the session stays usable, run the command again for all)"
                         % format(done, ","))
        self.output = output


def library_candidates():
    """Where libpydeepsize.so may be: named by the user, in a build tree around this file, where it was installed."""
    here = os.path.dirname(os.path.abspath(__file__))
    named = os.environ.get("PYDEEPSIZE_LIBRARY")
    if named:
        return [named]
    prefix = os.path.dirname(os.path.dirname(here))
    folders = [here, os.path.join(prefix, "build")]
    for name in ("lib", "lib64"):
        folders.append(os.path.join(prefix, name))
        multiarch = os.path.join(prefix, name)
        if os.path.isdir(multiarch):
            folders.extend(os.path.join(multiarch, one) for one in sorted(os.listdir(multiarch))
                           if one.endswith("-linux-gnu"))
    return [os.path.join(folder, name) for folder in folders for name in ("libpydeepsize.so", "libpydeepsize.so.0")]


def load_library():
    """The library with its functions declared. Failure says where it was looked for."""
    candidates = library_candidates()
    for path in candidates:
        if os.path.exists(path):
            break
    else:
        raise Failure("libpydeepsize.so was not found in %s; set PYDEEPSIZE_LIBRARY to its path"
                      % ", ".join(sorted(set(os.path.dirname(one) for one in candidates))))
    try:
        library = ctypes.CDLL(path)
        library.pyds_abi_version.restype = ctypes.c_uint32
        version = library.pyds_abi_version()
    except (OSError, AttributeError) as error:
        raise Failure("%s cannot be loaded: %s" % (path, error))
    if version != ABI_VERSION:
        raise Failure("%s has interface version %d, this front end wants %d: install both of one release"
                      % (path, version, ABI_VERSION))
    for name, arguments, result in FUNCTIONS:
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = result
    return library


def encode(text):
    """Text for the library; None stays None."""
    return None if text is None else text.encode("utf-8", "surrogateescape")


def open_options(executable=None, sysroot=None, debug_directory=None, selected_tid=0):
    return OpenOptions(executable=encode(executable), sysroot=encode(sysroot), debug_directory=encode(debug_directory),
                       selected_tid=selected_tid)


def commands(library):
    """Every command of the table, as dicts of text."""
    found = []
    info = CommandInfo()
    while library.pyds_command(len(found), ctypes.byref(info)) == OK:
        command = {name: getattr(info, name).decode() for name in ("name", "summary", "usage", "help", "options")}
        command["flags"] = info.flags
        found.append(command)
    return found


class Session:
    """One open target. Callback errors are kept and raised after the call: ctypes would swallow them.

    evaluate(expression) gives an address or raises; is_interrupted() says that the user wants the prompt back, where no
    KeyboardInterrupt says it; registers(tid) gives the values of REGISTER_NAMES, or None.
    """

    def __init__(self, library, evaluate=None, is_interrupted=None, registers=None):
        self.library = library
        self.is_interrupted = is_interrupted or (lambda: False)
        self.pending = None  # an exception of a callback
        self.is_torn = False  # a read was interrupted: what the library remembers as unreadable may be readable
        self.handle = library.pyds_session_create()
        if not self.handle:
            raise Failure("out of memory")
        self.callbacks = Callbacks(evaluate=EVALUATE(self._guard_evaluate(evaluate)) if evaluate else EVALUATE(),
                                   registers=REGISTERS(self._guard_registers(registers)) if registers else REGISTERS())

    def close(self):
        """False: a command is running in it (we are in a callback of it, or in an event of the debugger)."""
        if self.handle and self.library.pyds_session_destroy(self.handle) == OK:
            self.handle = None
        return self.handle is None

    def _guard_evaluate(self, evaluate):
        def guarded(_context, expression, ret_address):
            try:
                ret_address[0] = evaluate(expression.decode("utf-8", "surrogateescape"))
                return 0
            except BaseException as error:  # pylint: disable=broad-except
                self.pending = error if isinstance(error, Refused) or not isinstance(error, Failure) else None
                return 1
        return guarded

    def _guard_registers(self, registers):
        def guarded(_context, tid, ret_registers):
            try:
                if self.is_interrupted():
                    raise KeyboardInterrupt
                values = registers(tid)
                if values is None or len(values) != len(REGISTER_NAMES):
                    return 1
                for number, value in enumerate(values):
                    ret_registers[number] = value
                return 0
            except BaseException as error:  # pylint: disable=broad-except
                if isinstance(error, KeyboardInterrupt):
                    self.pending = error
                return 1
        return guarded

    def _guard_read(self, read):
        def guarded(_context, address, buffer, size):
            try:
                if self.is_interrupted():
                    raise KeyboardInterrupt
                data = read(address, size)
                ctypes.memmove(buffer, data, len(data))
                return len(data)
            except BaseException as error:  # pylint: disable=broad-except
                if isinstance(error, KeyboardInterrupt):
                    self.pending = error
                    self.is_torn = True
                return 0
        return guarded

    def check(self, status):
        """Raises what a callback raised, or the library's sentence for a negative status."""
        pending, self.pending = self.pending, None
        if isinstance(pending, (KeyboardInterrupt, Refused)):
            raise pending
        if status < 0:
            message = self.library.pyds_session_error(self.handle) or self.library.pyds_status_text(status)
            raise (Changed if status == ERROR_CHANGED else Failure)(message.decode("utf-8", "replace"))
        return status

    def _set_evaluate(self):
        self.check(self.library.pyds_set_evaluate(self.handle, ctypes.byref(self.callbacks)))

    def _do(self, function, *arguments, progress=None):
        """A job without output, interruptible: opening, also in the middle of a compressed core; building the heap."""
        job = _handle()
        self.check(function(self.handle, *arguments, ctypes.byref(job)))
        try:
            interrupted, _shown = self._wait(job, progress, None)
            self._finish(job, interrupted, False)
        except Interrupted:
            raise Interrupted("", None)
        finally:
            self.library.pyds_job_destroy(job)

    def open_core(self, path, options, progress=None):
        self._do(self.library.pyds_open_core, encode(path), ctypes.byref(options), progress=progress)
        self._set_evaluate()

    def open_process(self, pid, options, progress=None):
        """A process that the debugger holds stopped."""
        options.flags |= OPEN_ALREADY_STOPPED
        self._do(self.library.pyds_open_process, pid, ctypes.byref(options), progress=progress)
        self._set_evaluate()

    def open_callbacks(self, read, mappings, options, progress=None):
        """Whatever the debugger can read. read(address, size) returns bytes; mappings: tuples of start, end, file
        offset, protection and path."""
        self.callbacks.read = READ(self._guard_read(read))
        array = (Mapping * max(len(mappings), 1))(*[
            Mapping(start=start, end=end, file_offset=offset, protection=protection, path=encode(path))
            for start, end, offset, protection, path in mappings])
        self._do(self.library.pyds_open_callbacks, ctypes.byref(self.callbacks), array, len(mappings),
                   ctypes.byref(options), progress=progress)

    def statement(self, text, flags, stream, progress=None):
        """Fills stream, a ctypes struct ArrowArrayStream, with the answer of an SQL statement."""
        self._do(self.library.pyds_statement_start, encode(text), flags, ctypes.addressof(stream), progress=progress)

    def select_frame(self, tid, frame):
        """False: that thread runs no Python."""
        return self.library.pyds_select_frame(self.handle, tid, frame) == OK

    def select_call(self, tid, call):
        """False: that thread runs no Python. call: see calls_before() of pydeepsize_commands.py."""
        return self.library.pyds_select_call(self.handle, tid, call) == OK

    def resolve(self, expression):
        address = ctypes.c_uint64()
        self.check(self.library.pyds_resolve(self.handle, encode(expression), ctypes.byref(address)))
        return address.value

    def complete(self, beginning):
        """What may stand for the beginning of a target, each the whole of it."""
        lines = ctypes.c_char_p()
        self.check(self.library.pyds_complete(self.handle, encode(beginning), ctypes.byref(lines)))
        return lines.value.decode("utf-8", "replace").splitlines()

    def sizes(self, address):
        """(shallow, allocated)"""
        info = self.info(address)
        return info.shallow, info.allocated

    def run(self, arguments, width=0, colour=False, progress=None, write=None):
        """One command: its text. progress(done, total) is called some times a second. With write(text), a long answer
        is written while it is made, and what is left at the end is returned. Failure and Interrupted carry what there
        was to show in `output`; an exception of write() ends the command and is raised when it has ended."""
        words = [encode(word) for word in arguments]
        array = (ctypes.c_char_p * max(len(words), 1))(*words)
        output = OutputOptions(width=width, colour=int(colour), prefix_commands=1, in_parts=int(write is not None))
        job = _handle()
        self.check(self.library.pyds_job_start(self.handle, len(words), array, ctypes.byref(output),
                                               ctypes.byref(job)))
        try:
            return self._finish(job, *self._wait(job, progress, write))
        finally:
            self.library.pyds_job_destroy(job)

    def _wait(self, job, progress, write):
        """How many objects were seen when the user interrupted (None: the job came to its own end), and whether what
        is left may be shown: an interrupt between two parts must not leave a gap in what was written."""
        interrupted = unwritten = None
        has_parts = False
        done, total = ctypes.c_uint64(), ctypes.c_uint64()
        while True:
            try:
                state = self.library.pyds_job_wait(job, SLICE_MS)
                has_parts = has_parts or state == JOB_PART
                pending, self.pending = self.pending, None
                if isinstance(pending, KeyboardInterrupt):
                    raise pending
                if state == JOB_PART and interrupted is None and unwritten is None:
                    unwritten = self._write_part(job, write)
                    if unwritten is not None:
                        self.library.pyds_job_cancel(job)
                if state not in (JOB_RUNS, JOB_PART):
                    break
                if interrupted is None and self.is_interrupted():
                    raise KeyboardInterrupt
                self.library.pyds_job_progress(job, ctypes.byref(done), ctypes.byref(total))
                if progress is not None and interrupted is None and not has_parts:
                    progress(done.value, total.value)
            except KeyboardInterrupt:
                self.library.pyds_job_cancel(job)
                interrupted = done.value
        if unwritten is not None:
            raise unwritten
        return interrupted, interrupted is None or not has_parts

    def _write_part(self, job, write):
        """What write() raised, or None."""
        text, length = ctypes.c_char_p(), ctypes.c_uint64()
        try:
            if self.library.pyds_job_part(job, ctypes.byref(text), ctypes.byref(length)) == OK:
                write(ctypes.string_at(text, length.value).decode("utf-8", "replace"))
        except BaseException as error:  # pylint: disable=broad-except
            return error
        return None

    def _finish(self, job, interrupted, is_shown):
        text, length, exit_status = ctypes.c_char_p(), ctypes.c_uint64(), ctypes.c_int32()
        status = self.library.pyds_job_result(job, ctypes.byref(text), ctypes.byref(length),
                                              ctypes.byref(exit_status))
        output = ctypes.string_at(text, length.value).decode("utf-8", "replace") if length.value and is_shown else ""
        if status == ERROR_CANCELLED and interrupted is not None:
            raise Interrupted(output, interrupted)
        try:
            self.check(status)
        except Failure as failure:
            failure.output = output
            raise
        return output

    def deep(self, address, progress=None):
        """The deep size of one object, interruptible."""
        return self._weigh(address, ["--no-retained"], progress)["deep"]

    def info(self, address):
        """An ObjectInfo; its name is good until the next call."""
        info = ObjectInfo()
        self.check(self.library.pyds_object_info(self.handle, address, ctypes.byref(info)))
        return info

    def retained(self, address, progress=None):
        """What would be freed if the object went, in shallow bytes; needs the graph of the heap, which is kept."""
        self._do(self.library.pyds_heap_build, progress=progress)
        info = self.info(address)
        if not info.flags & OBJECT_HAS_RETAINED:
            raise Failure("no root reaches 0x%x: it is garbage already" % address)
        return info.retained

    def _weigh(self, address, options, progress):
        answer = json.loads(self.run(["deepsize", "--json", "--limit", "1"] + options + ["0x%x" % address],
                                     progress=progress))
        found = answer["objects"][0]
        if "error" in found:
            raise Failure("0x%x is not an object: %s" % (address, found["error"]))
        return found
