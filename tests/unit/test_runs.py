"""``lake_runs`` has one row for each version, whatever is delivered twice or not finished."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from aws.events import EventBus
from aws.runs import S3Runs
from processor.ingest.preparation import Delivery
from processor.ingest.protocol import Ingest
from recorder import app
from recorder.record import Recorder
from recorder.settings import Settings
from store.entry import Attempt, Entry
from store.errors import CatalogConflictError, ServiceError
from store.items import item_of, updated_at
from store.model import ObjectEvent, Status
from store.refresh import Refresh
from store.runs import MOST_DATES, Commit, Row, merged
from store.states import state_item
from tests.support.chance import WANTED
from tests.support.cloud import PROCESSED, RAW, Cloud, client_error
from tests.support.lines import LineEngine
from tests.support.memory import (
    MemoryCatalog,
    MemoryCuration,
    MemoryLedger,
    MemoryOutputStore,
    MemoryRawStore,
)
from tests.unit.test_app import Context

if TYPE_CHECKING:
    from pathlib import Path

    from store.runs import Row as RunRow

FIRST = "2024-01-01"

Item = dict[str, Any]

#: Enough for duplicates, halved batches and replays; with EXAMPLES it takes more.
OBJECTS = 2000 if WANTED else 400


@dataclass
class StreamedLedger(MemoryLedger):
    """A ledger with a stream: each write of it, as DynamoDB keeps it, in order."""

    stream: list[Item] = field(default_factory=list)
    now: float = 1_706_000_000

    def put(self, raw_object: str, entry: Entry) -> Entry | None:
        there = super().put(raw_object, entry)
        if there is None:
            self.now += 1
            self.stream.append(item_of(raw_object, entry, self.now))
        return there


@dataclass
class Bus:
    """The event bus, as far as it is used."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    refuses: int = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # boto3's
        assert 1 <= len(Entries) <= 10
        assert sum(len(one["Detail"]) for one in Entries) < 256 * 1024
        self.calls.append(len(Entries))
        taken = Entries[self.refuses :]
        self.sent += [json.loads(one["Detail"]) for one in taken]
        assert {(one["Source"], one["DetailType"]) for one in Entries} == {
            ("data-lake", "Dataset changed")
        }
        failed = [{"ErrorCode": "InternalFailure"}] * (len(Entries) - len(taken))
        return {"FailedEntryCount": len(failed), "Entries": [*failed, *({} for _ in taken)]}


class Lake:
    """An ingestion in memory, and what records it."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.outputs, self.ledger = (
            MemoryRawStore(),
            MemoryOutputStore(),
            StreamedLedger(),
        )
        self.ingest = Ingest(
            self.raw,
            self.outputs,
            MemoryCatalog(),
            self.ledger,
            LineEngine(),
            MemoryCuration("none"),
            1e9,
            work_root=folder,
        )
        self.cloud, self.bus = Cloud(), Bus()

    def recorder(self) -> Recorder:
        runs = S3Runs(self.cloud.client("s3"), PROCESSED)
        return Recorder(runs, EventBus(self.bus, "data-lake"), FIRST)

    def put(self, key: str, *ids: str, replay: str = "") -> None:
        lines = [json.dumps({"id": one, "d": "2024-01-15"}).encode() for one in ids]
        if not replay:
            self.raw.write(RAW, key, b"\n".join(lines))
        self.ingest(ObjectEvent(RAW, key, replay=replay), Delivery(key, lambda: 300, 300))

    def rows(self) -> list[dict[str, Any]]:
        found = []
        for key, body in self.cloud.objects(PROCESSED).items():
            assert key.startswith("lake_runs/date_partition="), key
            found += [json.loads(line) for line in gzip.decompress(body).splitlines()]
        return found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_many_objects_have_a_row_each_version_that_says_what_the_ledger_says(
    lake: Lake,
) -> None:
    chance = random.Random(7)
    for n in range(OBJECTS):
        lake.put(f"data/d{n % 7}/{n}.json", f"r{n}", *(["bad"] if n % 5 == 0 else []))
    for n in chance.sample(range(OBJECTS), OBJECTS // 10):
        # Uploaded again: another version. Ingested again: the same one, once more.
        lake.put(f"data/d{n % 7}/{n}.json", f"r{n}", "more")
    for n in chance.sample(range(OBJECTS), OBJECTS // 10):
        lake.put(f"data/d{n % 7}/{n}.json", replay="again")
    commits = [one for one in map(Commit.of, lake.ledger.stream) if one]
    versions = {(one.key, one.entry.version) for one in commits}
    assert (len(commits), len(versions)) == (OBJECTS * 12 // 10, OBJECTS * 11 // 10)

    record, at = lake.recorder(), 0
    while at < len(lake.ledger.stream):
        size = chance.randint(1, OBJECTS // 5)
        batch = lake.ledger.stream[at : at + size]
        for _ in range(chance.choice([0, 0, 1])):
            # It died within the batch, which is delivered again: whole, or halved.
            record(batch[: chance.randint(0, len(batch))])
        record(batch)
        at += size

    rows = lake.rows()
    assert Counter((row["key"], row["version"]) for row in rows) == dict.fromkeys(versions, 1)
    by_version = {(row["key"], row["version"]): row for row in rows}
    for name, entry in lake.ledger.entries.items():
        row = by_version[name.removeprefix(f"{RAW}/"), entry.version]
        assert row["status"] == entry.verdict.value
        assert row["replay"] == (entry.replay or None)
        for fact in ("dataset", "bytes", "records_read", "records_accepted", "milliseconds"):
            assert row[fact] == entry.facts[fact], fact
    # An event each commit, and more only of what was delivered again: by its id it is one.
    assert {one["id"] for one in lake.bus.sent} == {(one.event() or {})["id"] for one in commits}
    assert len({one["id"] for one in lake.bus.sent}) == OBJECTS * 12 // 10
    # Uploaded within 37 minutes.
    assert len(lake.cloud.objects(PROCESSED)) <= 5


def test_an_event_says_what_changed_and_is_the_same_when_it_is_sent_again(lake: Lake) -> None:
    lake.put("data/orders/a.json", "r1", "r2")
    for _ in range(2):
        lake.recorder()(lake.ledger.stream)
    one, again = lake.bus.sent
    assert one == again
    assert {name: one[name] for name in ("dataset", "status", "bucket", "key", "dates")} == {
        "dataset": "orders",
        "status": "DONE",
        "bucket": RAW,
        "key": "data/orders/a.json",
        "dates": ["2024-01-15"],
    }
    assert (one["records_read"], one["records_accepted"], one["records_quarantined"]) == (2, 2, 0)
    assert one["version"] == "v1"


def _entry(dates: list[str], verdict: Status = Status.DONE) -> Entry:
    attempt = Attempt(1, "w", "m", "v1", 0, 1)
    hashes = "0123456789ab-0123456789ab"
    keys = tuple(f"processed/orders/date_partition={date}/a-{hashes}.parquet" for date in dates)
    entry = Entry(revision=1, attempts=(attempt,)).announced(1, keys)
    facts: dict[str, str | int] = {"dataset": "orders", "uploaded": 1_705_312_800}
    done = entry.committed(1, verdict, facts, "")
    return replace(done, revision=done.committed_at)


def test_an_event_of_many_dates_says_how_many(lake: Lake) -> None:
    days = [f"{n // 28 % 12 + 1:02}-{n % 28 + 1:02}" for n in range(336)]
    dates = [f"{2000 + n // 336}-{days[n % 336]}" for n in range(MOST_DATES + 1)]
    lake.recorder()([item_of(f"{RAW}/a", _entry(dates), 1)])
    (one,) = lake.bus.sent
    assert (one["dates"], one["date_count"]) == ([], MOST_DATES + 1)
    assert (one["first_date"], one["last_date"]) == (min(dates), max(dates))
    (row,) = lake.rows()
    assert (row["first_date"], row["dates"]) == (min(dates), MOST_DATES + 1)


def test_a_deletion_is_told_and_keeps_the_row(lake: Lake) -> None:
    entry = _entry(["2024-01-15"])
    gone = replace(entry.removed(), revision=entry.revision + 1)
    record = lake.recorder()
    assert record([item_of(f"{RAW}/a", entry, 1)]).rows == 1
    done = record([item_of(f"{RAW}/a", gone, 2)])
    assert (done.commits, done.rows, done.events) == (1, 0, 1)
    assert (lake.bus.sent[-1]["status"], lake.bus.sent[-1]["dates"]) == ("DELETED", ["2024-01-15"])
    assert [row["status"] for row in lake.rows()] == ["DONE"]


def test_what_is_no_commit_is_left_out(lake: Lake) -> None:
    entry = _entry(["2024-01-15"])
    begun = Entry(revision=1, attempts=(Attempt(1, "w", "m", "v", 0, 1),))
    settled = replace(entry.settled((), ()), revision=entry.revision + 1)
    items = [item_of(f"{RAW}/a", one, 1) for one in (begun, settled)]
    assert lake.recorder()([*items, state_item("daily", Refresh(revision=3), 1)]).commits == 0
    assert (lake.rows(), lake.bus.sent) == ([], [])


def test_an_object_that_changed_no_file_has_a_row_and_no_event(lake: Lake) -> None:
    skipped = _entry([], Status.SKIPPED)
    assert lake.recorder()([item_of(f"{RAW}/a/_SUCCESS", skipped, 1)]).events == 0
    assert [row["status"] for row in lake.rows()] == ["SKIPPED"]


def test_two_workers_at_one_file_lose_nothing(lake: Lake) -> None:
    first, second = (item_of(f"{RAW}/{name}", _entry(["2024-01-15"]), 1) for name in "ab")
    cut_in = [second]

    def listen(moment: str) -> None:
        if moment == "before S3.put_object" and cut_in:
            lake.recorder()([cut_in.pop()])

    lake.cloud.on_effect = listen
    lake.recorder()([first])
    assert sorted(row["key"] for row in lake.rows()) == ["a", "b"]


def test_a_file_that_never_stands_still_fails_the_batch(lake: Lake) -> None:
    def listen(moment: str) -> None:
        if moment == "before S3.put_object":
            raise client_error("PreconditionFailed", 412)

    lake.cloud.on_effect = listen
    with pytest.raises(CatalogConflictError, match="kept writing"):
        lake.recorder()([item_of(f"{RAW}/a", _entry(["2024-01-15"]), 1)])
    assert lake.bus.sent == []


def test_an_event_that_is_refused_fails_the_batch_and_its_rows_stay(lake: Lake) -> None:
    items = [item_of(f"{RAW}/{n}", _entry(["2024-01-15"]), 1) for n in range(25)]
    lake.bus.refuses = 1
    with pytest.raises(ServiceError, match="InternalFailure"):
        lake.recorder()(items)
    lake.bus.refuses = 0
    lake.bus.calls.clear()
    lake.recorder()(items)
    assert lake.bus.calls == [10, 10, 5]
    assert {one["key"] for one in lake.bus.sent} == {str(n) for n in range(25)}
    assert len(lake.rows()) == 25


def _row(identity: str, at: str) -> RunRow:
    return Row(identity * 32, at, 0, {"n": at})


def test_of_two_commits_of_a_version_the_later_holds_in_whatever_order() -> None:
    early, late = _row("a", "2024-01-01"), _row("a", "2024-01-02")
    other = _row("b", "2024-01-01")
    for rows in ([early, other, late], [late, early, other]):
        lines = list(merged([], rows))
        assert sorted(lines) == sorted([late.line(), other.line()])
    assert list(merged([late.line()], [early])) == [late.line()]
    assert list(merged([early.line(), other.line()], [late])) == [other.line(), late.line()]


@pytest.mark.parametrize(
    ("created", "file"),
    [
        (1_705_315_199, "2024-01-15/10-30.jsonl.gz"),
        (1_705_315_200, "2024-01-15/10-40.jsonl.gz"),
        # Older than what queries look into, and of unknown age.
        (1_000_000_000, f"{FIRST}/01-40.jsonl.gz"),
        (0, f"{FIRST}/00-00.jsonl.gz"),
    ],
)
def test_a_row_is_where_its_object_was_created(created: int, file: str) -> None:
    row = Row("a" * 32, "", created, {})
    assert row.file(FIRST) == f"lake_runs/date_partition={file}"


def test_the_handler_reads_the_stream_as_lambda_delivers_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64

    def wired(value: Any) -> Any:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, dict):
            return {name: wired(one) for name, one in value.items()}
        return [wired(one) for one in value] if isinstance(value, list) else value

    monkeypatch.setattr(app, "_parts", lake.recorder)
    lake.put("data/orders/a.json", "r1")
    records = [
        {"eventName": "MODIFY", "dynamodb": {"NewImage": wired(item)}}
        for item in lake.ledger.stream
    ]
    removed = {"eventName": "REMOVE", "dynamodb": {"Keys": {}}}
    event = json.loads(json.dumps({"Records": [*records, removed]}))
    told = {"commits": 1, "rows": 1, "files": 1, "events": 1}
    assert app.handler(event, Context()) == told
    assert [row["dataset"] for row in lake.rows()] == ["orders"]
    (row,) = lake.rows()
    assert row["committed_at"] == updated_at(lake.ledger.stream[-1])


def test_settings_are_those_of_the_template() -> None:
    given = {"PROCESSED_BUCKET": "p", "EVENT_SOURCE": "data-lake", "FIRST_DATE": FIRST}
    assert Settings.from_environment(given) == Settings("p", "data-lake", FIRST)
