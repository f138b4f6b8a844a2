"""The handler: what it answers to each way of being told, and to each kind of failure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from engine.duck import DuckEngine
from engine.options import Options
from processor import app
from processor.ingest.protocol import Ingest
from store.errors import EngineFailedError, MiscountedError, ServiceError, UnknownEventError
from tests.conftest import load_event
from tests.support.memory import (
    MemoryCatalog,
    MemoryCuration,
    MemoryLedger,
    MemoryOutputStore,
    MemoryRawStore,
)

if TYPE_CHECKING:
    from pathlib import Path

BUCKET = "data-lake-raw-000000000000-us-east-1"


@dataclass
class Context:
    function_name: str = "data-lake-processor"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:x"
    aws_request_id: str = "r"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


@dataclass
class World:
    raw: MemoryRawStore
    outputs: MemoryOutputStore
    catalog: MemoryCatalog
    ledger: MemoryLedger
    curation: MemoryCuration = field(default_factory=MemoryCuration)
    handed_back: list[tuple[str, int]] = field(default_factory=list)

    def hand_back(self, receipt: str, seconds: int) -> None:
        self.handed_back.append((receipt, seconds))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    world = World(MemoryRawStore(), MemoryOutputStore(), MemoryCatalog(), MemoryLedger())
    ingest = Ingest(
        world.raw,
        world.outputs,
        world.catalog,
        world.ledger,
        DuckEngine(Options()),
        world.curation,
        1e9,
        work_root=tmp_path,
    )
    monkeypatch.setattr(app, "_parts", lambda: (ingest, world))
    return world


def call(event: Any) -> dict[str, Any]:
    answer: dict[str, Any] = app.handler(event, Context())
    return answer


@pytest.mark.parametrize("name", ["s3-put", "eventbridge"])
def test_an_object_is_ingested_and_the_answer_says_so(
    world: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.raw.write(BUCKET, "data/test-data.json", b'{"a": 1}\n{"a": 2}\n')
    (taken,) = call(load_event(name))["objects"]
    assert (taken["status"], taken["records_read"], taken["records_accepted"]) == ("DONE", 2, 2)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (emf,) = [p for p in printed if "_aws" in p and "RecordsRead" in p]
    assert emf["RecordsRead"] == [2.0]
    assert emf["RecordsQuarantined"] == [0.0]
    again = call(load_event(name))["objects"][0]
    assert again["records_read"] == 2
    assert len(world.outputs.objects) == 1


def test_a_message_of_two_objects_ingests_both(world: World) -> None:
    for key in ("data/test-data.json", "data/products/2024-01-15.json"):
        world.raw.write(BUCKET, key, b'{"a": 1}\n')
    assert call(load_event("sqs-batch")) == {"batchItemFailures": []}
    assert {entry.status.value for entry in world.ledger.entries.values()} == {"DONE"}
    assert sorted(world.catalog.tables) == ["processed_table", "products"]


def test_only_the_message_that_a_retry_can_mend_returns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.raw.write(BUCKET, "data/test-data.json", b'{"a": 1}\n')
    batch = load_event("sqs-batch")
    good = {**batch["Records"][0], "messageId": "good", "body": json.dumps(load_event("s3-put"))}
    other = load_event("s3-put")
    other["Records"][0]["s3"]["object"]["key"] = "data/throttled.json"
    bad = {**good, "messageId": "bad", "body": json.dumps(other)}
    junk = {**good, "messageId": "junk", "body": "{"}
    head = world.raw.open

    def throttled(bucket: str, key: str) -> Any:
        if key == "data/throttled.json":
            raise ServiceError("SlowDown")
        return head(bucket, key)

    monkeypatch.setattr(world.raw, "open", throttled)
    answer = call({"Records": [bad, junk, good]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}, {"itemIdentifier": "junk"}]}
    assert len(world.outputs.objects) == 1


def _metrics(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in printed.splitlines():
        if "_aws" in (told := json.loads(line)):
            found |= told
    return found


@pytest.mark.parametrize(
    ("error", "reason", "level", "defects"),
    [
        (MiscountedError("2 + 1 is not 4"), "MISCOUNTED", "ERROR", True),
        (EngineFailedError("INTERNAL Error"), "ENGINE_FAILED", "ERROR", True),
        (ZeroDivisionError("division by zero"), "DEFECT", "ERROR", True),
        (ServiceError("SlowDown"), "SERVICE_ERROR", "WARNING", False),
    ],
)
def test_a_fault_of_ours_is_tried_again_and_alarmed(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    reason: str,
    level: str,
    defects: bool,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(world.raw, "open", fail)
    answer = call(load_event("sqs-batch"))
    assert len(answer["batchItemFailures"]) == 1
    back = [vars(one) for one in caplog.records if one.message == "message handed back"]
    assert {(one["reason"], one["levelname"]) for one in back} == {(reason, level)}
    assert ("Defects" in _metrics(capsys.readouterr().out)) is defects


def test_stored_and_skipped_objects_are_counted(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "data/products/2024-01-15.json"
    world.raw.write(BUCKET, "data/test-data.json", b"\x89PNG\r\n\x1a\n" + bytes(256))
    world.raw.write(BUCKET, key, b'{"a": 1}\n')
    assert call(load_event("sqs-batch")) == {"batchItemFailures": []}
    told = _metrics(capsys.readouterr().out)
    assert (told["ObjectsStored"], told["ObjectsDone"]) == ([1.0], [1.0])
    assert (told["RecordsUndated"], told["RecordsShort"]) == ([0.0, 1.0], [0.0, 0.0])
    put = load_event("s3-put")
    put["Records"][0]["s3"]["object"]["key"] = "data/orders/_SUCCESS"
    world.raw.write(BUCKET, "data/orders/_SUCCESS", b"")
    (taken,) = call(put)["objects"]
    assert (taken["status"], taken["outputs"]) == ("SKIPPED", 0)
    assert _metrics(capsys.readouterr().out)["ObjectsSkipped"] == [1.0]


def test_a_message_returns_until_the_models_were_told_of_its_rows(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def throttled(_: object) -> None:
        raise ServiceError("telling the curate queue: OverLimit")

    batch = load_event("sqs-batch")
    world.raw.write(BUCKET, "data/test-data.json", b'{"timestamp": "2024-01-15T10:00:00Z"}\n')
    world.raw.write(BUCKET, "data/products/2024-01-15.json", b'{"a": 1}\n')
    with monkeypatch.context() as patch:
        patch.setattr(world.curation, "tell", throttled)
        assert len(call(batch)["batchItemFailures"]) == 1
    back = [vars(one) for one in caplog.records if one.message == "message handed back"]
    # No model reads the other object's dataset; its message is the same.
    assert [(one["key"], one["reason"]) for one in back] == [
        ("data/test-data.json", "SERVICE_ERROR")
    ]
    assert world.curation.told == []
    assert call(batch) == {"batchItemFailures": []}
    assert world.curation.told == ["processed_table/2024-01-15"]


@pytest.mark.usefixtures("world")
def test_what_dead_workers_left_is_removed_before_anything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cleared: list[int] = []
    monkeypatch.setattr(app, "clear_leftovers", lambda: cleared.append(1))
    call(load_event("s3-test-event"))
    assert cleared == [1]


@pytest.mark.usefixtures("world")
def test_a_deleted_object_and_a_test_event_are_no_failures() -> None:
    (taken,) = call(load_event("s3-put"))["objects"]
    assert taken["status"] == "OBJECT_GONE"
    assert call(load_event("s3-test-event")) == {"objects": []}


@pytest.mark.usefixtures("world")
def test_what_is_no_event_is_an_error() -> None:
    with pytest.raises(UnknownEventError, match="hello"):
        call({"hello": "world"})
