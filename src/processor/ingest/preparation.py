"""The work on one version of one object: skip it, or download, convert and declare it."""

from __future__ import annotations

import errno
import json
import shutil
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from store import naming, sidecars
from store.errors import (
    LONGEST_DETAIL,
    ObjectTooLargeError,
    OutOfTimeError,
    RejectedObjectError,
    SchemaConflictError,
)
from store.model import Source, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from processor.ingest.ports import Catalog, Content, Engine
    from store.model import Conversion, ObjectEvent, OutputFile, RawObject

    Facts = dict[str, str | int]

#: Each try follows a change of the same table by another worker.
_SCHEMA_TRIES = 25

#: Characters of a column's name, type and example among the facts, and of a guess; and how many
#: guesses are told: an item of the ledger holds 400 KB, and a file whatever names it likes.
_LONGEST, _MOST_GUESSES = 200, 20

_COMMIT = "it is a commit of a Delta table: no data, but a list of the files that are"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of events to the function.

    Attributes
    ----------
    id : str
        The same when the same message is delivered again.
    count : int
        How often its message was delivered, this time included.
    seconds_left : callable
        Seconds until the invocation is killed.
    whole_invocation : float
        Seconds that an invocation has at its start.
    """

    id: str
    seconds_left: Callable[[], float]
    whole_invocation: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Task:
    """One worker's attempt: what it works on, and for whom."""

    name: str
    generation: int
    content: Content
    event: ObjectEvent
    delivery: Delivery

    @property
    def raw(self) -> RawObject:
        """Describe the version."""
        return self.content.raw


@dataclass(frozen=True, slots=True)
class Prepared:
    """One version of an object, converted and declared, ready to be published.

    Attributes
    ----------
    verdict : Status
        On the object.
    files : dict of str to OutputFile
        What is going to be written, by its key.
    facts : dict of str to str or int
        For the ledger and the log.
    table_created : bool
        Whether its table is new.
    folder : str
        That of the table, where rows were written; empty for an object that was not read.
    """

    verdict: Status
    files: dict[str, OutputFile]
    facts: Facts
    table_created: bool = False
    folder: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Give the keys that it is going to write."""
        return tuple(sorted(self.files))


@dataclass(frozen=True, slots=True)
class Work:
    """Prepares objects; it writes nothing but the table's columns and partitions.

    Attributes
    ----------
    catalog, engine
        What it needs of the world.
    bytes_per_second : float
        How fast objects are read at best, on the bytes as they were uploaded: what cannot be
        finished even so is not begun. Once it is unpacked, the engine knows it by its format.
    """

    catalog: Catalog
    engine: Engine
    bytes_per_second: float

    def check_time(self, raw: RawObject, delivery: Delivery) -> None:
        """Hand an object back before anything is done that another invocation can finish.

        Raises
        ------
        OutOfTimeError
            When the object needs more time than is left, and not more than an invocation has.
        """
        if sidecars.why_skipped(raw.key):
            return
        needed, left = raw.size / self.bytes_per_second, delivery.seconds_left()
        if left < needed <= delivery.whole_invocation:
            raise OutOfTimeError(
                f"{raw.size:,} bytes need about {needed:.0f} s and {left:.0f} s are left"
            )

    def prepare(self, task: Task, folder: Path) -> Prepared:
        """Do all that can be done before anything is written.

        Parameters
        ----------
        task : Task
            Which version, and in what time.
        folder : Path
            An empty folder for this attempt alone.

        Returns
        -------
        Prepared
            Also for an object that is skipped, refused or too large.
        """
        started, raw = time.monotonic(), task.raw
        source = Source(
            path=folder / "object",
            bucket=raw.bucket,
            key=raw.key,
            version=raw.version,
            dataset=naming.dataset_of(raw.key),
            created=raw.created,
            content_type=raw.content_type,
        )
        facts: Facts = {"dataset": source.dataset, "bytes": raw.size}
        if task.event.sequencer and task.event.version == raw.version:
            facts["sequencer"] = task.event.sequencer
        try:
            done = self._done(task, source, folder, facts)
        except (RejectedObjectError, ObjectTooLargeError) as error:
            done = self._refused(task, source, folder, facts, error)
        done.facts["milliseconds"] = round((time.monotonic() - started) * 1000)
        return done

    def _done(self, task: Task, source: Source, folder: Path, facts: Facts) -> Prepared:
        if why := sidecars.why_skipped(source.key):
            return _skipped(facts, why)
        self._check_size(task.raw, task.delivery)
        self._download(task, source.path)
        if sidecars.may_be_commit(source.key) and sidecars.is_commit(source.path):
            return _skipped(facts, _COMMIT)
        conversion, created = self._conform(source, task.delivery, folder)
        at = partial(naming.output_key, conversion.schema.folder)
        files = {
            place(source, file, task.generation): file
            for place, found in (
                (at, conversion.outputs),
                (naming.quarantine_key, conversion.quarantine),
                (naming.stored_key, conversion.stored),
            )
            for file in found
        }
        told = facts | facts_of(conversion)
        return Prepared(conversion.status, files, told, created, conversion.schema.folder)

    def _refused(
        self,
        task: Task,
        source: Source,
        folder: Path,
        facts: Facts,
        error: RejectedObjectError | ObjectTooLargeError,
    ) -> Prepared:
        _empty(folder)
        file = self.engine.reject(source, error.code, error.detail, folder)
        too_large = isinstance(error, ObjectTooLargeError)
        return Prepared(
            Status.TOO_LARGE if too_large else Status.REJECTED,
            {naming.quarantine_key(source, file, task.generation): file},
            facts | {"reason": error.code, "detail": error.detail},
        )

    def _check_size(self, raw: RawObject, delivery: Delivery) -> None:
        needed = raw.size / self.bytes_per_second
        if needed > delivery.whole_invocation:
            raise ObjectTooLargeError(
                f"{raw.size:,} bytes need about {needed:.0f} s, an invocation has "
                f"{delivery.whole_invocation:.0f} s: raise FunctionTimeout or FunctionMemory, "
                "or split the object"
            )

    def _download(self, task: Task, path: Path) -> None:
        try:
            task.content.save(path)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise ObjectTooLargeError(
                f"{task.raw.size:,} bytes did not fit the disk ({error}): raise EphemeralStorage"
            ) from error

    def _conform(self, source: Source, delivery: Delivery, folder: Path) -> tuple[Conversion, bool]:
        """Convert and declare until no other worker gave the table other types meanwhile.

        Gives also whether the table was created. Nothing is published before the catalog has taken
        the table and each partition: what it refuses is never written.
        """
        for attempt in range(_SCHEMA_TRIES):
            workdir = folder / f"try-{attempt}"
            workdir.mkdir()
            table = self.catalog.schema(source.dataset)
            started_whole = delivery.seconds_left() > 0.9 * delivery.whole_invocation
            try:
                conversion = self.engine.convert(source, table, workdir, delivery.seconds_left)
            except OutOfTimeError as error:
                if started_whole:
                    raise ObjectTooLargeError(
                        f"a whole invocation was not enough: {error.detail}"
                    ) from error
                raise
            home = (table.folder if table else "") or naming.table_prefix(source.dataset)
            conversion = replace(conversion, schema=replace(conversion.schema, folder=home))
            if not conversion.outputs:
                return conversion, False
            try:
                created = self.catalog.declare(source.dataset, conversion.schema)
            except SchemaConflictError:
                continue
            dates = {file.partition for file in conversion.outputs}
            self.catalog.add_partitions(source.dataset, dates)
            return conversion, created
        raise SchemaConflictError(f"table {source.dataset} kept changing its types")


def facts_of(conversion: Conversion) -> Facts:
    """Say what the ledger and the log say of a conversion.

    Parameters
    ----------
    conversion : Conversion
        What the engine gave.

    Returns
    -------
    dict
        Counts always; what drifted, was guessed or is to be explained only where it is so.
    """
    facts: Facts = {
        "format": conversion.format,
        "compression": conversion.compression,
        "records_read": conversion.read,
        "records_accepted": conversion.accepted,
        "records_quarantined": conversion.quarantined,
        "records_rescued": conversion.rescued,
        "records_undated": conversion.undated,
        "records_short": conversion.short,
        "columns_added": len(conversion.added),
    }
    if conversion.drift:
        facts["drift"] = _json(
            {
                one.column[:_LONGEST]: {
                    "type": one.type[:_LONGEST],
                    "count": one.count,
                    "example": one.example[:_LONGEST],
                }
                for one in conversion.drift
            }
        )
    if conversion.guesses:
        told = [guess[:_LONGEST] for guess in conversion.guesses[:_MOST_GUESSES]]
        more = len(conversion.guesses) - len(told)
        facts["guesses"] = _json([*told, f"and {more} guesses more"] if more else told)
    if conversion.date_column:
        facts["date_column"] = conversion.date_column[:_LONGEST]
    if conversion.detail:
        facts["detail"] = conversion.detail[:LONGEST_DETAIL]
    return facts


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _skipped(facts: Facts, why: str) -> Prepared:
    return Prepared(Status.SKIPPED, {}, facts | {"detail": why})


def _empty(folder: Path) -> None:
    """Make room on a disk that may be full."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
