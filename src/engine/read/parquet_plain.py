"""Parquet of which DuckDB refuses every row because of one value: read as plain bytes and numbers.

A text that is no UTF-8 and milliseconds that microseconds do not hold raise wherever they lie. In
a copy whose footer does not say what is text and what are milliseconds, DuckDB reads both as they
are (apache/parquet-format, ``parquet.thrift``, SchemaElement).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.convert.proofs import FOR_RECORDS, as_json, map_types
from engine.read.footer import Compact
from engine.read.parquet_nodes import element_of
from engine.read.within import Within, list_within, map_within, struct_within
from engine.types.sql import literal, quoted

if TYPE_CHECKING:
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


def without_annotations(footer: bytes) -> bytes:
    """Give a footer that says nothing of text and milliseconds."""
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
    restored : dict of str to Within
        Of each column that has texts, by the name that DuckDB gives it.
    line_sql : str
        A row as JSON, in which bytes that are no text are base64.
    """

    restored: dict[str, Within]
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
        texts = {name: each for name, each in found.items() if each}
        return cls(texts, f"CAST(json_object({members}) AS VARCHAR)")

    def query(self, file_sql: str, *, refused: bool = False) -> str:
        """Give the SQL of the rows, with the column of those that are refused if asked for."""
        texts = ", ".join(
            f"{each.other_sql} AS {quoted(name)}" for name, each in self.restored.items()
        )
        select = f"* REPLACE ({texts})" if texts else "*"
        if refused:
            tests = [each.test_sql for each in self.restored.values()]
            damaged = " OR ".join(tests) or "false"
            select += f", CASE WHEN {damaged} THEN {self.line_sql} END AS {REFUSED}"
        return f"SELECT {select} FROM {file_sql}"


def restored(value: str, kind: DuckDBPyType, node: Node) -> Within | None:
    """Read the texts within a value; those that are none are odd, and null in what is read.

    Parameters
    ----------
    value : str
        SQL of the value.
    kind : DuckDBPyType
        What DuckDB reads it as.
    node : Node
        What the file itself says that it is.

    Returns
    -------
    Within or None
        None where it has no text at all.
    """
    match str(kind.id):
        case "blob" if node.text:
            text = f"TRY(decode({value}))"
            return Within(f"({value} IS NOT NULL AND {text} IS NULL)", text)
        case "list" | "array":
            inner = cast("DuckDBPyType", kind.children[0][1])
            element = f"p{len(value)}"
            return list_within(value, element, restored(element, inner, element_of(node, inner)))
        case "struct":
            children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
            fields = [
                (name, f"{value}.{quoted(name)}", inner, node.child(position))
                for position, (name, inner) in enumerate(children)
            ]
            return struct_within(
                value,
                [(name, sql, restored(sql, inner, part)) for name, sql, inner, part in fields],
            )
        case "map":
            return _map(value, kind, node)
    return None


def _map(value: str, kind: DuckDBPyType, node: Node) -> Within | None:
    entry, (key_type, value_type), entries = f"p{len(value)}", map_types(kind), node.child(0)
    key_sql, item_sql = f"{entry}.key", f"{entry}.value"
    key = restored(key_sql, key_type, entries.child(0))
    item = restored(item_sql, value_type, entries.child(1))
    found = map_within(value, entry, (key.other_sql if key else key_sql, key), (item_sql, item))
    # No map has a key that is null.
    return found and Within(
        found.test_sql, f"CASE WHEN NOT {found.test_sql} THEN {found.other_sql} END"
    )
