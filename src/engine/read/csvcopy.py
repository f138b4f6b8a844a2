"""A copy of some records, written so that DuckDB reads them as the exact reader does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.read.csvplain import EMPTY, Plain, has_wide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.open.dialect import Dialect
    from engine.read.piece import Piece
    from engine.read.tokens import Row

#: Further columns in which fields that are too many show.
MORE = 4


def most_of(dialect: Dialect) -> int:
    """Give how many delimiters no line may have: DuckDB is told of so many fields."""
    return len(dialect.columns) + MORE


def plain_of(dialect: Dialect) -> Plain:
    """Give what writes the records of a file plainly."""
    return Plain(dialect.grammar, most_of(dialect))


@dataclass(slots=True)
class Copy:
    """Writes records; each takes one row, also one that only the exact reader can judge.

    Attributes
    ----------
    dialect : Dialect
        How the file is written.
    empties : bool
        Whether :data:`EMPTY` was written.
    """

    dialect: Dialect
    empties: bool = False

    @property
    def aside(self) -> bytes:
        """A row of too many fields: a record that is judged exactly."""
        return (self.dialect.delimiter * len(self.dialect.columns) + "x\n").encode()

    def write(
        self, path: Path, refused: int, pieces: list[Piece], read: Callable[[Piece], bytes]
    ) -> None:
        """Write a file.

        Parameters
        ----------
        path : Path
            The copy.
        refused : int
            Records above the first piece.
        pieces : list of Piece
            The records.
        read : callable
            Gives the bytes of a piece.
        """
        plain = plain_of(self.dialect)
        with path.open("wb") as copy:
            copy.write(self.aside * refused)
            for piece in pieces:
                if piece.huge:
                    copy.write(self.aside)
                    continue
                data = read(piece)
                if self._is_plain(piece, data):
                    copy.write(data if data.endswith(b"\n") else data + b"\n")
                    continue
                for run in plain.runs(data):
                    self.empties = self.empties or EMPTY.encode() in run.text
                    copy.write(self._line(run.row) if run.row else run.text)

    def _is_plain(self, piece: Piece, data: bytes) -> bool:
        """Tell whether a piece needs no change."""
        if piece.odd or piece.spaced or piece.ending != b"\n":
            return False
        return not has_wide(data, self.dialect.grammar, most_of(self.dialect))

    def _line(self, row: Row) -> bytes:
        """Write a row in the plainest way; what cannot be written so is set aside."""
        dialect = self.dialect
        if row.reason is not None or len(row.fields) >= most_of(dialect):
            return self.aside
        if row.blank:
            # An empty line would have no number.
            return b"\t\n" if dialect.delimiter == " " else b" \n"
        cells = []
        for text in row.fields:
            cell = self._cell(text)
            if cell is None:
                return self.aside
            cells.append(cell)
        return (dialect.delimiter.join(cells) + "\n").encode()

    def _cell(self, text: str | None) -> str | None:
        """Write a field; None where no text for DuckDB says it."""
        if text is None:
            return ""
        if text == "":
            self.empties = True
            return EMPTY
        if text == EMPTY:
            return None
        quote = self.dialect.quote
        special = self.dialect.delimiter in text or "\n" in text or "\r" in text
        special = special or text[0] in " \t\ufeff" or text[-1] in " \t"
        if not quote:
            return None if special else text
        if special or text.startswith(quote):
            return f"{quote}{text.replace(quote, quote * 2)}{quote}"
        return text
