"""Delimited files: fields are texts, and become numbers only where every one reads as one.

The exact reader (:mod:`engine.read.tokens`) says what a record is. DuckDB reads the file as it is
where :mod:`engine.read.pieces` proves that it sees the same records; else it reads a copy in which
the pieces that are odd were rewritten by the exact reader. Rows of another width stand out in SQL,
and are judged exactly.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from engine.convert.optimistic import observe
from engine.read import csvvalues
from engine.read.csvblock import CsvBlock
from engine.read.csvexact import Judge
from engine.read.pieces import Survey, record_after, survey
from engine.read.reading import NUMBER
from engine.read.tokens import IncompleteError, rows
from engine.read.top import read_top
from engine.types.kinds import NULL, STRING, Kind
from engine.types.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from engine.convert.rules import Rules
    from engine.job import Job
    from engine.open.dialect import Dialect
    from engine.read.reading import Conformed
    from engine.read.top import Top

#: Read from the beginning and from three places further on, to guess what fields hold.
_HEAD, _PROBE, _PROBES = 32 * 1024, 8 * 1024, 3

#: Bytes of a copy, of which there is one at a time.
_COPY = 256 * 1024 * 1024

#: Columns that are looked at in one query: its memory grows with their square.
_SLICE = 50

#: Distinct numbers of many digits that are looked at one by one.
_MANY = 100_000


@dataclass
class Delimited:
    """See :class:`engine.read.reading.Reading`.

    Attributes
    ----------
    job : Job
        Database, time and folder.
    path : Path
        The file, in UTF-8 without a mark.
    dialect : Dialect
        How it is written.
    """

    job: Job
    path: Path
    dialect: Dialect
    name: str = "csv"
    nulls: bool = True
    texts: bool = True
    sampled: bool = True
    _surveys: dict[bool, Survey] = field(default_factory=dict, repr=False)

    @cached_property
    def top(self) -> Top:
        """What is above the first row."""
        return read_top(self.path, self.dialect)

    @cached_property
    def judge(self) -> Judge:
        """What a row must be."""
        return Judge(self.dialect)

    def surveyed(self, *, prove: bool) -> Survey:
        """Look at the file's pieces, once."""
        grammar, start = self.dialect.grammar, self.top.offset
        # Where another character escapes quotes, DuckDB proves nothing.
        prove = prove or grammar.escape != grammar.quote
        if prove not in self._surveys:
            self._surveys[prove] = survey(self.path, grammar, start, prove=prove)
        return self._surveys[prove]

    def guess(self, rules: Rules) -> dict[str, Kind]:
        """See the protocol."""
        shapes: dict[str, Kind] = dict.fromkeys(self.dialect.columns, NULL)
        for data, whole in self._samples():
            with suppress(IncompleteError):  # a sample ends within a record
                for number, row in enumerate(rows(data, self.dialect.grammar, whole=whole), 1):
                    record = self.judge.record(number, row, data)
                    if record and record.reason is None and not rules.violation(record.value):
                        observe(shapes, record.value)
        return shapes

    def _samples(self) -> Iterator[tuple[bytes, bool]]:
        """Give records of the beginning and of some places further on; whether that is all."""
        size, start = self.path.stat().st_size, self.top.offset
        found = self.surveyed(prove=False)
        places = []
        if size - start > _HEAD + _PROBES * _PROBE:
            places = [start + (size - start) * n // (_PROBES + 1) for n in range(1, _PROBES + 1)]
        with self.path.open("rb") as file:
            if found.quotes:
                # Within quotes the end of a line is no record's.
                places = [self._begin(file, found, place) for place in places]
            for place in sorted({start, *places}):
                file.seek(place)
                data = file.read(_PROBE if place > start else _HEAD)
                whole = place + len(data) >= size
                if place > start and not found.quotes:
                    data = data[data.find(b"\n") + 1 :]
                yield data, whole

    def _begin(self, file: BinaryIO, found: Survey, place: int) -> int:
        """Give where a record begins near a place."""
        piece = [piece for piece in found.pieces if piece.start <= place][-1]
        if piece.huge or len(found.pieces) > _PROBES:
            return piece.start
        file.seek(piece.start)
        data = file.read(min(piece.end, place + _PROBE) - piece.start)
        return piece.start + record_after(data, place - piece.start, self.dialect.grammar)

    def learn(self, rules: Rules) -> dict[str, Kind]:
        """See the protocol."""
        shapes: dict[str, Kind] = dict.fromkeys(self.dialect.columns, NULL)
        for block in self.blocks():
            if not rules.root.trivial or not (relation := block.plain_relation()):
                for record in block.records():
                    if record.reason is None and not rules.violation(record.value):
                        observe(shapes, record.value)
                continue
            found = self._learned(relation.query, relation.odd_sql, sorted(relation.fields))
            odd = self.job.run(
                f"SELECT {NUMBER} FROM ({relation.query}) WHERE {relation.odd_sql} ORDER BY 1"
            )
            for record in block.records([number for (number,) in odd]) if odd else ():
                if record.reason is None:
                    observe(shapes, record.value)
            for name, bits in found.items():
                both = csvvalues.bits_of(shapes[name]) | bits
                shapes[name] = csvvalues.kind_of_bits(both)
        return shapes

    def _learned(self, query: str, odd_sql: str, names: list[str]) -> dict[str, int]:
        """Look at every field of the rows that are not odd, some columns at a time."""
        found: dict[str, int] = {}
        for start in range(0, len(names), _SLICE):
            some = names[start : start + _SLICE]
            sql = ", ".join(
                f"bit_or({csvvalues.shape_bits(quoted(n), self.dialect.decimal)})" for n in some
            )
            ((*bits,),) = self.job.run(f"SELECT {sql} FROM ({query}) WHERE NOT {odd_sql}")
            found |= dict(zip(some, (b or 0 for b in bits), strict=True))
        for name in names:
            if found[name] & 16:
                found[name] = found[name] & 15 | self._long(query, odd_sql, name)
        return found

    def _long(self, query: str, odd_sql: str, name: str) -> int:
        """Look at numbers that SQL cannot tell from their doubles."""
        bits = csvvalues.shape_bits(quoted(name), self.dialect.decimal)
        long = self.job.run(
            f"SELECT DISTINCT {quoted(name)} FROM ({query}) "
            f"WHERE NOT {odd_sql} AND {bits} = 16 LIMIT {_MANY + 1}"
        )
        if len(long) > _MANY:
            return csvvalues.bits_of(STRING)
        shapes = [self.judge.field(text).shape for (text,) in long]
        return csvvalues.joined(shapes)

    def blocks(self) -> Iterator[CsvBlock]:
        """See the protocol."""
        found = self.surveyed(prove=False)
        if found.alike and self.top.simple:
            yield CsvBlock(self, found, first=True, verbatim=True)
            return
        yield from self.copied()

    def copied(self) -> Iterator[CsvBlock]:
        """Give blocks of pieces that were proved, or are rewritten."""
        found = self.surveyed(prove=True)
        before, start = 0, 0
        while start < len(found.pieces) or not start:
            end, size = start, 0
            while end < len(found.pieces) and size < _COPY:
                size += found.pieces[end].end - found.pieces[end].start
                end += 1
            some = Survey(found.pieces[start:end])
            block = CsvBlock(self, some, first=start == 0, verbatim=False, before=before)
            yield block
            if end >= len(found.pieces):
                return
            before += block.numbers
            start = end

    def conformed(self, value_sql: str, shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
        """See the protocol."""
        del shape
        return csvvalues.conformed(value_sql, kind, fixed=fixed, decimal=self.dialect.decimal)
