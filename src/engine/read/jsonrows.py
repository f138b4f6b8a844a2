"""Records that Python has decoded, on their way to DuckDB: a JSON array in a file."""

from __future__ import annotations

import base64
import json
import uuid
import weakref
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engine.read.fields import Column
from engine.read.lines import MAX_RECORD
from engine.read.reading import Record
from engine.read.typed import TypedBlock, TypedReading
from engine.types.kinds import DOUBLE, NULL, STRING, Kind
from engine.types.sql import literal, quoted
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from engine.convert.rules import Rules
    from engine.read.jsontypes import Read

#: Bytes of JSON that a block ends with.
BLOCK = 256 * 1024 * 1024

#: Records that are encoded at once.
AT_ONCE = 200

#: A chunk that is no longer than this holds no record that DuckDB's buffers mind.
_SHORT = 1024 * 1024

#: Of records without fields DuckDB reads one that is null.
_NO_FIELD = "f0: 'VARCHAR'"


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is none, in place of its fields."""

    raw: bytes
    reason: Reason
    detail: str


#: Records of one stretch of the file, and how many of them the file itself says there are.
Stretch = tuple["Iterable[list[dict[str, Any]] | Refused]", int]


class JsonReading(TypedReading):
    """A file whose records Python decodes."""

    _kept: TypedBlock | None = None

    def fresh_blocks(self) -> Iterator[TypedBlock]:
        """Decode the file."""
        raise NotImplementedError

    def blocks(self) -> Iterator[TypedBlock]:
        """Give the records; where they are one block, it is decoded only once."""
        if self._kept is not None:
            yield self._kept
            return
        number = 0
        for number, block in enumerate(self.fresh_blocks(), 1):
            self._kept = block if number == 1 else None
            yield block
            del block
        if number != 1:
            self._kept = None

    def learn(self, rules: Rules) -> dict[str, Kind]:
        """Find out which fields have values that only text holds all of."""
        fields = [field for field in self.fields if field.text_sql]
        tests = [f"count({quoted(f.raw_column)}) > 0" for f in fields]
        lost: set[str] = set()
        for block in self.blocks() if tests else ():
            (found,) = self.job.run(f"SELECT {', '.join(tests)} FROM ({block.query()})")
            lost |= {f.name for f, is_lost in zip(fields, found, strict=True) if is_lost}
        self.become(
            tuple(
                replace(f, kind=STRING, source=STRING, read_sql=f.text_sql, raw_sql="", text_sql="")
                if f.name in lost
                else replace(f, text_sql="")
                for f in self.fields
            )
        )
        return self.guess(rules)

    def guess(self, _rules: Rules) -> dict[str, Kind]:
        """Say what the fields are, as far as the file says it itself."""
        # What only :meth:`learn` knows must not be contradicted here: text has any value.
        return {f.name: NULL if f.text_sql else f.kind for f in self.fields}


def column_of(name: str, key: str, read: Read, text: Callable[[str], str] | None = None) -> Column:
    """Give a field of the file.

    Parameters
    ----------
    name, key : str
        Of the field, and of its values in the JSON.
    read : Read
        How they are read.
    text : callable or None
        Makes SQL that reads them as text where their own type may not hold them.
    """
    value = quoted(key)
    source = STRING if read.kind == DOUBLE and read.json_type == "VARCHAR" else read.kind
    beyond = read.beyond(value)
    raw = beyond.rescued_sql if beyond else ""
    return Column(name, read.kind, read.sql(value), source, raw, text(value) if text else "")


def blocks_of(
    reading: TypedReading, columns: Mapping[str, str], stretches: Iterable[Stretch]
) -> Iterator[TypedBlock]:
    """Give records as blocks.

    Parameters
    ----------
    reading : TypedReading
        Whose they are.
    columns : mapping of str to str
        DuckDB's type for each key of the records.
    stretches : iterable of Stretch
        Each is read to its end before the next begins.

    Yields
    ------
    TypedBlock
        Its file lies in the job's folder for as long as somebody has the block.
    """
    found = iter(stretches)
    before = 0
    while (first := next(found, None)) is not None:
        written = _Written(reading, columns, before)
        counted = 0
        with written:
            for chunks, count in chain((first,), found):
                written.add(chunks)
                counted += count
                if written.size >= BLOCK:
                    break
        yield written.block(counted)
        before += written.count


class _Written:
    def __init__(self, reading: TypedReading, columns: Mapping[str, str], before: int) -> None:
        self._reading, self._columns, self._before = reading, columns, before
        # DuckDB may keep what it knows of a file by its name.
        self._path = reading.job.workdir / f"records-{uuid.uuid4().hex}.json"
        self._file = self._path.open("wb")
        self._refused: dict[int, Record] = {}
        self._longest = 0
        self.count, self.size = 0, self._file.write(b"[")

    def __enter__(self) -> None:
        pass

    def __exit__(self, failed: object, *_: object) -> None:
        """Finish the file."""
        # What could not be written before cannot be written now.
        with suppress(OSError) if failed else nullcontext():
            if not failed:
                self._file.write(b"]")
            self._file.close()

    def add(self, chunks: Iterable[list[dict[str, Any]] | Refused]) -> None:
        """Write records."""
        for rows in chunks:
            self._reading.job.check_time()
            if isinstance(rows, Refused):
                at = self.count + 1
                self._refused[at] = Record(
                    self._before + at, rows.raw, None, rows.reason, rows.detail
                )
                rows = [{}]
            self.size += self._file.write((b"," if self.count else b"") + self._text(rows))
            self.count += len(rows)

    def block(self, counted: int) -> TypedBlock:
        """Give the finished file as a block."""
        types = ", ".join(f"{quoted(key)}: {literal(kind)}" for key, kind in self._columns.items())
        limit = max(self._longest + 1024, 64 * 1024)
        query = (
            f"SELECT * FROM read_json({literal(str(self._path))}, format = 'array', "
            f"records = true, auto_detect = false, maximum_object_size = {limit}, "
            f"columns = {{{types or _NO_FIELD}}})"
        )
        block = TypedBlock(self._reading, query, self._before, lambda: counted)
        block.refused = self._refused
        weakref.finalize(block, self._path.unlink, missing_ok=True)
        return block

    def _text(self, rows: list[dict[str, Any]]) -> bytes:
        try:
            text = _encode(rows).encode()[1:-1]
        except UnicodeEncodeError:
            text = b""
        if not 0 < len(text) <= _SHORT:
            return b",".join(self._one(number, row) for number, row in enumerate(rows, 1))
        self._longest = max(self._longest, len(text))
        return text

    def _one(self, number: int, row: dict[str, Any]) -> bytes:
        text = _encode(row)
        raw = text.encode("utf-8", "surrogateescape")
        at, of_object = self.count + number, self._before + self.count + number
        if len(raw) > MAX_RECORD:
            detail = (
                f"the record has {len(raw):,} bytes as JSON, more than {MAX_RECORD:,}: split it"
            )
            self._refused[at] = Record(of_object, raw, None, Reason.RECORD_TOO_LARGE, detail)
            return b"{}"
        try:
            text.encode()
        except UnicodeEncodeError:
            detail = "a string of it is no UTF-8"
            self._refused[at] = Record(of_object, raw, None, Reason.INVALID_UTF8, detail)
            return b"{}"
        self._longest = max(self._longest, len(raw))
        return raw


def _spelled(value: Any) -> Any:
    """Write what JSON has no type for so that nothing of it is lost."""
    match value:
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return base64.b64encode(value).decode("ascii")
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.replace(tzinfo=None).isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case UUID() | timedelta():
            return str(value)
    raise TypeError(f"no JSON of {type(value)}")


_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_spelled
).encode
