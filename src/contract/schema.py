"""Contracts as they are written: JSON Schema 2020-12, every keyword honoured or refused.

A contract is the file ``contracts/<dataset>.schema.json``. It is read here once; what cannot be
honoured exactly is refused with the file, the JSON pointer and the keyword.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contract.formats import FORMATS
from contract.pattern import PatternError, compiled
from contract.values import equal
from store.errors import ContractError
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SUFFIX = ".schema.json"

DIALECT = "https://json-schema.org/draft/2020-12/schema"

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")

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

PARTITION_COLUMN, FORMAT_HINT = "x-partition-column", "x-format"

#: What a dataset's files may be said to be; see :func:`engine.open.detect.detect`.
FORMAT_HINTS = ("jsonl", "json", "csv", "tsv", "psv", "text")

#: What a column that dates records may hold.
_DATING = frozenset({"null", "integer", "number", "string"})


@dataclass(frozen=True, slots=True)
class Node:
    """One schema of a contract.

    Attributes
    ----------
    never : bool
        Whether it is the schema ``false``.
    types : frozenset of str or None
        What ``type`` allows; None without that keyword.
    checks : mapping of str to object
        The other assertions on a value itself, read.
    properties : mapping of str to Node
        By the property's name.
    required : tuple of str
        Properties that must be there.
    additional : Node or None
        What ``additionalProperties`` says; None where it says nothing.
    items : Node or None
        What ``items`` says.
    """

    never: bool = False
    types: frozenset[str] | None = None
    checks: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Node] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional: Node | None = None
    items: Node | None = None

    @property
    def column(self) -> str:
        """The type that it gives a column; empty where it leaves that to the values."""
        return _COLUMNS.get((self.types or frozenset()) - {"null"}, "") or self._textual

    @property
    def _textual(self) -> str:
        if (self.types or frozenset()) - {"null"} != {"string"}:
            return ""
        # Only a date has one spelling, so that nothing of it is lost in another type: a moment
        # has an offset and any number of digits.
        return "date" if self.checks.get("format") == "date" else "string"

    @property
    def trivial(self) -> bool:
        """Whether every value satisfies it."""
        return self == ANY

    def allows(self, kind: str) -> bool:
        """Tell whether ``type`` allows a JSON type."""
        if self.never:
            return False
        return self.types is None or kind in self.types or (
            kind == "integer" and "number" in self.types
        )  # fmt: skip

    def allows_null(self) -> bool:
        """Tell whether null satisfies it."""
        allowed = self.checks.get("enum", (self.checks.get("const"),))
        return self.allows("null") and None in allowed and self.checks.get("const") is None

    def property(self, name: str) -> Node:
        """Give the schema of a property, one that is not named included."""
        return self.properties.get(name) or self.additional or ANY


_COLUMNS = {
    frozenset({"boolean"}): "boolean",
    frozenset({"integer"}): "bigint",
    frozenset({"number"}): "double",
    frozenset({"integer", "number"}): "double",
    frozenset({"array"}): "array",
    frozenset({"object"}): "struct",
}

ANY, NEVER = Node(), Node(never=True)


@dataclass(frozen=True, slots=True)
class Contract:
    """What the records of one dataset must be.

    Attributes
    ----------
    dataset : str
        Its normalised name.
    root : Node
        The schema of a record.
    partition_column : str
        The property that dates a record; empty for the lake's own choice.
    format_hint : str
        What the dataset's files are where their content leaves it open.
    document : mapping
        As it is written.
    """

    dataset: str
    root: Node
    partition_column: str = ""
    format_hint: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)


def load_folder(folder: Path) -> dict[str, Contract]:
    """Load every contract of a folder.

    Parameters
    ----------
    folder : Path
        Where ``<dataset>.schema.json`` are; one that does not exist has none.

    Returns
    -------
    dict
        Contracts by dataset.

    Raises
    ------
    ContractError
        When one cannot be honoured, or a JSON file's name makes it none.
    """
    found = [load(path) for path in sorted(folder.glob("*.json"))]
    return {contract.dataset: contract for contract in found}


def load(path: Path) -> Contract:
    """Load one contract.

    Raises
    ------
    ContractError
        With everything that has to be mended, a line each.
    """
    dataset = path.name.removesuffix(SUFFIX)
    if dataset == path.name or not dataset or dataset != normalise(dataset):
        raise ContractError(
            f"{path.name}: a contract is called <dataset>{SUFFIX}, the dataset spelled with "
            "a-z, 0-9 and _ as its table is"
        )
    return read(path, dataset)


def read(path: Path, dataset: str) -> Contract:
    """Read a contract from a file of any name.

    Raises
    ------
    ContractError
        As of :func:`load`.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{path.name}: not readable as JSON: {error}") from error
    return parse(dataset, document)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} is there twice")
    return found


def parse(dataset: str, document: Any) -> Contract:
    """Read a contract.

    Parameters
    ----------
    dataset : str
        Whose contract it is.
    document : Any
        The JSON value of the file.

    Returns
    -------
    Contract
        Every keyword of it is honoured exactly.

    Raises
    ------
    ContractError
        With everything that has to be mended, a line each.
    """
    reader = _Reader()
    root = reader.node(document, "")
    if isinstance(document, dict):
        reader.hints(document, root)
    else:
        reader.refuse("", "", "a contract is a JSON object")
    if reader.errors:
        file = f"{dataset}{SUFFIX}"
        raise ContractError("\n".join(f"{file}{error}" for error in reader.errors))
    return Contract(
        dataset,
        root,
        document.get(PARTITION_COLUMN, ""),
        document.get(FORMAT_HINT, ""),
        document,
    )


class _Reader:
    """Reads schemas, collecting what is wrong with them."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def refuse(self, pointer: str, keyword: str, what: str) -> None:
        place = f"#{pointer}" + (f"/{_escaped(keyword)}" if keyword else "")
        self.errors.append(f" {place}: " + (f"keyword {keyword}: " if keyword else "") + what)

    def hints(self, document: dict[str, Any], root: Node) -> None:
        column = document.get(PARTITION_COLUMN)
        if column is not None:
            node = root.properties.get(column) if isinstance(column, str) else None
            if node is None:
                self.refuse("", PARTITION_COLUMN, "name one of the properties")
            elif not node.types or not node.types <= _DATING:
                self.refuse("", PARTITION_COLUMN, "its type must be string, integer or number")
        hint = document.get(FORMAT_HINT)
        if hint is not None and hint not in FORMAT_HINTS:
            self.refuse("", FORMAT_HINT, f"use one of {', '.join(FORMAT_HINTS)}")

    def node(self, schema: Any, pointer: str) -> Node:
        if isinstance(schema, bool):
            return ANY if schema else NEVER
        if not isinstance(schema, dict):
            self.refuse(pointer, "", "a schema is a JSON object, true or false")
            return ANY
        parts: dict[str, Any] = {}
        checks: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword in ANNOTATIONS:
                self._annotation(pointer, keyword, value)
            elif keyword in (PARTITION_COLUMN, FORMAT_HINT):
                if pointer:
                    self.refuse(pointer, keyword, "it belongs to the contract as a whole")
            elif keyword in _PARTS:
                parts[_PARTS[keyword]] = getattr(self, f"_{_PARTS[keyword]}")(pointer, value)
            elif keyword in _CHECKS:
                try:
                    checks[keyword] = _CHECKS[keyword](value)
                except ValueError as error:
                    self.refuse(pointer, keyword, str(error))
            else:
                self.refuse(pointer, keyword, _advice(keyword))
        return Node(checks=checks, **parts)

    def _annotation(self, pointer: str, keyword: str, value: Any) -> None:
        if keyword == "$schema" and value != DIALECT:
            self.refuse(pointer, keyword, f"contracts are written in {DIALECT}")

    def _types(self, pointer: str, value: Any) -> frozenset[str] | None:
        names = value if isinstance(value, list) else [value]
        if not names or not all(isinstance(n, str) and n in TYPES for n in names):
            self.refuse(pointer, "type", f"use one or several of {', '.join(TYPES)}")
            return None
        return frozenset(names)

    def _properties(self, pointer: str, value: Any) -> dict[str, Node]:
        if not isinstance(value, dict):
            self.refuse(pointer, "properties", "it is an object of schemas by name")
            return {}
        return {
            name: self.node(schema, f"{pointer}/properties/{_escaped(name)}")
            for name, schema in value.items()
        }

    def _required(self, pointer: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self.refuse(pointer, "required", "it is a list of properties' names")
            return ()
        return tuple(value)

    def _additional(self, pointer: str, value: Any) -> Node | None:
        return self._unless_trivial(self.node(value, f"{pointer}/additionalProperties"))

    def _items(self, pointer: str, value: Any) -> Node | None:
        return self._unless_trivial(self.node(value, f"{pointer}/items"))

    def _unless_trivial(self, node: Node) -> Node | None:
        return None if node.trivial else node


_PARTS = {
    "type": "types",
    "properties": "properties",
    "required": "required",
    "additionalProperties": "additional",
    "items": "items",
}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _advice(keyword: str) -> str:
    if keyword in _COMBINING:
        return "not supported: write what records must be as one schema, without alternatives"
    if keyword in _REFERRING:
        return "not supported: repeat the schema where it is used"
    return f"not supported; contracts use {', '.join([*_PARTS, *_CHECKS])}"


_COMBINING = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
_REFERRING = frozenset({"$ref", "$defs", "$anchor", "$dynamicRef", "$dynamicAnchor", "definitions"})


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
        raise ValueError(f"{value!r} is not asserted; use one of {', '.join(FORMATS)}")
    return value


def _enum(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("it is a list of at least one value")
    distinct: list[Any] = []
    for one in value:
        if not any(equal(one, other) for other in distinct):
            distinct.append(one)
    return tuple(distinct)


_CHECKS: dict[str, Callable[[Any], Any]] = {
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

#: Everything that a contract may say.
KEYWORDS = frozenset({*_PARTS, *_CHECKS, *ANNOTATIONS, PARTITION_COLUMN, FORMAT_HINT})
