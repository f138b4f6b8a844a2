"""JSON values in DuckDB: read as raw as they are, proved to be what their column holds.

Strings that go to columns of text are read as text; everything else as JSON, which keeps the digits
of a number and the quotes of a string, so that the two can be told apart.
"""

from __future__ import annotations

import hashlib
from typing import Any

from engine.convert.proofs import number_as, text_as
from engine.convert.rules import QUOTED
from engine.read.reading import NO_TEXT, READ, Conformed
from engine.types.glue import sized
from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    NULL,
    STRING,
    WHOLE_DIGITS,
    Array,
    Kind,
    Scalar,
    Struct,
)
from engine.types.sql import duckdb_type, quoted
from store.naming import normalise

#: Bytes of text in which values cannot be nested deeper than the exact reading takes.
_SHALLOW = 800


def example(shape: Kind, kind: Kind) -> Any:
    """Give a value from which DuckDB infers a type that keeps what is read."""
    match shape, kind:
        case Struct(shapes), Struct():
            return {
                name: example(inner, kind.get(normalise(name)) or NULL) for name, inner in shapes
            } or None
        case Array(item), Array(target):
            return [example(item, target)]
    text = kind == STRING or (text_as("", kind) and not number_as("", kind))
    return "x" if text and shape != QUOTED else None


def conformed(value_sql: str, shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
    """See :meth:`engine.read.reading.Reading.conformed`."""
    if kind == NULL:
        return Conformed(f"{value_sql} IS NULL", value_sql)
    fits_sql, read_sql = _read(value_sql, shape, kind, READ, fixed=fixed)
    text_sql = decoded(value_sql) if shape == QUOTED else value_sql
    if isinstance(shape, Scalar) and isinstance(kind, Scalar) and kind != STRING:
        json_sql = f"CAST({value_sql} AS VARCHAR)"
        if text_as("", kind) and not number_as("", kind) and shape != QUOTED:
            # Read as text already, without its quotes: whether it had any cannot be told.
            return Conformed(fits_sql, read_sql, text_sql=text_sql)
        return Conformed(fits_sql, read_sql, _rescued(json_sql, kind), _unquoted(json_sql))
    return Conformed(fits_sql, read_sql, text_sql=text_sql)


def _unquoted(json_sql: str) -> str:
    """Give a scalar's text, as a date may be read from it."""
    return (
        f"CASE WHEN starts_with({json_sql}, '\"') AND NOT contains({json_sql}, '\\') "
        f"THEN substr({json_sql}, 2, strlen({json_sql}) - 2) ELSE {json_sql} END"
    )


def _rescued(json_sql: str, kind: Kind) -> str:
    """Give the JSON of a scalar that certainly is none of a kind, as Python's encoder spells it.

    Null where that is not certain: numbers of many digits or with an exponent, zeros that may
    have been ``1e-400``, texts that may be numbers in another spelling, escapes, what has parts.
    """
    if kind == Scalar("float"):
        return NO_TEXT
    digits = "" if kind == BOOLEAN else "AND NOT regexp_matches({0}, '^.[-+.0-9eE]+.$') "
    return (
        f"CASE WHEN {json_sql} IN ('true', 'false') "
        f"OR (starts_with({json_sql}, '\"') AND NOT contains({json_sql}, '\\') "
        f"{digits.format(json_sql)}) "
        f"OR (strlen({json_sql}) <= 15 AND regexp_full_match({json_sql}, '-?[0-9]+([.][0-9]+)?') "
        f"AND NOT regexp_matches({json_sql}, '^-?0[.]0(000|$)')) THEN {json_sql} END"
    )


def decoded(value_sql: str) -> str:
    """Give the text of a JSON string."""
    return f"({value_sql} ->> '$')"


def _read(value: str, shape: Kind, kind: Kind, got: str, *, fixed: bool) -> tuple[str, str]:
    """Give the SQL that proves a value, or its absence, and the SQL that reads it.

    What was read already is called ``got``, where it has a name.
    """
    match shape, kind:
        case Struct(shapes), Struct():
            return _struct(value, shapes, kind, got, fixed=fixed)
        case Array(item), Array(target):
            return _array(value, item, target, fixed=fixed)
    fits, read = _leaf(value, shape, kind, fixed=fixed)
    if got and read.startswith(("TRY_CAST(", "CASE WHEN ", "if(")):
        fits = fits.replace(read, got)
    return f"({value} IS NULL OR {fits})" if fits != "true" else fits, read


def _struct(
    value: str, shapes: tuple[tuple[str, Kind], ...], kind: Struct, got: str, *, fixed: bool
) -> tuple[str, str]:
    tests, packed = [], []
    by_name = {normalise(name): (name, inner) for name, inner in shapes}
    for name, target in kind.fields:
        if name not in by_name:
            packed.append(f"{quoted(name)} := CAST(NULL AS {duckdb_type(target)})")
            continue
        field, inner = by_name[name]
        within = got and f"{got}.{quoted(name)}"
        fits, read = _read(f"{value}.{quoted(field)}", inner, target, within, fixed=fixed)
        tests += [fits] if fits != "true" else []
        packed.append(f"{quoted(name)} := {read}")
    tests += [
        f"{value}.{quoted(name)} IS NULL" for name, _ in shapes if kind.get(normalise(name)) is None
    ]
    fits = " AND ".join(tests) or ("true" if shapes else f"{value} IS NULL")
    return (
        f"({value} IS NULL OR ({fits}))" if fits != "true" else fits,
        f"CASE WHEN {value} IS NOT NULL THEN struct_pack({', '.join(packed)}) END",
    )


def _array(value: str, item: Kind, target: Kind, *, fixed: bool) -> tuple[str, str]:
    name = f"e{hashlib.sha256(value.encode()).hexdigest()[:8]}"
    fits, read = _read(name, item, target, "", fixed=fixed)
    if fits == "true" and read == name:
        return "true", value
    return (
        "true"
        if fits == "true"
        else f"({value} IS NULL OR "
        f"NOT list_contains(list_transform({value}, lambda {name}: ({fits}) IS TRUE), false))",
        f"list_transform({value}, lambda {name}: {read})",
    )


def _leaf(value: str, shape: Kind, kind: Kind, *, fixed: bool) -> tuple[str, str]:
    """Give the SQL that tests a raw scalar that is not null, and the one that reads it."""
    if shape == QUOTED:
        if sized(kind)[0] == "decimal" and (proved := text_as(decoded(value), kind)):
            return f"starts_with(CAST({value} AS VARCHAR), '\"') AND {proved[0]}", proved[1]
        return f"starts_with(CAST({value} AS VARCHAR), '\"')", decoded(value)
    if kind == STRING:
        return _text(value), value
    text = f"CAST({value} AS VARCHAR)"
    if kind == BOOLEAN:
        return f"{text} IN ('true', 'false')", f"{text} = 'true'"
    if not fixed and isinstance(kind, Scalar) and (found := _own_type(text, kind)):
        return found
    if isinstance(kind, Scalar) and (
        kind.name in WHOLE_DIGITS or kind == DOUBLE or sized(kind)[0] == "decimal"
    ):
        return _number(text, kind)
    proved = text_as(value, kind)
    if proved and sized(kind)[0] in ("varchar", "char"):
        return f"{_text(value)} AND {proved[0]}", proved[1]
    return number_as(text, kind) or proved or ("false", f"CAST(NULL AS {duckdb_type(kind)})")


def _text(value: str) -> str:
    """Prove what is written to a column of text: all but what the exact reading would refuse."""
    # DuckDB takes NaN and the infinities for numbers, and values as deep as they may be; JSON has
    # no such numbers, and a depth that one reader takes is too much for the next.
    return (
        f"CASE WHEN starts_with({value}, '{{') OR starts_with({value}, '[') "
        f"THEN strlen({value}) < {_SHALLOW} AND NOT regexp_matches({value}, '{_ODD_PARTS}') "
        f"ELSE {value} NOT IN ('NaN', 'Infinity', '-Infinity') END"
    )


#: Numbers within values that have parts, which DuckDB and Python spell differently.
_ODD_PARTS = r"NaN|Infinity|[:,\[] *-?([0-9]+[.]?[0-9]*[eE]|[0-9]{17}|0[.]0000)"


_PLAIN = "NOT contains({0}, '.') AND NOT contains({0}, 'e')"


def _own_type(text: str, kind: Scalar) -> tuple[str, str] | None:
    """Prove a number of the very type that was seen so far: quotes and fractions show another."""
    if kind == BIGINT:
        read = f"TRY_CAST({text} AS BIGINT)"
        # DuckDB has spelled the number: with a point, or beyond 64 bits, or as nearly zero.
        return f"(NOT contains({text}, '.') AND ({read} <> 0 OR {text} = '0'))", read
    found = number_as(text, kind)
    return found and (f"({found[0]} AND NOT starts_with({text}, '\"'))", found[1])


def _number(text: str, kind: Scalar) -> tuple[str, str]:
    """Prove a number that a column takes, also one in quotes or with a fraction of zero."""
    found = number_as(text, kind)
    inner = f"substr({text}, 2, strlen({text}) - 2)"
    if found is None:
        return "false", f"CAST(NULL AS {duckdb_type(kind)})"
    fits, read = found
    if proved := text_as(inner, kind):
        quoted_fits = proved[0]
    elif kind == DOUBLE:
        quoted_fits = (
            f"regexp_full_match({inner}, '-?(0|[1-9][0-9]*)([.][0-9]+)?') AND strlen({inner}) <= 15"
        )
    else:
        read = f"TRY_CAST({text} AS {duckdb_type(kind)})"
        fits = f"CASE WHEN {_PLAIN.format(text)} THEN {read} IS NOT NULL ELSE {fits} END"
        quoted_fits = (
            f"regexp_full_match({inner}, '-?(0|[1-9][0-9]{{0,18}})') "
            f"AND TRY_CAST({inner} AS {duckdb_type(kind)}) IS NOT NULL"
        )
    return (
        f"CASE WHEN starts_with({text}, '\"') THEN {quoted_fits} ELSE {fits} END",
        f"if(starts_with({text}, '\"'), TRY_CAST({inner} AS {duckdb_type(kind)}), {read})",
    )
