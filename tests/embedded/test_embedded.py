# SPDX-License-Identifier: MIT
"""Programs that are not Python but have one inside: found in a library that was loaded late, in an interpreter that is
not the main one, in a forked worker, in a thread of the program's own. What the commands say is compared with what the
Python inside said of itself (app_heap.py), live and from a core."""
import errno
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 60


class Stage(object):
    """The folder where a program and the test meet."""

    def __init__(self, folder):
        self.folder = folder
        os.chmod(folder, 0o777)
        self.ready, self.go = os.path.join(folder, "ready"), os.path.join(folder, "go")
        for path in (self.ready, self.go):
            os.mkfifo(path)
            os.chmod(path, 0o666)
        # For writing too, so that it has no end when one writer leaves.
        self.listening, self.pending = os.open(self.ready, os.O_RDWR | os.O_NONBLOCK), b""
        self.held_open = None
        shutil.copy(os.path.join(HERE, "app_heap.py"), folder)
        self.log = open(os.path.join(folder, "log"), "wb")
        self.environment = cores.clean_environment({"PYDS_EMBEDDED": folder, "PYTHONPATH": folder})

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def start(self, command, **more):
        more.setdefault("env", self.environment)
        return subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log,
                                stderr=subprocess.STDOUT, preexec_fn=os.setsid, **more)

    def logged(self):
        with open(self.path("log"), "rb") as file:
            return file.read().decode("utf-8", "replace")[-3000:]

    def wait_ready(self):
        """The process id that is written next into `ready`."""
        while b"\n" not in self.pending:
            readable = select.select([self.listening], [], [], SECONDS)[0]
            text = os.read(self.listening, 64) if readable else b""
            if not text:
                raise cores.Failed("the program did not get ready:\n" + self.logged())
            self.pending += text
        line, self.pending = self.pending.split(b"\n", 1)
        return int(line)

    def wait_held(self):
        """Until the process has `go` open, or is about to: what it was ready in is behind it then. Nobody writes."""
        end = time.monotonic() + SECONDS
        while self.held_open is None:
            try:
                self.held_open = os.open(self.go, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO or time.monotonic() > end:
                    raise cores.Failed("the program does not wait: %s\n%s" % (error, self.logged()))
                time.sleep(0.01)

    def truth(self):
        with open(self.path("truth.json")) as file:
            return json.load(file)

    def close(self):
        os.close(self.listening)
        if self.held_open is not None:
            os.close(self.held_open)
        self.log.close()


def missing(*needed):
    for one in needed:
        if not (glob.glob(one) if one.startswith("/") else shutil.which(one)):
            return "%s is not installed" % one
    return None


RUN = "import sys; sys.path.insert(0, %r)\nimport app_heap\n%s\n"


class Vim(object):
    NEEDS = ("vim.nox",)
    FRAMES = ("hold", "handle", "<module>")

    @staticmethod
    def start(stage):
        script = stage.write("run.py", RUN % (stage.folder, "app_heap.handle('vim')"))
        return [stage.start(["vim.nox", "-Nu", "NONE", "-n", "-es", "-c", "py3file " + script, "-c", "qa!"])]


class VimIdle(object):
    """No Python runs: vim waits for a shell."""
    NEEDS = ("vim.nox",)
    FRAMES = ()

    @staticmethod
    def start(stage):
        script = stage.write("run.py", RUN % (stage.folder, "app_heap.write_truth()"))
        wait = "call system('echo $PPID >%s; cat %s')" % (stage.ready, stage.go)
        return [stage.start(["vim.nox", "-Nu", "NONE", "-n", "-es", "-c", "py3file " + script, "-c", wait,
                             "-c", "qa!"])]


class Gdb(object):
    NEEDS = ("gdb",)
    FRAMES = ("hold", "handle", "<module>")

    @staticmethod
    def start(stage):
        script = stage.write("run.py", RUN % (stage.folder, "app_heap.handle('gdb')"))
        return [stage.start(["gdb", "-nx", "-q", "-batch", "-x", script])]


WSGI = """
import app_heap

def application(environ, start_response):
    app_heap.handle(environ.get('PATH_INFO'))
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'done']
"""
REQUEST = b"GET /look HTTP/1.0\r\nHost: localhost\r\n\r\n"


class Uwsgi(object):
    """A worker that its master forked. The master loads the application once it listens."""
    NEEDS = ("uwsgi", "/usr/lib/uwsgi/plugins/python3*_plugin.so")
    FRAMES = ("hold", "handle", "application")

    @staticmethod
    def start(stage):
        script = stage.write("app.py", WSGI + "app_heap.say_ready()\n")
        server = stage.start(["uwsgi", "--plugin", "python3", "--http-socket", stage.path("socket"), "--wsgi-file",
                              script, "--master", "--processes", "2", "--threads", "2", "--die-on-term"])
        stage.wait_ready()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(stage.path("socket"))
        connection.sendall(REQUEST)
        return [server, connection]


APACHE = """
ServerRoot %(folder)s
PidFile %(folder)s/pid
Listen 127.0.0.1:%(port)d
ServerName localhost
ErrorLog %(folder)s/log
Mutex file:%(folder)s default
LoadModule mpm_event_module %(modules)s/mod_mpm_event.so
LoadModule authz_core_module %(modules)s/mod_authz_core.so
LoadModule wsgi_module %(modules)s/mod_wsgi.so
User nobody
Group nogroup
WSGISocketPrefix %(folder)s/wsgi
%(daemon)s
WSGIImportScript %(folder)s/started.py process-group=%(group)s application-group=started
WSGIScriptAlias / %(folder)s/app.wsgi
<Directory %(folder)s>
    Require all granted
</Directory>
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Apache(object):
    """mod_wsgi in Apache's own children: the application lives in an interpreter that is not the main one. Apache
    listens before it has children, which import another script into a third interpreter."""
    NEEDS = ("apache2", "/usr/lib/apache2/modules/mod_wsgi.so")
    FRAMES = ("hold", "handle", "application")
    OPTION, DAEMON, GROUP = "-X", "", "%{GLOBAL}"

    @classmethod
    def start(cls, stage):
        port = free_port()
        begin = ("import os, sys\nos.environ['PYDS_EMBEDDED'] = %r\nsys.path.insert(0, %r)\n"
                 % (stage.folder, stage.folder))
        stage.write("app.wsgi", begin + WSGI)
        stage.write("started.py", begin + "open(%r, 'w').write('0\\n')\n" % stage.ready)
        stage.write("apache.conf", APACHE % {"folder": stage.folder, "port": port, "daemon": cls.DAEMON,
                                             "group": cls.GROUP, "modules": "/usr/lib/apache2/modules"})
        server = stage.start(["apache2", cls.OPTION, "-f", stage.path("apache.conf")])
        stage.wait_ready()
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(REQUEST)
        return [server, connection]


class ApacheDaemon(Apache):
    """The same in a process that mod_wsgi keeps for it."""
    OPTION, DAEMON, GROUP = ("-DFOREGROUND", "WSGIDaemonProcess site processes=1 threads=3\nWSGIProcessGroup site",
                             "site")


class Postgres(object):
    """A function in PL/Python: the library is loaded when the first one is called. In single-user mode: no server."""
    NEEDS = ("/usr/lib/postgresql/*/bin/postgres", "/usr/lib/postgresql/*/lib/plpython3.so", "runuser")
    FRAMES = ("hold", "handle", "__plpython_procedure_look_[0-9]+")

    @staticmethod
    def start(stage):
        library = os.path.dirname(sorted(glob.glob(Postgres.NEEDS[1]))[-1])
        binaries = os.path.join(os.path.dirname(library), "bin")
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        made = subprocess.run(user + [os.path.join(binaries, "initdb"), "-N", "-D", stage.path("data")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=stage.environment, cwd=stage.folder)
        if made.returncode != 0:
            raise cores.Failed(made.stdout.decode("utf-8", "replace"))
        commands = ["create extension plpython3u", "create function look() returns void language plpython3u as "
                    "'import sys; sys.path.insert(0, ''%s''); import app_heap; app_heap.handle(''postgres'')'"
                    % stage.folder, "select look()"]
        server = subprocess.Popen(user + [os.path.join(binaries, "postgres"), "--single", "-D", stage.path("data"),
                                          "postgres"], cwd=stage.folder, stdin=subprocess.PIPE, stdout=stage.log,
                                  stderr=subprocess.STDOUT, preexec_fn=os.setsid, env=stage.environment)
        server.stdin.write("".join(command + "\n" for command in commands).encode())
        server.stdin.flush()
        return [server, server.stdin]


PROGRAMS = [Vim, VimIdle, Gdb, Uwsgi, Apache, ApacheDaemon, Postgres]


def end(parts):
    for part in parts:
        if isinstance(part, subprocess.Popen):
            try:
                os.killpg(part.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            part.wait()
        else:
            part.close()


@pytest.fixture(params=PROGRAMS, ids=lambda one: one.__name__.lower(), scope="module")
def held(request):
    """(program, its process id, truth, folder), standing still."""
    reason = missing(*request.param.NEEDS)
    if reason:
        pytest.skip(reason)
    folder = cores.scratch("embedded")
    stage = Stage(folder)
    parts = []
    try:
        parts = request.param.start(stage)
        pid = stage.wait_ready()
        stage.wait_held()
        yield request.param, pid, stage.truth(), folder
    finally:
        end(parts)
        stage.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["live", "core"], scope="module")
def target(request, held):
    _, pid, _, folder = held
    if request.param == "live":
        return ["--pid", str(pid)]
    return ["--core", cores.gcore(pid, os.path.join(folder, "core"))]


def test_info(held, target):
    answer = program.ask(target, ["info", "--json"])
    assert answer["python"]["version"] == held[2]["version"]
    assert not answer["warnings"]


def test_sizes(held, target):
    """Of everything that the collector tracks, in the interpreter where the application lives."""
    objects = held[2]["objects"]
    wrong = []
    answers = program.ask_about(target, ["sizeof"], [address for address, _, _ in objects])
    for (address, size, kind), (_, answer) in zip(objects, answers):
        if answer.get("shallow") != size:
            wrong.append((hex(address), kind, size, answer))
    assert len(objects) > 3000 and not wrong


def reference_count(target, address):
    return program.ask(target, ["object", "--json", address])["objects"][0]["refcount"]


def test_every_object_is_listed(held, target):
    answer = program.run(target + ["objects", "--json"])
    assert answer.status == 0, answer.errors
    listed = set(re.findall(r'"address":\s*"(0x[0-9a-f]+)"', answer.output))
    absent = [(hex(address), kind) for address, _, kind in held[2]["objects"] if hex(address) not in listed]
    if not held[0].FRAMES:  # what ran the script that wrote the truth is gone since
        absent = [(address, kind) for address, kind in absent if reference_count(target, address) != 0]
    assert not absent


def test_deep_size_by_name(held, target):
    truth = held[2]
    answer, = program.ask(target, ["deepsize", "--json", "app_heap.ROWS"])["objects"]
    assert int(answer["address"], 16) == truth["rows"]
    assert answer["deep"] == truth["rows_size"] and answer["count"] == truth["rows_count"]
    assert answer["retained"] <= answer["deep"] and answer["unreadable"] == 0 and answer["approximate"] == 0


def test_heap(held, target):
    answer = program.ask(target, ["heap", "--json", "-n", "1000"])
    counts = {row["type"]: row["count"] for row in answer["types"]}
    assert counts["app_heap.Session"] == 200
    assert answer["total"]["count"] >= len(held[2]["objects"])
    assert answer["coverage"]["unreadable"] == 0 and not answer["coverage"]["gc_list_broken"]


def test_frames(held, target):
    program_class, _, truth = held[:3]
    threads = [thread for thread in program.ask(target, ["frames", "--json"])["threads"]
               if int(thread["id"]) == truth["thread"]]
    assert len(threads) == 1
    names = [frame["function"] for frame in threads[0]["frames"]]
    if not program_class.FRAMES:
        assert not names
        return
    assert len(names) >= 3
    for pattern, name in zip(program_class.FRAMES, names):
        assert re.fullmatch(pattern, name), names
    local, = [one for one in threads[0]["frames"][1]["locals"] if one["name"] == "held"]
    assert local["type"] == "list"


def test_path(held, target):
    truth = held[2]
    answer, = program.ask(target, ["path", "--json", "app_heap.SESSIONS[7]"])["objects"]
    assert int(answer["address"], 16) == truth["session"]
    steps = [step for path in answer["paths"] for step in path["steps"]]
    assert truth["sessions"] in [int(step["address"], 16) for step in steps]
    local = program.run(target + ["deepsize", "thread:%d.frame:1.held" % truth["thread"]])
    assert local.status == (0 if held[0].FRAMES else 1), local.errors


def test_modules(held, target):
    names = [row["name"] for row in program.ask(target, ["modules", "--json", "-n", "1000"])["modules"]]
    assert [name for name in names if "app_heap" in name]
