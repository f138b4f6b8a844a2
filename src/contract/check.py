"""Whether one record is what its contract says: the meaning that the SQL must agree with."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from contract.formats import FORMATS
from contract.node import column_name
from contract.values import (
    Digits,
    Spelled,
    decimal_of,
    digits_of,
    equal,
    is_multiple,
    number_of,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contract.node import Node

#: Characters of an offending value that are told, and of a path in the name of a rule: the ledger
#: keeps names of 200.
_TOLD, _PATH = 100, 160

#: So many rules of one record are told beside the first.
_RULES = 5

#: Of an item in an array.
_POSITION = re.compile(r"\[\d+\]")

#: In a record of more fields no near name is looked for.
_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a record breaks.

    Attributes
    ----------
    keyword : str
        Of JSON Schema.
    path : str
        Where in the record, as a JSON path.
    value : Any
        What is there.
    rule : str
        What the contract says.
    """

    keyword: str
    path: str
    value: Any
    rule: str

    @property
    def name(self) -> str:
        """Name the rule: the same for each item of an array, and short."""
        path = _POSITION.sub("[*]", self.path[:_PATH])
        return f"{self.keyword} at {path}{'…' * (len(self.path) > _PATH)}"

    def __str__(self) -> str:
        """Say it in one line."""
        if self.keyword == "required":
            return f"required at {self.path}: {self.rule}"
        text = json.dumps(self.value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(self.value, Digits | Spelled):
            text = str(digits_of(self.value))
        told = text if len(text) <= _TOLD else f"{text[:_TOLD]}…"
        return f"{self.keyword} at {self.path}: {told} {self.rule}"


def violation(node: Node, value: Any, *, nulls: bool = False) -> Violation | None:
    """Find the first rule that a value breaks, as :func:`violations` finds all of them."""
    return next(violations(node, value, nulls=nulls), None)


def violations(
    node: Node, value: Any, *, nulls: bool = False, path: str = "$"
) -> Iterator[Violation]:
    """Find the rules that a value breaks.

    Parameters
    ----------
    node : Node
        The schema.
    value : Any
        What :func:`engine.convert.jsontext.loads` gave.
    nulls : bool
        Whether the value comes from a format that knows nulls but not absence, such as CSV or
        Parquet: then a null that its schema does not allow means that the property is absent.
    path : str
        Where the value lies.

    Yields
    ------
    Violation
        Each one; of a value of a wrong type that alone.
    """
    if node.never:
        yield Violation("additionalProperties", path, value, "is not allowed here")
        return
    if node.decimal is not None:
        value = digits_of(value)
    kind = type_of(value)
    if not node.allows(kind):
        wanted = " or ".join(sorted(node.types or ()))
        yield Violation("type", path, value, f"is {kind}, not {wanted}")
        return
    for keyword, operand in node.checks.items():
        applies, holds, rule = _CHECKS[keyword]
        bound = operand if node.decimal is None else _by_digits(keyword, operand)
        if (not applies or kind in applies) and not holds(value, bound):
            yield Violation(keyword, path, value, rule.format(_told(operand)))
    if kind == "object":
        yield from _object(node, value, nulls=nulls, path=path)
    elif kind == "array" and node.items is not None:
        for position, item in enumerate(value):
            yield from violations(node.items, item, nulls=nulls, path=f"{path}[{position}]")


def said_of(broken: Sequence[Violation]) -> tuple[str, tuple[str, ...]]:
    """Say in one line which rules a record breaks.

    Parameters
    ----------
    broken : sequence of Violation
        At least one.

    Returns
    -------
    tuple of (str, tuple of str)
        The first one in full with the names of some others, and the names of all of them.
    """
    names = tuple(dict.fromkeys(one.name for one in broken))
    if len(names) == 1:
        return str(broken[0]), names
    others = list(names[1 : _RULES + 1]) + ["…"] * (len(names) > _RULES + 1)
    return f"{broken[0]}; also broken: {', '.join(others)}", names


def _by_digits(keyword: str, operand: Any) -> Any:
    """Give what a decimal is compared with, as one."""
    if keyword == "enum":
        return tuple(map(digits_of, operand))
    if keyword == "const":
        return digits_of(operand)
    return decimal_of(operand) if _CHECKS[keyword][0] is _NUMBERS else operand


def _object(node: Node, value: dict[str, Any], *, nulls: bool, path: str) -> Iterator[Violation]:
    there = {
        name: item
        for name, item in value.items()
        if not (nulls and item is None and not node.property(name).allows_null())
    }
    for name in node.missing(there):
        yield Violation("required", _member(path, name), None, _missing(name, value))
    for name, item in there.items():
        inner = node.property(name)
        if inner.trivial:
            continue
        yield from violations(inner, item, nulls=nulls, path=_member(path, name))


def _missing(name: str, record: dict[str, Any]) -> str:
    """Say that a field is not there, and what may be meant for it."""
    said = f"required field {name} is "
    if any(column_name(field) == column_name(name) for field in record):
        return f"{said}null"
    near = _near(name, tuple(record)) if len(record) <= _LOOKED_AT else ""
    return f"{said}missing" + (f" (the record has {near})" if near else "")


@lru_cache(maxsize=256)
def _near(name: str, fields: tuple[str, ...]) -> str:
    """Find the field that is called most alike."""
    bare = {column_name(field).replace("_", ""): field for field in fields}
    found = get_close_matches(column_name(name).replace("_", ""), bare, n=1, cutoff=0.8)
    return bare[found[0]] if found else ""


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if name.isidentifier() else f"{path}[{json.dumps(name)}]"


def _told(operand: Any) -> str:
    source = getattr(operand, "source", operand)
    if isinstance(source, str):
        return source
    text = json.dumps(source, ensure_ascii=False)
    return text if len(text) <= _TOLD else f"{text[:_TOLD]}…"


_NUMBERS, _STRINGS, _ARRAYS = ("integer", "number"), ("string",), ("array",)

#: The types that a keyword applies to, whether a value satisfies it, and how it is told.
_CHECKS: dict[str, tuple[tuple[str, ...], Callable[[Any, Any], bool], str]] = {
    "enum": ((), lambda v, o: any(equal(v, one) for one in o), "is none of {}"),
    "const": ((), equal, "is not {}"),
    "minimum": (_NUMBERS, lambda v, o: number_of(v) >= o, "is less than {}"),
    "maximum": (_NUMBERS, lambda v, o: number_of(v) <= o, "is more than {}"),
    "exclusiveMinimum": (_NUMBERS, lambda v, o: number_of(v) > o, "is not more than {}"),
    "exclusiveMaximum": (_NUMBERS, lambda v, o: number_of(v) < o, "is not less than {}"),
    "multipleOf": (_NUMBERS, is_multiple, "is no multiple of {}"),
    "minLength": (_STRINGS, lambda v, o: len(v) >= o, "is shorter than {} characters"),
    "maxLength": (_STRINGS, lambda v, o: len(v) <= o, "is longer than {} characters"),
    "pattern": (_STRINGS, lambda v, o: o.search(v), "does not match {}"),
    "format": (_STRINGS, lambda v, o: FORMATS[o].holds(v), "is no {}"),
    "minItems": (_ARRAYS, lambda v, o: len(v) >= o, "has fewer than {} items"),
    "maxItems": (_ARRAYS, lambda v, o: len(v) <= o, "has more than {} items"),
}
