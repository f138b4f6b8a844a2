"""Parquet's types: each becomes one that Athena reads and that holds every value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from engine.convert.proofs import map_types
from engine.read.jsontypes import MILLIS
from engine.read.parquet_nodes import Node, as_text, element_of, names_of
from engine.read.within import Within, list_within, map_within, moment_beyond, struct_within
from engine.types.kinds import (
    BIGINT,
    BINARY,
    DATE,
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
from engine.types.sql import duckdb_type, literal, quoted
from store.errors import RejectedObjectError
from store.naming import normalise
from store.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    from duckdb.sqltypes import DuckDBPyType

#: Deeper values are JSON text, as :func:`engine.types.kinds.kind_of` has it.
_MAX_DEPTH = 12


#: DuckDB 1.5.6 counts the levels of a column in a byte, and fails as a whole over more.
_LEVELS = 255


def schema_of(db: duckdb.DuckDBPyConnection, path: Path) -> Node:
    """Read a file's schema, in which names are as they were written.

    Raises
    ------
    RejectedObjectError
        When DuckDB would read a column as other values than the file's.
    """
    elements = iter(
        db.execute(
            "SELECT name, coalesce(logical_type, converted_type), num_children, precision "
            f"FROM parquet_schema({literal(str(path))})"
        ).fetchall()
    )

    def node(depth: int = 0) -> Node:
        name, logical, children, precision = next(elements)
        if (precision or 0) > 38:
            detail = f"column {name} is a decimal of {precision} digits, more than 38"
            raise RejectedObjectError(Reason.UNSUPPORTED_TYPE, detail)
        if depth > _LEVELS:
            detail = f"column {name} nests deeper than {_LEVELS} levels"
            raise RejectedObjectError(Reason.UNSUPPORTED_TYPE, detail)
        inside = []
        # A comprehension would be a second frame for each level, and Python has few.
        for _ in range(children or 0):
            inside.append(node(depth + 1))  # noqa: PERF401
        return Node(name, logical or "", tuple(inside))

    return node()


@dataclass(frozen=True, slots=True)
class Nanoseconds:
    """Tells which columns' nanoseconds are whole microseconds throughout.

    Attributes
    ----------
    db : duckdb.DuckDBPyConnection
        Looks at every value, of these columns alone.
    rows : str
        The file's rows, as SQL.
    """

    db: duckdb.DuckDBPyConnection
    rows: str
    seen: dict[str, bool] = field(default_factory=dict)

    def lost(self, test: str) -> bool:
        """Tell whether a test is true for any row."""
        if test not in self.seen:
            query = f"SELECT 1 FROM {self.rows} WHERE {test} LIMIT 1"
            self.seen[test] = bool(self.db.execute(query).fetchall())
        return self.seen[test]


#: Times, intervals, UUIDs, enumerations, integers beyond 64 bits, and geometries (whose text is
#: WKT): their text is the one form in which Athena keeps all of it.
_TEXT = "CAST({0} AS VARCHAR)"

#: Of nanoseconds DuckDB takes the first and the last instant for infinite.
_NANOSECONDS = (
    "CASE WHEN isinf({0}) THEN CASE WHEN epoch_ns({0}) > 0 THEN '2262-04-11 23:47:16.854775807' "
    "ELSE '1677-09-21 00:12:43.145224193' END ELSE CAST({0} AS VARCHAR) END"
)

#: Text of a VARIANT is DuckDB's own notation, in which strings have no quotes; of its JSON, not.
_VARIANT = "CAST(CAST({0} AS JSON) AS VARCHAR)"

_INSTANTS = ("timestamp", "timestamp_s", "timestamp_ms", "timestamp with time zone")

_SCALARS: dict[str, tuple[Kind, str]] = {
    **{name: (Scalar(name), "{0}") for name in ("tinyint", "smallint", "bigint")},
    **{name: (Scalar(name), "{0}") for name in ("float", "double", "boolean", "date")},
    "integer": (Scalar("int"), "{0}"),
    "utinyint": (Scalar("smallint"), "CAST({0} AS SMALLINT)"),
    "usmallint": (Scalar("int"), "CAST({0} AS INTEGER)"),
    "uinteger": (BIGINT, "CAST({0} AS BIGINT)"),
    "ubigint": (Scalar("decimal(20,0)"), "CAST({0} AS DECIMAL(20, 0))"),
    # With a zone it is an instant; the session's zone is UTC.
    **dict.fromkeys(_INSTANTS, (TIMESTAMP, "CAST({0} AS TIMESTAMP)")),
    "blob": (BINARY, "{0}"),
    "variant": (STRING, _VARIANT),
}

#: Athena has maps by any of these; floating point is no key.
_KEYS = frozenset({*WHOLE_DIGITS, "boolean", "string", "date", "timestamp"})


#: DuckDB's moments have years beyond 1 to 9999, and infinity for the last number of all.
_BEYOND = {
    DATE: "{0} NOT BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'",
    TIMESTAMP: "{0} NOT BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'",
}
_DAYS = "({0} - DATE '1970-01-01')"
_MICROS = "coalesce(epoch_us({0}), if({0} > TIMESTAMP '1970-01-01', 1, -1) * 9223372036854775807)"


def _beyond(kind: Kind, value: str, node: Node) -> Within | None:
    """Say how a moment is rescued: as days or in its file's unit, of INT96 in microseconds."""
    if kind not in _BEYOND:
        return None
    number = _DAYS if kind == DATE else "epoch_ms({0})" if node.millis else _MICROS
    test = _BEYOND[kind].format(value)
    return moment_beyond(test, value, duckdb_type(kind), (number.format(value), "BIGINT"))


@dataclass(frozen=True, slots=True)
class Value:
    """How a value is read.

    Attributes
    ----------
    kind : Kind
        What it is.
    sql : str
        Reads it as that.
    beyond : Within or None
        Where its type does not hold a moment of it; None for nowhere.
    """

    kind: Kind
    sql: str
    beyond: Within | None = None


@dataclass(frozen=True, slots=True)
class ColumnRead:
    """Finds out how the values of one column are read.

    Attributes
    ----------
    nanoseconds : Nanoseconds
        Proves that none of them is lost.
    column : str
        As DuckDB calls it.
    """

    nanoseconds: Nanoseconds
    column: str

    def read(self, value: str, kind: DuckDBPyType, node: Node, depth: int = 0) -> Value:
        """Tell how a value is read.

        Parameters
        ----------
        value : str
            SQL of the value.
        kind : DuckDBPyType
            What DuckDB reads it as.
        node : Node
            What the file says that it is.
        depth : int
            How deep the value lies in its record.
        """
        name = str(kind.id)
        if node.logical.startswith("NullType"):
            return Value(NULL, "CAST(NULL AS VARCHAR)")
        if name in ("list", "array", "struct", "map", "union") and depth >= _MAX_DEPTH:
            return Value(STRING, as_text(value, kind, node))
        match name:
            case "list" | "array":
                return self._list(value, kind, node, depth)
            case "struct":
                return self._struct(value, kind, node, depth)
            case "map":
                return self._map(value, kind, node, depth)
            case "decimal":
                return Value(Scalar(str(kind).lower().replace(" ", "")), value)
            case "union":
                return Value(STRING, as_text(value, kind, node))
            case "timestamp_ns":
                return self._instant(value)
            case "bigint" if node.millis:
                # As the plain copy has them, for there are some that microseconds do not hold.
                return Value(MILLIS.kind, MILLIS.sql(value), MILLIS.beyond(value))
        scalar, sql = _SCALARS.get(name, (STRING, _TEXT))
        read = sql.format(value)
        return Value(scalar, read, _beyond(scalar, read, node))

    def _instant(self, value: str) -> Value:
        # Values within lists and maps have no name by which they could be looked at.
        alone = value.startswith(quoted(self.column))
        if alone and not self.nanoseconds.lost(f"epoch_ns({value}) % 1000 <> 0"):
            return Value(TIMESTAMP, f"CAST({value} AS TIMESTAMP)")
        return Value(STRING, _NANOSECONDS.format(value))

    def _list(self, value: str, kind: DuckDBPyType, node: Node, depth: int) -> Value:
        element = f"e{len(value)}"
        inner = cast("DuckDBPyType", kind.children[0][1])
        item = self.read(element, inner, element_of(node, inner), depth + 1)
        if item.kind == NULL:
            none = f"list_transform({value}, lambda {element}: CAST(NULL AS VARCHAR))"
            return Value(Array(NULL), none)
        same = item.sql == element
        read = value if same else f"list_transform({value}, lambda {element}: {item.sql})"
        return Value(Array(item.kind), read, list_within(value, element, item.beyond))

    def _struct(self, value: str, kind: DuckDBPyType, node: Node, depth: int) -> Value:
        children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
        names = names_of(children, node)
        if len({normalise(name) for name in names}) < len(names):
            return Value(STRING, as_text(value, kind, node))
        # The tag of a union has no name, which makes names useless for its other fields, too.
        named = all(name for name, _ in children)
        parts = [
            (
                name or normalise(name),
                inside := f"{value}.{quoted(called)}"
                if named
                else f"struct_extract_at({value}, {number})",
                self.read(inside, inner, node.child(number - 1), depth + 1),
            )
            for number, (name, (called, inner)) in enumerate(zip(names, children, strict=True), 1)
        ]
        shape = Struct(tuple((name, inner.kind) for name, _, inner in parts))
        beyond = struct_within(value, [(name, inner.sql, inner.beyond) for name, _, inner in parts])
        if named and all(inside == inner.sql for _, inside, inner in parts):
            return Value(shape, value, beyond)
        packed = ", ".join(f"{quoted(name)} := {inner.sql}" for name, _, inner in parts)
        read = f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"
        return Value(shape, read, beyond)

    def _map(self, value: str, kind: DuckDBPyType, node: Node, depth: int) -> Value:
        key_type, value_type = map_types(kind)
        entry, entries = f"e{len(value)}", node.child(0)
        key = self.read(f"{entry}.key", key_type, entries.child(0), depth + 1)
        item = self.read(f"{entry}.value", value_type, entries.child(1), depth + 1)
        if not isinstance(key.kind, Scalar) or key.kind.name not in _KEYS:
            return Value(STRING, as_text(value, kind, node))
        shape = Map(key.kind, item.kind)
        beyond = map_within(value, entry, (key.sql, key.beyond), (item.sql, item.beyond))
        if (key.sql, item.sql) == (f"{entry}.key", f"{entry}.value"):
            return Value(shape, value, beyond)
        read = (
            f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
            f"struct_pack(key := {key.sql}, value := {item.sql})))"
        )
        return Value(shape, read, beyond)
