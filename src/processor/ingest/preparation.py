"""The work on one version of one object: skip it, or download, convert and declare it."""

from __future__ import annotations

import errno
import json
import shutil
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from store import naming, sidecars
from store.errors import (
    LONGEST_DETAIL,
    CatalogConflictError,
    ObjectTooLargeError,
    OutOfTimeError,
    RejectedObjectError,
    SchemaConflictError,
)
from store.model import RawObject, Source, Status
from store.steps import unwatched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from processor.ingest.ports import Catalog, Content, Engine, OutputStore
    from store.entry import Entry
    from store.model import Conversion, ObjectEvent, OutputFile, Schema
    from store.steps import Steps

    Facts = dict[str, str | int]
    _Convert = Callable[[Schema | None, Path, Callable[[], float]], Conversion]

#: Each try follows a change of the same table by another worker.
_SCHEMA_TRIES = 25

#: Characters of a column's name, type and example among the facts, and of a guess; and how many
#: guesses and new columns are told: an item of the ledger holds 400 KB, and a file whatever names
#: it likes.
_LONGEST, _MOST_GUESSES, _MOST_NAMED = 200, 20, 10

#: Facts that a rewrite changes.
_OF_ROWS = frozenset({"records_rescued", "drift"})

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
class Rows:
    """What the lake holds of an object: a rewrite reads it in place of the object.

    Attributes
    ----------
    raw : RawObject
        The version that is committed; its size and age are not known.
    entry : Entry
        What the ledger said of it.
    """

    raw: RawObject
    entry: Entry

    @classmethod
    def of(cls, bucket: str, key: str, entry: Entry) -> Rows | None:
        """Give what there is of an object; None where it has no rows."""
        if not any(map(naming.dataset_in, entry.outputs)):
            return None
        return cls(RawObject(bucket, key, entry.version, 0, datetime.fromtimestamp(0, UTC)), entry)

    @property
    def files(self) -> tuple[str, ...]:
        """Give the keys of the files that hold the rows."""
        return tuple(filter(naming.dataset_in, self.entry.outputs))

    @property
    def others(self) -> tuple[str, ...]:
        """Give the keys of what was refused, which a rewrite leaves as it is."""
        return tuple(key for key in self.entry.outputs if not naming.dataset_in(key))

    def close(self) -> None:
        """Hold nothing."""


@dataclass(frozen=True, slots=True)
class Task:
    """One worker's attempt: what it works on, and for whom."""

    name: str
    generation: int
    content: Content | Rows
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
    kept : tuple of str
        Keys of the version that stay as they are.
    """

    verdict: Status
    files: dict[str, OutputFile]
    facts: Facts
    table_created: bool = False
    folder: str = ""
    kept: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Give the keys that it is going to write."""
        return tuple(sorted(self.files))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Give all keys of the version."""
        return tuple(sorted({*self.files, *self.kept}))


@dataclass(frozen=True, slots=True)
class Work:
    """Prepares objects; it writes nothing but the table's columns and partitions.

    Attributes
    ----------
    outputs, catalog, engine
        What it needs of the world.
    bytes_per_second : float
        How fast objects are read at best, on the bytes as they were uploaded: what cannot be
        finished even so is not begun. Once it is unpacked, the engine knows it by its format.
    step : Steps
        Who watches.
    """

    outputs: OutputStore
    catalog: Catalog
    engine: Engine
    bytes_per_second: float
    step: Steps = unwatched

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

        Raises
        ------
        ObjectTooLargeError
            When rows are to be rewritten and are too many for that: they stay as they are.
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
        if isinstance(task.content, Rows):
            return self._rewritten(task, task.content, source, folder)
        facts: Facts = {
            "dataset": source.dataset,
            "bytes": raw.size,
            "uploaded": int(raw.created.timestamp()),
        }
        if task.event.sequencer and task.event.version == raw.version:
            facts["sequencer"] = task.event.sequencer
        try:
            done = self._done(task, task.content, source, folder, facts)
        except (RejectedObjectError, ObjectTooLargeError) as error:
            done = self._refused(task, source, folder, facts, error)
        done.facts["milliseconds"] = round((time.monotonic() - started) * 1000)
        return done

    def _done(
        self, task: Task, content: Content, source: Source, folder: Path, facts: Facts
    ) -> Prepared:
        if why := sidecars.why_skipped(source.key):
            return _skipped(facts, why)
        self._check_size(task.raw, task.delivery)
        with self.step("download"):
            _saved(content.save, f"{task.raw.size:,} bytes", source.path)
        if sidecars.may_be_commit(source.key) and sidecars.is_commit(source.path):
            return _skipped(facts, _COMMIT)
        convert = partial(self.engine.convert, source)
        conversion, created = self._conform(source.dataset, task.delivery, folder, convert)
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

    def _rewritten(self, task: Task, rows: Rows, source: Source, folder: Path) -> Prepared:
        """Conform the rows of an object anew; what was refused of it stays refused."""

        def convert(
            table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
        ) -> Conversion:
            if table is None:
                raise CatalogConflictError(f"table {source.dataset} was dropped")
            files = self._downloaded(rows.files, workdir)
            return self.engine.rewrite(source, files, table, workdir, seconds_left)

        done, _ = self._conform(source.dataset, task.delivery, folder, convert)
        at = partial(naming.output_key, done.schema.folder)
        told = {name: fact for name, fact in facts_of(done).items() if name in _OF_ROWS}
        return Prepared(
            rows.entry.verdict,
            {at(source, file, task.generation): file for file in done.outputs},
            {name: fact for name, fact in rows.entry.facts.items() if name not in _OF_ROWS} | told,
            folder=done.schema.folder,
            kept=rows.others,
        )

    def _downloaded(self, keys: tuple[str, ...], folder: Path) -> Iterator[tuple[Path, str]]:
        """Give the files that hold an object's rows, and their dates."""
        for number, key in enumerate(keys):
            _, date = naming.place_of(key) or ("", "")
            path = folder / f"rows-{number}{key[key.rindex('.') :]}"
            _saved(partial(self.outputs.download, key), key, path)
            yield path, date

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

    def _conform(
        self, dataset: str, delivery: Delivery, folder: Path, convert: _Convert
    ) -> tuple[Conversion, bool]:
        """Convert and declare until no other worker gave the table other types meanwhile.

        Gives also whether the table was created. Nothing is published before the catalog has taken
        the table and each partition: what it refuses is never written.
        """
        for attempt in range(_SCHEMA_TRIES):
            workdir = folder / f"try-{attempt}"
            workdir.mkdir()
            with self.step("read the table"):
                table = self.catalog.schema(dataset)
            started_whole = delivery.seconds_left() > 0.9 * delivery.whole_invocation
            try:
                with self.step("convert"):
                    conversion = convert(table, workdir, delivery.seconds_left)
            except OutOfTimeError as error:
                if started_whole:
                    raise ObjectTooLargeError(
                        f"a whole invocation was not enough: {error.detail}"
                    ) from error
                raise
            home = (table.folder if table else "") or naming.table_prefix(dataset)
            conversion = replace(conversion, schema=replace(conversion.schema, folder=home))
            if not conversion.outputs:
                return conversion, False
            dates = {file.partition for file in conversion.outputs}
            with self.step("register"):
                try:
                    created = self.catalog.declare(dataset, conversion.schema)
                except SchemaConflictError:
                    continue
                self.catalog.add_partitions(dataset, dates)
            return conversion, created
        raise SchemaConflictError(f"table {dataset} kept changing its types")


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
    # The table of an empty file gets none.
    added = conversion.added if conversion.read else ()
    facts: Facts = {
        "format": conversion.format,
        "compression": conversion.compression,
        "records_read": conversion.read,
        "records_accepted": conversion.accepted,
        "records_quarantined": conversion.quarantined,
        "records_rescued": conversion.rescued,
        "records_undated": conversion.undated,
        "records_short": conversion.short,
        "columns_added": len(added),
    }
    if added:
        facts["added"] = _json([name[:_LONGEST] for name in added[:_MOST_NAMED]])
    if conversion.refused:
        facts["refused"] = _json(
            {
                one.reason: {
                    "count": one.count,
                    "record": one.record,
                    "detail": one.detail[:_LONGEST],
                    **({"rules": rules} if (rules := one.commonest_rules) else {}),
                }
                for one in conversion.refused
            }
        )
    if conversion.datelike:
        facts["datelike"] = _json([name[:_LONGEST] for name in conversion.datelike])
    if conversion.no_dates:
        facts["no_dates"] = _json(
            {name[:_LONGEST]: [*values] for name, values in conversion.no_dates.items()}
        )
    if conversion.csv:
        facts["csv"] = _json(conversion.csv)
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


def _saved(save: Callable[[Path], None], what: str, path: Path) -> None:
    """Write a local file; a disk that is full is a verdict."""
    try:
        save(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ObjectTooLargeError(
            f"{what} did not fit the disk ({error}): raise EphemeralStorage"
        ) from error


def _empty(folder: Path) -> None:
    """Make room on a disk that may be full."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
