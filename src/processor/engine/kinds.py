"""Types: what JSON values show, what a table holds, what each is called where.

A kind is one of ``Scalar``, ``Array`` and ``Struct``. The same three serve for the shape that
a file's values show (struct fields then bear the keys of the file) and for the type that a
table's column has (fields then bear normalised names).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from processor.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts, by its Athena name; ``null`` where only nulls were seen."""

    name: str


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one kind."""

    item: Kind


@dataclass(frozen=True, slots=True)
class Struct:
    """Named values, in the order in which they were first seen."""

    fields: tuple[tuple[str, Kind], ...]

    def get(self, name: str) -> Kind | None:
        """Give a field's kind, or None."""
        return next((kind for field, kind in self.fields if field == name), None)


Kind = Scalar | Array | Struct

NULL, BOOLEAN, BIGINT = Scalar("null"), Scalar("boolean"), Scalar("bigint")
DOUBLE, STRING = Scalar("double"), Scalar("string")
TIMESTAMP, DATE = Scalar("timestamp"), Scalar("date")

#: A struct of more fields than this is a dictionary with data for keys: kept as JSON text.
_MAX_FIELDS = 200

#: Deeper nesting is kept as JSON text: Athena could not be asked for it by hand.
_MAX_DEPTH = 12

_BIGINT_MIN, _BIGINT_MAX = -(2**63), 2**63 - 1


def kind_of(value: Any, depth: int = 0) -> Kind:
    """Infer the kind of one JSON value.

    Parameters
    ----------
    value : Any
        What ``json.loads`` gave.
    depth : int
        How deep the value lies in its record.

    Returns
    -------
    Kind
        An integer that 64 bits cannot hold is a string: no other type keeps its digits.
    """
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int():
            return BIGINT if _BIGINT_MIN <= value <= _BIGINT_MAX else STRING
        case float():
            return DOUBLE
        case list() if depth < _MAX_DEPTH:
            return Array(merged(kind_of(item, depth + 1) for item in value))
        case dict() if depth < _MAX_DEPTH and len(value) <= _MAX_FIELDS:
            return Struct(tuple((key, kind_of(item, depth + 1)) for key, item in value.items()))
        case _:
            return STRING


def merge(one: Kind, other: Kind) -> Kind:
    """Give the kind that holds the values of both without loss.

    Returns
    -------
    Kind
        Kinds with nothing in common meet in ``string``, where everything but a string is
        written as JSON text.
    """
    if one == other or other == NULL:
        return one
    if one == NULL:
        return other
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merge(one.item, other.item))
    if isinstance(one, Struct) and isinstance(other, Struct):
        fields = dict(one.fields)
        for name, kind in other.fields:
            fields[name] = merge(fields[name], kind) if name in fields else kind
        return Struct(tuple(fields.items())) if len(fields) <= _MAX_FIELDS else STRING
    return DOUBLE if {one, other} == {BIGINT, DOUBLE} else STRING


def merged(kinds: Iterable[Kind]) -> Kind:
    """Merge any number of kinds."""
    found: Kind = NULL
    for kind in kinds:
        found = merge(found, kind)
    return found


def settled(kind: Kind) -> Kind:
    """Turn a shape into the type of a new column.

    Returns
    -------
    Kind
        Field names are normalised; whatever has no type of its own in Athena (nothing but
        nulls in a list, empty objects, fields that would share a name) becomes text.
    """
    match kind:
        case Array(item):
            return Array(settled(item))
        case Struct(fields):
            names = [normalise(name) for name, _ in fields]
            if not fields or len(set(names)) < len(names):
                return STRING
            return Struct(tuple((n, settled(k)) for n, (_, k) in zip(names, fields, strict=True)))
        case _:
            return STRING if kind == NULL else kind


def athena_type(kind: Kind) -> str:
    """Spell a kind as Glue and Athena do."""
    match kind:
        case Array(item):
            return f"array<{athena_type(item)}>"
        case Struct(fields):
            return f"struct<{','.join(f'{n}:{athena_type(k)}' for n, k in fields)}>"
        case Scalar(name):
            return name


_DUCKDB = {
    "string": "VARCHAR",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "float": "FLOAT",
    "binary": "BLOB",
}


def duckdb_type(kind: Kind) -> str:
    """Spell a kind as DuckDB does."""
    match kind:
        case Array(item):
            return f"{duckdb_type(item)}[]"
        case Struct(fields):
            inside = ", ".join(f"{quoted(n)} {duckdb_type(k)}" for n, k in fields)
            return f"STRUCT({inside})"
        case Scalar(name):
            return _DUCKDB.get(name, name.upper())


def quoted(name: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string for SQL."""
    return "'" + text.replace("'", "''") + "'"


def parse_athena_type(text: str) -> Kind:
    """Read a column type of Glue.

    Parameters
    ----------
    text : str
        Such as ``array<struct<a:bigint,b:string>>``.

    Returns
    -------
    Kind
        A type that files of the lake never get (``map``, ``varchar(n)``) is a scalar of
        that name: whatever is not it is rescued.
    """
    tokens = re.findall(r"decimal\([^)]*\)|[^<>,:\s]+|[<>,:]", text.lower())
    position = iter(tokens)

    def one(word: str) -> Kind:
        if word == "array":
            next(position)
            item = one(next(position))
            next(position)
            return Array(item)
        if word == "struct":
            next(position)
            return Struct(tuple(fields()))
        if word == "map":
            depth, parts = 1, ["map", next(position)]
            while depth:
                part = next(position)
                depth += (part == "<") - (part == ">")
                parts.append(part)
            return Scalar("".join(parts))
        return Scalar(word)

    def fields() -> Iterator[tuple[str, Kind]]:
        while True:
            name = next(position)
            next(position)
            yield name, one(next(position))
            if next(position) == ">":
                return

    return one(next(position))
