# SPDX-License-Identifier: MIT
"""Starts a Python that says READY, and dumps it: by gdb's gcore, by the kernel, or not at all (a live pid)."""
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ORACLE = os.path.join(os.path.dirname(HERE), "oracle")


class Failed(Exception):
    pass


class Skipped(Exception):
    """The machine cannot make this kind of dump; the text says why."""


def clean_environment(extra=None):
    """Without what makes the target's heap depend on who runs the tests, or preloads something into it."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST", "LD_", "ASAN_", "UBSAN_", "LSAN_", "PYENV"))}
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    kept["PYTHONHASHSEED"] = "0"
    kept.update(extra or {})
    return kept


def without_leftovers():
    """More of an environment: malloc fills what it gives out and takes back. Words that others left in memory may lead
    an estimate anywhere; where they do is chance, which a test that must always pass has no use for."""
    return {"MALLOC_PERTURB_": "85", "GLIBC_TUNABLES": "glibc.malloc.perturb=85"}


class Target(object):
    """One process that runs `program`, prints a line that starts with READY and then waits for its input's end."""

    def __init__(self, interpreter, arguments, folder, environment=None, inherit=True):
        self.folder = folder
        variables = clean_environment(environment) if inherit else environment
        self.process = subprocess.Popen([interpreter] + arguments, cwd=folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=variables, preexec_fn=allow_cores)
        self.pid = self.process.pid

    def wait_ready(self):
        line = self.process.stdout.readline().decode("utf-8", "replace")
        if not line.startswith("READY"):
            self.process.kill()
            raise Failed("the target did not get ready: %r\n%s"
                         % (line, self.process.stderr.read().decode("utf-8", "replace")[-3000:]))
        self.wait_asleep()
        return line

    def wait_asleep(self):
        """Until the main thread waits: on a busy machine it may still be in the call that said READY, with what that
        holds. At most a second: some do not wait."""
        asleep, end = 0, time.monotonic() + 1
        while asleep < 2 and time.monotonic() < end:
            try:
                with open("/proc/%d/stat" % self.pid) as file:
                    state = file.read().rpartition(")")[2].split()[0]
            except OSError:
                return
            asleep = asleep + 1 if state not in "RD" else 0
            time.sleep(0.0005)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def allow_cores():
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def gcore(pid, path):
    """Dumps a running process; it goes on."""
    if shutil.which("gdb") is None:
        raise Skipped("no gdb on this machine")
    done = subprocess.run(["gdb", "-nx", "-batch", "-iex", "set auto-load off", "-iex", "set debuginfod enabled off",
                           "-iex", "set auto-solib-add off", "-p", str(pid), "-ex", "gcore " + path],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if not os.path.exists(path):
        raise Failed("gcore made no core:\n" + done.stdout.decode("utf-8", "replace")[-2000:])
    return path


def check_kernel_cores():
    """Raises Skipped where the kernel would write no core into the target's folder."""
    with open("/proc/sys/kernel/core_pattern") as file:
        pattern = file.read().strip()
    if pattern.startswith(("|", "/")):
        raise Skipped("the kernel hands cores to %s, not to the current folder" % pattern.split()[0])
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise Skipped("the hard limit for cores is 0 (ulimit -Hc)")


def kernel_core(target):
    """Lets a target that was told to abort do so, and returns the core that the kernel wrote."""
    check_kernel_cores()
    target.process.wait(300)
    if target.process.returncode != -signal.SIGABRT:
        raise Failed("the target ended with %d instead of SIGABRT" % target.process.returncode)
    for name in os.listdir(target.folder):
        if name.startswith("core"):
            return os.path.join(target.folder, name)
    raise Skipped("the kernel wrote no core here although it may")


def scratch(prefix):
    """A folder for dumps; on disk, since cores are big. The caller removes it."""
    return tempfile.mkdtemp(prefix="pydeepsize-%s-" % prefix, dir=os.environ.get("PYDS_SCRATCH"))
