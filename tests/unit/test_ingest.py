"""The use case over memory: what the lake holds after each thing that can happen."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from processor.ingest.preparation import Delivery
from processor.ingest.protocol import Ingest
from store.entry import Entry
from store.errors import (
    AttemptLostError,
    AttemptOpenError,
    EngineFailedError,
    KeyOutsideLakeError,
    LakeError,
    LedgerConflictError,
    MiscountedError,
    ObjectArchivedError,
    ObjectGoneError,
    ObjectTooLargeError,
    OutOfTimeError,
    RejectedObjectError,
    RowsGoneError,
    SchemaConflictError,
    ServiceError,
)
from store.model import (
    Column,
    Conversion,
    Drift,
    ObjectEvent,
    OutputFile,
    Schema,
    Source,
    Status,
)
from tests.support.memory import (
    MemoryCatalog,
    MemoryContent,
    MemoryCuration,
    MemoryLedger,
    MemoryOutputStore,
    MemoryRawStore,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from contract.schema import Contract
    from processor.ingest.ports import Engine

BUCKET, KEY = "raw", "data/orders/a.json"
NAME = f"{BUCKET}/{KEY}"


@dataclass
class LineEngine:
    """The smallest engine: each line ``date value`` is a record, ``!`` a file to reject."""

    type_of_value: str = "string"
    during: Callable[[], None] = field(default=lambda: None)
    conversions: int = 0
    gained: dict[str, Any] = field(default_factory=dict)

    def convert(
        self, source: Source, table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
    ) -> Conversion:
        return self.lines(table, workdir, source.path.read_text().splitlines())

    def rewrite(
        self,
        source: Source,
        files: Iterable[tuple[Path, str]],
        table: Schema,
        workdir: Path,
        seconds_left: Callable[[], float],
    ) -> Conversion:
        return self.lines(
            table, workdir, [line for path, _ in files for line in path.read_text().splitlines()]
        )

    def lines(self, table: Schema | None, workdir: Path, lines: list[str]) -> Conversion:
        self.conversions += 1
        self.during()
        if "!" in lines:
            raise RejectedObjectError("UNREADABLE", "it says so")
        files = []
        for date in sorted({line.split()[0] for line in lines}):
            path = workdir / f"{date}.parquet"
            mine = [line for line in lines if line.startswith(date)]
            path.write_text("\n".join(mine))
            files.append(OutputFile(path, date, 0, len(mine)))
        schema = table or Schema((Column("value", self.type_of_value),))
        status = Status.DONE if lines else Status.EMPTY
        found = Conversion(
            status, "lines", "none", len(lines), len(lines), 0, 0, schema, tuple(files)
        )
        return replace(found, **self.gained)

    def judging(self, contract: Contract) -> Engine:
        return self

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        path = workdir / "rejected.jsonl.gz"
        path.write_text(f"{code} {detail}")
        return OutputFile(path, source.created.date().isoformat(), 0, 1)


@dataclass
class Lake:
    raw: MemoryRawStore = field(default_factory=MemoryRawStore)
    outputs: MemoryOutputStore = field(default_factory=MemoryOutputStore)
    catalog: MemoryCatalog = field(default_factory=MemoryCatalog)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    engine: LineEngine = field(default_factory=LineEngine)
    curation: MemoryCuration = field(default_factory=MemoryCuration)
    bytes_per_second: float = 1e6
    now: float = 1e9

    def put(self, text: str | None, key: str = KEY) -> None:
        self.raw.write(BUCKET, key, None if text is None else text.encode())

    def take(
        self,
        key: str = KEY,
        delivery: str = "m1",
        left: float = 300,
        other_key: str = "",
        replay: str = "",
        *,
        count: int = 1,
        removal: bool = False,
        rewrite: bool = False,
    ) -> tuple[Status, bool]:
        event = ObjectEvent(BUCKET, key, other_key, replay=replay, removal=removal, rewrite=rewrite)
        outcome = self.ingest(event, Delivery(delivery, lambda: left, 300, count))
        return outcome.entry.verdict, outcome.ingested

    @property
    def ingest(self) -> Ingest:
        return Ingest(
            self.raw,
            self.outputs,
            self.catalog,
            self.ledger,
            self.engine,
            self.curation,
            self.bytes_per_second,
            clock=lambda: self.now,
        )

    @property
    def rows(self) -> list[str]:
        data = (v for k, v in self.outputs.objects.items() if k.startswith("processed/"))
        return sorted(line for body in data for line in body.decode().splitlines())


@pytest.fixture
def lake() -> Lake:
    return Lake()


def test_an_object_becomes_rows_a_table_a_partition_and_an_entry(lake: Lake) -> None:
    lake.put("2024-01-15 a\n2024-01-16 b")
    assert lake.take() == (Status.DONE, True)
    assert lake.rows == ["2024-01-15 a", "2024-01-16 b"]
    assert lake.catalog.partitions == {("orders", "2024-01-15"), ("orders", "2024-01-16")}
    assert lake.ledger.get(NAME).facts["records_read"] == 2
    assert set(lake.ledger.get(NAME).outputs) == set(lake.outputs.objects)


def test_the_entry_says_what_drifted_and_what_the_table_gained(lake: Lake) -> None:
    lake.engine.gained = {
        "added": ("value", "s.new"),
        "drift": (Drift("price", "bigint", 3, "19.99"),),
    }
    lake.put("2024-01-15 a")
    lake.take()
    facts = lake.ledger.get(NAME).facts
    assert facts["columns_added"] == 2
    assert json.loads(str(facts["drift"])) == {
        "price": {"type": "bigint", "count": 3, "example": "19.99"}
    }


def test_the_entry_says_what_was_guessed_undated_and_short(lake: Lake) -> None:
    lake.engine.gained = {
        "undated": 3,
        "short": 2,
        "guesses": ("encoding guessed: cp1251", "header guessed: no header"),
        "date_column": "event_time",
        "detail": "it says so",
    }
    lake.put("2024-01-15 a")
    lake.take()
    facts = lake.ledger.get(NAME).facts
    assert (facts["records_undated"], facts["records_short"]) == (3, 2)
    assert json.loads(str(facts["guesses"])) == [
        "encoding guessed: cp1251",
        "header guessed: no header",
    ]
    assert (facts["date_column"], facts["detail"]) == ("event_time", "it says so")


def test_a_type_among_the_facts_is_short_however_long_the_column_s_is(lake: Lake) -> None:
    drift = tuple(Drift(f"c{n}", "struct<" + "x" * 60_000, 1, "1") for n in range(20))
    lake.engine.gained = {"drift": drift}
    lake.put("2024-01-15 a")
    lake.take()
    assert len(str(lake.ledger.get(NAME).facts["drift"])) < 10_000


def test_a_stored_file_has_its_row_in_objects_and_declares_nothing(
    lake: Lake, tmp_path: Path
) -> None:
    row = tmp_path / "row.jsonl.gz"
    row.write_text("{}")
    lake.engine.gained = {
        "status": Status.STORED,
        "outputs": (),
        "read": 0,
        "accepted": 0,
        "stored": (OutputFile(row, "2024-01-20", 0, 1),),
        "detail": "image/png",
    }
    lake.put("2024-01-15 a")
    assert lake.take() == (Status.STORED, True)
    (key,) = lake.outputs.objects
    assert key.startswith("objects/date_partition=2024-01-20/a-")
    assert (lake.catalog.tables, lake.catalog.partitions) == ({}, set())
    facts = lake.ledger.get(NAME).facts
    assert (facts["records_read"], facts["detail"]) == (0, "image/png")
    lake.put("2024-01-15 b")
    lake.engine.gained = {}
    lake.take(delivery="m2")
    assert not [key for key in lake.outputs.objects if key.startswith("objects/")]


@pytest.mark.parametrize(
    "key",
    [
        "data/orders/_SUCCESS",
        "data/orders/.part-0.crc",
        "data/_hidden.json",
        "data/orders/_temporary/0/part-0.csv",
        "data/orders/.hive-staging_1/part-0",
        "data/orders/_delta_log/00000000000000000000.json",
        "data/orders/",
        "data/orders/day_$folder$",
        "data/orders/Thumbs.db",
    ],
)
def test_what_is_no_data_is_skipped_and_not_even_downloaded(
    lake: Lake, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("it was downloaded")

    monkeypatch.setattr(MemoryContent, "save", forbidden)
    lake.bytes_per_second = 1e-9
    lake.put("2024-01-15 a", key=key)
    assert lake.take(key=key) == (Status.SKIPPED, True)
    assert (lake.outputs.objects, lake.catalog.tables) == ({}, {})
    assert lake.ledger.get(f"{BUCKET}/{key}").facts["detail"]
    assert lake.take(key=key, delivery="m2") == (Status.SKIPPED, False)


@pytest.mark.parametrize(
    "key",
    [
        "data/orders/a_b.csv",
        "data/orders/_day=2024-01-15/part-0.csv",
        "data/_orders/part-0.csv",
        "data/orders/00000000000000000000.json",
    ],
)
def test_what_only_looks_like_it_is_data(lake: Lake, key: str) -> None:
    lake.put("2024-01-15 a", key=key)
    assert lake.take(key=key) == (Status.DONE, True)


def test_a_commit_of_a_delta_table_is_skipped_wherever_it_lies(lake: Lake) -> None:
    key = "data/orders/00000000000000000000.json"
    lake.put('{"commitInfo":{"timestamp":1}}\n{"protocol":{"minReaderVersion":1}}', key=key)
    assert lake.take(key=key) == (Status.SKIPPED, True)
    assert lake.engine.conversions == 0


@pytest.mark.parametrize("error", [MiscountedError("3 is not 2"), EngineFailedError("INTERNAL")])
def test_a_fault_of_ours_is_no_verdict_and_leaves_nothing(lake: Lake, error: LakeError) -> None:
    def broken() -> None:
        raise error

    lake.engine.during = broken
    lake.put("2024-01-15 a")
    with pytest.raises(type(error)):
        lake.take()
    attempt = lake.ledger.get(NAME).attempts[-1]
    assert (attempt.status, attempt.reason) == (Status.FAILED, error.code)
    assert lake.outputs.objects == {}


def test_an_entry_without_drift_does_not_speak_of_it(lake: Lake) -> None:
    lake.put("2024-01-15 a")
    lake.take()
    facts = lake.ledger.get(NAME).facts
    assert facts["columns_added"] == 0
    assert "drift" not in facts


def test_a_duplicate_event_changes_nothing(lake: Lake) -> None:
    lake.put("2024-01-15 a")
    lake.take()
    before = dict(lake.outputs.objects)
    assert lake.take(delivery="m2") == (Status.DONE, False)
    assert lake.outputs.objects == before
    assert lake.engine.conversions == 1


def test_a_new_version_replaces_every_row_of_the_old_also_under_other_dates(lake: Lake) -> None:
    lake.put("2024-01-15 a\n2024-01-16 b")
    lake.take()
    lake.put("2024-02-01 c")
    lake.take(delivery="m2")
    assert lake.rows == ["2024-02-01 c"]
    assert lake.ledger.get(NAME).replaced == ()


def test_a_late_event_of_an_old_version_finds_the_newest_done(lake: Lake) -> None:
    lake.put("2024-01-15 old")
    lake.put("2024-01-15 new")
    assert lake.take(delivery="newer event first") == (Status.DONE, True)
    assert lake.take(delivery="older event last") == (Status.DONE, False)
    assert lake.rows == ["2024-01-15 new"]


def test_a_new_table_starts_the_crawler_and_only_that(lake: Lake) -> None:
    lake.put("2024-01-15 a")
    lake.take()
    lake.put("2024-01-15 b", key="data/orders/b.json")
    lake.take(key="data/orders/b.json")
    assert lake.catalog.crawls == 1


def test_an_object_that_was_deleted_is_terminal_and_changes_nothing(lake: Lake) -> None:
    lake.put("2024-01-15 a")
    lake.put(None)
    with pytest.raises(ObjectGoneError):
        lake.take()
    assert lake.outputs.objects == {}
    assert lake.ledger.entries == {}


def test_a_key_that_the_lake_does_not_ingest_is_terminal(lake: Lake) -> None:
    with pytest.raises(KeyOutsideLakeError):
        lake.take(key="elsewhere/a.json")


def test_the_other_reading_of_a_key_is_tried_where_the_first_names_nothing(lake: Lake) -> None:
    lake.put("2024-01-15 a", key="data/a b.json")
    assert lake.take(key="data/a+b.json", other_key="data/a b.json")[0] is Status.DONE


def test_the_first_reading_wins_where_both_name_objects(lake: Lake) -> None:
    lake.put("2024-01-15 plus", key="data/a+b.json")
    lake.put("2024-01-15 space", key="data/a b.json")
    lake.take(key="data/a+b.json", other_key="data/a b.json")
    assert lake.rows == ["2024-01-15 plus"]


def test_an_empty_object_is_recorded_and_declares_nothing(lake: Lake) -> None:
    lake.put("")
    assert lake.take() == (Status.EMPTY, True)
    assert lake.catalog.tables == {}


def test_a_rejected_object_publishes_its_reason_and_removes_the_old_rows(lake: Lake) -> None:
    lake.put("2024-01-15 a")
    lake.take()
    lake.put("!")
    assert lake.take(delivery="m2") == (Status.REJECTED, True)
    assert lake.rows == []
    (key,) = lake.outputs.objects
    assert key.startswith("quarantine/date_partition=2024-01-20/")
    assert lake.ledger.get(NAME).facts["reason"] == "UNREADABLE"


def test_what_does_not_fit_the_time_left_is_handed_back_untouched(lake: Lake) -> None:
    lake.bytes_per_second = 0.1
    lake.put("2024-01-15 a")
    with pytest.raises(OutOfTimeError):
        lake.take(left=100)
    assert lake.engine.conversions == 0
    assert lake.ledger.entries == {}


def test_what_fits_no_invocation_is_too_large(lake: Lake) -> None:
    lake.bytes_per_second = 0.01
    lake.put("2024-01-15 a")
    assert lake.take() == (Status.TOO_LARGE, True)
    assert "FunctionTimeout" in str(lake.ledger.get(NAME).facts["detail"])


def test_a_table_that_changed_meanwhile_makes_the_file_conform_again(lake: Lake) -> None:
    def another_worker() -> None:
        lake.catalog.tables.setdefault("orders", Schema((Column("value", "bigint"),)))

    lake.engine.during = another_worker
    lake.put("2024-01-15 a")
    assert lake.take() == (Status.DONE, True)
    assert lake.engine.conversions == 2


def test_a_newer_version_that_arrives_while_one_is_converted_wins(lake: Lake) -> None:
    def overtake() -> None:
        lake.engine.during = lambda: None
        lake.put("2024-01-15 newer")
        lake.take(delivery="faster worker")

    lake.engine.during = overtake
    lake.put("2024-01-15 older")
    lake.take(delivery="slower worker")
    assert lake.rows == ["2024-01-15 newer"]
    entry = lake.ledger.get(NAME)
    assert (entry.version, entry.status, entry.replaced) == ("v2", Status.DONE, ())
    assert [a.status for a in entry.attempts] == [Status.SUPERSEDED, Status.DONE]


def test_a_crash_before_the_commit_leaves_nothing_once_redelivered(lake: Lake) -> None:
    upload = lake.outputs.upload_all

    def crash(files: Mapping[str, Path], seconds_left: Callable[[], float]) -> None:
        upload(files, seconds_left)
        raise KeyboardInterrupt  # no code of the worker runs after this

    lake.outputs.upload_all = crash  # type: ignore[method-assign]  # the crash is the test
    lake.put("2024-01-15 first")
    with pytest.raises(KeyboardInterrupt):
        lake.take(delivery="m1")
    assert lake.ledger.get(NAME).status is Status.PROCESSING
    lake.outputs.upload_all = upload  # type: ignore[method-assign]  # and this its end
    lake.now += 400
    lake.put("2024-02-01 second")
    lake.take(delivery="m2")
    assert lake.rows == ["2024-02-01 second"]
    (lost, done) = lake.ledger.get(NAME).attempts
    assert (lost.status, lost.reason) == (Status.FAILED, "WORKER_LOST")
    assert done.status is Status.DONE


def test_a_failure_is_recorded_and_what_it_wrote_removed(lake: Lake) -> None:
    upload = lake.outputs.upload_all

    def throttled(files: Mapping[str, Path], seconds_left: Callable[[], float]) -> None:
        upload(files, seconds_left)
        raise ServiceError("SlowDown")

    lake.outputs.upload_all = throttled  # type: ignore[method-assign]  # the fault is the test
    lake.put("2024-01-15 a")
    with pytest.raises(ServiceError):
        lake.take()
    entry = lake.ledger.get(NAME)
    assert (entry.status, entry.attempts[-1].reason) == (Status.FAILED, "SERVICE_ERROR")
    assert lake.outputs.objects == {}
    lake.outputs.upload_all = upload  # type: ignore[method-assign]  # and this its end
    assert lake.take() == (Status.DONE, True)
    assert lake.ledger.get(NAME).status is Status.DONE


def test_a_defect_is_recorded_with_what_it_was(lake: Lake) -> None:
    def broken() -> None:
        raise ZeroDivisionError("division by zero")

    lake.engine.during = broken
    lake.put("2024-01-15 a")
    with pytest.raises(ZeroDivisionError):
        lake.take()
    attempt = lake.ledger.get(NAME).attempts[-1]
    assert (attempt.reason, attempt.detail) == ("DEFECT", "ZeroDivisionError: division by zero")


def test_the_same_message_twice_at_once_is_not_done_before_both_are(lake: Lake) -> None:
    def meanwhile() -> None:
        lake.engine.during = lambda: None
        with pytest.raises(AttemptOpenError) as raised:
            lake.take(delivery="m1")
        assert raised.value.retry_after == 360

    lake.engine.during = meanwhile
    lake.put("2024-01-15 a")
    assert lake.take(delivery="m1") == (Status.DONE, False)
    assert lake.rows == ["2024-01-15 a"]
    assert lake.take(delivery="m1") == (Status.DONE, False)


def test_a_worker_that_was_taken_for_dead_commits_nothing(lake: Lake) -> None:
    def sleep() -> None:
        lake.engine.during = lambda: None
        lake.now += 400
        lake.take(delivery="m2")

    lake.engine.during = sleep
    lake.put("2024-01-15 a")
    with pytest.raises(AttemptLostError):
        lake.take(delivery="m1")
    assert lake.rows == ["2024-01-15 a"]
    assert lake.ledger.get(NAME).status is Status.DONE
    assert set(lake.ledger.get(NAME).outputs) == set(lake.outputs.objects)


def test_a_replay_ingests_again_what_is_committed_and_only_once(lake: Lake) -> None:
    lake.put("2024-01-15 a")
    lake.take()
    before = set(lake.outputs.objects)
    assert lake.take(delivery="m2", replay="again") == (Status.DONE, True)
    assert lake.rows == ["2024-01-15 a"]
    assert set(lake.outputs.objects).isdisjoint(before)
    assert lake.take(delivery="m3", replay="again") == (Status.DONE, False)


def test_a_deleted_key_that_is_uploaded_again_is_ingested(lake: Lake) -> None:
    lake.put("2024-01-15 a")
    lake.take()
    lake.put(None)
    with pytest.raises(ObjectGoneError):
        lake.take(delivery="m2")
    assert lake.rows == ["2024-01-15 a"]
    lake.put("2024-01-16 b")
    lake.take(delivery="m3")
    assert lake.rows == ["2024-01-16 b"]


def test_an_object_in_glacier_is_terminal_and_says_what_to_do(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def archived(*_: object) -> None:
        raise ObjectArchivedError("restore it")

    monkeypatch.setattr(MemoryContent, "save", archived)
    lake.put("2024-01-15 a")
    with pytest.raises(ObjectArchivedError):
        lake.take()
    entry = lake.ledger.get(NAME)
    assert (entry.status, entry.attempts[-1].reason) == (Status.FAILED, "OBJECT_ARCHIVED")


def test_a_full_disk_is_a_verdict_that_names_the_parameter(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_content: object, path: Path) -> None:
        path.write_bytes(b"part")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MemoryContent, "save", full)
    lake.put("2024-01-15 a")
    assert lake.take() == (Status.TOO_LARGE, True)
    assert "EphemeralStorage" in str(lake.ledger.get(NAME).facts["detail"])


def test_the_history_of_a_key_stays_short(lake: Lake) -> None:
    for number in range(20):
        lake.put(f"2024-01-15 {number}")
        lake.take(delivery=f"m{number}")
    assert len(lake.ledger.get(NAME).attempts) <= 6


def test_a_key_that_never_stands_still_goes_back_to_the_queue(lake: Lake) -> None:
    other = Entry(revision=1)
    lake.ledger.put = lambda *_: other  # type: ignore[method-assign]  # always another first
    lake.put("2024-01-15 a")
    with pytest.raises(LedgerConflictError):
        lake.take()


def test_a_crawler_that_cannot_be_started_takes_nothing_from_the_object(lake: Lake) -> None:
    def throttled() -> bool:
        raise ServiceError("throttled")

    lake.catalog.crawl = throttled  # type: ignore[method-assign]  # the fault is the test
    lake.put("2024-01-15 a")
    assert lake.take() == (Status.DONE, True)


@pytest.mark.parametrize("lost", [1, 5, 24])
def test_a_race_for_the_table_that_is_lost_is_run_again(
    lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake()
    lake.put("2024-01-01 a\n2024-01-02 b")
    declare = MemoryCatalog.declare
    left = [lost]

    def other_was_first(catalog: MemoryCatalog, dataset: str, schema: Schema) -> bool:
        if left[0]:
            left[0] -= 1
            raise SchemaConflictError("the table has another type by now")
        return declare(catalog, dataset, schema)

    monkeypatch.setattr(MemoryCatalog, "declare", other_was_first)
    assert lake.take() == (Status.DONE, True)
    assert lake.engine.conversions == lost + 1
    assert lake.rows == ["2024-01-01 a", "2024-01-02 b"]


def test_a_race_that_is_always_lost_hands_the_object_back(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake()
    lake.put("2024-01-01 a")

    def other_was_first(*_: object) -> bool:
        raise SchemaConflictError("the table has another type by now")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryCatalog, "declare", other_was_first)
        with pytest.raises(SchemaConflictError, match="kept changing"):
            lake.take()
    assert lake.rows == []
    assert lake.take(delivery="m2") == (Status.DONE, True)


def test_rows_are_written_anew_without_their_object_and_what_was_refused_stays(lake: Lake) -> None:
    lake.put("2024-01-15 a\n2024-01-16 b")
    lake.take()
    entry, before = lake.ledger.get(NAME), dict(lake.outputs.objects)
    refused = "quarantine/date_partition=2024-01-15/a-0123456789ab-0123456789ab.jsonl.gz"
    lake.ledger.entries[NAME] = replace(entry, outputs=(*entry.outputs, refused))
    lake.outputs.objects[refused] = b"refused"
    lake.put(None)
    assert lake.take(replay="r1", rewrite=True) == (Status.DONE, True)
    again = lake.ledger.get(NAME)
    assert lake.rows == ["2024-01-15 a", "2024-01-16 b"]
    assert {*lake.outputs.objects} == {*again.outputs}
    assert {*again.outputs} & {*before, refused} == {refused}
    assert (again.version, again.facts["records_read"]) == (entry.version, 2)
    assert lake.take(replay="r1", rewrite=True) == (Status.DONE, False)


def test_of_an_object_without_rows_nothing_is_written_anew(lake: Lake) -> None:
    assert lake.take(replay="r1", rewrite=True) == (Status.PROCESSING, False)
    lake.put("!")
    lake.take()
    before = dict(lake.outputs.objects)
    assert lake.take(replay="r2", rewrite=True) == (Status.REJECTED, False)
    assert lake.outputs.objects == before


@pytest.mark.parametrize("error", [ObjectTooLargeError("no room"), RowsGoneError("gone")])
def test_rows_that_cannot_be_written_anew_stay_as_they_are(lake: Lake, error: LakeError) -> None:
    lake.put("2024-01-15 a")
    lake.take()
    before = lake.ledger.get(NAME)

    def fail() -> None:
        raise error

    lake.engine.during = fail
    with pytest.raises(type(error)):
        lake.take(replay="r1", rewrite=True)
    after = lake.ledger.get(NAME)
    assert lake.rows == ["2024-01-15 a"]
    assert (after.outputs, after.verdict, after.status) == (
        before.outputs,
        Status.DONE,
        Status.FAILED,
    )
    assert after.attempts[-1].reason == error.code


# --- Who makes tables of the rows is told -----------------------------------------------------


@pytest.fixture
def read(lake: Lake) -> Lake:
    """A lake with a model of the dataset."""
    lake.curation.table = "orders"
    return lake


def told(lake: Lake) -> list[str]:
    """What was told since somebody asked."""
    said, lake.curation.told = lake.curation.told, []
    return said


def fail_to_tell(lake: Lake, times: int = 1) -> None:
    """SQS is in trouble for so many calls."""
    tell, left = lake.curation.tell, [times]

    def trouble(partitions: Iterable[str]) -> None:
        if partitions and left[0]:
            left[0] -= 1
            raise ServiceError("telling: OverLimit")
        tell(partitions)

    lake.curation.tell = trouble  # type: ignore[method-assign]  # the fault is the test


def count_writes(lake: Lake) -> list[Entry]:
    """The entries that are written from now on."""
    written: list[Entry] = []
    put = lake.ledger.put

    def counted(raw_object: str, entry: Entry) -> Entry | None:
        there = put(raw_object, entry)
        written.extend([] if there else [entry])
        return there

    lake.ledger.put = counted  # type: ignore[method-assign]  # it counts
    return written


def test_the_partitions_of_new_rows_are_told(read: Lake) -> None:
    read.put("2024-01-15 a\n2024-01-16 b\n2024-01-16 c")
    read.take()
    assert told(read) == ["orders/2024-01-15", "orders/2024-01-16"]


def test_the_partitions_of_new_and_of_replaced_rows_are_told_and_no_others(read: Lake) -> None:
    read.put("2024-01-15 a\n2024-01-16 b")
    read.take()
    read.put("2024-01-15 other", key="data/orders/b.json")
    read.take(key="data/orders/b.json", delivery="m2")
    told(read)
    read.put("2024-01-16 b\n2024-02-01 c")
    read.take(delivery="m3")
    assert told(read) == ["orders/2024-01-15", "orders/2024-01-16", "orders/2024-02-01"]


def test_what_is_replaced_is_gone_when_it_is_told(
    read: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(read.curation, "tell", lambda _: seen.append(read.rows))
    read.put("2024-01-15 a")
    read.take()
    read.put("2024-02-01 b")
    read.take(delivery="m2")
    assert seen == [["2024-01-15 a"], ["2024-02-01 b"]]


def test_nothing_is_told_of_a_dataset_that_no_model_reads(lake: Lake) -> None:
    for number in range(2):
        lake.put(f"2024-01-1{number} a")
        lake.take(delivery=f"m{number}")
    assert told(lake) == []
    assert lake.ledger.get(NAME).untold == ()


def test_of_an_object_whose_rows_stay_as_they_are_nothing_new_is_told(read: Lake) -> None:
    read.put("")
    assert read.take() == (Status.EMPTY, True)
    assert told(read) == []
    read.put("2024-01-15 a", key="data/orders/_b.json")
    assert read.take(key="data/orders/_b.json") == (Status.SKIPPED, True)
    assert told(read) == []


def test_refused_records_are_rows_of_the_quarantine(read: Lake) -> None:
    read.curation.table = "quarantine"
    read.put("!")
    read.take()
    assert told(read) == ["quarantine/2024-01-20"]


def test_the_partitions_of_a_deleted_object_are_told(read: Lake) -> None:
    read.put("2024-01-15 a\n2024-01-16 b")
    read.take()
    told(read)
    read.put(None)
    assert read.take(delivery="m2", removal=True) == (Status.DELETED, False)
    assert read.rows == []
    assert told(read) == ["orders/2024-01-15", "orders/2024-01-16"]
    assert read.ledger.get(NAME).untold == ()


def test_a_message_is_handed_back_until_it_was_told(read: Lake) -> None:
    fail_to_tell(read, 2)
    read.put("2024-01-15 a")
    for count in (1, 2):
        with pytest.raises(ServiceError, match="OverLimit"):
            read.take(count=count)
    # The rows are there: only to tell of them is left.
    assert read.rows == ["2024-01-15 a"]
    assert read.ledger.get(NAME).verdict is Status.DONE
    assert read.take(count=3) == (Status.DONE, False)
    assert told(read) == ["orders/2024-01-15"]
    assert read.engine.conversions == 1


def test_what_no_delivery_could_tell_is_told_when_the_dead_letter_is_redriven(read: Lake) -> None:
    fail_to_tell(read, 5)
    read.put("2024-01-15 a")
    for count in range(1, 6):
        with pytest.raises(ServiceError):
            read.take(count=count)
    assert read.take(delivery="redriven") == (Status.DONE, False)
    assert told(read) == ["orders/2024-01-15"]


def test_what_the_last_delivery_could_not_tell_is_told_by_the_sweep(read: Lake) -> None:
    fail_to_tell(read)
    read.put("2024-01-15 a")
    with pytest.raises(ServiceError):
        read.take(count=5)
    assert read.ledger.unswept() == [NAME]
    assert read.ingest.tidy(NAME).untold == ()
    assert told(read) == ["orders/2024-01-15"]
    assert read.ledger.unswept() == []


def test_rows_of_a_dead_worker_are_told_when_they_are_gone(read: Lake) -> None:
    upload = read.outputs.upload_all

    def crash(files: Mapping[str, Path], seconds_left: Callable[[], float]) -> None:
        upload(files, seconds_left)
        raise KeyboardInterrupt

    read.outputs.upload_all = crash  # type: ignore[method-assign]  # the crash is the test
    read.put("2024-01-15 first")
    with pytest.raises(KeyboardInterrupt):
        read.take()
    assert told(read) == []
    read.now += 400
    read.ingest.tidy(NAME)
    assert read.rows == []
    assert told(read) == ["orders/2024-01-15"]


@pytest.mark.parametrize("table", ["orders", "others"])
def test_to_tell_costs_no_write_where_nothing_goes_wrong(lake: Lake, table: str) -> None:
    lake.curation.table = table
    written = count_writes(lake)
    lake.put("2024-01-15 a")
    lake.take()
    # It is begun, says what it writes, and commits.
    assert len(written) == 3
    lake.put("2024-01-16 b")
    lake.take(delivery="m2")
    # And once more, since what is replaced was deleted.
    assert len(written) == 7
    assert [entry.revision for entry in written] == [*range(1, 8)]


def test_what_stays_in_the_entry_is_told_again_and_changes_nothing(read: Lake) -> None:
    read.put("2024-01-15 a")
    read.take()
    written = count_writes(read)
    assert told(read) == ["orders/2024-01-15"]
    # The event came twice.
    assert read.take(delivery="m2") == (Status.DONE, False)
    assert told(read) == ["orders/2024-01-15"]
    assert written == []
    assert read.ledger.unswept() == []
