# SPDX-License-Identifier: MIT
"""Live processes, hung ones above all: they are answered for, or it is said why not, and run on as if nothing had been.
What is said of a live process is what is said of a core of it."""
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import cores
import gdb_session
import program

HUNG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hung.py")
ROOTS = ["__main__.ROOT", "__main__.ROOT['nodes']", "__main__.ROOT['nodes'][7]", "__main__.ROOT['slotted'][3]",
         "__main__.ROOT['map']", "__main__.ROOT['set']", "__main__.ROOT['text']", "__main__.Node", "sys.modules",
         "__main__"]


@pytest.fixture
def folder():
    path = cores.scratch("live")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start(folder, distribution):
    """start(mode): a process that got there."""
    running = []

    def begin(mode, interpreter=None, **environment):
        target = cores.Target((interpreter or distribution).path, ["-W", "ignore", HUNG, mode, folder], folder,
                              environment)
        running.append(target)
        target.wait_ready()
        return target

    yield begin
    for target in running:
        try:
            os.kill(target.pid, signal.SIGCONT)
        except OSError:
            pass
        target.close()


def status_of(pid, thread=None):
    """Fields of /proc/PID/status; {} if it is gone."""
    try:
        with open("/proc/%d/task/%d/status" % (pid, thread or pid)) as file:
            return dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    except OSError:
        return {}


def state_of(pid, thread=None):
    return status_of(pid, thread).get("State", "?")[0]


def threads_of(pid):
    return sorted(int(name) for name in os.listdir("/proc/%d/task" % pid))


def wait_until(condition, what):
    """Polls what only /proc tells."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "never came: " + what
        time.sleep(0.001)


def runs_freely(pid):
    """No thread is traced or stopped."""
    return all(state_of(pid, thread) in "RSDZ" for thread in threads_of(pid))


def deepsize(target, *options):
    return program.ask(target, ["deepsize", "--json"] + list(options) + ["__main__.ROOT"])


def expect_answer(target, mode="copy"):
    """It is answered for, and let go."""
    before = threads_of(target.pid)
    answer = deepsize(["--pid", str(target.pid)])
    assert answer["objects"][0]["unreadable"] == 0
    assert answer["objects"][0]["count"] > 20000
    assert answer["live"]["mode"] == mode
    wait_until(lambda: runs_freely(target.pid), "all threads of %s running on" % target.pid)
    assert threads_of(target.pid) == before
    assert status_of(target.pid).get("TracerPid", "0") == "0"
    return answer


# ---------------------------------------------------------------- what is said of the stop

def test_text_and_json_tell_of_the_stop(start):
    target = start("idle")
    named = ["--pid", str(target.pid)]
    for command in (["info"], ["sizeof", "__main__.ROOT"], ["deepsize", "__main__.ROOT"], ["heap"], ["top"]):
        if command[0] not in program.commands():
            continue
        lines = program.run(named + command).output.splitlines()
        said = [line for line in lines if line.startswith("process %d was stopped for " % target.pid)]
        assert len(said) == 1, lines
        assert re.fullmatch(r"process \d+ was stopped for \d+ ms, [0-9.]+ [KMG]iB copied; the analysis uses the copy",
                            said[0])
        live = program.ask(named, command + ["--json"])["live"]
        assert live["mode"] == "copy" and live["copied_bytes"] > 1 << 20 and live["stopped_ms"] >= 1
    place = program.run(named + ["--in-place", "deepsize", "__main__.ROOT"]).output
    assert re.search(r"^process \d+ was stopped for \d+ ms, read in place$", place, re.M)
    live = program.ask(named + ["--in-place"], ["deepsize", "--json", "__main__.ROOT"])["live"]
    assert live["mode"] == "in place" and live["copied_bytes"] == 0 and live["stopped_ms"] >= 1


def test_lines_of_csv_are_nothing_else(start):
    target = start("sleep")
    answer = program.run(["--pid", str(target.pid), "query", "SELECT 1 AS one", "--csv"])
    assert (answer.status, answer.output.split()) == (0, ["one", "1"])


def test_core_tells_of_no_stop(start, folder):
    target = start("idle")
    core = cores.gcore(target.pid, os.path.join(folder, "core"))
    assert "live" not in deepsize(["--core", core])
    assert "was stopped for" not in program.run(["--core", core, "deepsize", "__main__.ROOT"]).output


def plain_copy(pid):
    """(seconds of a copy into fresh memory, into memory that was used before, bytes) of what is writable and private,
    by a loop of process_vm_readv(), a MiB each."""
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]

    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.process_vm_readv.restype = ctypes.c_ssize_t
    with open("/proc/%d/maps" % pid) as file:
        rows = [line.split() for line in file]
    ranges = [[int(part, 16) for part in row[0].split("-")] for row in rows if row[1][1] == "w" and row[1][3] == "p"]
    total = sum(end - start for start, end in ranges)
    host = libc.mmap(None, total, 3, 0x22, -1, 0)
    seconds = []
    for _ in range(2):
        offset, copied = 0, 0
        began = time.perf_counter()
        for start, end in ranges:
            for at in range(start, end, 1 << 20):
                size = min(1 << 20, end - at)
                got = libc.process_vm_readv(pid, ctypes.byref(Vector(host + offset, size)), 1,
                                            ctypes.byref(Vector(at, size)), 1, 0)
                copied += max(got, 0)
                offset += size
        seconds.append(time.perf_counter() - began)
    libc.munmap(host, total)
    return seconds[0], seconds[1], copied


def test_stop_is_as_short_as_a_plain_copy(start):
    target = start("big")
    stops, fresh, warm = [], [], []
    for _ in range(3):
        live = deepsize(["--pid", str(target.pid)])["live"]
        assert live["mode"] == "copy" and live["copied_bytes"] > 1 << 30
        stops.append(live["stopped_ms"])
        first, again, copied = plain_copy(target.pid)
        assert abs(copied - live["copied_bytes"]) < 128 << 20
        fresh.append(first * 1000)
        warm.append(again * 1000)
    print("%.2f GiB copied: stopped for %d ms; a plain copy into fresh memory %.0f ms (ratio %.2f), into memory used "
          "before %.0f ms (ratio %.2f)" % (live["copied_bytes"] / 2.0 ** 30, min(stops), min(fresh),
                                          min(stops) / min(fresh), min(warm), min(stops) / min(warm)))
    # A plain copy needs memory to copy into, too; memory used before depends on what else the machine does.
    assert min(stops) <= 1.5 * min(fresh)


def test_brief_commands_do_not_copy_a_large_heap(start):
    target = start("big")
    answer = program.ask(["--pid", str(target.pid)], ["sizeof", "--json", "__main__.ROOT"])
    copy = deepsize(["--pid", str(target.pid)])
    assert answer["live"]["mode"] == "in place"
    assert answer["live"]["stopped_ms"] < copy["live"]["stopped_ms"]
    text = program.run(["--pid", str(target.pid), "info"]).output
    assert re.search(r"stopped for \d+ ms, read in place; copying its 12\d\d\.\d MiB would take longer$", text, re.M)


def test_reservation_costs_nothing(start):
    target = start("sparse")
    live = expect_answer(target)["live"]
    assert live["copied_bytes"] < 200 << 20


def test_copy_that_does_not_fit_is_not_made(start):
    """Less address space than the heap takes: the limit that a test can set without a control group."""
    target = start("big")
    limit = ["prlimit", "--as=%d" % (5 << 28)]  # 1.25 GiB
    if shutil.which("prlimit") is None:
        pytest.skip("no prlimit on this machine")
    if program.SANITIZED:
        pytest.skip("the sanitizer itself wants more address space")
    asked = ["--pid", str(target.pid), "deepsize", "__main__.ROOT['nodes'][2999]"]
    done = subprocess.run(limit + [program.path()] + asked,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text = done.stdout.decode() + done.stderr.decode()
    assert done.returncode in (0, 2), text
    if done.returncode == 0:
        assert re.search(r"read in place; a copy of its 12\d\d\.\d MiB does not fit", text), text
    else:
        assert "ulimit -v" in text, text
    wait_until(lambda: runs_freely(target.pid), "running on")


def test_copy_beyond_the_limit_of_the_group(start):
    """Our own control group (version 1 or 2) allows less than the copy takes. What one object needs is read in place;
    the graph of the heap is refused before it is begun, as all of the heap may have to be fetched for it, with what to
    do (tests/live/test_memory_limit.py does it)."""
    group = make_group(400 << 20)
    target = start("big")
    try:
        def enter():
            with open(os.path.join(group, "cgroup.procs"), "w") as file:
                file.write(str(os.getpid()))

        def ask(*options):
            asked = ["--pid", str(target.pid), "deepsize", "__main__.ROOT['nodes'][2990]"] + list(options)
            done = subprocess.run([program.path()] + asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  preexec_fn=enter)
            return done.returncode, done.stdout.decode() + done.stderr.decode()
        status, text = ask("--no-retained")
        assert status == 0, text
        assert re.search(r"read in place; a copy of its 12\d\d\.\d MiB does not fit: the memory limit of the control "
                         r"group leaves \d+\.\d MiB$", text, re.M), text
        status, text = ask()
        assert status == 2 and "the graph of the heap needs about" in text and "--spill DIR" in text, text
    finally:
        os.rmdir(group)
    wait_until(lambda: runs_freely(target.pid), "running on")


def make_group(limit):
    for parent, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = os.path.join(parent, "pydeepsize-test-%d" % os.getpid())
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            with open(os.path.join(group, name), "w") as file:
                file.write(str(limit))
            return group
        except OSError:
            os.rmdir(group)
    pytest.skip("no control group for memory can be made here")


def test_interrupt_lets_the_target_go(start):
    target = start("big")
    waited = []
    for _ in range(3):
        ours = subprocess.Popen([program.path(), "--pid", str(target.pid), "deepsize", "__main__.ROOT"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while state_of(target.pid) != "t" and ours.poll() is None:
            pass
        ours.send_signal(signal.SIGINT)
        began = time.monotonic()
        while state_of(target.pid) == "t":
            assert time.monotonic() - began < 10
        waited.append(time.monotonic() - began)
        ours.wait()
        assert ours.returncode in (-signal.SIGINT, 130), ours.returncode
    print("let go %s ms after the interrupt" % ", ".join("%.1f" % (one * 1000) for one in waited))
    assert min(waited) < (1 if program.SANITIZED else 0.1)
    assert runs_freely(target.pid)


# ---------------------------------------------------------------- the same answers as a core

def without_stop(answer):
    """And without what is resident: the kernel says it of a process, the holes of the file of a core."""
    for key in ("live", "memory"):
        answer.pop(key, None)
    return answer


def is_deadlocked(target):
    """Both threads wait for the other's lock: nothing happens any more, however often they are woken."""
    threads = program.ask(["--pid", str(target.pid)], ["frames", "--json"])["threads"]
    tops = sorted(thread["frames"][0]["function"].rsplit(".", 1)[-1] for thread in threads if thread["frames"])
    return tops == ["lock", "other"] and all(syscall_of(target.pid, one) == "202" for one in threads_of(target.pid))


def test_same_answers_as_a_core(start, folder, each):
    """Of a process that does not run between the two: stopped by SIGSTOP, so that also addresses agree. By the kernel's
    core, as gcore loses the stacks of threads where their guard pages cannot be read (glibc 2.42)."""
    cores.check_kernel_cores()
    target = start("lock", each)
    wait_until(lambda: is_deadlocked(target), "a deadlock")
    os.kill(target.pid, signal.SIGSTOP)
    wait_until(lambda: state_of(target.pid) == "T", "stopped")
    commands = [["deepsize", "--policy", policy] + ROOTS for policy in ("data", "gc", "all")]
    commands += [["sizeof"] + ROOTS, ["referents", "--limit", "100"] + ROOTS[:6]]
    commands += [[name] for name in ("heap", "top", "modules", "frames") if name in program.commands()]
    said = [(command, how, without_stop(program.ask(["--pid", str(target.pid)] + how, command + ["--json"])))
            for command in commands for how in ([], ["--in-place"])]
    wait_until(lambda: state_of(target.pid) == "T", "stopped as it was")
    # To the main thread: the thread that takes the signal is the one that a core has selected.
    assert ctypes.CDLL(None).syscall(234, target.pid, target.pid, signal.SIGABRT) == 0  # tgkill
    os.kill(target.pid, signal.SIGCONT)
    core = cores.kernel_core(target)
    for command, how, live in said:
        from_core = without_stop(program.ask(["--core", core], command + ["--json"]))
        live.pop("coverage", None)
        from_core.pop("coverage", None)
        assert live == from_core, "%s %s: %s" % (command, how, differences(live, from_core))


def test_stacks_that_gcore_loses_are_not_read_as_zeros(start, folder, each):
    """Either gcore wrote all stacks, or it is said that it did not."""
    target = start("lock", each)
    wait_until(lambda: set(stands_in(target.pid)) == {"lock", "other"}, "both threads at their locks")
    core = cores.gcore(target.pid, os.path.join(folder, "core"))
    threads = program.ask(["--core", core], ["frames", "--json"])["threads"]
    live = program.ask(["--pid", str(target.pid)], ["frames", "--json"])["threads"]
    warnings = program.ask(["--core", core], ["info", "--json"])["warnings"]
    functions = [[[frame["function"] for frame in thread["frames"]] for thread in side] for side in (threads, live)]
    assert functions[0] == functions[1] or any("stacks of threads" in one for one in warnings), functions


def stands_in(pid):
    """The innermost function of each thread: the barrier of the program opens for one before the other."""
    threads = program.ask(["--pid", str(pid)], ["frames", "--json", "--no-retained"])["threads"]
    return [thread["frames"][0]["function"].rsplit(".", 1)[-1] if thread["frames"] else "" for thread in threads]


def differences(left, right, path=""):
    """The first few places where two answers differ."""
    if type(left) is not type(right):
        return ["%s: %r / %r" % (path, left, right)]
    found = []
    if isinstance(left, dict):
        for key in sorted(set(left) | set(right)):
            found += differences(left.get(key), right.get(key), path + "." + key)
    elif isinstance(left, list):
        if len(left) != len(right):
            found.append("%s: %d / %d items" % (path, len(left), len(right)))
        for index, (one, other) in enumerate(zip(left, right)):
            found += differences(one, other, "%s[%d]" % (path, index))
    elif left != right:
        found.append("%s: %r / %r" % (path, left, right))
    return found[:8]


# ---------------------------------------------------------------- hung

@pytest.mark.parametrize("mode", ["idle", "lock", "extension", "foreign", "sleep", "finalizer", "callback", "leader"])
def test_hung(start, mode):
    target = start(mode)
    if mode == "leader":
        wait_until(lambda: state_of(target.pid) == "Z", "the main thread gone")
    elif mode not in ("idle",):
        # 202 futex, 34 pause, 230 clock_nanosleep, 270 pselect6, 23 select: main thread is where it hangs
        wait_until(lambda: syscall_of(target.pid) in ("202", "34", "230", "270", "23", "271", "7"), "hung")
    expect_answer(target)
    info = program.ask(["--pid", str(target.pid)], ["info", "--json"])
    assert info["target"]["collecting"] == (mode in ("finalizer", "callback"))
    text = program.run(["--pid", str(target.pid), "info"]).output
    assert ("a garbage collection was under way" in text) == (mode in ("finalizer", "callback"))


def syscall_of(pid, thread=None):
    try:
        with open("/proc/%d/task/%d/syscall" % (pid, thread or pid)) as file:
            return file.read().split()[0]
    except OSError:
        return ""


@pytest.mark.parametrize("mode", ["finalizer", "callback"])
def test_hung_in_collection(start, each, mode):
    target = start(mode, each)
    wait_until(lambda: syscall_of(target.pid) == "34", "in pause()")
    expect_answer(target)
    assert program.ask(["--pid", str(target.pid)], ["info", "--json"])["target"]["collecting"] is True


def test_thread_in_uninterruptible_sleep(start, folder):
    target = start("vfork")
    wait_until(lambda: any(state_of(target.pid, thread) == "D" for thread in threads_of(target.pid)), "a vfork")
    answer = expect_answer(target)
    assert answer["objects"][0]["complete"]
    info = program.ask(["--pid", str(target.pid)], ["info", "--json"])
    assert answer["live"]["stopped_ms"] < 400, "nobody waits for a thread that will not come"
    assert any("uninterruptible sleep" in warning for warning in info["warnings"])
    # It was not harmed: the child goes on, and the thread with it.
    with open(os.path.join(folder, "fifo"), "w"):
        wait_until(lambda: len(threads_of(target.pid)) == 1, "the thread ended")
    assert runs_freely(target.pid)


def test_stopped_stays_stopped(start):
    target = start("lock")
    os.kill(target.pid, signal.SIGSTOP)
    wait_until(lambda: all(state_of(target.pid, one) == "T" for one in threads_of(target.pid)), "stopped")
    for how in ([], ["--in-place"]):
        answer = deepsize(["--pid", str(target.pid)] + how)
        assert answer["objects"][0]["unreadable"] == 0
        wait_until(lambda: all(state_of(target.pid, one) == "T" for one in threads_of(target.pid)), "stopped again")
    os.kill(target.pid, signal.SIGCONT)
    wait_until(lambda: runs_freely(target.pid), "continued")


def test_under_another_tracer(start):
    target = start("idle")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(0x4206, target.pid, None, None) != 0:  # PTRACE_SEIZE: it runs on
        pytest.skip("ptrace is not allowed here: %s" % os.strerror(ctypes.get_errno()))
    done = program.run(["--pid", str(target.pid), "deepsize", "__main__.ROOT"])
    assert done.status == 2 and done.output == ""
    assert "process %d traces it already" % os.getpid() in done.errors
    assert runs_freely(target.pid)


def test_process_that_ends_meanwhile(distribution):
    """At whatever moment it ends: an answer or one sentence."""
    statuses = set()
    for number in range(40):
        target = subprocess.Popen([distribution.path, "-S", "-c", "import os; os.write(1, b'x'); " +
                                   ("os.read(0, 1)" if number % 2 else "x = [[] for _ in range(%d)]" % (number * 997))],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        target.stdout.read(1)
        ours = subprocess.Popen([program.path(), "--pid", str(target.pid), "deepsize", "--json", "sys.modules"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if number % 2:
            time.sleep(number * 0.0005)  # another moment each time
            target.kill() if number % 4 == 1 else target.stdin.close()
        output, errors = ours.communicate(timeout=60)
        statuses.add(ours.returncode)
        assert ours.returncode in (0, 1, 2, 3), (ours.returncode, errors)
        if ours.returncode in (0, 3):
            json.loads(output.decode())
        else:
            text = errors.decode()
            assert text.startswith("pydeepsize: ") and text.count("\n") == 1, text
        target.kill()
        target.wait()
        for stream in (target.stdin, target.stdout):
            stream.close()
    print("exit statuses", sorted(statuses))


def test_ends_as_soon_as_it_is_let_go(start):
    """The copy and the files are enough."""
    target = start("big")
    ours = subprocess.Popen([program.path(), "--pid", str(target.pid), "deepsize", "--json", "__main__.ROOT"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while state_of(target.pid) != "t":
        assert ours.poll() is None
    while state_of(target.pid) == "t":
        pass
    target.process.kill()
    target.process.wait()
    output, errors = ours.communicate(timeout=60)
    assert ours.returncode == 0, errors
    answer = json.loads(output.decode())
    assert answer["objects"][0]["unreadable"] == 0 and answer["objects"][0]["count"] > 40000


def test_other_namespaces(folder, distribution):
    """A process in a PID and a mount namespace of its own, whose program nobody else can see."""
    line = ("mount -t tmpfs none /mnt && cp %s /mnt/python && exec /mnt/python -W ignore %s lock"
            % (os.path.realpath(distribution.path), HUNG))
    target = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "sh", "-c",
                               line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=cores.clean_environment())
    try:
        first = target.stdout.readline().decode()
        if not first.startswith("READY"):
            pytest.skip("no namespaces here: " + target.stderr.read().decode().strip()[-200:])
        assert first.split()[1] == "1", "its own process id"
        with open("/proc/%d/task/%d/children" % (target.pid, target.pid)) as file:
            pid = int(file.read().split()[0])
        info = program.ask(["--pid", str(pid)], ["info", "--json"])
        assert info["python"]["file"] == "/mnt/python"
        assert info["coverage"]["absent_no_file"] == 0 and info["coverage"]["from_files"] > 1 << 20
        answer = deepsize(["--pid", str(pid)])
        assert answer["objects"][0]["unreadable"] == 0 and answer["live"]["mode"] == "copy"
        if "frames" in program.commands():
            found = program.ask(["--pid", str(pid)], ["frames", "--json"])["threads"]
            assert sorted(thread["id"] for thread in found) == threads_of(pid)
        wait_until(lambda: runs_freely(pid), "running on")
    finally:
        target.kill()
        target.communicate()


# ---------------------------------------------------------------- gdb

def test_same_answers_in_gdb(start):
    """gdb attached: the same text, and the process is to gdb as it was."""
    why = gdb_session.missing()
    if why:
        pytest.skip(why)
    target = start("lock")
    wanted = ["sizeof __main__.ROOT", "deepsize --bytes __main__.ROOT", "referents --limit 5 __main__.ROOT"]
    look = ["info threads", "output $pc", "output $sp", "info registers", "info program"]
    texts = gdb_session.batch(["-p", str(target.pid)], look + ["py-" + command for command in wanted] + look)
    assert texts[:len(look)] == texts[len(look) + len(wanted):]
    names = program.commands()
    for command, text in zip(wanted, texts[len(look):]):
        alone = program.run_line(["--pid", str(target.pid)], command)
        assert alone.status == 0, alone.errors
        answer = re.sub(r"^process \d+ was stopped for .*\n", "", alone.output, flags=re.M)
        assert re.sub(r"\bpy-(%s)\b" % "|".join(names), r"\1", text).rstrip("\n") == answer.rstrip("\n")
    wait_until(lambda: runs_freely(target.pid), "running on")
