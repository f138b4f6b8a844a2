"""Names match as columns do, and decimals keep their digits, on both ways alike."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.check import violation
from contract.schema import parse
from engine.convert.jsontext import loads
from engine.convert.rules import read_field
from engine.read import csvblock, jsonl
from tests.support.chance import examples
from tests.support.engine import convert, lines

# --- Names -----------------------------------------------------------------------------

VENDORS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "VendorID": {"type": "integer"},
        "Trip Distance": {"type": ["number", "null"]},
        "place": {"type": "object", "properties": {"Zip": {"type": "string"}}, "required": ["Zip"]},
    },
    "required": ["VendorID", "Trip Distance"],
    "additionalProperties": False,
}


def test_fields_are_properties_whatever_their_case() -> None:
    found = convert(
        lines(
            {"vendorid": 1, "trip_distance": 2, "PLACE": {"zip": "01234"}},
            {"VENDORID": 2, "Trip-Distance": None, "Place": {"ZIP": "1"}},
        ),
        contract=VENDORS,
    )
    assert found.quarantine == []
    found = convert(b"VENDORID,trip distance\n1,0.5\n2.0,1e3\n", "data/t/x.csv", contract=VENDORS)
    assert found.types == {
        "vendorid": "bigint",
        "trip_distance": "double",
        "place": "struct<zip:string>",
    }
    assert [row["vendorid"] for row in found.values] == [1, 2]


def test_a_column_made_under_one_name_is_filled_under_another() -> None:
    first = convert(lines({"VendorID": 1, "Trip Distance": 1}), contract=VENDORS)
    assert first.conversion is not None
    later = convert(
        lines({"vendorid": 2, "trip_distance": 2}),
        contract=VENDORS,
        schema=first.conversion.schema,
    )
    assert later.types == first.types
    assert later.values == [{"vendorid": 2, "trip_distance": 2.0, "place": None}]


@pytest.mark.parametrize(
    ("record", "detail"),
    [
        ({"vendor_id": 1, "trip distance": 1}, "is missing (the record has vendor_id)"),
        ({"Vendor": 1, "trip distance": 1}, "is missing (the record has Vendor)"),
        ({"id": 1, "trip distance": 1}, "is missing"),
        ({}, "is missing"),
    ],
)
def test_a_name_that_is_near_is_told(record: dict[str, Any], detail: str) -> None:
    (entry,) = convert(lines(record), contract=VENDORS).quarantine
    first = entry["detail"].partition("; also broken: ")[0]
    assert first == f"required at $.VendorID: required field VendorID {detail}"


CASED = st.sampled_from(["a", "A", "b", "B", "ä", "Ä"])
VALUES: st.SearchStrategy[Any] = st.none() | st.integers(-2, 2) | st.sampled_from(["x", 0.5])
INNER = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "string", "number", ["integer", "null"]]),
        "minimum": st.integers(-1, 1),
    },
)


@given(
    properties=st.dictionaries(st.sampled_from(["a", "B", "ä"]), INNER, max_size=3),
    required=st.lists(st.sampled_from(["A", "b", "Ä"]), max_size=2, unique=True),
    closed=st.booleans(),
    records=st.lists(st.dictionaries(CASED, VALUES, max_size=3), min_size=1, max_size=5),
)
@settings(max_examples=examples(20), deadline=None)
def test_names_of_any_case_are_judged_alike_on_both_ways(
    properties: dict[str, Any], required: list[str], closed: bool, records: list[dict[str, Any]]
) -> None:
    if "a" in properties:
        # Without its dots it is the same column.
        properties.pop("ä", None)
    if "A" in required and "Ä" in required:
        required = ["A"]
    contract: dict[str, Any] = {"properties": properties, "required": required}
    if closed:
        contract["additionalProperties"] = False
    root = parse("t", contract).root
    expected = [violation(root, loads(json.dumps(record))) is None for record in records]
    found = convert(lines(*records), "data/t/x.jsonl", contract=contract)
    refused = {number for number, _ in found.reasons}
    assert [number not in refused for number in range(1, len(records) + 1)] == expected


# --- Decimals --------------------------------------------------------------------------


def money(size: int = 18, scale: int = 2, **rest: Any) -> dict[str, Any]:
    price = {"type": "number", "x-decimal": [size, scale], **rest}
    return {"properties": {"id": {"type": "integer"}, "price": price}}


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv"])
def test_money_is_exact_from_text(name: str) -> None:
    digits = ["0.10", "0.20", "1234567890123.45", "12345678901234567.89", "-0.01"]
    rows = [f'{{"id": 1, "price": {d}}}' for d in digits]
    if name == "x.csv":
        rows = ["id,price", *(f"1,{d}" for d in digits)]
    found = convert("\n".join(rows).encode(), f"data/t/{name}", contract=money(19))
    assert found.types["price"] == "decimal(19,2)"
    assert sorted(str(row["price"]) for row in found.values) == sorted(digits)


def test_digits_that_a_double_swallows_are_seen() -> None:
    body = b'{"price": 0.30000000000000000001}\n{"price": 1e-400}\n{"price": 0.3}\n'
    found = convert(body, "data/t/x.jsonl", contract=money())
    assert sorted(str(row["price"]) for row in found.values) == ["0.30", "None", "None"]
    told = [rescued for rescued in found.rescued if rescued]
    assert told == [{"price": "0.30000000000000000001"}, {"price": "1e-400"}]
    again = convert(body, "data/t/x.jsonl", table={"price": "decimal(18,2)"})
    assert again.rescued == found.rescued


def test_a_limit_of_a_decimal_is_compared_by_its_digits() -> None:
    contract = money(38, 20, minimum=0.1, multipleOf=0.00000000000000000001)
    body = b'{"price": 0.1}\n{"price": 0.09999999999999999999}\n{"price": 0.10000000000000000001}'
    found = convert(body, "data/t/x.jsonl", contract=contract)
    assert found.reasons == [(2, "CONTRACT_VIOLATION")]
    assert found.quarantine[0]["detail"].endswith("0.09999999999999999999 is less than 0.1")


def test_texts_may_be_kept_as_decimals() -> None:
    contract = {"properties": {"price": {"type": "string", "x-decimal": [19, 2]}}}
    body = b'{"price": "12345678901234567.89"}\n{"price": "0.30"}\n{"price": "free"}\n{"price": 1}'
    found = convert(body, "data/t/x.jsonl", contract=contract)
    assert found.reasons == [(4, "CONTRACT_VIOLATION")]
    values = sorted(str(row["price"]) for row in found.values)
    assert values == ["0.30", "12345678901234567.89", "None"]
    assert {"price": "free"} in found.rescued


@pytest.mark.parametrize(
    "price", [{"type": "number"}, {"type": "number", "minimum": 0, "multipleOf": 0.05}]
)
def test_money_is_read_in_one_scan(price: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for block in (jsonl.JsonBlock, csvblock.CsvBlock):
        monkeypatch.delattr(block, "records")
    contract = {"properties": {"price": {**price, "x-decimal": [18, 2]}}, "required": ["price"]}
    digits = [f"{n / 20:.2f}" for n in range(60)]
    body = "\n".join(f'{{"price": {d}}}' for d in digits).encode()
    assert len(convert(body, "data/t/x.jsonl", contract=contract).rows) == 60
    body = "\n".join(["price,n", *(f"{d},1" for d in digits)]).encode()
    assert len(convert(body, "data/t/x.csv", contract=contract).rows) == 60


AMOUNTS = (
    st.decimals(-200, 200, places=2).map(str)
    | st.decimals(-(10**18), 10**18, allow_nan=False, places=4).map(lambda d: f"{d:f}")
    | st.sampled_from(
        [
            *("0.1", "0.30000000000000000001", "1e2", "1E-2", "1e-400", "1e400", "-0.0", "5"),
            *("0.10000", "12345678901234567", "9999999999999999.99", "0.1000000000000000055"),
            "1.5e-320",
        ]
    )
)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "minimum": st.sampled_from([0, 0.1, -1.5, 1e20, 0.30000000000000004]),
        "maximum": st.sampled_from([100, 0.3, 1e16, 99.995]),
        "exclusiveMinimum": st.sampled_from([0, 0.1]),
        "exclusiveMaximum": st.sampled_from([5, 0.1, 1e300]),
        "multipleOf": st.sampled_from([0.01, 0.05, 3, 1e-9, 2.5]),
        "enum": st.lists(st.sampled_from([0.1, 5, "5", 100, 0.3, 1e16]), min_size=1, max_size=3),
    },
)


@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=6),
    limits=LIMITS,
    types=st.sampled_from(["number", "integer", ["number", "null"], ["number", "string"]]),
    size=st.sampled_from([(18, 2), (38, 4), (3, 0), (38, 20)]),
    table=st.sampled_from([None, None, "decimal(20,3)", "double", "bigint", "string"]),
)
@settings(max_examples=examples(25), deadline=None)
def test_decimals_are_judged_and_kept_alike_on_both_ways(
    amounts: list[str], limits: dict[str, Any], types: Any, size: tuple[int, int], table: str | None
) -> None:
    schema = {"type": types, "x-decimal": list(size), **limits}
    contract = {"properties": {"price": schema}}
    root = parse("t", contract).root
    bodies = {
        "x.jsonl": "\n".join(f'{{"n": {n}, "price": {a}}}' for n, a in enumerate(amounts)),
        "x.csv": "\n".join(["n,price", *(f"{n},{a}" for n, a in enumerate(amounts))]),
    }
    for name, body in bodies.items():
        records = [{"price": loads(a)} for a in amounts]
        if name == "x.csv":
            records = [{"price": read_field(a, root.property("price"))} for a in amounts]
        expected = [violation(root, record, nulls=name == "x.csv") is None for record in records]
        columns = {"n": "bigint", "price": table} if table else None
        found = convert(body.encode(), f"data/t/{name}", columns, contract=contract)
        refused = {number for number, _ in found.reasons}
        assert [number not in refused for number in range(1, len(amounts) + 1)] == expected
        if found.types["price"].startswith("decimal"):
            for row in found.values:
                if row["price"] is not None:
                    assert row["price"] == Decimal(amounts[row["n"]])


# --- Integers of delimited files -------------------------------------------------------


@pytest.mark.parametrize("contract", [{"properties": {"n": {"type": "integer"}}}, None])
def test_a_whole_number_may_be_spelled_in_any_way(contract: Any) -> None:
    body = b"n,x\n1.0,a\n1e3,a\n+1,a\n-2.50e1,a\n7,a\n"
    found = convert(body, "data/t/x.csv", table={"n": "bigint", "x": "string"}, contract=contract)
    assert sorted(row["n"] for row in found.values) == [-25, 1, 1, 7, 1000]
    assert found.rescued == [None] * 5


@pytest.mark.parametrize("text", ["007", "1.5", "1e", "٣", "1_0", "0x1", "--1", ".", "1e400"])
def test_what_is_no_whole_number_is_none_under_a_contract(text: str) -> None:
    contract = {"properties": {"n": {"type": "integer", "maximum": 10**300}}}
    found = convert(f"n,x\n5,a\n{text},b\n".encode(), "data/t/x.csv", contract=contract)
    assert [row["n"] for row in found.values] == [5]
