# SPDX-License-Identifier: MIT
"""`native`: blocks of C libraries hang on the Python objects that have them, as large together as malloc counted while
they were made, and never much larger."""
import collections
import json
import os
import shutil

import pytest

import cores
import program

HERE = os.path.dirname(os.path.abspath(__file__))
SHORT = {"sqlite3.Connection": "Connection"}  # the module has had other names


def ask_places(where, native):
    """What `object`, `path` and `referrers` say of an address within a block of the size most frequent of each type of
    owner (the largest of a type may be its by a guess or another's, as words in memory fall), and of the start of one
    region of each kind."""
    # A struct of C in a pool may begin with what looks like the head of an object.
    rows = [row for row in native["blocks"]
            if row["owner"] and row["bytes"] > 512 and row["owner"]["type"] != "mmap.mmap"]
    sizes = collections.Counter((row["owner"]["type"], row["bytes"]) for row in rows)
    usual = {kind: size for (kind, size), _ in reversed(sizes.most_common())}
    blocks = {row["owner"]["type"]: row for row in reversed(rows) if row["bytes"] == usual[row["owner"]["type"]]}
    regions = {row["kind"]: row for row in program.ask(where, ["memory", "--json", "--regions"])["regions"]}
    asked = ["0x%x" % (int(row["address"], 16) + 8) for row in blocks.values()]
    starts = [row["start"] for row in regions.values()]
    return (list(blocks.values()), [program.ask(where, [name, "--json"] + asked)["objects"]
                                    for name in ("object", "path", "referrers")],
            list(regions), program.ask(where, ["object", "--json"] + starts)["objects"],
            program.run(where + ["object", asked[0]]))


# The commands that show bytes of C code beside the objects' own.
BESIDE = [["top"], ["heap"], ["modules"], ["frames"], ["object", "__main__.keep"], ["deepsize", "__main__.keep"]]


def ask_measures(where):
    """{command: answer} in JSON of those that sum bytes of C code, the text of one, and what others say instead."""
    commands = {"heap": ["heap"], "modules": ["modules"], "deepsize": ["deepsize", "__main__.keep"],
                "tree": ["deepsize", "-t", "__main__.keep"], "object": ["object", "__main__.keep"],
                "frames": ["frames"]}
    answers = {name: program.ask(where, command + ["--measure", "native", "--json"])
               for name, command in commands.items()}
    answers["objects"] = [json.loads(line) for line in program.run(
        where + "objects --measure native --sort shallow --json -n 20".split()).output.splitlines()]
    answers["allocated"] = [program.ask(where, ["heap", "--json"] + more)
                            for more in (["--allocated"], ["--measure", "allocated"])]
    answers["text"] = program.run(where + ["heap", "--measure", "native", "-n", "3"]).output
    answers["refused"] = [program.run(where + command.split()) for command in (
        "garbage --measure native", "findings --measure native", "sizeof __main__.keep --measure native",
        "heap --allocated --measure native", "deepsize --policy asizeof --measure native __main__.keep",
        "native --measure native", "heap --measure heavy")]
    return answers


def ask_others(where, folder):
    """{name: what is at its address}, of memory that is no object's block; the same in text; what two hold."""
    with open(os.path.join(folder, "places")) as file:
        places = dict(line.split() for line in file)
    objects = program.ask(where, ["object", "--json"] + list(places.values()))["objects"]
    held = ["__main__.%s" % name for name in ("ONE", "OTHER", "FIRST", "SECOND")]
    return {"places": dict(zip(places, objects)),
            "text": program.run(where + ["object"] + list(places.values())).output,
            "deep": program.ask(where, ["deepsize", "--json"] + held)["objects"],
            "deep text": program.run(where + ["deepsize", "__main__.ONE"]).output,
            "leads": program.ask(where, ["object", "--json", "__main__.ONE[0]", "__main__.keep[5][0]"])["objects"],
            "class": program.ask(where, ["object", "--json", "__main__.Documented"])["objects"][0],
            "leads text": program.run(where + ["object", "__main__.ONE[0]"]).output,
            "database": program.run(where + ["sizeof", "__main__.keep[5][0]"]).output,
            "refusal": program.run(where + ["sizeof", places["shared"], places["unmapped"]]).output,
            "referents": program.run(where + ["referents", "__main__.ONE[0]"]).output, "address": places}


@pytest.fixture(scope="module")
def answers(distribution):
    folder = cores.scratch("native")
    try:
        with cores.Target(distribution.path, [os.path.join(HERE, "native_program.py"), folder], folder) as target:
            target.wait_ready()
            where = ["--pid", str(target.pid)]
            found = program.ask(where, ["native", "--json"]), program.ask(where, ["memory", "--native", "--json"])
            text = program.run(where + ["native", "-n", "5"]).output
            top = program.ask(where, ["top", "--measure", "native", "--json"])
            beside = [program.ask(where, ["top", "--json"] + more) for more in ([], ["--no-native"])]
            beside += [{words[0]: program.run(where + words + more).output for words in BESIDE}
                       for more in ([], ["--native-most", "1"])]
            beside.append(program.ask(where, ["top", "--json", "--native-most", "1"]))
            places = ask_places(where, found[0])
            measures = ask_measures(where)
            others = ask_others(where, folder)
        with open(os.path.join(folder, "native")) as file:
            truth = {line.split()[0]: int(line.split()[1]) for line in file}
        yield found + (truth, text, top, places, beside, measures, others)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_owners_have_what_malloc_gave_them(answers):
    """Never much more than malloc gave for it, which would be another's, nor much less."""
    native, truth = answers[0], answers[2]
    by_type = {row["type"]: row["bytes"] for row in native["by_owner"] if row["is_type"]}
    for name, bytes_ in sorted(truth.items()):
        assert bytes_ > 1 << 19, name
        ours = sum(size for type_, size in by_type.items() if type_.endswith(SHORT.get(name, name)))
        assert 0.75 * bytes_ < ours < 1.25 * bytes_, (name, by_type)


def test_sums(answers):
    native, memory = answers[:2]
    total = native["total"]
    assert sum(native[name]["bytes"] for name in ("owned", "garbage", "static", "trees", "unseen")) == total["bytes"]
    assert sum(row["bytes"] for row in native["by_owner"]) == total["bytes"]
    assert sum(row["count"] for row in native["by_size"]) == total["count"] == len(native["blocks"])
    assert total["bytes"] == memory["total"]["native"]
    assert native["owned"]["bytes"] > 0.9 * total["bytes"]


def test_the_largest_rows_have_names(answers):
    """A name is a search; those of a million blocks took minutes."""
    rows = answers[0]["blocks"]
    assert len(rows) > 3000
    named, others = rows[:1000], rows[1000:]
    assert all(isinstance(row["owner"]["name"], str) for row in named if row["owner"])
    assert any(row["owner"]["name"].startswith("__main__.keep") for row in named if row["owner"])
    assert all(row["owner"]["name"] is None for row in others if row["owner"])
    assert all(row["owner"]["type"] for row in others if row["owner"])
    assert all(row.get("file", "").startswith("/") == (row["holder"] == "static") for row in rows)


def test_text_says_that_owners_are_an_estimate(answers):
    text = answers[3]
    assert "~Hangs on" in text and "~ Owners are found by words that look like pointers" in text
    assert "_lzma.LZMACompressor" in text


def test_top_by_native_bytes(answers):
    native, _, truth, _, top = answers[:5]
    assert top["total"]["native"] == native["owned"]["bytes"]
    largest = top["rows"][0]
    assert largest["name"].startswith("__main__.keep")
    assert largest["retained"] > 0.9 * sum(truth.values())


def test_heap_and_top_have_the_same_sum(answers):
    """But for what several objects have that no object alone leads to, which heap says apart."""
    heap, top = answers[7]["heap"], answers[4]
    assert heap["native_common"] >= 0 and heap["total"]["native"] > 1 << 20
    assert heap["total"]["native"] + heap["unreachable"]["native"] + heap["native_common"] == top["total"]["native"]
    common = [row["bytes"] for row in answers[0]["by_owner"] if row["type"] == "several objects"]
    assert heap["native_common"] == sum(common)


def test_native_bytes_can_be_left_out(answers):
    """Nothing else of the answer depends on them."""
    with_, without = answers[6][:2]
    assert with_["native"]["bytes"] > 1 << 20 and without["native"] is None
    assert any(row.pop("native") for row in with_["rows"])
    assert without["native_left_out"].startswith("--no-native") and "native_left_out" not in with_
    assert all(row.pop("native") is None for row in without["rows"])
    assert with_["rest"]["native"] is not None and without["rest"]["native"] is None
    assert [row["retained"] for row in with_["rows"]] == [row["retained"] for row in without["rows"]]


def test_too_many_blocks_are_looked_at_only_when_asked(answers):
    """A limit of one block: what is left out stands in the text, with the way to have it."""
    with_, without, json_ = answers[6][2:]
    for command, text in without.items():
        assert "left out: more work than --native-most allows; the command native looks" in text, (command, text)
        assert "left out" not in with_[command], command
        assert "~ native" not in text and "~Native" not in text, command
    assert any("~Native" in text or "~ native" in text for text in with_.values())
    assert json_["native"] is None and json_["native_left_out"].startswith("more work than --native-most")


def test_every_command_sums_native_bytes(answers):
    owned, keep = answers[0]["owned"]["bytes"], answers[4]["rows"][0]["retained"]
    measures = answers[7]
    heap = measures["heap"]
    assert heap["measure"] == "native" and sum(row["native"] for row in heap["types"]) == heap["total"]["native"]
    assert 0.99 * owned < heap["total"]["native"] <= owned  # what several have in common may be no object's
    assert [row["native"] for row in heap["types"]] == sorted((row["native"] for row in heap["types"]), reverse=True)
    assert {row["type"]: row["native"] for row in heap["types"] if row["native"]}.items() <= {
        row["type"]: row["bytes"] for row in answers[0]["by_owner"]}.items()
    main = measures["modules"]["modules"][0]
    assert main["name"] == "__main__" and main["retained"] >= keep and main["deep"] >= keep
    for name in ("deepsize", "tree"):
        deep, = measures[name]["objects"]
        assert deep["retained"] == keep and deep["deep"] >= keep
        assert sum(row["native"] for row in deep["by_type"]) == deep["deep"]
    assert measures["object"]["objects"][0]["retained"] == keep
    assert measures["frames"]["measure"] == "native" and measures["frames"]["threads"][0]["frames"]
    sizes = [row["native"] for row in measures["objects"]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 20 and sizes[0] > 1 << 16
    one, other = measures["allocated"]
    assert one["measure"] == "allocated" and one["types"] == other["types"]
    assert "~Native" in measures["text"] and "an estimate" in measures["text"]
    assert " objects, ~" in measures["text"].splitlines()[0], measures["text"].splitlines()[0]


def test_measures_that_make_no_sense_are_refused(answers):
    words = ("garbage cannot measure native", "findings cannot measure native", "sizeof cannot measure native",
             "--allocated is short for --measure allocated", "every policy but asizeof",
             "native has no option '--measure'", "takes shallow, allocated or native")
    for answer, sentence in zip(answers[7]["refused"], words):
        assert answer.status == 1 and sentence in answer.errors, (answer.status, answer.errors)


def test_any_address_has_its_place(answers):
    """An address inside a block of C code: the block, its allocator, the owner, the paths to it, the words with it."""
    blocks, (objects, paths, referrers), kinds, starts, text = answers[5]
    assert len(blocks) >= 5
    for row, place, path, words in zip(blocks, objects, paths, referrers):
        assert place["block"] == {"address": row["address"], "bytes": row["bytes"], "offset": 8, "native": True,
                                  "allocator": place["block"]["allocator"]}
        assert place["block"]["allocator"] in ("malloc", "mmap") and place["is"] == "memory of C code"
        assert place["region"]["kind"] in ("malloc heap", "malloc block of its own pages")
        assert place["owner"]["address"] == row["owner"]["address"] and place["owner"]["estimate"] in (True, False)
        assert path["paths"][0]["steps"][-1]["address"] == row["owner"]["address"]
        assert words["total"] >= 1 and all(word["offset"] < row["bytes"] for word in words["referrers"])
    assert [place.get("region", {}).get("kind") for place in starts if "is" in place] == [
        kind for kind, place in zip(kinds, starts) if "is" in place]
    assert sum("is" in place for place in starts) >= 4
    assert text.status == 0 and "owner   ~ " in text.output and "8 bytes into it" in text.output
    estimates = {row["owner"]["type"]: place["owner"]["estimate"] for row, place in zip(blocks, objects)}
    database, = [kind for kind in estimates if kind.endswith("Connection")]
    assert estimates["zlib.Compress"] and not estimates[database]  # its pages are decoded


def test_memory_of_nobody_says_what_it_is(answers):
    others = answers[8]
    places, text = others["places"], others["text"]
    # Of a live process what is shared is not copied, and there is no dump.
    assert places["mapping"]["is"].startswith("pages of an object; not read") and "dump" not in text
    assert places["mapping"]["owner"]["type"] == "mmap.mmap"
    assert places["mapping"]["owner"]["name"] == "__main__.mapping"
    assert places["stack"]["is"] == "on a thread's stack" and places["stack"]["region"]["thread"]
    assert places["vdso"]["is"] == "code of the kernel" and "vdso" in places["vdso"]["region"]["kind"]
    assert places["variable"]["is"] == "a variable of a program or library"
    assert "libc" in places["variable"]["region"]["file"]
    assert places["unmapped"]["is"] == "nothing was mapped there" and places["unmapped"]["region"] is None
    free = places["freed"]["free"]
    assert places["freed"]["is"] == "free memory"
    assert int(free["start"], 16) <= int(places["freed"]["address"], 16) < int(free["start"], 16) + free["bytes"]
    assert 5000 <= free["bytes"] < 1 << 20 and "between blocks in use" in text
    assert places["shared"]["is"] == "memory of C code"


def test_words_that_were_left_behind(answers):
    """A truth value is no pointer. What else may be left is believed only where no variable leads there."""
    owners = {name: answers[8]["places"][name]["owner"] for name in ("truth_value", "left_and_variable", "left_alone")}
    assert owners["truth_value"] is None, owners
    assert owners["left_and_variable"] is None or owners["left_and_variable"].get("address") is None, owners
    assert owners["left_alone"]["name"] == "__main__.BEHIND[2]", owners


def test_deep_has_the_blocks_of_what_is_reached(answers):
    """What two hold is behind each of them, and nobody's alone."""
    one, other, first, second = answers[8]["deep"]
    for deep in (one, other):
        assert deep["native"] < 10000 and 300000 <= deep["native_reached"] < 310000
    for deep in (first, second):
        assert deep["native"] < 10000 and 250000 < deep["native_reached"] < 300000
    assert "hang on what is reached" in answers[8]["deep text"]


def test_an_object_lists_the_blocks_that_it_leads_to(answers):
    pointer, database = (place["native_referents"] for place in answers[8]["leads"])
    row, = [row for row in pointer["blocks"] if row["bytes"] >= 300000]
    assert row["address"] == answers[8]["address"]["shared"] and row["offset"] == 0 and row["word"]
    assert pointer["estimate"] and database["count"] > 1000 and database["bytes"] > 4 << 20
    assert database["blocks"][0]["word"] is None
    assert "of C code" in answers[8]["leads text"] and "~ word at 0x" in answers[8]["leads text"]
    assert "object 0x" in answers[8]["referents"] and "blocks of C code" in answers[8]["referents"]


def test_what_python_itself_has_is_named(answers):
    """A type's copy of its documentation, and the syntax tree of a file that is run."""
    native, memory = answers[:2]
    leads = answers[8]["class"]["native_referents"]
    assert 1201 <= leads["blocks"][0]["bytes"] <= 1232 and leads["blocks"][0]["offset"] == 0, leads
    assert native["trees"]["count"] >= 2 and native["trees"]["bytes"] >= 2 * 8192
    assert native["trees"] in [{key: row[key] for key in ("count", "bytes")} for row in native["by_owner"]
                               if row["type"] == "syntax trees"]
    tree = [row for row in native["blocks"] if row["holder"] == "trees"]
    assert tree and all(row["owner"] is None for row in tree)
    assert memory["native"]["trees"] == native["trees"] and memory["native"]["unseen"] == native["unseen"]
    assert memory["named"] == memory["explained"] - native["unseen"]["bytes"]
    # Large blocks the program lost itself; of what is small next to nothing is without an owner.
    assert native["unseen"]["bytes"] >= 10000
    assert sum(row["bytes"] for row in native["blocks"] if row["holder"] == "unseen" and row["bytes"] < 5000) < 30000


def test_hash_tables_of_rust_are_their_owners(answers):
    """Nothing has the address of their memory but that of the end, which in a heap below 4 GiB looks like a number."""
    buckets = answers[8]["places"]["buckets"]
    assert buckets["owner"]["name"] == "__main__.TABLE", buckets


def test_parts_that_are_alike_share_a_line(answers):
    assert " x page of SQLite" in answers[8]["database"] and len(answers[8]["database"].splitlines()) < 15


def test_a_refusal_says_what_to_ask(answers):
    lines = answers[8]["refusal"].splitlines()
    assert "is not an object" in lines[0] and "object 0x" in lines[0] and "says what is there" in lines[0]
    assert "says what is there" not in lines[1]


def test_small_blocks_of_pools_are_worth_a_look(each, tmp_path):
    """Python's allocators give them out like those of objects, and malloc knows nothing of them."""
    with cores.Target(each.path, [os.path.join(HERE, "pooled_program.py")], str(tmp_path)) as target:
        made, *arrays = map(int, target.wait_ready().split()[1:])
        named = ["--pid", str(target.pid)]
        names = ["arrays[%d]" % (bytes_ // 200000) for bytes_ in arrays]
        top = program.ask(named, ["top", "--json"])
        kept, *rows = program.ask(named, ["deepsize", "--json", "kept"] + names)["objects"]
        leads = program.ask(named, ["object", "--json"] + names)["objects"]
    owned = kept["native"]
    assert "native_left_out" not in top and top["native"]["bytes"] >= owned
    assert made <= owned <= (1.6 if each.debug else 1.1) * made  # a debug build puts guards around each
    for bytes_, row, lead in zip(arrays, rows, leads):
        assert bytes_ <= row["native"] <= 1.05 * bytes_ + 1024 and row["native_reached"] == row["native"]
        assert bytes_ <= lead["native_referents"]["bytes"] <= 1.05 * bytes_ + 1024
