# SPDX-License-Identifier: MIT
"""Rows of Python objects as an Arrow C stream (the Arrow C data and stream interfaces, and their PyCapsule protocol), without any library
of Arrow: struct ArrowSchema, ArrowArray and ArrowArrayStream by ctypes. One batch; columns are int64, float64, bool or
utf8 by what they hold."""
import array
import ctypes
from typing import Any, Dict, List, Sequence, Tuple

RELEASE: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
GET: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
LAST_ERROR: Any = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
DESTRUCTOR: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
NULLABLE = 2


class ArrowSchema(ctypes.Structure):
    _fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p),
                ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64), ("children", ctypes.c_void_p),
                ("dictionary", ctypes.c_void_p), ("release", ctypes.c_void_p), ("private_data", ctypes.c_void_p)]


class ArrowArray(ctypes.Structure):
    _fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
                ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64), ("buffers", ctypes.c_void_p),
                ("children", ctypes.c_void_p), ("dictionary", ctypes.c_void_p), ("release", ctypes.c_void_p),
                ("private_data", ctypes.c_void_p)]


class ArrowArrayStream(ctypes.Structure):
    _fields_ = [("get_schema", ctypes.c_void_p), ("get_next", ctypes.c_void_p), ("get_last_error", ctypes.c_void_p),
                ("release", ctypes.c_void_p), ("private_data", ctypes.c_void_p)]


# What a consumer holds is alive here, by the address of its structure, until it calls release.
_alive: Dict[int, Any] = {}
_capsules: Dict[int, Any] = {}


def _forget(structure: Any) -> Any:
    def release(address: int) -> None:
        found = structure.from_address(address)
        if structure is not ArrowArrayStream:  # its children go with it, unless a consumer moved them out
            for index in range(found.n_children):
                child = ctypes.c_void_p.from_address(found.children + index * ctypes.sizeof(ctypes.c_void_p)).value
                if child and structure.from_address(child).release:
                    RELEASE(structure.from_address(child).release)(child)
        found.release = None
        _alive.pop(found.private_data, None)
    return RELEASE(release)


_release_schema = _forget(ArrowSchema)
_release_array = _forget(ArrowArray)
_release_stream = _forget(ArrowArrayStream)


def _keep(structure: Any, release: Any, *parts: Any) -> Any:
    """Gives a structure its release function and keeps what it points at."""
    token = ctypes.c_char()
    key = ctypes.addressof(token)
    structure.release = ctypes.cast(release, ctypes.c_void_p).value
    structure.private_data = key
    _alive[key] = (token, structure, parts)
    return structure


def _pointers(values: Sequence[Any]) -> Any:
    return (ctypes.c_void_p * max(len(values), 1))(*values)


def _bits(flags: List[bool]) -> bytes:
    data = bytearray((len(flags) + 7) // 8 or 1)
    for index, flag in enumerate(flags):
        if flag:
            data[index >> 3] |= 1 << (index & 7)
    return bytes(data)


def _column(values: List[Any]) -> Tuple[bytes, List[Any]]:
    """The format of a column and its buffers after the bitmap of validity."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return b"b", [_bits([bool(value) for value in values])]
    if kinds <= {int} and kinds and all(value is None or -2 ** 63 <= value < 2 ** 63 for value in values):
        return b"l", [array.array("q", [value or 0 for value in values]).tobytes()]
    if kinds <= {int, float} and kinds:
        return b"g", [array.array("d", [value or 0.0 for value in values]).tobytes()]
    texts = [b"" if value is None else str(value).encode("utf-8", "replace") for value in values]
    offsets, at = array.array("q", [0]), 0
    for text in texts:
        at += len(text)
        offsets.append(at)
    return b"U", [offsets.tobytes(), b"".join(texts)]


def _buffer(data: bytes) -> Tuple[Any, int]:
    kept = ctypes.create_string_buffer(data, max(len(data), 8))
    return kept, ctypes.addressof(kept)


def _schema(name: bytes, form: bytes, children: Sequence[Any] = ()) -> Any:
    schema = ArrowSchema(format=form, name=name, flags=NULLABLE if not children else 0, n_children=len(children))
    pointers = _pointers([ctypes.addressof(child) for child in children])
    schema.children = ctypes.addressof(pointers) if children else None
    return _keep(schema, _release_schema, pointers, children, form, name)


def _array(length: int, nulls: int, buffers: List[Any], children: Sequence[Any] = ()) -> Any:
    kept = [None if data is None else _buffer(data) for data in buffers]
    table = _pointers([one[1] if one else None for one in kept])
    pointers = _pointers([ctypes.addressof(child) for child in children])
    found = ArrowArray(length=length, null_count=nulls, n_buffers=len(buffers), n_children=len(children),
                       buffers=ctypes.addressof(table))
    found.children = ctypes.addressof(pointers) if children else None
    return _keep(found, _release_array, kept, table, pointers, children)


def _move(structure: Any, address: int) -> None:
    """Hands a structure over: the consumer's copy is the one that is released."""
    ctypes.memmove(address, ctypes.addressof(structure), ctypes.sizeof(structure))


def stream(columns: List[str], rows: List[Tuple[Any, ...]]) -> object:
    """A PyCapsule "arrow_array_stream" with one batch."""
    names = [name.encode("utf-8", "replace") for name in columns]
    made = [_column([row[index] for row in rows]) for index in range(len(columns))]
    state = {"left": 1}

    def get_schema(_stream: int, out: int) -> int:
        children = [_schema(name, form) for name, (form, _) in zip(names, made)]
        _move(_schema(b"", b"+s", children), out)
        return 0

    def get_next(_stream: int, out: int) -> int:
        if state["left"] == 0:
            ctypes.memset(out, 0, ctypes.sizeof(ArrowArray))
            return 0
        state["left"] = 0
        children = []
        for index, (_form, buffers) in enumerate(made):
            valid = [row[index] is not None for row in rows]
            nulls = len(valid) - sum(valid)
            children.append(_array(len(rows), nulls, [_bits(valid) if nulls else None] + buffers))
        _move(_array(len(rows), 0, [None], children), out)
        return 0

    def get_last_error(_stream: int) -> None:
        return None
    functions = [GET(get_schema), GET(get_next), LAST_ERROR(get_last_error)]
    source = ArrowArrayStream(*[ctypes.cast(function, ctypes.c_void_p).value for function in functions])
    _keep(source, _release_stream, functions, made, rows)
    return _capsule(source)


def hand_over(source: ArrowArrayStream) -> object:
    """A PyCapsule of a stream that C code filled."""
    return _capsule(source)


NAME = b"arrow_array_stream"


def _destroy_capsule(capsule: int) -> None:
    pointer = _get_pointer(capsule, NAME)
    found = ArrowArrayStream.from_address(pointer)
    if found.release:
        RELEASE(found.release)(pointer)
    _capsules.pop(pointer, None)


_destroy = DESTRUCTOR(_destroy_capsule)
_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.argtypes, _get_pointer.restype = [ctypes.c_void_p, ctypes.c_char_p], ctypes.c_void_p
_new = ctypes.pythonapi.PyCapsule_New
_new.argtypes, _new.restype = [ctypes.c_void_p, ctypes.c_char_p, DESTRUCTOR], ctypes.py_object


def _capsule(source: Any) -> object:
    address = ctypes.addressof(source)
    _capsules[address] = source
    return _new(address, NAME, _destroy)
