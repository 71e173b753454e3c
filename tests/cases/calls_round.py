#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Functions of C in stacks at random points of busy programs: what `frames` says of each thread of a stopped process
against its native stack, as eu-stack (elfutils) unwinds it by the interpreter's symbols. Between two runs of the
interpreter's loop, or in front of the newest, the function that the loop called must be the one that is said; rows in
front of older frames must be found in that order. A line for each interpreter; ends with 1 if a row is wrong.

    build/venv/bin/python tests/cases/calls_round.py --seconds 60 3.8 3.12 3.14.7t     (parts of names)
    build/venv/bin/python tests/cases/calls_round.py --mode monitor 3.13 3.15          (or profile, trace)
"""
import argparse
import collections
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))

import cores  # noqa: E402
import interpreters  # noqa: E402
import program  # noqa: E402

PROGRAM = os.path.join(HERE, "calls_round_program.py")
THREADS, POINTS = 6, 60
LOOP = re.compile(r"_?PyEval_EvalFrame(Default)?(\.|$)")
# What stands between the loop and the function that it calls.
BETWEEN = re.compile(r"_?Py(Object|Vectorcall|VectorCall|Eval|CFunction|CMethod|Function|MethodDef|MethodDescr)_?\w*|"
                     r"cfunction_\w+|method_vectorcall\w*|call_function|type_call|type_vectorcall|vectorcall_\w+|"
                     r"do_call_core|trace_call_function|_PyCall\w+|_Py_(Builtin)?(Call|VectorCall)\w*")
# Names of functions that are called otherwise in C, that the loop knows, or that jump to their last call.
ALIASES = {"len": "size|length|len", "isinstance": "isinstance", "str": "str|unicode", "tuple": "tuple",
           "list": "list", "get": "get|dict_lookup|tp_hash", "update": "update|evp", "send": "send|gen_",
           "throw": "throw|gen_", "openssl_md5": "md5|evp", "openssl_sha1": "sha1|evp"}
Wrong = collections.namedtuple("Wrong", "said function line native")


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    for _ in range(2000):
        states = []
        for path in glob.glob("/proc/%d/task/*/stat" % pid):
            try:
                with open(path) as file:
                    states.append(file.read().rpartition(")")[2].split()[0])
            except OSError:
                pass
        if all(state in "Tt" for state in states):
            return
        time.sleep(0.001)
    raise cores.Failed("the process does not stop")


def native_stacks(pid, debug):
    """{thread: symbols, innermost first}"""
    line = ["eu-stack", "-n", "0", "-p", str(pid)] + (["--debuginfo-path=" + debug] if debug else [])
    output = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout.decode()
    stacks, symbols = {}, []
    for line in output.splitlines():
        thread = re.match(r"TID (\d+):", line)
        frame = re.match(r"#\d+\s+0x\S+\s*(?:- 1)?\s*(.*)$", line)
        if thread:
            symbols = stacks.setdefault(int(thread.group(1)), [])
        elif frame:
            symbols.append(frame.group(1).strip())
    return stacks


def called(symbols):
    """What each run of the loop called, the newest first: up to two names, the loop's own callee first."""
    answer, above = [], []
    for symbol in symbols:
        if LOOP.match(symbol):
            answer.append([one for one in reversed(above) if not BETWEEN.fullmatch(one.split(".")[0])][:2])
            above = []
        else:
            above.append(symbol)
    return answer


def fits(said, names):
    name = re.match(r"<built-in (?:function|method|class) (\S+?)(?: of .*)?>", said).group(1)
    return re.search(ALIASES.get(name, re.escape(name.strip("_"))), " ".join(names), re.I) is not None


def check_thread(frames, symbols, counts):
    """None, or the first row that is not in the native stack."""
    calls = called(symbols)
    if not calls:
        counts["without a loop"] += 1
        return None
    at = 0
    for number, frame in enumerate(frames):
        said = frame["calls"]
        if said is None:
            continue
        counts["rows"] += 1
        counts["innermost"] += number == 0
        places = range(1) if number == 0 else range(max(at, 1), len(calls))
        found = next((place for place in places if fits(said, calls[place])), None)
        if found is None:
            return Wrong(said, frame["function"], frame["line"], calls[at:at + 10])
        at = found + 1
    return None


def look(pid, debug, counts):
    stop(pid)
    try:
        threads = program.ask(["--pid", str(pid)], ["frames", "--no-retained", "--json", "-n", "0"])["threads"]
        stacks = native_stacks(pid, debug)
    finally:
        os.kill(pid, signal.SIGCONT)
    counts["points"] += 1
    found = [check_thread(thread["frames"], stacks[thread["id"]], counts)
             for thread in threads if thread["id"] in stacks]
    return [one for one in found if one is not None]


def run(interpreter, mode, seconds, seed):
    debug = os.path.join(interpreters.folder(), interpreter.origin, "usr", "lib", "debug")
    counts, wrong, end = collections.Counter(), [], time.monotonic() + seconds
    while time.monotonic() < end:
        line = [interpreter.path, PROGRAM, str(seed), str(THREADS), mode]
        with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=cores.clean_environment(None)) as process:
            try:
                process.stdout.readline()
                for _ in range(POINTS):
                    time.sleep(random.random() * 0.05)
                    wrong += look(process.pid, debug if os.path.isdir(debug) else None, counts)
                    if time.monotonic() > end:
                        break
            finally:
                process.kill()
        seed += 1
    print("%s %s: %s, %d wrong" % (interpreter.name, mode, ", ".join("%d %s" % (number, name) for name, number
                                                                     in counts.items()), len(wrong)), flush=True)
    for one in wrong[:10]:
        print("    %s in front of %s() line %s: %s" % one, flush=True)
    return bool(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="for each interpreter")
    parser.add_argument("--mode", default="none", choices=["none", "profile", "trace", "monitor"])
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 6))
    parser.add_argument("names", nargs="+")
    arguments = parser.parse_args()
    if not shutil.which("eu-stack"):
        parser.error("needs eu-stack, of elfutils")
    chosen = [one for one in interpreters.find() if any(name in one.name for name in arguments.names)
              and (arguments.mode != "monitor" or one.version >= (3, 12))]
    return int(any([run(one, arguments.mode, arguments.seconds, arguments.seed) for one in chosen]))


if __name__ == "__main__":
    sys.exit(main())
