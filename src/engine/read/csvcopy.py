"""A copy of some records, written so that DuckDB reads them as the exact reader does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.read.tokens import rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.open.dialect import Dialect
    from engine.read.piece import Piece
    from engine.read.tokens import Row

#: Stands for an empty text in quotes, which DuckDB does not tell from nothing.
EMPTY = "\x02lake-empty\x03"

#: Further columns in which fields that are too many show.
MORE = 4


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
        with path.open("wb") as copy:
            copy.write(self.aside * refused)
            for piece in pieces:
                if piece.huge:
                    copy.write(self.aside)
                    continue
                data = read(piece)
                if piece.odd or (piece.quotes and piece.ending != b"\n") or self._crowded(data):
                    copy.writelines(map(self._line, rows(data, self.dialect.grammar)))
                    continue
                if piece.ending != b"\n":
                    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                copy.write(data if data.endswith(b"\n") else data + b"\n")

    def _crowded(self, data: bytes) -> bool:
        """Tell whether a line may have more fields than DuckDB is told to take."""
        delimiter = self.dialect.grammar.delimiter_bytes
        most = len(self.dialect.columns) + MORE
        return any(line.count(delimiter) >= most for line in data.splitlines())

    def _line(self, row: Row) -> bytes:
        """Write a row in the plainest way; what cannot be written so is set aside."""
        dialect = self.dialect
        if row.reason is not None or len(row.fields) >= len(dialect.columns) + MORE:
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
        """Write a field; None where white space at its ends would be lost, or it has line ends."""
        if text is None:
            return ""
        if text == "":
            self.empties = True
            return EMPTY
        if text[0] in " \t" or text[-1] in " \t" or text == EMPTY:
            return None
        quote = self.dialect.quote
        special = self.dialect.delimiter in text or "\n" in text or "\r" in text
        if not quote:
            return None if special else text
        if special or text.startswith(quote):
            return f"{quote}{text.replace(quote, quote * 2)}{quote}"
        return text
