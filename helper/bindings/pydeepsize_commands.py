# SPDX-License-Identifier: MIT
"""From a command line in a debugger to its text: what the front ends in gdb and LLDB do alike.

A front end says what its debugger knows (class Debugger), registers the commands of the library's table and writes out
what run() hands to it. Python 3.6 syntax, standard library only.
"""
import collections
import os
import re
import sys
import time

import pydeepsize_bindings as bindings

PROGRESS_FIRST_S = 0.5  # shorter work shows nothing
PROGRESS_EVERY_S = 0.2

CORE, PROCESS, REMOTE = "core", "process", "remote"

# number: which of the debugger's targets; identity: another one means other memory; kind: CORE, a PROCESS of this
# machine that the debugger holds, or REMOTE, readable through the debugger only; path: of the core
Target = collections.namedtuple("Target", "number identity kind path pid")


# What runs Python frames; with tail calls (3.14) each instruction is a function of its own.
LOOPS = ("_PyEval_EvalFrameDefault", "_TAIL_CALL_")


def calls_before(frames, selected):
    """How many calls of the interpreter's loop are newer than the one that the selected frame is in or was called by.
    frames: names of functions, newest first; selected: index of the selected one. Where none is older, the oldest."""
    calls = 0
    for index, name in enumerate(frames):
        if name and name.startswith(LOOPS):
            if index >= selected:
                return calls
            calls += 1
    return max(calls - 1, 0)


class Debugger:
    """What a debugger is asked. The whole difference between the front ends."""

    def target(self):
        """The selected Target; raises bindings.Failure with what to do where there is none."""
        raise NotImplementedError

    def target_numbers(self):
        """Of all targets there are: sessions of others are closed."""
        raise NotImplementedError

    def open_options(self):
        """bindings.open_options() of the selected target."""
        raise NotImplementedError

    def selected_call(self):
        """Which call of the interpreter's loop the selected frame belongs to: calls_before()."""
        return 0

    def selected_tid(self):
        """The native id of the selected thread, 0 if there is none."""
        raise NotImplementedError

    def read(self, address, size):
        """`size` bytes of a REMOTE target; raises where they cannot be read."""
        raise NotImplementedError

    def mappings(self):
        """(start, end, file offset, protection, path or None) of a REMOTE target; [] if the debugger cannot tell."""
        raise NotImplementedError

    def evaluate(self, expression):
        """The address that an expression of the debugger's language means; raises bindings.Failure. Calls no function
        of the target and writes nothing to it."""
        raise NotImplementedError

    def registers(self, tid):
        """The values of bindings.REGISTER_NAMES of the thread with this native id, or None. Changes nothing of what
        the user has selected."""
        return None

    def is_interrupted(self):
        """Whether the user asked for the prompt, where no KeyboardInterrupt says so."""
        return False

    def output_width(self):
        """Columns; 0: unlimited or unknown."""
        raise NotImplementedError

    def output_colour(self):
        raise NotImplementedError


CLOSING = {"(": ")", "[": "]", "{": "}"}


def split_arguments(line):
    """Words of a command line. Spaces inside quotes or brackets separate nothing and quotes inside a word stay, as in
    app.cache.SESSIONS['a b'][1]; a word that is quoted as a whole loses its quotes; a cast goes with what follows."""
    words, word, closers, quote = [], "", [], ""
    for character in line:
        if not quote and not closers and character.isspace():
            if word:
                words.append(word)
            word = ""
            continue
        if quote:
            # a backslash before it makes the quote a part of the text
            escaped = (len(word) - len(word.rstrip("\\"))) % 2
            quote = "" if character == quote and not escaped else quote
        elif character in "'\"":
            quote = character
        elif character in CLOSING:
            closers.append(CLOSING[character])
        elif closers and character == closers[-1]:
            closers.pop()
        word += character
    if word:
        words.append(word)
    joined = []
    for word in words:
        if len(word) > 1 and word[0] in "'\"" and word.find(word[0], 1) == len(word) - 1:
            word = word[1:-1]
        if joined and re.match(r"\([\w\s:]+\*+\s*\)$", joined[-1]):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


TOKEN = re.compile(r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<name>[$@\w]+)|"""
                   r"""(?P<sign><<=|>>=|->|==|!=|<=|>=|<<|>>|&&|\|\||\+\+|--|::|[-+*/%&|^:]=|.))""", re.DOTALL)
ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", ":=", "++", "--"}
TAKES_PARENTHESIS = {"sizeof", "alignof", "_Alignof", "typeof", "decltype"}
CASTS = {"static_cast", "reinterpret_cast", "const_cast", "dynamic_cast"}


def side_effect(expression):
    """What a debugger's expression would do beside having a value, as words for a sentence; None: nothing.

    By the signs of C, C++, Rust and Pascal: what assigns, counts up or down, calls (functions of the target, and those
    of the debugger, which may run anything: $_shell(...)), or opens a block. Refuses rather too much."""
    before = None
    in_template = False
    for token in TOKEN.finditer(expression.strip()):
        text, name, sign = token.group("text"), token.group("name"), token.group("sign")
        if sign in ASSIGNS:
            return "assigns"
        if sign in ("{", ";", "!") and not (sign == "{" and before is None) and not (
                sign == "!" and (before is None or not re.match(r"\w", before))):
            return "is more than an expression"
        if sign == "(" and before is not None and not in_template and re.match(r"[$@\w]", before) and \
                before not in TAKES_PARENTHESIS:
            return "calls %s" % before
        if sign == "(" and (before == "]" or (before == ">" and not in_template)):
            return "calls a function"
        if name in ("new", "delete", "throw", "await"):
            return "does more than look"
        in_template = before in CASTS and sign == "<" or (in_template and sign != "(")
        before = text or name or sign
    return None


def refuse_side_effects(expression):
    """Raises before anything is run."""
    effect = side_effect(expression)
    if effect is not None:
        raise bindings.Refused("%s %s: expressions that do more than look at the target are not evaluated; give an "
                               "address, or print it by the debugger first" % (expression, effect))


def description(command):
    """The help text of a command of bindings.commands()."""
    return "%s.\n\nUsage: py-%s\n\n%s" % (command["summary"][:1].upper() + command["summary"][1:], command["usage"],
                                           command["help"].rstrip("\n"))


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

    def __call__(self, done, total):
        now = time.time()
        if not self.shows or now < self.next or not done:
            return
        self.next = now + PROGRESS_EVERY_S
        self.shown = True
        # an object counts once for each pass over it: only the share of a known whole says something
        text = "%d %%" % (100 * done // total) if total > done else format(done, ",") + " objects"
        self.stream.write("\r%s\x1b[K" % text)
        self.stream.flush()

    def erase(self):
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
        self.shown = False


class Sessions:
    """The open session of each target, until its memory may have changed."""

    def __init__(self, library, debugger):
        self.library = library
        self.debugger = debugger
        self.open = {}  # Target.number -> (Target.identity, bindings.Session)
        self.dying = []  # sessions to be closed that an event of the debugger found at work

    def forget(self, numbers=None):
        """Closes the sessions of these targets; of all of them."""
        for number in list(self.open) if numbers is None else numbers:
            self.dying.append(self.open.pop(number)[1])
        self.dying = [session for session in self.dying if not session.close()]

    def forget_torn(self):
        self.forget([number for number, (_identity, session) in self.open.items() if session.is_torn])

    def current(self, progress=None):
        """The session of the selected target, its selected thread told to the library."""
        target = self.debugger.target()
        numbers = set(self.debugger.target_numbers()) | {target.number}
        self.forget([number for number, (identity, _session) in self.open.items()
                     if number not in numbers or (number == target.number and identity != target.identity)])
        if target.number not in self.open:
            self.open[target.number] = (target.identity, self.start(target, progress))
        session = self.open[target.number][1]
        tid = self.debugger.selected_tid()
        if tid:
            session.select_call(tid, self.debugger.selected_call())
        return session

    def start(self, target, progress=None):
        session = bindings.Session(self.library, self.debugger.evaluate, self.debugger.is_interrupted,
                                   self.debugger.registers)
        options = self.debugger.open_options()
        try:
            if target.kind == CORE:
                session.open_core(target.path, options, progress)
            elif target.kind == PROCESS:
                session.open_process(target.pid, options, progress)
            else:
                session.open_callbacks(self.debugger.read, self.debugger.mappings(), options, progress)
        except BaseException:
            session.close()
            raise
        return session

    def complete(self, beginning):
        """What may stand for the beginning of a target; [] where nothing can be said."""
        try:
            return self.current().complete(beginning)
        except bindings.Failure:
            return []

    def run(self, name, line, write=None):
        """The text of one command with its arguments as they were typed. With write(text), the parts of a long answer
        are written as they come and the end is returned. Failure carries in `output` what there was to show."""
        progress = Progress()

        def write_part(text):
            progress.erase()
            write(text)

        try:
            return self.current(progress).run([name] + split_arguments(line), self.debugger.output_width(),
                                      self.debugger.output_colour(), progress, write_part if write else None)
        except bindings.Changed:
            self.forget()
            raise
        except BaseException:
            self.forget_torn()
            raise
        finally:
            progress.erase()
            self.forget([])
