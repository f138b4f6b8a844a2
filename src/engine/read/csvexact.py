"""The exact reading of a delimited record: what makes it one, and what its fields are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from engine.convert.written import CommaField, Field
from engine.read.reading import Record
from store.reasons import Reason

if TYPE_CHECKING:
    from engine.open.dialect import Dialect
    from engine.read.tokens import Row


@dataclass(frozen=True)
class Judge:
    """What a row of a file must be.

    Attributes
    ----------
    dialect : Dialect
        How the file is written.
    """

    dialect: Dialect

    @cached_property
    def _nulls(self) -> frozenset[str]:
        return frozenset(self.dialect.nulls)

    @cached_property
    def field(self) -> type[Field]:
        """What a field is taken for."""
        return CommaField if self.dialect.decimal == "," else Field

    @cached_property
    def header(self) -> list[str]:
        """The header as a row that repeats it; empty where that could be data."""
        cells = list(self.dialect.cells)
        return cells if len(cells) > 1 and len(set(cells)) > 1 else []

    def record(self, number: int, row: Row, data: bytes) -> Record | None:
        """Judge one row.

        Parameters
        ----------
        number : int
            Of the record.
        row : Row
            Where it lies, and its fields.
        data : bytes
            What it lies in.

        Returns
        -------
        Record or None
            None for a row with nothing in it.
        """
        if row.blank:
            return None
        raw = data[row.start : row.end]
        dialect = self.dialect
        if dialect.comment and raw.startswith(dialect.comment.encode()):
            return Record(number, raw, None, Reason.NOT_A_ROW, "the line is a comment")
        if row.reason is not None:
            return Record(number, raw, None, row.reason, row.detail)
        fields, width = row.fields, len(dialect.columns)
        if self.header and self._repeats(fields):
            return Record(number, raw, None, Reason.NOT_A_ROW, "the line repeats the header")
        if dialect.total and fields[0] == dialect.total:
            return Record(number, raw, None, Reason.NOT_A_ROW, "the line is a total")
        if len(fields) == width + 1 and dialect.trailing and fields[-1] is None:
            fields = fields[:-1]
        if len(fields) > width or (len(fields) < width and not dialect.short):
            detail = f"{len(fields)} fields where the table has {width}"
            return Record(number, raw, None, Reason.FIELD_COUNT, detail)
        value = dict.fromkeys(dialect.columns)
        field = self.field
        found: dict[str, Field | None] = dict(value)
        for name, text in zip(dialect.columns, fields, strict=False):
            if text is not None and text not in self._nulls:
                found[name] = field(text)
        return Record(number, raw, found, short=len(fields) < width)

    def _repeats(self, fields: list[str | None]) -> bool:
        if len(fields) != len(self.header):
            return False
        return [text or "" for text in fields] == self.header
