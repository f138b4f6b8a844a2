"""What Athena expects of a Parquet file, by PyArrow: an independent reader of what was written.

Athena's reader is Trino's: columns and the fields of structs are found by name, what a file lacks
reads as null, and the type of what it has must be the one that the table says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from store.model import Schema

_PLAIN = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}

#: Physical type, logical type and its unit of a leaf, as Athena reads it (Trino's
#: ParquetReader; TIMESTAMP in milliseconds or microseconds, never INT96).
_PHYSICAL = {
    "boolean": {("BOOLEAN", "NONE")},
    "tinyint": {("INT32", "INT")},
    "smallint": {("INT32", "INT")},
    "int": {("INT32", "INT")},
    "bigint": {("INT64", "INT")},
    "float": {("FLOAT", "NONE")},
    "double": {("DOUBLE", "NONE")},
    "string": {("BYTE_ARRAY", "STRING")},
    "binary": {("BYTE_ARRAY", "NONE")},
    "date": {("INT32", "DATE")},
    "timestamp": {("INT64", "TIMESTAMP")},
    "decimal": {("INT32", "DECIMAL"), ("INT64", "DECIMAL"), ("FIXED_LEN_BYTE_ARRAY", "DECIMAL")},
}


def _split(inside: str) -> list[str]:
    """Split at the commas that lie in no bracket."""
    parts, depth, begin = [], 0, 0
    for position, mark in enumerate(inside):
        depth += (mark in "<(") - (mark in ">)")
        if mark == "," and not depth:
            parts.append(inside[begin:position])
            begin = position + 1
    return [*parts, inside[begin:]]


def _taken_apart(glue: str) -> tuple[str, list[str]]:
    found = re.fullmatch(r"(array|map|struct)<(.*)>", glue)
    return (found[1], _split(found[2])) if found else ("", [glue])


def arrow_type(glue: str) -> Any:
    """The one Arrow type of a column that Athena reads as a Glue type."""
    kind, parts = _taken_apart(glue)
    if kind == "array":
        return pa.list_(arrow_type(parts[0]))
    if kind == "map":
        return pa.map_(arrow_type(parts[0]), arrow_type(parts[1]))
    if kind == "struct":
        fields = [part.split(":", 1) for part in parts]
        return pa.struct([(name, arrow_type(inner)) for name, inner in fields])
    if found := re.fullmatch(r"decimal\((\d+),(\d+)\)", glue):
        return pa.decimal128(int(found[1]), int(found[2]))
    return _PLAIN["string"] if re.match(r"(var)?char\(", glue) else _PLAIN[glue]


def _leaves(glue: str, path: str) -> Iterable[tuple[str, str]]:
    """Paths and types of the leaves, in the structure that Parquet's LogicalTypes.md asks for."""
    kind, parts = _taken_apart(glue)
    if kind == "array":
        yield from _leaves(parts[0], f"{path}.list.element")
    elif kind == "map":
        yield from _leaves(parts[0], f"{path}.key_value.key")
        yield from _leaves(parts[1], f"{path}.key_value.value")
    elif kind == "struct":
        for part in parts:
            name, inner = part.split(":", 1)
            yield from _leaves(inner, f"{path}.{name}")
    else:
        yield path, glue


def _agrees(found: Any, wanted: Any) -> bool:
    """Whether a file's type is read as a table's: the same, or fewer fields in a struct."""
    if pa.types.is_struct(wanted) and pa.types.is_struct(found):
        table = {field.name: field.type for field in wanted}
        return all(f.name in table and _agrees(f.type, table[f.name]) for f in found)
    if pa.types.is_map(wanted) and pa.types.is_map(found):
        return _agrees(found.key_type, wanted.key_type) and _agrees(
            found.item_type, wanted.item_type
        )
    if pa.types.is_list(wanted) and pa.types.is_list(found):
        return _agrees(found.value_type, wanted.value_type)
    return bool(found == wanted)


def _filled(value: Any, wanted: Any) -> Any:
    """A value as the table's type shows it: fields that the file lacks are null."""
    if value is None:
        return None
    if pa.types.is_struct(wanted):
        return {field.name: _filled(value.get(field.name), field.type) for field in wanted}
    if pa.types.is_map(wanted):
        return [(key, _filled(item, wanted.item_type)) for key, item in value]
    if pa.types.is_list(wanted):
        return [_filled(item, wanted.value_type) for item in value]
    return value


def read(path: Path, table: Schema) -> list[dict[str, Any]]:
    """Read a file as Athena does under a table, or fail where Athena would."""
    file = pq.ParquetFile(path)
    glue = {column.name.lower(): column.type for column in table.columns}
    assert set(file.schema_arrow.names) <= set(glue)
    for field in file.schema_arrow:
        assert _agrees(field.type, arrow_type(glue[field.name])), (field, glue[field.name])
    _check_leaves(file, glue)
    types = {name: arrow_type(kind) for name, kind in glue.items() if _writable(kind)}
    missing = dict.fromkeys(types)
    nested = {name: wanted for name, wanted in types.items() if pa.types.is_nested(wanted)}
    return [
        missing | row | {name: _filled(row.get(name), wanted) for name, wanted in nested.items()}
        for row in file.read().to_pylist()
    ]


def _writable(glue: str) -> bool:
    try:
        return arrow_type(glue) is not None
    except KeyError:
        return False


def _check_leaves(file: Any, glue: dict[str, str]) -> None:
    leaves = {path: kind for name, type_ in glue.items() for path, kind in _leaves(type_, name)}
    for number in range(len(file.schema.names)):
        leaf = file.schema.column(number)
        kind = re.sub(r"\(.*", "", leaves[leaf.path])
        logical = "NONE" if leaf.logical_type.type == "NONE" else leaf.logical_type.type
        allowed = _PHYSICAL["string" if kind in ("varchar", "char") else kind]
        assert (leaf.physical_type, logical) in allowed, (leaf.path, leaf)
        if kind == "timestamp":
            details = str(leaf.logical_type)
            assert "isAdjustedToUTC=false, timeUnit=microseconds" in details, details
