"""One schema of a contract, and how its names meet those of a record's fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: As :func:`store.naming.normalise`: the same few names come with every record.
column_name = lru_cache(maxsize=8192)(normalise)


@dataclass(frozen=True, slots=True)
class Node:
    """One schema of a contract.

    A property and a field of a record are the same where they are the same column: the case of
    letters, and what no column's name can hold, do not matter.

    Attributes
    ----------
    never : bool
        Whether it is the schema ``false``.
    types : frozenset of str or None
        What ``type`` allows; None without that keyword.
    checks : mapping of str to object
        The other assertions on a value itself, read.
    properties : mapping of str to Node
        By the property's name, as it is written; no two of them are one column.
    required : tuple of str
        Properties that must be there, as they are written.
    additional : Node or None
        What ``additionalProperties`` says; None where it says nothing.
    items : Node or None
        What ``items`` says.
    decimal : tuple of (int, int) or None
        Digits in all and behind the point, of a number that no double may come near.
    spelled : mapping of str to str
        How each property is written, by its column's name.
    """

    never: bool = False
    types: frozenset[str] | None = None
    checks: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Node] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional: Node | None = None
    items: Node | None = None
    decimal: tuple[int, int] | None = None
    spelled: Mapping[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        spelled = {column_name(name): name for name in self.properties}
        object.__setattr__(self, "spelled", spelled)

    @property
    def column(self) -> str:
        """The type that it gives a column; empty where it leaves that to the values."""
        if self.decimal is not None:
            return "decimal({},{})".format(*self.decimal)
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

    @property
    def has_decimals(self) -> bool:
        """Whether it, or anything within it, is a decimal."""
        inside = (self.additional, self.items, *self.properties.values())
        return self.decimal is not None or any(n.has_decimals for n in inside if n is not None)

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

    def names(self, field: str) -> bool:
        """Tell whether ``properties`` names a field of a record."""
        return field in self.properties or column_name(field) in self.spelled

    def written(self, field: str) -> str:
        """Give a field's name as ``properties`` writes it."""
        return field if field in self.properties else self.spelled.get(column_name(field), field)

    def property(self, field: str) -> Node:
        """Give the schema of a record's field, one that is not named included."""
        found = self.properties.get(field)
        if found is None and (written := self.spelled.get(column_name(field))) is not None:
            found = self.properties[written]
        return found or self.additional or ANY

    def requires(self, field: str) -> bool:
        """Tell whether a record's field is one that must be there."""
        return field in self.required or any(same(field, name) for name in self.required)

    def missing(self, fields: Iterable[str]) -> list[str]:
        """Name the required properties that are none of a record's fields."""
        there = fields if isinstance(fields, (set, dict)) else set(fields)
        missing = [name for name in self.required if name not in there]
        if missing:
            columns = {column_name(name) for name in there}
            missing = [name for name in missing if column_name(name) not in columns]
        return missing


def same(one: str, other: str) -> bool:
    """Tell whether two names are those of one column."""
    return column_name(one) == column_name(other)


_COLUMNS = {
    frozenset({"boolean"}): "boolean",
    frozenset({"integer"}): "bigint",
    frozenset({"number"}): "double",
    frozenset({"integer", "number"}): "double",
    frozenset({"array"}): "array",
    frozenset({"object"}): "struct",
}

ANY, NEVER = Node(), Node(never=True)
