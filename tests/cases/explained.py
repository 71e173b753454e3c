# SPDX-License-Identifier: MIT
"""What share of a process's private writable memory has an owner that `memory` names, for each case whose library is
there alone in a process, and the rest by range:

    python3 tests/cases/explained.py PYTHON [CASE...]

A case is one of native_cases_program.py, native_libraries, fragmented or memory, or a program of one's own (its path)
that prints a line when it can be looked at. The exit status is 1 where a share is below 90 %."""
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
    rows.sort(key=lambda one: -one.get("resident", one["bytes"]))
    return ["  %s %12d bytes, %d resident at most" % (one["start"], one["bytes"], one.get("resident", one["bytes"]))
            for one in rows]


def look(python, case):
    """Share with an owner; None: the library is not there."""
    folder = cores.scratch("explained")
    try:
        with cores.Target(python, arguments(case, folder), folder) as target:
            if not target.process.stdout.readline():
                sys.stderr.write("%s: %s\n" % (case, target.process.stderr.read().decode("utf-8", "replace")[-500:]))
                return None
            truth = os.path.join(folder, "truth")
            if os.path.exists(truth) and open(truth).read().startswith("missing " + case):
                return None
            answer = program.ask(["--pid", str(target.pid)], ["memory", "--json", "--regions"])
        share = answer["explained"] / answer["total"]["private"]
        print("%-20s %6.1f %% of %12d bytes" % (os.path.basename(case), 100 * share, answer["total"]["private"]))
        for line in nobodys(answer)[:5 if share > LEAST else 20]:
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
