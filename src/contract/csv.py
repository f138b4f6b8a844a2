"""How delimited files are written, as a contract says it: the keyword ``x-csv``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from store.near import near

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class CsvSettings:
    """What a contract says about delimited files; None where it says nothing.

    Attributes
    ----------
    delimiter : str or None
        One character.
    header : bool or None
        Whether the first row holds the names.
    quote : str or None
        One character; empty where no character quotes.
    escape : str or None
        One character; empty where no character escapes.
    nulls : tuple of str or None
        The texts that are null.
    comment : str or None
        The character with which a line begins that is no row.
    skip : int or None
        How many lines come before the header, or before the first row.
    decimal : str or None
        What divides a number from its fraction, ``.`` or ``,``.
    """

    delimiter: str | None = None
    header: bool | None = None
    quote: str | None = None
    escape: str | None = None
    nulls: tuple[str, ...] | None = None
    comment: str | None = None
    skip: int | None = None
    decimal: str | None = None


def read_csv(value: Any) -> CsvSettings:
    """Read ``x-csv``.

    Parameters
    ----------
    value : Any
        As the contract has it.

    Returns
    -------
    CsvSettings
        What it says.

    Raises
    ------
    ValueError
        With everything that has to be mended.
    """
    if not isinstance(value, dict):
        raise ValueError(f"it is an object of {_NAMES}")  # noqa: TRY004  # told alike, whatever is wrong
    found: dict[str, Any] = {}
    wrong = []
    for name, given in value.items():
        if name not in _MEMBERS:
            wrong.append(f"{name} is unknown: {near(name, _MEMBERS, f'use {_NAMES}')}")
            continue
        try:
            found["nulls" if name == "null" else name] = _MEMBERS[name](given)
        except ValueError as error:
            wrong.append(f"{name} is {error}")
    wrong = wrong or _conflicts(found)
    if wrong:
        raise ValueError("; ".join(wrong))
    return CsvSettings(**found)


def said(settings: CsvSettings) -> dict[str, Any]:
    """Give what settings say, by the names that a contract has for it."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {
        "null" if name == "nulls" else name: value
        for name, value in values.items()
        if value is not None
    }


def _conflicts(found: dict[str, Any]) -> list[str]:
    """Say which characters would mean two things."""
    roles: dict[str, str] = {}
    wrong = []
    for name in ("delimiter", "quote", "comment", "decimal", "escape"):
        character = found.get(name)
        # A quote within quotes may be escaped by itself.
        if not character or (name == "escape" and character == found.get("quote")):
            continue
        if character in roles:
            wrong.append(f"{roles[character]} and {name} are both {character!r}: choose two")
        roles[character] = name
    return wrong


def _character(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in "\r\n\0":
        raise ValueError("one character, and no line end")
    return value


def _optional(value: Any) -> str:
    if value is False or value == "":
        return ""
    try:
        return _character(value)
    except ValueError:
        raise ValueError("one character, or false where there is none") from None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004  # as above
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError('a list of texts, such as ["NA", "-"]')
    return tuple(value)


def _lines(value: Any) -> int:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value < 2**31 or value != int(value):
        raise ValueError("a number of lines, 0 or greater")
    return int(value)


def _point(value: Any) -> str:
    if value not in (",", "."):
        raise ValueError('"," or "."')
    return str(value)


_MEMBERS: dict[str, Callable[[Any], Any]] = {
    "delimiter": _character,
    "header": _flag,
    "quote": _optional,
    "escape": _optional,
    "null": _texts,
    "comment": _character,
    "skip": _lines,
    "decimal": _point,
}

_NAMES = ", ".join(_MEMBERS)

#: What ``x-csv`` may say.
CSV_MEMBERS = frozenset(_MEMBERS)
