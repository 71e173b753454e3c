# SPDX-License-Identifier: MIT
"""The cores kept under corefiles/: every version, on a machine that has only one Python. Each is compared with the
truth that was written when it was made, with the reduced files that belong to it as sysroot; and without any file."""
import hashlib
import os
import shutil

import pytest

import cores
import program
import stored_cores
from stored_cores import FOLDER
from truth import compare_referents, compare_sizes

ROWS = stored_cores.make.read_manifest()


def test_manifest_and_folder_agree():
    assert ROWS, "no stored cores"
    named = {row["name"] + ending for row in ROWS for ending in (".core.zst", ".truth.zst", ".files.tar.zst")}
    assert named == {name for name in os.listdir(FOLDER) if name.endswith(".zst")}
    for row in ROWS:
        for key, ending in (("core_sha256", ".core.zst"), ("truth_sha256", ".truth.zst"),
                            ("files_sha256", ".files.tar.zst")):
            with open(os.path.join(FOLDER, row["name"] + ending), "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == row[key], row["name"] + ending
        assert row["compressed_bytes"] <= stored_cores.make.MOST_BYTES


@pytest.fixture(scope="module", params=ROWS, ids=[row["name"] for row in ROWS])
def stored(request):
    folder = cores.scratch("stored")
    try:
        _, core, sysroot, truth = stored_cores.unpack(request.param["name"], folder)
        yield core, sysroot, truth
    except cores.Skipped as reason:
        pytest.skip(str(reason))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_exact(stored):
    core, sysroot, truth = stored
    target = ["--core", core, "--sysroot", sysroot]
    sizes = compare_sizes(truth, program.ask_about(target, ["sizeof"], list(truth.objects)))
    assert not sizes.counts, sizes.text()
    referents = compare_referents(truth, program.ask_about(target, ["referents"], list(truth.objects)),
                                  sizes.approximate)
    assert not referents.counts, referents.text()
    assert sizes.compared == referents.compared == len(truth.objects)


def test_deep(stored):
    core, sysroot, truth = stored
    for policy in ("gc", "data", "containers"):
        asked = [(name, size) for name, row_policy, size in truth.deep if row_policy == policy]
        answers = program.ask(["--core", core, "--sysroot", sysroot], ["deepsize", "--policy", policy, "--json", "-"],
                              "".join("0x%x\n" % truth.roots[name] for name, _ in asked))["objects"]
        wrong = ["%s under %s: the process said %d, we say %d" % (name, policy, size, answer["deep"])
                 for (name, size), answer in zip(asked, answers) if answer["deep"] != size]
        assert asked and not wrong, "\n".join(wrong)


def test_info_says_which_python(stored):
    core, sysroot, truth = stored
    assert truth.version in str(program.ask(["--core", core, "--sysroot", sysroot], ["info", "--json"])["python"])


def test_without_files(stored):
    """No ELF file at all. The names of static types are not in a core, so types of C modules are not recognised: a size
    may be wrong, but never in silence."""
    core, _, truth = stored
    target = ["--core", core, "--no-files"]
    answer = program.run(target + ["info"])
    assert answer.status in (0, 2, 3), answer
    if answer.status == 2:
        assert len(answer.errors.strip().split("\n")) == 1 and answer.errors.strip(), answer.errors
        return
    wrong, exact = [], 0
    for address, answer in program.ask_about(target, ["sizeof"], list(truth.objects)):
        known = truth.objects[address]
        exact += answer["shallow"] == known.size
        if answer["shallow"] != known.size and not (answer["approximate"] or answer["unreadable"]):
            wrong.append("0x%x %s: sys.getsizeof says %d, we say %d" % (address, known.type, known.size,
                                                                       answer["shallow"]))
    assert not wrong, "\n".join(wrong[:20])
    assert exact > 0.98 * len(truth.objects)
