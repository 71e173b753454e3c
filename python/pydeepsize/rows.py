# SPDX-License-Identifier: MIT
"""The rows of an answer: of SQL, of a table. Plain data, and ways into pandas, Arrow and notebooks."""
import html
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

SHOWN = 50  # rows in a notebook


class Rows(object):
    """Rows as tuples, in the order of the answer. `columns` has their names. Addresses are "0x..." as everywhere in
    JSON, sizes are bytes."""

    def __init__(self, columns: List[str], rows: List[Tuple[Any, ...]]) -> None:
        self.columns = columns
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return Rows(self.columns, self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __iter__(self) -> Iterator[Tuple[Any, ...]]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return "Rows(%d rows: %s)" % (len(self._rows), ", ".join(self.columns))

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and (self.columns, self._rows) == (other.columns, other._rows)

    def dicts(self) -> List[Dict[str, Any]]:
        """Each row as a dict by column."""
        return [dict(zip(self.columns, row)) for row in self._rows]

    def column(self, name: str) -> List[Any]:
        """The values of one column."""
        index = self.columns.index(name)
        return [row[index] for row in self._rows]

    def to_pandas(self) -> Any:
        """A pandas.DataFrame; pandas comes with `pip install pydeepsize[pandas]`."""
        import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]
        return pandas.DataFrame(self._rows, columns=self.columns)

    def to_parquet(self, path: str) -> None:
        """Writes a Parquet file, for Spark or DuckDB; `pip install pydeepsize[arrow]`."""
        import pyarrow  # type: ignore[import-untyped,import-not-found,unused-ignore]
        import pyarrow.parquet  # type: ignore[import-untyped,import-not-found,unused-ignore]
        pyarrow.parquet.write_table(pyarrow.table(self), path)

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object:
        """The Arrow PyCapsule interface: pyarrow.table(rows), polars.from_arrow(rows), duckdb."""
        from . import arrow
        return arrow.stream(self.columns, self._rows)

    def _repr_html_(self) -> str:
        head = "".join("<th>%s</th>" % html.escape(name) for name in self.columns)
        body = "".join("<tr>%s</tr>" % "".join("<td>%s</td>" % html.escape("" if cell is None else str(cell))
                                               for cell in row) for row in self._rows[:SHOWN])
        rest = len(self._rows) - SHOWN
        more = "<p>%d more rows</p>" % rest if rest > 0 else ""
        return "<table><thead><tr>%s</tr></thead><tbody>%s</tbody></table>%s" % (head, body, more)


class Table(object):
    """An answer that is asked for as columns when somebody takes it: pyarrow.table(table), polars.DataFrame(table),
    duckdb.sql("SELECT ... FROM table"). The library fills the columns and nothing copies them, so whole heaps fit.
    Addresses are unsigned integers here, sizes bytes. Each who takes it asks anew."""

    def __init__(self, stream: Callable[[], object], rows: Callable[[int], Rows]) -> None:
        self._stream = stream
        self._first = rows

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object:
        """The Arrow PyCapsule interface, filled by the library."""
        return self._stream()

    def rows(self, limit: int = -1) -> Rows:
        """All rows, or the first few, as plain tuples, where addresses are "0x..."."""
        return self._first(limit)

    def to_arrow(self) -> Any:
        """A pyarrow.Table, not copied; `pip install pydeepsize[arrow]`."""
        import pyarrow  # type: ignore[import-untyped,import-not-found,unused-ignore]
        return pyarrow.table(self)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame by way of pyarrow: numbers are not copied; `pip install pydeepsize[arrow,pandas]`."""
        return self.to_arrow().to_pandas(split_blocks=True)

    def to_parquet(self, path: str) -> None:
        """Writes a Parquet file, for Spark or DuckDB; `pip install pydeepsize[arrow]`."""
        import pyarrow.parquet  # type: ignore[import-untyped,import-not-found,unused-ignore]
        pyarrow.parquet.write_table(self.to_arrow(), path)

    def _repr_html_(self) -> str:
        return self.rows(SHOWN)._repr_html_()
