"""Parquet: DuckDB reads it; what it must not be asked is found out before."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from engine.database import is_full
from engine.open.stored import NotReadError
from engine.read.fields import Column, fields_of_file
from engine.read.footer import footer_of, with_footer
from engine.read.geoparquet import with_metadata
from engine.read.parquet_plain import MISREAD, REFUSED, Texts, without_annotations
from engine.read.parquet_types import ColumnRead, Nanoseconds, Value, schema_of
from engine.read.parquet_zones import without_zones
from engine.read.reading import OtherwiseError
from engine.read.typed import TypedBlock, TypedReading
from engine.types.sql import literal, quoted
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.job import Job
    from engine.read.parquet_nodes import Node

#: What DuckDB raises over a file's bytes. Damage that its Thrift library or its buffers meet
#: has no class of its own: it is a bare ``duckdb.Error``.
_DAMAGE = (
    duckdb.InvalidInputException,
    duckdb.IOException,
    duckdb.ConversionException,
    duckdb.SerializationException,
    duckdb.NotImplementedException,
    UnicodeDecodeError,
)

#: What it says of a struct that holds a map, and a field without a name, whatever is read of it.
_UNNAMED = "only remap named structs"

#: What DuckDB says of files that are whole: a codec, an encoding or a type it does not have.
_UNREAD = re.compile(
    "Unsupported compression codec|is only supported for|requires two children"
    "|[Nn]ot implemented|not supported|at least one non-root column|" + _UNNAMED
)

#: What it says of a map that has a key twice, which only building the map again finds.
_REPEATED = "Map keys must be unique"

#: How DuckDB names the file: by a path of the function, which says nothing to anybody.
_NAMED = re.compile(r"file (['\"])[^'\"]*/[^'\"]*\1")

_MEDIA_TYPE = "application/vnd.apache.parquet"


def is_damage(error: Exception) -> bool:
    """Tell whether an error may come from a file's bytes: not internal ones, nor a full disk."""
    return (isinstance(error, _DAMAGE) or type(error) is duckdb.Error) and not is_full(error)


def damaged(error: Exception) -> RejectedObjectError | NotReadError:
    """Say that a file cannot be read: what DuckDB does not have is no damage."""
    said = _NAMED.sub("the file", str(error))
    if isinstance(error, duckdb.NotImplementedException) or _UNREAD.search(said):
        return NotReadError(f"Parquet that DuckDB does not read ({said})", _MEDIA_TYPE)
    return RejectedObjectError(Reason.CORRUPT_FILE, f"Parquet: {said}")


def _readable(footer: bytes) -> bytes:
    """Give a footer by which DuckDB reads the file's values."""
    return without_zones(with_metadata(footer))


def _check_names(node: Node) -> None:
    """Refuse names that no statement can hold."""
    if "\0" in node.name:
        detail = f"Parquet: a column's name has a zero character: {node.name!r}"
        raise RejectedObjectError(Reason.UNSUPPORTED_TYPE, detail)
    for child in node.children:
        _check_names(child)


def _column(name: str, value: Value) -> Column:
    raw = value.beyond.rescued_sql if value.beyond else ""
    return Column(name, value.kind, value.sql, raw_sql=raw)


def _check_shredded(root: Node, rows: str) -> None:
    """Read a file with a shredded VARIANT in a database of its own.

    Over layouts that its own writer does not make DuckDB 1.5.6 fails as a whole.

    Raises
    ------
    NotReadError
        When it does.
    """
    inside = [root]
    while inside:
        node = inside.pop()
        if node.name == "typed_value":
            break
        inside += node.children
    else:
        return
    try:
        with duckdb.connect(config={"threads": 1, "memory_limit": "256MB"}) as alone:
            alone.execute(f"SELECT max(hash(COLUMNS(*))) FROM {rows}")
    except (duckdb.InternalException, duckdb.FatalException) as error:
        detail = "Parquet with a VARIANT shredded in a way that DuckDB does not read"
        raise NotReadError(detail, _MEDIA_TYPE) from error
    except duckdb.Error:
        # Said where it is read again.
        return


class ParquetReading(TypedReading):
    """A Parquet file.

    Parameters
    ----------
    job : Job
        Its database reads the file.
    path : Path
        The file.
    plainly : bool
        Whether its texts and moments are read as the bytes and numbers that they are.

    Raises
    ------
    RejectedObjectError
        When it is damaged so that it cannot be opened, or when it has a type of which DuckDB
        would read other values than the file's.
    NotReadError
        When it is encrypted, or is whole and has what DuckDB cannot read.
    """

    #: What its rows are read as.
    block = TypedBlock

    _texts: Texts | None = None

    def __init__(self, job: Job, path: Path, *, plainly: bool = False) -> None:
        self._footer = footer_of(path)
        if self._footer.encrypted:
            raise NotReadError("encrypted Parquet", _MEDIA_TYPE)
        self._otherwise = partial(ParquetReading, job, path, plainly=True)
        path = with_footer(path, _readable, job.workdir / "readable.parquet")
        self._file, self._plainly = path, plainly
        if plainly:
            self._file = with_footer(path, without_annotations, job.workdir / "plain.parquet")
        self._rows = self._read()
        try:
            root = schema_of(job.db, path)
            columns = self._columns(job, root)
        except RecursionError as error:
            detail = "Parquet: its columns nest too deep"
            raise RejectedObjectError(Reason.UNSUPPORTED_TYPE, detail) from error
        except Exception as error:
            if is_damage(error):
                raise damaged(error) from error
            raise
        super().__init__(job, "parquet", fields_of_file(columns))

    def _read(self, option: str = "") -> str:
        return f"read_parquet({literal(str(self._file))}, hive_partitioning = false{option})"

    def _columns(self, job: Job, root: Node) -> list[Column]:
        _check_names(root)
        _check_shredded(root, self._rows)
        found = job.db.sql(f"SELECT * FROM {self._rows}")
        self._names = frozenset(name.lower() for name in found.columns)
        if self._plainly:
            self._texts = Texts.of(found, root)
            self._rows = f"({self._texts.query(self._rows)})"
            found = job.db.sql(f"SELECT * FROM {self._rows}")
        parts = zip(found.columns, found.types, root.children, strict=True)
        nanoseconds = Nanoseconds(job.db, self._rows)
        return [
            _column(node.name, ColumnRead(nanoseconds, name).read(quoted(name), kind, node))
            for name, kind, node in parts
        ]

    def blocks(self) -> Iterator[TypedBlock]:
        """Give the file as one block: DuckDB reads it row group by row group."""
        named = "file_row_number" in self._names
        file = self._read("" if named else ", file_row_number = true")
        number = "row_number() OVER ()" if named else "file_row_number + 1"
        if self._texts is None:
            yield self.block(self, f"SELECT * FROM {file}", 0, self._count, number)
        else:
            rows = self._texts.query(file, refused=True)
            yield self.block(self, rows, 0, self._count, number, REFUSED)

    def _count(self) -> int:
        if self._footer.rows is None:
            raise RejectedObjectError(Reason.CORRUPT_FILE, "Parquet: the footer has no row count")
        return self._footer.rows

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Find out whether an error that may be the file's is: then reading alone raises it.

        Raises
        ------
        RejectedObjectError
            When it does.
        OtherwiseError
            When it does because of values that the plain copy has.
        """
        try:
            yield
        except Exception as error:
            if _UNNAMED in str(error):
                raise damaged(error) from error
            if not is_damage(error):
                raise
            if _REPEATED in str(error):
                raise damaged(error) from error
            try:
                self.job.run(f"SELECT max(hash(COLUMNS(*))) FROM {self._rows}")
            except Exception as again:
                if not self._texts and MISREAD.search(str(again)):
                    raise OtherwiseError(self._otherwise) from error
                if is_damage(again):
                    raise damaged(again) from error
                raise
            raise
