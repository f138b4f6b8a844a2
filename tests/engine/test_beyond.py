"""Moments that no calendar has: the record stays, and the file's number is rescued."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pyorc
import pytest

from tests.support.engine import Result, convert

#: Microseconds in a field of milliseconds, as writers have it that mix up the two.
MICROS = 1705312800000005
MILLIS = 1705312800005
MOMENT = datetime(2024, 1, 15, 10, 0, 0, 5000)


def avro(kind: Any, *values: Any, **given: Any) -> Result:
    """Write the numbers themselves: fastavro makes them of nothing that Python cannot hold."""
    file = io.BytesIO()
    plain = {"type": "record", "name": "r", "fields": [{"name": "x", "type": kind}]}
    fastavro.writer(file, plain, [{"x": value} for value in values])
    body = file.getvalue()
    # So long that the schema keeps its length.
    for name in (b"timestamp-millis", b"timestamp-micros"):
        body = body.replace(name.replace(b"timestamp", b"imestampt"), name)
    return convert(body.replace(b"atde", b"date"), "data/t/x.avro", **given)


def of_long(logical: str) -> dict[str, str]:
    return {"type": "long", "logicalType": logical.replace("timestamp", "imestampt")}


INSIDE: dict[str, Any] = {
    "type": "record",
    "name": "inside",
    "fields": [
        {"name": "at", "type": of_long("timestamp-millis")},
        {"name": "seen", "type": of_long("timestamp-millis")},
        {"name": "n", "type": "int"},
        {"name": "on", "type": ["null", {"type": "int", "logicalType": "atde"}]},
    ],
}


def test_in_a_struct_of_avro_the_number_is_rescued_and_the_rest_keeps_its_types() -> None:
    bad = {"at": MICROS, "seen": MILLIS, "n": 1, "on": 2**31 - 1}
    good = {"at": MILLIS, "seen": MILLIS, "n": 2, "on": None}
    found = avro(INSIDE, bad, good)
    assert found.types == {"x": "struct<at:timestamp,seen:timestamp,n:bigint,on:date>"}
    by_n = {row["x"]["n"]: row["x"] for row in found.values}
    assert by_n[1] == {"at": None, "seen": MOMENT, "n": 1, "on": None}
    assert by_n[2] == {"at": MOMENT, "seen": MOMENT, "n": 2, "on": None}
    assert [r for r in found.rescued if r] == [{"x.at": MICROS, "x.on": 2**31 - 1}]


def test_in_an_array_of_avro_the_whole_array_is_rescued() -> None:
    kind = {"type": "array", "items": of_long("timestamp-millis")}
    found = avro(kind, [MILLIS, MICROS], [MILLIS], [], table={"x": "array<timestamp>"})
    assert sorted(row["x"] or [] for row in found.values) == [[], [], [MOMENT]]
    (rescued,) = [r for r in found.rescued if r]
    assert rescued == {"x": ["2024-01-15 10:00:00.005", MICROS]}


def test_in_a_map_of_avro_the_number_is_rescued_under_its_key() -> None:
    kind = {"type": "map", "values": INSIDE}
    bad = {"at": -MICROS, "seen": MILLIS, "n": 1, "on": None}
    found = avro(kind, {"k": bad, "good": {**bad, "at": MILLIS}})
    assert [r for r in found.rescued if r] == [{"x.k.at": -MICROS}]
    ((_, first), (_, second)) = found.values[0]["x"]
    assert (first["at"], first["seen"], second["at"]) == (None, MOMENT, MOMENT)


def test_in_a_union_with_text_the_number_is_its_text() -> None:
    found = avro(["string", of_long("timestamp-millis")], MICROS, MILLIS, "a")
    assert [row["x"] for row in found.values] == [str(MICROS), "2024-01-15 10:00:00.005000", "a"]


def test_a_contract_sees_the_moments_beside_it_as_it_always_does() -> None:
    moment = {"type": "string", "format": "date-time"}
    inside = {"type": "object", "properties": {"seen": moment}, "required": ["seen"]}
    contract = {"type": "object", "properties": {"x": inside}}
    bad = {"at": MICROS, "seen": MILLIS, "n": 1, "on": None}
    found = avro(INSIDE, bad, contract=contract)
    assert (found.status, found.rescued) == ("DONE", [{"x.at": MICROS}])


@pytest.mark.parametrize("days", [2**31 - 1, -(2**31)])
def test_a_date_in_a_value_of_orc_is_rescued(days: int) -> None:
    file = io.BytesIO()
    with pyorc.Writer(
        file,
        "struct<x:struct<on:date,n:int>,y:array<date>>",
        converters={pyorc.TypeKind.DATE: _Days},
    ) as writer:
        writer.writerows([((days, 1), [0]), ((0, 2), [days, 0])])
    found = convert(file.getvalue(), "data/t/x.orc")
    day = date(1970, 1, 1)
    assert found.values == [
        {"x": {"on": None, "n": 1}, "y": [day]},
        {"x": {"on": day, "n": 2}, "y": None},
    ]
    assert found.rescued == [{"x.on": days}, {"y": [days, "1970-01-01"]}]


class _Days(pyorc.converters.ORCConverter):
    @staticmethod
    def from_orc(obj: Any) -> Any:
        return obj

    @staticmethod
    def to_orc(obj: Any) -> Any:
        return obj


def parquet(array: Any, **options: Any) -> Result:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": array}), file, **options)
    return convert(file.getvalue(), "data/t/x.parquet")


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (pa.timestamp("ms"), MICROS),
        (pa.timestamp("us"), MICROS * 1000),
        (pa.timestamp("us", "UTC"), -MICROS * 1000),
        (pa.timestamp("us"), 2**63 - 1),
        (pa.date32(), 19_000_000),
        (pa.date32(), 2**31 - 1),
    ],
)
def test_a_moment_of_parquet_is_rescued_wherever_it_lies(kind: Any, number: int) -> None:
    whole = pa.int32() if kind == pa.date32() else pa.int64()
    moments = pa.array([number, 0], whole).cast(kind)
    counts = pa.array([1, 2])
    offsets = pa.array([0, 1, 2], pa.int32())
    glue = "date" if kind == pa.date32() else "timestamp"
    zero = date(1970, 1, 1) if glue == "date" else datetime(1970, 1, 1)

    top = parquet(moments)
    assert (top.types, _of(top)) == ({"x": glue}, ([zero, None], [{"x": number}]))
    struct = parquet(pa.StructArray.from_arrays([moments, counts], names=["At", "n"]))
    assert struct.types == {"x": f"struct<at:{glue},n:bigint>"}
    assert _of(struct) == ([{"at": zero, "n": 2}, {"at": None, "n": 1}], [{"x.At": number}])
    array = parquet(pa.ListArray.from_arrays(offsets, moments))
    assert (array.types, _of(array)) == (
        {"x": f"array<{glue}>"},
        ([[zero], None], [{"x": [number]}]),
    )
    mapped = parquet(pa.MapArray.from_arrays(offsets, pa.array(["a", "b"]), moments))
    assert mapped.types == {"x": f"map<string,{glue}>"}
    assert _of(mapped) == ([[("b", zero)], [("a", None)]], [{"x.a": number}])


def _of(found: Result) -> tuple[list[Any], list[Any]]:
    """The values, of which what was rescued comes last, and what was."""
    rows = sorted(zip(found.rescued, found.values, strict=True), key=lambda row: bool(row[0]))
    return [value["x"] for _, value in rows], [rest for rest, _ in rows if rest]


def test_a_map_by_dates_beyond_is_rescued_as_a_whole() -> None:
    dates = pa.array([19_000_000, 0], pa.int32()).cast(pa.date32())
    offsets = pa.array([0, 1, 2], pa.int32())
    found = parquet(pa.MapArray.from_arrays(offsets, dates, pa.array([1, 2])))
    assert _of(found) == ([[(date(1970, 1, 1), 2)], None], [{"x": {"53990-03-27": 1}}])


def test_int96_is_rescued_in_microseconds() -> None:
    moments = pa.array([253402300800 * 10**6, 0], pa.timestamp("us"))
    found = parquet(moments, use_deprecated_int96_timestamps=True)
    assert _of(found) == ([datetime(1970, 1, 1), None], [{"x": 253402300800 * 10**6}])
