"""Rows that the lake has written, conformed anew without the object that they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.options import Options
from store.model import Column, Schema
from tests.support.engine import LINEAGE, convert, lines, rewritten

if TYPE_CHECKING:
    from tests.support.engine import Result

FORMATS = pytest.mark.parametrize("output", ["parquet", "json"])


def table(output: str = "parquet", /, **types: str) -> Schema:
    columns = [Column(*one) for one in types.items()]
    columns += [Column(name, "string") for name in LINEAGE]
    return Schema(tuple(columns), output)


def told(found: Result) -> list[Any]:
    """Rows without their order; nothing is as good as null."""
    rows = [
        {name: value for name, value in row.items() if value is not None}
        | {"_rescued_data": sorted((rescued or {}).items())}
        for row, rescued in zip(found.rows, found.rescued, strict=True)
    ]
    return sorted(map(repr, rows))


@FORMATS
def test_values_that_were_rescued_are_values_of_a_column_of_their_type(output: str) -> None:
    body = lines({"price": 10}, {"price": 19.99}, {"price": "soon"}, {"price": None}, {"x": 1})
    before, after = rewritten(body, table(output, price="bigint"), {"price": "double"})
    assert [row["price"] for row in before.rows].count(10) == 1
    assert sorted(row["price"] for row in after.rows if row["price"] is not None) == [10.0, 19.99]
    assert [one for one in after.rescued if one] == [{"price": "soon"}]
    assert after.conversion is not None
    assert [(one.column, one.count) for one in after.conversion.drift] == [("price", 1)]


#: Tables, other types for them, and records that do not fit the first.
CASES: dict[str, tuple[dict[str, str], dict[str, str], list[Any]]] = {
    "whole numbers to text": (
        {"a": "bigint"},
        {"a": "string"},
        [{"a": 1}, {"a": "x"}, {"a": True}, {"a": {"b": [1, 2]}}, {"a": 2.5}],
    ),
    "text to numbers": (
        {"a": "string"},
        {"a": "bigint"},
        [{"a": "1"}, {"a": "x"}, {"a": "01"}, {"a": None}, {"a": ""}],
    ),
    "text to moments": (
        {"a": "string"},
        {"a": "timestamp"},
        [{"a": "2024-01-01T00:00:00Z"}, {"a": "2024-01-01 10:00:00.5"}, {"a": "soon"}],
    ),
    "a double to a decimal": (
        {"a": "double"},
        {"a": "decimal(10,2)"},
        [{"a": 1.25}, {"a": 1.255}, {"a": 3}, {"a": "7.10"}, {"a": 1e300}],
    ),
    "a decimal to a whole number": (
        {"a": "decimal(10,2)"},
        {"a": "bigint"},
        [{"a": 5}, {"a": 7.0}, {"a": None}],
    ),
    "beside it all stays": (
        {
            "a": "bigint",
            "n": "bigint",
            "t": "timestamp",
            "d": "double",
            "s": "struct<x:bigint,y:struct<z:bigint>>",
            "m": "map<string,struct<q:bigint>>",
            "k": "map<string,bigint>",
            "l": "array<bigint>",
        },
        {"a": "double"},
        [
            {"a": 0.5, "n": 2**63 - 1, "t": "2024-01-01T00:00:00.123456Z", "d": 1e-300},
            {"a": "x", "n": "y", "t": "z", "d": "w", "s": 1, "m": 2, "k": 3, "l": 4},
            {"a": 2**63, "n": 2**63, "t": 5, "d": 0.1, "s": {"x": "no", "y": {"z": "no"}}},
            {"a": 1.5, "m": {"é": {"q": "y"}, "M K": {"q": 1}}, "k": {"m_k": None, "M K": "one"}},
            {"a": 1.5, "l": [2.5, 7.5], "k": {"A": 2, "a": None}},
        ],
    ),
    "fields of other names": (
        {"order_id": "bigint"},
        {"order_id": "double"},
        [{"Order ID": 1}, {"Order ID": 1.5}, {"Order ID": "x"}],
    ),
}


@FORMATS
@pytest.mark.parametrize("case", CASES)
def test_rows_become_what_the_object_would(case: str, output: str) -> None:
    types, others, records = CASES[case]
    before = table(output, **types)
    _, after = rewritten(lines(*records), before, others)
    wanted = convert(lines(*records), schema=table(output, **{**types, **others}))
    assert told(after) == told(wanted)


def test_a_float_of_parquet_becomes_the_double_that_was_written() -> None:
    body = lines({"a": 0.1}, {"a": 16777216})
    _, after = rewritten(body, table(a="float"), {"a": "double"})
    assert sorted(row["a"] for row in after.rows) == [0.1, 16777216.0]


@FORMATS
def test_a_row_keeps_its_date_though_the_column_of_it_gets_another_type(output: str) -> None:
    body = lines(*({"id": n, "timestamp": f"2024-01-0{1 + n % 9}T00:00:00Z"} for n in range(100)))
    before, after = rewritten(body, table(output), {"timestamp": "string"})
    dates = [{(row["id"], row["date_partition"]) for row in one.rows} for one in (before, after)]
    assert dates[0] == dates[1]
    assert len({date for _, date in dates[0]}) == 9


@FORMATS
def test_what_no_column_takes_stays_rescued(output: str) -> None:
    options = Options(max_columns=2, output_format=output)
    body = lines({"a": 1, "b": 2, "c": 3}) + b'{"a": 5, "a": 6}\n{"a": 7, "a": "x"}\n'
    before, after = rewritten(body, None, {"a": "string"}, options)
    assert {"c": 3} in before.rescued
    assert {"c": 3} in after.rescued
    assert {"a": [5]} in after.rescued
    assert sorted(row["a"] for row in after.rows if row["a"]) == ["1", "6", "x"]


@FORMATS
def test_a_field_called_as_a_lineage_column_is_kept(output: str) -> None:
    body = lines({"_rescued_data": "hello", "p": 1}, {"_rescued_data": "world", "p": "x"})
    before, after = rewritten(body, table(output, p="bigint"), {"p": "double"})
    (name,) = (one for one in after.types if one.startswith("_rescued_data"))
    assert sorted(row[name] for row in after.rows) == ["hello", "world"]
    assert sorted(row[name] for row in before.rows) == ["hello", "world"]


@FORMATS
def test_a_column_that_the_table_lost_comes_back(output: str) -> None:
    body = lines({"price": 1, "city": "Oslo"}, {"price": "x", "city": "Rome"})
    _, after = rewritten(body, table(output, price="bigint"), {"price": "double"}, lost="city")
    assert sorted(row["city"] for row in after.rows) == ["Oslo", "Rome"]
    assert after.types == {"price": "double", "city": "string"}


def test_many_rows_are_read_by_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*_: Any) -> None:
        raise AssertionError("a row without anything rescued was read by itself")

    monkeypatch.setattr("engine.convert.optimistic.conformed", slowly)
    _, after = rewritten(
        lines(*({"n": n} for n in range(1000))), table(n="bigint"), {"n": "double"}
    )
    assert sum(row["n"] for row in after.rows) == 499_500
