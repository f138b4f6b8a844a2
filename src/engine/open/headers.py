"""Where a table begins, and what its columns are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from engine.open.contrast import contrast_of, kind_of, kind_of_column
from engine.open.units import is_units
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from contract.csv import CsvSettings
    from engine.open.cuts import Cut, Sampled

#: A table begins within so many rows.
_MAX_PREAMBLE = 40

#: So many names of a guessed header are told, and so many characters of them.
_NAMED, _TOLD = 4, 90

#: What is said of a file whose first row is taken for data.
NO_HEADER = (
    "no header was found: the first row is data, and the columns are called column_1, column_2, …"
)

_TOTAL = re.compile(r"(grand |sub)?totals?:?|sum:?|summe:?|gesamt:?", re.IGNORECASE)
_NOTHING = frozenset({"\\n", "null", "na", "n/a", "nan", "none", "-"})
_ADDRESS = re.compile(r"\w+://\S+|[^\s@]+@[^\s@]+\.[^\s@]+")
_NAME = re.compile(r"(?:[^\W\d]|[#%°*$€£&@(\['\"])[^{}<>|\\=!]{0,59}|[\d_][\w.-]{0,20}")


@dataclass(frozen=True, slots=True)
class Header:
    """What was found at the top of a table.

    Attributes
    ----------
    row : int
        Which row of the first sample it is, or the first of data where there is none.
    present : bool
        Whether it is there.
    cells : list of str
        That row as it is written.
    columns : tuple of str
        Distinct names.
    units : bool
        Whether a row of units follows.
    contrast : int
        By how much the row differs from those below; negative where it is like them.
    typed_columns : int
        How many columns hold numbers or moments throughout.
    guesses : tuple of str
        What was guessed.
    """

    row: int
    present: bool
    cells: list[str]
    columns: tuple[str, ...]
    units: bool
    contrast: int
    typed_columns: int
    guesses: tuple[str, ...]


def find_header(
    cut: Cut,
    names: tuple[str, ...],
    named: bool,
    said: CsvSettings,
    table: Collection[str],
) -> Header:
    """Find the row that names the columns, by the evidence there is.

    Parameters
    ----------
    cut : Cut
        The file's rows.
    names : tuple of str
        Those of a comment; empty for none.
    named : bool
        Whether the file says by its name that it is delimited: most such files have a header.
    said : CsvSettings
        What the contract says.
    table : collection of str
        Normalised names of the table's columns.
    """
    begin = 0 if said.skip is not None else _begin(cut)
    first = cut.head[begin] if begin < len(cut.head) else None
    cells = [cell or "" for cell in first.cells] if first else []
    below = [row for row in _below(cut, begin) if [cell or "" for cell in row.cells] != cells]
    columns = _columns(below, cut.width)
    contrast = contrast_of(_meant(first), columns) if first else 0
    typed = sum(kind_of_column(column) not in ("", "text") for column in columns)
    if names:
        more = tuple(f"column_{n}" for n in range(len(names) + 1, cut.width + 1))
        said_so = ("header: the names stand in a comment",)
        return Header(
            begin, False, cells, distinct([*names, *more]), False, contrast, typed, said_so
        )
    present, why = _decided(cells, contrast, named, said, table, bool(below))
    if not present:
        return _without(cut, begin, cells, contrast, typed, why)
    following = map(_meant, cut.head[begin + 1 : begin + 3])
    units = said.header is None and is_units([*following], columns)
    width = max(cut.width, len(cells))
    while width > cut.width and not cells[width - 1]:
        width -= 1
    shifted = len(cells) == cut.width - 1 and first is not None and begin + 1 < len(cut.head)
    full = [*([""] if shifted else []), *cells, *([""] * width)][:width]
    return Header(
        begin,
        True,
        cells,
        distinct(full),
        units,
        contrast,
        typed,
        (f"the first row is taken for the header ({told_cells(cells)}), since {why}",)
        if why
        else (),
    )


def _without(cut: Cut, begin: int, cells: list[str], contrast: int, typed: int, why: str) -> Header:
    # A last column that is empty throughout is one all the same: it has no type, so no harm.
    regular = [len(r.cells) for r in cut.every if cut.regular(r)]
    width = max(regular, default=cut.width)
    names = distinct([""] * width)
    return Header(begin, False, cells, names, False, contrast, typed, (NO_HEADER,) if why else ())


def told_cells(cells: list[str]) -> str:
    """Give the beginning of a row, for people, without its empty cells."""
    cells = [cell for cell in cells if cell]
    return ", ".join(cells if len(cells) <= _NAMED else [*cells[:_NAMED], "…"])[:_TOLD]


def _below(cut: Cut, row: int) -> list[Sampled]:
    """Give the rows behind one that are as wide as most, and hold something."""
    return [one for one in [*cut.head[row + 1 :], *_further(cut)] if cut.regular(one) and one.full]


def _meant(row: Sampled) -> list[str]:
    return [_something(cell or "") for cell in row.cells]


def _further(cut: Cut) -> Iterable[Sampled]:
    return [row for sample in cut.samples[1:] for row in sample]


def _begin(cut: Cut) -> int:
    """Give the first row of the table: lines before it are narrower, or hold less."""
    rows = cut.head[:_MAX_PREAMBLE]
    if cut.width < 2:
        return 0
    usual = median([_held(row) for row in cut.every if cut.regular(row) and row.full] or [0])
    for n, row in enumerate(rows):
        held = _held(row)
        sparse = held < min(2, usual) or 2 * held <= usual
        if cut.regular(row) and not (sparse and _names_follow(rows, n, usual, cut)):
            return _named_above(rows, n, cut)
        if row.wrong and n == 0 and len(row.cells) == cut.width:
            # A header of which only the quotes are wrong.
            return 0
        if row.wrong or len(row.cells) > cut.width + 1:
            return 0
    return 0


def _held(row: Sampled) -> int:
    return sum(cell is not None for cell in row.cells)


def _names_follow(rows: list[Sampled], at: int, usual: float, cut: Cut) -> bool:
    """Tell whether a row of names follows soon behind one that holds little.

    Every cell of it is full, and none a number; or it plainly differs from the rows below it.
    """
    soon = rows[at + 1 : at + 11]
    if cut.width > 2 and _held(rows[at]) < 2 and any(_all_words(row, cut) for row in soon):
        return True
    full = (n for n, row in enumerate(soon, at + 1) if cut.regular(row) and 2 * _held(row) > usual)
    row = next((n for n in full if _held(rows[n]) > 1), None)
    if row is None:
        return False
    return contrast_of(_meant(rows[row]), _columns(_below(cut, row), cut.width)) > 1


def _all_words(row: Sampled, cut: Cut) -> bool:
    full = cut.regular(row) and row.full == cut.width
    return full and all(map(_is_word, row.cells[: cut.width]))


def _named_above(rows: list[Sampled], begin: int, cut: Cut) -> int:
    """Take a row of names that is narrower than the rows below it, and directly above."""
    if begin == 0:
        return 0
    above, row = rows[begin - 1], rows[begin]
    if (
        all(map(_is_word, above.cells))
        and len(above.cells) >= max(2, cut.width - 1)
        and not all(map(_is_word, row.cells[: cut.width]))
    ):
        return begin - 1
    return begin


def _is_word(cell: str | None) -> bool:
    return bool(cell) and kind_of(cell or "") == "text"


def _columns(rows: list[Sampled], width: int) -> list[list[str]]:
    found: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        for cell, column in zip(row.cells, found, strict=False):
            if cell and _something(cell):
                column.append(cell)
    return found


def _something(cell: str) -> str:
    """Leave out what stands for no value: it is neither a name nor of any kind."""
    return "" if cell.lower() in _NOTHING else cell


def _decided(
    cells: list[str],
    contrast: int,
    named: bool,
    said: CsvSettings,
    table: Collection[str],
    more: bool,
) -> tuple[bool, str]:
    if said.header is not None:
        return said.header, ""
    filled = [cell for cell in cells if cell]
    known = sum(normalise(cell) in table for cell in filled)
    if known and 2 * known >= len(filled):
        return True, ""
    unnamed = table and all(re.fullmatch(r"column_\d+|_.*", name) for name in table)
    # That a file without a header came first says nothing of one that plainly has one.
    if unnamed and known == 0 and not (contrast > 1 and all(map(_is_word, filled))):
        return False, "as in the table"
    if contrast > 0 and filled:
        return True, "it differs from the rows below"
    if contrast < 0 or not named:
        return False, "it is like the others"
    # Columns without a name are common, and some that share one; one cell alone is rather a title.
    distinct_names = 2 * len(set(filled)) > len(filled) > (len(cells) > 1)
    words = all(kind_of(cell) == "text" and not _ADDRESS.fullmatch(cell) for cell in filled)
    alone = all(cells) and (len(cells) > 2 or (len(cells) == 2 and looks_like_names(cells)))
    if filled and distinct_names and words and (more or alone):
        return True, "it holds words, and most files of this name have a header"
    return False, "it is no row of names"


def total_of(cut: Cut, header: Header) -> str:
    """Give the first cell of a row that sums up the others, where it is the file's last.

    It is none of them where the column holds numbers or moments otherwise.
    """
    rows = [r for r in [*cut.head[header.row + header.present :], *_further(cut)] if r.full]
    if len(rows) < 3 or rows[-1].wrong:
        return ""
    first = rows[-1].cells[0] or ""
    column = [r.cells[0] or "" for r in rows[:-1] if cut.regular(r) and r.cells[0] != first]
    found = _TOTAL.fullmatch(first) and kind_of_column([c for c in column if c]) in (
        "number",
        "moment",
    )
    return first if found else ""


def looks_like_names(cells: list[str]) -> bool:
    """Tell whether every cell of a row could be a column's name."""
    return bool(cells) and all(not cell or _NAME.fullmatch(cell) for cell in cells)


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Make names distinct: one that is repeated gets a number, one that is empty its place.

    A NUL, which SQL ends at, is a space.
    """
    names = [name.replace("\0", " ") for name in names]
    wanted = [" ".join(name.split()) if name.isspace() else name.strip() for name in names]
    taken = {name for name in wanted if name}
    used: set[str] = set()
    found = []
    for position, name in enumerate(wanted, 1):
        candidate, number = name or f"column_{position}", 1
        while candidate in used or (number > 1 and candidate in taken):
            number += 1
            candidate = f"{name or f'column_{position}'}_{number}"
        used.add(candidate)
        found.append(candidate)
    return tuple(found)
