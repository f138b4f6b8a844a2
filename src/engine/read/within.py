"""What is odd within a value, wherever in it: how it is told, and what stands in its place.

Moments that no calendar has are rescued so, as the file's own numbers; bytes that are
texts are read so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.types.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Within:
    """SQL about a value of which something may be odd.

    Attributes
    ----------
    test_sql : str
        True where something is.
    other_sql : str
        The value with something else in the place of each such part.
    """

    test_sql: str
    other_sql: str

    @property
    def rescued_sql(self) -> str:
        """Give the SQL of the other value; null where nothing is odd."""
        return f"CASE WHEN {self.test_sql} THEN {self.other_sql} END"


def moment_beyond(test_sql: str, read_sql: str, type_sql: str, number: tuple[str, str]) -> Within:
    """Say where a moment is beyond all calendars, and give the file's number in its place.

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
    return Within(test_sql, raw)


def list_within(value: str, element: str, item: Within | None) -> Within | None:
    """Say it of a list, from what is said of its element."""
    if item is None:
        return None
    return Within(
        f"len(list_filter({value}, lambda {element}: {item.test_sql})) > 0",
        f"list_transform({value}, lambda {element}: {item.other_sql})",
    )


def map_within(
    value: str, entry: str, key: tuple[str, Within | None], item: tuple[str, Within | None]
) -> Within | None:
    """Say it of a map, from the SQL of its key and its value, and what is said of them.

    The key's SQL is what stands in its place, too: in JSON it is text, whatever it is.
    """
    (key_sql, key_odd), (item_sql, item_odd) = key, item
    tests = [odd.test_sql for odd in (key_odd, item_odd) if odd]
    if not tests:
        return None
    raw = item_odd.other_sql if item_odd else item_sql
    return Within(
        f"len(list_filter(map_entries({value}), lambda {entry}: {' OR '.join(tests)})) > 0",
        f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
        f"struct_pack(key := {key_sql}, value := {raw})))",
    )


def struct_within(value: str, fields: Sequence[tuple[str, str, Within | None]]) -> Within | None:
    """Say it of a struct, from name and SQL of each field, and what is said of it."""
    tests = [odd.test_sql for _, _, odd in fields if odd]
    if not tests:
        return None
    parts = ", ".join(
        f"{quoted(name)} := {odd.other_sql if odd else sql}" for name, sql, odd in fields
    )
    return Within(
        f"({' OR '.join(tests)})",
        f"CASE WHEN {value} IS NOT NULL THEN struct_pack({parts}) END",
    )
