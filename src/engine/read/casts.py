"""How a value of one type becomes one of another in SQL, as the exact reading would have it.

Files that bring their types hold values, not text. Here each pair of types says which values
:func:`engine.convert.exact.conform` would take, what they become, and how it would rescue the
others. ``tests/engine/test_casts.py`` holds the two to each other.
"""

from __future__ import annotations

from engine.convert.jsontext import DOUBLE_DIGITS, FLOAT_DIGITS
from engine.convert.proofs import text_as, text_of_bytes, widened
from engine.read.reading import Conformed
from engine.types.glue import sized
from engine.types.kinds import (
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    WHOLE_DIGITS,
    Array,
    Kind,
    Map,
    Scalar,
    Struct,
)
from engine.types.sql import duckdb_type, quoted
from store.naming import normalise

#: Years that ISO 8601 writes with four digits, as Python's dates have them.
_FOUR_DIGITS = "BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"

#: JSON's grammar of numbers (RFC 8259, 6), and of the whole ones that 64 bits may hold.
_NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?"
_WHOLE = r"-?(0|[1-9]\d{0,18})"


def fitted(value: str, source: Kind, target: Kind) -> Conformed:
    """Give the SQL that conforms a typed value to a column.

    Parameters
    ----------
    value : str
        SQL of the value.
    source : Kind
        What it is.
    target : Kind
        The column's type.

    Returns
    -------
    Conformed
        What SQL cannot be certain of is left to the exact reading.
    """
    if target == NULL:
        rescued = _spelled_json(value, source)
        return Conformed(f"{value} IS NULL", _none(target), rescued, value)
    if read := widened(value, source, target):
        return Conformed("true", read, text_sql=value)
    match source, target:
        case Array(item), Array(other):
            element = f"c{len(value)}"
            inner = fitted(element, item, other)
            fits = f"len(list_filter({value}, lambda {element}: NOT ({inner.fits_sql}))) = 0"
            read = f"list_transform({value}, lambda {element}: {inner.value_sql})"
            return Conformed(f"coalesce({fits}, true)", read, text_sql=value)
        case Scalar(), Scalar():
            found = _scalar(value, source, target)
            if found is None:
                # No value of the one is any of the other.
                return Conformed(f"{value} IS NULL", _none(target), json_of(value, source), value)
            fits, read = found
            unsure = _unsure(value, source, target)
            rescued = json_of(value, source)
            if unsure:
                rescued = f"CASE WHEN {unsure} THEN NULL ELSE {rescued} END"
            return Conformed(f"coalesce({fits}, {value} IS NULL)", read, rescued, value)
    if target == STRING:
        return Conformed("true", _spelled_json(value, source), text_sql=value)
    return Conformed(f"{value} IS NULL", _none(target), text_sql=value)


def _spelled_json(value: str, kind: Kind) -> str:
    if isinstance(kind, Scalar):
        return json_of(value, kind)
    return f"CAST(to_json({_spelled(value, kind)}) AS VARCHAR)"


def _spelled(value: str, kind: Kind) -> str:
    """Give the SQL of a value whose JSON holds all of it, as the exact reading spells it."""
    match kind:
        case Array(item):
            element = f"s{len(value)}"
            inner = _spelled(element, item)
            plain = inner == element
            return value if plain else f"list_transform({value}, lambda {element}: {inner})"
        case Map(_, item):
            entry = f"s{len(value)}"
            inner = _spelled(f"{entry}.value", item)
            return (
                f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
                f"struct_pack(key := CAST({entry}.key AS VARCHAR), value := {inner})))"
            )
        case Struct(fields):
            parts = [(n, f"{value}.{quoted(n)}", inner) for n, inner in fields]
            spelled = [(n, sql, _spelled(sql, inner)) for n, sql, inner in parts]
            if all(sql == inner for _, sql, inner in spelled):
                return value
            packed = ", ".join(f"{quoted(n)} := {inner}" for n, _, inner in spelled)
            return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"
        case Scalar(name) if name in _FRACTIONS:
            number = f"isfinite({value})"
            return f"if({number}, to_json({value}), to_json({text_of(value, kind)}))"
        case Scalar() if kind == BINARY or sized(kind)[0] == "decimal":
            return text_of(value, kind)
    return value


def _none(target: Kind) -> str:
    return f"CAST(NULL AS {duckdb_type(target)})"


def json_of(value: str, kind: Scalar) -> str:
    """Give the SQL of a scalar as the JSON under which the exact reading rescues it."""
    if kind.name in WHOLE_DIGITS or kind == BOOLEAN:
        return f"CAST({value} AS VARCHAR)"
    if kind.name in ("double", "float"):
        number = f"CAST({value} AS DOUBLE)"
        return (
            f"CASE WHEN isfinite({number}) THEN CAST({number} AS VARCHAR) "
            f"ELSE '\"' || {text_of(value, kind)} || '\"' END"
        )
    return f"CAST(to_json({text_of(value, kind)}) AS VARCHAR)"


def text_of(value: str, kind: Scalar) -> str:
    """Give the SQL of a scalar as a column of text holds it."""
    if kind == STRING:
        return value
    if kind == BINARY:
        return text_of_bytes(value)
    if kind.name in ("double", "float"):
        # DuckDB spells finite doubles as Python does, and NaN in another way. Not by comparison:
        # statistics of Parquet leave NaN out, and DuckDB believes them.
        number = f"CAST({value} AS DOUBLE)"
        return (
            f"CASE WHEN isnan({number}) THEN 'NaN' WHEN isfinite({number}) "
            f"THEN CAST({number} AS VARCHAR) WHEN {number} > 0 THEN 'Infinity' "
            f"WHEN {number} < 0 THEN '-Infinity' END"
        )
    return f"CAST({value} AS VARCHAR)"


_FRACTIONS = frozenset({"double", "float"})


def _is_number(kind: Scalar) -> bool:
    return kind.name in WHOLE_DIGITS or kind.name in _FRACTIONS or sized(kind)[0] == "decimal"


def _scalar(value: str, source: Scalar, target: Scalar) -> tuple[str, str] | None:
    """Give the SQL that tells which values fit, and what they become; None where none does."""
    if target == STRING:
        return "true", text_of(value, source)
    if sized(target)[0] in ("varchar", "char"):
        return text_as(text_of(value, source), target)
    if source in (STRING, BINARY):
        return _from_text(text_of(value, source), target)
    if (source, target) == (DATE, TIMESTAMP):
        return f"{value} {_FOUR_DIGITS}", f"CAST({value} AS TIMESTAMP)"
    if not (_is_number(source) and _is_number(target)):
        return None
    return _from_number(value, source, target)


def _from_number(value: str, source: Scalar, target: Scalar) -> tuple[str, str]:
    kind = duckdb_type(target)
    read = f"TRY_CAST({value} AS {kind})"
    if source.name in _FRACTIONS:
        number = f"CAST({value} AS DOUBLE)"
        if target.name in WHOLE_DIGITS:
            whole = f"trunc({number}) = {number} AND abs({number}) < 9007199254740992"
            return f"{whole} AND {read} IS NOT NULL", read
        if target.name == "float":
            return f"isfinite({number}) AND CAST({read} AS DOUBLE) = {number}", read
        # To a decimal by its digits, which Python's shortest text of a double has, too.
        return text_as(f"CAST({number} AS VARCHAR)", target) or ("false", read)
    if target.name in _FRACTIONS:
        digits = f"strlen(CAST({value} AS VARCHAR))"
        if sized(source)[0] == "decimal":
            by_text = f"CAST(CAST({value} AS VARCHAR) AS {kind})"
            most = DOUBLE_DIGITS if target == DOUBLE else FLOAT_DIGITS
            return f"{digits} <= {most}", by_text
        return f"CAST({read} AS HUGEINT) = CAST({value} AS HUGEINT)", read
    if target.name in WHOLE_DIGITS and sized(source)[2]:
        # The exact reading has it as text with a point, which is no whole number.
        return "false", read
    # A cast rounds: what comes back unchanged was not.
    return f"TRY_CAST({read} AS {duckdb_type(source)}) = {value}", read


def _from_text(text: str, target: Scalar) -> tuple[str, str] | None:
    read = f"TRY_CAST({text} AS {duckdb_type(target)})"
    if target.name in WHOLE_DIGITS:
        return f"regexp_full_match({text}, '{_WHOLE}') AND {read} IS NOT NULL", read
    if target.name in _FRACTIONS:
        # So few digits are the same decimal before and after they were a double.
        most = DOUBLE_DIGITS if target == DOUBLE else FLOAT_DIGITS
        short = f"strlen({text}) <= {most} AND NOT contains(lower({text}), 'e')"
        return f"{short} AND regexp_full_match({text}, '{_NUMBER}')", read
    if target == BOOLEAN:
        return None
    return text_as(text, target)


def _unsure(value: str, source: Scalar, target: Scalar) -> str:
    """Give SQL that is true for values that may fit although they are not certain to."""
    if source in (STRING, BINARY):
        text = text_of(value, source)
        if target.name in WHOLE_DIGITS:
            return ""
        if target.name in _FRACTIONS or sized(target)[0] == "decimal":
            return f"regexp_full_match({text}, '{_NUMBER}')"
        # ISO 8601 has more forms than the usual one; all begin with a digit.
        return f"regexp_matches({text}, '^[0-9]')" if target in (TIMESTAMP, DATE) else ""
    if sized(source)[0] == "decimal" and target.name in _FRACTIONS:
        return "true"
    if source.name in _FRACTIONS and sized(target)[0] == "decimal":
        return f"isfinite(CAST({value} AS DOUBLE))"
    if source.name in _FRACTIONS and target.name == "float":
        return "true"
    if source.name in WHOLE_DIGITS and target.name == "float":
        return "true"
    return ""


def same_family(source: Kind, target: Kind) -> bool:
    """Tell whether a value keeps its JSON type, which a contract judges, in the column."""
    match source, target:
        case (Scalar("null"), _):
            return True
        case Array(item), Array(other):
            return same_family(item, other)
        case Map(_, item), Map(_, other):
            return same_family(item, other)
        case Struct(fields), Struct():
            return all(
                (inner := target.get(normalise(name))) is not None and same_family(kind, inner)
                for name, kind in fields
            )
        case Scalar(), Scalar():
            return _json_type(source) == _json_type(target)
    return False


def _json_type(kind: Scalar) -> str:
    if kind == NULL:
        return "null"
    if _is_number(kind):
        # A contract counts the digits of a decimal; they are judged one by one.
        return "decimal" if sized(kind)[0] else "number"
    if kind == TIMESTAMP:
        # To a contract its text is one of RFC 3339, which is not DuckDB's.
        return "moment"
    return "boolean" if kind == BOOLEAN else "string"
