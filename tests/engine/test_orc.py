"""ORC: each type, names, damage."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyorc
import pytest

from tests.support.engine import convert


def orc(schema: str, *rows: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    with pyorc.Writer(file, schema, **options) as writer:
        writer.writerows(rows)
    return file.getvalue()


MOMENT = datetime(2024, 1, 15, 10, 0, 0, 5)


@pytest.mark.parametrize(
    ("kind", "given", "glue", "value"),
    [
        ("boolean", True, "boolean", True),
        ("tinyint", -128, "bigint", -128),
        ("bigint", 2**63 - 1, "bigint", 2**63 - 1),
        ("float", 0.5, "double", 0.5),
        ("double", float("inf"), "double", float("inf")),
        ("decimal(10,2)", Decimal("-1.50"), "decimal(10,2)", Decimal("-1.50")),
        ("date", date(2024, 1, 15), "date", date(2024, 1, 15)),
        ("timestamp", MOMENT, "timestamp", MOMENT),
        ("timestamp with local time zone", MOMENT.replace(tzinfo=UTC), "timestamp", MOMENT),
        ("string", "é", "string", "é"),
        ("varchar(5)", "abc", "string", "abc"),
        ("binary", b"\xff", "string", "/w=="),
        ("array<int>", [1, None], "array<bigint>", [1, None]),
        ("map<int,string>", {7: "x"}, "map<bigint,string>", [(7, "x")]),
        ("struct<A:int,b:date>", (1, None), "struct<a:bigint,b:date>", {"a": 1, "b": None}),
        ("uniontype<int,string>", "x", "string", "x"),
    ],
)
def test_a_type_becomes_one_of_athenas(kind: str, given: Any, glue: str, value: Any) -> None:
    found = convert(orc(f"struct<x:{kind}>", (given,), (None,)))
    assert found.types == {"x": glue}
    assert found.values == [{"x": value}, {"x": None}]


def test_nanoseconds_are_text_where_one_would_be_lost() -> None:
    file = io.BytesIO()
    counts = [1705312800000000001, 1705312800000000000]
    pa.orc.write_table(pa.table({"x": pa.array(counts, pa.timestamp("ns"))}), file)
    found = convert(file.getvalue())
    assert found.types == {"x": "string"}
    assert [row["x"] for row in found.values] == [
        "2024-01-15 10:00:00.000000001",
        "2024-01-15 10:00:00",
    ]


def test_names_that_differ_in_case_are_two_columns() -> None:
    found = convert(orc("struct<ID:int,id:int>", (1, 3)))
    assert found.values == [{"id": 3, "id_384397": 1}]


def test_records_of_many_stripes_all_arrive_in_their_order() -> None:
    rows = [(n, "x" * 100) for n in range(20_000)]
    found = convert(orc("struct<n:int,s:string>", *rows, stripe_size=65536, batch_size=512))
    assert [row["n"] for row in found.values] == list(range(20_000))


@pytest.mark.parametrize("cut", [1, 5, 100])
def test_a_truncated_file_is_rejected(cut: int) -> None:
    body = orc("struct<n:int>", *[(n,) for n in range(1000)])
    found = convert(body[:-cut], "data/t/x.orc")
    assert found.error is not None
    assert found.error.code == "CORRUPT_FILE"


def test_a_table_that_begins_with_the_same_letters_is_none() -> None:
    assert convert(b'{"ORC": 1}\n').values == [{"orc": 1}]
