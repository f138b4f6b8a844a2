"""How DuckDB reads, from JSON, values whose types are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.read.within import Within, list_within, map_within, moment_beyond, struct_within
from engine.types.kinds import BIGINT, DATE, STRING, TIMESTAMP, Array, Kind, Map, Scalar, Struct
from engine.types.sql import duckdb_type, quoted
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Deeper values are JSON text, as :func:`engine.types.kinds.kind_of` has it.
MAX_DEPTH = 12


def same(value: str) -> str:
    """Give SQL as it is."""
    return value


def never(_value: str) -> None:
    """Say that nothing of a value can be lost."""


@dataclass(frozen=True, slots=True)
class Read:
    """How values are read.

    Attributes
    ----------
    kind : Kind
        What they are.
    json_type : str
        DuckDB's type for their JSON.
    sql : callable
        Makes of SQL of such a value SQL of one of the kind; null for a number that is no moment.
    stored : bool
        Whether SQL has nothing to do.
    schema : Any
        Of Avro: under which fastavro gives them as JSON has them.
    fields : tuple of (str, Read)
        Of a record that is no value of another.
    beyond : callable
        Says of SQL of such a value where ``sql`` loses a moment of it; None for nowhere.
    """

    kind: Kind
    json_type: str
    sql: Callable[[str], str] = same
    stored: bool = True
    schema: Any = None
    fields: tuple[tuple[str, Read], ...] = ()
    beyond: Callable[[str], Within | None] = never


def plain(kind: Kind) -> Read:
    """Read values for which JSON and DuckDB need no help."""
    return Read(kind, "VARCHAR" if kind == Scalar("null") else duckdb_type(kind))


TEXT = plain(STRING)


def array_of(item: Read, depth: int) -> Read:
    """Read lists; those that lie too deep as JSON text."""
    if depth >= MAX_DEPTH:
        return TEXT

    def sql(value: str) -> str:
        element = f"a{len(value)}"
        return f"list_transform({value}, lambda {element}: {item.sql(element)})"

    def beyond(value: str) -> Within | None:
        element = f"a{len(value)}"
        return list_within(value, element, item.beyond(element))

    read = same if item.stored else sql
    return Read(Array(item.kind), f"{item.json_type}[]", read, item.stored, beyond=beyond)


def map_of(item: Read, depth: int, key: Scalar = STRING) -> Read:
    """Read maps, whose keys are text in JSON."""
    if depth >= MAX_DEPTH:
        return TEXT
    stored = item.stored and key == STRING

    def sql(value: str) -> str:
        entry = f"a{len(value)}"
        name = f"{entry}.key" if key == STRING else f"CAST({entry}.key AS {duckdb_type(key)})"
        return (
            f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
            f"struct_pack(key := {name}, value := {item.sql(f'{entry}.value')})))"
        )

    def beyond(value: str) -> Within | None:
        entry = f"a{len(value)}"
        inner = f"{entry}.value"
        return map_within(
            value, entry, (f"{entry}.key", None), (item.sql(inner), item.beyond(inner))
        )

    json_type = f"MAP(VARCHAR, {item.json_type})"
    return Read(Map(key, item.kind), json_type, same if stored else sql, stored, beyond=beyond)


def struct_of(fields: Sequence[tuple[str, Read]], depth: int) -> Read:
    """Read objects; those as JSON text that have no type of a table's."""
    names = {normalise(name) for name, _ in fields}
    if depth > MAX_DEPTH or len(names) < len(fields) or not fields:
        return TEXT
    types = ", ".join(f"{quoted(name)} {read.json_type}" for name, read in fields)

    def sql(value: str) -> str:
        parts = (f"{quoted(n)} := {r.sql(f'{value}.{quoted(n)}')}" for n, r in fields)
        return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"

    def beyond(value: str) -> Within | None:
        inside = ((n, r, f"{value}.{quoted(n)}") for n, r in fields)
        return struct_within(value, [(n, r.sql(sql), r.beyond(sql)) for n, r, sql in inside])

    stored = all(read.stored for _, read in fields)
    kind = Struct(tuple((name, read.kind) for name, read in fields))
    return Read(kind, f"STRUCT({types})", same if stored else sql, stored, beyond=beyond)


def instant(kind: Scalar, json_type: str, sql: Callable[[str], str]) -> Read:
    """Read moments, for whose numbers ``sql`` gives null where no calendar has them."""

    def beyond(value: str) -> Within:
        read = sql(value)
        lost = f"({value} IS NOT NULL AND ({read}) IS NULL)"
        return moment_beyond(lost, read, duckdb_type(kind), (value, json_type))

    return Read(kind, json_type, sql, stored=False, beyond=beyond)


#: Days from 1970 to the ends of the years that ISO 8601 spells: 1 to 9999.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


def day(value: str) -> str:
    """Read days since 1970."""
    return (
        f"CASE WHEN {value} BETWEEN {_FIRST_DAY} AND {_LAST_DAY} "
        f"THEN DATE '1970-01-01' + CAST({value} AS INTEGER) END"
    )


def moment(per_second: int, read: str) -> Callable[[str], str]:
    """Give what reads a count since 1970 as a moment of the years from 1 to 9999."""
    least, most = _FIRST_DAY * 86_400 * per_second, (_LAST_DAY + 1) * 86_400 * per_second - 1
    if per_second > 1_000_000:
        # Of nanoseconds 64 bits hold less than that.
        least, most = -(2**63) + 1, 2**63 - 1

    def sql(value: str) -> str:
        return f"CASE WHEN {value} BETWEEN {least} AND {most} THEN {read.format(value)} END"

    return sql


DAYS = instant(DATE, "BIGINT", day)
MILLIS = instant(TIMESTAMP, "BIGINT", moment(1_000, "make_timestamp({0} * 1000)"))
MICROS = instant(TIMESTAMP, "BIGINT", moment(1_000_000, "make_timestamp({0})"))

#: Nanoseconds that are no whole microseconds are no moment of a table's.
NANOS = instant(
    TIMESTAMP,
    "BIGINT",
    moment(1_000_000_000, "if({0} % 1000 = 0, make_timestamp({0} // 1000), NULL)"),
)


def nanosecond_text(value: str) -> str:
    """Give the SQL of a count of nanoseconds as text that has all of them."""
    return f"CAST(make_timestamp_ns({value}) AS VARCHAR)"


def time_of_day(micros: str) -> Read:
    """Read a count since midnight as text."""

    def sql(value: str) -> str:
        number = micros.format(value)
        return (
            f"CASE WHEN {number} BETWEEN 0 AND 86399999999 THEN "
            f"CAST(CAST(make_timestamp({number}) AS TIME) AS VARCHAR) "
            f"ELSE CAST({value} AS VARCHAR) END"
        )

    return Read(STRING, "BIGINT", sql, stored=False)


WHOLE = plain(BIGINT)
