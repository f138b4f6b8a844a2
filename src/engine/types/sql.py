"""Names, texts and types as DuckDB's SQL spells them."""

from __future__ import annotations

from engine.types.glue import sized
from engine.types.kinds import Array, Kind, Map, Scalar, Struct

_DUCKDB = {"string": "VARCHAR", "int": "INTEGER", "binary": "BLOB", "null": '"NULL"'}


def duckdb_type(kind: Kind) -> str:
    """Spell a kind as DuckDB does."""
    match kind:
        case Array(item):
            return f"{duckdb_type(item)}[]"
        case Struct(fields):
            inside = ", ".join(f"{quoted(n)} {duckdb_type(k)}" for n, k in fields)
            return f"STRUCT({inside})"
        case Map(key, value):
            return f"MAP({duckdb_type(key)}, {duckdb_type(value)})"
        case Scalar(name):
            text = sized(kind)[0] in ("varchar", "char")
            return "VARCHAR" if text else _DUCKDB.get(name, name.upper())


def quoted(name: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string for SQL."""
    # A statement ends at a zero character.
    parts = ("'" + part.replace("'", "''") + "'" for part in text.split("\0"))
    sql = " || chr(0) || ".join(parts)
    return f"({sql})" if "\0" in text else sql
