"""Avro: codecs, types, damage."""

from __future__ import annotations

import base64
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from engine.read.container import long_bytes
from tests.support.engine import Result, convert

#: Five records as fastavro packs them with lz4.
LZ4 = (
    "T2JqAQQUYXZyby5jb2RlYwZsejQWYXZyby5zY2hlbWG2AnsidHlwZSI6ICJyZWNvcmQiLCAibmFtZSI6ICJyZWFk"
    "aW5nIiwgImZpZWxkcyI6IFt7Im5hbWUiOiAic3RhdGlvbiIsICJ0eXBlIjogInN0cmluZyJ9LCB7Im5hbWUiOiAi"
    "dGltZSIsICJ0eXBlIjogImxvbmcifSwgeyJuYW1lIjogInRlbXAiLCAidHlwZSI6ICJpbnQifV19AIbUFe5xCczj"
    "PLX4Rcv8WwsKajwAAADCCEFCLTGA4LeQv2MADABimu+Tv2MCDABi1KaXv2MEDABijt6av2MGDABgyJWev2MIhtQV"
    "7nEJzOM8tfhFy/xbCw=="
)


def avro(fields: list[dict[str, Any]], records: list[Any], codec: str = "null") -> bytes:
    file = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": fields}
    fastavro.writer(file, schema, records, codec=codec)
    return file.getvalue()


def one(kind: Any, *values: Any, **options: Any) -> Result:
    records = [{"x": value} for value in values]
    return convert(avro([{"name": "x", "type": kind}], records), **options)


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"])
def test_every_codec_is_unpacked(codec: str) -> None:
    records = [{"x": n} for n in range(5000)]
    found = convert(avro([{"name": "x", "type": "long"}], records, codec))
    assert found.status == "DONE"
    assert found.values == records


def test_lz4_is_unpacked() -> None:
    found = convert(base64.b64decode("".join(LZ4)))
    assert sum(row["temp"] for row in found.values) == 10


def test_an_unknown_codec_is_no_damage() -> None:
    body = avro([{"name": "x", "type": "long"}], [{"x": 1}], "deflate")
    found = convert(body.replace(b"\x0edeflate", b"\x0ebrotli2"))
    assert found.status == "REJECTED"
    assert found.error is not None
    assert found.error.code == "UNSUPPORTED_TYPE"
    assert "brotli2" in str(found.error)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_truncated_file_is_rejected(cut: int) -> None:
    body = avro([{"name": "x", "type": "string"}], [{"x": "y" * 50}] * 20)
    found = convert(body[:-cut])
    assert found.error is not None
    assert found.error.code == "CORRUPT_FILE"


def test_names_that_differ_in_case_are_two_columns() -> None:
    fields = [{"name": name, "type": "long"} for name in ("ID", "id")]
    assert convert(avro(fields, [{"ID": 1, "id": 3}])).values == [{"id": 3, "id_384397": 1}]


@pytest.mark.parametrize(
    ("unit", "count", "kind", "value"),
    [
        ("millis", 1705312800005, "timestamp", datetime(2024, 1, 15, 10, 0, 0, 5000)),
        ("micros", 1705312800000005, "timestamp", datetime(2024, 1, 15, 10, 0, 0, 5)),
        ("nanos", 1705312800000005000, "timestamp", datetime(2024, 1, 15, 10, 0, 0, 5)),
        ("nanos", 1705312800000005001, "string", "2024-01-15 10:00:00.000005001"),
    ],
)
def test_a_moment_is_a_timestamp(unit: str, count: int, kind: str, value: Any) -> None:
    # Without the logical type, which fastavro would not take a number for.
    body = avro([{"name": "x", "type": {"type": "long", "logicalType": "n"}}], [{"x": count}])
    logical = f"timestamp-{unit}".encode()
    found = convert(_renamed(body, b'"n"', b'"' + logical + b'"'))
    assert found.types == {"x": kind}
    assert found.values == [{"x": value}]


def _renamed(body: bytes, old: bytes, new: bytes) -> bytes:
    """Replace within the schema, whose length stands before it."""
    start = body.index(b"avro.schema") + len("avro.schema")
    length = body.index(b"{", start) - start
    schema = body[start + length : body.index(b"}]}", start) + 3]
    rest = body[start + length + len(schema) :]
    changed = schema.replace(old, new)
    return body[:start] + long_bytes(len(changed)) + changed + rest


def test_a_moment_beyond_all_calendars_is_rescued_as_the_number_that_it_is() -> None:
    body = avro(
        [{"name": "x", "type": {"type": "long", "logicalType": "n"}}],
        [{"x": 2**63 - 1}, {"x": 0}],
    )
    found = convert(_renamed(body, b'"n"', b'"timestamp-millis"'))
    assert found.types == {"x": "timestamp"}
    assert [row["x"] for row in found.values] == [datetime(1970, 1, 1), None]
    assert found.rescued == [None, {"x": 2**63 - 1}]


def test_a_record_within_itself_is_json() -> None:
    node = {
        "type": "record",
        "name": "node",
        "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "node"]}],
    }
    found = one(node, {"v": 1, "next": {"v": 2, "next": None}})
    assert found.types == {"x": "struct<v:bigint,next:string>"}
    assert found.values == [{"x": {"v": 1, "next": '{"v":2,"next":null}'}}]


def test_a_named_type_is_read_alike_wherever_it_is_used() -> None:
    day: dict[str, Any] = {
        "type": "record",
        "name": "d",
        "namespace": "a.b",
        "fields": [
            {"name": "on", "type": {"type": "int", "logicalType": "date"}},
            {
                "name": "cost",
                "type": {
                    "type": "fixed",
                    "name": "f",
                    "size": 4,
                    "logicalType": "decimal",
                    "precision": 5,
                    "scale": 2,
                },
            },
        ],
    }
    fields: list[dict[str, Any]] = [{"name": "x", "type": day}, {"name": "y", "type": "a.b.d"}]
    value = {"on": date(2024, 1, 15), "cost": Decimal("1.50")}
    found = convert(avro(fields, [{"x": value, "y": value}]))
    assert found.values == [{"x": value, "y": value}]


def test_a_union_of_numbers_keeps_every_digit() -> None:
    found = one(["long", "double"], 2**53 + 1, 1.5, 7, table={"x": "double"})
    assert sorted(row["x"] or 0 for row in found.values) == [0, 1.5, 7.0]
    assert [rest for rest in found.rescued if rest] == [{"x": str(2**53 + 1)}]


def test_a_string_that_is_no_utf8_costs_its_record() -> None:
    body = avro([{"name": "x", "type": "string"}], [{"x": "good"}, {"x": "baad"}, {"x": "good"}])
    found = convert(body.replace(b"baad", b"b\xff\xffd"))
    assert [row["x"] for row in found.values] == ["good", "good"]
    assert found.reasons == [(2, "INVALID_UTF8")]


def test_values_that_are_no_records_are_rows_of_one_column() -> None:
    file = io.BytesIO()
    fastavro.writer(file, {"type": "long"}, [1, 2])
    assert convert(file.getvalue()).values == [{"value": 1}, {"value": 2}]


def test_a_contract_judges_typed_values() -> None:
    contract = {
        "type": "object",
        "properties": {"x": {"type": "integer", "minimum": 2}},
        "required": ["x"],
    }
    found = one("long", 1, 2, 3, contract=contract)
    assert [row["x"] for row in found.values] == [2, 3]
    assert found.reasons == [(1, "CONTRACT_VIOLATION")]
