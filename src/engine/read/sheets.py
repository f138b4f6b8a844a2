"""Spreadsheets: XLSX, XLSB, XLS and ODS, read by calamine.

A workbook is read like a delimited file whose cells have types: a title above the table is no
record, the first row of distinct texts names the columns, empty rows are no rows. Each sheet is
a part of the object; where several have rows, the column ``_sheet`` says which one a row is of.
"""

from __future__ import annotations

import json
import zipfile
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import python_calamine

from contract.csv import CsvSettings
from engine.open.stored import NotReadError
from engine.open.workbooks import errors_in, is_encrypted
from engine.read.fields import fields_of_file
from engine.read.jsonrows import AT_ONCE, JsonReading, Refused, blocks_of, column_of
from engine.read.jsontypes import TEXT, Read, plain
from engine.read.sheet import Sheet, merged_kind, text_of
from engine.read.xls import as_calamine_reads
from engine.types.kinds import BIGINT, BOOLEAN, DATE, DOUBLE, NULL, STRING, TIMESTAMP, Kind
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

SHEET = "_sheet"

_ENCRYPTED = ("an encrypted workbook", "application/octet-stream")


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
        said = job.contract.csv if job.contract else CsvSettings()
        if is_encrypted(path):
            raise NotReadError(*_ENCRYPTED)
        with _read_by_calamine(kind):
            book = python_calamine.load_workbook(str(_named(job, path, kind)))
            tables = [
                Sheet.of(name, book.get_sheet_by_name(name), said, job.known_columns)
                for name in _sheets(book)
            ]
        self._tables = [table for table in tables if table.count or table.above]
        kinds: dict[str, Kind] = {SHEET: STRING} if len(self._tables) > 1 else {}
        for table in self._tables:
            own = table.kinds()
            for name, found in own.items():
                kinds[name] = merged_kind(kinds.get(name, NULL), found)
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

    def _stretch(self, table: Sheet) -> Stretch:
        return self._rows(table), table.count + len(table.above)

    def _rows(self, table: Sheet) -> Iterator[list[dict[str, Any]] | Refused]:
        for row in table.above:
            raw = json.dumps(row, ensure_ascii=False, default=str).encode()
            yield Refused(raw, Reason.NOT_A_ROW, f"a row beside the table of sheet {table.name!r}")
        keys = [self._keys[name] if name else "" for name in table.names]
        sheet = {self._keys[SHEET]: table.name} if SHEET in self._keys else {}
        texts = {self._keys[name] for name, read in self._reads.items() if read is TEXT}
        found = table.rows()
        while rows := list(islice(found, AT_ONCE)):
            yield [
                sheet
                | {
                    key: text_of(value) if key in texts else value
                    for key, value in zip(keys, row, strict=False)
                    if key and value is not None
                }
                for row in rows
            ]


@contextmanager
def _read_by_calamine(kind: str) -> Iterator[None]:
    try:
        yield
    except python_calamine.PasswordError as error:
        raise NotReadError(*_ENCRYPTED) from error
    except python_calamine.CalamineError as error:
        raise RejectedObjectError(Reason.CORRUPT_FILE, f"{kind}: {error}") from error
    except BaseException as error:
        # No module names the class of a panic in Rust, and Exception is none of its bases.
        if type(error).__name__ != "PanicException":
            raise
        raise RejectedObjectError(
            Reason.CORRUPT_FILE, f"{kind}: its reader fails: {error}; save it again, or as CSV"
        ) from error


def _named(job: Job, path: Path, kind: str) -> Path:
    """Give a file an extension: without one calamine says of no failure why it failed."""
    link = job.workdir / f"workbook.{kind}"
    link.unlink(missing_ok=True)
    if kind != "xls" or as_calamine_reads(path, link) == path:
        link.symlink_to(path.resolve())
    return link


def _sheets(book: Any) -> list[str]:
    work = python_calamine.SheetTypeEnum.WorkSheet
    return [sheet.name for sheet in book.sheets_metadata if sheet.typ == work]


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
