"""The use case: bring the lake up to date with one raw object.

How it stays exactly once, whatever is delivered twice, late, in disorder or not finished:

1. An event is only a hint that a key changed. What is ingested is the version that S3 calls
   current *now* (S3 reads are strongly consistent), so the order of events does not matter.
2. A worker first opens an attempt in the ledger entry. Outputs bear the attempt in their name, so
   no two workers, and no two tries of one, ever write the same key.
3. Before a byte is written, the entry says which keys the attempt is going to write.
4. One conditional write commits. It names the revision that was read *before* S3 was asked
   for the current version, so a worker that was overtaken cannot commit an old version.
5. What the committed version replaced, and what an attempt announced that failed or whose worker
   died, stays listed in the entry until it is deleted. Whoever comes to the key next does that,
   before anything else; and a message is only acknowledged when no attempt that was made for it
   is open. After the last delivery nobody comes: then the entry is in the index of what is
   unswept, and the function's schedule does it (:meth:`Ingest.tidy`).
6. Then whoever makes tables of these rows is told which partitions changed. They, too, stand in
   the entry from the write on that changed them, and a message is acknowledged after it was told.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.workspace import prefix
from processor.ingest.preparation import Delivery, Prepared, Rows, Task, Work
from processor.ingest.rehearsal import Rehearsal
from store import naming
from store.entry import Attempt, Entry
from store.errors import (
    AttemptLostError,
    AttemptOpenError,
    LakeError,
    LedgerConflictError,
    ObjectGoneError,
    ServiceError,
    TransientError,
)
from store.model import Status
from store.reasons import Failure
from store.steps import unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.ingest.ports import (
        Catalog,
        Content,
        Curation,
        Engine,
        Ledger,
        OutputStore,
        RawStore,
    )
    from store.model import ObjectEvent, RawObject
    from store.steps import Steps

#: Each round either finishes, or follows a write of another worker to the same key.
_ROUNDS = 25

#: Seconds after the end of an invocation at which its worker is dead for certain, though
#: clocks differ and a request that it sent may still be on its way.
GRACE = 60


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
    superseded : bool
        Whether the event told of another version than the one that is current.
    crawling : bool
        Whether the crawler was started for a new table.
    """

    bucket: str
    key: str
    entry: Entry
    ingested: bool
    superseded: bool = False
    crawling: bool = False


@dataclass(frozen=True, slots=True)
class Ingest:
    """Brings the lake up to date with one raw object at a time.

    Attributes
    ----------
    raw, outputs, catalog, ledger, engine, curation
        What the use case needs of the world.
    bytes_per_second : float
        How fast objects are read at worst; decides what can be finished in the time left.
    work_root : Path or None
        Where each object gets a folder of its own; the system's place for temporary
        files when None. A warm function finds what earlier invocations left, so no
        two objects may share one.
    clock : callable
        Seconds since 1970.
    step : Steps
        Who watches.
    """

    raw: RawStore
    outputs: OutputStore
    catalog: Catalog
    ledger: Ledger
    engine: Engine
    curation: Curation
    bytes_per_second: float
    work_root: Path | None = None
    clock: Callable[[], float] = time.time
    step: Steps = unwatched

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
        KeyOutsideLakeError, ObjectGoneError, ObjectArchivedError, ObjectEncryptedError
            When there is nothing to ingest.
        TransientError
            When a retry can help.
        """
        naming.dataset_of(event.key)
        if event.other_key and self.raw.head(event.bucket, event.key) is None:
            event = replace(event, key=event.other_key)
        name = f"{event.bucket}/{event.key}"
        ingested = crawling = False
        for _ in range(_ROUNDS):
            with self.step("claim"):
                entry, raw, task = self._begin(name, event, delivery)
            if task is None:
                break
            prepared, committed = self._attempt(task, entry)
            if prepared and prepared.table_created:
                crawling |= self._crawl()
            if committed:
                entry, ingested = committed, True
                break
        else:
            raise LedgerConflictError(f"s3://{name}: new versions came faster than it was read")
        entry = self._settle(name, entry)
        if other := entry.open_for(delivery.id):
            raise AttemptOpenError(
                f"s3://{name}: another worker has the same message and may still write",
                retry_after=other.expires - self.clock(),
            )
        if raw is None and entry.verdict is not Status.DELETED and not event.rewrite:
            raise ObjectGoneError(f"s3://{name} was deleted: nothing to ingest")
        superseded = raw is not None and event.version not in ("", raw.version)
        return Outcome(event.bucket, event.key, entry, ingested, superseded, crawling)

    def tidy(self, name: str) -> Entry:
        """End what dead workers left of one object, delete what they wrote, and tell of it.

        Parameters
        ----------
        name : str
            Bucket and key, as the ledger names the object.

        Returns
        -------
        Entry
            What the ledger says now. Attempts that may still be worked on are left alone.
        """
        now = self.clock()
        return self._settle(name, self._change(name, lambda entry: entry.without_expired(now)))

    # --- The entry, one conditional write at a time -------------------------------------

    def _begin(
        self, name: str, event: ObjectEvent, delivery: Delivery
    ) -> tuple[Entry, RawObject | None, Task | None]:
        """Open an attempt at the current version, unless there is none or it is committed."""
        worker, now = uuid.uuid4().hex, self.clock()
        # Most objects are new. Where one is not, the first write says what there is: it cannot
        # hide a commit, since nobody had written anything.
        entry = Entry()
        for _ in range(_ROUNDS):
            content = self._content(event, entry)
            if content is None and not entry.revision:
                entry = self.ledger.get(name)
                content = self._content(event, entry)
            raw = content.raw if content else None
            with ExitStack() as stack:
                if content:
                    stack.callback(content.close)
                # One is open already where the answer to the write of a round before was lost.
                if not (raw and entry.open_by(worker, raw.version)):
                    wanted = self._wanted(entry.without_expired(now), raw, event, delivery, worker)
                    written, entry = (True, entry) if wanted == entry else self._put(name, wanted)
                    if not written:
                        continue
                opened = entry.open_by(worker, raw.version) if raw else None
                if content is None or opened is None:
                    return entry, raw, None
                stack.pop_all()
                return entry, raw, Task(name, opened.generation, content, event, delivery)
        raise LedgerConflictError(f"s3://{name}: other workers kept changing its ledger entry")

    def _content(self, event: ObjectEvent, entry: Entry) -> Content | Rows | None:
        """Give what is to be read: the current version, or the rows of the committed one."""
        if event.rewrite:
            return Rows.of(event.bucket, event.key, entry)
        return self.raw.open(event.bucket, event.key)

    def _wanted(
        self,
        entry: Entry,
        raw: RawObject | None,
        event: ObjectEvent,
        delivery: Delivery,
        worker: str,
    ) -> Entry:
        """Say what the entry becomes before any work, when S3 calls this version current."""
        if raw is None:
            # Written even where there is nothing to remove: a worker that still reads the object
            # finds that somebody wrote, and asks S3 again.
            return entry.removed() if event.removal else entry
        if entry.holds(raw.version, event.replay):
            return entry
        self._work.check_time(raw, delivery)
        now = self.clock()
        expires = now + delivery.seconds_left() + GRACE
        opened = Attempt(
            entry.revision + 1,
            worker,
            delivery.id,
            raw.version,
            now,
            expires,
            deliveries=delivery.count,
        )
        return entry.begun(opened, naming.dataset_of(event.key))

    def _attempt(self, task: Task, entry: Entry) -> tuple[Prepared | None, Entry | None]:
        """Convert, publish and commit; give what was prepared and, if it won, the entry."""
        prepared: Prepared | None = None
        try:
            with (
                closing(task.content),
                tempfile.TemporaryDirectory(prefix=prefix("job"), dir=self.work_root) as folder,
            ):
                if entry.replaced:
                    # What a dead worker wrote can be queried until it is deleted.
                    entry = self._settle(task.name, entry)
                prepared = self._work.prepare(task, Path(folder))
                with self.step("announce"):
                    entry = self._announce(task, entry, prepared)
                with self.step("write"):
                    self._publish(prepared, task.delivery)
            with self.step("commit"):
                return prepared, self._commit(task, entry, prepared)
        except Exception as error:  # whatever it is, the attempt has ended
            # If not even that can be told, the attempt ends by itself when it expires.
            with suppress(TransientError):
                self._fail(task, error, prepared.keys if prepared else ())
            raise

    def _announce(self, task: Task, entry: Entry, prepared: Prepared) -> Entry:
        def change(entry: Entry) -> Entry:
            if entry.attempt(task.generation) is None:
                raise AttemptLostError(f"s3://{task.name}: it took longer than its invocation")
            return entry.announced(task.generation, prepared.keys)

        return self._change(task.name, change, entry)

    def _commit(self, task: Task, entry: Entry, prepared: Prepared) -> Entry | None:
        """Make the attempt's outputs the object's rows; None where it was overtaken."""
        overtaken = False

        def change(entry: Entry) -> Entry:
            nonlocal overtaken
            if entry.attempt(task.generation) is None:
                if entry.version == task.raw.version and entry.outputs == prepared.outputs:
                    # The write of a round before was made, though its answer was lost.
                    return entry
                raise AttemptLostError(f"s3://{task.name}: it took longer than its invocation")
            overtaken = self._overtaken(task, entry)
            if overtaken:
                return entry.ended(task.generation, Status.SUPERSEDED)
            return entry.committed(
                task.generation,
                prepared.verdict,
                prepared.facts,
                task.event.replay,
                prepared.folder,
                prepared.kept,
            )

        changed = self._change(task.name, change, entry)
        return None if overtaken else changed

    def _overtaken(self, task: Task, entry: Entry) -> bool:
        """Tell whether somebody else committed what is newer than the attempt, or the same."""
        if entry.holds(task.raw.version, task.event.replay):
            return True
        if isinstance(task.content, Rows):
            return entry.committed_at != task.content.entry.committed_at
        if entry.revision == task.generation + 1:
            # While nobody but this worker has written, no newer version can be committed.
            return False
        raw = self.raw.head(task.raw.bucket, task.raw.key)
        return raw is None or raw.version != task.raw.version

    def _fail(self, task: Task, error: Exception, keys: tuple[str, ...]) -> None:
        """Record why an attempt failed, and remove what it wrote."""
        if isinstance(error, LakeError):
            reason, detail = error.code, error.detail
        else:
            reason, detail = Failure.DEFECT, f"{type(error).__name__}: {error}"

        def change(entry: Entry) -> Entry:
            return entry.ended(task.generation, Status.FAILED, reason, detail).discarding(keys)

        self._settle(task.name, self._change(task.name, change))

    def _settle(self, name: str, entry: Entry) -> Entry:
        """Delete what nobody needs any more, then tell which partitions changed."""
        while entry.replaced or entry.untold:
            doomed, told = entry.replaced, entry.untold
            if doomed:
                with self.step("delete"):
                    self.outputs.delete(doomed)
            # After the deletion: who makes a table of these rows must not read what is replaced.
            if told:
                with self.step("tell"):
                    self._tell(name, told, entry)
            settle = partial(Entry.settled, deleted=doomed, told=told)
            if not doomed and settle(entry).attention == entry.attention:
                break
            entry = self._change(name, settle, entry)
        return entry

    def _tell(self, name: str, partitions: tuple[str, ...], entry: Entry) -> None:
        """Say which partitions changed; where that fails, have the schedule come for it, too."""
        try:
            self.curation.tell(partitions)
        except Exception:  # whatever it is
            # The message returns, but may be at its last delivery.
            with suppress(TransientError):
                self._change(name, lambda one: replace(one, unheard=bool(one.untold)), entry)
            raise

    def _change(
        self, name: str, change: Callable[[Entry], Entry], known: Entry | None = None
    ) -> Entry:
        """Read, change and write the entry until nobody wrote in between.

        One that is known already need not be read: were it out of date, it could not be written.
        """
        entry = known or self.ledger.get(name)
        for _ in range(_ROUNDS):
            changed = change(entry)
            if changed == entry:
                return entry
            written, entry = self._put(name, changed)
            if written:
                return entry
        raise LedgerConflictError(f"s3://{name}: other workers kept changing its ledger entry")

    def _put(self, name: str, entry: Entry) -> tuple[bool, Entry]:
        """Write an entry as its next revision; give what the ledger holds after it."""
        concerns = tuple(filter(self.curation.concerns, entry.untold))
        written = replace(entry, revision=entry.revision + 1, untold=concerns)
        there = self.ledger.put(name, written)
        return there is None, there or written

    # --- The world ----------------------------------------------------------------------

    @property
    def rehearsal(self) -> Rehearsal:
        """Give what says what would become of an object, and writes nothing."""
        return Rehearsal(
            self.raw, self.outputs, self.catalog, self.engine, self.bytes_per_second, self.work_root
        )

    @property
    def _work(self) -> Work:
        return Work(self.outputs, self.catalog, self.engine, self.bytes_per_second, self.step)

    def _publish(self, prepared: Prepared, delivery: Delivery) -> None:
        paths = {key: file.path for key, file in prepared.files.items()}
        self.outputs.upload_all(paths, delivery.seconds_left)

    def _crawl(self) -> bool:
        # Table and partitions are registered already: a crawler that cannot be started
        # takes nothing from the object, and must not make it run again.
        try:
            return self.catalog.crawl()
        except ServiceError:
            return False
