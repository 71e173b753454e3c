# SPDX-License-Identifier: MIT
"""Measures the speed and memory that docs/testing.md promises, as ratios to a gc.collect() of the same heap in its own
process, and says which promise holds. Everything that is printed was measured by this run.

    python3 tests/bench/bench.py [--count N] [--python PATH] [--large]

--large: also a heap of 25 times as many objects, for the time per object (needs the memory and the disk for it)."""
import argparse
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))

import cores  # noqa: E402
import interpreters  # noqa: E402
import program  # noqa: E402


class OpenOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("sysroot", ctypes.c_char_p),
                ("executable", ctypes.c_char_p), ("debug_directory", ctypes.c_char_p),
                ("selected_tid", ctypes.c_uint64)]


def library_times(core, root):
    """Seconds of the first and the best later pyds_object_deep() of one session, and the count; opening not counted."""
    library = ctypes.CDLL(program.library())
    library.pyds_session_create.restype = ctypes.c_void_p
    library.pyds_session_error.restype = ctypes.c_char_p
    library.pyds_session_error.argtypes = [ctypes.c_void_p]
    library.pyds_open_core.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(OpenOptions)]
    library.pyds_object_deep.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p,
                                         ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint64)]
    library.pyds_session_destroy.argtypes = [ctypes.c_void_p]
    session = library.pyds_session_create()
    options = OpenOptions(struct_size=ctypes.sizeof(OpenOptions))

    def must(status):
        if status < 0:
            raise SystemExit("bench: " + library.pyds_session_error(session).decode())

    must(library.pyds_open_core(session, core.encode(), ctypes.byref(options)))
    deep, count, seconds = ctypes.c_uint64(), ctypes.c_uint64(), []
    for _ in range(5):
        start = time.perf_counter()
        must(library.pyds_object_deep(session, root, b"data", ctypes.byref(deep), ctypes.byref(count)))
        seconds.append(time.perf_counter() - start)
    library.pyds_session_destroy(session)
    return seconds[0], min(seconds[1:]), count.value, deep.value


def anonymous_bytes(pid):
    """Resident memory of a running process that is no file's; 0 when it has gone."""
    try:
        with open("/proc/%d/status" % pid) as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def run_once(arguments, watch):
    start = time.perf_counter()
    process = subprocess.Popen([program.path()] + arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while watch and process.poll() is None:
        most = max(most, anonymous_bytes(process.pid))
        time.sleep(0.0005)  # between two looks; nothing is waited for
    process.wait()
    seconds = time.perf_counter() - start
    if process.returncode not in (0, 3):
        raise SystemExit("bench: pydeepsize %s: exit status %d" % (" ".join(arguments), process.returncode))
    return seconds, most


def whole_process(arguments):
    """Seconds of the best of three runs."""
    return min(run_once(arguments, False)[0] for _ in range(3))


def most_memory(arguments):
    """The most resident bytes beyond the mapped file that were seen, of two runs."""
    return max(run_once(arguments, True)[1] for _ in range(2))


def report(rows):
    print("%-58s %10s %10s  %s" % ("what", "measured", "at most", ""))
    failed = 0
    for what, measured, most, unit in rows:
        holds = measured <= most
        failed += not holds
        print("%-58s %10s %10s  %s" % (what, unit % measured, unit % most, "" if holds else "TOO MUCH"))
    return failed


def dumped_heap(interpreter, count, folder):
    with cores.Target(interpreter.path, [os.path.join(HERE, "heap.py"), str(count)], folder) as target:
        _, collect, root = target.wait_ready().split()
        core = cores.gcore(target.pid, os.path.join(folder, "core-%d" % count))
    return core, float(collect), int(root, 16)


def measure(interpreter, count, folder, large):
    core, collect, root = dumped_heap(interpreter, count, folder)
    with open(core, "rb") as file:  # in the page cache, as the promises say: "cold" is our first call, not the disk
        while file.read(1 << 24):
            pass
    named = ["--core", core]
    at = "0x%x" % root
    first, later, objects, deep = library_times(core, root)
    whole = whole_process(named + ["deepsize", "--no-retained", at])
    size = whole_process(named + ["sizeof", at])
    info = whole_process(named + ["info"])
    top = whole_process(named + ["top"])
    memory = most_memory(named + ["top"])
    print("Python %s, %d objects, %.0f MiB deep, core of %.0f MiB; gc.collect() %.4f s; this machine: %d processors\n"
          % (interpreter.text, objects, deep / 2 ** 20, os.path.getsize(core) / 2 ** 20, collect, os.cpu_count()))
    rows = [("deepsize, library, first call / gc.collect", first / collect, 0.5, "%.2f x"),
            ("deepsize, library, later calls / gc.collect", later / collect, 0.5, "%.2f x"),
            ("deepsize, whole process, ms", whole * 1000, collect * 1000 + 50, "%.0f ms"),
            ("sizeof of one object, whole process, ms", size * 1000, 50, "%.0f ms"),
            ("info, whole process, ms", info * 1000, 50, "%.0f ms"),
            ("graph and retained size of every object / gc.collect", top / collect, 5, "%.2f x"),
            ("the same, memory beyond the mapped file, per object", memory / objects, 48, "%.1f B")]
    if large:
        big_core, _, big_root = dumped_heap(interpreter, count * 25, folder)
        big_first, _, big_objects, _ = library_times(big_core, big_root)
        os.unlink(big_core)
        rows.append(("time per object, %d M against %d M" % (big_objects // 10 ** 6, objects // 10 ** 6),
                     (big_first / big_objects) / (first / objects), 1.3, "%.2f x"))
    return report(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1850000)
    parser.add_argument("--python", default=None)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--smoke", action="store_true", help="a small heap, and no verdict on speed: does it run?")
    options = parser.parse_args()
    interpreter = interpreters.ask(options.python, "given") if options.python else interpreters.distribution()
    if interpreter is None:
        raise SystemExit("bench: no Python 3.8 to 3.15 to measure")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = cores.scratch("bench")
    try:
        failed = measure(interpreter, 20000 if options.smoke else options.count, folder, options.large)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed and not options.smoke else 0)


if __name__ == "__main__":
    main()
