"""One value that DuckDB does not read costs its record, not the Parquet file."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.engine import Result, convert


def parquet(columns: dict[str, Any], **options: Any) -> Result:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return convert(file.getvalue(), "data/t/x.parquet")


def text(*values: bytes) -> Any:
    """Text that nobody checked."""
    made = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(values), made.buffers())


BAD = text("é".encode(), b"caf\xe9", b"c")
OFFSETS = pa.array([0, 1, 2, 3], pa.int32())
NUMBERS = pa.array([1, 2, 3])


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"compression": "none"}])
def test_a_text_that_is_no_utf8_costs_its_record(options: Any) -> None:
    found = parquet({"x": BAD, "y": NUMBERS, "raw": pa.array([b"\xff", b"a", None])}, **options)
    assert found.types == {"x": "string", "y": "bigint", "raw": "string"}
    assert found.values == [{"x": "é", "y": 1, "raw": "/w=="}, {"x": "c", "y": 3, "raw": None}]
    assert found.reasons == [(2, "INVALID_UTF8")]
    assert json.loads(found.quarantine[0]["raw"]) == {"x": "Y2Fm6Q==", "y": 2, "raw": "a"}


@pytest.mark.parametrize(
    ("array", "glue", "values"),
    [
        (pa.ListArray.from_arrays(OFFSETS, BAD), "array<string>", [["é"], ["c"]]),
        (
            pa.StructArray.from_arrays([BAD, NUMBERS], names=["Name", "n"]),
            "struct<name:string,n:bigint>",
            [{"name": "é", "n": 1}, {"name": "c", "n": 3}],
        ),
        (
            pa.MapArray.from_arrays(OFFSETS, BAD, NUMBERS),
            "map<string,bigint>",
            [[("é", 1)], [("c", 3)]],
        ),
        (
            pa.MapArray.from_arrays(OFFSETS, NUMBERS, BAD),
            "map<bigint,string>",
            [[(1, "é")], [(3, "c")]],
        ),
    ],
)
def test_wherever_in_a_value_it_lies(array: Any, glue: str, values: list[Any]) -> None:
    found = parquet({"x": array})
    assert found.types == {"x": glue}
    assert [row["x"] for row in found.values] == values
    assert found.reasons == [(2, "INVALID_UTF8")]


def test_milliseconds_that_microseconds_do_not_hold_are_rescued() -> None:
    # Nanoseconds in a field of milliseconds.
    number = 1705312800000000005
    moments = pa.array([number, 1705312800000], pa.timestamp("ms"))
    struct = pa.StructArray.from_arrays([moments, text(b"a", b"b")], names=["at", "s"])
    found = parquet({"x": moments, "y": struct})
    assert found.types == {"x": "timestamp", "y": "struct<at:timestamp,s:string>"}
    assert sorted(row["y"]["s"] for row in found.values) == ["a", "b"]
    assert [rest for rest in found.rescued if rest] == [{"x": number, "y.at": number}]
    assert sum(row["x"] is not None for row in found.values) == 1


def test_both_in_one_file_of_many_row_groups() -> None:
    count = 5000
    texts = text(*(b"\xff" if n % 1000 == 7 else b"%d" % n for n in range(count)))
    moments = pa.array([2**62 if n % 1000 == 8 else n for n in range(count)], pa.timestamp("ms"))
    columns = {"x": texts, "at": moments, "file_row_number": pa.array(range(count))}
    found = parquet(columns, row_group_size=300)
    assert found.reasons == [(n * 1000 + 8, "INVALID_UTF8") for n in range(5)]
    assert len(found.rows) == count - 5
    assert [rest for rest in found.rescued if rest] == [{"at": 2**62}] * 5


def test_what_is_said_of_damage_names_no_path_of_the_function() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": list(range(1000))}), file)
    found = convert(file.getvalue()[:-4] + b"PAR0", "data/t/x.parquet")
    assert found.error is not None
    assert found.error.detail.startswith("Parquet: ")
    assert "/" not in found.error.detail
