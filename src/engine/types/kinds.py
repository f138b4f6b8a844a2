"""Types: what JSON values show, what a table holds, what each is called where.

A kind is one of ``Scalar``, ``Array``, ``Struct`` and ``Map``. The same four serve for the shape
that a file's values show (struct fields then bear the keys of the file) and for the type that a
table's column has (fields then bear normalised names).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.naming import normalise

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


@dataclass(frozen=True, slots=True)
class Map:
    """Values by keys that are data, not names."""

    key: Scalar
    value: Kind


Kind = Scalar | Array | Struct | Map

NULL, BOOLEAN, BIGINT = Scalar("null"), Scalar("boolean"), Scalar("bigint")
DOUBLE, STRING = Scalar("double"), Scalar("string")
TIMESTAMP, DATE, BINARY = Scalar("timestamp"), Scalar("date"), Scalar("binary")

#: Whole numbers narrower than ``bigint``, by how many decimal digits each may have.
WHOLE_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}

#: A column keeps its type for ever, so a new one gets the widest of its family.
_WIDEST = {
    **dict.fromkeys(WHOLE_DIGITS, BIGINT),
    "float": DOUBLE,
    "binary": STRING,
}


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
            # A field of a delimited file says itself what it shows.
            shape: Kind = getattr(value, "shape", STRING)
            return shape


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
    if isinstance(one, Map) and isinstance(other, Map) and one.key == other.key:
        return Map(one.key, merge(one.value, other.value))
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
        case Map(key, value):
            return Map(_WIDEST.get(key.name, key), settled(value))
        case Scalar(name):
            return STRING if kind == NULL else _WIDEST.get(name, kind)


def grown(column: Kind, shape: Kind) -> Kind:
    """Give a column's type with the fields that a file adds to its structs.

    Parameters
    ----------
    column : Kind
        The column's type.
    shape : Kind
        What the file's values show.

    Returns
    -------
    Kind
        The same type, new fields appended to its structs at any depth: the one change that
        files written before survive, since a struct's fields are read by name.
    """
    match column, shape:
        case Array(item), Array(other):
            return Array(grown(item, other))
        case Map(key, value), Map(_, other):
            return Map(key, grown(value, other))
        case Map(key, value), Struct(shapes):
            return Map(key, grown(value, merged(inner for _, inner in shapes)))
        case Struct(fields), Struct(shapes):
            by_name = {normalise(name): inner for name, inner in shapes}
            if len(by_name) < len(shapes):
                return column
            known = {name: grown(kind, by_name.get(name, NULL)) for name, kind in fields}
            new = {n: settled(s) for n, s in by_name.items() if n not in known and s != NULL}
            if len(known) + len(new) > _MAX_FIELDS:
                new = {}
            return Struct(tuple({**known, **new}.items()))
        case _:
            return column


def united(one: Kind, other: Kind) -> Kind | None:
    """Give the type under which values written as either are read; None where there is none.

    Parameters
    ----------
    one, other : Kind
        Types of a column; the first one's fields keep their places.
    """
    match one, other:
        case Array(item), Array(also):
            inner = united(item, also)
            return inner and Array(inner)
        case Map(key, value), Map(same, also) if key == same:
            inner = united(value, also)
            return inner and Map(key, inner)
        case Struct(fields), Struct(others):
            found = dict(fields)
            for name, kind in others:
                inner = united(found[name], kind) if name in found else kind
                if inner is None:
                    return None
                found[name] = inner
            return Struct(tuple(found.items()))
        case _:
            return one if one == other else None


def additions(before: Kind, after: Kind, path: str) -> Iterator[str]:
    """Name the fields that a grown type has and the type before it had not.

    Parameters
    ----------
    before, after : Kind
        Types of a column.
    path : str
        The column's name.

    Yields
    ------
    str
        Such as ``user.address.city``.
    """
    match before, after:
        case Array(item), Array(other):
            yield from additions(item, other, path)
        case Map(_, value), Map(_, other):
            yield from additions(value, other, path)
        case Struct(fields), Struct(others):
            known = dict(fields)
            for name, kind in others:
                if name in known:
                    yield from additions(known[name], kind, f"{path}.{name}")
                else:
                    yield f"{path}.{name}"


def leaves(kind: Kind) -> int:
    """Count the columns that a Parquet file has for a kind."""
    match kind:
        case Array(item):
            return leaves(item)
        case Map(_, value):
            return 1 + leaves(value)
        case Struct(fields):
            return sum(leaves(inner) for _, inner in fields)
        case _:
            return 1
