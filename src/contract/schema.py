"""Contracts as they are written: JSON Schema 2020-12, every keyword honoured or refused.

A contract is read here once; what cannot be honoured exactly is refused with the file, the JSON
pointer, the keyword and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contract.csv import CsvSettings
from contract.hints import DECIMAL, HINTS, PARTITION_COLUMN, precision_of
from contract.keywords import (
    ANNOTATIONS,
    CHECKS,
    DIALECT,
    META,
    OF_FILES,
    PARTS,
    TYPES,
    advice,
    type_advice,
)
from contract.node import ANY, NEVER, Node, column_name
from store.errors import ContractError
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUFFIX = ".schema.json"

#: What a column that dates records may hold.
_DATING = frozenset({"null", "integer", "number", "string"})

#: What may be kept as a decimal.
_DECIMAL = frozenset({"null", "integer", "number", "string"})


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
    encoding : str
        The codec of texts, by Python's own name for it; empty to find it out.
    csv : CsvSettings
        How delimited files are written.
    records : tuple of str or None
        The members of a JSON document that lead to its records; None to find that out.
    date_formats : tuple of str
        How the texts that date records may be written, beside what is read anyway.
    """

    dataset: str
    root: Node
    partition_column: str = ""
    format_hint: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    encoding: str = ""
    csv: CsvSettings = field(default_factory=CsvSettings)
    records: tuple[str, ...] | None = None
    date_formats: tuple[str, ...] = ()


def parse(dataset: str, document: Any, file: str = "") -> Contract:
    """Read a contract.

    Parameters
    ----------
    dataset : str
        Whose contract it is.
    document : Any
        The JSON value of the file.
    file : str, optional
        The name of the file, for errors; else that of the dataset's contract.

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
    hints: dict[str, Any] = {}
    if isinstance(document, dict):
        hints = reader.hints(document, root)
    else:
        reader.refuse("", "", "a contract is a JSON object")
    if reader.errors:
        file = file or f"{dataset}{SUFFIX}"
        raise ContractError("\n".join(f"{file}{error}" for error in reader.errors))
    return Contract(dataset, root, document=document, **hints)


class _Reader:
    """Reads schemas, collecting what is wrong with them."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def refuse(self, pointer: str, keyword: str, what: str) -> None:
        place = f"#{pointer}" + (f"/{_escaped(keyword)}" if keyword else "")
        self.errors.append(f" {place}: " + (f"keyword {keyword}: " if keyword else "") + what)

    def hints(self, document: dict[str, Any], root: Node) -> dict[str, Any]:
        found = {}
        for keyword, (attribute, read) in HINTS.items():
            if keyword in document:
                try:
                    found[attribute] = read(document[keyword])
                except ValueError as error:
                    self.refuse("", keyword, str(error))
        if PARTITION_COLUMN in document:
            found["partition_column"] = self._dating(document[PARTITION_COLUMN], root)
        if DECIMAL in document:
            self.refuse("", DECIMAL, "it belongs to a property")
        return found

    def _dating(self, column: Any, root: Node) -> str:
        if not isinstance(column, str) or not root.names(column):
            meant = near(str(column), root.properties, "name one of the properties")
            self.refuse("", PARTITION_COLUMN, meant)
            return ""
        types = root.property(column).types
        if not types or not types <= _DATING:
            self.refuse("", PARTITION_COLUMN, "its type must be string, integer or number")
        return root.spelled[column_name(column)]

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
            elif keyword in OF_FILES:
                if pointer:
                    self.refuse(pointer, keyword, "it belongs to the contract as a whole")
            elif keyword in PARTS:
                parts[PARTS[keyword]] = getattr(self, f"_{PARTS[keyword]}")(pointer, value)
            elif keyword in CHECKS:
                try:
                    checks[keyword] = CHECKS[keyword](value)
                except ValueError as error:
                    self.refuse(pointer, keyword, str(error))
            else:
                self.refuse(pointer, keyword, advice(keyword))
        found = Node(checks=checks, **parts)
        if found.decimal and not {"null"} < (found.types or frozenset()) | {"null"} <= _DECIMAL:
            self.refuse(pointer, DECIMAL, "its type must be number, integer or string")
        return found

    def _annotation(self, pointer: str, keyword: str, value: Any) -> None:
        if keyword == "$schema" and value not in (DIALECT, META, f"./{META}"):
            self.refuse(pointer, keyword, f"contracts are written in {DIALECT}, or ./{META}")

    def _types(self, pointer: str, value: Any) -> frozenset[str] | None:
        names = value if isinstance(value, list) else [value]
        wrong = [n for n in names if not isinstance(n, str) or n not in TYPES]
        for one in wrong if names else [None]:
            self.refuse(pointer, "type", type_advice(one))
        return None if wrong or not names else frozenset(names)

    def _properties(self, pointer: str, value: Any) -> dict[str, Node]:
        if not isinstance(value, dict):
            self.refuse(pointer, "properties", "it is an object of schemas by name")
            return {}
        self._distinct(pointer, "properties", list(value))
        return {
            name: self.node(schema, f"{pointer}/properties/{_escaped(name)}")
            for name, schema in value.items()
        }

    def _required(self, pointer: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self.refuse(pointer, "required", "it is a list of properties' names")
            return ()
        names = list(dict.fromkeys(value))
        self._distinct(pointer, "required", names)
        return tuple(names)

    def _distinct(self, pointer: str, keyword: str, names: Sequence[str]) -> None:
        """Refuse names that are one column."""
        taken: dict[str, str] = {}
        for name in names:
            other = taken.setdefault(column_name(name), name)
            if other != name:
                column = column_name(name)
                what = f"{other!r} and {name!r} are one column, {column}: name it once"
                self.refuse(pointer, keyword, what)

    def _additional(self, pointer: str, value: Any) -> Node | None:
        return self._unless_trivial(self.node(value, f"{pointer}/additionalProperties"))

    def _items(self, pointer: str, value: Any) -> Node | None:
        return self._unless_trivial(self.node(value, f"{pointer}/items"))

    def _unless_trivial(self, node: Node) -> Node | None:
        return None if node.trivial else node

    def _decimal(self, pointer: str, value: Any) -> tuple[int, int] | None:
        try:
            return precision_of(value)
        except ValueError as error:
            self.refuse(pointer, DECIMAL, str(error))
            return None


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
