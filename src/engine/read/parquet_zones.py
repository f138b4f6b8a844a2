"""Nanoseconds with a zone: DuckDB 1.5.6 reads them as microseconds, and drops the last digits.

Of nanoseconds without a zone it reads all digits. Both are counted in UTC, so a copy whose footer
names no zone has the same moments (apache/parquet-format, ``LogicalTypes.md``, TIMESTAMP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.read.footer import Compact

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of FileMetaData and SchemaElement.
_SCHEMA, _LOGICAL = 2, 10

#: LogicalType TIMESTAMP, in which isAdjustedToUTC is true and the unit is NANOS; and the byte in
#: it that says true, in place of which another one says false.
_ZONED = b"\x8c\x11\x1c\x3c"
_IS_ADJUSTED, _FALSE = 1, 0x12


def without_zones(footer: bytes) -> bytes:
    """Give a footer by which DuckDB reads nanoseconds in full; itself where none has a zone."""
    if _ZONED not in footer:
        return footer
    other = bytearray(footer)
    try:
        for place in _zoned(footer):
            other[place + _IS_ADJUSTED] = _FALSE
    except (IndexError, KeyError, RecursionError):
        # Damaged: DuckDB says what it is.
        return footer
    return bytes(other)


def _zoned(footer: bytes) -> Iterator[int]:
    """Give where the logical types of such columns begin."""
    reader = Compact(footer)
    for field, kind in reader.fields():
        if field != _SCHEMA:
            reader.skip(kind)
            continue
        _, count = reader.list_header()
        for _ in range(count):
            for part, of_kind in reader.fields():
                if part == _LOGICAL and footer.startswith(_ZONED, reader.at):
                    yield reader.at
                reader.skip(of_kind)
        return
