# SPDX-License-Identifier: MIT
"""`pydeepsize mcp`: what its tools answer, and, where the SDK is there (`pip install mcp`), what its client says."""
import importlib
import json
import os
import sys

import pytest

import program

PACKAGE = os.path.join(program.ROOT, "python")
pytestmark = pytest.mark.skipif(program.SANITIZED, reason="the library with sanitizers cannot be loaded into Python")
NAMES = ["load", "summary", "findings", "histogram", "query", "dominators", "object", "paths", "compare"]


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("PYDS_BUILD", program.BUILD)
    sys.path.insert(0, PACKAGE)
    yield importlib.import_module("pydeepsize.mcp")
    sys.path.remove(PACKAGE)


def called(module, values=False):
    return {tool.__name__: tool for tool in module.tools(module.Heap(values))}


@pytest.fixture(scope="module")
def tools(server, shop):
    made = called(server)
    answer = made["load"](shop.core)
    assert answer["core"] == shop.core and answer["total"] == shop.ask("heap", "-n", "1")["total"]
    return made


def test_an_agent_comes_from_the_summary_to_the_culprit(tools, shop):
    """Each call takes an address out of the answer before."""
    assert list(tools) == NAMES
    assert tools["summary"]()["python"]["version"]
    assert tools["histogram"](limit=3)["types"] == shop.ask("heap", "-n", "3")["types"]
    top = tools["dominators"](limit=2)["rows"]
    assert [row["name"] for row in top][:1] == ["__main__.SESSIONS"]
    found = tools["object"](top[0]["address"], limit=3)
    assert found["objects"][0]["type"] == "dict" and found["sizes"][0]["retained"] == top[0]["retained"]
    inner = found["objects"][0]["referents"][0]["address"]
    paths = tools["paths"](inner)
    steps = [step["address"] for path in paths["objects"][0]["paths"] for step in path["steps"]]
    assert inner in steps and top[0]["address"] in steps
    assert top[0]["address"] in [one["address"] for one in paths["referrers"][0]["referrers"]]
    rows = tools["query"]("SELECT count(*) FROM reference WHERE source = %s" % top[0]["address"])["rows"]
    assert rows[0][0] >= 2000
    assert "object" in [table["name"] for table in tools["query"]("")["tables"]]
    assert tools["compare"](shop.core)["total"]["count_delta"] == 0


def test_answers_are_small_and_without_contents(tools, server, shop):
    for name, arguments in (("summary", ()), ("findings", ()), ("histogram", (10 ** 9,)), ("dominators", (10 ** 9,)),
                            ("object", ("__main__.SESSIONS", 10 ** 9)), ("paths", ("__main__.TWICE",)),
                            ("query", ("SELECT * FROM object", 10 ** 9)), ("compare", (shop.core,))):
        text = json.dumps(tools[name](*arguments))
        assert len(text) < 100000, name
        assert "user-1" not in text and "THE SAME TEXT" not in text, name
    value = "SELECT value(target) FROM reference WHERE source = resolve('__main__.TWICE') LIMIT 1"
    assert tools["query"](value)["rows"] == [[None]]
    shown = called(server, values=True)
    shown["load"](shop.core)
    assert "THE SAME TEXT" in shown["query"](value)["rows"][0][0]


def test_mistakes_are_sentences(tools, server, shop, tmp_path):
    failure = importlib.import_module("pydeepsize").Failure
    for wrong in (lambda: called(server)["summary"](), lambda: tools["object"]("__main__.NOTHING"),
                  lambda: tools["query"]("DROP TABLE object"), lambda: tools["load"](str(tmp_path / "nowhere"))):
        with pytest.raises(failure) as raised:
            wrong()
        assert len(str(raised.value)) > 10
    assert tools["summary"]()["core"] == shop.core, "what was open stays open"


def test_the_client_of_the_sdk(shop):
    anyio = pytest.importorskip("anyio", reason="no anyio")
    mcp = pytest.importorskip("mcp", reason="the SDK is not installed: pip install mcp")
    from mcp.client.stdio import stdio_client
    environment = dict(os.environ, PYTHONPATH=PACKAGE, PYDS_BUILD=program.BUILD)
    parameters = mcp.StdioServerParameters(command=sys.executable, env=environment,
                                           args=["-m", "pydeepsize", "mcp", "--core", shop.core])

    async def talk():
        async with stdio_client(parameters) as (read, write):
            async with mcp.ClientSession(read, write) as session:
                await session.initialize()
                listed = (await session.list_tools()).tools
                assert [tool.name for tool in listed] == NAMES
                assert all(len(tool.description) > 40 for tool in listed)
                answer = await session.call_tool("dominators", {"limit": 1})
                row = json.loads(answer.content[0].text)["rows"][0]
                answer = await session.call_tool("object", {"x": row["address"]})
                found = json.loads(answer.content[0].text)
                assert found["objects"][0]["owner"] == "__main__.SESSIONS"
                wrong = await session.call_tool("object", {"x": "__main__.NOTHING"})
                assert "NOTHING" in wrong.content[0].text
    anyio.run(talk)
