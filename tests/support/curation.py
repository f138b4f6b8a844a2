"""A curated zone over the cloud in memory, whose curators run step by step and may die at any."""

from __future__ import annotations

import json
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.athena import Athena
from aws.curated import GlueTables, S3Folders
from aws.dynamodb import DynamoStates
from aws.sqs import SqsCuration
from curator.refresh import Curator, Invocation, Told
from store import touch
from store.curated import key_in, location_of
from store.errors import TransientError
from store.models import Header, Model, Refresh, Source, readers
from store.touch import Touch
from tests.support.cloud import CURATE, CURATED, DATABASE, LEDGER, Cloud, QueryError
from tests.support.world import Worker

if TYPE_CHECKING:
    from tests.support.cloud import Message

#: Seconds of one invocation, for which a query that has begun may read what was replaced, and
#: between two runs of the schedule.
INVOCATION, KEEP, SCHEDULE = 300, 3600, 300

#: Athena's own limit, and some.
LONGEST = 35 * 60


def model(name: str, source: str, refresh: Refresh, version: int = 0) -> Model:
    return Model(name, Header(name, refresh), f"{name} v{version}", (Source(source, 1, 1),))


DAILY, WHOLE, CHAINED = "daily", "whole", "chained"


@dataclass
class Zone:
    """Rows of one table, three models, and everybody who works on them.

    ``daily`` has the rows of ``orders`` by date, ``whole`` all, ``chained`` reads ``daily``.
    """

    cloud: Cloud = field(default_factory=Cloud)
    workers: list[Worker] = field(default_factory=list)
    running: Worker | None = None
    rows: dict[str, list[int]] = field(default_factory=dict)
    version: int = 0
    #: What queries fail of, if they do.
    broken: tuple[str, int] | None = None
    scheduled_at: float = 0
    #: What each date of each table was by some query, and how it can be told from half of it.
    results: set[str] = field(default_factory=set)
    #: Dates of tables for which a query found no row, and those that could be read before.
    empty: set[tuple[str, str]] = field(default_factory=set)
    known: set[tuple[str, str]] = field(default_factory=set)
    #: Files that queries were sent to, and since when they are not any more.
    seen: set[str] = field(default_factory=set)
    left_at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloud.on_effect = self._at
        self.cloud.execute = self._execute
        self.scheduled_at = self.cloud.now
        self.cloud.tables["orders"] = {
            "Name": "orders",
            "PartitionKeys": [{"Name": "date_partition"}],
            "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "bigint"}]},
        }

    def _at(self, moment: str) -> None:
        if moment.startswith("after"):
            self.check_at_any_time()
        if self.running:
            self.running.at(moment)

    @property
    def models(self) -> dict[str, Model]:
        found = (
            model(DAILY, "orders", Refresh.BY_DATE, self.version),
            model(WHOLE, "orders", Refresh.WHOLE),
            model(CHAINED, DAILY, Refresh.BY_DATE),
        )
        return {one.name: one for one in found}

    def curator(self) -> Curator:
        """As ``curator.bootstrap`` builds it, over the cloud in memory."""
        reading = readers(self.models.values())

        def clock() -> float:
            return self.cloud.now

        return Curator(
            states=DynamoStates(self.cloud.client("dynamodb"), LEDGER, clock),
            queries=Athena(self.cloud.client("athena"), "builders", DATABASE),
            tables=GlueTables(self.cloud.client("glue"), DATABASE, CURATED),
            files=S3Folders(self.cloud.client("s3"), CURATED),
            queue=SqsCuration(self.cloud.client("sqs"), CURATE, reading),
            database=DATABASE,
            bucket=CURATED,
            models=self.models,
            readers=reading,
            keep=KEEP,
            clock=clock,
            sleep=lambda _: None,
        )

    # --- Athena -------------------------------------------------------------------------

    def _execute(self, sql: str) -> None:
        if found := re.search(r'CREATE OR REPLACE VIEW .*"(\w+)__shape"', sql):
            self._view(found[1])
            return
        if self.broken:
            raise QueryError(*self.broken)
        ((name, run),) = re.findall(rf"TO 's3://{CURATED}/models/(\w+)/(\w+)/'", sql)
        folder = f"models/{name}/{run}/"
        if "IN (" not in sql:
            if any(key.startswith(folder) for key in self.cloud.objects(CURATED)):
                raise QueryError("HIVE_PATH_ALREADY_EXISTS", 2)
            self._write(folder, self.result(name, sql))
            return
        for date in re.findall(r"'(\d{4}-\d\d-\d\d)'", sql):
            result = self.result(name, sql, date)
            if result is None:
                self.empty.add((name, date))
            else:
                self.empty.discard((name, date))
                self._write(f"{folder}date_partition={date}/", result)

    def _view(self, name: str) -> None:
        view = f"{name}__shape"
        columns = [{"Name": "ids", "Type": "string"}]
        if self.models[name].by_date:
            columns.append({"Name": "date_partition", "Type": "string"})
        self.cloud.tables[view] = {"Name": view, "StorageDescriptor": {"Columns": columns}}

    def _write(self, folder: str, result: Any) -> None:
        """Each query calls its files as no other does."""
        key, body = f"{folder}file-{self.cloud.unique()}", json.dumps(result)
        self.results.add(f"{key} {body}")
        self.cloud.write(CURATED, key, body.encode())

    def result(self, name: str, sql: str, date: str = "") -> Any:
        """What a model says of the rows that there are now; None for no row."""
        version = re.findall(r"v(\d+)", sql)
        if name == WHOLE:
            return sorted(self.rows.items())
        if name == DAILY:
            rows = self.rows.get(date)
            return [*version, *rows] if rows else None
        below = self.read(DAILY, date)
        return None if below is None else ["chained", below]

    # --- What can happen ----------------------------------------------------------------

    def commit(self, date: str, ids: list[int]) -> None:
        """An object was ingested, overwritten or removed, and the processor told of it."""
        self.rows[date] = ids
        if ids:
            self.cloud.partitions["orders", date] = {"Values": [date]}
        self._send(Touch("orders", dates=frozenset({date})))

    def want(self, name: str, dates: list[str]) -> None:
        """What `lake curate` does."""
        self._send(Touch("", name, frozenset(dates), not dates))

    def _send(self, told: Touch) -> None:
        self.cloud.send(CURATE, told.body())

    def deliver(self, messages: list[Message], *, twice: bool = False) -> Worker:
        sent = self.cloud.now
        for message in messages:
            self.cloud.deliver(message, twice=twice)

        def run() -> None:
            curator = self.curator()
            told = [Told(one.id, sent, touch.read(one.body)) for one in messages]
            models, failed = curator.take(told)
            for model in models:
                self._refresh(curator, model, invocation)
            for message in messages:
                if message.id not in {one.id for one in failed}:
                    with suppress(ValueError):
                        self.cloud.queues[CURATE].remove(message)

        worker = Worker(self, run)
        worker.takes_messages = True
        invocation = self._invocation(worker)
        self.workers.append(worker)
        return worker

    def schedule(self) -> Worker:
        def run() -> None:
            curator = self.curator()
            for model in curator.models.values():
                self._refresh(curator, model, invocation)

        worker = Worker(self, run)
        invocation = replace(self._invocation(worker), scheduled=True)
        self.workers.append(worker)
        return worker

    def _invocation(self, worker: Worker) -> Invocation:
        return Invocation(uuid.uuid4().hex, lambda: worker.deadline - self.cloud.now)

    @staticmethod
    def _refresh(curator: Curator, model: Model, invocation: Invocation) -> None:
        # The handler logs what failed, and goes on with the others.
        with suppress(TransientError, ClientError):
            curator.refresh(model, invocation)

    def visible(self) -> list[Message]:
        return [m for m in self.cloud.queues[CURATE] if m.visible_at <= self.cloud.now]

    def live(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.done]

    def wait(self, seconds: float) -> None:
        until = self.cloud.now + seconds
        while self.scheduled_at + SCHEDULE <= until:
            self._pass(self.scheduled_at + SCHEDULE)
            self.scheduled_at = self.cloud.now
            self.schedule().finish()
        self._pass(until)

    def _pass(self, until: float) -> None:
        if until - self.cloud.now > 60:
            for query in self.cloud.queries.values():
                self.cloud.run_query(query)
        self.cloud.now = max(self.cloud.now, until)
        for worker in self.live():
            if worker.deadline <= self.cloud.now:
                worker.kill()

    # --- What can be seen ---------------------------------------------------------------

    def places(self) -> dict[tuple[str, str], str]:
        """The folder from which each date of each table of a model is read."""
        found = {
            place: key_in(location_of(partition), CURATED)
            for place, partition in self.cloud.partitions.items()
            if place[0] != "orders"
        }
        if whole := self.cloud.tables.get(WHOLE):
            found[WHOLE, ""] = key_in(location_of(whole), CURATED)
        return found

    def read(self, table: str, date: str = "") -> Any:
        """What a query reads; None for no row."""
        folder = self.places().get((table, date))
        if folder is None:
            return None
        found = [
            body for key, body in self.cloud.objects(CURATED).items() if key.startswith(folder)
        ]
        assert len(found) == 1, f"{table} {date} is read from {len(found)} files"
        return json.loads(found[0])

    def check_at_any_time(self) -> None:
        """Each date is whole, old or new; what a query may still read is there."""
        objects = self.cloud.objects(CURATED)
        sent_to, places = set(), self.places()
        for place in self.known - places.keys():
            assert place in self.empty, f"{place} cannot be read any more"
        self.known = {*places}
        for (table, date), folder in places.items():
            files = [key for key in objects if key.startswith(folder)]
            assert len(files) == 1, f"{table} {date} is read from {len(files)} files"
            assert f"{files[0]} {objects[files[0]].decode()}" in self.results
            sent_to.add(files[0])
        for key in sent_to:
            self.left_at.pop(key, None)
            self.seen.add(key)
        for key in self.seen - sent_to:
            since = self.left_at.setdefault(key, self.cloud.now)
            assert key in objects or self.cloud.now >= since + KEEP, (
                f"{key} may be read, and is gone"
            )

    # --- At rest ------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        self.broken = None
        for worker in self.workers:
            worker.fault = None
            worker.finish()
        for name, one in self.models.items():
            state = self.curator().states.get(name)
            # What failed for good is tried again when somebody asks. No more than what waits is
            # asked for: that would hide what was forgotten.
            if state.failed and state.is_waiting:
                self.want(name, [*state.waiting] if one.by_date and not state.everything else [])
        for _ in range(100):
            if visible := self.visible():
                self.deliver(visible).finish()
            elif self.cloud.queues[CURATE]:
                first = min(message.visible_at for message in self.cloud.queues[CURATE])
                self.wait(first - self.cloud.now)
            elif any(self._is_busy(name) for name in self.models):
                self.wait(SCHEDULE)
            else:
                break
        else:
            raise AssertionError("the curated zone does not come to rest")
        self.wait(KEEP + LONGEST + 2 * SCHEDULE)

    def _is_busy(self, name: str) -> bool:
        if name == CHAINED and DAILY not in self.cloud.tables:
            # It waits for a table that nobody has made.
            return False
        state = self.curator().states.get(name)
        return bool(state.is_waiting or state.run or state.untold)

    def check_at_rest(self) -> None:
        self.check_at_any_time()
        for date, ids in self.rows.items():
            # Its first word is the text that made it, which may be an older one.
            daily = self.read(DAILY, date)
            assert (daily and daily[1:]) == (ids or None), date
            assert self.read(CHAINED, date) == (daily and ["chained", daily]), date
        if self.rows:
            assert self.read(WHOLE) == json.loads(json.dumps(sorted(self.rows.items())))
        kept = {*self.places().values()}
        for key in self.cloud.objects(CURATED):
            assert any(key.startswith(folder) for folder in kept), f"{key} is left over"
        assert not any(name.endswith("__shape") for name in self.cloud.tables)

    def close(self) -> None:
        for worker in self.live():
            worker.kill()
