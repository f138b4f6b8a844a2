"""Files with one bad record, and files in which a column differs from the table's type."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from benchmarks.generate import WORDS, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: The columns of the CSV files, by their types in an existing table.
CSV_TABLE = {
    "id": "bigint",
    "timestamp": "timestamp",
    "user_id": "bigint",
    "country": "string",
    "amount": "double",
    "active": "boolean",
    "sku": "string",
    "quantity": "bigint",
    "note": "string",
}

#: The same for the JSON files.
JSON_TABLE = {
    "id": "bigint",
    "timestamp": "timestamp",
    "user": "struct<id:bigint,country:string>",
    "amount": "double",
    "active": "boolean",
    "items": "array<struct<sku:string,quantity:bigint>>",
    "note": "string",
}


def rows(seed: int) -> Iterator[bytes]:
    """Give CSV rows without end, about 75 bytes each; one note in five is in quotes."""
    draw = random.Random(seed)  # noqa: S311  # data, not secrets
    choice, whole, fraction = draw.choice, draw.randrange, draw.random
    number = 0
    while True:
        number += 1
        note = f'"{choice(WORDS)}, {choice(WORDS)}"' if number % 5 == 0 else choice(WORDS)
        yield (
            f"{number},2024-01-0{whole(1, 4)}T{whole(24):02}:{whole(60):02}:{whole(60):02}Z,"
            f"{whole(100_000)},{choice(('DE', 'FR', 'US', 'JP'))},{fraction() * 1000:.2f},"
            f"{'true' if number % 3 else 'false'},{choice(WORDS)}-{whole(1000)},"
            f"{whole(1, 9)},{note}\n"
        ).encode()


def lines(seed: int) -> Iterator[bytes]:
    """Give JSON records as bytes."""
    return (line.encode() for line in records(seed))


def _note(line: bytes, note: bytes) -> bytes:
    return line[: line.rindex(b'"note":') + 7] + note + b"}\n"


def _field(row: bytes, number: int, text: bytes) -> bytes:
    fields = row.rstrip(b"\n").split(b",", 8)
    fields[number] = text
    return b",".join(fields) + b"\n"


#: What becomes of the record in the middle of a file, by the name of what is wrong with it.
BAD_JSON: dict[str, Callable[[bytes], bytes]] = {
    "invalid_utf8": lambda line: _note(line, b'"caf\xe9"'),
    "repeated_key": lambda line: b'{"id":1,' + line[1:],
    "case_twins": lambda line: b'{"ID":1,' + line[1:],
    "bare_number": lambda _: b"42\n",
    "long_line": lambda line: _note(line, b'"' + b"x" * 3_000_000 + b'"'),
}
BAD_CSV: dict[str, Callable[[bytes], bytes]] = {
    "short_row": lambda row: b",".join(row.split(b",")[:4]) + b"\n",
    "open_quote": lambda row: _field(row, 8, b'"alpha'),
    "invalid_byte": lambda row: _field(row, 8, b"caf\xe9"),
    "drifted_value": lambda row: _field(row, 7, b"unknown"),
}

#: What becomes of the column ``quantity`` of CSV, and ``id`` of JSON, in every row.
DRIFT: dict[str, Callable[[bytes, int], bytes]] = {
    "fraction": lambda value, _: value + b".0",
    "quoted": lambda value, _: b'"' + value + b'"',
    "half_na": lambda value, number: value if number % 2 else b"N/A",
}


def drifting_row(row: bytes, number: int, kind: str) -> bytes:
    """Change a row's quantity."""
    return _field(row, 7, DRIFT[kind](row.split(b",", 8)[7], number))


def drifting_line(line: bytes, number: int, kind: str) -> bytes:
    """Change a record's id."""
    begin, end = len(b'{"id":'), line.index(b",")
    value = DRIFT[kind](line[begin:end], number)
    return line[:begin] + (b'"N/A"' if value == b"N/A" else value) + line[end:]


def write(
    path: Path,
    size: int,
    source: Iterator[bytes],
    change: Callable[[bytes, int], bytes] | None = None,
    bad: Callable[[bytes], bytes] | None = None,
    top: bytes = b"",
) -> Path:
    """Write records until a size is reached.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Bytes.
    source : iterator of bytes
        Records without end, each with its line feed.
    change : callable or None
        Changes each, given its number.
    bad : callable or None
        Changes the one in the middle.
    top : bytes
        What stands above the first.
    """
    written = 0
    with path.open("wb") as file:
        file.write(top)
        for number, line in enumerate(source, 1):
            if bad and written >= size // 2:
                line, bad = bad(line), None  # the line that is written
            elif change:
                line = change(line, number)  # the line that is written
            written += file.write(line)
            if written >= size:
                break
    return path
