"""Whether the row below a header holds the units of the columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.open.contrast import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_BRACKETED = re.compile(r"[\[(][^\])]{0,20}[\])]")

#: Units of the SI and beside it with a prefix; others, and what the CF conventions of NetCDF write.
_PREFIXED = (
    r"(?:da|[TGMkhdcmµμunp])?(?:mol|Hz|Pa|Wh|Ah|VA|var|eV|bar|bps|bit|Ω|[mgsAKNJWVFCSTHlLtB])"
)
_OTHERS = (
    r"%|‰|° ?[CFKEN]?|ppm|ppb|dBm?|dB\(A\)|rpm|lx|lm|rad|min|hr?|d|yr|in|ft|mi|mph|knots?|kn|kt|psi"
    r"|deg(?:rees?)?(?:[_ ]?(?:[CFKTNE]|Celsius|north|east|true))?|UTC|Celsius|mmHg|PSU|NTU|pH"
    r"|seconds?|minutes?|hours?|days?|years?|met(?:er|re)s?|volts?|watts?|count|percent|unitless"
)
_FACTOR = rf"(?:{_PREFIXED}|{_OTHERS})(?:\^?-?[1-6]|[²³]|⁻[¹²³])?"
_UNIT = re.compile(rf"(?:1|{_FACTOR})(?: ?[/·* .] ?{_FACTOR})*")

#: Letters alone are as often a value; not so several in one row.
_PLAIN = re.compile(r".*[^a-zA-Z_].*")

#: So much of a column has to be numbers or moments below its unit.
_TYPED = 0.9


def is_units(rows: Sequence[Sequence[str]], columns: list[list[str]]) -> bool:
    """Tell whether the first of the rows below the header holds units.

    Parameters
    ----------
    rows : sequence of sequence of str
        The first rows below the header; empty cells for what stands for nothing.
    columns : list of list of str
        Values of all rows below the header that are not empty.
    """
    if len(rows) < 2:
        return False
    filled = [cell for cell in rows[0] if cell]
    if not filled or any(kind_of(cell) != "text" for cell in filled):
        return False
    over = [(cell, column) for cell, column in zip(rows[0], columns, strict=False) if cell]
    if all(map(_BRACKETED.fullmatch, filled)):
        return all(_typed(cell, column) > 0.5 for cell, column in over if column)
    if not all(_UNIT.fullmatch(cell) or _BRACKETED.fullmatch(cell) for cell in filled):
        return False
    plain = any(map(_PLAIN.fullmatch, filled)) or len({c for c in filled if len(c) > 1}) > 1
    return plain and all(
        column.count(cell) == 1 and _typed(cell, column) >= _TYPED for cell, column in over
    )


def _typed(unit: str, column: list[str]) -> float:
    values = [value for value in column if value != unit]
    return sum(kind_of(value) != "text" for value in values) / len(values) if values else 0
