"""docs/reference/schema.md, row by row: what a type becomes in Glue, and what Athena then reads."""

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
import pyorc
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.options import Options
from store.model import Drift
from tests.conftest import ROOT
from tests.support.chance import examples
from tests.support.engine import Result, convert, lines

PAGE = (ROOT / "docs" / "reference" / "schema.md").read_text(encoding="utf-8")

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


def orc(kind: str, examples: list[str]) -> bytes:
    file = io.BytesIO()
    with pyorc.Writer(file, f"struct<x:{kind}>") as writer:
        writer.writerows([(python(example),) for example in examples])
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
        case "ORC":
            return convert(orc(quoted(kind)[0], examples))
    raise AssertionError(file)


TYPES = rows("types")


def test_the_table_of_types_covers_every_reader() -> None:
    assert {row[0] for row in TYPES} == {"JSON", "CSV", "Parquet", "DuckDB", "Avro", "ORC"}
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


@pytest.mark.parametrize("row", rows("names"), ids=lambda row: " ".join(row[:2]))
def test_a_name_becomes_what_the_page_says(row: list[str]) -> None:
    name, beside, column = (quoted(cell) for cell in row)
    field = name[0] * 300 if "300" in row[0] else name[0]
    found = convert(lines({field: 1, **dict.fromkeys(beside, 2)}, {field: None}))
    names = [name for name, kind in found.types.items() if kind == "bigint"]
    if "300" in row[0]:
        assert re.fullmatch(r"x{193}_[0-9a-f]{6}", names[0])
    else:
        assert column[0] in names
        # Rows that were read exactly lie in a file of their own.
        assert {r[column[0]] for r in found.values} == {1, None}
    # Whichever of the two comes first, alone, in another file.
    assert found.conversion is not None
    table = {c.name: (c.type, c.comment) for c in found.conversion.schema.columns}
    again = convert(lines({field: 3}), table={name: kind for name, (kind, _) in table.items()})
    assert again.conversion is not None
    assert len(again.conversion.schema.columns) >= len(table)


def test_the_original_name_is_the_comment_on_one_line_of_glue() -> None:
    fields = {"Order ID": 1, "two\nlines": 1, "x" * 300: 1, "é" * 200: 1, "plain": 1}
    found = convert(lines(fields))
    assert found.conversion is not None
    columns = {c.name: c for c in found.conversion.schema.columns[: len(fields)]}
    assert columns["order_id"].comment == "Order ID"
    assert columns["plain"].comment == ""
    for column in columns.values():
        assert len(column.name) <= 255
        assert len(column.comment.encode()) <= 255
        assert column.comment.isprintable()
    # The same fields find the same columns by what Glue keeps of them.
    again = convert(lines(fields), schema=found.conversion.schema)
    assert again.conversion is not None
    assert again.conversion.schema == found.conversion.schema
    assert again.values == found.values


CONFORM = [
    (glue, value, expected)
    for row in rows("conform")
    for glue in quoted(row[0])
    for value, expected in zip(
        quoted(row[1]), re.findall(r"`([^`]+)`|(rescued)", row[2]), strict=True
    )
]


def seen(found: Result) -> list[tuple[Any, Any]]:
    return [(row.get("x"), rest) for row, rest in zip(found.values, found.rescued, strict=True)]


@pytest.mark.parametrize(("glue", "value", "expected"), CONFORM)
def test_a_value_is_read_as_the_table_says_or_rescued(
    glue: str, value: str, expected: tuple[str, str]
) -> None:
    alone = convert(f'{{"x": {value}}}\n'.encode(), table={"x": glue})
    assert alone.types == {"x": glue}
    ((read, rest),) = seen(alone)
    if expected[1]:
        assert (read, rest is not None and list(rest)) == (None, ["x"])
        assert alone.conversion is not None
        assert [(d.column, d.type, d.count) for d in alone.conversion.drift] == [("x", glue, 1)]
    else:
        assert (read, rest) == (python(expected[0]), None)
    # Beside a repeated key, which only the exact reading sees, it is the same.
    beside = convert(f'{{"y": 1, "y": 2}}\n{{"x": {value}}}\n'.encode(), table={"x": glue})
    assert (read, rest) in seen(beside)


@pytest.mark.parametrize(
    ("glue", "value", "expected"), [case for case in CONFORM if case[1].startswith('"')]
)
def test_a_field_of_a_delimited_file_is_read_as_its_text_says(
    glue: str, value: str, expected: tuple[str, str]
) -> None:
    text = json.loads(value)
    found = convert(f'x,y\n"{text}",1\n"{text}",2\n'.encode(), "data/t/x.csv", {"x": glue})
    if glue == "boolean":
        assert [row["x"] for row in found.values] == [True, True]
    elif expected[1]:
        assert found.rescued == [{"x": text}] * 2
    else:
        assert [row["x"] for row in found.values] == [python(expected[0])] * 2


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-200, 200),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-(10**6), 10**6, places=3),
)
TEXTS = st.one_of(
    st.text(max_size=5),
    NUMBERS.map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()),
    st.from_regex(r"\A[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9]\Z"),
)
GLUE = [
    *("tinyint", "smallint", "int", "bigint", "float", "double", "boolean", "string", "date"),
    *("timestamp", "decimal(5,2)", "decimal(20,3)", "decimal(38,0)", "varchar(3)", "char(3)"),
    *("array<int>", "struct<a:decimal(5,2)>", "map<bigint,float>"),
]


@given(
    glue=st.sampled_from(GLUE),
    value=st.one_of(
        NUMBERS.map(str),
        TEXTS.map(json.dumps),
        st.lists(NUMBERS.map(str), max_size=2).map(lambda items: f"[{','.join(items)}]"),
        st.dictionaries(st.sampled_from(["a", "A", "7"]), NUMBERS.map(str), max_size=2).map(
            lambda fields: "{" + ",".join(f'"{k}":{v}' for k, v in fields.items()) + "}"
        ),
    ),
)
@settings(max_examples=examples(40), deadline=None)
def test_both_ways_of_reading_agree_on_every_value(glue: str, value: str) -> None:
    # A number has many texts; the two spell exponents differently.
    assume(value.startswith('"') or not glue.startswith(("string", "varchar", "char")))
    alone = convert(f'{{"x": {value}}}\n'.encode(), table={"x": glue})
    beside = convert(f'{{"y": 1, "y": 2}}\n{{"x": {value}}}\n'.encode(), table={"x": glue})
    (one,) = seen(alone)
    assert one in seen(beside)


@pytest.mark.parametrize(
    ("table", "kind", "value"),
    [
        ("int", "int32()", 7),
        ("decimal(12,2)", "int32()", 7),
        ("decimal(10,3)", "decimal128(5, 2)", Decimal("1.50")),
        ("string", "int64()", "7"),
        ("binary", "binary()", b"\xff\x00"),
        ("map<string,bigint>", "map_(string(), int8())", [("k", 1)]),
        ("struct<a:bigint,b:string>", "struct([('a', int8())])", {"a": 1, "b": None}),
        ("array<double>", "list_(float32())", [0.5, None]),
        ("timestamp", "timestamp('ns')", datetime(2024, 1, 15, 10, 0, 0, 1)),
    ],
)
def test_parquet_is_widened_to_the_tables_type(table: str, kind: str, value: Any) -> None:
    given = {"7": 7}.get(str(value), value)
    if isinstance(value, dict):
        given = {"a": 1}
    file = io.BytesIO()
    pq.write_table(pa.table({"x": pa.array([given], python(kind))}), file)
    found = convert(file.getvalue(), table={"x": table})
    assert found.types == {"x": table}
    assert [row["x"] for row in found.values] == [value]
    assert found.rescued == [None]


def test_parquet_values_that_the_table_cannot_hold_are_rescued_exactly() -> None:
    wide = Decimal("1234567890123456789012345678.0123456789")
    columns = {
        "d": pa.array([wide, Decimal("1.5")], pa.decimal128(38, 10)),
        "f": pa.array([math.nan, 1.0]),
        "n": pa.array([2**63, 1], pa.uint64()),
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    found = convert(file.getvalue(), table={"d": "decimal(5,2)", "f": "bigint", "n": "bigint"})
    assert found.values == [
        {"d": None, "f": None, "n": None},
        {"d": Decimal("1.50"), "f": 1, "n": 1},
    ]
    assert found.rescued == [{"d": str(wide), "f": "NaN", "n": str(2**63)}, None]
    assert found.conversion is not None
    assert found.conversion.drift == (
        Drift("d", "decimal(5,2)", 1, str(wide)),
        Drift("f", "bigint", 1, "NaN"),
        Drift("n", "bigint", 1, str(2**63)),
    )


def test_a_new_timestamp_stays_one_beside_a_column_that_drifts() -> None:
    file = io.BytesIO()
    moment = datetime(2024, 1, 15, 10)
    pq.write_table(pa.table({"a": ["x"], "at": [moment]}), file)
    found = convert(file.getvalue(), table={"a": "bigint"})
    assert found.types == {"a": "bigint", "at": "timestamp"}
    assert found.values == [{"a": None, "at": moment}]


def test_two_thousand_columns_arrive_whole() -> None:
    records = [{f"c{n}": n * row if n % 2 else f"v{n}" for n in range(2000)} for row in range(3)]
    found = convert(lines(*records), options=Options(max_columns=2000))
    assert found.values == records
