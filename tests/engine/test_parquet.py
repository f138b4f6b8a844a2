"""Parquet: names, types, damage."""

from __future__ import annotations

import base64
import io
import json
import struct
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.options import Options
from engine.read.footer import footer_of
from tests.support.engine import convert, lines

#: Names an encrypted column and no algorithm: over it DuckDB 1.5.6 ends its database.
POISON = (
    "UEFSMRUAFQgVDCwVAhUAFQYVBgAABAwqAAAAFQIZLDUAGA1kdWNrZGJfc2NoZW1hFQIAFQIlABgBaSUiABYCGRwZ"
    "HCYAHBUCGRUAGRgBaRUCFgIWKhYuJgg8GAQqAAAAGAQqAAAAFgAoBCoAAAAYBCoAAAAREQAAXBwAAAAWKhYCJggW"
    "LgAoMUR1Y2tEQiB2ZXJzaW9uIHYxLjYuMC1kZXYxMTUyOSAoYnVpbGQgMzAwMzI2NWI3OSkZHBwAABwcAAAAqAAA"
    "AFBBUjE="
)

#: A VARIANT of Spark 4, shredded.
VARIANT = (
    "UEFSMRUAFQgVMBXJtdiICRwVAhUAFQgVCAAAH4sIAAAAAAAAAGNkYGAAAHm4+JkEAAAAFQAVIhVKFeyOopsEHBUC"
    "FQAVCBUIAAAfiwgAAAAAAAAA42VgYBBkZWBkYmZhTUxKTkkFAGOE/4IRAAAAFQAVDBU0FbOo6q4MHBUCFQAVBhUI"
    "AAAfiwgAAAAAAAAAY2JgYGBmAABrUyfXBgAAABUAFQ4VNhWAlf2EDRwVAhUAFQYVCAAAH4sIAAAAAAAAAGNmYGBg"
    "ZmQAAPtK2bcHAAAAFQAVFhU+FbabzIQHHBUCFQAVBhUIAAAfiwgAAAAAAAAAY2ZgYGBmYhA9G80OAPnf3rcLAAAA"
    "FQAVDhU2FYCV/YQNHBUCFQAVBhUIAAAfiwgAAAAAAAAAY2ZgYGBmZAAA+0rZtwcAAAAVABUiFUYVhPDE+AkcFQIV"
    "ABUGFQgAAB+LCAAAAAAAAABjZmBgYGZiYANSxSVFmXnpACU75ukRAAAAGRECGRgEAQAAABkYBAEAAAAVAhkWAAAZ"
    "EQIZGA0RBQABAgMEBWFiY2RlGRgNEQUAAQIDBAVhYmNkZRUCGRYAABkRARkYABkYABUCGRYCABkRARkYABkYABUC"
    "GRYCKTYAAgAAGRECGRgEFc1bBxkYBBXNWwcVAhkWACk2AAACABkRARkYABkYABUCGRYCKTYAAgAAGRECGRgGc3Ry"
    "aW5nGRgGc3RyaW5nFQIZFgApNgAAAgAZHBYIFV4WAAAAGRwWZhV4FgAAGRYaABkcFt4BFWIWAAAZFgAAGRwWwAIV"
    "ZBYAABkWAAAZHBakAxVsFgAAABkcFpAEFWQWAAAZFgAAGRwW9AQVdBYAABkWDAAVAhnMSAV0YWJsZRUEABUCJQAY"
    "AmlkVQIANQAYA3ZhchUGRQQcDCATAQAAABUMJQAYCG1ldGFkYXRhABUMJQIYBXZhbHVlADUCGAt0eXBlZF92YWx1"
    "ZRUEADUAGAFhFQQAFQwlAhgFdmFsdWUAFQIlAhgLdHlwZWRfdmFsdWUANQAYAWMVBAAVDCUCGAV2YWx1ZQAVDCUC"
    "GAt0eXBlZF92YWx1ZSUATBwAAAAWAhkcGXwmABwVAhklAAgZGAJpZBUEFgIWNhZeJgg8GAQBAAAAGAQBAAAAFgAo"
    "BAEAAAAYBAEAAAAAGRwVABUAFQIAPAAAFs4IFRQW6AUVLgAmABwVDBklAAgZKAN2YXIIbWV0YWRhdGEVBBYCFlAW"
    "eCZmPBgNEQUAAQIDBAVhYmNkZRgNEQUAAQIDBAVhYmNkZRYAKA0RBQABAgMEBWFiY2RlGA0RBQABAgMEBWFiY2Rl"
    "ABkcFQAVABUCADwWGgAAFuIIFRoWlgYVUgAmABwVDBk1BgAIGSgDdmFyBXZhbHVlFQQWAhY6FmIm3gE8NgIAGRwV"
    "ABUAFQIAPBYAAAAW/AgVHBboBhUeACYAHBUMGTUGAAgZSAN2YXILdHlwZWRfdmFsdWUBYQV2YWx1ZRUEFgIWPBZk"
    "JsACPDYCABkcFQAVABUCADwWACk2AAIAAAAWmAkVHBaGBxUoACYAHBUCGTUGAAgZSAN2YXILdHlwZWRfdmFsdWUB"
    "YQt0eXBlZF92YWx1ZRUEFgIWRBZsJqQDPBgEFc1bBxgEFc1bBxYAKAQVzVsHGAQVzVsHABkcFQAVABUCADw5NgAA"
    "AgAAFrQJFRYWrgcVOAAmABwVDBk1BgAIGUgDdmFyC3R5cGVkX3ZhbHVlAWMFdmFsdWUVBBYCFjwWZCaQBDw2AgAZ"
    "HBUAFQAVAgA8FgApNgACAAAAFsoJFRwW5gcVKAAmABwVDBk1BgAIGUgDdmFyC3R5cGVkX3ZhbHVlAWMLdHlwZWRf"
    "dmFsdWUVBBYCFlAWdCb0BDwYBnN0cmluZxgGc3RyaW5nFgAoBnN0cmluZxgGc3RyaW5nABkcFQAVABUCADwWDCk2"
    "AAACAAAW5gkVHBaOCBVAABbMAxYCJggW4AUUAAAZHBgOaWNlYmVyZy5zY2hlbWEYkwF7InR5cGUiOiJzdHJ1Y3Qi"
    "LCJzY2hlbWEtaWQiOjAsImZpZWxkcyI6W3siaWQiOjEsIm5hbWUiOiJpZCIsInJlcXVpcmVkIjp0cnVlLCJ0eXBl"
    "IjoiaW50In0seyJpZCI6MiwibmFtZSI6InZhciIsInJlcXVpcmVkIjp0cnVlLCJ0eXBlIjoidmFyaWFudCJ9XX0A"
    "GEpwYXJxdWV0LW1yIHZlcnNpb24gMS4xNi4wIChidWlsZCA0MDJjMzgxMGMzNzJkMjk2MDNlMTgxNzcxYWNlYmZl"
    "Y2M3MWJlZjYxKRl8HAAAHAAAHAAAHAAAHAAAHAAAHAAAAFUEAABQQVIx"
)


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def by_duckdb(select: str, tmp_path: Any) -> bytes:
    path = tmp_path / "x.parquet"
    duckdb.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return bytes(path.read_bytes())


@pytest.mark.parametrize(
    "body",
    [
        parquet({"ID": [1], "id": [3]}),
        parquet({"id": [3], "ID": [1]}),
        lines({"ID": 1, "id": 3}),
        lines({"id": 3, "ID": 1}),
    ],
)
def test_names_that_differ_in_case_are_two_columns_in_any_order(body: bytes) -> None:
    assert convert(body).values == [{"id": 3, "id_384397": 1}]


def test_fields_of_one_spelling_never_share_a_column_over_files() -> None:
    first = convert(parquet({"ID": [1]}))
    assert first.values == [{"id": 1}]
    assert first.conversion is not None
    schema = first.conversion.schema
    second = convert(lines({"id": 3}), schema=schema)
    assert second.values == [{"id": None, "id_a56145": 3}]
    assert second.conversion is not None
    third = convert(parquet({"id": [3], "ID": [1]}), schema=second.conversion.schema)
    assert third.values == [{"id": 1, "id_a56145": 3}]


def test_a_name_that_comes_twice_is_numbered() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), file)
    assert convert(file.getvalue()).values == [{"a": 1, "a_2": 2}]


def test_fields_of_a_struct_that_differ_in_case_are_json_with_their_own_names() -> None:
    twins = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["ID", "id"])
    assert convert(parquet({"x": twins})).values == [{"x": '{"ID":1,"id":2}'}]


def test_a_variant_is_json_that_can_be_read_back() -> None:
    (row,) = convert(base64.b64decode("".join(VARIANT))).values
    assert row["var"] == '{"a":123456789,"c":"string"}'


def test_a_geometry_is_well_known_text(tmp_path: Any) -> None:
    found = convert(by_duckdb("SELECT 'POINT(1 2)'::GEOMETRY AS x", tmp_path))
    assert found.values == [{"x": "POINT (1 2)"}]


@pytest.mark.parametrize(
    ("nanoseconds", "kind", "value"),
    [
        ([1705312800000005000], "timestamp", datetime(2024, 1, 15, 10, 0, 0, 5)),
        ([1705312800000005001], "string", "2024-01-15 10:00:00.000005001"),
        ([1705312800000005000, 1], "string", "2024-01-15 10:00:00.000005"),
    ],
)
def test_nanoseconds_are_a_timestamp_where_none_is_lost(
    nanoseconds: list[int], kind: str, value: Any
) -> None:
    found = convert(parquet({"x": pa.array(nanoseconds, pa.timestamp("ns"))}))
    assert found.types == {"x": kind}
    assert found.values[0] == {"x": value}


def test_an_encrypted_file_is_kept_and_the_next_one_is_read(tmp_path: Any) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(base64.b64decode("".join(POISON)))
    assert footer_of(path).encrypted
    found = convert(path)
    assert found.status == "STORED"
    assert found.stored[0]["detail"] == "not read: encrypted Parquet"
    assert convert(parquet({"a": [1]})).status == "DONE"


@pytest.mark.parametrize("cut", [9, 40, 200])
def test_a_damaged_file_is_rejected(cut: int) -> None:
    body = parquet({"a": list(range(1000)), "b": ["x" * 50] * 1000}, compression="none")
    assert convert(body[:-cut], "data/t/x.parquet").status == "REJECTED"
    broken = body[:4] + b"\xff" * 60 + body[64:]
    assert convert(broken, "data/t/x.parquet").status == "REJECTED"


def test_the_footer_counts_the_records(tmp_path: Any) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet({"a": list(range(10_000))}, row_group_size=1000))
    assert footer_of(path).rows == 10_000


def test_values_that_do_not_fit_are_rescued_and_their_neighbours_are_not() -> None:
    body = parquet({"a": ["1", "x", "3"], "b": [1.0, 2.5, 3.0]})
    found = convert(body, table={"a": "bigint", "b": "bigint"})
    assert found.values == [{"a": 1, "b": 1}, {"a": None, "b": None}, {"a": 3, "b": 3}]
    assert found.rescued == [None, {"a": "x", "b": 2.5}, None]


def test_values_deeper_than_a_type_are_json() -> None:
    kind: Any = pa.int64()
    value: Any = 1
    for _ in range(60):
        kind, value = pa.struct([("a", kind)]), {"a": value}
    found = convert(parquet({"x": pa.array([value], kind)}))
    assert found.status == "DONE"
    assert str(found.values[0]["x"]).count("a") == 60


def test_values_deeper_than_duckdb_reads_are_rejected_before_it_tries() -> None:
    kind: Any = pa.int64()
    value: Any = 1
    for _ in range(400):
        kind, value = pa.struct([("a", kind)]), {"a": value}
    found = convert(parquet({"x": pa.array([value], kind)}))
    assert found.error is not None
    assert found.error.code == "UNSUPPORTED_TYPE"


def test_six_hundred_leaves_of_a_struct_fit() -> None:
    kind = pa.struct([(f"f{n}", pa.string()) for n in range(600)])
    rows = [{f"f{n}": str(n) for n in range(600)}] * 3
    found = convert(parquet({"x": pa.array(rows, kind)}), options=Options(memory_mb=256))
    assert found.values == [{"x": row} for row in rows]


POINT = struct.pack("<BIdd", 1, 1, 1.0, 2.0)
WKB = {"encoding": "WKB", "geometry_types": ["Point"]}


@pytest.mark.parametrize(
    "metadata",
    [
        {"version": "1.0.0", "primary_column": "geo", "columns": {"geo": WKB}},
        {"version": "1.0.0", "primary_column": "geo", "columns": {"geo": {"encoding": "WKB"}}},
        {
            "version": "0.4.0",
            "primary_column": "geo",
            "columns": {"geo": {"encoding": "WKB", "geometry_type": "Point", "crs": None}},
        },
        {"columns": {"geo": WKB}},
        {"version": "1.0.0", "columns": {"geo": {"geometry_types": []}}},
    ],
)
def test_geometries_are_wkt_however_little_is_said_of_them(metadata: Any) -> None:
    table = pa.table({"id": [1, 2], "geo": pa.array([POINT, None], pa.binary())})
    file = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(metadata)}), file)
    found = convert(file.getvalue(), "data/t/x.parquet")
    assert found.status == "DONE", found.error
    assert found.values == [{"id": 1, "geo": "POINT (1 2)"}, {"id": 2, "geo": None}]


@pytest.mark.parametrize("metadata", ["{}", "[1]", "no JSON", '{"columns": 1}'])
def test_a_file_that_says_nothing_of_geometries_is_read(metadata: str) -> None:
    table = pa.table({"id": [1], "geo": [2]}).replace_schema_metadata({"geo": metadata})
    file = io.BytesIO()
    pq.write_table(table, file)
    assert convert(file.getvalue(), "data/t/x.parquet").values == [{"id": 1, "geo": 2}]


def test_the_first_and_the_last_instant_of_nanoseconds_are_no_infinity() -> None:
    last = 2**63 - 1
    values = pa.array([last, 1705312800000000000, -last, None], pa.timestamp("ns"))
    target = io.BytesIO()
    pq.write_table(pa.table({"at": values}), target)
    found = convert(target.getvalue(), "data/t/x.parquet")
    assert [row["at"] for row in found.values] == [
        "2262-04-11 23:47:16.854775807",
        "2024-01-15 10:00:00",
        "1677-09-21 00:12:43.145224193",
        None,
    ]


def test_a_map_with_a_key_twice_is_damage_of_the_file() -> None:
    maps = pa.array([[("k", 1), ("k", 2)], [("k", 1)]], pa.map_(pa.string(), pa.int32()))
    target = io.BytesIO()
    pq.write_table(pa.table({"a": maps}), target)
    found = convert(target.getvalue(), "data/t/x.parquet")
    assert found.status == "REJECTED"
    assert "Map keys must be unique" in str(found.error)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({}),
        pa.table(
            {"s": [{"": 1, "m": [("k", 1)]}]},
            pa.schema(
                {"s": pa.struct([("", pa.int64()), ("m", pa.map_(pa.string(), pa.int64()))])}
            ),
        ),
    ],
    ids=["no columns", "a map beside a field without a name"],
)
def test_a_whole_file_that_duckdb_does_not_read_is_kept(table: pa.Table) -> None:
    file = io.BytesIO()
    pq.write_table(table, file)
    found = convert(file.getvalue(), "data/t/a.parquet")
    assert (found.status, found.rows) == ("STORED", [])
    assert "DuckDB does not read" in found.stored[0]["detail"]


def test_nanoseconds_with_a_zone_keep_their_digits() -> None:
    file = io.BytesIO()
    zoned = pa.timestamp("ns", "Europe/Berlin")
    counted = [1705312800123456789, None, 1705312800000000000]
    pq.write_table(pa.table({"t": pa.array(counted, zoned), "n": [1, 2, 3]}), file)
    found = convert(file.getvalue(), "data/t/a.parquet")
    assert [row["t"] for row in found.values] == [
        "2024-01-15 10:00:00.123456789",
        None,
        "2024-01-15 10:00:00",
    ]
    assert [row["n"] for row in found.values] == [1, 2, 3]


def test_keys_of_maps_that_are_no_names_can_be_read_back() -> None:
    file = io.BytesIO()
    maps = pa.map_(pa.struct([("a", pa.int64())]), pa.map_(pa.binary(), pa.binary()))
    pq.write_table(pa.table({"m": pa.array([[({"a": 1}, [(b"\xff", b"x")])], None], maps)}), file)
    first, second = (row["m"] for row in convert(file.getvalue(), "data/t/a.parquet").values)
    assert second is None
    assert json.loads(first) == [
        {"key": {"a": 1}, "value": [{"key": "/w==", "value": "x"}]},
    ]
