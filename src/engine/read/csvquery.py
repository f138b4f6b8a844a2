"""Delimited text as DuckDB reads it: a row for each record, and which of them are odd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.read.csvcopy import MORE
from engine.read.csvplain import EMPTY
from engine.read.csvvalues import field_sql
from engine.read.reading import NUMBER, Relation
from engine.types.sql import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from engine.open.dialect import Dialect

#: What no field can be, since DuckDB wants to know some text for null: it has a line end, and in
#: quotes nothing is null.
_NEVER = "\n\x02"

#: DuckDB's own limit of a line is twice as much.
_LONG = 1_000_000

_ODD, _SHORT = "lake_odd", "lake_short"


@dataclass(frozen=True, slots=True)
class Text:
    """A file for DuckDB, and what is known of it.

    Attributes
    ----------
    path : Path
        The file.
    dialect : Dialect
        How it is written.
    header : list of str
        A row that repeats it is odd.
    longest : int
        Bytes that no line is longer than.
    ending : bytes
        Its line ends.
    quotes : bool
        Whether quotes mean something in it.
    spaced : bool
        Whether fields may have white space at their ends.
    blanks : bool
        Whether there may be rows of nothing but white space.
    backslash : bool
        Whether there is a backslash in it.
    empties : bool
        Whether :data:`engine.read.csvplain.EMPTY` stands for an empty text.
    number_sql : str
        A record's number, from that of its row; null for what is no record.
    refused : int
        So many records are none.
    """

    path: Path
    dialect: Dialect
    header: list[str]
    longest: int
    ending: bytes
    quotes: bool
    spaced: bool
    blanks: bool
    backslash: bool
    empties: bool
    number_sql: str
    refused: int

    def relation(self, columns: Collection[str] | None, known: Collection[str] | None) -> Relation:
        """Give it as a relation.

        Parameters
        ----------
        columns : collection of str or None
            Fields that have a column, None for all: in others an empty text is nothing.
        known : collection of str or None
            Fields that are expected, None for all: with another one a record is odd.
        """
        names = _told_apart(self.dialect.columns)
        names = names if known is None else names & frozenset(known)
        fields = []
        for n, name in enumerate(self.dialect.columns):
            if name not in names:
                continue
            text = self._field(n)
            if columns is not None and name not in columns:
                text = f"nullif({text}, '')"
            fields.append(f"{text} AS {quoted(name)}")
        short = ""
        if self.dialect.short and self._width > 1:
            fields.append(f"c{self._width - 1} IS NULL AS {_SHORT}")
            short = _SHORT
        query = (
            f"SELECT {', '.join([*fields, ''])}{self._odd_sql(names)} AS {_ODD}, {NUMBER} FROM "
            f"(SELECT *, {self.number_sql} AS {NUMBER} FROM {self._csv()}) "
            f"WHERE {NUMBER} IS NOT NULL AND {self._filled()}"
        )
        return Relation(query, names, _ODD, short or "false")

    @property
    def _width(self) -> int:
        return len(self.dialect.columns)

    def _field(self, n: int) -> str:
        nulls = tuple(null for null in self.dialect.nulls if self.backslash or "\\" not in null)
        trim = self.dialect.grammar.white if self.spaced else ""
        return field_sql(f"c{n}", nulls, trim=trim, marker=EMPTY if self.empties else "")

    def _csv(self) -> str:
        dialect = self.dialect
        quote = dialect.quote if self.quotes else ""
        types = ", ".join(f"c{n}: 'VARCHAR'" for n in range(self._width + MORE))
        limits = ""
        if self.ending != b"\r\n":
            # What stands within quotes must not tell. Where all ends are CRLF it tells the same,
            # and DuckDB 1.5.6 in strict mode reads nothing right of which they are said to be.
            limits = "new_line = '\\n', "
        if self.longest > _LONG:
            limits += f"max_line_size = {self.longest + 1}, buffer_size = {2 * self.longest + 2}, "
        # Only the strict parser refuses quotes that do not match; the other one does not mind
        # rows of any number of fields.
        return (
            f"read_csv({literal(str(self.path))}, auto_detect = false, header = false, "
            f"delim = {literal(dialect.delimiter)}, quote = {literal(quote)}, "
            f"escape = {literal(quote)}, null_padding = true, parallel = false, "
            f"strict_mode = {bool(quote)}, "
            f"nullstr = {literal(_NEVER)}, allow_quoted_nulls = false, "
            f"{limits}columns = {{{types}}})"
        )

    def _filled(self) -> str:
        """Say in SQL that there is something in a row."""
        white = literal(self.dialect.grammar.white)
        fields = [f"c{n}" for n in range(self._width + MORE)]
        if self.blanks:
            fields = [f"trim({field}, {white})" for field in fields]
        filled = ", ".join(f"nullif({field}, '')" for field in fields)
        # Most rows have something in their first field; no white space sorts after this.
        return f"(c0 > '!' OR coalesce({filled}) IS NOT NULL)"

    def _odd_sql(self, names: Collection[str]) -> str:
        """Say in SQL which rows the exact reader has to judge."""
        dialect, width = self.dialect, self._width
        surplus = f"c{width} IS NOT NULL"
        if dialect.trailing:
            surplus = f"({surplus} AND (c{width} <> '' OR c{width + 1} IS NOT NULL))"
        tests = [surplus]
        if not dialect.short:
            tests.append(f"c{width - 1} IS NULL")
        if dialect.comment:
            tests.append(f"starts_with(ltrim(c0), {literal(dialect.comment)})")
        if dialect.total:
            tests.append(f"coalesce(contains(c0, {literal(dialect.total)}), false)")
        # The last cells are the likeliest to differ, and three of them tell.
        header = [(n, cell) for n, cell in enumerate(self.header) if cell][-3:]
        if header and len(self.header) <= width + MORE:
            same = [f"contains(c{n}, {literal(cell)})" for n, cell in reversed(header)]
            tests.append(f"coalesce({' AND '.join(same)}, false)")
        tests += [
            f"coalesce(c{n}, '') <> ''"
            for n, name in enumerate(dialect.columns)
            if name not in names
        ]
        if self.refused:
            tests.append(f"{NUMBER} <= {self.refused}")
        return f"({' OR '.join(tests)})"


def _told_apart(columns: tuple[str, ...]) -> frozenset[str]:
    """Keep the names that DuckDB can tell apart, also from those of queries."""
    taken: set[str] = set()
    found = set()
    for name in columns:
        lower = name.lower()
        if lower not in taken and "\0" not in name and not lower.startswith("lake_"):
            found.add(name)
        taken.add(lower)
    return frozenset(found)
