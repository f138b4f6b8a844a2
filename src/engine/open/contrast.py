"""How much the first row of a table differs from the rows below it."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER = re.compile(r"[-+(]?[$€£]?\s?(\d[\d,. ]*|\.\d+)([eE][-+]?\d+)?\s*[%)]?")
_PLAIN = re.compile(r"-?\d{1,9}(\.\d{1,9})?")
_MOMENT = re.compile(
    r"\d{4}-\d{1,2}(-\d{1,2})?([T ]\d{1,2}:.*)?|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}.*"
    r"|\d{4}/\d{1,2}/\d.*|\d{1,2}:\d{2}(:\d{2})?.*"
)
_YEAR = re.compile(r"(1[89]|20|21)\d\d")
_TRUTH = frozenset({"true", "false", "yes", "no"})

#: So many columns of decimals are not by chance below 0, 1, 2, …, as a curve may begin.
_NUMBERED = 4


def kind_of(text: str) -> str:
    """Give the kind of a cell: moment, number, truth or text."""
    if _MOMENT.fullmatch(text):
        return "moment"
    if _NUMBER.fullmatch(text):
        return "number"
    return "truth" if text.lower() in _TRUTH else "text"


def kind_of_column(column: list[str]) -> str:
    """Give the kind of nine in ten of a column's values."""
    if not column:
        return ""
    kind, count = Counter(map(kind_of, column)).most_common(1)[0]
    return kind if 10 * count >= 9 * len(column) else "text"


def contrast_of(cells: list[str], columns: list[list[str]]) -> int:
    """Compare the first row with the columns below it: for names, and against."""
    if _numbered(cells, columns):
        return 2 * len(cells)
    total = 0
    years = [c for c in cells if _YEAR.fullmatch(c)]
    counted = bool(years) and years in (sorted(years), sorted(years, reverse=True))
    counted = counted and len(set(years)) == len(years)
    stepped = _in_steps(cells) and not any(map(_in_steps, zip(*columns, strict=False)))
    for cell, column in zip(cells, columns, strict=False):
        if not cell or not column:
            continue
        here, below = kind_of(cell), kind_of_column(column)
        if stepped and here == "number":
            total += 2
        elif counted and cell in years:
            # A single one among others of four digits may be one of them.
            like = all if len(years) > 1 else any
            total += 0 if like(map(_YEAR.fullmatch, column)) else 2
        elif below == "text" and here == "text":
            total += _textual(cell, column)
        elif here != below:
            total += 2 if here == "text" or below == "number" else 0
        else:
            total -= 2
    return total


def _numbered(cells: list[str], columns: list[list[str]]) -> bool:
    """Tell the names 0, 1, 2, … that pandas gives columns without any, where no values are so."""
    indexed = bool(cells) and not cells[0]
    names = cells[indexed:]
    if not names or not columns or names != [str(n) for n in range(len(names))]:
        return False
    if indexed:
        # Above an index, which is never empty; that of a single column is told by more.
        index = columns[0]
        alone = len(names) == 1
        full = len(index) > 1 and len(index) == max(map(len, columns))
        return full and not (alone and len(set(index)) < len(index))
    others = sum(len(c) > 1 and not any(kind_of(v) == "number" for v in c) for c in columns)
    again = any(cell in column for cell, column in zip(names, columns, strict=False))
    decimals = all(c and 10 * sum(map(_is_decimal, c)) >= 9 * len(c) for c in columns)
    if len(names) >= _NUMBERED and decimals and not again:
        return True
    return len(names) > 2 and others > 0 and (2 * others >= len(names) or not again)


def _is_decimal(text: str) -> bool:
    return "." in text and kind_of(text) == "number"


def _in_steps(cells: Iterable[str]) -> bool:
    """Tell whether numbers beside a text are in even steps, as names are and values hardly ever."""
    kinds = [(kind_of(cell), cell) for cell in cells if cell]
    numbers = [cell for kind, cell in kinds if kind == "number"]
    if not all(map(_PLAIN.fullmatch, numbers)) or not 0 < len(kinds) - len(numbers) < len(numbers):
        return False
    steps = {Decimal(after) - Decimal(before) for before, after in pairwise(numbers)}
    # A few may stand so by chance, small whole ones above all.
    enough = 4 if any("." in cell for cell in numbers) else 5
    return len(numbers) >= enough and len(steps) == 1 and 0 not in steps


def _textual(cell: str, column: list[str]) -> int:
    """Compare a text with texts: names are of another length, and do not come again."""
    if cell in column:
        return -1 if len(column) > 5 else 0
    lengths = {len(text) for text in column}
    if len(column) > 1 and len(lengths) == 1 and len(cell) not in lengths:
        return 1
    distinct_values = len(set(column))
    return 1 if len(column) >= 5 and distinct_values * 2 <= len(column) else 0
