# SPDX-License-Identifier: MIT
"""A target and its objects: every command as a method that returns plain data, and objects by name or address."""
import json
import threading
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Union

from .library import bindings
from .rows import Rows, Table

_bindings = bindings()
Failure = _bindings.Failure
Interrupted = _bindings.Interrupted


class Reference(NamedTuple):
    """One strong reference: `label` is ".attr", "['key']", "[3]" ..."""

    label: str
    object: "Object"


class Type(NamedTuple):
    """A class, and how many objects it has; sizes are bytes."""

    name: str
    address: int
    objects: int
    shallow: int
    allocated: int


class Frame(NamedTuple):
    """A Python frame that runs: `thread` is the native id, `number` counts from 0, the innermost; what its locals reach
    (deep) and what it alone keeps alive (retained) in bytes."""

    thread: int
    number: int
    function: str
    file: str
    line: int
    locals: "Dict[str, Object]"
    deep: Optional[int]
    retained: Optional[int]


class Object(object):
    """An object of the target, by its address. Its numbers are asked for when they are looked at."""

    def __init__(self, target: "Target", address: int, type_name: Optional[str] = None) -> None:
        self.target = target
        self.address = address
        self._type = type_name

    def __repr__(self) -> str:
        return "<%s at 0x%x>" % (self.type, self.address)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Object) and (self.target, self.address) == (other.target, other.address)

    def __hash__(self) -> int:
        return hash(self.address)

    def __getitem__(self, key: Union[int, str]) -> "Object":
        """An item of a list, tuple or dict, read from memory."""
        return self.target["0x%x[%r]" % (self.address, key)]

    def attribute(self, name: str) -> "Object":
        """An attribute, read from memory: no property is computed."""
        return self.target["0x%x.%s" % (self.address, name)]

    def _ask(self, command: str, *words: str) -> Dict[str, Any]:
        found: Dict[str, Any] = self.target.ask(command, "0x%x" % self.address, *words)["objects"][0]
        if "error" in found:
            raise Failure(found["error"])
        return found

    @property
    def type(self) -> str:
        """module.qualname of its class, without "builtins."."""
        if self._type is None:
            self._type = str(self._ask("sizeof")["type"])
        return self._type

    @property
    def shallow(self) -> int:
        """Bytes: what sys.getsizeof() gives in the process."""
        return int(self._ask("sizeof")["shallow"])

    @property
    def allocated(self) -> int:
        """Bytes that the allocators took for it."""
        return int(self._ask("sizeof")["allocated"])

    def deep(self, policy: str = "data") -> int:
        """Bytes of all that is reached from it under a policy: data, gc, all, containers, asizeof."""
        return int(self._ask("deepsize", "--no-retained", "--policy", policy, "--limit", "1")["deep"])

    @property
    def retained(self) -> Optional[int]:
        """Bytes that would be freed if it went; None: nothing reaches it. The first call makes the heap's graph."""
        found = self._ask("deepsize", "--limit", "1").get("retained")
        return None if found is None else int(found)

    @property
    def name(self) -> Optional[str]:
        """What leads to it, app.cache.SESSIONS; None: nothing near it has a name."""
        rows = self.target.query("SELECT name(%d)" % self.address)
        return rows[0][0] if rows else None

    def referents(self) -> List[Reference]:
        """What it refers to."""
        return [Reference(one["label"], Object(self.target, int(one["address"], 16), one.get("type")))
                for one in self._ask("referents")["referents"]]

    def referrers(self) -> List[Reference]:
        """The objects that refer to it; label is that of their reference."""
        return [Reference(one["label"], Object(self.target, int(one["address"], 16), one.get("type")))
                for one in self._ask("referrers")["referrers"] if one.get("address")]

    def _repr_html_(self) -> str:
        found = self._ask("object", "--limit", "20")
        rows = [("address", "0x%x" % self.address), ("type", found["type"]), ("name", found["owner"])]
        rows += [(name, found[name]) for name in ("refcount", "shallow", "allocated", "retained")]
        rows += [(one["label"], one["type"]) for one in found["referents"]]
        return Rows(["of this object", "is"], rows)._repr_html_()

    def path(self) -> List[str]:
        """The shortest way to it from a root: the root, then the label of each reference."""
        paths = self._ask("path", "--limit", "0")["paths"]
        if not paths:
            return []
        return [str(paths[0]["root"])] + [str(step.get("label", "")) for step in paths[0]["steps"]]


class Target(object):
    """An open core or process. `with` closes it; so does close()."""

    def __init__(self, core: Optional[str] = None, pid: Optional[int] = None, executable: Optional[str] = None,
                 sysroot: Optional[str] = None, debug_directory: Optional[str] = None,
                 progress: Optional[Callable[[int, int], None]] = None) -> None:
        if (core is None) == (pid is None):
            raise TypeError("one of core and pid")
        self._library = _bindings.load_library()
        self._commands = {one["name"]: one for one in _bindings.commands(self._library)}
        self._busy = threading.Lock()
        self._progress = progress
        self._session = _bindings.Session(self._library)
        options = _bindings.open_options(executable, sysroot, debug_directory)
        with _Turn(self):
            if core is not None:
                self._session.open_core(core, options, progress)
            else:
                self._session._open(self._library.pyds_open_process, pid, _bindings.ctypes.byref(options),
                                    progress=progress)

    def __enter__(self) -> "Target":
        return self

    def __exit__(self, *_what: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the core, or of the process, which then goes on. May be called twice."""
        with _Turn(self):
            self._session.close()

    def run(self, command: str, *words: str) -> str:
        """The text of one command, as the program prints it."""
        with _Turn(self):
            if not self._session.handle:
                raise Failure("this target is closed")
            return str(self._session.run([command] + list(words), progress=self._progress))

    def ask(self, command: str, *words: str, **options: Any) -> Dict[str, Any]:
        """The JSON document of one command. Options as keywords: limit=5, type="dict", retained=True."""
        document: Dict[str, Any] = json.loads(self.run(command, *words, *_options(options), "--json"))
        return document

    def __getattr__(self, name: str) -> Callable[..., Dict[str, Any]]:
        """Each command is a method: target.heap(limit=10), target.frames()."""
        if name.startswith("_") or name not in self.__dict__.get("_commands", {}):
            raise AttributeError("%r has no command %r" % (type(self).__name__, name))

        def command(*words: Union[str, int, Object], **options: Any) -> Dict[str, Any]:
            return self.ask(name, *[_word(word) for word in words], **options)
        command.__name__ = name
        command.__doc__ = self._commands[name]["help"]
        return command

    def commands(self) -> Dict[str, Dict[str, Any]]:
        """Every command: its summary, usage, help and options."""
        return {name: dict(command) for name, command in self._commands.items()}

    def __dir__(self) -> List[str]:
        return sorted(set(super().__dir__()) | set(self._commands))

    def __getitem__(self, name: Union[str, int]) -> Object:
        """An object by name (app.cache.SESSIONS['u:1'], frame:0.rows) or address. Failure says how far it got."""
        with _Turn(self):
            return Object(self, int(self._session.resolve(_word(name))))

    def objects(self, **options: Any) -> Iterator[Object]:
        """Every object of the heap, by address: objects(type="app.Session", min="1K")."""
        for line in self.run("objects", *_options(dict({"limit": 0}, **options)), "--json").splitlines():
            row = json.loads(line)
            if "address" in row:
                yield Object(self, int(row["address"], 16), row["type"])

    def types(self, **options: Any) -> Iterator[Type]:
        """The classes by the bytes of their objects, largest first: types(module="app")."""
        for row in self.ask("heap", **dict({"limit": 0}, **options))["types"]:
            yield Type(row["type"], int(row["type_address"], 16), row["count"], row["shallow"], row["allocated"])

    def stack(self, retained: bool = True) -> Iterator[Frame]:
        """Every Python frame of every thread, innermost first within its thread. Without retained at once, with it the
        heap's graph is made."""
        document = self.ask("frames", limit=0, no_retained=not retained)
        for thread in document["threads"]:
            for number, row in enumerate(thread["frames"]):
                names = {one["name"]: Object(self, int(one["address"], 16), one.get("type"))
                         for one in row.get("locals", []) if one.get("address")}
                yield Frame(thread["id"], number, row["function"], row["file"], row["line"], names, row.get("deep"),
                            row.get("retained"))

    def complete(self, beginning: str) -> List[str]:
        """What may stand for the beginning of a name: complete("app.cache.SE")."""
        with _Turn(self):
            return list(self._session.complete(beginning))

    def query(self, statement: str, values: bool = False) -> Rows:
        """An SQL statement over the tables of the heap (docs/exports.md)."""
        answer = self.ask("query", statement, *(["--values"] if values else []))
        return Rows(list(answer["columns"]), [tuple(row) for row in answer["rows"]])

    def arrow(self, statement: str, values: bool = False, hide_keys: bool = False) -> Table:
        """The same as columns, for pandas, polars, pyarrow and DuckDB: no row becomes a Python object."""
        flags = (_bindings.STATEMENT_SHOWS_VALUES if values else 0) | (_bindings.STATEMENT_HIDES_KEYS if hide_keys else 0)

        def stream() -> object:
            from . import arrow
            source = arrow.ArrowArrayStream()
            with _Turn(self):
                if not self._session.handle:
                    raise Failure("this target is closed")
                self._session.statement(statement, flags, source, self._progress)
            return arrow.hand_over(source)

        def rows(limit: int) -> Rows:
            return self.query("SELECT * FROM (%s\n) LIMIT %d" % (statement.rstrip("; \n"), limit), values)
        return Table(stream, rows)

    def table(self, name: str, costly: bool = False) -> Table:
        """One of the tables that `query` lists: table("object").to_pandas(). Columns that the list calls costly, such as
        the name of each object, are left out unless asked for."""
        found = [one for one in self.ask("query")["tables"] if one["name"] == name]
        if not found:
            raise Failure("there is no table %r; the command query lists them" % name)
        columns = [one["name"] for one in found[0]["columns"] if costly or not one["costly"]]
        return self.arrow('SELECT %s FROM "%s"' % (", ".join('"%s"' % one for one in columns), name))

    def export(self, path: str, **options: Any) -> Dict[str, Any]:
        """Writes a file for another program: export("heap.heapsnapshot"), export("report.html", force=True)."""
        return self.ask("export", path, **options)

    def _repr_html_(self) -> str:
        return self.query("SELECT type, count(*) AS count, sum(shallow) AS shallow FROM object GROUP BY type "
                          "ORDER BY 3 DESC LIMIT 20")._repr_html_()


class _Turn(object):
    """One thread at a time: another one is told so, and does not wait."""

    def __init__(self, target: Target) -> None:
        self.lock = target._busy

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            raise RuntimeError("another thread is using this target")

    def __exit__(self, *_what: object) -> None:
        self.lock.release()


def _word(word: Union[str, int, Object]) -> str:
    if isinstance(word, Object):
        return "0x%x" % word.address
    return "0x%x" % word if isinstance(word, int) else word


def _options(options: Dict[str, Any]) -> List[str]:
    words: List[str] = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value is not False and value is not None:
            words.extend((option, str(value)))
    return words


def open(core: Union[str, int, None] = None, *, pid: Optional[int] = None,  # pylint: disable=redefined-builtin
         executable: Optional[str] = None, sysroot: Optional[str] = None, debug_directory: Optional[str] = None,
         progress: Optional[Callable[[int, int], None]] = None) -> Target:
    """Opens a core file by its path, or a process by its pid (open(4242), open(pid=4242)), which is stopped for as long
    as its memory is copied. progress(done, total) is called some times a second while something long is computed."""
    if isinstance(core, int):
        core, pid = None, core
    return Target(core, pid, executable, sysroot, debug_directory, progress)
