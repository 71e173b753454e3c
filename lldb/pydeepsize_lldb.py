# SPDX-License-Identifier: MIT
"""pydeepsize in LLDB: py-deepsize, py-sizeof, ...

    (lldb) command script import /path/to/pydeepsize_lldb.py

Only asks LLDB for what the library cannot know (which core, which process, what an expression means); all answers come
from libpydeepsize.so, which reads the core or the process by itself and writes nothing to it. Works in LLDB 14 and
later, whatever Python LLDB embeds.
"""
import ctypes
import os
import re
import signal
import sys

import lldb

# Beside this file where it was installed, in helper/bindings in the source tree.
_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [_here, os.path.join(os.path.dirname(_here), "helper", "bindings")]
_writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
try:
    import pydeepsize_bindings as bindings
    import pydeepsize_commands as commands
    import pydeepsize_elf as elf
finally:
    sys.dont_write_bytecode = _writes_bytecode
    del sys.path[:2]

STOPPED = (lldb.eStateStopped, lldb.eStateCrashed, lldb.eStateSuspended)
U64 = 0xFFFFFFFFFFFFFFFF
SIGACTION_BYTES = 512  # more than struct sigaction has anywhere


def existing_path(spec):
    """The path of an SBFileSpec on this machine, or None."""
    path = spec.fullpath if spec is not None and spec.IsValid() else None
    return path if path and os.path.exists(path) else None


def core_path(process):
    """The core that LLDB has open: by its own word (19 and later), else the one of those that this LLDB was started
    with or has mapped whose memory is that of the process."""
    if hasattr(process, "GetCoreFile"):
        path = existing_path(process.GetCoreFile())
        if path:
            return path
    found = [path for path in elf.cores_of_this_process()
             if elf.core_holds(path, lambda address, size: read_memory(process, address, size))]
    if len(found) > 1:
        raise bindings.Failure("this LLDB does not say which of %s it has open; use one core in one LLDB, or the "
                               "program pydeepsize" % " and ".join(found))
    return found[0] if found else None


def read_memory(process, address, size):
    """Bytes, or None where LLDB cannot read all of them. LLDB does not clear an SBError that was used before."""
    error = lldb.SBError()
    data = process.ReadMemory(address, size, error)
    return data if error.Success() and data is not None and len(data) == size else None


def process_status(pid, name):
    """A line of /proc/PID/status; "" where there is no such process on this machine."""
    try:
        with open("/proc/%d/status" % pid) as file:
            found = re.search(r"^%s:\s*(.+)$" % name, file.read(), re.M)
        return found.group(1) if found else ""
    except OSError:
        return ""


def is_held_here(pid):
    """Whether the process runs on this machine and a server that this LLDB started traces it. LLDB calls every live
    target gdb-remote, a local one too, and a remote pid may be the number of some local process."""
    tracer = int(process_status(pid, "TracerPid") or 0)
    return tracer != 0 and os.getpid() in (tracer, int(process_status(tracer, "PPid") or 0))


def value_address(value):
    """The address that an SBValue means: of a pointer, an integer, an enumerator or an array its value or place."""
    if value is None or not value.IsValid() or value.GetError().Fail():
        return None
    kind = value.GetType().GetCanonicalType()
    if kind.IsArrayType():
        address = value.GetLoadAddress()
        return address if address != lldb.LLDB_INVALID_ADDRESS else None
    if kind.GetByteSize() > 8 or kind.GetNumberOfFields() > 0 or kind.GetBasicType() in FLOATS:
        return None
    error = lldb.SBError()
    number = value.GetValueAsUnsigned(error, 0)
    return number & U64 if error.Success() else None


FLOATS = (lldb.eBasicTypeHalf, lldb.eBasicTypeFloat, lldb.eBasicTypeDouble, lldb.eBasicTypeLongDouble)
CAST = re.compile(r"\(\s*(?:const\s+)?(?:struct\s+)?\w[\w\s]*(?:\*\s*)*\)\s*(?=[\w$&*(])")


def plain_value(frame, target, expression):
    """A number, $register, variable or path of members of one, and & of a global; casts before them change nothing.
    Read by LLDB without its compiler, so that nothing is allocated in the target; None: not of these forms."""
    text = expression.strip()
    while True:
        cast = CAST.match(text)
        if cast is not None:
            text = text[cast.end():]
        elif text.startswith("(") and text.endswith(")") and text.count("(") == 1:
            text = text[1:-1].strip()
        else:
            break
    if re.match(r"(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*$", text):
        return int(text.rstrip("uUlL"), 16 if text[:2] in ("0x", "0X") else 10) & U64
    if text.startswith("$"):
        return value_address(frame.FindRegister(text[1:])) if frame.IsValid() else None
    if frame.IsValid():
        address = value_address(frame.GetValueForVariablePath(text, lldb.eNoDynamicValues))
        if address is not None:
            return address
    of_global = re.match(r"&\s*(\w+)$", text)
    if of_global is not None:
        for context in target.FindSymbols(of_global.group(1)):
            address = context.GetSymbol().GetStartAddress().GetLoadAddress(target)
            if address != lldb.LLDB_INVALID_ADDRESS:
                return address
    elif re.match(r"\w+$", text):
        return value_address(target.FindFirstGlobalVariable(text))
    return None


def compiled_value(frame, target, expression):
    """By LLDB's compiler. For cores only: in a live process even (int)1 makes LLDB inject a call of mmap and write what
    it computes there (seen with LLDB 14 and 19: packets _M and M)."""
    options = lldb.SBExpressionOptions()
    options.SetAllowJIT(False)
    options.SetSuppressPersistentResult(True)
    options.SetUnwindOnError(True)
    options.SetTryAllThreads(False)
    options.SetFetchDynamicValue(lldb.eNoDynamicValues)
    context = frame if frame.IsValid() else target
    return value_address(context.EvaluateExpression(expression, options))


class Lldb(commands.Debugger):
    """The target that a command was given in; use within during()."""

    def __init__(self):
        self.debugger = self.context = self.interrupt = None

    def during(self, debugger, context):
        self.debugger, self.context, self.interrupt = debugger, context, Interrupt()
        return self

    def __enter__(self):
        self.interrupt.__enter__()

    def __exit__(self, *error):
        self.interrupt.__exit__(*error)
        self.debugger = self.context = self.interrupt = None  # would keep the process alive

    def target(self):
        process = self.context.GetProcess()
        if not process.IsValid() or process.GetState() in (lldb.eStateExited, lldb.eStateDetached, lldb.eStateUnloaded,
                                                           lldb.eStateInvalid, lldb.eStateConnected):
            raise bindings.Failure("there is no target: open a core file (target create --core FILE) or attach to a "
                                   "process (process attach --pid PID)")
        number, pid, path = process.GetUniqueID(), process.GetProcessID(), None
        if "core" in (process.GetPluginName() or ""):
            kind, path = commands.CORE, core_path(process)
            if path is None:
                raise bindings.Failure("this LLDB does not say which core file it has open (19 and later do); start it "
                                       "as lldb --core FILE, or use the program pydeepsize")
        else:
            kind = commands.PROCESS if is_held_here(pid) else commands.REMOTE
            # What LLDB says of a process lags behind what it is.
            if process.GetState() not in STOPPED or (kind == commands.PROCESS and
                                                     process_status(pid, "State")[:1] in ("R", "S", "D")):
                raise bindings.Failure("the process is running: stop it first (process interrupt)")
        return commands.Target(number, (kind, path, pid, process.GetStopID(True)), kind, path, pid)

    def target_numbers(self):
        targets = [self.debugger.GetTargetAtIndex(number) for number in range(self.debugger.GetNumTargets())]
        return [target.GetProcess().GetUniqueID() for target in targets if target.GetProcess().IsValid()]

    def open_options(self):
        return bindings.open_options(existing_path(self.context.GetTarget().GetExecutable()), self._sysroot(),
                                     self._debug_directory(), self.selected_tid())

    def _sysroot(self):
        """What `platform select --sysroot` was given. No call of the API tells."""
        result = lldb.SBCommandReturnObject()
        self.debugger.GetCommandInterpreter().HandleCommand("platform status", result)
        found = re.search(r"^\s*Sysroot: (.+)$", result.GetOutput() or "", re.M)
        return found.group(1) if found else None

    def _debug_directory(self):
        folders = self.debugger.GetInternalVariableValue("target.debug-file-search-paths",
                                                         self.debugger.GetInstanceName())
        return folders.GetStringAtIndex(0) if folders.GetSize() else None

    def selected_tid(self):
        thread = self.context.GetThread()
        return thread.GetThreadID() if thread.IsValid() else 0

    def selected_call(self):
        frame, thread = self.context.GetFrame(), self.context.GetThread()
        if not frame.IsValid() or frame.GetFrameID() == 0:
            return 0
        names = (thread.GetFrameAtIndex(number).GetFunctionName() for number in range(thread.GetNumFrames()))
        return commands.calls_before(names, frame.GetFrameID())

    def registers(self, tid):
        frame = self.context.GetProcess().GetThreadByID(tid).GetFrameAtIndex(0)
        values = []
        for name in bindings.REGISTER_NAMES if frame.IsValid() else ():
            error = lldb.SBError()
            value = frame.FindRegister(name)
            values.append(value.GetValueAsUnsigned(error, 0) if value.IsValid() else 0)
            if not value.IsValid() or error.Fail():
                return None
        return values or None

    def read(self, address, size):
        data = read_memory(self.context.GetProcess(), address, size)
        if data is None:
            raise bindings.Failure("LLDB cannot read %d bytes at 0x%x" % (size, address))
        return data

    def mappings(self):
        regions, region = self.context.GetProcess().GetMemoryRegions(), lldb.SBMemoryRegionInfo()
        found = []
        for number in range(regions.GetSize()):
            if regions.GetMemoryRegionAtIndex(number, region) and region.IsMapped():
                protection = region.IsReadable() + 2 * region.IsWritable() + 4 * region.IsExecutable()
                found.append((region.GetRegionBase(), region.GetRegionEnd(), protection, region.GetName()))
        if not found:
            raise bindings.Failure("the server of this remote target does not tell its mappings; use lldb-server "
                                   "there, or gdb here")
        return elf.with_file_offsets(found, self.read)

    def evaluate(self, expression):
        commands.refuse_side_effects(expression)
        frame, target = self.context.GetFrame(), self.context.GetTarget()
        address = plain_value(frame, target, expression)
        if address is None and "core" in (self.context.GetProcess().GetPluginName() or "") and \
                re.search(r"[-+*&()]", expression):
            address = compiled_value(frame, target, expression)
        if address is None:
            raise bindings.Failure("not a pointer")
        return address

    def is_interrupted(self):
        requested = getattr(self.debugger, "InterruptRequested", None)
        return self.interrupt.pressed or (requested is not None and requested())

    def output_width(self):
        return self.debugger.GetTerminalWidth()

    def output_colour(self):
        try:
            return self.debugger.GetUseColor() and os.isatty(1)
        except OSError:
            return False


class Interrupt:
    """Ctrl-C while a command runs. LLDB's own handler does not reach a Python command before LLDB 17, and drops the
    command's text in every version. So the signal is ours as long as the command lasts; where commands run in another
    thread than Python's main one (an IDE), LLDB's InterruptRequested() remains."""

    def __init__(self):
        self.pressed = False
        self.is_ours = False

    def _press(self, _number, _frame):
        self.pressed = True

    def __enter__(self):
        libc = ctypes.CDLL(None)
        self.handler_of_lldb = ctypes.create_string_buffer(SIGACTION_BYTES)
        if libc.sigaction(signal.SIGINT, None, self.handler_of_lldb) != 0:
            return
        try:
            self.handler_of_python = signal.signal(signal.SIGINT, self._press)
            self.is_ours = True
        except ValueError:  # not the main thread
            pass

    def __exit__(self, *_error):
        if not self.is_ours:
            return
        # Python's table first: that sets the handler itself, too, which must be LLDB's again in the end.
        if self.handler_of_python is not None:
            signal.signal(signal.SIGINT, self.handler_of_python)
        ctypes.CDLL(None).sigaction(signal.SIGINT, self.handler_of_lldb, None)


class Printed:
    """Where LLDB would print a command's text, to write the parts of a long answer there as they come: LLDB keeps what
    SBCommandReturnObject is given, all of it, until the command ends."""

    def __init__(self, debugger):
        self.file = debugger.GetOutputFile()
        self.used = False

    def write(self, text):
        data = text.encode("utf-8")
        while data:
            error, written = self.file.Write(data)
            if error.Fail() or not written:
                raise bindings.Failure("the answer cannot be written: %s" % (error.GetCString() or "no room"))
            data = data[written:]
            self.used = True
        self.file.Flush()

    def finish(self, text, result):
        """The end of the answer: after parts of it where those are, else as every command's text."""
        if self.used:
            self.write(text)
        elif text:
            result.write(text)  # not PutCString(), which ends every text with a newline of its own


def is_printed(debugger, caller):
    """Whether LLDB prints what this command says, and nobody else takes it: it was typed or came by -o. A script, an
    IDE and `command source` have the text in the SBCommandReturnObject, whole. caller: the Python frame that is under
    the command."""
    return caller is None and debugger.GetCommandInterpreter().IsActive()


class PyCommand:
    """One command of the library's table; register() makes a subclass for each."""

    port = sessions = None
    name = summary = help = ""

    def __init__(self, _debugger, _internal_dict):
        pass

    def __call__(self, debugger, line, context, result):
        printed = Printed(debugger)
        write = printed.write if is_printed(debugger, sys._getframe().f_back) else None
        try:
            with self.port.during(debugger, context):
                text = self.sessions.run(self.name, line, write)
            printed.finish(text, result)
        except KeyboardInterrupt:
            result.SetError("Quit")
        except bindings.Failure as failure:
            printed.finish(getattr(failure, "output", ""), result)
            result.SetError(str(failure))
        else:
            result.SetStatus(lldb.eReturnStatusSuccessFinishResult)

    def get_short_help(self):
        return self.summary

    def get_long_help(self):
        return self.help

    def get_repeat_command(self, _line):
        """Enter on an empty line does not run it again (LLDB 19)."""
        return ""


def __lldb_init_module(debugger, _internal_dict):
    try:
        library = bindings.load_library()
    except bindings.Failure as failure:
        raise ImportError("pydeepsize: %s" % failure)
    port = Lldb()
    sessions = commands.Sessions(library, port)
    for command in bindings.commands(library):
        name = "Py" + command["name"].capitalize()
        globals()[name] = type(name, (PyCommand,), {
            "port": port, "sessions": sessions, "name": command["name"],
            "summary": command["summary"][:1].upper() + command["summary"][1:] + ".",
            "help": commands.description(command)})
        debugger.HandleCommand("command script add -o -c %s.%s py-%s" % (__name__, name, command["name"]))
