"""What a table has no column for is kept, as the exact reading would keep it, within memory."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.options import Options
from engine.read.reading import ExactOnlyError
from engine.read.typed import TypedBlock
from tests.engine.test_hostile import told
from tests.support.engine import Result, convert

if TYPE_CHECKING:
    from pathlib import Path

VALUES: dict[str, pa.Array] = {
    "bool": pa.array([True, False, None]),
    "bytes": pa.array([b"text", b"\xff\x00", None]),
    "date": pa.array([date(2024, 1, 15), date(1, 1, 1), None]),
    "decimal": pa.array([Decimal("1.50"), Decimal("-0.01"), None], pa.decimal128(10, 2)),
    "double": pa.array([1e20, float("nan"), float("-inf")]),
    "half": pa.array([0.1, 1.5, None], pa.float32()),
    "list": pa.array([["a", None, 'b"'], [], None]),
    "long": pa.array([2**63 - 1, -1, None]),
    "map": pa.array([[("k", 1.5)], [], None], pa.map_(pa.string(), pa.float64())),
    "moment": pa.array([datetime(2024, 1, 15, 10, 0, 0, 5, UTC), None, None]),
    "nanos": pa.array([1, 1_000, None], pa.timestamp("ns")),
    "null": pa.array([None] * 3),
    "struct": pa.array([{"x": 1, "y y": [float("inf")]}, {"x": None, "y y": []}, None]),
    "text": pa.array(["x\ty", 'é"\\', ""]),
    "Text": pa.array(["twin", None, None]),
    "it's": pa.array(["quoted", None, "\u0001"]),
    "unsigned": pa.array([2**64 - 1, 0, None], pa.uint64()),
}


def both_ways(path: Path) -> tuple[Result, Result]:
    def relation(*_: Any) -> Any:
        raise ExactOnlyError

    options = Options(max_columns=4)
    fast = convert(path, "data/t/x.parquet", options=options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TypedBlock, "relation", relation)
        return fast, convert(path, "data/t/x.parquet", options=options)


def test_every_type_is_rescued_as_by_the_exact_reading(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": pa.array([1, 2, 3]), **VALUES}), path)
    fast, exact = both_ways(path)
    assert fast.status == exact.status == "DONE"
    first, second = [
        [json.loads(row["_rescued_data"]) for row in found.rows] for found in (fast, exact)
    ]
    assert first == second
    assert len(first) == 3


def test_no_value_beyond_the_columns_is_read_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def records(_self: object, numbers: Any = None) -> Any:
        raise AssertionError(numbers)

    monkeypatch.setattr(TypedBlock, "records", records)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": pa.array([1, 2, 3]), **VALUES}), path)
    assert convert(path, "data/t/x.parquet", options=Options(max_columns=4)).status == "DONE"


def test_2000_columns_of_3000_rows_fit_the_function(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rows = range(3000)
    whole = {f"i{n}": [n * row for row in rows] for n in range(700)}
    parts = {f"d{n}": [n * row / 8 for row in rows] for n in range(700)}
    texts = {f"t{n}": [f"v{n * row}" for row in rows] for n in range(600)}
    pq.write_table(pa.table({**whole, **parts, **texts}), path)
    found = told(path)
    assert (found["status"], found["accepted"]) == ("DONE", 3000)


def test_far_too_many_columns_are_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({f"c{n}": range(2100) for n in range(3000)}), path)
    found = told(path)
    assert found["status"] == "ObjectTooLargeError"
    assert "1,500 columns more than MaxColumns allows" in found["detail"]
