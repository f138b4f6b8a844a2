"""ORC: pyorc, in C++, gives the rows of a stripe; DuckDB reads them as JSON with ORC's types."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import pyorc
from pyorc.converters import ORCConverter

from engine.convert.rows import VALUE
from engine.read.fields import fields_of_file
from engine.read.jsonrows import AT_ONCE, JsonReading, blocks_of, column_of
from engine.read.jsontypes import (
    DAYS,
    TEXT,
    WHOLE,
    Read,
    array_of,
    instant,
    map_of,
    plain,
    struct_of,
)
from engine.types.glue import writable
from engine.types.kinds import BIGINT, BOOLEAN, DOUBLE, STRING, TIMESTAMP, Scalar, merged
from store.errors import RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.job import Job
    from engine.read.fields import Column
    from engine.read.jsonrows import Stretch
    from engine.read.typed import TypedBlock

MAGIC = b"ORC"

_KIND = pyorc.TypeKind

#: What pyorc raises over a file's bytes: the library's errors of unpacking have no class.
_DAMAGE = (pyorc.errors.ORCError, ValueError, RuntimeError)


class _Moment(ORCConverter):
    """Moments as microseconds, or, where these are not all of one, as text with nine digits."""

    @staticmethod
    def from_orc(seconds: int, nanoseconds: int, timezone: Any) -> int | str:
        del timezone
        micros, rest = divmod(nanoseconds, 1000)
        if not rest:
            return seconds * 1_000_000 + micros
        return f"{seconds}.{nanoseconds:09}"

    @staticmethod
    def to_orc(obj: Any, timezone: Any) -> Any:  # the class asks for it; nothing is written here
        raise NotImplementedError


class _Day(ORCConverter):
    """Days since 1970, of any year."""

    @staticmethod
    def from_orc(days: int) -> int:
        return days

    @staticmethod
    def to_orc(obj: Any) -> Any:
        raise NotImplementedError


class _Digits(ORCConverter):
    """Decimals as their text."""

    @staticmethod
    def from_orc(decimal: str) -> str:
        return decimal

    @staticmethod
    def to_orc(precision: int, scale: int, obj: Any) -> Any:
        raise NotImplementedError


_CONVERTERS = {
    _KIND.TIMESTAMP: _Moment,
    _KIND.TIMESTAMP_INSTANT: _Moment,
    _KIND.DATE: _Day,
    _KIND.DECIMAL: _Digits,
}

#: Whole microseconds, of the years from 1 to 9999.
_MICROS = (
    "CASE WHEN contains({0}, '.') THEN NULL "
    "WHEN CAST({0} AS BIGINT) BETWEEN -62135596800000000 AND 253402300799999999 "
    "THEN make_timestamp(CAST({0} AS BIGINT)) END"
)

#: All nine digits of a second, as Parquet's nanoseconds are spelled.
_NANOS = (
    "CASE WHEN contains({0}, '.') THEN CAST(make_timestamp(CAST(split_part({0}, '.', 1) AS BIGINT) "
    "* 1000000) AS VARCHAR) || '.' || split_part({0}, '.', 2) "
    "ELSE coalesce(CAST(" + _MICROS + " AS VARCHAR), {0}) END"
)


class OrcReading(JsonReading):
    """An ORC file.

    Parameters
    ----------
    job : Job
        Its folder takes the JSON that DuckDB reads.
    path : Path
        The file.

    Raises
    ------
    RejectedObjectError
        When the file's end, which says what it is, is damaged.
    """

    def __init__(self, job: Job, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            schema = _opened(file).schema
        self._is_record = schema.kind == _KIND.STRUCT
        parts = schema.fields.items() if self._is_record else ((VALUE, schema),)
        self._types = [(name, kind, _read(kind, 1)) for name, kind in parts]
        self._keys = [f"f{position}" for position, _ in enumerate(self._types, 1)]
        super().__init__(job, "orc", fields_of_file(self._columns()))

    def _columns(self) -> Iterator[Column]:
        for key, (name, kind, read) in zip(self._keys, self._types, strict=True):
            yield column_of(name, key, read, _NANOS.format if _is_moment(kind) else None)

    def fresh_blocks(self) -> Iterator[TypedBlock]:
        """Give the rows as JSON, each block of them in a file of the job's folder."""
        types = {k: read.json_type for k, (_, _, read) in zip(self._keys, self._types, strict=True)}
        with self._path.open("rb") as file:
            yield from blocks_of(self, types, self._stretches(file))

    def _stretches(self, file: BinaryIO) -> Iterator[Stretch]:
        """Give the stripes, each with the count that the file's footer has of it."""
        try:
            for stripe in _opened(file).iter_stripes():
                yield self._rows(iter(stripe)), len(stripe)
        except _DAMAGE as error:
            raise _corrupt(error) from error

    def _rows(self, records: Iterator[Any]) -> Iterator[list[dict[str, Any]]]:
        while True:
            try:
                some = list(islice(records, AT_ONCE))
            except _DAMAGE as error:
                raise _corrupt(error) from error
            if not some:
                return
            values = (record.values() if self._is_record else (record,) for record in some)
            yield [dict(zip(self._keys, found, strict=True)) for found in values]


def _opened(file: BinaryIO) -> Any:
    try:
        return pyorc.Reader(file, struct_repr=pyorc.StructRepr.DICT, converters=_CONVERTERS)
    except _DAMAGE as error:
        raise _corrupt(error) from error


def _corrupt(error: Exception) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_FILE, f"ORC: {error}")


def _is_moment(kind: Any) -> bool:
    return kind.kind in (_KIND.TIMESTAMP, _KIND.TIMESTAMP_INSTANT)


_SCALARS = {
    _KIND.BOOLEAN: plain(BOOLEAN),
    **dict.fromkeys((_KIND.BYTE, _KIND.SHORT, _KIND.INT, _KIND.LONG), WHOLE),
    **dict.fromkeys((_KIND.FLOAT, _KIND.DOUBLE), plain(DOUBLE)),
    _KIND.DATE: DAYS,
}

_WHOLE = frozenset({_KIND.BYTE, _KIND.SHORT, _KIND.INT, _KIND.LONG})
_TEXTS = frozenset({_KIND.STRING, _KIND.VARCHAR, _KIND.CHAR})


def _read(kind: Any, depth: int) -> Read:
    """Tell how the values of a type are read."""
    if _is_moment(kind):
        if depth > 1:
            # Within a value nothing stands beside it that keeps what a timestamp does not.
            return Read(STRING, "VARCHAR", _NANOS.format, stored=False)
        return instant(TIMESTAMP, "VARCHAR", _MICROS.format)
    match kind.kind:
        case _KIND.DECIMAL:
            # Hive 0.11 did not say how many digits there are: 0 of them.
            decimal = Scalar(f"decimal({kind.precision},{kind.scale})")
            return plain(decimal) if kind.precision and writable(decimal) else TEXT
        case _KIND.LIST:
            return array_of(_read(kind.type, depth + 1), depth)
        case _KIND.MAP if kind.key.kind in _WHOLE | _TEXTS:
            key = BIGINT if kind.key.kind in _WHOLE else STRING
            return map_of(_read(kind.value, depth + 1), depth, key)
        case _KIND.STRUCT:
            fields = [(name, _read(inner, depth + 1)) for name, inner in kind.fields.items()]
            return struct_of(fields, depth)
        case _KIND.UNION:
            reads = [_read(inner, depth + 1) for inner in kind.cont_types]
            found = merged(read.kind for read in reads)
            return plain(found) if all(read.stored for read in reads) else TEXT
    return _SCALARS.get(kind.kind, TEXT)
