"""Avro object container files.

fastavro, in C, gives records as dictionaries of what JSON has types for; Python's JSON encoder,
in C, writes them as one array; DuckDB reads that with the types of the schema. Moments stay the
numbers that they are in the file until DuckDB makes timestamps of them.
"""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import fastavro

from engine.convert.rows import MAX_RECORD, VALUE
from engine.read.avro_types import Read, Schemas, has_nanoseconds, nanosecond_text
from engine.read.container import (
    MAGIC,
    DamagedError,
    TooLargeBlockError,
    UnknownCodecError,
    blocks_of,
    long_bytes,
    read_header,
)
from engine.read.reading import Record
from engine.read.typed import Column, TypedBlock, TypedReading, fields_of_file
from engine.types.kinds import DOUBLE, STRING, literal, quoted
from store.errors import ObjectTooLargeError, RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.convert.rules import Rules
    from engine.job import Job
    from engine.read.container import Header
    from engine.types.kinds import Kind

#: Bytes of JSON that a block ends with; records that are encoded at once.
_BLOCK, _AT_ONCE = 256 * 1024 * 1024, 200

#: Of records without fields DuckDB reads one that is null.
_NO_FIELD = "f0: 'VARCHAR'"

#: A chunk that is no longer than this holds no record that DuckDB's buffers mind.
_SHORT = 1024 * 1024


class AvroReading(TypedReading):
    """An Avro file.

    Parameters
    ----------
    job : Job
        Its folder takes the JSON that DuckDB reads.
    path : Path
        The file.

    Raises
    ------
    RejectedObjectError
        When its header is damaged or names a codec that is none of the specification's.
    """

    def __init__(self, job: Job, path: Path) -> None:
        self._path = path
        self._text_of_nanoseconds = False
        try:
            with path.open("rb") as file:
                self._header = read_header(file)
            read = Schemas().read(self._header.schema)
        except UnknownCodecError as error:
            raise RejectedObjectError(Reason.UNSUPPORTED_TYPE, f"Avro: {error}") from error
        except (DamagedError, KeyError, TypeError, RecursionError) as error:
            raise _corrupt(error) from error
        self._is_record = bool(read.fields) or read.json_type == ""
        self._reads = read.fields or (() if self._is_record else ((VALUE, read),))
        self._schema = read.schema
        super().__init__(job, "avro", self._columns())

    def _columns(self) -> Any:
        columns = []
        for position, (name, read) in enumerate(self._reads, 1):
            column = quoted(f"f{position}")
            nanos = has_nanoseconds(self._schema_of(position - 1))
            if nanos and self._text_of_nanoseconds:
                columns.append(Column(name, STRING, nanosecond_text(column)))
                continue
            text = read.kind == DOUBLE and read.json_type == "VARCHAR"
            sql, moment = read.sql(column), read.json_type == "BIGINT" and not read.stored
            raw = column if moment and read.kind != STRING else ""
            columns.append(Column(name, read.kind, sql, STRING if text else None, raw))
        return fields_of_file(columns)

    def _schema_of(self, position: int) -> Any:
        schema = self._header.schema
        return schema["fields"][position]["type"] if self._is_record else schema

    def learn(self, rules: Rules) -> dict[str, Kind]:
        """Find out whether counts of nanoseconds are whole microseconds in all records."""
        del rules
        test = " OR ".join(
            f"({quoted(f.raw_column)} IS NOT NULL AND {quoted(f.column)} IS NULL)"
            for position, f in enumerate(self.fields)
            if f.raw_sql and has_nanoseconds(self._schema_of(position))
        )
        if test:
            for block in self.blocks():
                query = f"SELECT 1 FROM ({block.query()}) WHERE {test} LIMIT 1"
                if self.job.db.execute(query).fetchall():
                    self._text_of_nanoseconds = True
                    self.become(self._columns())
                    break
        return self.guess()

    def guess(self) -> dict[str, Kind]:
        """Say what the fields are; of nanoseconds only :meth:`learn` is certain."""
        return super().guess()

    def blocks(self) -> Iterator[TypedBlock]:
        """Give the records as JSON, one file after the other in the job's folder."""
        with self._path.open("rb") as file:
            stream = _Unpacked(file, read_header(file), self._schema)
            try:
                records = iter(
                    fastavro.reader(stream, handle_unicode_errors="surrogateescape")
                )
                before = number = 0
                path = self.job.workdir / "avro.json"
                while True:
                    written = _Written(self, path, records)
                    if not written.count and number:
                        break
                    block = TypedBlock(self, written.query, before, lambda n=written.count: n)
                    block.refused = written.refused
                    yield block
                    before, number = before + written.count, number + 1
                    if written.ended:
                        break
                if stream.count != before:
                    raise DamagedError(f"its blocks say {stream.count} records, it has {before}")
            except RejectedObjectError:
                raise
            except TooLargeBlockError as error:
                raise ObjectTooLargeError(f"Avro: {error}") from error
            except DamagedError as error:
                raise _corrupt(error) from error

    @property
    def reads(self) -> tuple[tuple[str, Read], ...]:
        """Give how each field is read."""
        return self._reads

    @property
    def is_record(self) -> bool:
        """Tell whether the records have fields."""
        return self._is_record


class _Unpacked:
    """The file as fastavro reads it: without a codec, under the schema of plain numbers."""

    def __init__(self, file: Any, header: Header, schema: Any) -> None:
        names = {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}
        entries = b"".join(
            part
            for name, value in names.items()
            for part in (long_bytes(len(name)), name.encode(), long_bytes(len(value)), value)
        )
        self._sync = header.sync
        self._data = MAGIC + long_bytes(len(names)) + entries + b"\0" + header.sync
        self._at = 0
        self._blocks = blocks_of(file, header)
        #: Records in the blocks that were given, by what these say of themselves.
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """Give so many bytes, or as many as there are."""
        found = self._data[self._at : self._at + size] if size >= 0 else self._data[self._at :]
        self._at += len(found)
        while len(found) < size and self._next():
            more = self._data[: size - len(found)]
            self._at = len(more)
            found += more
        return found

    def _next(self) -> bool:
        count, data = next(self._blocks, (0, None))
        if data is None:
            return False
        self.count += count
        self._data = long_bytes(count) + long_bytes(len(data)) + data + self._sync
        self._at = 0
        return True


class _Written:
    """Records written as one JSON array.

    Parameters
    ----------
    reading : AvroReading
        Whose they are.
    path : Path
        Where to.
    records : iterator
        What fastavro gives; as many as a block holds are taken.
    """

    def __init__(self, reading: AvroReading, path: Path, records: Iterator[Any]) -> None:
        self.count, self.ended = 0, False
        self.refused: dict[int, Record] = {}
        self._longest = 0
        keys = [f"f{position}" for position, _ in enumerate(reading.reads, 1)]
        size = 0
        with path.open("wb") as file:
            file.write(b"[")
            while size < _BLOCK:
                reading.job.check_time()
                some = _taken(records)
                if not some:
                    self.ended = True
                    break
                values = (record.values() if reading.is_record else (record,) for record in some)
                rows = [dict(zip(keys, found, strict=True)) for found in values]
                size += file.write((b"," if self.count else b"") + self._text(rows))
                self.count += len(some)
            file.write(b"]")
        types = ", ".join(
            f"{key}: {literal(read.json_type)}"
            for key, (_, read) in zip(keys, reading.reads, strict=True)
        )
        limit = max(self._longest + 1024, 64 * 1024)
        self.query = (
            f"SELECT * FROM read_json({literal(str(path))}, format = 'array', records = true, "
            f"auto_detect = false, maximum_object_size = {limit}, "
            f"columns = {{{types or _NO_FIELD}}})"
        )

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
        text, at = _encode(row), self.count + number
        raw = text.encode("utf-8", "surrogateescape")
        if len(raw) > MAX_RECORD:
            detail = f"the record has {len(raw):,} bytes as JSON, more than {MAX_RECORD:,}"
            self.refused[at] = Record(at, raw, None, Reason.RECORD_TOO_LARGE, detail)
            return b"{}"
        try:
            text.encode()
        except UnicodeEncodeError:
            detail = "a string of it is no UTF-8"
            self.refused[at] = Record(at, raw, None, Reason.INVALID_UTF8, detail)
            return b"{}"
        self._longest = max(self._longest, len(raw))
        return raw


def _taken(records: Iterator[Any]) -> list[Any]:
    try:
        return list(islice(records, _AT_ONCE))
    except (MemoryError, DamagedError, TooLargeBlockError):
        raise
    except Exception as error:  # fastavro raises whatever decoding damaged bytes meets
        raise _corrupt(error) from error


def _corrupt(error: Exception) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_FILE, f"Avro: {error}")


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
