# SPDX-License-Identifier: MIT
"""Measures the speed and memory that docs/testing.md promises, as ratios to a gc.collect() of the same heap in its own
process, and says which promise holds. Everything that is printed was measured by this run.

    python3 tests/bench/bench.py [--count N] [--python PATH] [--large]

--large: also a heap of 25 times as many objects, for the time per object, and every other command on it: needs 6 GB of
memory and as much disk, and some minutes."""
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
    """Seconds of the first and of a later pyds_object_deep(), each the best of three sessions, and what they answered;
    opening not counted."""
    library = ctypes.CDLL(program.library())
    library.pyds_session_create.restype = ctypes.c_void_p
    library.pyds_session_error.restype = ctypes.c_char_p
    library.pyds_session_error.argtypes = [ctypes.c_void_p]
    library.pyds_open_core.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(OpenOptions),
                                       ctypes.c_void_p]
    library.pyds_object_deep.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p,
                                         ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint64)]
    library.pyds_session_destroy.argtypes = [ctypes.c_void_p]
    options = OpenOptions(struct_size=ctypes.sizeof(OpenOptions))
    deep, count, first, later = ctypes.c_uint64(), ctypes.c_uint64(), [], []

    def must(session, status):
        if status < 0:
            raise SystemExit("bench: " + library.pyds_session_error(session).decode())

    for _ in range(3):
        session = library.pyds_session_create()
        must(session, library.pyds_open_core(session, core.encode(), ctypes.byref(options), None))
        for seconds in (first, later):
            start = time.perf_counter()
            must(session, library.pyds_object_deep(session, root, b"data", ctypes.byref(deep), ctypes.byref(count)))
            seconds.append(time.perf_counter() - start)
        library.pyds_session_destroy(session)
    return min(first), min(later), count.value, deep.value


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


def whole_process(arguments, runs=3):
    """Seconds of the best of some runs."""
    return min(run_once(arguments, False)[0] for _ in range(runs))


def processor_seconds(core, commands, runs=5):
    """Of each command the least user and system time of some runs. Turn by turn, so that all have the same weather."""
    least = {}
    for _ in range(runs):
        for command in commands:
            null = os.open(os.devnull, os.O_WRONLY)
            process = subprocess.Popen([program.path(), "--core", core] + command.split(), stdout=null, stderr=null)
            os.close(null)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else status
            if process.returncode not in (0, 3):
                raise SystemExit("bench: pydeepsize %s: exit status %d" % (command, process.returncode))
            seconds = usage.ru_utime + usage.ru_stime
            least[command] = min(seconds, least.get(command, seconds))
    return least


def most_memory(arguments):
    """The most resident bytes beyond the mapped file that were seen, of two runs."""
    return max(run_once(arguments, True)[1] for _ in range(2))


def report(rows):
    print("%-58s %10s %10s  %s" % ("what", "measured", "at most", ""))
    failed = 0
    for what, measured, most, unit in rows:
        holds = most is None or measured <= most
        failed += not holds
        print("%-58s %10s %10s  %s" % (what, unit % measured, "" if most is None else unit % most,
                                       "" if holds else "TOO MUCH"))
    return failed


def dumped_heap(interpreter, count, folder, blocks=0):
    arguments = [os.path.join(HERE, "heap.py"), str(count)] + ([str(blocks)] if blocks else [])
    with cores.Target(interpreter.path, arguments, folder) as target:
        _, collect, root = target.wait_ready().split()
        core = cores.gcore(target.pid, os.path.join(folder, "core-%d" % count))
    return core, float(collect), int(root, 16)


def read_all(path):
    """Into the page cache, as the promises say: "cold" is our first call, not the disk."""
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass


def measure(title, heap):
    """Measures one heap against its promises; prints the table. Returns what a comparison needs."""
    core, collect, root = heap
    read_all(core)
    named = ["--core", core]
    at = "0x%x" % root
    first, later, objects, deep = library_times(core, root)
    whole = whole_process(named + ["deepsize", "--no-retained", at])
    size = whole_process(named + ["sizeof", at])
    info = whole_process(named + ["info"])
    top = whole_process(named + ["top"])
    memory = most_memory(named + ["top"])
    walk_memory = most_memory(named + ["deepsize", "--no-retained", at])
    print("%s, %d objects, %.0f MiB deep, core of %.0f MiB; gc.collect() %.4f s; this machine: %d processors\n"
          % (title, objects, deep / 2 ** 20, os.path.getsize(core) / 2 ** 20, collect, os.cpu_count()))
    failed = report([
        ("deepsize, library, first call / gc.collect", first / collect, 0.5, "%.2f x"),
        ("deepsize, library, later calls / gc.collect", later / collect, 0.5, "%.2f x"),
        ("deepsize, whole process, ms", whole * 1000, collect * 1000 + 50, "%.0f ms"),
        ("deepsize, memory beyond the mapped file / heap", 100 * walk_memory / deep, None, "%.1f %%"),
        ("sizeof of one object, whole process, ms", size * 1000, 50, "%.0f ms"),
        ("info, whole process, ms", info * 1000, 50, "%.0f ms"),
        ("graph and retained size of every object / gc.collect", top / collect, 5, "%.2f x"),
        ("the same, memory beyond the mapped file, per object", memory / objects, 48, "%.1f B"),
        ("deepsize, library, first call, per object", 1e9 * first / objects, None, "%.1f ns"),
        ("graph and retained size, per object", 1e9 * top / objects, None, "%.1f ns")])
    return failed, first / objects, top / objects


def measure_native(heap, blocks):
    """What blocks of C code cost: half of this heap's objects have one each. In processor time, as others use the
    machine too; some of each limit is room for them."""
    core, _, root = heap
    read_all(core)
    commands = ["top", "heap", "modules", "frames", "deepsize 0x%x" % root]
    least = processor_seconds(core, commands + [command + " --no-native" for command in commands] +
                              ["memory", "native", "top --measure native"])
    top = least["top --no-native"]
    more = most_memory(["--core", core, "top"]) - most_memory(["--core", core, "top", "--no-native"])
    print("\n%d objects, of which %d have a block of C code; top --no-native: %.2f s of the processor's time"
          % (2 * blocks, blocks, top))
    rows = [("%s, with native blocks / without" % command.split()[0],
             least[command] / least[command + " --no-native"], 1.6, "%.2f x") for command in commands]
    rows += [("memory / top without native blocks", least["memory"] / top, 1, "%.2f x"),
             ("top --measure native / top without", least["top --measure native"] / top, 1.75, "%.2f x"),
             ("native / top without", least["native"] / top, None, "%.2f x"),
             ("native blocks, memory beyond the mapped file, per block", max(more, 0) / blocks, 28, "%.1f B")]
    return report(rows)


def measure_recursion(interpreter, count, folder):
    """What the frames of a deep recursion cost, against the same objects without them (recursion.py). Wanted is 1.5
    times; the limits are what it takes today, with some room."""
    if interpreter.version < (3, 11):
        print("\nno recursion: up to 3.10 each frame is an object and takes C stack, so that there is no such twin")
        return 0
    limits = {"frames": 1.9, "top": 2.1, "heap": 1.8, "threads": 1.9, "deepsize frame:1.mine": 1.8}
    least = {}
    for shape in ("deep", "flat"):
        arguments = [os.path.join(HERE, "recursion.py"), shape, str(count)]
        with cores.Target(interpreter.path, arguments, folder) as target:
            target.wait_ready()
            core = cores.gcore(target.pid, os.path.join(folder, "core-" + shape))
        read_all(core)
        least[shape] = processor_seconds(core, list(limits))
        os.remove(core)
    print("\na recursion of %d frames against the same objects without it, in processor time" % count)
    return report([("%s, with the recursion / without" % command.split()[0],
                    least["deep"][command] / least["flat"][command], most, "%.2f x")
                   for command, most in limits.items()])


def measure_commands(heap):
    """The other commands that look at a whole heap, once each, as multiples of graph and retained sizes."""
    core, _, root = heap
    at = "0x%x" % root
    graph = whole_process(["--core", core, "top"], 1)
    print("\n%-58s %10s %10s" % ("command", "seconds", "/ top"))
    for arguments in (["top"], ["heap"], ["deepsize", at], ["path", at], ["referrers", at], ["modules"], ["frames"],
                      ["objects", "--json"]):
        seconds = whole_process(["--core", core] + arguments, 1)
        print("%-58s %10.2f %8.2f x" % (arguments[0], seconds, seconds / graph))


def measure_all(interpreter, count, folder, large):
    title = "Python %s" % interpreter.text
    failed, small_deep, small_graph = measure(title, dumped_heap(interpreter, count, folder))
    failed += measure_native(dumped_heap(interpreter, count // 2, folder, count // 2), count // 2)
    failed += measure_recursion(interpreter, count // 5, folder)
    if not large:
        return failed
    heap = dumped_heap(interpreter, count * 25, folder)
    print()
    more, deep, graph = measure(title, heap)
    print()
    failed += more + report([("deepsize, time per object, large / small", deep / small_deep, 1.3, "%.2f x"),
                             ("graph and retained, time per object, large / small", graph / small_graph, 1.3,
                              "%.2f x")])
    measure_commands(heap)
    return failed


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
        failed = measure_all(interpreter, 20000 if options.smoke else options.count, folder, options.large)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed and not options.smoke else 0)


if __name__ == "__main__":
    main()
