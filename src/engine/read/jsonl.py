"""JSON Lines: a record a line."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.convert.jsontext import NotJsonError, loads
from engine.convert.optimistic import observe
from engine.convert.rules import mentions_null
from engine.database import DATA_ERRORS
from engine.read import jsonvalues
from engine.read.lines import BLANK, MAX_RECORD, Span, spans
from engine.read.reading import NUMBER, ExactOnlyError, Record, Relation
from engine.types.kinds import NULL, Array, Kind, Struct, leaves
from engine.types.sql import literal
from engine.write.publish import WIDE
from store.naming import normalise
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from engine.convert.plan import Plan
    from engine.convert.rules import Rules
    from engine.job import Job
    from engine.read.reading import Conformed

#: Read from the beginning and from three places further on, to guess what lines look like.
_HEAD, _PROBE, _PROBES = 128 * 1024, 32 * 1024, 3

#: A file is read in so many blocks of at least this many bytes: what one record spoils is read
#: again, and each block is a file of its own for each date.
_BLOCKS, _BLOCK = 3, 12_000_000

#: DuckDB's buffers are twice as long as the longest line that it is told of.
_SMALLEST = 64 * 1024

#: DuckDB reads no longer lines as text without longer buffers.
_LONG = 1_000_000


#: How DuckDB says at which record it stopped; one of its numbers may be off by one.
_LINE = re.compile(r"in line (\d+)[:,]")

_NO_JSON = "NOT json_valid(line)"


class WrongLinesError(Exception):
    """When lines that were supposed to be records are none. A signal, no failure."""


@dataclass
class JsonLines:
    """See :class:`engine.read.reading.Reading`.

    Attributes
    ----------
    supposed : bool
        Whether the lines are only supposed to be records: a line that is no JSON raises
        :class:`WrongLinesError` then.
    """

    job: Job
    path: Path
    name: str = "jsonl"
    nulls: bool = False
    texts: bool = False
    sampled: bool = True
    supposed: bool = False

    def guess(self, rules: Rules) -> dict[str, Kind]:
        """See the protocol."""
        shapes: dict[str, Kind] = {}
        for line in _sampled(self.path):
            record = self.parsed(0, line)
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
        if self.supposed and record.reason in (Reason.MALFORMED_JSON, Reason.RECORD_TOO_LARGE):
            raise WrongLinesError
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
    looks : int
        How closely the lines were looked at for those.
    """

    reading: JsonLines
    span: Span
    before: int = 0
    odd: tuple[int, ...] = ()
    looks: int = 0
    _path: Path | None = None

    @cached_property
    def _counted(self) -> int:
        return self.span.count()

    def count(self) -> int:
        """See the protocol."""
        return self._counted - len(self.odd)

    def relation(self, plan: Plan) -> Relation:
        """See the protocol."""
        shapes = _told_apart(plan.shapes)
        if sum(leaves(shape) for shape in shapes.values()) > WIDE:
            raise ExactOnlyError
        path = self._path = self._file()
        query = _query(self.reading.job, path, shapes, plan)
        return Relation(query, frozenset(shapes), _suspected(path, plan))

    def _file(self) -> Path:
        """Give a file of just these lines; there is one at a time."""
        for path in self.reading.job.workdir.glob("block-*"):
            path.unlink()
        if not self.odd and self.span.is_whole:
            return self.span.path
        # DuckDB may keep what it knows of a file by its name.
        path = self.reading.job.workdir / f"block-{uuid.uuid4().hex}"
        self.span.copy(path, self.odd)
        return path

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """See the protocol."""
        every = numbers is None and not self.odd
        wanted = range(1, self.count() + 1) if numbers is None else numbers
        lines = self.span.numbered() if every else self.span.picked(self._spanned(wanted))
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
        """See the protocol; each time the lines are looked at more closely."""
        if self.looks < 1 and (told := _LINE.search(said)):
            # One record in many: to read the others again is faster than to look at each.
            return self._without(self._blamed(int(told.group(1))), 1)
        look = 2 if self.looks < 2 and "Malformed" in said else 3
        if self.looks >= look:
            return None
        batches = self.span.batches()
        unread = {number for first, lines in batches for number in _unreadable(first, lines)}
        usual, _ = self._without(unread, look)
        shapes = _told_apart(plan.shapes)
        try:
            path = usual._file() if usual.odd != self.odd or not self._path else self._path
            query = _numbers_query(path, _NO_JSON) if look == 2 else _odd_query(path, shapes)
            found = self.reading.job.run(query)
        except DATA_ERRORS:
            return None
        divided = self._without({*unread, *usual._spanned(number for (number,) in found)}, look)
        # Where nothing was found, a closer look may find something.
        return divided if look < 3 or len(divided[1]) > len(self.odd) else None

    def _blamed(self, number: int) -> set[int]:
        """Give the line at which DuckDB stopped; of lines that are no JSON the number is vague."""
        near = {*self._spanned(range(max(number - 1, 1), number + 2))}
        lines = self.span.picked(sorted(near))
        broken = {found for found, line in lines if parsed(found, line).reason is not None}
        return broken or {*self._spanned([number])}

    def _without(self, odd: set[int], looks: int) -> tuple[JsonBlock, tuple[int, ...]]:
        """Leave out some lines of the span, too."""
        every = tuple(sorted({*self.odd, *odd}))
        return JsonBlock(self.reading, self.span, self.before, every, looks), every


def _unreadable(first: int, lines: list[bytes]) -> Iterator[int]:
    """Give the numbers of those lines that DuckDB does not take for one."""
    text = b"".join(lines)
    plain = text.isascii() and b"\r" not in text and b"\x1e" not in text
    if plain and (len(text) <= _LONG or max(map(len, lines)) <= _LONG):
        return
    yield from (number for number, line in enumerate(lines, first) if not _readable(line))


def _readable(line: bytes) -> bool:
    """Tell whether DuckDB takes a line for one."""
    if len(line) > _LONG or b"\r" in line[:-2] or b"\x1e" in line:
        return False
    if line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def parsed(number: int, line: bytes) -> Record:
    """Read a line exactly.

    Parameters
    ----------
    number : int
        Of the record.
    line : bytes
        With or without its line end.
    """
    raw = line.rstrip(b"\r\n")
    if len(line) > MAX_RECORD:
        detail = f"the record is longer than {MAX_RECORD:,} bytes: split it"
        return Record(number, raw, None, Reason.RECORD_TOO_LARGE, detail)
    try:
        return Record(number, raw, loads(raw.decode("utf-8")))
    except UnicodeDecodeError as error:
        return Record(number, raw, None, Reason.INVALID_UTF8, str(error))
    except NotJsonError as error:
        return Record(number, raw, None, Reason.MALFORMED_JSON, str(error))


def has_records(path: Path) -> bool:
    """Tell whether any line by itself is a JSON object or array."""
    records = (parsed(number, line) for number, line in Span.whole(path).numbered())
    return any(isinstance(record.value, (dict, list)) for record in records)


def _can_be_named(name: str) -> bool:
    """Tell whether SQL and DuckDB's JSON paths take a name; in these ``"*"`` is every key."""
    return bool(name) and "\0" not in name and "*" not in name


def _told_apart(shapes: dict[str, Kind]) -> dict[str, Kind]:
    """Keep the fields that DuckDB can tell apart: its names ignore case.

    A record with another field of the same letters is read exactly.
    """

    def distinct(shape: Kind) -> bool:
        match shape:
            case Array(item):
                return distinct(item)
            case Struct(fields):
                names = {normalise(name) for name, _ in fields}
                spelled = all(_can_be_named(name) for name, _ in fields)
                different = spelled and len(names) == len(fields)
                return different and all(distinct(k) for _, k in fields)
            case _:
                return True

    found: dict[str, Kind] = {}
    taken: set[str] = set()
    for name, shape in shapes.items():
        if _can_be_named(name) and name.lower() not in taken and distinct(shape):
            taken.add(name.lower())
            found[name] = shape
    return found


def _query(job: Job, path: Path, shapes: dict[str, Kind], plan: Plan) -> str:
    """Give the file as a table of raw values; reading an unknown key raises."""
    kinds = {target.field: target.kind for target in plan.layout.targets}
    # DuckDB infers the columns from the first file alone, and then refuses keys that it
    # does not know. The first file is ours: one record that shows exactly what to expect.
    marker = f"lake_{uuid.uuid4().hex}"
    example: dict[str, Any] = {marker: True}
    example |= {k: jsonvalues.example(s, kinds.get(k, NULL)) for k, s in shapes.items()}
    first = job.workdir / "example"
    first.write_text(json.dumps(example), encoding="utf-8")
    limit = min(MAX_RECORD, max(path.stat().st_size, _SMALLEST))
    return (
        f"SELECT * EXCLUDE {marker}, row_number() OVER () AS {NUMBER} FROM "
        f"read_json([{literal(str(first))}, {literal(str(path))}], "
        f"format = 'newline_delimited', records = true, maximum_object_size = {limit}, "
        "sample_size = 1, maximum_sample_files = 1, "
        f"map_inference_threshold = -1) WHERE {marker} IS NULL"
    )


def _suspected(path: Path, plan: Plan) -> str:
    """Say in SQL in which lines null and absent must be told apart, which columns cannot do."""
    test = plan.rules.suspicious(
        plan.shapes, "line", null_free=not mentions_null(path), layout=plan.layout
    )
    return f"{NUMBER} IN ({_numbers_query(path, test)})" if test else "false"


def _odd_query(path: Path, shapes: dict[str, Kind]) -> str:
    """Give a query for the numbers of the lines at which reading the file would raise."""
    tests = ["json_type(line) IS DISTINCT FROM 'OBJECT'"]
    tests += _strange("line", "$", Struct(tuple(shapes.items())))
    found = " OR ".join(f"({test})" for test in tests)
    # Where one raises, TRY tests every line by itself, which takes many times as long.
    return _numbers_query(
        path, f"CASE WHEN {_NO_JSON} THEN true ELSE coalesce(TRY({found}), true) END"
    )


def _numbers_query(path: Path, test_sql: str) -> str:
    """Give a query for the numbers of the lines that are not blank and pass a test."""
    return (
        "SELECT number FROM (SELECT row_number() OVER () AS number, line FROM read_csv("
        f"{literal(str(path))}, auto_detect = false, header = false, delim = '\x1e', quote = '', "
        "escape = '', new_line = '\\n', strict_mode = false, columns = {line: 'VARCHAR'}) "
        "WHERE CASE WHEN starts_with(line, '{') THEN true ELSE trim(line, ' \t\r') <> '' END) "
        f"WHERE {test_sql}"
    )


def _strange(line: str, path: str, shape: Kind) -> Iterator[str]:
    """Give tests for keys that are not those of an object, or not once, at any depth."""
    match shape:
        case Array(item):
            yield from _strange(line, f"{path}[*]", item)
        case Struct(fields):
            known = ", ".join(literal(name) for name, _ in fields)
            many = "[*]" in path
            keys = f"json_keys({line}, {literal(path)})"
            test = (
                "len(list_distinct({0})) < len({0}) OR "
                f"NOT list_has_all([{known}]::VARCHAR[], {{0}})"
            )
            if many:
                yield f"len(list_filter({keys}, lambda k: {test.format('k')})) > 0"
            else:
                yield test.format(keys)
            types = f"json_type({line}, {literal(path)})"
            if many:
                yield f"len(list_filter({types}, lambda t: t NOT IN ('OBJECT', 'NULL'))) > 0"
            elif path != "$":
                yield f"{types} NOT IN ('OBJECT', 'NULL')"
            for name, inner in fields:
                yield from _strange(line, f"{path}.{_step(name)}", inner)


def _step(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
