"""Types as Glue and Athena spell them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.types.kinds import BINARY, WHOLE_DIGITS, Array, Kind, Map, Scalar, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Athena's other names for types (Athena User Guide, "Data types in Amazon Athena").
_SYNONYMS = {"integer": "int", "real": "float", "varchar": "string", "decimal": "decimal(10,0)"}


_SIZED = re.compile(r"(decimal|varchar|char)\((\d+)(?:,(\d+))?\)")


_PLAIN = frozenset({*WHOLE_DIGITS, "float", "double", "boolean", "string", "date", "timestamp"})


def sized(kind: Kind) -> tuple[str, int, int]:
    """Give family, length or precision, and scale of a type that has them, else nothing."""
    found = _SIZED.fullmatch(kind.name) if isinstance(kind, Scalar) else None
    return (found[1], int(found[2]), int(found[3] or 0)) if found else ("", 0, 0)


def writable(kind: Kind) -> bool:
    """Tell whether files of the lake can hold a type that somebody gave a column."""
    match kind:
        case Array(item):
            return writable(item)
        case Map(key, value):
            return writable(key) and writable(value)
        case Struct(fields):
            return all(writable(inner) for _, inner in fields)
        case Scalar(name):
            family, size, scale = sized(kind)
            if family == "decimal":
                return scale <= size <= 38
            return name in _PLAIN or kind == BINARY or bool(family)


def athena_type(kind: Kind) -> str:
    """Spell a kind as Glue and Athena do."""
    match kind:
        case Array(item):
            return f"array<{athena_type(item)}>"
        case Struct(fields):
            return f"struct<{','.join(f'{n}:{athena_type(k)}' for n, k in fields)}>"
        case Map(key, value):
            return f"map<{key.name},{athena_type(value)}>"
        case Scalar(name):
            return name


def parse_athena_type(text: str) -> Kind:
    """Read a column type of Glue.

    Parameters
    ----------
    text : str
        Such as ``array<struct<a:bigint,b:string>>``.

    Returns
    -------
    Kind
        What is no type of Athena's is a scalar of that name, and not writable.
    """
    tokens = re.findall(r"\w+\([^)]*\)|[^<>,:\s]+|[<>,:]", text.lower())
    position = iter(tokens)

    def one(word: str) -> Kind:
        match word:
            case "array":
                next(position)
                item = one(next(position))
                next(position)
                return Array(item)
            case "struct":
                next(position)
                return Struct(tuple(fields()))
            case "map":
                next(position)
                key = one(next(position))
                next(position)
                value = one(next(position))
                next(position)
                return Map(key, value) if isinstance(key, Scalar) else Scalar(text)
        word = word.replace(" ", "")
        return Scalar(_SYNONYMS.get(word, word))

    def fields() -> Iterator[tuple[str, Kind]]:
        while True:
            name = next(position)
            next(position)
            yield name, one(next(position))
            if next(position) == ">":
                return

    try:
        return one(next(position))
    except (StopIteration, RuntimeError):
        return Scalar(text)
