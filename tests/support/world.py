"""A lake over the cloud in memory, whose workers run step by step and may die at any of them."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from aws.dynamodb import DynamoLedger
from aws.glue import GlueCatalog
from aws.s3 import S3OutputStore, S3RawStore
from aws.sqs import SqsCuration, SqsQueue
from engine.types.evolve import evolved
from lake import messages, reconcile
from lake.errors import LakeCommandError
from processor.ingest.preparation import Delivery
from processor.ingest.protocol import GRACE, Ingest
from store import events, touch
from store.catalog import format_of as table_format
from store.catalog import new_table
from store.errors import TerminalError, TransientError
from store.events import announcement
from store.model import Column, Schema
from store.naming import format_of, partition_in, place_of
from tests.support.cloud import (
    CURATE,
    DATABASE,
    DEAD,
    LEDGER,
    PROCESSED,
    QUEUE,
    RAW,
    Cloud,
    client_error,
)
from tests.support.lines import DAMAGED, LineEngine, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from processor.ingest.ports import Engine
    from store.entry import Entry
    from tests.support.cloud import Message

#: Seconds of one invocation, and between two sweeps of the template's schedule.
INVOCATION, SWEEP = 300, 300


class Killed(BaseException):
    """The worker's process is gone; no code of it runs any more."""


class Stage(Protocol):
    """Where workers run, one at a time."""

    cloud: Cloud
    running: Worker | None


class Worker:
    """One invocation, on a thread that runs only while the test lets it."""

    def __init__(self, world: Stage, run: Callable[[], None]) -> None:
        self.world, self.run = world, run
        self.takes_messages = False
        self.moment = ""
        self.deadline = world.cloud.now + INVOCATION
        self.done = self.doomed = False
        self.fault: ClientError | None = None
        self.fault_at = ""
        self.error: BaseException | None = None
        self._go, self._parked = threading.Semaphore(0), threading.Semaphore(0)
        self.key = ""
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def step(self, count: int = 1) -> None:
        """Let it run until it has come to so many calls."""
        for _ in range(count):
            if self.done:
                return
            self.world.running = self
            self._go.release()
            self._parked.acquire()
            self.world.running = None
        self._raise_defects()

    def finish(self) -> None:
        while not self.done:
            self.step()

    def kill(self) -> None:
        self.doomed = True
        self.finish()

    def came_to(self, moment: str) -> bool:
        assert not self.done, f"it never came to {moment}"
        return self.moment == moment

    def at(self, moment: str) -> None:
        """Called on the worker's own thread, at each call that it makes."""
        self.moment = moment
        if not self.doomed:
            self._parked.release()
            self._go.acquire()
        if self.doomed:
            raise Killed
        if self.fault and moment.startswith(self.fault_at):
            fault, self.fault = self.fault, None
            raise fault

    def _main(self) -> None:
        self._go.acquire()
        try:
            if not self.doomed:
                self.run()
        except Killed:
            pass
        except BaseException as error:  # raised again by the test's own thread
            self.error = error
        finally:
            self.done = True
            self._parked.release()

    def _raise_defects(self) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error


def removal(key: str) -> dict[str, Any]:
    """What S3 tells of a deletion."""
    event = announcement(RAW, key)
    event["Records"][0]["eventName"] = "ObjectRemoved:DeleteMarkerCreated"
    return event


def key_in(message: Message) -> str:
    """The raw key that a message is about."""
    return unquote_plus(json.loads(message.body)["Records"][0]["s3"]["object"]["key"])


#: The ids of the records that an object holds, and what of it is refused.
Said = tuple[list[str], list[str]]


def json_lines(_key: str, body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.decode().splitlines()]


def lines_say(_key: str, body: bytes) -> Said:
    """What :class:`LineEngine` makes of an object, without it."""
    if body == DAMAGED:
        return [], ["CORRUPT_FILE"]
    good, bad = records(body)
    return [record["id"] for record in good], bad


@dataclass
class World:
    """The lake and everybody who works on it."""

    folder: Path
    engine: Engine = field(default_factory=LineEngine)
    rows_of: Callable[[str, bytes], list[dict[str, Any]]] = json_lines
    says: Callable[[str, bytes], Said] = lines_say
    cloud: Cloud = field(default_factory=Cloud)
    workers: list[Worker] = field(default_factory=list)
    running: Worker | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)
    replays: int = 0
    newest: dict[str, int] = field(default_factory=dict)
    swept_at: float = 0
    remove_deleted: bool = False
    warm: list[GlueCatalog] = field(default_factory=list)
    strangers: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: dict[str, float] = field(default_factory=dict)
    torn: set[tuple[str, str]] = field(default_factory=set)
    #: Files by partition, and the partitions that changed since they were told of.
    files: dict[str, set[str]] = field(default_factory=dict)
    untold: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.cloud.on_effect = self._at
        self.swept_at = self.cloud.now

    def _at(self, moment: str) -> None:
        if moment in ("after S3.put_object", "after S3.delete_objects"):
            self._see_changes()
        elif moment == "after Sqs.send_message_batch":
            self._hear()
        if self.running:
            self.running.at(moment)

    def _see_changes(self) -> None:
        files: dict[str, set[str]] = {}
        for key in self.cloud.objects(PROCESSED):
            files.setdefault(partition_in(key), set()).add(key)
        for partition in {*files, *self.files}:
            if files.get(partition) != self.files.get(partition):
                self.untold.add(partition)
        self.files = files

    def _hear(self) -> None:
        for message in self.cloud.queues[CURATE]:
            told = touch.read(message.body)
            self.untold -= {f"{told.table}/{date}" for date in told.dates}
        self.cloud.queues[CURATE].clear()

    def catalog(self) -> GlueCatalog:
        glue = self.cloud.client("glue")
        return GlueCatalog(glue, DATABASE, PROCESSED, "c", evolved, clock=self.clock)

    def ingest(self, catalog: GlueCatalog | None = None) -> Ingest:
        """As ``processor.bootstrap`` builds it, over the cloud in memory."""
        s3 = self.cloud.client("s3")
        clock = self.clock
        return Ingest(
            raw=S3RawStore(s3),
            # In the worker's own thread, where every call is a step.
            outputs=S3OutputStore(s3, PROCESSED, threads=1),
            catalog=catalog or self.catalog(),
            ledger=DynamoLedger(self.cloud.client("dynamodb"), LEDGER, clock),
            engine=self.engine,
            curation=SqsCuration(
                self.cloud.client("sqs"), CURATE, ("a", "processed_table", "quarantine")
            ),
            bytes_per_second=1e6,
            work_root=self.folder,
            clock=clock,
        )

    def clock(self) -> float:
        return self.cloud.now

    @property
    def target(self) -> Any:
        """What the `lake` command is given."""
        return self.cloud

    # --- What can happen ----------------------------------------------------------------

    def upload(self, key: str, body: bytes) -> None:
        self.bodies[self.cloud.write(RAW, key, body)] = body

    def delete(self, key: str) -> None:
        if key in self.cloud.objects(RAW):
            self.cloud.write(RAW, key, None)
            if self.remove_deleted and not self.cloud.lose_events:
                self.cloud.send(QUEUE, json.dumps(removal(key)))

    def start(self, message: Message, *, twice: bool = False) -> Worker:
        receipt = self.cloud.deliver(message, twice=twice)
        worker = Worker(self, lambda: self._take(worker, message, receipt))
        worker.takes_messages, worker.key = True, key_in(message)
        self.workers.append(worker)
        return worker

    def _take(self, worker: Worker, message: Message, receipt: str) -> None:
        """What the handler does with one message, and Lambda with its answer."""
        # A process that lives on takes the next message with what it remembers of the tables.
        catalog = self.warm.pop() if self.warm else self.catalog()
        ingest, queue = self.ingest(catalog), SqsQueue(self.cloud.client("sqs"), QUEUE)
        with suppress(TransientError):
            queue.hand_back(receipt, ceil(worker.deadline - self.cloud.now + GRACE))
        try:
            for number, event in enumerate(
                events.parse_message(message.body, removals=self.remove_deleted)
            ):
                delivery = Delivery(
                    f"{message.id}/{number}",
                    lambda: worker.deadline - self.cloud.now,
                    INVOCATION,
                    message.receives,
                )
                try:
                    ingest(event, delivery)
                except TerminalError:
                    continue
        except (TransientError, ClientError) as error:
            wait = getattr(error, "retry_after", None)
            try:
                queue.hand_back(receipt, 30 if wait is None else round(wait))
            except TransientError:
                return
        else:
            self.cloud.acknowledge(message)
        self.warm.append(catalog)

    def live(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.done]

    def wait(self, seconds: float) -> None:
        until = self.cloud.now + seconds
        while self.swept_at + SWEEP <= until:
            self._pass(self.swept_at + SWEEP)
            self.swept_at = self.cloud.now
            self.sweep().finish()
        self._pass(until)

    def _pass(self, until: float) -> None:
        self.cloud.now = max(self.cloud.now, until)
        for worker in self.live():
            if worker.deadline <= self.cloud.now:
                worker.kill()

    def sweep(self) -> Worker:
        """What the handler does on its schedule."""

        def run() -> None:
            ingest = self.ingest()
            for name in list(ingest.ledger.unswept()):
                ingest.tidy(name)

        worker = Worker(self, run)
        self.workers.append(worker)
        return worker

    def redrive(self) -> None:
        """What `lake redrive` does."""
        list(messages.redrive(self.target, "DeadLetterQueueUrl", timeout=1))

    def replay(self) -> Worker:
        self.replays += 1
        keys = sorted(self.cloud.objects(RAW))
        name = f"replay {self.replays}"
        worker = Worker(self, lambda: messages.announce(self.target, keys, name))
        self.workers.append(worker)
        return worker

    def reconcile(self) -> Worker:
        self.replays += 1
        name = f"repair {self.replays}"

        def run() -> None:
            found = reconcile.compare(self.target, 0, self.clock)
            # An operator sees the error and repeats the command.
            with suppress(LakeCommandError):
                reconcile.fix(self.target, found, name)

        worker = Worker(self, run)
        worker.deadline = float("inf")
        self.workers.append(worker)
        return worker

    def drop(self, table: str) -> None:
        """Somebody drops a table, of the lake's or not."""
        self.cloud.drop(table)
        self.strangers.pop(table, None)
        self.dropped[table] = self.cloud.now
        # Glue tells in seconds when a table was created, and a warm worker asks again after ten.
        self.wait(11)

    def tear(self, partition: tuple[str, str]) -> None:
        """Somebody drops a partition."""
        del self.cloud.partitions[partition]
        self.torn.add(partition)

    def take_over(self, table: str) -> None:
        """Somebody puts a table of files elsewhere in a table's place."""
        self.drop(table)
        created = datetime.fromtimestamp(self.cloud.now, UTC)
        theirs = new_table(table, "elsewhere", Schema((Column("id", "string"),)))
        theirs |= {"VersionId": "0", "CreateTime": created}
        self.strangers[table] = self.cloud.tables[table] = theirs

    # --- At rest ------------------------------------------------------------------------

    def come_to_rest(self, *, repair: bool) -> None:
        """Deliver what is to be delivered, without further trouble, until nothing is."""
        self.cloud.lose_events = False
        for worker in self.workers:
            worker.fault = None
            worker.finish()
        self.drain()
        self._check_made_again()
        for table in [*self.strangers]:
            self.drop(table)
        # The second finds what became visible when the first had mended tables.
        for _ in range(2 if repair else 0):
            self.wait(1)
            self.reconcile().finish()
            self.drain()

    def drain(self) -> None:
        """Deliver whatever is to be delivered."""
        for _ in range(500):
            if visible := self.cloud.receive():
                self.start(visible[0]).finish()
            elif self.cloud.queues[QUEUE]:
                first = min(m.visible_at for m in self.cloud.queues[QUEUE])
                self.wait(first - self.cloud.now)
            elif self.cloud.queues[DEAD]:
                self.redrive()
            else:
                return
        raise AssertionError("the lake does not come to rest")

    def _check_made_again(self) -> None:
        """Whoever comes after a table was dropped makes it again, with all that it needs."""
        for key, entry in self.entries().items():
            began = [one.began for one in entry.attempts if one.status.is_final]
            for place in filter(None, map(place_of, entry.outputs)):
                if began and began[-1] > self.dropped.get(place[0], self.cloud.now):
                    assert place in {*self.cloud.partitions, *self.torn}, f"{key} is not registered"

    def entries(self) -> dict[str, Entry]:
        ledger = DynamoLedger(self.cloud.client("dynamodb"), LEDGER)
        return {name.partition("/")[2]: ledger.get(name) for name in self.cloud.items}

    def check_at_any_time(self) -> None:
        """The rows of what is committed can be read, and no older version comes back."""
        for table, theirs in self.strangers.items():
            assert self.cloud.tables[table] is theirs, f"table {table} of somebody else was changed"
        present = self.cloud.objects(PROCESSED)
        for key, entry in self.entries().items():
            assert {*entry.outputs} <= {*present}, f"rows of {key} are gone"
            if entry.version:
                number = int(entry.version.removeprefix("v"))
                assert self.newest.get(key, 0) <= number, f"an old version of {key} came back"
                self.newest[key] = number

    def check_what_can_be_seen(self) -> None:
        """A file is of a committed version, announced by who may live, or someone comes for it."""
        entries = self.entries()
        coming = {key for worker in self.live() for key in [worker.key]}
        coming |= {key_in(message) for message in self.cloud.queues[QUEUE]}
        for path in self.cloud.objects(PROCESSED):
            owners = [
                (key, entry)
                for key, entry in entries.items()
                if path in (*entry.outputs, *entry.replaced)
                or any(path in attempt.keys for attempt in entry.attempts)
            ]
            assert owners, f"{path} can be seen, and nobody announced it"
            ((key, entry),) = owners
            if path in entry.outputs or key in coming:
                continue
            since = max((a.expires for a in entry.attempts if a.is_open), default=0)
            assert since > self.swept_at, f"{path} can be seen, and nobody comes for it"

    def check_at_rest(self) -> None:
        """Everything equals what an oracle says that knows only the raw bucket's versions."""
        entries = self.entries()
        current = {
            key: versions[-1] for key, versions in self.cloud.buckets[RAW].items() if versions
        }
        kept = {key for entry in entries.values() for key in entry.outputs}
        assert {*self.cloud.objects(PROCESSED)} == kept, "orphans"
        assert not self.untold, "rows changed, and who makes tables of them was not told"
        for key, version in current.items():
            entry = entries.get(key)
            # Of an object that is deleted the last ingested version stays, unless it shall not.
            if entry and version.body is None and entry.facts.get("reason") == "FOREIGN_TABLE":
                # Nor can it be ingested when its table is the lake's again.
                continue
            wanted = version.id if version.body is not None else entry.version if entry else ""
            if version.body is None and self.remove_deleted:
                wanted = ""
            good, bad = self.says(key, self.bodies[wanted]) if wanted else ([], [])
            rows = [row for row in self.rows("processed/") if row["_source_key"] == key]
            assert sorted(row["id"] for row in rows) == sorted(good), key
            assert {row["_source_version"] for row in rows} <= {wanted}
            refused = [row for row in self.rows("quarantine/") if row["source_key"] == key]
            assert sorted(row["raw"] for row in refused) == sorted(bad), key
            if entry is None:
                assert version.body is None, f"{key} was never ingested"
                continue
            assert (entry.replaced, [a for a in entry.attempts if a.is_open]) == ((), []), key
            if version.body is None:
                continue
            assert entry.version == wanted
            assert entry.status == entry.verdict
            facts = entry.facts
            if "records_read" in facts:
                assert facts["records_read"] == len(good) + len(bad)
                assert facts["records_accepted"] == len(good)
                assert facts["records_quarantined"] == len(bad)
        for key, entry in entries.items():
            self._check_visible(entry, deleted=current[key].body is None)

    def _check_visible(self, entry: Entry, *, deleted: bool) -> None:
        """Each file of an object is in a registered partition, and is what its table reads.

        A deleted object cannot be ingested into a table that was made anew.
        """
        for key in entry.outputs:
            if (place := place_of(key)) is None:
                continue
            table = self.cloud.tables.get(place[0])
            assert table or deleted, f"the table of {key} is gone"
            readable = table is not None and table_format(table) == format_of(key)
            assert readable or deleted, f"{key} is not what its table reads"
            if readable:
                assert place in self.cloud.partitions, f"{key} is in no registered partition"

    def rows(self, prefix: str) -> Iterator[dict[str, Any]]:
        for key, body in self.cloud.objects(PROCESSED).items():
            if key.startswith(prefix):
                yield from self.rows_of(key, body)

    def close(self) -> None:
        for worker in self.live():
            worker.kill()


THROTTLED = {
    "S3": ("SlowDown", 503),
    "DynamoDB": ("ProvisionedThroughputExceededException", 400),
    "Glue": ("ThrottlingException", 400),
    "Sqs": ("RequestThrottled", 400),
}


def throttling() -> ClientError:
    return client_error("SlowDown", 503)


def answer_lost() -> ClientError:
    return client_error("InternalError", 500)
