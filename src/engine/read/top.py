"""The lines above a table's first row: which are refused, and which are only read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.read.tokens import IncompleteError, line, rows

if TYPE_CHECKING:
    from pathlib import Path

    from engine.open.dialect import Dialect

_FIRST = 256 * 1024
_MOST = 64 * 1024 * 1024

_SEP = re.compile(rb"\s*\"?sep=.\"?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Top:
    """What is above the first row.

    Attributes
    ----------
    lines : tuple of (bytes, str)
        The lines that are not empty, in their order: their bytes, and why each is no row; this
        is empty for the header, which is no record at all.
    offset : int
        Where the first row begins.
    simple : bool
        Whether DuckDB reads each of them as one row.
    """

    lines: tuple[tuple[bytes, str], ...] = ()
    offset: int = 0
    simple: bool = True

    @property
    def refused(self) -> list[tuple[bytes, str]]:
        """The lines that count as records, and are none."""
        return [(raw, why) for raw, why in self.lines if why]

    def number_sql(self, row_sql: str) -> str:
        """Give the SQL of a record's number from that of a row; null for what is no record."""
        silent = len(self.lines) - len(self.refused)
        if not silent:
            return row_sql
        passed, cases = 0, []
        for row, (_, why) in enumerate(self.lines, 1):
            passed += bool(why)
            cases.append(f"WHEN {row} THEN {passed if why else 'NULL'}")
        if len(self.lines) == 1:
            return f"nullif({row_sql} - 1, 0)"
        return f"CASE {row_sql} {' '.join(cases)} ELSE {row_sql} - {silent} END"


def read_top(path: Path, dialect: Dialect) -> Top:
    """Read what is above a file's first row."""
    size = _FIRST
    while True:
        with path.open("rb") as file:
            data = file.read(size)
        try:
            return _top(data, dialect, whole=len(data) < size or size >= _MOST)
        except IncompleteError:
            size *= 4


def _top(data: bytes, dialect: Dialect, *, whole: bool) -> Top:
    lines: list[tuple[bytes, str]] = []
    at = 0
    simple = True
    quote = dialect.grammar.quote_bytes
    for number in range(dialect.preamble):
        if at >= len(data):
            break
        end, following = line(data, at, whole=whole)
        raw = data[at:end]
        if raw:
            simple = simple and not (quote and quote in raw)
            said = number == 0 and _SEP.fullmatch(raw)
            blank = not raw.strip(b" \t" + dialect.grammar.delimiter_bytes)
            why = "" if said or blank else "the line is above the table"
            lines.append((raw, why))
        at = following
    wanted = dialect.header + dialect.units
    for row in rows(data, dialect.grammar, at, whole=whole) if wanted else ():
        if wanted == 0:
            break
        raw = data[row.start : row.end]
        at = row.following
        simple = simple and row.reason is None and b"\n" not in raw and b"\r" not in raw
        if row.blank:
            lines.append((raw, ""))
            continue
        header = dialect.header and wanted == dialect.header + dialect.units
        lines.append((raw, "" if header else "the row holds the units of the columns"))
        wanted -= 1
    return Top(tuple(lines), min(at, len(data)), simple)
