"""Spreadsheets: XLSX, XLSB, XLS and ODS, read by calamine.

A workbook is read like a delimited file whose cells have types: a title above the table is no
record, the first row of distinct texts names the columns, empty rows are no rows. Each sheet is
a part of the object; where several have rows, the column ``_sheet`` says which one a row is of.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import python_calamine

from engine.open.headers import NO_HEADER, told_cells
from engine.open.stored import NotReadError
from engine.open.workbooks import errors_in
from engine.read.fields import fields_of_file
from engine.read.jsonrows import AT_ONCE, JsonReading, Refused, blocks_of, column_of
from engine.read.jsontypes import TEXT, Read, plain
from engine.types.kinds import BIGINT, BOOLEAN, DATE, DOUBLE, NULL, STRING, TIMESTAMP, Kind, merge
from store.errors import ObjectTooLargeError, RejectedObjectError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.job import Job
    from engine.read.fields import Column
    from engine.read.jsonrows import Stretch
    from engine.read.typed import TypedBlock

#: Bytes of the unpacked parts that calamine, which holds a whole sheet, may be given.
_MOST = 96 * 1024 * 1024

#: Rows among which the names of the columns are looked for.
_FIRST = 20

SHEET = "_sheet"


class SheetsReading(JsonReading):
    """A workbook.

    Parameters
    ----------
    job : Job
        Its folder takes the JSON that DuckDB reads.
    path : Path
        The file.
    kind : str
        As of :func:`engine.open.workbooks.workbook_kind`.

    Raises
    ------
    RejectedObjectError
        When it is damaged.
    NotReadError
        When it is encrypted.
    ObjectTooLargeError
        When it is larger than memory allows.
    """

    def __init__(self, job: Job, path: Path, kind: str) -> None:
        _bounded(path)
        try:
            book = python_calamine.load_workbook(str(path))
            tables = [_Table.of(name, book.get_sheet_by_name(name)) for name in _sheets(book)]
        except python_calamine.PasswordError as error:
            raise NotReadError("an encrypted workbook", "application/octet-stream") from error
        except python_calamine.CalamineError as error:
            raise RejectedObjectError(Reason.CORRUPT_FILE, f"{kind}: {error}") from error
        self._tables = [table for table in tables if table.count or table.above]
        kinds: dict[str, Kind] = {SHEET: STRING} if len(self._tables) > 1 else {}
        for table in self._tables:
            own = table.kinds()
            for name, found in own.items():
                kinds[name] = _merged(kinds.get(name, NULL), found)
            job.guesses += table.guesses(own)
        if errors := errors_in(path):
            job.guesses.append(f"cells that hold an error, such as #N/A, are null: {errors:,}")
        self._keys = {name: f"f{position}" for position, name in enumerate(kinds, 1)}
        self._reads = {name: _READS.get(found, TEXT) for name, found in kinds.items()}
        super().__init__(job, kind, fields_of_file(self._columns()))

    def _columns(self) -> Iterator[Column]:
        for name, read in self._reads.items():
            yield column_of(name, self._keys[name], read)

    def fresh_blocks(self) -> Iterator[TypedBlock]:
        """Give the rows of all sheets as JSON."""
        types = {self._keys[name]: read.json_type for name, read in self._reads.items()}
        yield from blocks_of(self, types, map(self._stretch, self._tables))

    def _stretch(self, table: _Table) -> Stretch:
        return self._rows(table), table.count + len(table.above)

    def _rows(self, table: _Table) -> Iterator[list[dict[str, Any]] | Refused]:
        for row in table.above:
            raw = json.dumps(row, ensure_ascii=False, default=str).encode()
            yield Refused(raw, Reason.NOT_A_ROW, f"a line above the table of sheet {table.name!r}")
        keys = [self._keys[name] if name else "" for name in table.names]
        sheet = {self._keys[SHEET]: table.name} if SHEET in self._keys else {}
        texts = {self._keys[name] for name, read in self._reads.items() if read is TEXT}
        found = table.rows()
        while rows := list(islice(found, AT_ONCE)):
            yield [
                sheet
                | {
                    key: _text(value) if key in texts else value
                    for key, value in zip(keys, row, strict=False)
                    if key and value is not None
                }
                for row in rows
            ]


def _sheets(book: Any) -> list[str]:
    work = python_calamine.SheetTypeEnum.WorkSheet
    return [sheet.name for sheet in book.sheets_metadata if sheet.typ == work]


@dataclass(frozen=True, slots=True)
class _Table:
    """A sheet's rows.

    Attributes
    ----------
    name : str
        Of the sheet.
    names : tuple of str
        Of the columns; empty for one in which there is nothing.
    above : list
        Rows above the table: a title.
    skipped : int
        Rows that are not empty and lie above the records.
    count : int
        Records.
    sheet : Any
        calamine's.
    """

    name: str
    names: tuple[str, ...]
    above: list[list[Any]]
    skipped: int
    count: int
    sheet: Any

    @classmethod
    def of(cls, name: str, sheet: Any) -> _Table:
        """Find a sheet's header."""
        first: list[list[Any]] = []
        width: dict[int, int] = {}
        count = 0
        for row in _full_rows(sheet):
            count += 1
            if len(first) < _FIRST:
                first.append(row)
            for position, value in enumerate(row):
                if value is not None:
                    width[position] = count
        header = _header(first, len(width))
        cells = [] if header is None else first[header]
        skipped = 0 if header is None else header + 1
        above = first[:header] if header else []
        names = tuple(
            _name(cells, position)
            if width.get(position, 0) > skipped or _at(cells, position)
            else ""
            for position in range(max(width, default=-1) + 1)
        )
        return cls(name, names, above, skipped, count - skipped, sheet)

    def rows(self) -> Iterator[list[Any]]:
        """Give the records' cells."""
        for number, row in enumerate(_full_rows(self.sheet)):
            if number >= self.skipped:
                yield row

    def guesses(self, kinds: dict[str, Kind]) -> Iterator[str]:
        """Say in words what was guessed of the header, where the cells below do not prove it."""
        if self.count and not self.skipped:
            yield f"sheet {self.name!r}: {NO_HEADER}"
        elif self.count and set(kinds.values()) <= {STRING, NULL}:
            named = told_cells([name for name in self.names if name])
            yield f"sheet {self.name!r}: the first full row is taken for the header ({named})"

    def kinds(self) -> dict[str, Kind]:
        """Give the kind of each column: every cell says what it is."""
        found: list[Kind] = [NULL] * len(self.names)
        for row in self.rows():
            found = [
                _merged(kind, _kind_of(value))
                for kind, value in zip(found, [*row, *[None] * len(found)], strict=False)
            ]
        merged: dict[str, Kind] = {}
        for name, kind in zip(self.names, found, strict=True):
            if name:
                merged[name] = _merged(merged.get(name, NULL), kind)
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


def _header(rows: list[list[Any]], columns: int) -> int | None:
    """Find the row of the columns' names: distinct texts in most columns, and rows below it."""
    for number, row in enumerate(rows):
        cells = [cell for cell in row if cell is not None]
        texts = {cell.strip() for cell in cells if isinstance(cell, str)}
        if len(texts) == len(cells) and 2 * len(cells) > columns:
            return number if number + 1 < len(rows) else None
        if len(cells) > 1 and 2 * len(cells) > columns:
            return None
    return None


def _at(cells: list[Any], position: int) -> Any:
    return cells[position] if position < len(cells) else None


def _name(cells: list[Any], position: int) -> str:
    cell = _at(cells, position)
    return str(cell).strip() if cell is not None else f"column_{position + 1}"


def _kind_of(value: Any) -> Kind:
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int():
            return BIGINT
        case float():
            return DOUBLE
        case datetime():
            return TIMESTAMP
        case date():
            return DATE
    return STRING


def _merged(one: Kind, other: Kind) -> Kind:
    return TIMESTAMP if {one, other} == {DATE, TIMESTAMP} else merge(one, other)


def _text(value: Any) -> str:
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


def _as_date(value: str) -> str:
    return f"CAST({value} AS DATE)"


def _as_timestamp(value: str) -> str:
    return f"CAST({value} AS TIMESTAMP)"


_READS: dict[Kind, Read] = {
    **{kind: plain(kind) for kind in (NULL, BOOLEAN, BIGINT, DOUBLE)},
    DATE: Read(DATE, "VARCHAR", _as_date),
    TIMESTAMP: Read(TIMESTAMP, "VARCHAR", _as_timestamp),
}


def _bounded(path: Path) -> None:
    """Refuse what calamine would need more memory for than there is.

    Raises
    ------
    ObjectTooLargeError
        With what to do instead.
    """
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    if size > _MOST:
        raise ObjectTooLargeError(
            f"the workbook has {size:,} bytes unpacked, more than {_MOST:,}: save it as CSV"
        )
