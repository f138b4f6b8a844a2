"""One sheet of a workbook: where its table begins, how its columns are called, what its cells are.

Its header is found by the evidence by which that of a delimited file is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from contract.csv import CsvSettings
from engine.open.cuts import ROWS, Cut, Sampled
from engine.open.headers import Header, find_header
from engine.read.tokens import Grammar
from engine.types.kinds import DATE, NULL, STRING, TIMESTAMP, Kind, kind_of, merge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet's rows.

    Attributes
    ----------
    name : str
        Of the sheet.
    names : tuple of str
        Of the columns; empty for one in which there is nothing.
    above : list
        Rows that are no records: a title above the header, units below it.
    skipped : int
        Rows that are not empty and lie above the records.
    count : int
        Records.
    guessed : tuple of str
        What was guessed of the header.
    source : Any
        calamine's.
    """

    name: str
    names: tuple[str, ...]
    above: list[list[Any]]
    skipped: int
    count: int
    guessed: tuple[str, ...]
    source: Any

    @classmethod
    def of(cls, name: str, source: Any, said: CsvSettings, known: Collection[str]) -> Sheet:
        """Find a sheet's header.

        Parameters
        ----------
        name : str
            Of the sheet.
        source : Any
            calamine's.
        said : CsvSettings
            What the contract says; of a sheet only whether it has a header.
        known : collection of str
            Normalised names of the table's columns.
        """
        first: list[list[Any]] = []
        last: dict[int, int] = {}
        count = 0
        for row in _full_rows(source):
            count += 1
            if len(first) < ROWS:
                first.append(row)
            for position, value in enumerate(row):
                if value is not None:
                    last[position] = count
        if not count:
            return cls(name, (), [], 0, 0, (), source)
        header = _header_of(first, max(last) + 1, said, known)
        skipped = header.row + header.present + header.units
        above = first[: header.row] + first[header.row + header.present : skipped]
        named = [bool(cell) for cell in header.cells] if header.present else []
        names = tuple(
            column if last.get(n, 0) > skipped or any(named[n : n + 1]) else ""
            for n, column in enumerate(header.columns)
        )
        return cls(name, names, above, skipped, count - skipped, header.guesses, source)

    def rows(self) -> Iterator[list[Any]]:
        """Give the records' cells."""
        for number, row in enumerate(_full_rows(self.source)):
            if number >= self.skipped:
                yield row

    def guesses(self, kinds: dict[str, Kind]) -> list[str]:
        """Say in words what was guessed of the header, where the cells below do not prove it."""
        if not self.count or (self.skipped and not set(kinds.values()) <= {STRING, NULL}):
            return []
        return [f"sheet {self.name!r}: {guess}" for guess in self.guessed]

    def kinds(self) -> dict[str, Kind]:
        """Give the kind of each column: every cell says what it is."""
        found: list[Kind] = [NULL] * len(self.names)
        for row in self.rows():
            found = [
                merged_kind(kind, _kind_of(value))
                for kind, value in zip(found, [*row, *[None] * len(found)], strict=False)
            ]
        merged: dict[str, Kind] = {}
        for name, kind in zip(self.names, found, strict=True):
            if name:
                merged[name] = merged_kind(merged.get(name, NULL), kind)
        return merged


def _full_rows(sheet: Any) -> Iterator[list[Any]]:
    """Give the rows in which there is something; what is empty is nothing."""
    for row in sheet.iter_rows():
        cells = [_cell(value) for value in row]
        if any(cell is not None for cell in cells):
            yield cells


def _cell(value: Any) -> Any:
    """Give a cell's value as JSON has it: a number that is whole as one."""
    match value:
        case str():
            return value if value.strip() else None
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case datetime() | date() | time() | timedelta() | bool() | int() | float():
            return value
    return None if value is None else str(value)


def _header_of(
    rows: list[list[Any]], width: int, said: CsvSettings, known: Collection[str]
) -> Header:
    cells = [[None if cell is None else text_of(cell).strip() for cell in row] for row in rows]
    sampled = [Sampled(n, [*row, *[None] * width][:width]) for n, row in enumerate(cells)]
    cut = Cut(Grammar(","), width, [sampled])
    return find_header(cut, (), True, CsvSettings(header=said.header), known)


def _kind_of(value: Any) -> Kind:
    match value:
        case datetime():
            return TIMESTAMP
        case date():
            return DATE
    return kind_of(value)


def merged_kind(one: Kind, other: Kind) -> Kind:
    """Merge kinds as :func:`engine.types.kinds.merge`, but that a date is a moment, too."""
    return TIMESTAMP if {one, other} == {DATE, TIMESTAMP} else merge(one, other)


def text_of(value: Any) -> str:
    """Give a cell as text: as a delimited file would have it."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case float():
            return json.dumps(value)
    return str(value)
