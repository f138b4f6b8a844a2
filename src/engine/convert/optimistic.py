"""One way for every format: read vectorised what is as promised, exactly what is not.

A sample says what the fields look like. Each block of records is read in one scan that proves every
value; records that it cannot decide are read exactly. Where a block as a whole is not as promised,
the records at fault are taken out of it first. What is read exactly may show new fields or other
types than the sample did: then the columns are laid out anew, and what was written is written again
only where one of its columns has changed.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from contract.check import said_of
from engine.convert.layout import RESCUED
from engine.convert.plan import planned, replanned
from engine.convert.rows import DAY, conformed, fields_of, publish_rows, summed
from engine.convert.rules import Rules
from engine.convert.scan import scan_query
from engine.database import DATA_ERRORS, said_by
from engine.read.reading import ExactOnlyError, UnpromisedError
from engine.types.kinds import kind_of, merge
from engine.types.moments import first_day
from engine.types.spellings import USUAL
from engine.types.sql import literal, quoted
from engine.write.dates import candidates
from engine.write.publish import Published, publish
from store.errors import MiscountedError
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.convert.layout import Layout
    from engine.convert.plan import Plan
    from engine.job import Job
    from engine.read.reading import Block, Reading, Record
    from engine.types.kinds import Kind
    from store.model import Conversion

#: So many times the columns are laid out by what was met; then by every record.
_LOOKS = 4

#: With more records than this to be read exactly, and one in so many, a new scan is faster.
_MANY, _ONE_IN = 2000, 20

#: Bytes of records that are kept until they are written; as values they take some times as much.
_KEPT = 2_000_000

#: So many records show how dates are spelled.
_SHOWN = 20

#: Between two looks at whether the columns have changed.
_OFTEN = 1000


@dataclass(slots=True)
class _Exact:
    """Records of a block that are read exactly; all of them where no numbers are given.

    Attributes
    ----------
    counted : bool
        Whether those of them that are short were counted already.
    unread : int
        Those of which only the spelling of the date was not read.
    kept : list of Record
        All of them, where they were few enough to be kept when they were read first.
    """

    block: Block
    numbers: array[int] | None
    counted: bool = False
    unread: int = 0
    kept: list[Record] = field(default_factory=list)

    def records(self) -> Iterator[Record]:
        return iter(self.kept) if self.kept else self.block.records(self.numbers)


@dataclass(slots=True)
class _Pass:
    """One reading of the whole object under one plan, and what was learned on the way.

    Attributes
    ----------
    first : bool
        Whether no block was read yet, in no pass.
    exactly : bool
        Whether every record is read exactly.
    """

    plan: Plan
    layout: Layout
    shapes: dict[str, Kind]
    read: int = 0
    published: list[Published] = field(default_factory=list)
    exact: list[_Exact] = field(default_factory=list)
    short: int = 0
    room: int = _KEPT
    first: bool = False
    exactly: bool = False

    @property
    def part(self) -> int:
        """The first number that no file of any date has."""
        files = [file for published in self.published for file in published.outputs]
        return 1 + max((file.part for file in files), default=-1)


def convert(job: Job, reading: Reading) -> Conversion:
    """Convert one opened object.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    reading : Reading
        The object in its format.

    Returns
    -------
    Conversion
        Every record is accepted or in quarantine, proved by independent counts.

    Raises
    ------
    MiscountedError
        When the counts differ, even where all records were read exactly.
    """
    try:
        return _converted(job, reading)
    except MiscountedError:
        # DuckDB made one record of two where nobody foresaw it.
        return _converted(job, reading, exactly=True)


def _converted(job: Job, reading: Reading, *, exactly: bool = False) -> Conversion:
    rules = Rules.of(job.contract, nulls=reading.nulls, texts=reading.texts)
    shapes = reading.guess(rules)
    for look in range(_LOOKS + 1):
        last = look == _LOOKS or not reading.sampled
        if last:
            shapes = _with(shapes, reading.learn(rules))
        plan = planned(job, rules, shapes, whole=last)
        job.restart()
        done = _Pass(plan, plan.layout, shapes, first=not (look or last), exactly=exactly)
        if all(_taken(job, reading, done, block, last=last) for block in reading.blocks()):
            break
        shapes = done.shapes
    done.published.append(publish_rows(job, _rows(job, done), done.layout, done.part))
    return summed(job, reading.name, done.layout, done.read, done.published, done.short)


def _taken(job: Job, reading: Reading, done: _Pass, block: Block, *, last: bool) -> bool:
    """Read one block; False where the columns have to be laid out anew first."""
    job.check_time()
    count = block.count()
    done.read += count
    if not count:
        return True
    if done.first:
        done.plan = replace(done.plan, usual=_usual(job, done.plan, block, count))
        done.first = False
    for exact in _scanned(job, reading, done, block):
        done.exact.append(exact)
        if not (last or _learned(job, done, exact, count)):
            return False
    return True


def _usual(job: Job, plan: Plan, block: Block, count: int) -> bool:
    """Tell by some records whether dates are spelled as in most files."""
    dating = [target.field for target in candidates(job.date_columns, plan.layout.targets)]
    if job.date_formats or not dating:
        return False
    records = [fields_of(one.value) for one in block.records(range(1, min(count, _SHOWN) + 1))]
    values = [record[name] for record in records for name in dating if record.get(name)]
    return all(re.fullmatch(USUAL, value) for value in values if isinstance(value, str))


def _scanned(job: Job, reading: Reading, done: _Pass, block: Block) -> list[_Exact]:
    """Write what is as promised; give what has to be read exactly."""
    if done.exactly:
        return [_Exact(block, None)]
    rest, exact = block, list[_Exact]()
    while True:
        try:
            return [*exact, *_published(job, reading, done, rest)]
        except ExactOnlyError:
            return [_Exact(block, None)]
        except (*DATA_ERRORS, UnpromisedError) as error:
            divided = rest.divided(done.plan, said_by(error))
        if divided is None:
            return [_Exact(block, None)]
        rest, odd = divided
        exact = [_Exact(block, array("q", odd))] if odd else []


def _published(job: Job, reading: Reading, done: _Pass, block: Block) -> list[_Exact]:
    relation = block.relation(done.plan)
    query = scan_query(job, reading, done.plan, relation, block.count())
    layout = done.layout
    published = publish(job, query, done.part, layout.width, apart=bool(layout.beyond))
    if published.rows != block.count():
        # DuckDB and the count do not take the same bytes for records.
        raise UnpromisedError(f"{published.rows} rows were read where {block.count()} are")
    done.published.append(published)
    if relation.short_sql != "false":
        ((short,),) = job.run(f"SELECT count(*) FROM ({relation.query}) WHERE {relation.short_sql}")
        done.short += short
    if not published.aside:
        return []
    files = ", ".join(literal(str(path)) for path in published.aside)
    read = "read_json" if job.output_format == "json" else "read_parquet"
    numbers = job.run(f"SELECT CAST({quoted(RESCUED)} AS BIGINT) FROM {read}([{files}]) ORDER BY 1")
    numbered = array("q", (number for (number,) in numbers))
    return [_Exact(block, numbers=numbered, counted=True, unread=published.unread)]


def _learned(job: Job, done: _Pass, exact: _Exact, count: int) -> bool:
    """Add to what is known of the fields; False where what was written does not hold any more."""
    many = max(_MANY, count // _ONE_IN)
    if exact.unread > many:
        return False
    found: dict[str, Kind] = {}
    kept: list[Record] = []
    seen = 0
    for seen, record in enumerate(exact.records(), 1):
        done.room -= len(record.raw)
        if done.room > 0:
            kept.append(record)
        if seen % _OFTEN == 0:
            job.check_time()
            if not _still(job, done, found):
                return False
        if record.reason is None and not done.plan.rules.violation(record.value):
            observe(found, record.value)
    if not _still(job, done, found):
        return False
    if done.room > 0:
        exact.kept = kept
    return done.layout == done.plan.layout or seen <= many


def _still(job: Job, done: _Pass, found: dict[str, Kind]) -> bool:
    """Lay the columns out for these fields, too; tell whether those that were written stay."""
    done.shapes = _with(done.shapes, found)
    done.layout = replanned(job, done.plan, done.shapes)
    now = {target.field: target for target in done.layout.targets}
    return all(now.get(target.field) == target for target in done.plan.layout.targets)


def observe(shapes: dict[str, Kind], value: Any) -> None:
    """Add to shapes what a record shows."""
    for key, item in fields_of(value).items():
        shape = kind_of(item)
        shapes[key] = merge(shapes[key], shape) if key in shapes else shape


def _with(shapes: dict[str, Kind], more: dict[str, Kind]) -> dict[str, Kind]:
    found = dict(shapes)
    for name, shape in more.items():
        found[name] = merge(found[name], shape) if name in found else shape
    return found


def _rows(job: Job, done: _Pass) -> Iterator[dict[str, Any]]:
    """Give the rows that are read exactly; put what is refused into quarantine."""
    rules, targets = done.plan.rules, done.layout.targets
    dating = [target.field for target in candidates(job.date_columns, targets)]
    for exact in done.exact:
        for record in exact.records():
            if record.reason is not None:
                job.quarantine.add(record.number, record.reason, record.detail, record.raw)
            elif broken := rules.broken(record.value):
                detail, names = said_of(broken)
                reason = Reason.CONTRACT_VIOLATION
                job.quarantine.add(record.number, reason, detail, record.raw, names)
            else:
                done.short += record.short and not exact.counted
                row = conformed(record.value, done.layout, done.plan.path)
                fields = {**done.plan.path, **fields_of(record.value)}
                days = [fields[name] for name in dating if name in fields]
                if day := first_day(days, job.source.created, job.date_formats):
                    row[DAY] = day.isoformat()
                yield row
