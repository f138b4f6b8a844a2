"""Law 3: the vectorised way gives what the exact one gives, or is not used (JSON Lines)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.duck import DuckEngine
from engine.options import Options
from engine.read.jsonl import JsonBlock
from engine.read.reading import ExactOnlyError
from tests.support.chance import WANTED, examples
from tests.support.engine import Result, convert

if TYPE_CHECKING:
    from engine.read.reading import Relation

ENGINE = DuckEngine(Options())


def words(text: str) -> list[str]:
    return text.split()


#: Tokens of JSON, each of which some reader somewhere takes for another value.
NUMBERS = words(
    "0 -0 1 7 -3 127 128 32768 2147483648 9007199254740993 9223372036854775807 9223372036854775808 "
    "18446744073709551616 0.0 -0.0 1.0 1.5 0.1 0.30000000000000004 1e2 1E2 1e-7 1.10 100.00 1e400 "
    "-1e400 1e-400 1e16 12345678901234567890.5 0.1234567890123456789 3.4028236e38 16777217 "
    "1705312800 1705312800000 20240115 NaN Infinity 01 .5 +1"
)
STRINGS = tuple(
    re.findall(
        r'"(?:[^"\\]|\\.)*"',
        '"" "x" " x " "7" "-7" "07" "1.0" "1.5" "1e2" "1e400" "9223372036854775808" "true" "True" '
        '"NaN" "null" "é" "\\u00e9" "\\ud83d\\ude00" "\\ud800" "\\u0000" "a\\"b" "a\\\\b" "a\\nb" '
        '"2024-01-15" "2024-01-15T10:00:00Z" "2024-01-15 10:00:00.1234567" "2024-02-30" '
        '"2024-01-15T23:30:00-05:00" "20240115" "{\\"a\\": 1}" "[1]" "99.999" "12.5" '
        '"15/Jan/2024" "longer-than-ten"',
    )
)
SCALARS = st.sampled_from([*NUMBERS, *STRINGS, "true", "false", "null"])

KEYS = st.sampled_from(['"a"', '"b"', '"A"', '"a b"', '"c.d"', '"timestamp"', '"é"', '""'])


def array(items: list[str]) -> str:
    return f"[{', '.join(items)}]"


def record(members: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in members) + "}"


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(array)
        | st.lists(st.tuples(KEYS, inner), max_size=3).map(record)
    ),
    max_leaves=4,
)

RECORDS = st.lists(st.tuples(KEYS, SCALARS | VALUES), max_size=4).map(record)

#: Neighbours that make it likely that a file is read vectorised at all.
USUAL = st.sampled_from(
    ['{"a": 1, "b": "x"}', '{"a": 2, "b": "y", "timestamp": "2024-01-15T10:00:00Z"}', '{"b": "z"}']
)

FILES = st.lists(RECORDS | USUAL, min_size=1, max_size=6)

TYPES = st.sampled_from(
    words(
        "string bigint int smallint tinyint double float boolean date timestamp decimal(10,2) "
        "decimal(38,0) varchar(5) char(3) array<bigint> array<string> struct<a:bigint,b:string> "
        "map<string,bigint> array<struct<a:double>> binary"
    )
)

TABLES = st.none() | st.dictionaries(
    st.sampled_from(["a", "b", "a_b", "c_d", "timestamp"]), TYPES, max_size=4
)


def fast(body: bytes, table: dict[str, str] | None) -> Result:
    return convert(body, "data/t/x.jsonl", table=table, engine=ENGINE)


def exact(body: bytes, table: dict[str, str] | None) -> Result:
    def relation(_self: object, _plan: object) -> Relation:
        raise ExactOnlyError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonBlock, "relation", relation)
        return convert(body, "data/t/x.jsonl", table=table, engine=ENGINE)


def told(found: Result) -> Any:
    """All that a user sees; the order of rows in a table is nothing."""
    assert found.conversion is not None, found.error
    done = found.conversion
    # NaN is like itself here.
    rows = sorted(repr(sorted(row.items())) for row in found.rows)
    drift = sorted((one.column, one.type, one.count) for one in done.drift)
    refused = [(one["record_number"], one["reason"], one["raw"]) for one in found.quarantine]
    counts = (done.read, done.accepted, done.quarantined, done.rescued, done.undated)
    return rows, sorted(refused), counts, found.types, sorted(done.added), drift


@given(records=FILES, table=TABLES)
@settings(max_examples=examples(40), deadline=None)
@example(records=['{"": null, "*": {}}', '{"a": {"*": {"b": 1}}}'], table=None)
@example(records=['{"a": {"": 0}}', '{"a": {"b": {"\\u0000": 1}}}'], table=None)
@example(records=['{"a": 1}', '{"a": "x"}'], table={"a": "bigint"})
@example(records=['{"a": 1}', '{"a": 1.0}', '{"a": 1e2}'], table={"a": "bigint"})
@example(records=['{"timestamp": 1705312800}', '{"timestamp": "soon"}'], table=None)
@example(records=['{"a": "\\ud800", "a": 0}'], table=None)
@example(records=['{"a": [0, {"a": 0, "a": 0}]}'], table=None)
@example(records=['{"a": 0}', '{"a": {"a": 0, "a": 0}}', '{"a": "{a, \\"a\\": }"}'], table=None)
def test_both_ways_give_the_same(records: list[str], table: dict[str, str] | None) -> None:
    body = "\n".join(records).encode("utf-8", "surrogatepass") + b"\n"
    assert told(fast(body, table)) == told(exact(body, table))


@pytest.mark.parametrize(
    "kind",
    words(
        "string bigint int smallint tinyint double float boolean date timestamp decimal(10,2) "
        "decimal(38,0) varchar(5) char(3)"
    ),
)
def test_every_scalar_in_every_type_of_column(kind: str) -> None:
    records = [f'{{"n": {n}, "x": {value}}}' for n, value in enumerate([*NUMBERS, *STRINGS])]
    body = "\n".join(records).encode() + b"\n"
    for table in ({"n": "bigint", "x": kind}, {"n": "bigint", "timestamp": kind}):
        named = body.replace(b'"x"', b'"timestamp"') if "timestamp" in table else body
        assert told(fast(named, table)) == told(exact(named, table))


BEFORE = ("1", "1.5", '"x"', "true", '"7"', "null")


@pytest.mark.parametrize(
    ("value", "before"),
    [
        # With EXAMPLES each value comes behind each other one.
        pytest.param(value, BEFORE if WANTED else BEFORE[n % 3 :: 3], id=value)
        for n, value in enumerate([*NUMBERS, *STRINGS, "true", "null", "{}", "[]"])
    ],
)
def test_every_scalar_alone_in_a_new_column(value: str, before: tuple[str, ...]) -> None:
    for one in before:
        records = [f'{{"x": {one}}}'] * 3 + [f'{{"x": {value}}}']
        body = "\n".join(records).encode() + b"\n"
        assert told(fast(body, None)) == told(exact(body, None))
