"""docs/schema.md, row by row: what a type becomes in Glue, and what Athena then reads."""

from __future__ import annotations

import io
import json
import math
import re
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from processor.engine.columns import LINEAGE
from tests.conftest import ROOT
from tests.support.engine import Result, convert

PAGE = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")

NAMES: dict[str, Any] = {
    **{name: getattr(pa, name) for name in dir(pa) if name.islower()},
    "Decimal": Decimal,
    "UUID": UUID,
    "UTC": UTC,
    "date": date,
    "datetime": datetime,
    "time": time,
    "timedelta": timedelta,
    "float": float,
}


def rows(mark: str) -> list[list[str]]:
    """The cells of the table between two marks, without its head."""
    inside = PAGE.split(f"<!-- {mark} -->")[1].split(f"<!-- /{mark} -->")[0]
    lines = [line for line in inside.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def python(text: str) -> Any:
    return eval(text, {"__builtins__": {}}, NAMES)  # noqa: S307  # our own documentation


def parquet(kind: str, examples: list[str]) -> bytes:
    values = [python(example) for example in examples]
    if kind == "uuid()":
        values = [value.bytes for value in values]
    array = pa.array(values, python(kind))
    file = io.BytesIO()
    pq.write_table(pa.table({"x": array}), file)
    return file.getvalue()


def by_duckdb(kind: str, examples: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as db:
        path = Path(folder) / "x"
        name = "kind" if kind.startswith("ENUM") else kind
        if name == "kind":
            db.execute(f"CREATE TYPE kind AS {kind}")
        values = ", ".join(f"(({example})::{name})" for example in examples)
        db.execute(f"COPY (SELECT * FROM (VALUES {values}) t(x)) TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


def avro(kind: str, examples: list[str]) -> bytes:
    file = io.BytesIO()
    fields = [{"name": "x", "type": json.loads(kind)}]
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": fields})
    fastavro.writer(file, schema, [{"x": python(example)} for example in examples])
    return file.getvalue()


def converted(file: str, kind: str, examples: list[str]) -> Result:
    match file:
        case "JSON":
            return convert("".join(f'{{"x": {e}}}\n' for e in examples).encode(), "data/t/x.jsonl")
        case "CSV":
            return convert("".join(f"{e},y\n" for e in ["x", *examples]).encode(), "data/t/x.csv")
        case "Parquet":
            return convert(parquet(quoted(kind)[0], examples))
        case "DuckDB":
            return convert(by_duckdb(quoted(kind)[0], examples))
        case "Avro":
            return convert(avro(quoted(kind)[0], examples))
    raise AssertionError(file)


TYPES = rows("types")


def test_the_table_of_types_covers_every_reader() -> None:
    assert {row[0] for row in TYPES} == {"JSON", "CSV", "Parquet", "DuckDB", "Avro"}
    assert len(TYPES) > 70


@pytest.mark.parametrize("row", TYPES, ids=lambda row: f"{row[0]} {row[1]}"[:60])
def test_a_type_becomes_what_the_page_says(row: list[str]) -> None:
    file, kind, example, glue, value = row
    found = converted(file, kind, quoted(example))
    if glue == "`UNSUPPORTED_TYPE`":
        assert found.error is not None
        assert found.error.code == "UNSUPPORTED_TYPE"
        return
    # convert() holds the file to what Athena expects of the types.
    assert found.status == "DONE"
    assert found.types.get("x") == (None if glue == "no column" else quoted(glue)[0])
    wanted = [python(text) for text in quoted(value)]
    if value.startswith("rescued"):
        assert [rest and rest["x"] for rest in found.rescued] == wanted
    elif wanted:
        assert [row["x"] for row in found.values] == wanted
        assert not any(found.rescued)
