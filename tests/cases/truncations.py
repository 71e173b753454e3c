#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""truncations.py [--points N] [--seed N] NAME...: a stored core is cut off at N random places, and every command is
asked in text and in JSON. An answer may differ from that of the whole core only where it says that something is
missing: a sentence or "losses" or coverage, with exit status 3, or a refusal. What differs in silence, crashes and
hangs is listed. NAME: a stored core ("3.12.1"), whose notes stand at its end as gdb writes them, or the path of a core,
of the kernel for one, whose notes stand first."""
import argparse
import ctypes
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("../support", "../oracle", "../../helper/bindings"):
    sys.path.insert(0, os.path.join(HERE, folder))

import pydeepsize_bindings as bindings  # noqa: E402
import stored_cores  # noqa: E402

X = "sys.modules"
COMMANDS = [["info"], ["sizeof", X], ["deepsize", X], ["deepsize", X, "-t"], ["object", X], ["referents", X],
            ["referrers", X], ["path", X], ["path", "--merge", "module"], ["heap"], ["heap", "--retained"],
            ["heap", "--held-from-c"], ["top"], ["memory"], ["native"], ["frames"], ["threads"], ["tasks"],
            ["tracebacks"], ["modules"], ["objects"], ["garbage"], ["tracemalloc"], ["findings"],
            ["query", "SELECT type, count(*), sum(shallow) FROM object GROUP BY type ORDER BY 3 DESC LIMIT 9"]]
SAID = re.compile("Not all is known|Not covered|Not complete|not in (?:the|this) (?:dump|core)|cut off|missing|refus|"
                  "Not trustworthy|is not an object|cannot|lack|no such", re.I)


class Session(bindings.Session):
    def answer(self, words):
        """(exit status, text); a failure's status is negative and its text the message."""
        try:
            return self._answer(words)
        except bindings.Failure as failure:
            return -1, str(failure)

    def _answer(self, words):
        array = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])
        output, job = bindings.OutputOptions(prefix_commands=1), ctypes.c_void_p()
        self.check(self.library.pyds_job_start(self.handle, len(words), array, ctypes.byref(output),
                                               ctypes.byref(job)))
        text, length, status = ctypes.c_char_p(), ctypes.c_uint64(), ctypes.c_int32()
        try:
            while self.library.pyds_job_wait(job, 1000) in (bindings.JOB_RUNS, bindings.JOB_PART):
                pass
            self.check(self.library.pyds_job_result(job, ctypes.byref(text), ctypes.byref(length),
                                                    ctypes.byref(status)))
            return status.value, ctypes.string_at(text, length.value).decode("utf-8", "replace")
        finally:
            self.library.pyds_job_destroy(job)


def opened(library, core, sysroot):
    session = Session(library)
    session.open_core(core, bindings.open_options(sysroot=sysroot))
    return session


def is_said(words, status, text):
    if status < 0 or (words[0] == "sizeof" and ("an estimate" in text or '"allocated_approximate":true' in text)):
        return True
    if "--json" not in words:
        return status in (2, 3) and SAID.search(text) is not None
    document = json.loads(text.splitlines()[-1] if words[0] == "objects" else text)
    coverage = document.get("coverage") or {}
    return status in (2, 3) and bool(document.get("losses") or coverage.get("unreadable") or coverage.get("examples") or
                                     any("error" in one for one in document.get("objects", ())) or
                                     words[0] == "info")


def look(library, core, sysroot, whole):
    """How many answers were the same, said what is missing, or were refused; and lines about what is wrong."""
    try:
        session = opened(library, core, sysroot)
    except bindings.Failure:
        return [0, 0, len(whole)], []
    counts, wrong = [0, 0, 0], []
    for words, before in whole:
        status, text = session.answer(words)
        counts[0 if text == before[1] else 2 if status < 0 else 1] += 1
        if text != before[1] and not is_said(words, status, text):
            wrong.append("%s: exit status %d, in silence: %r" % (" ".join(words), status, difference(before[1], text)))
    session.close()
    return counts, wrong


def difference(before, after):
    at = next((i for i, (left, right) in enumerate(zip(before, after)) if left != right), min(len(before), len(after)))
    return before[max(0, at - 40):at + 60], after[max(0, at - 40):at + 60]


def forked(function):
    """What look() returns, made in a process of its own; a line if that dies or takes more than two minutes."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(120)
        os.write(writer, json.dumps(function())[:60000].encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        content = file.read()
    _, status = os.waitpid(pid, 0)
    return json.loads(content) if status == 0 else ([0, 0, 0], ["it ended with status %d" % status])


def round_of(name, points, rng):
    folder = tempfile.mkdtemp(prefix="truncations-")
    library, faults, totals = bindings.load_library(), 0, [0, 0, 0]
    try:
        core, sysroot = name, None
        if not os.path.exists(name):
            _, core, sysroot, _ = stored_cores.unpack(name, folder)
        size, cut = os.path.getsize(core), os.path.join(folder, "cut")
        words = [line + more for line in COMMANDS for more in ([], ["--json"])]

        def whole_answers():
            session = opened(library, core, sysroot)
            return [(line, session.answer(line)) for line in words]
        whole = whole_answers()
        shutil.copy(core, cut)
        # From the end on, so that one file serves all.
        for place in sorted((rng.randrange(64, size) for _ in range(points)), reverse=True):
            os.truncate(cut, place)
            counts, lines = forked(lambda: look(library, cut, sysroot, whole))
            totals = [left + right for left, right in zip(totals, counts)]
            faults += len(lines)
            for line in lines:
                print("%s cut off at %d: %s" % (name, place, line), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%s: %d answers the same, %d that say what is missing, %d refusals" % tuple([name] + totals), flush=True)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1000, help="of each core (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="+", metavar="NAME")
    arguments = parser.parse_args()
    faults = sum(round_of(name, arguments.points, random.Random(arguments.seed)) for name in arguments.names)
    print("%d points in each of %d cores, %d faults" % (arguments.points, len(arguments.names), faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
