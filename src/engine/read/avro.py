"""Avro object container files.

fastavro, in C, gives records as dictionaries of what JSON has types for; Python's JSON encoder,
in C, writes them as one array; DuckDB reads that with the types of the schema. Moments stay the
numbers that they are in the file until DuckDB makes timestamps of them.
"""

from __future__ import annotations

import json
import struct
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import fastavro
from fastavro.read import LOGICAL_READERS

from engine.convert.rows import VALUE
from engine.read.avro_types import Schemas, has_nanoseconds
from engine.read.container import (
    MAGIC,
    DamagedError,
    TooLargeBlockError,
    UnknownCodecError,
    long_bytes,
    read_header,
    unpacked_blocks,
)
from engine.read.fields import fields_of_file
from engine.read.jsonrows import AT_ONCE, JsonReading, blocks_of, column_of
from engine.read.jsontypes import nanosecond_text
from store.errors import ObjectTooLargeError, RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from engine.job import Job
    from engine.read.container import Header
    from engine.read.fields import Column
    from engine.read.jsonrows import Stretch
    from engine.read.typed import TypedBlock


#: What fastavro meets when it decodes damaged bytes.
_DECODING = (
    ArithmeticError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


def _or_number(read: Callable[..., Any]) -> Callable[..., Any]:
    """Give a moment that Python cannot hold as the number that it is, or the file were lost."""

    def reader(data: Any, writer: Any = None, reader: Any = None) -> Any:
        try:
            return read(data, writer, reader)
        except (ArithmeticError, ValueError):
            return data

    return reader


for _name in ("int-date", *(name for name in LOGICAL_READERS if "time" in name)):
    LOGICAL_READERS[_name] = _or_number(LOGICAL_READERS[_name])


class AvroReading(JsonReading):
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
        names = [name for name, _ in self._reads]
        # DuckDB cannot tell names apart that differ in case.
        self._as_it_is = self._is_record and len({*map(str.lower, names)}) == len(names)
        self._keys = names if self._as_it_is else [f"f{n}" for n, _ in enumerate(names, 1)]
        super().__init__(job, "avro", fields_of_file(self._columns()))

    def _columns(self) -> Iterator[Column]:
        for position, (name, read) in enumerate(self._reads):
            nanos = has_nanoseconds(self._schema_of(position))
            yield column_of(name, self._keys[position], read, nanosecond_text if nanos else None)

    def _schema_of(self, position: int) -> Any:
        schema = self._header.schema
        return schema["fields"][position]["type"] if self._is_record else schema

    def fresh_blocks(self) -> Iterator[TypedBlock]:
        """Give the records as JSON, each block of them in a file of the job's folder."""
        types = {
            key: read.json_type for key, (_, read) in zip(self._keys, self._reads, strict=True)
        }
        with self._path.open("rb") as file:
            yield from blocks_of(self, types, self._stretches(file))

    def _stretches(self, file: IO[bytes]) -> Iterator[Stretch]:
        """Give the file's own blocks, each with the count that stands before it."""
        try:
            stream = _Unpacked(file, read_header(file), self._schema)
            for block in fastavro.block_reader(stream, handle_unicode_errors="surrogateescape"):
                yield self._rows(iter(block)), stream.count
                stream.count = 0
        except TooLargeBlockError as error:
            raise ObjectTooLargeError(f"Avro: {error}") from error
        except (DamagedError, *_DECODING) as error:
            raise _corrupt(error) from error

    def _rows(self, records: Iterator[Any]) -> Iterator[list[dict[str, Any]]]:
        while True:
            try:
                some = list(islice(records, AT_ONCE))
            except _DECODING as error:
                raise _corrupt(error) from error
            if not some:
                return
            yield some if self._as_it_is else [self._keyed(record) for record in some]

    def _keyed(self, record: Any) -> dict[str, Any]:
        values = record.values() if self._is_record else (record,)
        return dict(zip(self._keys, values, strict=True))


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
        self._blocks = unpacked_blocks(file, header)
        #: Records in the blocks that were given since it was 0, by what these say of themselves.
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

    def tell(self) -> int:
        """Give a place in the file that nobody needs, for each block asks for it."""
        return 0

    def _next(self) -> bool:
        count, data = next(self._blocks, (0, None))
        if data is None:
            return False
        self.count += count
        self._data = long_bytes(count) + long_bytes(len(data)) + data + self._sync
        self._at = 0
        return True


def _corrupt(error: Exception) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_FILE, f"Avro: {error}")
