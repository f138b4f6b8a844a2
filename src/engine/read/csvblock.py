"""Some records of a delimited file: for DuckDB, and one by one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from engine.read.csvcopy import Copy, plain_of
from engine.read.csvcount import Counter
from engine.read.csvquery import Text
from engine.read.reading import ExactOnlyError, Record, Relation
from engine.read.tokens import rows
from engine.write.ways import WIDE
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from engine.convert.plan import Plan
    from engine.read.delimited import Delimited
    from engine.read.piece import Piece
    from engine.read.pieces import Survey

#: What is kept of a line that is too long to be a record.
_KEPT = 1_000_000


@dataclass
class CsvBlock:
    """See :class:`engine.read.reading.Block`.

    Attributes
    ----------
    reading : Delimited
        The file.
    survey : Survey
        The block's pieces.
    first : bool
        Whether the file's top is part of it.
    verbatim : bool
        Whether DuckDB reads the file as it is, the top with it.
    before : int
        Records before it.
    """

    reading: Delimited
    survey: Survey
    first: bool
    verbatim: bool
    before: int = 0

    def count(self) -> int:
        """See the protocol."""
        return self._counted

    @cached_property
    def _counted(self) -> int:
        counter = Counter(self.reading.dialect.grammar)
        pieces = self.survey.pieces
        return self._refused + sum(1 if p.huge else counter.count(self._bytes(p)) for p in pieces)

    @property
    def _refused(self) -> int:
        return len(self.reading.top.refused) if self.first else 0

    @cached_property
    def numbers(self) -> int:
        """How many numbers its records have: those of rows with nothing in them, too."""
        pieces = self.survey.pieces
        return self._refused + sum(len(self._begins(p, self._bytes(p))) for p in pieces)

    def _bytes(self, piece: Piece) -> bytes:
        length = piece.end - piece.start
        with self.reading.path.open("rb") as file:
            file.seek(piece.start)
            return file.read(min(length, _KEPT) if piece.huge else length)

    def _begins(self, piece: Piece, data: bytes) -> list[int]:
        """Give where each row of a piece that is numbered begins: all but empty lines."""
        if piece.huge:
            return [0]
        return plain_of(self.reading.dialect).begins(data)

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """See the protocol."""
        wanted = None if numbers is None else frozenset(numbers)
        last = max(wanted, default=0) if wanted is not None else 0
        at = 0
        for raw, why in self.reading.top.refused if self.first else ():
            at += 1
            if wanted is None or at in wanted:
                yield Record(self.before + at, raw, None, Reason.NOT_A_ROW, why)
        for piece in self.survey.pieces:
            if wanted is not None and at >= last:
                return
            data = self._bytes(piece)
            begins = self._begins(piece, data)
            for number, start in enumerate(begins, at + 1):
                if wanted is None or number in wanted:
                    record = self._record(piece, number, data, start)
                    if record:
                        yield record
            at += len(begins)

    def _record(self, piece: Piece, number: int, data: bytes, start: int) -> Record | None:
        """Judge a row by its number in the block; nothing for an empty one."""
        if piece.huge:
            detail = "the line is longer than 64 MB: split it"
            reason = Reason.RECORD_TOO_LARGE
            return Record(self.before + number, data, None, reason, detail)
        row = next(rows(data, self.reading.dialect.grammar, start))
        return self.reading.judge.record(self.before + number, row, data)

    def relation(self, plan: Plan) -> Relation:
        """See the protocol."""
        columns = {target.field for target in plan.layout.targets if target.written}
        found = self.plain_relation(columns, plan.shapes)
        if found is None:
            raise ExactOnlyError
        return found

    def plain_relation(
        self, columns: Collection[str] | None = None, known: Collection[str] | None = None
    ) -> Relation | None:
        """Give the block to DuckDB; None where it is not to see it.

        Parameters
        ----------
        columns : collection of str, optional
            Fields that have a column.
        known : collection of str, optional
            Fields that are expected.
        """
        if len(self.reading.dialect.columns) > WIDE:
            return None
        return self._text().relation(columns, known)

    def _text(self) -> Text:
        reading, pieces = self.reading, self.survey.pieces
        path, copy = reading.path, Copy(reading.dialect)
        if not self.verbatim:
            for old in reading.job.workdir.glob("block-*"):
                old.unlink()
            path = reading.job.workdir / f"block-{uuid.uuid4().hex}"
            copy.write(path, self._refused, pieces, self._bytes)
        row_sql = "row_number() OVER ()"
        return Text(
            path,
            reading.dialect,
            reading.judge.header,
            self.survey.longest,
            ending=pieces[0].ending if self.verbatim and pieces else b"\n",
            quotes=any(p.quotes or p.odd for p in pieces),
            spaced=self.verbatim and any(p.spaced for p in pieces),
            blanks=not self.verbatim or any(p.spaced for p in pieces),
            backslash=any(p.backslash for p in pieces),
            empties=copy.empties,
            number_sql=reading.top.number_sql(row_sql) if self.verbatim else row_sql,
            refused=self._refused,
        )

    def divided(self, plan: Plan, said: str) -> tuple[CsvBlock, Collection[int]] | None:
        """See the protocol."""
        del plan, said
        if not self.verbatim:
            return None
        proved = self.reading.surveyed(prove=True)
        return CsvBlock(self.reading, proved, first=True, verbatim=False), ()
