"""The keywords of JSON Schema: which are honoured, and how their operands are read."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from contract.formats import FORMATS
from contract.grammar import PatternError
from contract.hints import DECIMAL, HINTS, PARTITION_COLUMN
from contract.pattern import compiled
from contract.values import equal
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: The description of contracts for editors; a contract may name it as its ``$schema``.
META = "contract.meta.json"

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")

#: What people call types who think of columns, and what a contract says for them.
_MEANT = {
    **dict.fromkeys(("int", "tinyint", "smallint", "bigint", "long"), "integer"),
    **dict.fromkeys(("float", "real", "double", "decimal", "numeric"), "number"),
    **dict.fromkeys(("text", "str", "char", "varchar"), "string"),
    **dict.fromkeys(("list", "set"), "array"),
    **dict.fromkeys(("struct", "map", "dict", "record"), "object"),
    "bool": "boolean",
    "date": 'string, with "format": "date"',
    "timestamp": 'string, with "format": "date-time"',
    "datetime": 'string, with "format": "date-time"',
    "none": "null",
}

#: Keywords that say something to people and nothing about values.
ANNOTATIONS = frozenset(
    [
        "$schema",
        "$id",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
    ]
)

#: Keywords that hold schemas or names, and the attribute of a node that each fills.
PARTS = {
    "type": "types",
    "properties": "properties",
    "required": "required",
    "additionalProperties": "additional",
    "items": "items",
    DECIMAL: "decimal",
}

_COMBINING = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
_REFERRING = frozenset({"$ref", "$defs", "$anchor", "$dynamicRef", "$dynamicAnchor", "definitions"})


def advice(keyword: str) -> str:
    """Say what to do about a keyword that is not honoured."""
    if keyword in _COMBINING:
        return "not supported: write what records must be as one schema, without alternatives"
    if keyword in _REFERRING:
        return "not supported: repeat the schema where it is used"
    every = f"contracts use {', '.join([*PARTS, *CHECKS, *HINTS, PARTITION_COLUMN])}"
    return f"not supported: {near(keyword, KEYWORDS, every)}"


def type_advice(name: Any) -> str:
    """Say what to do about a type that JSON does not have."""
    every = f"use one or several of {', '.join(TYPES)}"
    if not isinstance(name, str):
        return every
    meant = _MEANT.get(name.lower().partition("(")[0])
    return f"{name!r} is no type: " + (
        f"did you mean {meant}?" if meant else near(name.lower(), TYPES, every)
    )


def _number(value: Any) -> int | float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Comparing an integer with infinity does not convert it, which might overflow.
    if not number or not -math.inf < value < math.inf or abs(value) > sys.float_info.max:
        raise ValueError("it is a number that a double can hold")
    return value  # type: ignore[no-any-return]  # checked above


def _unit(value: Any) -> int | float:
    if (number := _number(value)) <= 0:
        raise ValueError("it is a number greater than 0")
    return number


def _count(value: Any) -> int:
    number = _number(value)
    if number < 0 or number != int(number):
        raise ValueError("it is a whole number, 0 or greater")
    return int(number)


def _pattern(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("it is a regular expression of ECMA-262")  # noqa: TRY004  # told alike, whatever is wrong
    try:
        return compiled(value)
    except PatternError as error:
        raise ValueError(f"{value!r}: {error}") from error


def _format(value: Any) -> str:
    if not isinstance(value, str) or value not in FORMATS:
        meant = near(str(value), FORMATS, f"use one of {', '.join(FORMATS)}")
        raise ValueError(f"{value!r} is not asserted: {meant}")
    return value


def _enum(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("it is a list of at least one value")
    distinct: list[Any] = []
    for one in value:
        if not any(equal(one, other) for other in distinct):
            distinct.append(one)
    return tuple(distinct)


#: The assertions on a value itself, and how their operands are read.
CHECKS: dict[str, Callable[[Any], Any]] = {
    "enum": _enum,
    "const": lambda value: value,
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _number,
    "exclusiveMaximum": _number,
    "multipleOf": _unit,
    "minLength": _count,
    "maxLength": _count,
    "pattern": _pattern,
    "format": _format,
    "minItems": _count,
    "maxItems": _count,
}

#: Keywords that stand in the outermost schema only.
OF_FILES = frozenset({PARTITION_COLUMN, *HINTS})

#: Everything that a contract may say.
KEYWORDS = frozenset({*PARTS, *CHECKS, *ANNOTATIONS, *OF_FILES})
