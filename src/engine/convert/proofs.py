"""SQL that reads values without loss: proofs, casts, and JSON in which nothing is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.convert.jsontext import DOUBLE_DIGITS, FLOAT_DIGITS
from engine.types.glue import sized
from engine.types.kinds import DATE, TIMESTAMP, WHOLE_DIGITS, Array, Kind, Map, Scalar, Struct
from engine.types.sql import duckdb_type, quoted
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from duckdb.sqltypes import DuckDBPyType

#: What DuckDB and Python read alike, up to the microseconds that a file keeps.
_MOMENT = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    "([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


def text_as(text: str, kind: Kind) -> tuple[str, str] | None:
    """Give the SQL that proves that a text is a value of a kind, and the SQL that reads it.

    Parameters
    ----------
    text : str
        SQL of a string.
    kind : Kind
        The column's type.

    Returns
    -------
    tuple of (str, str) or None
        None for a kind whose values are proved in another way or not in SQL at all.
    """
    if kind == TIMESTAMP:
        # A cast to TIMESTAMP passes over offsets.
        read = (
            f"CASE WHEN regexp_matches({text}, '[+-]..:..$') "
            f"THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) "
            f"ELSE TRY_CAST({text} AS TIMESTAMP) END"
        )
        return f"regexp_full_match({text}, '{_MOMENT}') AND {_in_time(text, read)}", read
    if kind == DATE:
        read = f"TRY_CAST({text} AS DATE)"
        return f"regexp_full_match({text}, '{_DAY}') AND {_in_time(text, read)}", read
    family, size, scale = sized(kind)
    if family == "decimal":
        fraction = f"([.][0-9]{{1,{scale}}}0*)?" if scale else "([.]0+)?"
        read = f"TRY_CAST({text} AS {duckdb_type(kind)})"
        return (
            f"regexp_full_match({text}, '-?(0|[1-9][0-9]*){fraction}') AND {read} IS NOT NULL",
            read,
        )
    if family:
        padded = f" AND NOT ends_with({text}, ' ')" if family == "char" else ""
        return f"length({text}) <= {size}{padded}", text
    return None


def _in_time(text: str, read: str) -> str:
    # To DuckDB, 0000 is a year.
    return f"{read} IS NOT NULL AND {text} >= '0001'"


def number_as(text: str, kind: Kind) -> tuple[str, str] | None:
    """Give the SQL that proves that a JSON number is a value of a kind, and the one that reads it.

    Parameters
    ----------
    text : str
        SQL of the number as DuckDB spells it: fractions as the nearest double, whole numbers
        by their digits; a string in quotes, which is none.
    kind : Kind
        The column's type.

    Returns
    -------
    tuple of (str, str) or None
        None for a kind that is no number.
    """
    double = f"TRY_CAST({text} AS DOUBLE)"
    if isinstance(kind, Scalar) and kind.name in WHOLE_DIGITS:
        # A short number is whole when both casts agree, since this one rounds; a longer one
        # when it is spelled as the cast spells it.
        whole = f"TRY_CAST({text} AS {duckdb_type(kind)})"
        test = (
            f"CASE WHEN strlen({text}) <= {DOUBLE_DIGITS} THEN {double} = {whole} "
            f"ELSE CAST({whole} AS VARCHAR) = {text} END"
        )
        return test, f"TRY_CAST({text} AS {duckdb_type(kind)})"
    if kind == Scalar("double"):
        # Fractions come spelled as their doubles; a long integer must be spelled so, too.
        test = (
            f"CASE WHEN strlen({text}) <= {DOUBLE_DIGITS} THEN isfinite({double}) "
            f"ELSE CAST({double} AS VARCHAR) = {text} END"
        )
        return test, double
    if kind == Scalar("float"):
        single = f"TRY_CAST({text} AS FLOAT)"
        test = (
            f"CAST({single} AS DOUBLE) = {double} AND isfinite({single}) "
            f"AND (strlen({text}) <= {DOUBLE_DIGITS} OR CAST({double} AS VARCHAR) = {text}) "
            f"OR strlen({text}) <= {FLOAT_DIGITS} AND abs({double}) BETWEEN 1e-30 AND 1e30"
        )
        return f"({test})", single
    if sized(kind)[0] == "decimal":
        found = text_as(text, kind)
        # Whole numbers come by their digits, all others by those of the nearest double.
        short = f"strlen(ltrim(replace({text}, '.', ''), '-0')) <= {DOUBLE_DIGITS}"
        return found and (f"({short} OR NOT contains({text}, '.')) AND {found[0]}", found[1])
    return None


def text_of_bytes(value: str) -> str:
    """Give the SQL of bytes as text: files older than the UTF8 annotation hold just that."""
    return f"coalesce(TRY(decode({value})), to_base64({value}))"


#: How values are spelled that JSON has no type for: in files of the lake, where Athena reads
#: base64; for record.py, which would take a decimal for a double; and for a contract, to which
#: it is a number, and a moment one of RFC 3339.
IN_FILES = {"blob": "to_base64({0})"}
FOR_RECORDS = {"blob": text_of_bytes("{0}"), "decimal": "CAST({0} AS VARCHAR)"}
FOR_CONTRACTS = {
    "blob": text_of_bytes("{0}"),
    "timestamp": "strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ')",
}


def as_line(columns: Iterable[tuple[str, str]]) -> str:
    """Give the SQL of a row as one line of JSON, from names and SQL of its values."""
    packed = ", ".join(f"{quoted(name)} := {sql}" for name, sql in columns)
    return f"CAST(to_json(struct_pack({packed})) AS VARCHAR)"


def as_json(value: str, kind: DuckDBPyType, spelled: Mapping[str, str] = IN_FILES) -> str:
    """Give the SQL of a value that JSON can hold all of.

    JSON has no NaN: it becomes a string, which Athena's JSON reader takes for a double.

    Parameters
    ----------
    value : str
        SQL of the value.
    kind : DuckDBPyType
        Its type.
    spelled : mapping of str to str
        For whom: one of those above.
    """
    match kind.id:
        case "double" | "float":
            # Not by comparison: statistics of Parquet leave NaN out, and DuckDB believes them.
            return (
                f"CASE WHEN isnan({value}) THEN to_json('NaN') WHEN NOT isfinite({value}) THEN "
                f"to_json(if({value} > 0, 'Infinity', '-Infinity')) ELSE to_json({value}) END"
            )
        case name if name in spelled:
            return spelled[name].format(value)
        case "list" | "array":
            item = cast("DuckDBPyType", kind.children[0][1])
            element = f"j{len(value)}"
            inner = as_json(element, item, spelled)
            return (
                value if inner == element else f"list_transform({value}, lambda {element}: {inner})"
            )
        case "struct":
            children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
            parts = [
                (name, field := f"{value}.{quoted(name)}", as_json(field, inner, spelled))
                for name, inner in children
            ]
            if all(field == inner for _, field, inner in parts):
                return value
            packed = ", ".join(f"{quoted(name)} := {inner}" for name, _, inner in parts)
            return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"
        case "union":
            members = cast("list[tuple[str, DuckDBPyType]]", kind.children)
            each = [(f"{value}.{quoted(name)}", inner) for name, inner in members if name]
            spelled_each = (f"to_json({as_json(sql, inner, spelled)})" for sql, inner in each)
            return f"coalesce({', '.join(spelled_each)})"
        case "map":
            entry = f"j{len(value)}"
            inner = as_json(f"{entry}.value", map_types(kind)[1], spelled)
            if inner == f"{entry}.value":
                return value
            return (
                f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
                f"struct_pack(key := {entry}.key, value := {inner})))"
            )
    return value


def map_types(kind: DuckDBPyType) -> tuple[DuckDBPyType, DuckDBPyType]:
    """Give the types of a map's keys and values."""
    key, value = cast("list[tuple[str, DuckDBPyType]]", kind.children)
    return key[1], value[1]


def widened(value: str, source: Kind, target: Kind) -> str | None:
    """Give the SQL that casts every value of a kind to another one without loss.

    Parameters
    ----------
    value : str
        SQL of the value.
    source, target : Kind
        What it is and what the column holds.

    Returns
    -------
    str or None
        None where some value of the one would be lost in the other.
    """
    match source, target:
        case _ if source == target:
            return value
        case Scalar("null"), _:
            return f"CAST(NULL AS {duckdb_type(target)})"
        case Array(item), Array(other):
            element = f"w{len(value)}"
            inner = widened(element, item, other)
            return inner and f"list_transform({value}, lambda {element}: {inner})"
        case Map(key, item), Map(other_key, other):
            entry = f"w{len(value)}"
            first = widened(f"{entry}.key", key, other_key)
            second = widened(f"{entry}.value", item, other)
            return (
                first
                and second
                and (
                    f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
                    f"struct_pack(key := {first}, value := {second})))"
                )
            )
        case Struct(fields), Struct(others):
            return _widened_struct(value, fields, others)
        case Scalar(), Scalar():
            return _widened_scalar(value, source, target)
    return None


def _widened_struct(
    value: str, fields: tuple[tuple[str, Kind], ...], others: tuple[tuple[str, Kind], ...]
) -> str | None:
    known = {normalise(field): (field, kind) for field, kind in fields}
    filled = {name for name, (_, kind) in known.items() if kind != Scalar("null")}
    if not filled <= {name for name, _ in others}:
        return None
    packed = []
    for name, kind in others:
        field, source = known.get(name, (name, Scalar("null")))
        read = widened(f"{value}.{quoted(field)}", source, kind)
        if read is None:
            return None
        packed.append(f"{quoted(name)} := {read}")
    return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({', '.join(packed)}) END"


_RANKS = tuple(WHOLE_DIGITS)


def _widened_scalar(value: str, source: Scalar, target: Scalar) -> str | None:
    one, other = source.name, target.name
    family, size, scale = sized(target)
    before, digits, fraction = sized(source)
    room = size - scale
    whole = WHOLE_DIGITS.get(one, 0)
    fits = (
        (whole and other in _RANKS and _RANKS.index(one) <= _RANKS.index(other))
        or (whole and family == "decimal" and room >= whole)
        or (whole and whole <= WHOLE_DIGITS["int"] and other == "double")
        or (
            before == family == "decimal"
            and scale >= fraction
            and size - scale >= digits - fraction
        )
        or (one, other) == ("float", "double")
        # What a double's text is, is for record.py to say.
        or (other == "string" and one not in ("float", "double", "binary"))
    )
    if (one, other) == ("binary", "string"):
        return text_of_bytes(value)
    return f"CAST({value} AS {duckdb_type(target)})" if fits else None
