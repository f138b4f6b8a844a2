"""Parquet's types: each becomes one that Athena reads and that holds every value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from engine.convert.proofs import map_types
from engine.types.kinds import (
    BIGINT,
    BINARY,
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
from engine.types.sql import literal, quoted
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


@dataclass(frozen=True, slots=True)
class Node:
    """An element of a Parquet schema, of which DuckDB's types do not say all."""

    name: str = ""
    logical: str = ""
    children: tuple[Node, ...] = ()

    def child(self, position: int) -> Node:
        """Give an element within it; where there is none, one without a name."""
        return self.children[position] if position < len(self.children) else Node()


def schema_of(db: duckdb.DuckDBPyConnection, path: Path) -> Node:
    """Read a file's schema, in which names are as they were written.

    Raises
    ------
    RejectedObjectError
        When DuckDB would read a column as other values than the file's.
    """
    elements = iter(
        db.execute(
            "SELECT name, logical_type, num_children, precision "
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

    def read(self, value: str, kind: DuckDBPyType, node: Node, depth: int = 0) -> tuple[Kind, str]:
        """Give what a value is, and the SQL that reads it as that.

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
            return NULL, "CAST(NULL AS VARCHAR)"
        if name in ("list", "array", "struct", "map", "union") and depth >= _MAX_DEPTH:
            return STRING, _as_text(value, kind, node)
        match name:
            case "list" | "array":
                return self._list(value, kind, node, depth)
            case "struct":
                return self._struct(value, kind, node, depth)
            case "map":
                return self._map(value, kind, node, depth)
            case "decimal":
                return Scalar(str(kind).lower().replace(" ", "")), value
            case "union":
                return STRING, _as_text(value, kind, node)
            case "timestamp_ns":
                return self._instant(value)
        scalar, sql = _SCALARS.get(name, (STRING, _TEXT))
        return scalar, sql.format(value)

    def _instant(self, value: str) -> tuple[Kind, str]:
        # Values within lists and maps have no name by which they could be looked at.
        alone = value.startswith(quoted(self.column))
        if alone and not self.nanoseconds.lost(f"epoch_ns({value}) % 1000 <> 0"):
            return TIMESTAMP, f"CAST({value} AS TIMESTAMP)"
        return STRING, _TEXT.format(value)

    def _list(self, value: str, kind: DuckDBPyType, node: Node, depth: int) -> tuple[Kind, str]:
        element = f"e{len(value)}"
        inner = cast("DuckDBPyType", kind.children[0][1])
        item, sql = self.read(element, inner, _element(node, inner), depth + 1)
        if item == NULL:
            none = f"list_transform({value}, lambda {element}: CAST(NULL AS VARCHAR))"
            return Array(NULL), none
        read = value if sql == element else f"list_transform({value}, lambda {element}: {sql})"
        return Array(item), read

    def _struct(self, value: str, kind: DuckDBPyType, node: Node, depth: int) -> tuple[Kind, str]:
        children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
        names = _names(children, node)
        if len({normalise(name) for name in names}) < len(names):
            return STRING, _as_text(value, kind, node)
        # The tag of a union has no name, which makes names useless for its other fields, too.
        named = all(name for name, _ in children)
        parts = [
            (
                name or normalise(name),
                inside := f"{value}.{quoted(called)}"
                if named
                else f"struct_extract_at({value}, {number})",
                *self.read(inside, inner, node.child(number - 1), depth + 1),
            )
            for number, (name, (called, inner)) in enumerate(zip(names, children, strict=True), 1)
        ]
        shape = Struct(tuple((name, inner) for name, _, inner, _ in parts))
        if named and all(inside == sql for _, inside, _, sql in parts):
            return shape, value
        packed = ", ".join(f"{quoted(name)} := {sql}" for name, _, _, sql in parts)
        return shape, f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"

    def _map(self, value: str, kind: DuckDBPyType, node: Node, depth: int) -> tuple[Kind, str]:
        key_type, value_type = map_types(kind)
        entry, entries = f"e{len(value)}", node.child(0)
        key, key_sql = self.read(f"{entry}.key", key_type, entries.child(0), depth + 1)
        item, item_sql = self.read(f"{entry}.value", value_type, entries.child(1), depth + 1)
        if not isinstance(key, Scalar) or key.name not in _KEYS:
            return STRING, _as_text(value, kind, node)
        if (key_sql, item_sql) == (f"{entry}.key", f"{entry}.value"):
            return Map(key, item), value
        read = (
            f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
            f"struct_pack(key := {key_sql}, value := {item_sql})))"
        )
        return Map(key, item), read


def _names(children: list[tuple[str, DuckDBPyType]], node: Node) -> list[str]:
    """Give the true names of a struct's fields: DuckDB's are made distinct by their order."""
    if len(children) == len(node.children):
        return [child.name for child in node.children]
    return [name for name, _ in children]


def _element(node: Node, kind: DuckDBPyType) -> Node:
    """Give the element of a list: of three levels the middle one is no value.

    Old writers leave it out, so that a struct of one field looks like it (Parquet's
    LogicalTypes.md, "Backward-compatibility rules"); DuckDB's type tells which it was.
    """
    middle = node.child(0)
    if len(middle.children) != 1:
        return middle
    if str(kind.id) == "struct" and len(kind.children) == 1:
        (name, _), only = kind.children[0], middle.child(0)
        return middle if name == only.name and not only.children else only
    return middle.child(0)


def _as_text(value: str, kind: DuckDBPyType, node: Node) -> str:
    return f"CAST({_as_json(value, kind, node)} AS VARCHAR)"


def _as_json(value: str, kind: DuckDBPyType, node: Node) -> str:
    """Give the SQL of a value as JSON that has the file's own names."""
    if _has_own_json(kind, node):
        # At once: DuckDB's expressions nest no deeper than 1,000.
        return f"to_json({value})"
    match str(kind.id):
        case "struct":
            children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
            named = all(name for name, _ in children)
            parts = []
            for position, name in enumerate(_names(children, node)):
                called, inner = children[position]
                inside = (
                    f"{value}.{quoted(called)}"
                    if named
                    else f"struct_extract_at({value}, {position + 1})"
                )
                parts += [literal(name), _as_json(inside, inner, node.child(position))]
            return f"CASE WHEN {value} IS NOT NULL THEN json_object({', '.join(parts)}) END"
        case "list" | "array":
            element = f"t{len(value)}"
            inner = cast("DuckDBPyType", kind.children[0][1])
            item = _as_json(element, inner, _element(node, inner))
            return f"to_json(list_transform({value}, lambda {element}: {item}))"
    return f"CAST({value} AS JSON)"


def _has_own_json(kind: DuckDBPyType, node: Node) -> bool:
    """Tell whether DuckDB's JSON of a type has the file's names and can be read back."""
    match str(kind.id):
        case "struct":
            children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
            for position, (_, inner) in enumerate(children):
                if not _has_own_json(inner, node.child(position)):
                    return False
            return _names(children, node) == [name for name, _ in children]
        case "list" | "array":
            inner = cast("DuckDBPyType", kind.children[0][1])
            return _has_own_json(inner, _element(node, inner))
    return str(kind.id) != "variant"
