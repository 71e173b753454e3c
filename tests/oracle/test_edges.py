# SPDX-License-Identifier: MIT
"""What people really run into: cycles, endless nesting, dumps that lack things, targets that are none. One clear
sentence, the promised exit status, and never a hang or a crash."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

import cores
import gdb_session
import program

ANSWERED, USAGE, UNREADABLE, IN_PART = 0, 1, 2, 3
WAIT = "\nimport os\nos.write(1, b'READY\\n')\nwhile os.read(0, 1): pass\n"


@pytest.fixture(scope="session")
def folder():
    made = cores.scratch("edges")
    yield made
    shutil.rmtree(made, ignore_errors=True)


def dumped(interpreter, folder, name, source):
    path = os.path.join(folder, name)
    with cores.Target(interpreter.path, ["-c", source + WAIT], folder) as target:
        target.wait_ready()
        return cores.gcore(target.pid, path)


SMALL = """
shared = [10 ** 100] * 3
twice = {'a': shared, 'b': shared}
cyclic = []; cyclic.append({'back': cyclic})
secret = 'do not show this'
control = 'a\\x1b[31m\\nb'
"""


@pytest.fixture(scope="session")
def small(distribution, folder):
    return dumped(distribution, folder, "small", SMALL)


@pytest.fixture(scope="session")
def live(distribution, folder):
    with cores.Target(distribution.path, ["-c", SMALL + WAIT], folder) as target:
        target.wait_ready()
        yield target.pid


def one_sentence(answer, status):
    """On stderr, and nothing else; a second line may only say where the help is."""
    text = re.sub(r"\nTry '[^\n]*'\.$", "", answer.errors.strip())
    assert answer.status == status, (answer.status, text)
    assert text and "\n" not in text, "one sentence: %r" % text
    assert len(text) < 500 and text.startswith("pydeepsize: "), text
    for bad in ("Traceback", "Assertion", "Sanitizer", "(null)", "%s"):
        assert bad not in text
    assert not answer.output
    return text


def test_one_object_thrice(small):
    answer = program.ask(["--core", small], ["deepsize", "--json", "__main__.shared"])["objects"][0]
    assert answer["count"] == 2
    assert answer["deep"] == sys.getsizeof([0] * 3) + sys.getsizeof(10 ** 100)


def test_one_object_under_two_keys(small):
    twice, shared = program.ask(["--core", small],
                                ["deepsize", "--json", "__main__.twice", "__main__.shared"])["objects"]
    assert twice["count"] == shared["count"] + 1 + 2  # the dict and its keys
    assert twice["deep"] < twice["shallow"] + 2 * shared["deep"]


def test_cycle_ends(small):
    answer = program.ask(["--core", small], ["deepsize", "--json", "__main__.cyclic"])["objects"][0]
    assert answer["count"] == 3
    tree = program.run(["--core", small, "deepsize", "--tree", "__main__.cyclic"], timeout=20)
    assert tree.status == ANSWERED and tree.output


def test_contents_are_shown_only_when_asked_for_and_escaped(small):
    hidden = program.run(["--core", small, "object", "__main__.secret"])
    assert hidden.status == ANSWERED and "do not show" not in hidden.output
    shown = program.run(["--core", small, "object", "--values", "__main__.secret"])
    assert "do not show" in shown.output
    escaped = program.run(["--core", small, "object", "--values", "__main__.control"])
    assert "\x1b" not in escaped.output and escaped.status == ANSWERED


def test_a_million_nested_tuples(distribution, folder):
    depth = 1000000
    core = dumped(distribution, folder, "nested", "chain = ()\nfor _ in range(%d):\n    chain = (chain,)\n" % depth)
    try:
        answer = program.ask(["--core", core], ["deepsize", "--json", "__main__.chain"])["objects"][0]
        assert answer["count"] == depth + 1
        assert answer["deep"] == depth * sys.getsizeof((1,)) + sys.getsizeof(())
        tree = program.run(["--core", core, "deepsize", "--tree", "__main__.chain"], timeout=60)
        assert tree.status == ANSWERED and len(tree.output.splitlines()) < 10000
    finally:
        os.unlink(core)


def test_compressed_core(small, folder):
    path = os.path.join(folder, "small.zst")
    if shutil.which("zstd") is None:
        pytest.skip("no zstd to compress with")
    subprocess.run(["zstd", "-q", "-f", small, "-o", path], check=True)
    answer = program.ask(["--core", path], ["deepsize", "--json", "__main__.shared"])["objects"][0]
    assert answer["count"] == 2
    refused = program.run(["--max-expanded", "2M", "--core", path, "info"])
    assert refused.status == UNREADABLE and "more than the 2 MiB that --max-expanded leaves" in refused.errors
    assert program.run(["--max-expanded", "9G", "--core", path, "info"]).status == ANSWERED
    assert "--max-expanded takes a size" in program.run(["--max-expanded", "much", "--core", path, "info"]).errors


def test_a_full_file_system_in_memory(folder):
    """Holes of the temporary file need pages of a tmpfs when they are read."""
    stored = os.path.join(program.ROOT, "corefiles", "3.12.1.core.zst")
    mounted = os.path.join(folder, "memory")
    os.mkdir(mounted)
    answers = []
    for size in ("6m", "12m", "15m", "150m"):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", mounted],
                          stderr=subprocess.DEVNULL).returncode != 0:
            pytest.skip("no right to mount a file system here")
        try:
            answers.append(program.run(["--core", stored, "--no-files", "heap", "-n", "1"],
                                       env=dict(os.environ, TMPDIR=mounted)))
        finally:
            subprocess.run(["umount", mounted], check=True)
    assert all(answer.status == UNREADABLE and "set TMPDIR to a directory with more room" in answer.errors
               for answer in answers if answer.status != ANSWERED), answers
    assert [answers[0].status, answers[-1].status] == [UNREADABLE, ANSWERED]


@pytest.mark.parametrize("kept", [0, 64, 4000, 200000, 0.3, 0.6, 0.9, 0.999])
def test_truncated_core(small, folder, kept):
    """Whatever is cut off: an answer that says what it lacks, or one sentence."""
    size = os.path.getsize(small)
    path = os.path.join(folder, "truncated")
    with open(small, "rb") as source, open(path, "wb") as target:
        target.write(source.read(kept if isinstance(kept, int) else int(size * kept)))
    asked = ["deepsize", "--json", "__main__.shared"]
    answer = program.run(["--core", path] + asked, timeout=60)
    assert answer.status in (ANSWERED, USAGE, UNREADABLE, IN_PART), answer
    if answer.status in (USAGE, UNREADABLE):
        one_sentence(answer, answer.status)
        return
    if answer.status == ANSWERED:
        whole = program.ask(["--core", small], asked)["objects"][0]
        cut = json.loads(answer.output)["objects"][0]
        assert (cut["deep"], cut["count"]) == (whole["deep"], whole["count"]), "wrong in silence"
    assert "truncat" in program.run(["--core", path, "info"]).output.lower()


def test_core_without_python(folder):
    """The core of a program that is no Python: cat, waiting for its input."""
    path = os.path.join(folder, "cat")
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdin.write(b"x")  # cat has answered: it is past its start
        process.stdin.flush()
        assert process.stdout.read(1) == b"x"
        cores.gcore(process.pid, path)
        alive = program.run(["--pid", process.pid, "info"])
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    assert "python" in one_sentence(program.run(["--core", path, "info"]), UNREADABLE).lower()
    assert "python" in one_sentence(alive, UNREADABLE).lower()


@pytest.mark.parametrize("arguments, status", [
    ([], USAGE), (["--no-such-option"], USAGE), (["info"], USAGE), (["--core"], USAGE), (["--pid", "x", "info"], USAGE),
    (["--core", "/nonexistent/core", "info"], UNREADABLE), (["--core", "/", "info"], UNREADABLE),
    (["--core", "/dev/null", "info"], UNREADABLE), (["--core", __file__, "info"], UNREADABLE),
    (["--core", "/bin/ls", "info"], UNREADABLE), (["--pid", "999999999", "info"], UNREADABLE),
    (["--pid", "0", "info"], USAGE), (["--pid", "-1", "info"], USAGE),
])
def test_no_target(arguments, status):
    answer = program.run(arguments)
    assert answer.status == status, answer
    assert answer.errors.strip() and "Sanitizer" not in answer.errors


@pytest.mark.parametrize("arguments", [
    ["no-such-command"], ["sizeof"], ["sizeof", "--policy"], ["sizeof", "--limit", "x", "__main__.shared"],
    ["deepsize", "--policy", "nonsense", "__main__.shared"], ["sizeof", "no_such_module.name"],
    ["sizeof", "__main__.no_such_name"], ["sizeof", "__main__.shared[17]"], ["sizeof", "__main__.twice['c']"],
    ["sizeof", "__main__..shared"], ["sizeof", "__main__.shared["], ["sizeof", "0xzz"], ["sizeof", "0x10"],
    ["sizeof", "0xffffffffffffffff"], ["sizeof", "0x123456789abcdef01"], ["deepsize", "0x8"], ["referents", "0x10"],
    ["object", "0x10"],
])
def test_wrong_arguments(small, arguments):
    """An address that is no object is answered so in its place, since other targets may stand beside it."""
    answer = program.run(["--core", small] + arguments)
    if answer.output and arguments[-1].startswith("0x"):
        answer = answer._replace(errors="pydeepsize: " + answer.output, output="")
    one_sentence(answer, USAGE)


def test_wrong_executable(small):
    """Another program in place of Python's: refused by its build-id, said so, and never believed."""
    answer = program.run(["--core", small, "--exe", "/bin/cat", "sizeof", "--json", "__main__.shared"])
    if answer.status == UNREADABLE:
        one_sentence(answer, UNREADABLE)
    else:
        assert answer.status in (ANSWERED, IN_PART)
        assert '"shallow": %d' % sys.getsizeof([0] * 3) in answer.output.replace('":', '": ').replace(":  ", ": ")


def test_executable_that_the_loader_started(distribution, tmp_path):
    """What the kernel started is the loader; the executable that is named is mapped all the same."""
    loader = "/lib64/ld-linux-x86-64.so.2"
    if not os.path.exists(loader):
        pytest.skip("%s is not on this machine" % loader)
    with cores.Target(loader, [distribution.path, "-c", "import sys; print('READY', flush=True); sys.stdin.read()"],
                      str(tmp_path)) as target:
        target.wait_ready()
        where = ["--pid", str(target.pid), "--exe"]
        warnings = [program.ask(where + [path], ["info", "--json"])["warnings"]
                    for path in (os.path.realpath(distribution.path), "/bin/cat")]
    said = [any("the executable given" in one for one in some) for some in warnings]
    assert said == [False, True], warnings


def test_no_files_at_all(small):
    """The core is all there is: the same answer, or one that says what it lacks."""
    answer = program.run(["--core", small, "--no-files", "deepsize", "--json", "__main__.shared"])
    if answer.status == UNREADABLE:
        one_sentence(answer, UNREADABLE)
    else:
        assert answer.status in (ANSWERED, IN_PART)
        assert '"count":2' in answer.output.replace(" ", "")


def test_live_process_goes_on(live):
    answer = program.ask(["--pid", str(live)], ["deepsize", "--json", "__main__.shared"])["objects"][0]
    assert answer["count"] == 2
    assert state_of(live) in ("R", "S"), "not stopped, nor traced"
    with open("/proc/%d/status" % live) as file:
        assert "TracerPid:\t0\n" in file.read()


def state_of(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def test_stopped_process_stays_stopped(distribution, folder):
    with cores.Target(distribution.path, ["-c", SMALL + WAIT], folder) as target:
        target.wait_ready()
        os.kill(target.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, target.pid, os.WSTOPPED | os.WNOWAIT)
        answer = program.ask(["--pid", str(target.pid)], ["deepsize", "--json", "__main__.shared"])["objects"][0]
        assert answer["count"] == 2
        assert state_of(target.pid) == "T"
        os.kill(target.pid, signal.SIGCONT)


def test_process_held_by_gdb(distribution, folder):
    """Another debugger has it: one sentence, and nothing happens to either; through that gdb it works."""
    why = gdb_session.missing()
    if why:
        pytest.skip(why)
    with cores.Target(distribution.path, ["-c", SMALL + WAIT], folder) as target:
        target.wait_ready()
        with gdb_session.Terminal(["-p", str(target.pid)]) as gdb:
            gdb.read_until(gdb_session.PROMPT)
            answer = program.run(["--pid", target.pid, "deepsize", "--json", "__main__.shared"])
            if answer.status != ANSWERED:
                one_sentence(answer, UNREADABLE)
            text = gdb.command("py-deepsize --bytes __main__.shared")
            assert "error" not in text.lower() and "list" in text, text
            assert "= 42" in gdb.command("p 6 * 7")
            gdb.command("detach")
        assert target.process.poll() is None


def test_process_of_someone_else(live, folder):
    """As nobody, against a process of ours. The program is copied to where nobody may go."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv (util-linux)")
    if program.SANITIZED:
        pytest.skip("the sanitizer's runtime does not start without the rights it expects")
    public = os.path.join(folder, "public")
    os.makedirs(public)
    os.chmod(folder, 0o755)
    os.chmod(public, 0o755)
    for path in (program.path(), os.path.realpath(program.library())):
        shutil.copy(path, public)
    shutil.copy(program.library(), os.path.join(public, "libpydeepsize.so.0"))
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           os.path.join(public, os.path.basename(program.path())), "--pid", str(live), "info"],
                          env=dict(os.environ, LD_LIBRARY_PATH=public), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text = one_sentence(program.Answer(done.returncode, done.stdout.decode(), done.stderr.decode()), UNREADABLE)
    assert "perm" in text.lower() or "allow" in text.lower() or "right" in text.lower(), text
    with open("/proc/%d/status" % live) as file:
        assert "TracerPid:\t0\n" in file.read()


def test_output_that_nobody_reads(small):
    process = subprocess.Popen([program.path(), "--core", small, "--help"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait(60) in (ANSWERED, USAGE, UNREADABLE, -signal.SIGPIPE)
    assert "Sanitizer" not in errors and "Traceback" not in errors
    process.stderr.close()


def test_gdb_survives_mistakes(small):
    why = gdb_session.missing()
    if why:
        pytest.skip(why)
    texts = gdb_session.batch([small], ["py-sizeof 0x10", "py-sizeof nothing.at_all", "py-deepsize --policy x 1",
                                        "py-sizeof '", "py-nonsense", "p 6 * 7"])
    for text in texts[:5]:
        assert text.strip() and "Traceback" not in text and "\n" not in text.strip(), text
    assert "= 42" in texts[5]
