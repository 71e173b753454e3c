# SPDX-License-Identifier: MIT
"""A web application whose worker has grown too big (service/: FastAPI, SQLAlchemy), asked as a person would who knows
nothing about it: the tool has to name the leaking cache, the local of the stuck thread and the frame that an exception
keeps. What it says in bytes and counts is compared with what the process knows of itself."""
import re
import resource
import shutil

import pytest

import cores
import program
import worker

pytestmark = pytest.mark.skipif(bool(worker.missing()), reason="this Python lacks " + ", ".join(worker.missing()))


class Dumped(object):
    """The same process twice: its core, and what it answered live; then what it knows."""

    def __init__(self, core, live, known):
        self.target, self.live, self.known = ["--core", core], live, known

    def json(self, *arguments):
        return program.ask(self.target, list(arguments) + ["--json"])

    def text(self, *arguments):
        answer = program.run(self.target + list(arguments))
        assert answer.status == 0, answer.errors
        return answer.output

    def at(self, name):
        return "0x%x" % self.known["addresses"][name]


LIVE = ("top", "frames", "modules", "heap", "info")


@pytest.fixture(scope="module")
def dumped():
    folder = cores.scratch("application")
    try:
        with worker.Worker(folder) as process:
            process.wait_ready()
            core = cores.gcore(process.pid, folder + "/core")
            live = {name: program.ask(["--pid", str(process.pid)], [name, "--json"]) for name in LIVE}
            known = {name: process.ask(name) for name in ("addresses", "references", "retained", "forget")}
        yield Dumped(core, live, known)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def paragraphs(text):
    """Cells that were broken into several lines, and lines in general, as one line."""
    return re.sub(r"\s+", " ", text)


# ---- What a person asks first ----

def test_top_names_the_cache_first(dumped):
    rows = dumped.json("top")["rows"]
    assert rows[0]["name"] == "app.cache.SESSIONS"
    assert rows[0]["address"] == dumped.at("sessions")
    lines = dumped.text("top").splitlines()
    assert lines[1].startswith("Of ") and "private memory" in lines[1]
    first = " ".join(" ".join(lines[3:5]).split())  # below the columns' heads; as wide as 80 columns let it
    assert "app.cache.SESSIONS: dict, 400 entries" in first and dumped.at("sessions") in first


def test_top_names_the_local_and_the_frame_of_the_exception(dumped):
    single = [row["name"] for row in dumped.json("top")["rows"] if row["count"] == 1]
    assert single[0] == "app.cache.SESSIONS"
    assert re.fullmatch(r"local 'rows' of render\(\) report\.py:\d+", single[1])
    assert re.fullmatch(r"local 'articles' of parse\(\) catalogue\.py:\d+, kept by "
                        r"app\.errors\.RECENT\[0\]\.__traceback__\.tb_next\.tb_frame", single[2])


def test_nothing_else_is_big(dumped):
    """What the three hold and the libraries' own classes, modules and functions: nothing big has a wrong holder."""
    answer = dumped.json("top")
    named = sum(row["retained"] for row in answer["rows"][:20])
    assert named > 0.97 * answer["total"]["shallow"]
    planted = sum(dumped.known["retained"][name]["shallow"] for name in ("sessions", "rows", "recent"))
    libraries = answer["total"]["shallow"] - planted
    assert libraries < 45 << 20, "the libraries hold %d bytes" % libraries
    for row in answer["rows"]:
        if row["count"] == 1 and row["address"] not in [dumped.at(name) for name in ("sessions", "rows", "articles")]:
            assert row["retained"] < 2 << 20, row


def test_modules_ranks_the_cache_first(dumped):
    modules = dumped.json("modules")["modules"]
    assert [module["name"] for module in modules[:2]] == ["app.cache", "app.errors"]
    assert modules[0]["largest"]["name"] == "SESSIONS" and modules[0]["largest"]["address"] == dumped.at("sessions")
    assert modules[0]["retained"] >= dumped.known["retained"]["sessions"]["shallow"]


def test_frames_name_the_local(dumped):
    threads = dumped.json("frames")["threads"]
    assert threads[0]["name"] == "report", "the thread that holds most comes first"
    frame = threads[0]["frames"][0]
    assert (frame["function"], frame["file"].endswith("report.py")) == ("render", True)
    rows = frame["locals"][0]
    assert (rows["name"], rows["address"]) == ("rows", dumped.at("rows"))
    assert rows["retained"] == dumped.known["retained"]["rows"]["shallow"]
    assert frame["retained"] >= rows["retained"]
    assert {"MainThread", "report", "AnyIO worker thread"} <= {thread["name"] for thread in threads}


def test_path_names_the_module_global(dumped):
    for session in ("app.cache.SESSIONS['s:7']", dumped.at("session")):
        text = dumped.text("path", session)
        assert re.search(r"root +interpreter 0 → sys.modules\n.*\['app.cache'\]\n.*__dict__\n.*\['SESSIONS'\]\n", text)
        assert "held here" in paragraphs(text)
    answer = dumped.json("path", dumped.at("session"))["objects"][0]
    labels = [step["label"] for step in answer["paths"][0]["steps"]]
    assert labels[1:4] == ["['app.cache']", ".__dict__", "['SESSIONS']"]
    assert answer["type"] == "app.cache.Session"


def test_path_merges_all_orders(dumped):
    text = dumped.text("path", "--merge", "app.models.Order")
    assert re.search(r"100\.0 .* module app\.cache\n.*\['SESSIONS'\].*\n.*values: app\.cache\.Session \(400 objects\)\n"
                     r".*\.customer: app\.models\.Customer \(400 objects\)\n", text)


def test_path_goes_through_the_exception(dumped):
    text = dumped.text("path", dumped.at("articles"))
    for step in (r"\['app\.errors'\]", r"\['RECENT'\]", r"collections\.deque .*\[0\]", r"ValueError .*\.__traceback__",
                 r"frame of parse\(\) catalogue\.py:\d+ .*local 'articles'"):
        assert re.search(step, text), step
    assert dumped.at("frame") in text
    answer = dumped.text("object", dumped.at("frame"))
    assert re.match(r"frame of parse\(\) catalogue\.py:\d+ ", answer)
    assert re.search(dumped.at("document") + r" .* local document +str, \d+ characters", answer)


def test_object_shows_its_owner(dumped):
    text = dumped.text("object", dumped.at("session"))
    assert re.search(r"\n  owner +app\.cache\.SESSIONS\[key 7 of 400\]\n", text)
    assert "s:7" not in text, "contents only with --values"
    assert "owner     app.cache.SESSIONS['s:7']" in dumped.text("object", "--values", dumped.at("session"))
    for label in (".token", ".customer", ".visited", ".payload"):
        assert label in text


# ---- What it says in numbers ----

COUNTED = ("sessions", "session", "customer", "payload", "cart", "page", "visited", "rows", "row", "error", "frame",
           "articles", "document", "recent", "engine")


def test_referrers_account_for_every_count(dumped):
    addresses = [dumped.at(name) for name in COUNTED]
    objects = dumped.json("referrers", *addresses)["objects"]
    text = dumped.text("referrers", *addresses)
    for name, answer in zip(COUNTED, objects):
        count = dumped.known["references"][name]
        assert (answer["refcount"], answer["found"]) == (count, count), name
        assert re.search(answer["address"] + r" .*\n .*refcount %d: all accounted for" % count, text), name


RETAINED = ("sessions", "session", "customer", "payload", "visited", "rows", "row", "recent", "articles")


def test_retained_is_what_would_go(dumped):
    answers = dumped.json("deepsize", *[dumped.at(name) for name in RETAINED])["objects"]
    for name, answer in zip(RETAINED, answers):
        known = dumped.known["retained"][name]
        assert answer["retained"] == known["shallow"], "%s: %d objects go with it" % (name, known["count"])
        assert answer["deep"] == answer["retained"] + answer["shared"]


def test_clearing_the_cache_frees_what_was_said(dumped):
    """By the allocators: all blocks of what only SESSIONS kept, and its own table, are given back."""
    gone = dumped.known["forget"]["ids"]
    said = sum(answer["allocated"] for _, answer in program.ask_about(dumped.target, ["sizeof"], gone))
    sizes = dumped.json("sizeof", "app.cache.SESSIONS")["objects"][0]
    said += sum(part["allocated"] for part in sizes["parts"] if part["role"] == "keys table")
    assert abs(said - dumped.known["forget"]["freed"]) < 16384, (said, dumped.known["forget"]["freed"])


def test_heap_by_type(dumped):
    answer = dumped.json("heap", "--retained", "-n", "0")
    types = {row["type"]: row for row in answer["types"]}
    assert types["app.cache.Session"]["count"] == 400
    assert types["app.models.Order"]["count"] == 8000
    assert types["sqlalchemy.engine.row.Row"]["count"] == 60000
    sessions = dumped.known["retained"]["sessions"]["shallow"]
    table = dumped.json("sizeof", "app.cache.SESSIONS")["objects"][0]["shallow"]
    keys = types["app.cache.Session"]["retained"] - (sessions - table)
    # A session's token is also its key, so SESSIONS holds it too; it is all that is left.
    assert -400 * 60 < keys <= 0
    assert types["sqlalchemy.engine.row.Row"]["retained"] > 60000 * 200


def test_little_is_held_from_c(dumped):
    """What Cython's and Rust's modules keep in variables of theirs; none of it is the application's."""
    text = dumped.text("heap")
    assert int(re.search(r"([\d,]+) objects among them have more references", text).group(1).replace(",", "")) < 5000
    assert re.search(r"  [\d.]+ KiB are held from C alone", text)
    assert "no sane object" not in text


def test_live_says_the_same(dumped):
    """The process was read as it was dumped: waiting. Sizes do not differ by more than what waiting moves about."""
    for name in ("top", "heap"):
        core, live = dumped.json(name)["total"], dumped.live[name]["total"]
        assert abs(core["shallow"] - live["shallow"]) < 65536
    assert dumped.live["top"]["rows"][0]["address"] == dumped.at("sessions")
    assert dumped.live["top"]["rows"][0]["retained"] == dumped.known["retained"]["sessions"]["shallow"]
    assert dumped.live["modules"]["modules"][0]["name"] == "app.cache"
    threads = {thread["name"]: thread for thread in dumped.live["frames"]["threads"]}
    assert threads["report"]["frames"][0]["locals"][0]["name"] == "rows"


@pytest.mark.skipif(program.SANITIZED, reason="sanitizers make it slow")
def test_whole_heap_takes_less_than_two_seconds(dumped):
    """Of processor time, which other work on the machine does not lengthen; the process's start included."""
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    before = spent()
    dumped.text("top")
    assert spent() - before < 2


def test_names_lead_back(dumped):
    """Every name of `top` and `modules` that looks like a path means the object that stands beside it."""
    rows = dumped.json("top", "-n", "60")["rows"]
    pairs = [(row["name"], row["address"]) for row in rows if row["name"]]
    objects = [row["address"] for row in rows if row["type"] != "frame"]
    pairs += [(one["owner"], one["address"]) for one in dumped.json("object", "-n", "1", *objects)["objects"]
              if one["owner"]]
    pairs += [("%s.%s" % (row["name"], row["largest"]["name"]), row["largest"]["address"])
              for row in dumped.json("modules", "-n", "30")["modules"] if row["largest"]]
    pairs = sorted({pair for pair in pairs if " " not in pair[0] and "(" not in pair[0] and "*" not in pair[0]})
    assert len(pairs) >= 40, len(pairs)
    answers = dumped.json("sizeof", *[name for name, _ in pairs])["objects"]
    assert [(name, answer["address"]) for (name, _), answer in zip(pairs, answers)] == pairs
