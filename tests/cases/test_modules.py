# SPDX-License-Identifier: MIT
"""`modules`: what each has alone, what several hold together and which, and what is garbage; the sums are the heap."""
import os
import re

import pytest

import cores
import program

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "modules_program.py")
CACHE, VIEWS, JOBS = "shop.cache", "shop.views", "shop.jobs"


@pytest.fixture(scope="module")
def shop(distribution, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("modules"))
    with cores.Target(distribution.path, [PROGRAM], folder) as target:
        words = target.wait_ready().split()[1:]
        yield ["--core", cores.gcore(target.pid, os.path.join(folder, "core"))], words[:4], list(map(int, words[4:]))


def test_what_several_hold_together(shop):
    target, (pair, deep, all_, first), sizes = shop
    answer = program.ask(target, ["modules", "--json", "-n", "0"])
    rows = {tuple(sorted(row["modules"])): row for row in answer["shared"]}
    both, chain, every = rows[CACHE, VIEWS], rows[JOBS, VIEWS], rows[CACHE, JOBS, VIEWS]
    assert both["largest"] == {"name": "shop.cache.PAIR", "address": pair, "retained": both["retained"]}
    assert both["count"] == 2002 and both["retained"] > sizes[0]
    assert chain["count"] == 4001 and chain["largest"]["address"] == deep and chain["retained"] > sizes[1]
    assert every["largest"]["address"] == all_ and every["count"] == 501 and every["retained"] > sizes[2]
    alone = {row["name"]: row for row in answer["modules"]}
    assert 300 * 50 < alone[CACHE]["retained"] < 300 * 100, "what is shared counts for none"
    assert answer["shared_total"] == sum(row["retained"] for row in answer["shared"])
    top = program.ask(target, ["top", "--json", "-n", "1"])
    assert sum(row["retained"] for row in answer["modules"]) + answer["shared_total"] + answer["elsewhere"] == \
        top["total"]["shallow"]
    assert answer["unreachable"] == top["unreachable"] and answer["unreachable"]["count"] >= 100


def test_filters_and_text(shop):
    target, (pair, _, _, _), _ = shop
    answer = program.ask(target, ["modules", "--json", "--module", CACHE])
    assert [row["name"] for row in answer["modules"]] == [CACHE]
    assert all(CACHE in row["modules"] for row in answer["shared"]) and len(answer["shared"]) == 2
    text = program.run(target + ["modules", "--module", "shop"]).output
    assert re.search(r"^ *[\d.]+ KiB +2,002  shop\.cache,.* shop\.cache\.PAIR .*" + pair, text, re.M), text
    assert "held by several modules together" in text and "apart: unreachable; garbage says" in text
