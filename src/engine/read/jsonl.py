"""JSON Lines: a record a line."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.convert.optimistic import observe
from engine.database import DATA_ERRORS
from engine.read import jsonvalues
from engine.read.jsonquery import (
    NO_JSON,
    numbers_query,
    odd_sql,
    records_query,
    suspected_sql,
    told_apart,
)
from engine.read.jsonrecord import may_be_a_part, parsed
from engine.read.lines import BLANK, MAX_RECORD, Span, spans
from engine.read.reading import (
    ExactOnlyError,
    OtherwiseError,
    Record,
    Relation,
    UnpromisedError,
)
from engine.types.kinds import Kind, leaves
from engine.write.ways import WIDE
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from engine.convert.plan import Plan
    from engine.convert.rules import Rules
    from engine.job import Job
    from engine.read.reading import Conformed, Reading

#: Read from the beginning and from three places further on, to guess what lines look like.
_HEAD, _PROBE, _PROBES = 64 * 1024, 16 * 1024, 3

#: A file is read in so many blocks of at least this many bytes: what one record spoils is read
#: again, and each block is a file of its own for each date.
_BLOCKS, _BLOCK = 3, 12_000_000

#: Bytes of lines left out of a block that are kept until they are read exactly.
_KEPT = 2_000_000

#: How DuckDB says at which record it stopped; one of its numbers may be off by one.
_LINE = re.compile(r"in line (\d+)[:,]")


@dataclass
class JsonLines:
    """See :class:`engine.read.reading.Reading`.

    Attributes
    ----------
    otherwise : callable or None
        Opens the object in another way, where the lines are only supposed to be records and
        one of them is no JSON.
    broken : bool
        Whether lines were met that are no JSON: there may be more of them.
    """

    job: Job
    path: Path
    name: str = "jsonl"
    nulls: bool = False
    texts: bool = False
    sampled: bool = True
    otherwise: Callable[[], Reading] | None = None
    broken: bool = False

    def guess(self, rules: Rules) -> dict[str, Kind]:
        """See the protocol."""
        shapes: dict[str, Kind] = {}
        for line in _sampled(self.path):
            record = self.parsed(0, line)
            self.broken = self.broken or record.reason is Reason.MALFORMED_JSON
            if record.reason is None and not rules.violation(record.value):
                observe(shapes, record.value)
        return shapes

    def learn(self, rules: Rules) -> dict[str, Kind]:
        """See the protocol."""
        shapes: dict[str, Kind] = {}
        for number, line in Span.whole(self.path).numbered():
            if number % 1_000 == 0:
                self.job.check_time()
            record = self.parsed(number, line)
            if record.reason is None and not rules.violation(record.value):
                observe(shapes, record.value)
        return shapes

    def blocks(self) -> Iterator[JsonBlock]:
        """See the protocol."""
        before = 0
        for span in spans(self.path, max(_BLOCK, self.path.stat().st_size // _BLOCKS + 1)):
            block = JsonBlock(self, span, before)
            yield block
            before += block.count()

    def parsed(self, number: int, line: bytes) -> Record:
        """Read a line exactly."""
        record = parsed(number, line)
        if self.otherwise and may_be_a_part(record):
            raise OtherwiseError(self.otherwise)
        return record

    def conformed(self, value_sql: str, shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
        """See the protocol."""
        return jsonvalues.conformed(value_sql, shape, kind, fixed=fixed)


def _sampled(path: Path) -> Iterator[bytes]:
    """Give whole lines of the beginning and of some places further on."""
    size = path.stat().st_size
    places = [(0, _HEAD)]
    if size > 2 * _HEAD:
        places += [(size * n // (_PROBES + 1), _PROBE) for n in range(1, _PROBES + 1)]
    with path.open("rb") as file:
        for start, length in places:
            file.seek(start)
            lines = file.read(length).split(b"\n")
            # The first and the last line of a piece are whole only at the file's ends.
            for line in lines[start > 0 : None if start + length >= size else -1]:
                if line.strip(BLANK):
                    yield line


@dataclass
class JsonBlock:
    """See :class:`engine.read.reading.Block`.

    Attributes
    ----------
    span : Span
        Its lines.
    before : int
        Records of the object before the block.
    odd : tuple of int
        Lines that are not part of it, numbered in the span.
    looked : frozenset of str
        How the lines were looked at for those.
    counted : int or None
        Lines of the span that are not blank, once they were counted.
    kept : dict
        Lines that were left out of the span, by their numbers there.
    """

    reading: JsonLines
    span: Span
    before: int = 0
    odd: tuple[int, ...] = ()
    looked: frozenset[str] = frozenset()
    counted: int | None = None
    kept: dict[int, bytes] = field(default_factory=dict)
    _path: Path | None = None

    @property
    def lines(self) -> int:
        """Lines of the span that are not blank."""
        if self.counted is None:
            self.counted = self.span.count()
        return self.counted

    def count(self) -> int:
        """See the protocol."""
        return self.lines - len(self.odd)

    def relation(self, plan: Plan) -> Relation:
        """See the protocol."""
        shapes = told_apart(plan.shapes)
        if sum(leaves(shape) for shape in shapes.values()) > WIDE:
            raise ExactOnlyError
        if self.reading.broken and "json" not in self.looked:
            raise UnpromisedError("Malformed JSON")
        path = self._path = self._file()
        query = records_query(self.reading.job, path, shapes, plan)
        return Relation(query, frozenset(shapes), suspected_sql(path, plan))

    def _file(self) -> Path:
        """Give a file of just these lines; there is one at a time."""
        for path in self.reading.job.workdir.glob("block-*"):
            path.unlink()
        if not self.odd and self.span.is_whole:
            return self.span.path
        # DuckDB may keep what it knows of a file by its name.
        path = self.reading.job.workdir / f"block-{uuid.uuid4().hex}"
        room = _KEPT
        for number, line in self.span.copy(path, self.odd):
            room -= len(line)
            if room > 0:
                self.kept[number] = line
        return path

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """See the protocol."""
        lines: Iterable[tuple[int, bytes]]
        if numbers is None and not self.odd:
            lines = self.span.numbered()
        elif numbers and not self.odd and all(number in self.kept for number in numbers):
            lines = ((number, self.kept[number]) for number in numbers)
        else:
            wanted = range(1, self.count() + 1) if numbers is None else numbers
            lines = self.span.picked(self._spanned(wanted))
        for number, line in lines:
            yield self.reading.parsed(self.before + number, line)

    def _spanned(self, numbers: Iterable[int]) -> Iterator[int]:
        """Give the numbers in the span of lines with these numbers in the block."""
        passed = 0
        for number in numbers:
            while passed < len(self.odd) and self.odd[passed] <= number + passed:
                passed += 1
            yield number + passed

    def divided(self, plan: Plan, said: str) -> tuple[JsonBlock, Collection[int]] | None:
        """See the protocol; each look at the lines takes longer than the one before."""
        if "maximum_object_size" in said:
            return self._divided("length", self._too_long)
        told = _LINE.search(said)
        if told and not self.looked and not self.reading.broken:
            # One record in many: to read the others again is faster than to look at each.
            return self._divided("one", lambda: self._blamed(int(told.group(1))))
        if "Malformed" in said and "json" not in self.looked:
            self.reading.broken = True
            return self._divided("json", lambda: self._failing(NO_JSON))
        return self._divided("keys", lambda: self._failing(odd_sql(plan.shapes)))

    def _divided(
        self, look: str, find: Callable[[], set[int]]
    ) -> tuple[JsonBlock, Collection[int]] | None:
        """Leave out the lines that a look finds, once."""
        if look in self.looked:
            return None
        try:
            odd = tuple(sorted({*self.odd, *find()}))
        except DATA_ERRORS as error:
            return self._divided("length", self._too_long) if _is_long(error) else None
        rest = replace(self, odd=odd, looked=self.looked | {look}, counted=self.lines, _path=None)
        # Where nothing was found, a closer look may find something.
        return (rest, odd) if look != "keys" or len(odd) > len(self.odd) else None

    def _too_long(self) -> set[int]:
        lines = self.span.numbered()
        return {number for number, line in lines if len(line) > MAX_RECORD}

    def _blamed(self, number: int) -> set[int]:
        """Give the line at which DuckDB stopped; of lines that are no JSON the number is vague."""
        near = {*self._spanned(range(max(number - 1, 1), number + 2))}
        lines = self.span.picked(sorted(near))
        broken = {found for found, line in lines if parsed(found, line).reason is not None}
        return broken or {*self._spanned([number])}

    def _failing(self, test_sql: str) -> set[int]:
        """Give the lines that DuckDB says to be odd, of the file that it was given."""
        path = self._path or self._file()
        found = self.reading.job.run(numbers_query(path, test_sql))
        return {*self._spanned(number for (number,) in found)}


def _is_long(error: Exception) -> bool:
    return "maximum_object_size" in str(error)


def records_of_lines(path: Path) -> int:
    """Count lines that are a JSON object or array, each by itself, and not indented."""
    lines = (line for _, line in Span.whole(path).numbered() if line[:1] in (b"{", b"["))
    return sum(isinstance(parsed(0, line).value, (dict, list)) for line in lines)
