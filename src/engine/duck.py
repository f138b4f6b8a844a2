"""The engine: one object's bytes become conformed files, every record accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from contract.csv import CsvSettings
from engine.convert.parts import combined, retyped
from engine.convert.stored import stored
from engine.database import Database
from engine.job import inner, opened
from engine.open.detect import Said
from engine.open.opened import not_read
from engine.open.opened import opened as open_object
from engine.open.stored import NotReadError, Stored
from engine.read.formats import converted
from engine.write.quarantine import Quarantine
from store.model import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from contract.schema import Contract
    from engine.job import Job
    from engine.open.opened import Opened
    from engine.options import Options
    from store.model import OutputFile, Schema, Source


@dataclass(frozen=True, slots=True)
class DuckEngine:
    """Reads with DuckDB where records are what they promise, with Python where not.

    Attributes
    ----------
    options : Options
        What the deployment allows.
    contracts : mapping of str to Contract
        What records must be, by dataset.
    database : Database
        Opened by the first object, and anew after it failed.
    """

    options: Options
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        """Open nothing yet."""
        object.__setattr__(self, "database", Database(self.options))

    def convert(
        self, source: Source, table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
    ) -> Conversion:
        """See :class:`processor.ingest.ports.Engine`.

        Raises
        ------
        RejectedObjectError
            When the object as a whole cannot be opened.
        ObjectTooLargeError
            When disk, memory or the number of dates do not allow it.
        OutOfTimeError
            When the invocation ends first.
        MiscountedError, EngineFailedError
            When the fault is ours.
        """
        contract = self.contracts.get(source.dataset)
        with opened(
            source, table, self.options, workdir, seconds_left, self.database, contract
        ) as job:
            room = max(self.options.disk_bytes - 2 * source.path.stat().st_size, 0)
            found = open_object(source.path, source.key, _said(job), workdir, room, job.check_time)
            done = found if isinstance(found, Stored) else _converted(job, found)
            if not isinstance(done, Stored):
                return done
            job.compression = done.compression
            return stored(job, done.path, done.media_type, done.detail)

    def rewrite(
        self,
        source: Source,
        files: Iterable[tuple[Path, str]],
        table: Schema,
        workdir: Path,
        seconds_left: Callable[[], float],
    ) -> Conversion:
        """See :class:`processor.ingest.ports.Engine`."""
        # Loaded when it is needed, as the readers of rare formats are.
        from engine.convert.again import rewritten

        with opened(source, table, self.options, workdir, seconds_left, self.database) as job:
            return rewritten(job, files)

    def judging(self, contract: Contract) -> DuckEngine:
        """See :class:`processor.ingest.ports.Engine`."""
        other = replace(self, contracts={**self.contracts, contract.dataset: contract})
        # Two databases would take twice the memory.
        object.__setattr__(other, "database", self.database)
        return other

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        """See :class:`processor.ingest.ports.Engine`."""
        quarantine = Quarantine(source, workdir / "rejected.jsonl.gz", self.options.first_date)
        quarantine.add(0, code, detail, b"")
        (file,) = quarantine.close()
        return file


def _said(job: Job) -> Said:
    contract = job.contract
    return Said(
        job.source.content_type,
        contract.format_hint if contract else "",
        contract.encoding if contract else "",
        contract.csv if contract else CsvSettings(),
        job.known_columns,
    )


def _converted(job: Job, parts: list[Opened]) -> Conversion | Stored:
    """Convert the files of an object: all of them, or none."""
    if len(parts) == 1:
        job.place = _place(job, parts[0])
        return _part(job, parts[0], 1)
    found = _in_turn(job, parts, job.table)
    if isinstance(found, Stored):
        return found
    done = combined(job, found)
    known = {column.name for column in (job.table.columns if job.table else ())}
    if all(drift.column in known for drift in done.drift):
        return done
    # Types of new columns follow from all files, whichever is the first.
    others = (_of(job, parts, number, job.table) for number in range(1, len(parts)))
    schemas = [one.schema for one in (found[0], *others) if isinstance(one, Conversion)]
    again = _in_turn(job, parts, retyped(done.schema, known, schemas))
    return again if isinstance(again, Stored) else replace(combined(job, again), added=done.added)


def _in_turn(job: Job, parts: list[Opened], table: Schema | None) -> list[Conversion] | Stored:
    """Convert files one after the other, each into the table that those before it left."""
    found: list[Conversion] = []
    for number in range(len(parts)):
        done = _of(job, parts, number, table)
        if isinstance(done, Stored):
            return done
        found.append(done)
        table = done.schema if done.outputs else table
    return found


def _of(job: Job, parts: list[Opened], number: int, table: Schema | None) -> Conversion | Stored:
    """Convert one of several files; what was written of it before is gone then."""
    part = parts[number]
    with inner(job, f"part-{number}", table=table, place=_place(job, part)) as one:
        return _part(one, part, len(parts))


def _place(job: Job, part: Opened) -> str:
    """Give the path of a file with that of the archive that it is in."""
    key = job.source.key
    return key if key.startswith(part.name) else f"{key}/{part.name}"


def _part(job: Job, part: Opened, count: int) -> Conversion | Stored:
    job.compression = part.compression
    if part.guess:
        job.guesses.append(part.guess)
    try:
        return converted(job, part.path, part.format)
    except NotReadError as error:
        job.restart()
        return not_read(part, error, job.source.path, count)
