"""What a user of a contract notices: types, refusals, and what is left alone."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract.loading import load_folder
from store.model import Drift
from tests.conftest import ROOT
from tests.support.engine import convert, lines

ORDERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "price": {"type": "number"},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "country": {"type": "string", "enum": ["DE", "FR"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "customer": {
            "type": "object",
            "properties": {"Vip": {"type": "boolean"}, "zip": {"type": "string"}},
        },
        "anything": {},
    },
    "required": ["id"],
}
TYPES = {
    "id": "bigint",
    "price": "double",
    "day": "date",
    "at": "string",
    "country": "string",
    "tags": "array<string>",
    "customer": "struct<vip:boolean,zip:string>",
}
GOOD = {
    "id": 1,
    "price": 30,
    "day": "2024-01-15",
    "at": "2024-01-15T10:00:00+01:00",
    "country": "DE",
    "tags": ["007"],
    "customer": {"Vip": True, "zip": "01234"},
}
ROW = {
    "id": 1,
    "price": 30.0,
    "day": date(2024, 1, 15),
    "at": "2024-01-15T10:00:00+01:00",
    "country": "DE",
    "tags": ["007"],
    "customer": {"vip": True, "zip": "01234"},
}


def test_the_contract_gives_the_types_of_the_first_file() -> None:
    found = convert(lines(GOOD), contract=ORDERS)
    assert found.types == TYPES
    assert found.values == [ROW]


def test_columns_of_the_contract_exist_before_they_have_a_value() -> None:
    found = convert(lines({"id": 1}), contract=ORDERS)
    assert found.types == TYPES
    assert found.values == [dict.fromkeys(TYPES) | {"id": 1}]


@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_columns_of_the_contract_exist_in_formats_that_lack_them(name: str) -> None:
    body = b"id,country\n1,DE\n"
    if name == "x.parquet":
        body = parquet({"id": [1], "country": ["DE"]})
    found = convert(body, f"data/t/{name}", contract=ORDERS)
    assert found.types == TYPES
    assert found.values == [dict.fromkeys(TYPES) | {"id": 1, "country": "DE"}]


def test_a_column_that_the_table_has_keeps_its_type() -> None:
    found = convert(
        lines({"id": 1, "price": 29.99}, {"id": 2, "price": 30}),
        table={"id": "string", "price": "bigint"},
        contract=ORDERS,
    )
    assert found.types == {"id": "string", "price": "bigint"} | TYPES | {
        "id": "string",
        "price": "bigint",
    }
    rows = sorted(found.rows, key=lambda row: row["id"])
    assert [(row["id"], row["price"]) for row in rows] == [("1", None), ("2", 30)]
    assert json.loads(rows[0]["_rescued_data"]) == {"price": 29.99}


VIOLATIONS = [
    ({}, "required at $.id: required field id is missing"),
    ({"id": 0}, "minimum at $.id: 0 is less than 1"),
    ({"id": 1.5}, "type at $.id: 1.5 is number, not integer"),
    ({"id": "1"}, 'type at $.id: "1" is string, not integer'),
    ({"id": 1, "price": None}, "type at $.price: null is null, not number"),
    ({"id": 1, "country": "XX"}, 'enum at $.country: "XX" is none of ["DE", "FR"]'),
    ({"id": 1, "day": "2023-02-29"}, 'format at $.day: "2023-02-29" is no date'),
    ({"id": 1, "tags": ["a", 7]}, "type at $.tags[1]: 7 is integer, not string"),
    ({"id": 1, "customer": {"zip": 12345}}, "type at $.customer.zip: 12345 is integer, not string"),
]


@pytest.mark.parametrize(("record", "detail"), VIOLATIONS, ids=lambda v: str(v)[:40])
def test_a_record_that_breaks_the_contract_is_quarantined_with_rule_and_path(
    record: dict[str, Any], detail: str
) -> None:
    found = convert(lines(GOOD, record, GOOD), contract=ORDERS)
    (entry,) = found.quarantine
    assert found.status == "PARTIAL"
    assert (entry["record_number"], entry["reason"]) == (2, "CONTRACT_VIOLATION")
    assert (entry["detail"], entry["raw"]) == (detail, json.dumps(record))
    assert found.values == [ROW, ROW]


def test_names_of_a_megabyte_make_no_names_of_rules_that_are_as_long() -> None:
    strict = {**ORDERS, "additionalProperties": False}
    found = convert(lines(GOOD, {"id": 0, "x" * 1_000_000: 1, "y" * 1_000_000: 2}), contract=strict)
    (entry,) = found.quarantine
    assert entry["detail"].startswith("minimum at $.id: 0 is less than 1; also broken: ")
    assert len(entry["detail"]) < 600
    assert found.conversion is not None
    (refused,) = found.conversion.refused
    assert len(refused.rules) == 3
    assert max(map(len, refused.rules)) < 200


def test_a_record_says_every_rule_that_it_breaks_and_each_is_counted() -> None:
    found = convert(
        lines(GOOD, {"id": 0, "tags": [7, "a", 8], "country": "XX"}, {"tags": [7]}, {"id": 0}),
        contract=ORDERS,
    )
    first, second, third = (entry["detail"] for entry in found.quarantine)
    minimum = "minimum at $.id: 0 is less than 1"
    assert first.startswith(f"{minimum}; also broken: ")
    assert {*first.partition("also broken: ")[2].split(", ")} == {
        "type at $.tags[*]",
        "enum at $.country",
    }
    required = "required at $.id: required field id is missing"
    assert (second, third) == (f"{required}; also broken: type at $.tags[*]", minimum)
    (refusal,) = found.conversion.refused  # type: ignore[union-attr]  # it is one
    assert refusal.count == 3
    assert refusal.rules == {
        "minimum at $.id": 2,
        "type at $.tags[*]": 2,
        "enum at $.country": 1,
        "required at $.id": 1,
    }


def test_rules_without_end_are_neither_all_told_nor_all_counted() -> None:
    document = {"type": "object", "properties": {"id": {}}, "additionalProperties": False}
    many = [{"id": 1, **{f"f{n}_{m}": 1 for m in range(300)}} for n in range(9)]
    found = convert(lines({"id": 1}, *many), contract=document)
    (refusal,) = found.conversion.refused  # type: ignore[union-attr]  # it is one
    assert refusal.count == 9
    assert len(refusal.rules) < 1500
    detail = found.quarantine[0]["detail"]
    assert detail.count("additionalProperties at") == 6
    assert detail.endswith(", …")


def test_a_long_value_is_cut_in_the_detail_and_whole_in_the_record() -> None:
    found = convert(lines({"id": 1, "country": "x" * 1000}), contract=ORDERS)
    (entry,) = found.quarantine
    assert len(entry["detail"]) < 200
    assert "x" * 1000 in entry["raw"]


def test_violations_and_broken_lines_of_a_long_file_keep_their_numbers() -> None:
    records = [{"id": n + 1, "country": "DE"} for n in range(30_000)]
    records[99::100] = [record | {"country": "XX"} for record in records[99::100]]
    body = [json.dumps(record) for record in records]
    body[49::1000] = ["{oops"] * 30
    found = convert("\n\n".join(body).encode(), contract=ORDERS)
    wanted = dict.fromkeys(range(100, 30_001, 100), "CONTRACT_VIOLATION")
    wanted |= dict.fromkeys(range(50, 30_001, 1000), "MALFORMED_JSON")
    assert dict(found.reasons) == wanted
    assert len(found.rows) == 30_000 - 330


def test_null_and_absent_are_told_apart() -> None:
    contract = {
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": ["integer", "null"]},
            "c": {"properties": {"d": {"type": "string"}}},
        },
        "required": ["b"],
    }
    records: list[dict[str, Any]] = [
        {"b": 1},
        {"a": None, "b": 1},
        {"b": None},
        {"a": 1},
        {"b": 1, "c": {"d": None}},
        {"b": 1, "c": {}},
    ]
    body = lines(*records) + b'{"b": 1, "\\u0061": null}\n{"b": 1, "a": 2}\n'
    assert [n for n, _ in convert(body, contract=contract).reasons] == [2, 4, 5, 7]


def test_a_null_of_a_typed_file_is_an_absent_property() -> None:
    contract = {
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["b"],
    }
    found = convert(parquet({"a": [None, 1, None], "b": ["x", None, "y"]}), contract=contract)
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]
    assert found.quarantine[0]["detail"] == "required at $.b: required field b is null"
    found = convert(b"a,b\n,x\n1,\n,y\n", "data/t/x.csv", contract=contract)
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]
    found = convert(avro(), contract=contract)
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]


def avro() -> bytes:
    fields = [{"name": "a", "type": ["null", "int"]}, {"name": "b", "type": ["null", "string"]}]
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": fields})
    file = io.BytesIO()
    fastavro.writer(file, schema, [{"b": "x"}, {"a": 1}, {"b": "y"}])
    return file.getvalue()


def parquet(columns: dict[str, list[Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_fields_of_csv_are_read_as_the_contract_says() -> None:
    found = convert(
        b"id,country,zip,price,day\n29,DE,01234,1e2,2024-01-15\n30,XX,2,3,2024-01-16\n31,FR,2,,\n",
        "data/t/x.csv",
        contract={**ORDERS, "properties": {**ORDERS["properties"], "zip": {"type": "string"}}},
    )
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]
    assert found.quarantine[0]["raw"] == "30,XX,2,3,2024-01-16"
    rows = sorted(found.values, key=lambda row: row["id"])
    assert [(r["id"], r["zip"], r["price"], r["day"]) for r in rows] == [
        (29, "01234", 100.0, date(2024, 1, 15)),
        (31, "2", None, None),
    ]


def test_rows_of_csv_that_break_the_contract_leave_their_neighbours_vectorised() -> None:
    rows = [f'{n},"a\nb",{n % 100 or "none"}' for n in range(1, 5001)]
    contract = {"properties": {"n": {"type": "integer"}, "rest": {"type": "integer"}}}
    body = "\r\n".join(["n,text,rest", *rows]).encode()
    found = convert(body, "data/t/x.csv", contract=contract)
    assert [number for number, _ in found.reasons] == list(range(100, 5001, 100))
    assert found.quarantine[0]["raw"] == '100,"a\nb",none'
    assert found.conversion is not None
    assert [(file.part, file.rows) for file in found.conversion.outputs] == [(0, 4950)]
    assert {row["text"] for row in found.values} == {"a\nb"}


def test_moments_and_decimals_of_parquet_are_judged_as_json_would_spell_them() -> None:
    contract = {
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "price": {"type": "number", "multipleOf": 0.01},
        }
    }
    body = parquet(
        {"at": [datetime(2024, 1, 15, 10, tzinfo=UTC)] * 2, "price": [Decimal("1.50")] * 2}
    )
    found = convert(body, contract=contract)
    assert found.values == [{"at": "2024-01-15T10:00:00.000000Z", "price": 1.5}] * 2


DIGITS = Decimal("123456789012345678.25")


@pytest.mark.parametrize(
    ("schema", "value", "column", "stored"),
    [
        ({"type": "string"}, 7, "string", None),
        ({"type": "number"}, 7, "double", 7.0),
        ({"type": "number"}, 2**53 + 1, "double", None),
        ({"minimum": 0}, DIGITS, "decimal(20,2)", DIGITS),
        ({"type": "string"}, DIGITS, "string", None),
        ({"minimum": 0, "maximum": 1}, DIGITS, "decimal(20,2)", None),
        (
            {"properties": {"A b": {"type": "integer"}}},
            {"A b": 1},
            "struct<a_b:bigint>",
            {"a_b": 1},
        ),
        ({"properties": {"A b": {"type": "string"}}}, {"A b": 1}, "struct<a_b:bigint>", None),
        ({"required": ["a_b"]}, {"A b": 1}, "struct<a_b:bigint>", {"a_b": 1}),
        (False, 7, "", None),
    ],
    ids=str,
)
def test_types_of_parquet_meet_those_of_the_contract(
    schema: Any, value: Any, column: str, stored: Any
) -> None:
    contract = {"properties": {"v": schema, "n": {"type": "integer"}}}
    body = parquet({"n": [1, 2], "v": [value, None]})
    found = convert(body, contract=contract)
    assert found.types == {"n": "bigint"} | ({"v": column} if column else {})
    refused = found.reasons == [(1, "CONTRACT_VIOLATION")]
    first = next((row for row in found.rows if row["n"] == 1), {})
    rescued = first.get("_rescued_data") is not None
    assert refused == (stored is None and not rescued)
    assert first.get("v") == stored
    assert rescued == (value == 2**53 + 1)


def test_a_contract_makes_structs_grow() -> None:
    contract = {"properties": {"s": {"type": "object", "properties": {"x": {"type": "integer"}}}}}
    found = convert(lines({"s": {"y": "a"}}), table={"s": "struct<y:string>"}, contract=contract)
    assert found.types == {"s": "struct<y:string,x:bigint>"}
    assert found.conversion is not None
    assert found.conversion.added == ("s.x",)
    assert found.values == [{"s": {"y": "a", "x": None}}]


def test_a_column_that_no_file_can_hold_is_judged_and_rescued() -> None:
    contract = {"properties": {"a": {"type": "integer", "minimum": 0}}}
    body = lines({"a": 1, "b": 1}, {"a": -1, "b": 2}, {"b": 3})
    found = convert(body, table={"a": "binary", "b": "bigint"}, contract=contract)
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]
    assert sorted(str(rescued) for rescued in found.rescued) == ["None", "{'a': 1}"]
    assert found.conversion is not None
    assert found.conversion.drift == (Drift("a", "binary", 1, "1"),)


def test_what_breaks_the_contract_widens_no_column() -> None:
    records: list[Any] = [{"n": n, "v": n} for n in range(20_000)]
    records += [{"n": -1, "w": "x"}, {"n": 1, "v": 2**63}]
    found = convert(lines(*records), contract={"properties": {"n": {"minimum": 0}}})
    assert found.reasons == [(20_001, "CONTRACT_VIOLATION")]
    assert found.types == {"n": "bigint", "v": "string"}


@pytest.mark.parametrize("table", [None, {"s": "struct<x:bigint>"}])
def test_what_breaks_the_contract_makes_no_column(table: dict[str, str] | None) -> None:
    contract = {"properties": {"n": {"type": "integer"}}}
    good, bad = {"n": 1, "s": {"x": 1}}, {"n": "one", "s": {"x": 1, "y": 1}, "w": "x"}
    found = convert(lines(good, bad, {}), table=table, contract=contract)
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]
    assert found.types == {"n": "bigint", "s": "struct<x:bigint>"}


def test_documents_and_text_have_contracts_too() -> None:
    found = convert(b'{"Records": [{"id": 1}, {"id": 0}]}', "data/t/x.json", contract=ORDERS)
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]
    contract = {"properties": {"line": {"pattern": "^[A-Z]+ "}}, "x-format": "text"}
    found = convert(b"INFO a,b\noops c,d\nWARN e,f\n", "data/t/x.log", contract=contract)
    assert [row["line"] for row in found.values] == ["INFO a,b", "WARN e,f"]
    assert found.quarantine[0]["raw"] == "oops c,d"


def test_a_property_that_is_not_allowed_is_no_column() -> None:
    contract = {"properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    found = convert(lines({"a": 1}, {"a": 2, "b": 3}, {"a": 4, "b": None}), contract=contract)
    assert found.types == {"a": "bigint"}
    assert [row["a"] for row in found.values] == [1]
    assert found.quarantine[0]["detail"] == "additionalProperties at $.b: 3 is not allowed here"


def test_the_contract_chooses_the_column_that_dates_a_record() -> None:
    contract = {
        "properties": {"shipped": {"type": "string", "format": "date-time"}},
        "x-partition-column": "shipped",
    }
    record = {"timestamp": "2024-01-01T00:00:00Z", "shipped": "2024-02-03T23:00:00-02:00"}
    found = convert(lines(record, {"timestamp": "2024-01-01"}), contract=contract)
    assert sorted(row["date_partition"] for row in found.rows) == ["2024-01-01", "2024-02-04"]


def test_the_format_hint_decides_where_the_content_does_not() -> None:
    body = b"red,2\nblue,3\n"
    assert len(convert(body, "data/t/object").values[0]) == 2
    found = convert(body, "data/t/object", contract={"x-format": "text"})
    assert [row["line"] for row in found.values] == ["red,2", "blue,3"]
    found = convert(b'{"a": 1}', "data/t/object", contract={"x-format": "jsonl"})
    assert found.conversion is not None
    assert found.conversion.format == "jsonl"


def test_numbers_that_no_column_holds_are_judged_exactly() -> None:
    contract = {"properties": {"n": {"type": "integer", "multipleOf": 2, "maximum": 10**300}}}
    body = b'{"n": 1e400}\n{"n": 36893488147419103232}\n{"n": 36893488147419103233}\n{"n": 4.0}\n'
    found = convert(body, contract=contract)
    assert found.reasons == [(1, "CONTRACT_VIOLATION"), (3, "CONTRACT_VIOLATION")]
    assert {row["n"] for row in found.values} == {4, None}
    assert {"n": 2**65} in found.rescued


def test_an_exponent_beyond_all_decimals_is_judged_as_a_number() -> None:
    contract = {"properties": {"n": {"type": "number", "maximum": 10**300, "minimum": 0}}}
    body = b'{"n": 1e99999999999999999999}\n{"n": -1e99999999999999999999}\n{"n": 1.5}\n'
    found = convert(body, contract=contract)
    assert found.reasons == [(1, "CONTRACT_VIOLATION"), (2, "CONTRACT_VIOLATION")]


def test_every_committed_contract_is_honoured() -> None:
    contracts = load_folder(ROOT / "contracts")
    assert {f"{name}.schema.json" for name in contracts} == {
        path.name for path in (ROOT / "contracts").glob("*.schema.json")
    }
