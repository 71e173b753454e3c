# SPDX-License-Identifier: MIT
"""For every object that the dumped interpreter spoke of: our size is sys.getsizeof, our visible references are
gc.get_referents, our deep sizes are what the process computed itself."""
import json

import pytest

import program
from truth import compare_referents, compare_sizes


def test_recording_changed_nothing(dump):
    assert len(dump.truth.objects) > 1000
    assert len(dump.truth.changed) <= len(dump.truth.objects) // 1000


@pytest.fixture(scope="session")
def sizes(dump):
    """Compared once; the references want to know of which objects we said that we do not know them well."""
    return compare_sizes(dump.truth, program.ask_about(dump.target, ["sizeof"], list(dump.truth.objects)))


def test_shallow_sizes_and_types(dump, sizes):
    print(sizes.summary())
    assert sizes.compared == len(dump.truth.objects)
    assert not sizes.counts, sizes.text()


def test_referents(dump, sizes):
    answers = program.ask_about(dump.target, ["referents"], list(dump.truth.objects))
    differences = compare_referents(dump.truth, answers, sizes.approximate)
    print(differences.summary())
    assert differences.compared == len(dump.truth.objects)
    assert not differences.counts, differences.text()


def test_without_files(dump):
    """From the core alone: what only files have (names of C types, sizes of array items) follows otherwise."""
    if not dump.core:
        pytest.skip("a live process has its files")
    target = list(dump.target) + ["--no-files"]
    sizes = compare_sizes(dump.truth, program.ask_about(target, ["sizeof"], list(dump.truth.objects)))
    referents = compare_referents(dump.truth, program.ask_about(target, ["referents"], list(dump.truth.objects)),
                                  sizes.approximate)
    print(sizes.summary())
    assert sizes.compared == referents.compared == len(dump.truth.objects)
    assert not sizes.counts and not referents.counts, sizes.text() + "\n" + referents.text()


@pytest.mark.parametrize("policy", ["gc", "data", "containers", "asizeof"])
def test_deep_sizes(dump, policy):
    asked = [(name, size) for name, row_policy, size in dump.truth.deep if row_policy == policy]
    if not asked:
        assert policy == "asizeof"
        pytest.skip("pympler was not asked: it is not installed beside pytest")
    answers = program.ask(dump.target, ["deepsize", "--policy", policy, "--json", "-"],
                          "".join("0x%x\n" % dump.truth.roots[name] for name, _ in asked))
    assert len(answers["objects"]) == len(asked)
    wrong = ["%s (%s): the process says %d, we say %d (%d objects)" % (name, answer["type"], size, answer["deep"],
                                                                      answer["count"])
             for (name, size), answer in zip(asked, answers["objects"]) if answer["deep"] != size]
    assert not wrong, "%d of %d roots differ\n%s" % (len(wrong), len(asked), "\n".join(wrong))


def test_default_policy_is_data(dump):
    root = "0x%x" % dump.truth.roots["list of one three times"]
    answer = program.ask(dump.target, ["deepsize", "--json", root])
    assert answer["policy"] == "data"
    assert answer["objects"][0]["count"] == 2
    assert sum(row["shallow"] for row in answer["objects"][0]["by_type"]) == answer["objects"][0]["deep"]
    everything = program.ask(dump.target, ["deepsize", "--policy", "all", "--json", root])["objects"][0]
    assert everything["deep"] >= answer["objects"][0]["deep"]


def test_targets_by_name(dump):
    """A Python path reaches the same object as its address does."""
    base = "builtins._pydeepsize_oracle['subjects']"
    for name in ("list grown", "dict of mixed", "instance", "deque"):
        answer = program.ask(dump.target, ["sizeof", "--json", "%s['%s']" % (base, name)])["objects"][0]
        assert int(answer["address"], 16) == dump.truth.roots[name]
    answer = program.ask(dump.target, ["sizeof", "--json", base + "['list grown'][3]"])["objects"][0]
    assert answer["type"] == "int"


def test_whole_heap_is_larger_than_what_was_recorded(dump):
    total = program.ask(dump.target, ["heap", "--json"])["total"]
    assert total["count"] > len(dump.truth.objects)
    assert total["shallow"] > sum(known.size for known in dump.truth.objects.values())


def test_whole_heap_has_what_was_recorded(dump):
    """Every recorded object is found by enumeration, with the same size; the totals are the sum of the parts."""
    if "objects" not in program.commands():
        pytest.skip("the command objects does not exist yet")
    seen, shallow, count, files = {}, 0, 0, []
    answer = program.run(list(dump.target) + ["objects", "--json"])
    assert answer.status in (0, 3), answer.errors
    for line in answer.output.splitlines():
        row = json.loads(line)
        seen[int(row["address"], 16)] = row["shallow"]
        count += 1
        shallow += row["shallow"]
        if row["type"] == "_io.BytesIO":
            files.append(row["shallow"])
    assert len(seen) == count, "an object is listed twice"
    missing = [address for address in dump.truth.objects if address not in seen]
    kinds = sorted({dump.truth.objects[address].type for address in missing})
    assert not missing, "%d of %d are not enumerated: %s" % (len(missing), len(dump.truth.objects), kinds[:20])
    answer = program.ask(dump.target, ["heap", "--json", "--limit", "0"])
    parts = [answer["total"], answer.get("unreachable", {"count": 0, "shallow": 0})]
    # What a BytesIO counts of its buffer, a bytes object that is in the list itself, is in no sum twice.
    buffers = sum(size - min(files) for size in files)
    assert [sum(part[key] for part in parts) for key in ("count", "shallow")] == [count, shallow - buffers]


def test_state_of_other_libraries_is_allocated(dump):
    """What OpenSSL keeps for a hash is in no size of Python's: the object's allocation has it, and is an estimate."""
    hashes = [address for address, known in dump.truth.objects.items() if known.type == "_hashlib.HASH"]
    if not hashes:
        pytest.skip("this Python has no _hashlib")
    for address, answer in program.ask_about(dump.target, ["sizeof"], hashes):
        state = [part for part in answer["parts"] if part["role"] == "state of the hash"]
        assert len(state) == 1 and not state[0]["counted"], answer
        assert state[0]["allocator"] == "malloc" and state[0]["allocated"] >= 32, answer
        assert answer["allocated"] >= answer["shallow"] + state[0]["allocated"]
        assert answer["allocated_approximate"]
