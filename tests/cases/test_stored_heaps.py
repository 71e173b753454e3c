# SPDX-License-Identifier: MIT
"""Of each stored core: how many objects the heap has, and how many of them are held from C. A rule that loses objects,
or that finds some which are none, shows here; who changes one on purpose changes the number with it."""
import glob
import os

import pytest

import program

FOLDER = os.path.join(program.ROOT, "corefiles")
HEAPS = {  # objects, held from C
    "3.10.13": (47695, 135),
    "3.11.2-debian": (54007, 17),
    "3.11.2d-debian": (55853, 17),
    "3.11.7": (54067, 18),
    "3.12.1": (54691, 6),
    "3.13.0": (54602, 5),
    "3.13.15t": (48973, 29),
    "3.13.18-debian": (55791, 8),
    "3.13.5-debian": (55028, 5),
    "3.14.10-debian": (64273, 11),
    "3.14.10d-debian": (64005, 11),
    "3.14.7t": (49159, 4),
    "3.15.0rc2t": (48994, 4),
    "3.15.2-debian": (60039, 11),
    "3.8.18": (46080, 9),
    "3.9.18": (47357, 6),
}


@pytest.mark.parametrize("name", sorted(HEAPS))
def test_objects_and_holders(name):
    heap = program.ask(["--core", os.path.join(FOLDER, name + ".core.zst"), "--no-files"], ["heap", "--json"])
    assert (heap["total"]["count"], heap["coverage"]["held_from_c"]) == HEAPS[name]
    assert heap["coverage"]["corrupt"] == 0 and not heap["coverage"]["gc_list_broken"]


def test_every_core_has_its_numbers():
    stored = {os.path.basename(path)[:-len(".core.zst")] for path in glob.glob(os.path.join(FOLDER, "*.core.zst"))}
    assert stored == set(HEAPS)
