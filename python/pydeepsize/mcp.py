# SPDX-License-Identifier: MIT
"""`pydeepsize mcp --core FILE`: a server of the Model Context Protocol on standard input and output, for agents.

On the official SDK (`pip install pydeepsize[mcp]`). Small answers: each tool shows at most `limit` rows and says how many
there are; every row has an address that plugs into the next call. Contents of strings are not shown unless the server was
started with --values: what an agent reads leaves the machine."""
import argparse
import functools
import importlib
import inspect
import json
import re
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

from .target import Failure, Target, open as open_target

MOST_ROWS = 100  # of one answer
INSTRUCTIONS = """\
Answers questions about the heap of a CPython process that is dead or stopped: what its objects weigh and what keeps them
alive. Sizes are bytes. `shallow` is the object alone, `retained` what would be freed if it went. Objects are named by
address (0x7f31c02a8e40) or by Python path (app.cache.SESSIONS['u:1']). Begin with `findings` or `summary`; then
`dominators` for what holds the memory, `paths` for why something is alive, `query` for everything else in SQL."""


class Heap(object):
    """The targets of one server, one call at a time."""

    def __init__(self, values: bool = False) -> None:
        self.values = values
        self.target: Optional[Target] = None
        self.path: Optional[str] = None
        self.lock = threading.Lock()

    def load(self, path: str) -> None:
        opened = open_target(path)
        if self.target is not None:
            self.target.close()
        self.target, self.path = opened, path

    def opened(self) -> Target:
        if self.target is None:
            raise Failure("no core is open: call load first")
        return self.target

    def ask(self, command: str, *words: str, **options: Any) -> Dict[str, Any]:
        if self.values and "values" in _options_of(self.opened(), command):
            options["values"] = True
        answer = self.opened().ask(command, *words, **options)
        answer.pop("schema", None)
        return answer


def _options_of(target: Target, command: str) -> List[str]:
    return [word.lstrip("-") for word in target.commands()[command]["options"].split()]


def _rows(limit: int) -> int:
    return max(1, min(limit, MOST_ROWS))


def _cut(answer: Dict[str, Any], limit: int) -> Dict[str, Any]:
    """Lists of rows that are longer than the limit end with how many were left out."""
    for key, value in list(answer.items()):
        if isinstance(value, list) and len(value) > limit:
            answer[key] = value[:limit]
            answer[key + "_left_out"] = len(value) - limit
        elif isinstance(value, list):
            for row in value:
                if isinstance(row, dict):
                    _cut(row, limit)
    return answer


def _first_rows(heap: Heap, sql: str, limit: int) -> Dict[str, Any]:
    """No more rows are computed than are shown, and one to know that there are more."""
    if not re.match(r"(?is)(select|values|with)\b", sql):
        return heap.ask("query", sql, limit=limit)
    answer = heap.ask("query", "SELECT * FROM (%s\n) LIMIT %d" % (sql, limit + 1))
    if len(answer["rows"]) > limit:
        answer.update(rows=answer["rows"][:limit], more_rows=True)
    answer.pop("row_count", None)
    return answer


def tools(heap: Heap) -> List[Callable[..., Dict[str, Any]]]:
    """What an agent can call; a docstring is what it is told."""

    def load(core: str) -> Dict[str, Any]:
        """Opens a core file (plain, or compressed by systemd-coredump) on this machine instead of the one before."""
        heap.load(core)
        return summary()

    def summary() -> Dict[str, Any]:
        """Which Python this was, how many objects and bytes it had, and what the dump lacks."""
        info = heap.ask("info")
        total = heap.ask("heap", limit=1)
        return {"core": heap.path, "python": info.get("python"), "total": total.get("total"),
                "coverage": total.get("coverage"), "warnings": info.get("warnings", [])[:10],
                "next": ["findings", "histogram", "dominators"]}

    def findings(limit: int = 10) -> Dict[str, Any]:
        """What is wrong with this process or wasted in it, worst first, with bytes, places and the command to go on."""
        return _cut(heap.ask("findings"), _rows(limit))

    def histogram(limit: int = 20, by: str = "type", type: str = "*",  # pylint: disable=redefined-builtin
                  module: str = "") -> Dict[str, Any]:
        """Objects and shallow bytes by `type`, `module`, `size` or `generation`, largest first. type: a pattern with *
        and ?; module: only types of that module and its submodules."""
        return _cut(heap.ask("heap", limit=_rows(limit), by=None if by == "type" else by,
                             type=None if type == "*" else type, module=module or None), _rows(limit))

    def query(sql: str, limit: int = 50) -> Dict[str, Any]:
        """One SELECT over the tables of the heap, in SQLite's SQL. Without a statement ("") the tables and their columns.
        Functions: name(address), describe(address), path(address), resolve('app.cache'), addr(address)."""
        if not sql.strip():
            return {"tables": [{"name": table["name"], "doc": table["doc"], "columns":
                                [column["name"] for column in table["columns"]]}
                               for table in heap.ask("query")["tables"]]}
        return _first_rows(heap, sql.strip().rstrip(";"), _rows(limit))

    def dominators(limit: int = 20) -> Dict[str, Any]:
        """What holds the memory: the dominator tree from the top, each branch followed to where the memory fans out,
        with retained bytes."""
        return _cut(heap.ask("top", limit=_rows(limit)), _rows(limit))

    def object(x: str, limit: int = 20) -> Dict[str, Any]:  # pylint: disable=redefined-builtin
        """One object, by address or Python path: type, reference count, attributes or items, shallow, deep and retained
        bytes."""
        answer = heap.ask("object", x, limit=_rows(limit))
        answer["sizes"] = _cut(heap.ask("deepsize", x, limit=5), 5)["objects"]
        return _cut(answer, _rows(limit))

    def paths(x: str, limit: int = 3) -> Dict[str, Any]:
        """Why an object is alive: the shortest paths to it from roots, each step with its label and address; and the
        objects that refer to it."""
        answer = _cut(heap.ask("path", x, paths=_rows(limit)), MOST_ROWS)
        answer["referrers"] = _cut(heap.ask("referrers", x, limit=_rows(limit)), _rows(limit))["objects"]
        return answer

    def compare(later: str, limit: int = 20) -> Dict[str, Any]:
        """What grew between the open core and a later core of the same program: by type, by owner, by object."""
        return _cut(heap.ask("diff", later, limit=_rows(limit)), _rows(limit))

    return [load, summary, findings, histogram, query, dominators, object, paths, compare]


def _sdk() -> Tuple[Any, Any]:
    """The classes of the SDK: its server (called MCPServer since version 2, FastMCP before), and its failure of a call."""
    try:
        name = "mcp.server.mcpserver"
        server_class = getattr(importlib.import_module(name), "MCPServer")
    except ModuleNotFoundError:
        name = "mcp.server.fastmcp"
        server_class = getattr(importlib.import_module(name), "FastMCP")
    return server_class, getattr(importlib.import_module(name + ".exceptions"), "ToolError")


def _guarded(heap: Heap, tool: Callable[..., Dict[str, Any]], tool_error: Any) -> Callable[..., str]:
    """One call at a time; the answer as compact JSON, a failure as its sentence."""
    @functools.wraps(tool)
    def call(*arguments: Any, **options: Any) -> str:
        try:
            with heap.lock:
                return json.dumps(tool(*arguments, **options), separators=(",", ":"))
        except Failure as failure:
            raise tool_error(str(failure))
    signature = inspect.signature(tool)
    call.__signature__ = signature.replace(return_annotation=str)  # type: ignore[attr-defined]
    call.__annotations__ = dict(tool.__annotations__, **{"return": str})
    return call


def server(heap: Heap) -> Any:
    """The SDK's server with all tools."""
    server_class, tool_error = _sdk()
    made = server_class("pydeepsize", instructions=INSTRUCTIONS)
    for tool in tools(heap):
        made.add_tool(_guarded(heap, tool, tool_error), name=tool.__name__, description=inspect.getdoc(tool),
                      structured_output=False)
    return made


def main(words: List[str]) -> None:
    parser = argparse.ArgumentParser(prog="pydeepsize mcp", description="A server of the Model Context Protocol on "
                                     "standard input and output: questions about a core for agents.")
    parser.add_argument("--core", metavar="FILE", help="the core to open first; an agent can load another")
    parser.add_argument("--values", action="store_true", help="show contents of strings and numbers to the agent")
    options = parser.parse_args(words)
    heap = Heap(options.values)
    try:
        if options.core:
            heap.load(options.core)
        made = server(heap)
    except Failure as failure:
        parser.exit(2, "pydeepsize: %s\n" % failure)
    except ImportError as error:
        parser.exit(2, "pydeepsize: %s: pip install 'pydeepsize[mcp]'\n" % error)
    made.run()
