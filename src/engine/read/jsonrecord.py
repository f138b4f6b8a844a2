"""A line of JSON, read exactly."""

from __future__ import annotations

from engine.convert.jsontext import NotJsonError, loads
from engine.read.jsonmarks import closed
from engine.read.lines import MAX_RECORD
from engine.read.reading import Record
from store.reasons import Reason

#: A record that is shorter is parsed in any case; bytes of a value and of an object once they are
#: parsed, which may be thirty times as long as their text; and what all of them may take.
_LONG = 1024 * 1024
_VALUE, _OBJECT = 64, 240
_MOST_MEMORY = 200 * 1024 * 1024


def parsed(number: int, line: bytes) -> Record:
    """Read a line exactly.

    Parameters
    ----------
    number : int
        Of the record.
    line : bytes
        With or without its line end.
    """
    raw = line.rstrip(b"\r\n")
    if len(line) > MAX_RECORD:
        detail = (
            f"the record is longer than {MAX_RECORD:,} bytes: split it, or name the array that "
            "holds the records as x-records in the contract"
        )
        return Record(number, raw, None, Reason.RECORD_TOO_LARGE, detail)
    if len(line) > _LONG and (values := _memory(raw)) > _MOST_MEMORY:
        detail = (
            f"the record has some {values // _VALUE:,} values, more than memory holds: split it"
        )
        return Record(number, raw, None, Reason.RECORD_TOO_LARGE, detail)
    try:
        # Files that were joined have a byte order mark each.
        return Record(number, raw, loads(raw.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        return Record(number, raw, None, Reason.INVALID_UTF8, str(error))
    except NotJsonError as error:
        return Record(number, raw, None, Reason.MALFORMED_JSON, str(error))


def _memory(raw: bytes) -> int:
    """Estimate the bytes that a record's values take once they are parsed."""
    return _VALUE * (raw.count(b",") + raw.count(b"[")) + _OBJECT * raw.count(b"{")


def may_be_a_part(record: Record) -> bool:
    """Tell whether a line may be a part of a record, or several: brackets of one record match."""
    if record.reason not in (Reason.MALFORMED_JSON, Reason.INVALID_UTF8):
        return record.reason is Reason.RECORD_TOO_LARGE
    return record.raw[:1] != b"{" or closed(record.raw, 0, len(record.raw)) != len(record.raw)
