"""One meaning, two executions: lines of SQL and single records agree, and with others."""

from __future__ import annotations

import base64
import io
import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import fastavro
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract.check import violation
from contract.formats import FORMATS
from contract.grammar import PatternError
from contract.pattern import compiled
from contract.schema import parse
from engine.convert.jsontext import loads
from engine.convert.rules import read_field
from engine.read import jsonl
from tests.support.chance import examples
from tests.support.engine import convert

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.text(max_size=4) | st.sampled_from(
    [
        "2024-02-29",
        "2023-02-29",
        "192.168.0.1",
        "1.2.3.256",
        "ab",
        "abab",
        "007",
        "7",
        "true",
        "[]",
        "🤦🏼",
        "é",
        "null",
        "x\n",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    ]
)
NUMBERS = (
    st.integers(-12, 12)
    | st.integers(-(2**70), 2**70)
    | st.floats(-100, 100).map(lambda number: round(number, 2))
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1.0, -0.0, 2**53 + 1, 2**63, 2**63 - 1, 1e300, 0.1, 0.30000000000000004])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


COUNTS = st.integers(0, 3)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
UNITS = st.sampled_from([1, 2, 3, 2.5, 0.1, 0.01, 1e-9, 10**16, 1.5])
LEAVES: st.SearchStrategy[Any] = (
    st.booleans()
    | st.builds(
        lambda kind, rest: {"type": kind, **rest},
        TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
        some(
            minimum=NUMBERS,
            maximum=NUMBERS,
            exclusiveMinimum=NUMBERS,
            exclusiveMaximum=NUMBERS,
            multipleOf=UNITS,
            minLength=COUNTS,
            maxLength=COUNTS,
            pattern=st.sampled_from(["^a", "b", "[0-9]+", "^(ab)+", "^.{2}", "é|x"]),
            format=st.sampled_from(["date", "ipv4", "uuid"]),
            minItems=COUNTS,
            maxItems=COUNTS,
        ),
    )
    | some(enum=st.lists(VALUES, min_size=1, max_size=3), minimum=NUMBERS, minLength=COUNTS)
    | some(const=VALUES, type=TYPES)
)
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda kind, rest: kind | rest,
        st.sampled_from([{}, {"type": "object"}, {"type": ["object", "null"]}, {"type": "array"}]),
        some(
            properties=st.dictionaries(NAMES, inner, max_size=3),
            required=st.lists(NAMES, max_size=2, unique=True),
            additionalProperties=inner,
            items=inner,
        ),
    ),
    max_leaves=5,
)
CONTRACTS = some(
    type=st.just("object"),
    properties=st.dictionaries(NAMES, SCHEMAS, max_size=3),
    required=st.lists(NAMES, max_size=2, unique=True),
    additionalProperties=SCHEMAS,
)
RECORD = st.dictionaries(NAMES, VALUES, max_size=3)
RECORDS = st.lists(RECORD, min_size=1, max_size=5)


def is_integer(_: Any, value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or (isinstance(value, Decimal) and value == value.to_integral_value())


#: The library takes numbers as they are parsed: as decimals it does not round.
ORACLE = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer),
)


def is_valid(contract: dict[str, Any], record: Any) -> bool:
    schema, instance = (
        json.loads(json.dumps(value), parse_float=Decimal) for value in (contract, record)
    )
    checker = jsonschema.FormatChecker(["date", "ipv4", "uuid"])
    return bool(ORACLE(schema, format_checker=checker).is_valid(instance))


def accepted(body: bytes, name: str, contract: dict[str, Any], count: int) -> list[bool]:
    found = convert(body, f"data/t/{name}", contract=contract)
    refused = {number for number, _ in found.reasons}
    assert len(found.rows) == count - len(refused)
    return [number not in refused for number in range(1, count + 1)]


@given(contract=CONTRACTS, records=RECORDS)
@settings(max_examples=examples(40), deadline=None)
def test_records_are_accepted_exactly_where_jsonschema_finds_them_valid(
    contract: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    expected = [is_valid(contract, record) for record in records]
    root = parse("t", contract).root
    texts = [json.dumps(record) for record in records]
    assert [violation(root, loads(text)) is None for text in texts] == expected
    assert accepted("\n".join(texts).encode(), "x.jsonl", contract, len(records)) == expected


TABLES = st.sampled_from(
    [
        None,
        {"a": "bigint"},
        {"a": "string", "b": "double"},
        {"a": "struct<a:bigint>", "c": "array<string>"},
        {"a": "boolean", "b": "date"},
        {"a": "int", "b": "varchar(3)"},
        {"a": "map<string,bigint>", "c": "array<struct<a:double>>"},
        {"a": "decimal(5,2)", "b": "timestamp", "c": "binary"},
        {"a": "float", "b": "struct<b:struct<c:string>>"},
    ]
)


@given(
    contract=CONTRACTS,
    records=st.lists(RECORD, min_size=1, max_size=9),
    broken=st.sets(st.integers(0, 8), max_size=2),
    table=TABLES,
)
@settings(max_examples=examples(40), deadline=None)
def test_records_that_no_sample_shows_are_judged_alike(
    contract: dict[str, Any],
    records: list[dict[str, Any]],
    broken: set[int],
    table: dict[str, str] | None,
) -> None:
    body: list[str] = []
    expected: list[bool] = []
    for number, record in enumerate(records):
        if number in broken:
            body.append("{oops")
            expected.append(False)
        body.append(json.dumps(record))
        expected.append(is_valid(contract, record))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "_HEAD", 60)
        patch.setattr(jsonl, "_PROBES", 0)
        found = convert("\n".join(body).encode(), "data/t/x.jsonl", table, contract=contract)
    refused = {number for number, _ in found.reasons}
    assert [number not in refused for number in range(1, len(body) + 1)] == expected
    assert len(found.rows) == sum(expected)


TYPED = [
    ({"type": "integer"}, st.integers(-(2**63), 2**63 - 1), pa.int64()),
    ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False), pa.float64()),
    ({"type": "string"}, TEXTS, pa.string()),
    ({"type": "boolean"}, st.booleans(), pa.bool_()),
]
LIMITS = some(
    minimum=NUMBERS,
    exclusiveMaximum=NUMBERS,
    multipleOf=UNITS,
    minLength=COUNTS,
    maxLength=COUNTS,
    pattern=st.sampled_from(["^a", "[0-9]+", "^(ab)+$", "^.{2}$"]),
    format=st.sampled_from(sorted(FORMATS)),
    enum=st.lists(NUMBERS | TEXTS | st.booleans(), min_size=1, max_size=3),
)


@st.composite
def columns(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any], pa.DataType]:
    schema, values, kind = draw(st.sampled_from(TYPED))
    nullable = draw(st.booleans())
    limited = {**schema, **draw(LIMITS)}
    if nullable:
        limited["type"] = [limited["type"], "null"]
    return limited, draw(st.lists(st.none() | values, min_size=4, max_size=4)), kind


@given(a=columns(), b=columns(), required=st.lists(st.sampled_from(["a", "b"]), max_size=2))
@settings(max_examples=examples(25), deadline=None)
def test_rows_of_parquet_are_judged_as_the_same_records(
    a: tuple[dict[str, Any], list[Any], pa.DataType],
    b: tuple[dict[str, Any], list[Any], pa.DataType],
    required: list[str],
) -> None:
    contract = {"properties": {"a": a[0], "b": b[0]}, "required": required}
    file = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array(a[1], a[2]), "b": pa.array(b[1], b[2])}), file)
    root = parse("t", contract).root
    expected = [
        violation(root, loads(json.dumps({"a": x, "b": y})), nulls=True) is None
        for x, y in zip(a[1], b[1], strict=True)
    ]
    assert accepted(file.getvalue(), "x.parquet", contract, 4) == expected


SPELLINGS: dict[type, Callable[[Any], str]] = {
    Decimal: str,
    datetime: lambda moment: json.dumps(f"{moment.isoformat()}Z"),
    date: lambda day: json.dumps(day.isoformat()),
    bytes: lambda raw: json.dumps(base64.b64encode(raw).decode()),
}


def spelled(value: Any) -> str:
    """Write a value of a typed file as the JSON that its contract sees."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(k)}:{spelled(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(spelled, value))}]"
    return SPELLINGS.get(type(value), json.dumps)(value)


FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
BYTES = st.binary(max_size=3).map(lambda raw: b"\xff" + raw)
DECIMALS = st.decimals(-999, 999, places=2)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))  # as the file's
COLUMNS: list[tuple[pa.DataType, st.SearchStrategy[Any], Any]] = [
    (pa.int8(), st.integers(-128, 127), "int"),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1), "long"),
    (pa.uint64(), st.integers(0, 2**64 - 1), None),
    (pa.float32(), FLOATS, "float"),
    (pa.float64(), NUMBERS.map(float), "double"),
    (
        pa.decimal128(5, 2),
        DECIMALS,
        {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2},
    ),
    (pa.string(), TEXTS, "string"),
    (pa.binary(), BYTES, "bytes"),
    (pa.bool_(), st.booleans(), "boolean"),
    (
        pa.date32(),
        st.dates(date(1, 1, 1), date(9999, 12, 31)),
        {"type": "int", "logicalType": "date"},
    ),
    (pa.timestamp("us"), MOMENTS, {"type": "long", "logicalType": "local-timestamp-micros"}),
    (pa.list_(pa.int16()), st.lists(st.integers(-9, 9), max_size=2), None),
    (
        pa.struct([("A b", pa.int32()), ("c", pa.decimal128(5, 2)), ("d", pa.timestamp("us"))]),
        st.fixed_dictionaries({"A b": st.integers(-9, 9), "c": DECIMALS, "d": MOMENTS}),
        None,
    ),
    (
        pa.map_(pa.string(), pa.float64()),
        st.dictionaries(NAMES, NUMBERS.map(float), max_size=2),
        {"type": "map", "values": "double"},
    ),
]
MOMENT = {"type": ["string", "null"], "format": "date-time"}
ONE_TYPE = st.just(MOMENT) | TYPES.map(lambda kind: {"type": [kind, "null"]})
INSIDE = st.dictionaries(st.sampled_from(["A b", "c", "d"]), ONE_TYPE | LEAVES, min_size=1)
OF_COLUMNS = (
    ONE_TYPE
    | LEAVES
    | some(properties=INSIDE, items=ONE_TYPE, additionalProperties=LEAVES, type=TYPES)
)
KINDS = st.sampled_from(
    ["string", "double", "bigint", "decimal(20,2)", "timestamp", "struct<c:double>", "binary"]
)


@given(
    columns=st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=2),
    contract=st.fixed_dictionaries({"A": OF_COLUMNS}, optional={"b": OF_COLUMNS, "c": OF_COLUMNS}),
    required=st.sampled_from([[], [], ["A"], ["c"]]),
    table=st.none() | st.dictionaries(st.sampled_from(["a", "b"]), KINDS, max_size=2),
    data=st.data(),
)
@settings(max_examples=examples(40), deadline=None)
def test_typed_rows_are_judged_as_their_json(
    columns: list[tuple[pa.DataType, st.SearchStrategy[Any], Any]],
    contract: dict[str, Any],
    required: list[str],
    table: dict[str, str] | None,
    data: st.DataObject,
) -> None:
    document = {"properties": contract, "required": required}
    root = parse("t", document).root
    drawn = {
        name: data.draw(st.lists(st.none() | values, min_size=3, max_size=3))
        for name, (_, values, _) in zip("Ab", columns, strict=False)
    }
    records = [dict(zip(drawn, row, strict=True)) for row in zip(*drawn.values(), strict=True)]
    expected = [violation(root, loads(spelled(r)), nulls=True) is None for r in records]
    bodies = [parquet(drawn, [kind for kind, _, _ in columns])]
    if all(kind for _, _, kind in columns):
        bodies.append(avro(records, [kind for _, _, kind in columns]))
    for body in bodies:
        found = convert(body, "data/t/x", table, contract=document)
        refused = {number for number, _ in found.reasons}
        assert [number not in refused for number in (1, 2, 3)] == expected


def parquet(columns: dict[str, list[Any]], kinds: list[pa.DataType]) -> bytes:
    arrays = {
        name: pa.array(
            [list(v.items()) if pa.types.is_map(kind) and v else v for v in values], kind
        )
        for (name, values), kind in zip(columns.items(), kinds, strict=True)
    }
    file = io.BytesIO()
    pq.write_table(pa.table(arrays), file)
    return file.getvalue()


def avro(records: list[dict[str, Any]], kinds: list[Any]) -> bytes:
    fields = [{"name": n, "type": ["null", k]} for n, k in zip("Ab", kinds, strict=False)]
    file = io.BytesIO()
    fastavro.writer(file, {"type": "record", "name": "r", "fields": fields}, records)
    return file.getvalue()


FIELDS = st.text(alphabet="a1.-e5", max_size=4) | st.sampled_from(["true", "FALSE", "2024-01-01"])


@given(contract=CONTRACTS, rows=st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=5))
@settings(max_examples=examples(25), deadline=None)
def test_rows_of_csv_are_judged_as_the_same_records(
    contract: dict[str, Any], rows: list[tuple[str, str]]
) -> None:
    assume(all(any(row) for row in rows))
    root = parse("t", contract).root
    records = [
        {name: read_field(text or None, root.property(name)) for name, text in zip("ab", row)}  # noqa: B905  # two of each
        for row in rows
    ]
    expected = [violation(root, record, nulls=True) is None for record in records]
    body = "\n".join(["a,b", *(",".join(row) for row in rows)]).encode()
    assert accepted(body, "x.csv", contract, len(rows)) == expected


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 10, "multipleOf": 2}, 4),
        ({"type": "number", "maximum": 100, "multipleOf": 0.01}, 29.99),
        ({"type": "string", "pattern": "^[0-9]{5}$", "minLength": 5}, "01234"),
        ({"type": "string", "enum": ["DE", "FR"]}, "DE"),
        ({"type": ["string", "null"], "maxLength": 3}, None),
        ({"type": "boolean", "const": True}, True),
        ({"type": "array", "minItems": 1, "items": {"type": "integer", "enum": [1, 2]}}, [1]),
        (
            {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}},
            {"x": "7"},
        ),
        *(
            ({"type": "string", "format": name}, value)
            for name, value in [
                ("date", "2024-02-29"),
                ("date-time", "2024-01-15T10:00:00.5+01:00"),
                ("email", "a.b@example.com"),
                ("uuid", "f47ac10b-58cc-4372-a567-0e02b2c3d479"),
                ("ipv4", "10.0.0.1"),
                ("uri", "https://example.com/a?b=c#d"),
            ]
        ),
    ],
    ids=str,
)
def test_a_file_that_keeps_its_contract_is_read_in_one_scan(
    schema: dict[str, Any], value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slow in ("records", "divided"):
        monkeypatch.delattr(jsonl.JsonBlock, slow)
    contract = {
        "type": "object",
        "properties": {"v": schema, "n": {"type": "integer"}},
        "required": ["v"],
        "additionalProperties": False,
    }
    body = b"".join(json.dumps({"n": n, "v": value}).encode() + b"\n" for n in range(50))
    body += json.dumps({"v": value}).encode()
    assert len(convert(body, "data/t/x.jsonl", contract=contract).rows) == 51


ATOMS = st.sampled_from(
    [
        r"a",
        r"b",
        r"1",
        r"é",
        r"😀",
        r".",
        r"\d",
        r"\D",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        r"\n",
        r"\.",
        r"\u0061",
        r"[a-c]",
        r"[^a]",
        r"[\d.-]",
        r"[^\s\w]",
        r"[]",
        r"[^]",
        r"\x41",
        r"\cA",
        r"\u{1F600}",
        r"^",
        r"$",
    ]
)
PATTERNS: st.SearchStrategy[str] = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.tuples(inner, inner).map("|".join)
        | st.builds(
            "({}){}".format,
            inner,
            st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"]),
        )
    ),
    max_leaves=6,
)
SUBJECTS = st.text(alphabet="abA1é😀. \n\r\u2028\u00a0\x01_-", max_size=6)


@given(pattern=PATTERNS, text=SUBJECTS)
@settings(max_examples=examples(40), deadline=None)
def test_a_pattern_matches_alike_in_duckdb_and_by_itself(pattern: str, text: str) -> None:
    found = compiled(pattern)
    ((matches,),) = duckdb.execute("SELECT regexp_matches(?, ?)", [text, found.re2]).fetchall()
    assert found.search(text) == matches


@given(pattern=PATTERNS.filter(lambda p: not set(p) & set("\\.$[😀")), text=SUBJECTS)
@settings(max_examples=examples(30), deadline=None)
def test_a_pattern_matches_as_python_finds_where_the_languages_are_one(
    pattern: str, text: str
) -> None:
    assert compiled(pattern).search(text) == bool(re.search(pattern, text))


@given(st.text(alphabet="ab()[]{}|*+?\\^$.-,:<=!12duwx", max_size=10))
@settings(max_examples=examples(40), deadline=None)
def test_any_pattern_is_refused_or_understood_by_duckdb(text: str) -> None:
    try:
        found = compiled(text)
    except PatternError:
        return
    duckdb.execute("SELECT regexp_matches('a', ?)", [found.re2]).fetchall()


@given(name=st.sampled_from(sorted(FORMATS)), text=TEXTS)
@settings(max_examples=examples(40), deadline=None)
def test_what_a_formats_expression_matches_is_of_the_format(name: str, text: str) -> None:
    if FORMATS[name].pattern.search(text):
        assert FORMATS[name].holds(text)


def test_a_pattern_takes_linear_time() -> None:
    assert not compiled("^(a+)+$").search("a" * 5000 + "b")
