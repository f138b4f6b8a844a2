"""The use case: bring the lake up to date with one raw object.

How it stays exactly once, whatever is delivered twice, late, in disorder or not finished:

1. An event is only a hint that a key changed. What is ingested is the version that S3 calls
   current *now* (S3 reads are strongly consistent), so the order of events does not matter.
2. Outputs bear the version in their name: a retry overwrites itself, never another version.
3. Before a byte is written, the ledger entry says which keys this delivery is going to write.
4. One conditional write commits. It names the revision that was read *before* S3 was asked
   for the current version, so a worker that was overtaken cannot commit an old version.
5. What the committed version replaced stays listed in the entry until it is deleted, and so
   does what a crashed delivery announced: the redelivery of its message withdraws it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from processor import naming
from processor.errors import (
    LedgerConflictError,
    ObjectGoneError,
    ObjectTooLargeError,
    OutOfTimeError,
    RejectedObjectError,
    SchemaConflictError,
    ServiceError,
)
from processor.model import Entry, Source, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.model import Conversion, ObjectEvent, OutputFile, RawObject, Schema
    from processor.ports import Catalog, Ledger, OutputStore, RawStore

#: Each round either finishes, or follows a write of another worker to the same key.
_ROUNDS = 25

#: Each try follows a change of the same table by another worker.
_SCHEMA_TRIES = 25


class Engine(Protocol):
    """Turns a local file into conformed local files; see :mod:`processor.engine`."""

    def convert(
        self, source: Source, table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
    ) -> Conversion:
        """Read the file whole, conform its records to the table, account for each."""
        ...

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        """Write the one quarantine entry of a file that cannot be served at all."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of events to the function.

    Attributes
    ----------
    id : str
        The same when the same message is delivered again.
    seconds_left : callable
        Seconds until the invocation is killed.
    whole_invocation : float
        Seconds that an invocation has at its start.
    """

    id: str
    seconds_left: Callable[[], float]
    whole_invocation: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the lake did about one object.

    Attributes
    ----------
    bucket, key : str
        The raw object.
    entry : Entry
        The ledger entry as it stands.
    ingested : bool
        False when the current version had been ingested before.
    crawling : bool
        Whether the crawler was started for a new schema.
    """

    bucket: str
    key: str
    entry: Entry
    ingested: bool
    crawling: bool = False


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One version of an object, converted and declared, ready to be published."""

    raw: RawObject
    status: Status
    dataset: str
    files: dict[str, OutputFile]
    partitions: tuple[str, ...]
    facts: dict[str, str | int]
    schema_changed: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))


@dataclass(frozen=True, slots=True)
class Ingest:
    """Brings the lake up to date with one raw object at a time.

    Attributes
    ----------
    raw, outputs, catalog, ledger, engine
        What the use case needs of the world.
    bytes_per_second : float
        How fast objects are read at worst; decides what can be finished in the time left.
    work_root : Path or None
        Where each object gets a folder of its own; the system's place for temporary
        files when None. A warm function finds what earlier invocations left, so no
        two objects may share one.
    """

    raw: RawStore
    outputs: OutputStore
    catalog: Catalog
    ledger: Ledger
    engine: Engine
    bytes_per_second: float
    work_root: Path | None = None

    def __call__(self, event: ObjectEvent, delivery: Delivery) -> Outcome:
        """Ingest the current version of the object that an event names.

        Parameters
        ----------
        event : ObjectEvent
            The hint.
        delivery : Delivery
            On whose behalf, and in what time.

        Returns
        -------
        Outcome
            What the ledger says now.

        Raises
        ------
        KeyOutsideLakeError, ObjectGoneError
            When there is nothing to ingest.
        TransientError
            When a retry can help.
        """
        naming.dataset_of(event.key)
        key = event.key
        if event.other_key and self.raw.head(event.bucket, key) is None:
            key = event.other_key
        return self._settle(event.bucket, key, delivery)

    def _settle(self, bucket: str, key: str, delivery: Delivery) -> Outcome:
        name = f"{bucket}/{key}"
        prepared: _Prepared | None = None
        ingested = crawling = False
        with tempfile.TemporaryDirectory(prefix="lake-", dir=self.work_root) as work:
            for round_ in range(_ROUNDS):
                entry = self.ledger.get(name)
                raw = self.raw.head(bucket, key)
                if raw is None or entry.version == raw.version:
                    if delivery.id in entry.intents:
                        self.ledger.put(name, _withdrawn(entry, delivery.id))
                        continue
                    if entry.replaced:
                        self.outputs.delete(entry.replaced)
                        self.ledger.put(name, _next(entry, replaced=()))
                        continue
                    if raw is None:
                        raise ObjectGoneError(f"s3://{name} was deleted: nothing to ingest")
                    return Outcome(bucket, key, entry, ingested, crawling)
                if prepared is None or prepared.raw.version != raw.version:
                    folder = Path(work, str(round_))
                    folder.mkdir()
                    prepared = self._prepare(raw, delivery, folder)
                    if prepared is None:
                        continue
                announced = _announced(entry, delivery.id, prepared.keys)
                if not self.ledger.put(name, announced):
                    continue
                self._publish(prepared)
                committed = _committed(announced, delivery.id, prepared)
                if not self.ledger.put(name, committed):
                    continue
                ingested = True
                crawling = prepared.schema_changed and self._crawl()
                if not committed.replaced:
                    return Outcome(bucket, key, committed, ingested, crawling)
        raise LedgerConflictError(f"s3://{name}: other workers kept changing its ledger entry")

    def _prepare(self, raw: RawObject, delivery: Delivery, folder: Path) -> _Prepared | None:
        """Convert one version; None when it was deleted before it was read."""
        started = monotonic()
        source = Source(
            path=folder / "object",
            bucket=raw.bucket,
            key=raw.key,
            version=raw.version,
            dataset=naming.dataset_of(raw.key),
            created=raw.created,
            content_type=raw.content_type,
        )
        facts: dict[str, str | int] = {"dataset": source.dataset, "bytes": raw.size}
        changed = False
        try:
            self._check_time(raw, delivery)
            self.raw.download(raw, source.path)
            conversion, changed = self._conform(source, delivery, folder)
        except ObjectGoneError:
            return None
        except (RejectedObjectError, ObjectTooLargeError) as error:
            entry = self.engine.reject(source, error.code, error.detail, folder)
            too_large = isinstance(error, ObjectTooLargeError)
            status = Status.TOO_LARGE if too_large else Status.REJECTED
            files = {naming.quarantine_key(source, entry): entry}
            partitions: tuple[str, ...] = ()
            facts |= {"reason": error.code, "detail": error.detail}
        else:
            status = conversion.status
            files = {naming.output_key(source, f): f for f in conversion.outputs}
            files |= {naming.quarantine_key(source, f): f for f in conversion.quarantine}
            partitions = tuple(sorted({f.partition for f in conversion.outputs}))
            facts |= {
                "format": conversion.format,
                "compression": conversion.compression,
                "records_read": conversion.read,
                "records_accepted": conversion.accepted,
                "records_quarantined": conversion.quarantined,
                "records_rescued": conversion.rescued,
            }
        facts["milliseconds"] = round((monotonic() - started) * 1000)
        return _Prepared(raw, status, source.dataset, files, partitions, facts, changed)

    def _check_time(self, raw: RawObject, delivery: Delivery) -> None:
        needed = raw.size / self.bytes_per_second
        if needed > delivery.whole_invocation:
            raise ObjectTooLargeError(
                f"{raw.size:,} bytes need about {needed:.0f} s, an invocation has "
                f"{delivery.whole_invocation:.0f} s: raise FunctionTimeout or FunctionMemory, "
                "or split the object"
            )
        if needed > (left := delivery.seconds_left()):
            raise OutOfTimeError(
                f"{raw.size:,} bytes need about {needed:.0f} s and {left:.0f} s are left"
            )

    def _conform(self, source: Source, delivery: Delivery, folder: Path) -> tuple[Conversion, bool]:
        """Convert and declare until no other worker gave the table other types meanwhile."""
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
            if not conversion.outputs:
                return conversion, False
            try:
                return conversion, self.catalog.declare(source.dataset, conversion.schema)
            except SchemaConflictError:
                continue
        raise SchemaConflictError(f"table {source.dataset} kept changing its types")

    def _publish(self, prepared: _Prepared) -> None:
        for key, file in prepared.files.items():
            self.outputs.upload(file.path, key)
        if prepared.partitions:
            self.catalog.add_partitions(prepared.dataset, prepared.partitions)

    def _crawl(self) -> bool:
        # Table and partitions are registered already: a crawler that cannot be started
        # takes nothing from the object, and must not make it run again.
        try:
            return self.catalog.crawl()
        except ServiceError:
            return False


def _next(entry: Entry, **changes: object) -> Entry:
    return replace(entry, revision=entry.revision + 1, **changes)  # type: ignore[arg-type]  # mypy cannot type the keywords of dataclasses.replace


def _announced(entry: Entry, delivery: str, keys: tuple[str, ...]) -> Entry:
    mine = {*entry.intents.get(delivery, ()), *keys}
    return _next(entry, intents={**entry.intents, delivery: tuple(sorted(mine))})


def _withdrawn(entry: Entry, delivery: str) -> Entry:
    """List what a delivery announced as replaced, except what is committed by now."""
    others = {who: keys for who, keys in entry.intents.items() if who != delivery}
    doomed = {*entry.replaced, *entry.intents.get(delivery, ())} - {*entry.outputs}
    return _next(entry, intents=others, replaced=tuple(sorted(doomed)))


def _committed(announced: Entry, delivery: str, prepared: _Prepared) -> Entry:
    current = replace(
        announced,
        version=prepared.raw.version,
        status=prepared.status,
        outputs=prepared.keys,
        replaced=tuple({*announced.replaced, *announced.outputs} - {*prepared.keys}),
        facts=prepared.facts,
    )
    return _withdrawn(current, delivery)
