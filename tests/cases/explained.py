# SPDX-License-Identifier: MIT
"""What share of a process's private writable memory has a named owner, for each case whose library is there alone in a
process, and the rest by range:

    python3 tests/cases/explained.py PYTHON[@FOLDER OF PACKAGES] [CASE...]

A case is one of native_cases_program.py, native_libraries, fragmented or memory, or a program of one's own (its path)
that prints a line when it can be looked at. Two shares: "explained" as `memory` says it, and the same without the
blocks of C code that nothing seen leads to (`memory --native`), which is what docs/memory.md calls a named owner. With
CASES_CORE=1 the process is dumped by gcore, and its core asked. The exit status is 1 where the second share is below
90 %."""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
sys.path.insert(0, HERE)

import cores  # noqa: E402
import program  # noqa: E402
import test_native_cases as native  # noqa: E402

PROGRAMS = {"native_libraries": [], "fragmented": [], "memory": ["threads"]}
LEAST = 0.9


def arguments(case, folder):
    if case.endswith(".py"):
        return [os.path.abspath(case)]
    if case in PROGRAMS:
        return [os.path.join(HERE, case + "_program.py"), folder] + PROGRAMS[case]
    return [os.path.join(HERE, "native_cases_program.py"), folder, case]


def nobodys(answer):
    """Ranges of private memory without an owner, largest first, as text."""
    rows = [one for one in answer["regions"] if one["kind"] == "not known" and one["writable"]]
    rows.sort(key=lambda one: -(one["resident"] or 0))
    return ["  %s %12d bytes, %d resident" % (one["start"], one["bytes"], one["resident"] or 0) for one in rows]


def unseen(where):
    """The largest blocks of C code that nothing seen leads to, as text."""
    answer = program.ask(where, ["native", "--json", "-n", "1000"])
    rows = [one for one in answer["blocks"] if one["holder"] == "unseen"][:20]
    return ["  %s %12d bytes, a block that nothing seen leads to" % (one["address"], one["bytes"]) for one in rows]


def look(python, case):
    """Share with a named owner; None: the library is not there."""
    python, _, packages = python.partition("@")
    folder = cores.scratch("explained")
    try:
        with cores.Target(python, arguments(case, folder), folder,
                          {"PYTHONPATH": packages} if packages else None) as target:
            if not target.process.stdout.readline():
                sys.stderr.write("%s: %s\n" % (case, target.process.stderr.read().decode("utf-8", "replace")[-500:]))
                return None
            truth = os.path.join(folder, "truth")
            if os.path.exists(truth) and open(truth).read().startswith("missing " + case):
                return None
            where = ["--pid", str(target.pid)]
            if os.environ.get("CASES_CORE"):
                where = ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))]
            answer = program.ask(where, ["memory", "--json", "--regions", "--native"])
            private = answer["total"]["private"]
            share = answer["named"] / private
            rest = nobodys(answer)[:5 if share > LEAST else 20] + (unseen(where) if share < LEAST else [])
        print("%-24s explained %6.1f %%, with a named owner %6.1f %% of %12d bytes"
              % (os.path.basename(case), 100 * answer["explained"] / private, 100 * share, private))
        for line in rest:
            print(line)
        sys.stdout.flush()
        return share
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cases = sys.argv[2:] or native.STANDARD + native.LIBRARIES + native.OTHERS + list(PROGRAMS)
    shares = [(case, look(sys.argv[1], case)) for case in cases]
    print("not there: " + (" ".join(case for case, share in shares if share is None) or "none"))
    return 1 if any(share is not None and share < LEAST for _, share in shares) else 0


if __name__ == "__main__":
    sys.exit(main())
