"""Files of many columns or long values, documents, text, Avro and Parquet."""

from __future__ import annotations

import json
import random
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from benchmarks.generate import WORDS, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DAY = re.compile(rb"20\d\d-\d\d-\d\dT")


def document(path: Path, size: int, *, indent: int | None = None) -> Path:
    """Write JSON records as one array, compact or indented."""
    written = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in records(3):
            text = line.strip()
            if indent:
                text = json.dumps(json.loads(text), indent=indent)
            written += file.write(("[" if not written else ",\n" if indent else ",") + text)
            if written >= size:
                break
        file.write("]\n")
    return path


def text_lines(path: Path, size: int) -> Path:
    """Write lines of a log."""
    draw = random.Random(4)  # noqa: S311  # data, not secrets
    written = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        while written < size:
            words = " ".join(draw.choices(WORDS, k=draw.randrange(6, 20)))
            written += file.write(f"Jan  1 00:00:00 host app[{draw.randrange(9999)}]: {words}\n")
    return path


_AVRO: dict[str, Any] = {
    "type": "record",
    "name": "event",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {
            "name": "user",
            "type": {
                "type": "record",
                "name": "user",
                "fields": [{"name": "id", "type": "long"}, {"name": "country", "type": "string"}],
            },
        },
        {"name": "amount", "type": "double"},
        {"name": "active", "type": "boolean"},
        {
            "name": "items",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "item",
                    "fields": [
                        {"name": "sku", "type": "string"},
                        {"name": "quantity", "type": "long"},
                    ],
                },
            },
        },
        {"name": "note", "type": ["null", "string"]},
    ],
}


def avro(path: Path, count: int) -> Path:
    """Write so many records as Avro, unpacked."""
    import fastavro

    def values() -> Iterator[dict[str, Any]]:
        for line in islice(records(5), count):
            value: dict[str, Any] = json.loads(line)
            value["timestamp"] = 1_704_067_200_000_000 + value["id"] * 1_000_000 % 250_000_000_000
            yield value

    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(_AVRO), values())
    return path


def parquet(path: Path, lines: Path) -> Path:
    """Write the records of a file of JSON Lines as Parquet, with a moment in UTC."""
    import duckdb

    duckdb.execute("SET TimeZone = 'UTC'")
    duckdb.execute(
        f"COPY (SELECT * FROM read_json('{lines}', format = 'newline_delimited')) "
        f"TO '{path}' (FORMAT parquet, COMPRESSION snappy)"
    )
    return path


def long_strings(path: Path, rows: int, length: int) -> Path:
    """Write Parquet of strings of some kilobytes that hardly pack."""
    import duckdb

    text = " || ".join(f"sha256(range || '{n}')" for n in range(length // 64))
    duckdb.execute(
        f"COPY (SELECT range AS id, TIMESTAMP '2024-01-01' AS timestamp, {text} AS body "
        f"FROM range({rows})) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {rows})"
    )
    return path


def wide_csv(path: Path, columns: int, rows: int) -> Path:
    """Write CSV of many columns: numbers, fractions and words by turns."""
    draw = random.Random(6)  # noqa: S311  # data, not secrets
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(["timestamp", *(f"c{n}" for n in range(1, columns))]) + "\n")
        for _ in range(rows):
            cells = ["2024-01-01T00:00:00Z"]
            cells += [
                (str(draw.randrange(10**6)), f"{draw.random():.4f}", draw.choice(WORDS))[n % 3]
                for n in range(1, columns)
            ]
            file.write(",".join(cells) + "\n")
    return path


def wide_json(path: Path, columns: int, rows: int, *, nested: bool) -> Path:
    """Write JSON of many values a record, side by side or in objects of a hundred."""
    draw = random.Random(7)  # noqa: S311  # data, not secrets
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for _ in range(rows):
            values = {
                f"k{n}": draw.randrange(10**6) if n % 2 else draw.choice(WORDS)
                for n in range(columns)
            }
            record: dict[str, Any] = {"timestamp": "2024-01-01T00:00:00Z"}
            if nested:
                keys = list(values)
                for start in range(0, columns, 100):
                    part = {key: values[key] for key in keys[start : start + 100]}
                    record[f"part{start // 100}"] = part
            else:
                record |= values
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    return path


def of_one_day(path: Path, source: Path) -> Path:
    """Copy a file with all its moments on one day."""
    path.write_bytes(_DAY.sub(b"2013-01-01T", source.read_bytes()))
    return path
