"""What SQL makes of typed values, held to what the exact reading makes of them."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.convert.exact import conform
from engine.convert.proofs import widened
from engine.read.casts import fitted, json_of
from engine.types.glue import parse_athena_type
from engine.types.kinds import Scalar
from engine.types.sql import duckdb_type
from tests.support.chance import examples

DB = duckdb.connect()
DB.execute("SET TimeZone = 'UTC'")

SOURCES = [
    *("tinyint", "int", "bigint", "float", "double", "boolean", "string", "date", "timestamp"),
    *("decimal(5,2)", "decimal(20,0)", "decimal(38,10)"),
]
TARGETS = [*SOURCES, "smallint", "varchar(3)", "char(3)", "decimal(10,3)"]
TEXTS = [
    *("1", "-7", "300", "70000", "5000000000", "1.5", "0.1", "19.99", "1e10", "16777217"),
    *("2147483648", "-0.0", "true", "x", "", "2024-01-15", "2024-01-15 10:00:00.000005", "nan"),
    *("2024-01-15T10:00:00+02:00", "inf", "9007199254740993", "0001-01-01", "007", "99.995"),
]


def exactly(value: Any, kind: Scalar) -> tuple[Any, Any]:
    rescued: dict[str, Any] = {}
    found = conform(value, kind, "x", rescued)
    return found, rescued.get("x")


def both(source: Scalar, target: Scalar, text: str) -> None:
    if widened("v", source, target):
        # Whatever it is: also infinity, which JSON has no number for.
        return
    rows = f"SELECT TRY_CAST('{text}' AS {duckdb_type(source)}) AS v"
    sql = fitted("v", source, target)
    fits, value, rescued, raw = DB.execute(
        f"SELECT {sql.fits_sql}, CAST({sql.value_sql} AS VARCHAR), {sql.rescued_sql}, "
        f"{json_of('v', source)} FROM ({rows})"
    ).fetchall()[0]
    assert fits is not None
    read = None if raw is None else json.loads(raw)
    expected, misfit = exactly(read, target)
    if fits:
        assert misfit is None, (text, read, misfit)
        wanted = DB.execute(
            f"SELECT CAST(CAST(? AS {duckdb_type(target)}) AS VARCHAR)",
            [json.dumps(expected) if isinstance(expected, bool) else expected],
        ).fetchall()[0][0]
        assert value == wanted
    elif rescued is not None:
        assert json.loads(rescued) == misfit


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_sql_is_certain_only_of_what_the_exact_reading_says(source: str, target: str) -> None:
    one, other = parse_athena_type(source), parse_athena_type(target)
    assert isinstance(one, Scalar)
    assert isinstance(other, Scalar)
    for text in TEXTS:
        both(one, other, text)


@given(
    st.sampled_from(SOURCES),
    st.sampled_from(TARGETS),
    st.one_of(
        st.integers(-(2**63), 2**63 - 1).map(str),
        st.floats(allow_nan=False).map(str),
        st.decimals(-(10**6), 10**6, places=2).map(str),
        st.datetimes().map(str),
    ),
)
@settings(max_examples=examples(160), deadline=None)
def test_both_ways_agree_on_any_number_and_any_moment(source: str, target: str, text: str) -> None:
    one, other = parse_athena_type(source), parse_athena_type(target)
    assert isinstance(one, Scalar)
    assert isinstance(other, Scalar)
    both(one, other, text)
