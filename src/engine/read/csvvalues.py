"""Fields of delimited files in DuckDB: texts, proved to be what their column holds.

It agrees with :class:`engine.convert.written.Field` and :func:`engine.convert.exact.conform`, or
says that it cannot tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.convert.jsontext import DOUBLE_DIGITS
from engine.convert.proofs import number_as, text_as
from engine.convert.written import COMMA_NUMBER, NUMBER
from engine.read.reading import NO_TEXT, Conformed
from engine.types.glue import sized
from engine.types.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    WHOLE_DIGITS,
    Kind,
    Scalar,
)
from engine.types.sql import duckdb_type, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What certainly is no number, without a look at its grammar.
_WHOLE = "[-+]?(0|[1-9][0-9]*)"

#: A whole number with a fraction of zero, of digits that 64 bits hold.
_ZERO_FRACTION = "[-+]?(0|[1-9][0-9]{0,17})[.]0*"


def conformed(value_sql: str, kind: Kind, *, fixed: bool, decimal: str = ".") -> Conformed:
    """See :meth:`engine.read.reading.Reading.conformed`; ``decimal`` is the decimal sign."""
    if kind == STRING:
        return Conformed("true", value_sql, NO_TEXT, value_sql)
    comma = decimal == "," and _is_number(kind)
    number_sql = _with_point(value_sql) if comma else value_sql
    fits, read, misfit = _proved(number_sql, kind, fixed=fixed)
    empty = "false" if sized(kind)[0] in ("varchar", "char") else f"{value_sql} = ''"
    rescued = f"CASE WHEN ({misfit}) THEN {_as_json(value_sql)} END" if misfit else NO_TEXT
    # A cast of nothing is null; where the comma was no number's, its text is rescued.
    return Conformed(f"coalesce({fits} OR {empty}, {value_sql} IS NULL)", read, rescued, value_sql)


def shape_bits(value_sql: str, decimal: str = ".") -> str:
    """Give SQL of a number with one bit set: which kind a field shows, or that Python must say.

    Parameters
    ----------
    value_sql : str
        The field.
    decimal : str
        The decimal sign.
    """
    text = _with_point(value_sql) if decimal == "," else value_sql
    whole, double = f"TRY_CAST({text} AS BIGINT)", f"TRY_CAST({text} AS DOUBLE)"
    return (
        f"CASE WHEN {value_sql} IS NULL OR {value_sql} = '' THEN 0 "
        f"WHEN CAST({whole} AS VARCHAR) = {text} THEN 2 "
        f"WHEN lower({text}) IN ('true', 'false') THEN 1 "
        f"WHEN NOT regexp_full_match({text}, '{NUMBER}') THEN 8 "
        f"WHEN regexp_full_match({text}, '{_WHOLE}') THEN if({whole} IS NULL, 8, 2) "
        f"WHEN {_kept(text, double)} THEN 4 "
        f"WHEN {_lost(text, double)} THEN 8 ELSE 16 END"
    )


#: What each bit stands for; the last one is for Python to say.
BITS: tuple[Kind, ...] = (BOOLEAN, BIGINT, DOUBLE, STRING)


def _is_number(kind: Kind) -> bool:
    name = kind.name if isinstance(kind, Scalar) else ""
    return name in WHOLE_DIGITS or name in ("double", "float") or sized(kind)[0] == "decimal"


def _with_point(value_sql: str) -> str:
    """Give a number's text with a decimal point; null where it is none with a comma."""
    return (
        f"CASE WHEN regexp_full_match({value_sql}, '{COMMA_NUMBER}') "
        f"THEN replace(replace({value_sql}, '.', ''), ',', '.') END"
    )


def _proved(text: str, kind: Kind, *, fixed: bool) -> tuple[str, str, str]:
    """Give the SQL that proves a text, that reads it, and that is true where it surely misfits."""
    number = f"regexp_full_match({text}, '{NUMBER}')"
    short = f"strlen({text}) <= {DOUBLE_DIGITS}"
    double = f"TRY_CAST({text} AS DOUBLE)"
    if kind == BOOLEAN:
        return f"lower({text}) IN ('true', 'false')", f"lower(nullif({text}, '')) = 'true'", "true"
    if isinstance(kind, Scalar) and kind.name in WHOLE_DIGITS:
        fits, read = _whole(text, kind, fixed=fixed)
        plain = f"regexp_full_match({text}, '{_WHOLE}')"
        return fits, read, f"coalesce(NOT {number} OR {plain} OR {short}, true)"
    if kind == DOUBLE:
        fits = f"({number} AND {_kept(text, double)})"
        return fits, double, f"coalesce(NOT {number} OR {_lost(text, double)}, true)"
    if kind == Scalar("float"):
        proof, read = number_as(text, kind) or ("false", "NULL")
        fits = f"({number} AND {_kept(text, double)} AND {proof})"
        return fits, read, f"coalesce(NOT {number}, true)"
    found = text_as(text, kind)
    if found is None:
        return f"{text} IS NULL", f"CAST(NULL AS {duckdb_type(kind)})", ""
    family = sized(kind)[0]
    if family == "decimal":
        return (*found, f"coalesce(NOT {number}, true)")
    return (*found, "" if kind in (TIMESTAMP, DATE) else "true")


def _whole(text: str, kind: Scalar, *, fixed: bool) -> tuple[str, str]:
    read = f"TRY_CAST({text} AS {duckdb_type(kind)})"
    double = f"TRY_CAST({text} AS DOUBLE)"
    also = f"regexp_full_match({text}, '{_WHOLE}')"
    if fixed:
        # A short one is whole exactly if its double is; a cast to an integer would round.
        also = (
            f"({also} OR regexp_full_match({text}, '{_ZERO_FRACTION}') OR "
            f"(strlen({text}) <= {DOUBLE_DIGITS} AND regexp_full_match({text}, '{NUMBER}') "
            f"AND {double} = trunc({double}) AND {_not_tiny(text, double)}))"
        )
    plain = f"CAST({read} AS VARCHAR) = {text}"
    return f"CASE WHEN {plain} THEN true ELSE {read} IS NOT NULL AND {also} END", read


def _not_tiny(text: str, double: str) -> str:
    """Prove that a number is not so small that its double is zero or has lost digits."""
    return f"(abs({double}) > 1e-290 OR regexp_full_match({text}, '[-+]?[0.]+([eE].*)?'))"


def _kept(text: str, double: str) -> str:
    """Prove that a number's double is exactly that number, in its shortest spelling."""
    spelled = f"CAST({double} AS VARCHAR)"
    return (
        f"CASE WHEN strlen({text}) <= {DOUBLE_DIGITS} "
        f"THEN isfinite({double}) AND {_not_tiny(text, double)} "
        f"ELSE isfinite({double}) AND ({spelled} = {text} OR (contains({text}, '.') "
        f"AND NOT contains(lower({text}), 'e') AND rtrim({spelled}, '0') = rtrim({text}, '0'))) END"
    )


def _lost(text: str, double: str) -> str:
    """Tell where a number's double certainly is another one: too large, or nothing left."""
    return f"(strlen({text}) <= {DOUBLE_DIGITS} AND (NOT isfinite({double}) OR {double} = 0))"


def _as_json(value_sql: str) -> str:
    """Give a text as JSON, as Python writes it; null where DuckDB may write it otherwise."""
    return (
        f"CASE WHEN NOT regexp_matches({value_sql}, '[\\x00-\\x1f]') "
        f"THEN CAST(to_json({value_sql}) AS VARCHAR) END"
    )


def field_sql(raw_sql: str, nulls: tuple[str, ...], *, trim: str, marker: str) -> str:
    """Give the SQL of a field from DuckDB's own reading of it.

    Parameters
    ----------
    raw_sql : str
        As DuckDB read it; empty where nothing is.
    nulls : tuple of str
        What else stands for null.
    trim : str
        White space that is no part of it; empty where it certainly has none.
    marker : str
        What stands for an empty text in quotes; empty for nothing.
    """
    text = raw_sql
    if trim:
        # White space sorts before all else that a text may begin with.
        ends = " OR ".join(f"ends_with({raw_sql}, {literal(c)})" for c in trim)
        trimmed = f"trim({raw_sql}, {literal(trim)})"
        text = f"CASE WHEN {raw_sql} < '!' OR {ends} THEN {trimmed} ELSE {raw_sql} END"
    text = f"nullif({text}, '')"
    for null in nulls:
        text = f"nullif({text}, {literal(null)})"
    if marker:
        text = f"CASE WHEN {raw_sql} = {literal(marker)} THEN '' ELSE {text} END"
    return text


def kind_of_bits(bits: int) -> Kind:
    """Give the kind that fields of these kinds have in common."""
    kinds = [kind for n, kind in enumerate(BITS) if bits & (1 << n)]
    if set(kinds) == {BIGINT, DOUBLE}:
        return DOUBLE
    return kinds[0] if len(kinds) == 1 else STRING if kinds else NULL


def bits_of(kind: Kind) -> int:
    """Give the bit of a kind; none for null."""
    return 1 << BITS.index(kind) if kind in BITS else 0


def joined(kinds: Iterable[Kind]) -> int:
    """Give the bits of several kinds."""
    bits = 0
    for kind in kinds:
        bits |= bits_of(kind)
    return bits
