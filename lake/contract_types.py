"""The types of a table, as a contract says them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Types of a table whose values are of one type of JSON.
JSON_TYPES = {
    **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint"), "integer"),
    **dict.fromkeys(("float", "real", "double"), "number"),
    "boolean": "boolean",
    "string": "string",
}


def schema_of(kind: str) -> dict[str, Any]:
    """Write a type of the table as a schema; null is allowed everywhere."""
    words = iter(re.findall(r"decimal\([^)]*\)|[^<>,:\s]+|[<>,:]", kind.lower()))
    return _one(words, next(words))


def _one(words: Iterator[str], word: str) -> dict[str, Any]:
    if word == "array":
        next(words)
        items = _one(words, next(words))
        next(words)
        return {"type": ["array", "null"], "items": items}
    if word == "struct":
        fields = {}
        mark = next(words)
        while mark != ">":
            name = next(words)
            next(words)
            fields[name] = _one(words, next(words))
            mark = next(words)
        return {"type": ["object", "null"], "properties": fields}
    if word == "map":
        depth = 0
        for part in words:
            depth += (part == "<") - (part == ">")
            if not depth:
                break
        return {}
    if word == "date":
        return {"type": ["string", "null"], "format": "date"}
    if word.startswith("decimal"):
        # Without digits it is decimal(10,0), with one number it has none behind the point.
        size, scale, *_ = (*map(int, re.findall(r"\d+", word) or [10]), 0)
        return {"type": ["number", "null"], "x-decimal": [size, scale]}
    return {"type": [JSON_TYPES[word], "null"]} if word in JSON_TYPES else {}
