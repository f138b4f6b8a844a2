"""Parquet of which DuckDB refuses every row because of one value: read as plain bytes and numbers.

A text that is no UTF-8 and milliseconds that microseconds do not hold raise wherever they lie. In
a copy whose footer does not say what is text and what are milliseconds, DuckDB reads both as they
are (apache/parquet-format, ``parquet.thrift``, SchemaElement).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from engine.convert.proofs import FOR_RECORDS, as_json, map_types
from engine.read.footer import Compact, copy_with_footer, footer_bytes
from engine.read.parquet_nodes import element_of
from engine.types.sql import literal, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyRelation
    from duckdb.sqltypes import DuckDBPyType

    from engine.read.parquet_nodes import Node

#: What DuckDB says of such a value.
MISREAD = re.compile("Invalid string encoding|Could not convert Timestamp")

#: Of FileMetaData; of SchemaElement; and converted types: UTF8, ENUM, JSON, TIMESTAMP_MILLIS.
_SCHEMA = 2
_TYPE, _CONVERTED, _LOGICAL = 1, 6, 10
_CONVERTED_TYPES = (b"\x00", b"\x08", b"\x26", b"\x12")

#: Logical types, unions of structs: STRING, ENUM, JSON; TIMESTAMP in the unit MILLIS.
_LOGICAL_TYPE = re.compile(rb"[\x1c\x4c\xcc]|\x8c[\x11\x12]\x1c\x1c", re.DOTALL)


#: The column with the text of a row that is refused.
REFUSED = quoted("lake refused row")


def copy_plainly(path: Path, target: Path) -> None:
    """Copy a file; its footer says nothing of text and milliseconds."""
    footer = footer_bytes(path)
    copy_with_footer(path, target, footer, _without_annotations(footer))


def _without_annotations(footer: bytes) -> bytes:
    reader = Compact(footer)
    for field, kind in reader.fields():
        if field == _SCHEMA:
            _, count = reader.list_header()
            begin = reader.at
            elements = b"".join(_element(reader) for _ in range(count))
            return footer[:begin] + elements + footer[reader.at :]
        reader.skip(kind)
    return footer


def _element(reader: Compact) -> bytes:
    fields = {}
    for field, kind in reader.fields():
        begin = reader.at
        reader.skip(kind)
        fields[field] = (kind, reader.data[begin : reader.at])
    converted, logical = (fields.get(n, (0, b""))[1] for n in (_CONVERTED, _LOGICAL))
    # Groups, which have no type, are lists and maps.
    if _TYPE in fields and (converted in _CONVERTED_TYPES or _LOGICAL_TYPE.match(logical)):
        fields.pop(_CONVERTED, None)
        fields.pop(_LOGICAL, None)
    written, before = b"", 0
    for field, (kind, value) in fields.items():
        written += bytes([(field - before) << 4 | kind]) + value
        before = field
    return written + b"\0"


@dataclass(frozen=True, slots=True)
class Texts:
    """Reads the texts of a plain copy.

    Attributes
    ----------
    restored : dict of str to Restored
        Of each column that has texts, by the name that DuckDB gives it.
    line_sql : str
        A row as JSON, in which bytes that are no text are base64.
    """

    restored: dict[str, Restored]
    line_sql: str

    @classmethod
    def of(cls, rows: DuckDBPyRelation, root: Node) -> Texts:
        """Find them in the rows of the copy, by the schema of the file itself."""
        columns = list(zip(rows.columns, rows.types, root.children, strict=True))
        found = {name: restored(quoted(name), kind, node) for name, kind, node in columns}
        members = ", ".join(
            f"{literal(node.name)}, {as_json(quoted(name), kind, FOR_RECORDS)}"
            for name, kind, node in columns
        )
        texts = {name: each for name, each in found.items() if each.damaged_sql}
        return cls(texts, f"CAST(json_object({members}) AS VARCHAR)")

    def query(self, file_sql: str, *, refused: bool = False) -> str:
        """Give the SQL of the rows, with the column of those that are refused if asked for."""
        texts = ", ".join(f"{each.sql} AS {quoted(name)}" for name, each in self.restored.items())
        select = f"* REPLACE ({texts})" if texts else "*"
        if refused:
            tests = [each.damaged_sql for each in self.restored.values()]
            damaged = " OR ".join(tests) or "false"
            select += f", CASE WHEN {damaged} THEN {self.line_sql} END AS {REFUSED}"
        return f"SELECT {select} FROM {file_sql}"


class Restored(NamedTuple):
    """SQL of a value of the plain copy.

    Attributes
    ----------
    sql : str
        Reads its bytes as the texts that they are; null for those that are none.
    damaged_sql : str
        True where there are such; empty where it has no text at all.
    """

    sql: str
    damaged_sql: str = ""


def restored(value: str, kind: DuckDBPyType, node: Node) -> Restored:
    """Read the texts within a value.

    Parameters
    ----------
    value : str
        SQL of the value.
    kind : DuckDBPyType
        What DuckDB reads it as.
    node : Node
        What the file itself says that it is.
    """
    match str(kind.id):
        case "blob" if node.text:
            text = f"TRY(decode({value}))"
            return Restored(text, f"({value} IS NOT NULL AND {text} IS NULL)")
        case "list" | "array":
            inner = cast("DuckDBPyType", kind.children[0][1])
            element = f"p{len(value)}"
            item = restored(element, inner, element_of(node, inner))
            if not item.damaged_sql:
                return Restored(value)
            return Restored(
                f"list_transform({value}, lambda {element}: {item.sql})",
                f"len(list_filter({value}, lambda {element}: {item.damaged_sql})) > 0",
            )
        case "struct":
            return _struct(value, kind, node)
        case "map":
            return _map(value, kind, node)
    return Restored(value)


def _struct(value: str, kind: DuckDBPyType, node: Node) -> Restored:
    children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
    parts = [
        (name, restored(f"{value}.{quoted(name)}", inner, node.child(position)))
        for position, (name, inner) in enumerate(children)
    ]
    tests = [part.damaged_sql for _, part in parts if part.damaged_sql]
    if not tests:
        return Restored(value)
    packed = ", ".join(f"{quoted(name)} := {part.sql}" for name, part in parts)
    return Restored(
        f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END", f"({' OR '.join(tests)})"
    )


def _map(value: str, kind: DuckDBPyType, node: Node) -> Restored:
    entry, (key_type, value_type), entries = f"p{len(value)}", map_types(kind), node.child(0)
    key = restored(f"{entry}.key", key_type, entries.child(0))
    item = restored(f"{entry}.value", value_type, entries.child(1))
    tests = [part.damaged_sql for part in (key, item) if part.damaged_sql]
    if not tests:
        return Restored(value)
    damaged = f"len(list_filter(map_entries({value}), lambda {entry}: {' OR '.join(tests)})) > 0"
    # No map has a key that is null.
    return Restored(
        f"CASE WHEN NOT {damaged} THEN map_from_entries(list_transform(map_entries({value}), "
        f"lambda {entry}: struct_pack(key := {key.sql}, value := {item.sql}))) END",
        damaged,
    )
