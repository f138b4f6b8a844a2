"""The elements of a Parquet schema, of which DuckDB's types do not say all, and JSON by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.convert.proofs import map_types, text_of_bytes
from engine.types.sql import literal, quoted

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType


#: Keys of maps of which DuckDB's text is a notation of its own.
_NO_NAMES = frozenset({"struct", "list", "array", "map", "union", "blob", "variant"})

_TEXTS = ("StringType", "EnumType", "JsonType", "UTF8", "ENUM", "JSON")


@dataclass(frozen=True, slots=True)
class Node:
    """An element of a Parquet schema, of which DuckDB's types do not say all."""

    name: str = ""
    logical: str = ""
    children: tuple[Node, ...] = ()

    @property
    def text(self) -> bool:
        """Whether it is text, of any of its names."""
        return self.logical.startswith(_TEXTS)

    @property
    def millis(self) -> bool:
        """Whether it counts milliseconds."""
        return self.logical == "TIMESTAMP_MILLIS" or "unit=TimeUnit(MILLIS=M" in self.logical

    def child(self, position: int) -> Node:
        """Give an element within it; where there is none, one without a name."""
        return self.children[position] if position < len(self.children) else Node()


def names_of(children: list[tuple[str, DuckDBPyType]], node: Node) -> list[str]:
    """Give the true names of a struct's fields: DuckDB's are made distinct by their order."""
    if len(children) == len(node.children):
        return [child.name for child in node.children]
    return [name for name, _ in children]


def element_of(node: Node, kind: DuckDBPyType) -> Node:
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


def as_text(value: str, kind: DuckDBPyType, node: Node) -> str:
    """Give the SQL of a value as the text of its JSON, which has the file's own names."""
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
            for position, name in enumerate(names_of(children, node)):
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
            item = _as_json(element, inner, element_of(node, inner))
            return f"to_json(list_transform({value}, lambda {element}: {item}))"
        case "map":
            entry, entries = f"t{len(value)}", node.child(0)
            key_type, value_type = map_types(kind)
            key = _as_json(f"{entry}.key", key_type, entries.child(0))
            item = _as_json(f"{entry}.value", value_type, entries.child(1))
            packed = f"json_object('key', {key}, 'value', {item})"
            return f"to_json(list_transform(map_entries({value}), lambda {entry}: {packed}))"
        case "blob":
            return f"to_json({text_of_bytes(value)})"
    return f"CAST({value} AS JSON)"


def _has_own_json(kind: DuckDBPyType, node: Node) -> bool:
    """Tell whether DuckDB's JSON of a type has the file's names and can be read back."""
    match str(kind.id):
        case "struct":
            children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
            for position, (_, inner) in enumerate(children):
                if not _has_own_json(inner, node.child(position)):
                    return False
            return names_of(children, node) == [name for name, _ in children]
        case "list" | "array":
            inner = cast("DuckDBPyType", kind.children[0][1])
            return _has_own_json(inner, element_of(node, inner))
        case "map":
            # A member of an object is called by a text.
            key_type, value_type = map_types(kind)
            value = node.child(0).child(1)
            return str(key_type.id) not in _NO_NAMES and _has_own_json(value_type, value)
    return str(kind.id) not in ("variant", "blob")
