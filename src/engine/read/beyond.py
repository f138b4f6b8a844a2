"""Moments that no calendar has, wherever in a value they lie: rescued as the file's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.types.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Beyond:
    """SQL about a value of which a column's type may not hold everything.

    Attributes
    ----------
    test_sql : str
        True where it holds a moment beyond the years 1 to 9999.
    raw_sql : str
        The value with the file's own number in the place of each such moment.
    """

    test_sql: str
    raw_sql: str

    @property
    def rescued_sql(self) -> str:
        """Give the SQL of the value that is to be rescued; null where it is as it should be."""
        return f"CASE WHEN {self.test_sql} THEN {self.raw_sql} END"


def moment_beyond(test_sql: str, read_sql: str, type_sql: str, number: tuple[str, str]) -> Beyond:
    """Say it of one moment.

    Parameters
    ----------
    test_sql : str
        True where it is beyond.
    read_sql, type_sql : str
        The moment where it is not, and its type.
    number : tuple of (str, str)
        What the file has, and its type.
    """
    number_sql, number_type = number
    either = f"UNION(moment {type_sql}, number {number_type})"
    raw = (
        f"CASE WHEN {test_sql} THEN CAST({number_sql} AS {either}) "
        f"ELSE CAST({read_sql} AS {either}) END"
    )
    return Beyond(test_sql, raw)


def list_beyond(value: str, element: str, item: Beyond | None) -> Beyond | None:
    """Say it of a list, from what is said of its element."""
    if item is None:
        return None
    return Beyond(
        f"len(list_filter({value}, lambda {element}: {item.test_sql})) > 0",
        f"list_transform({value}, lambda {element}: {item.raw_sql})",
    )


def map_beyond(
    value: str, entry: str, key: tuple[str, Beyond | None], item: tuple[str, Beyond | None]
) -> Beyond | None:
    """Say it of a map, from the SQL of its key and its value, and what is said of them.

    A key is text in JSON, whatever it is.
    """
    (key_sql, key_beyond), (item_sql, item_beyond) = key, item
    tests = [beyond.test_sql for beyond in (key_beyond, item_beyond) if beyond]
    if not tests:
        return None
    raw = item_beyond.raw_sql if item_beyond else item_sql
    return Beyond(
        f"len(list_filter(map_entries({value}), lambda {entry}: {' OR '.join(tests)})) > 0",
        f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
        f"struct_pack(key := {key_sql}, value := {raw})))",
    )


def struct_beyond(value: str, fields: Sequence[tuple[str, str, Beyond | None]]) -> Beyond | None:
    """Say it of a struct, from name and SQL of each field, and what is said of it."""
    tests = [beyond.test_sql for _, _, beyond in fields if beyond]
    if not tests:
        return None
    parts = ", ".join(
        f"{quoted(name)} := {beyond.raw_sql if beyond else sql}" for name, sql, beyond in fields
    )
    return Beyond(
        f"({' OR '.join(tests)})",
        f"CASE WHEN {value} IS NOT NULL THEN struct_pack({parts}) END",
    )
