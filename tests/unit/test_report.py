"""What is said of an object, and counted: enough to operate the lake, and no value of a record."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine.duck import DuckEngine
from engine.options import Options
from processor import app
from processor.ingest.protocol import Ingest
from processor.observability import logger
from processor.report import MOST_DATASETS, Datasets
from store.entry import Attempt, Entry
from store.errors import MiscountedError
from store.events import announcement
from store.model import Column, Schema, Status
from store.reasons import Failure
from tests.support.memory import (
    MemoryCatalog,
    MemoryCuration,
    MemoryLedger,
    MemoryOutputStore,
    MemoryRawStore,
)
from tests.unit.test_app import BUCKET, Context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "4111-secret-1111"


@dataclass
class Lake:
    """The function over a lake in memory, with all that it says."""

    ingest: Ingest
    raw: MemoryRawStore
    catalog: MemoryCatalog
    ledger: MemoryLedger
    stream: io.StringIO
    printed: Callable[[], str]
    all_said: str = ""

    def put(self, key: str, body: bytes, *, ago: float = 0, receives: int = 1) -> dict[str, Any]:
        """Upload, and deliver the message of it; give the answer."""
        self.raw.write(BUCKET, key, body)
        event = announcement(BUCKET, key)
        uploaded = datetime.now(UTC) - timedelta(seconds=ago)
        event["Records"][0]["eventTime"] = uploaded.isoformat()
        event["Records"][0]["s3"].pop("replay", None)
        message = {
            "messageId": "m",
            "receiptHandle": "r",
            "body": json.dumps(event),
            "attributes": {"ApproximateReceiveCount": str(receives)},
            "eventSource": "aws:sqs",
        }
        answer: dict[str, Any] = app.handler({"Records": [message]}, Context())
        return answer

    def heard(self) -> tuple[list[dict[str, Any]], dict[str, dict[str, list[float]]]]:
        """The lines of the log, and metrics by dataset; those of all objects by an empty name."""
        log, printed = self.stream.getvalue(), self.printed()
        self.stream.truncate(self.stream.seek(0))
        self.all_said += log + printed
        counted: dict[str, dict[str, list[float]]] = defaultdict(dict)
        for line in printed.splitlines():
            blob = json.loads(line)
            (told,) = blob["_aws"]["CloudWatchMetrics"]
            assert told["Namespace"] == "data-lake"
            (dimensions,) = told["Dimensions"]
            assert {*dimensions} in (
                {"service"},
                {"service", "dataset"},
                {"service", "function_name"},
            )
            assert blob["service"] == "processor"
            for metric in told["Metrics"]:
                counted[blob.get("dataset", "")][metric["Name"]] = blob[metric["Name"]]
        return [json.loads(line) for line in log.splitlines()], counted


@pytest.fixture
def lake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Lake:
    raw, outputs, catalog, ledger = (
        MemoryRawStore(),
        MemoryOutputStore(),
        MemoryCatalog(),
        MemoryLedger(),
    )
    engine = DuckEngine(Options())
    ingest = Ingest(
        raw, outputs, catalog, ledger, engine, MemoryCuration(), 1e9, work_root=tmp_path
    )

    class Queue:
        def hand_back(self, receipt: str, seconds: int) -> None:
            pass

    monkeypatch.setattr(app, "_parts", lambda: (ingest, Queue()))
    datasets = Datasets(["*"])
    monkeypatch.setattr(app, "_datasets", lambda: datasets)
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return Lake(ingest, raw, catalog, ledger, stream, lambda: capsys.readouterr().out)


def test_one_line_says_what_became_of_an_object(lake: Lake) -> None:
    lake.put("data/orders/a.json", b'{"id": 1, "date": "2024-01-15"}\n{"id": 2\n', ago=90)
    (line,), _ = lake.heard()
    assert (line["message"], line["level"]) == ("object ingested", "INFO")
    assert (line["bucket"], line["key"], line["version"]) == (BUCKET, "data/orders/a.json", "v1")
    assert (line["dataset"], line["status"], line["outputs"]) == ("orders", "PARTIAL", 2)
    counts = ("records_read", "records_accepted", "records_quarantined")
    assert tuple(line[name] for name in counts) == (2, 1, 1)
    assert line["milliseconds"] >= 0
    assert 90 <= line["freshness"] < 100
    assert line["function_request_id"] == "r"
    assert line["deliveries"] == 1
    assert line["refused"] == {"MALFORMED_JSON": 1}


def test_no_value_of_a_record_is_in_the_log_or_the_metrics(lake: Lake) -> None:
    lake.put("data/orders/types.json", b'{"card": 1, "date": "2024-01-15"}\n')
    lake.heard()
    bodies = {
        # Rescued, refused, and refused as a whole.
        "drifts.json": f'{{"card": "{SECRET}"}}\n',
        "broken.json": f'{{"card": 2}}\n{{"card": "{SECRET}\n',
        "guessed.csv": f"{SECRET};1\n{SECRET};2\n{SECRET};3\n",
        "whole.json": f'[{{"card": "{SECRET}"',
        "image.png": f"\x89PNG\r\n\x1a\n{SECRET}",
    }
    for name, body in bodies.items():
        lake.put(f"data/orders/{name}", body.encode("latin-1"))
        said, counted = lake.heard()
        assert [one["level"] for one in said] == ["INFO"], name
        assert counted[""]
    drifted = lake.ledger.entries[f"{BUCKET}/data/orders/drifts.json"]
    # The ledger has it, for the operator.
    assert SECRET in json.dumps(drifted.facts)
    assert "4111" not in lake.all_said
    assert '"columns_drifted":1' in lake.all_said
    # Only what is known to quote nothing is said.
    facts = {name for entry in lake.ledger.entries.values() for name in entry.facts}
    assert facts >= {"drift", "guesses", "refused", "detail"}


def test_a_defect_where_records_are_read_is_told_by_its_place(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.duck.open_object", lambda *_, **__: int(SECRET), raising=True)
    assert lake.put("data/orders/a.json", b"{}\n")["batchItemFailures"]
    (line,), counted = lake.heard()
    assert (line["level"], line["message"], line["reason"]) == (
        "ERROR",
        "message handed back",
        "DEFECT",
    )
    assert line["error"] == "ValueError"
    assert any("duck.py:" in place for place in line["stack"])
    assert counted[""]["Defects"] == [1.0]
    (attempt,) = lake.ledger.entries[f"{BUCKET}/data/orders/a.json"].attempts
    assert SECRET in attempt.detail
    assert SECRET not in lake.all_said


def test_lost_records_are_counted_by_how_many_they_are(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object, **__: object) -> None:
        raise MiscountedError("5 were counted, 2 written and 0 refused", 3)

    monkeypatch.setattr(DuckEngine, "convert", lose)
    lake.put("data/orders/a.json", b"{}\n")
    _, counted = lake.heard()
    assert (counted[""]["RecordsLost"], counted[""]["Defects"]) == ([3.0], [1.0])


def test_a_dataset_has_five_metrics_of_its_own(lake: Lake) -> None:
    lake.catalog.tables["orders"] = Schema((Column("id", "bigint"),))
    lake.put("data/orders/a.json", b'{"id": 1}\n{"id": "x"}\n{"id": 3\n{"id": 4}\n', ago=60)
    _, counted = lake.heard()
    own = counted["orders"]
    assert own.pop("Freshness")[0] == pytest.approx(60, abs=10)
    assert own == {
        "RecordsAccepted": [3.0],
        "RecordsRescued": [1.0],
        "RecordsUndated": [3.0],
        "RefusedPercent": [25.0],
    }
    everything = counted[""]
    assert (everything["RefusedPercent"], everything["RecordsLost"]) == ([25.0], [0.0])
    assert everything["ObjectsPartial"] == [1.0]


def test_an_object_that_is_refused_as_a_whole_is_refused_by_a_hundred_percent(lake: Lake) -> None:
    lake.put("data/orders/a.parquet", b"PAR1 and nothing else PAR1")
    _, counted = lake.heard()
    assert counted["orders"]["RefusedPercent"] == [100.0]
    assert counted[""]["ObjectsRejected"] == [1.0]


def test_an_object_that_is_ingested_again_is_not_late(lake: Lake) -> None:
    lake.raw.write(BUCKET, "data/orders/a.json", b'{"id": 1}\n')
    app.handler(announcement(BUCKET, "data/orders/a.json", replay="r1"), Context())
    (line,), counted = lake.heard()
    assert "freshness" not in line
    assert "Freshness" not in counted[""]


def test_the_datasets_with_metrics_are_bounded() -> None:
    every = Datasets(["*"])
    names = [f"d{n}" for n in range(2 * MOST_DATASETS)]
    assert [name for name in names if name in every] == names[:MOST_DATASETS]
    assert names[0] in every
    assert "late" not in every
    some = Datasets(["orders", "items"])
    assert ("orders" in some, "others" in some) == (True, False)
    both = Datasets(["*", "late"])
    assert all(name in both for name in names[:MOST_DATASETS])
    assert "late" in both
    assert "orders" not in Datasets(["none"])


def test_workers_that_died_are_counted_by_who_takes_their_message(lake: Lake) -> None:
    key = "data/orders/a.json"
    dead = Attempt(1, "w", "m/0", "v1", 0, 0, deliveries=1)
    lake.ledger.entries[f"{BUCKET}/{key}"] = Entry(revision=1, attempts=(dead,))
    lake.put(key, b'{"id": 1}\n', receives=2)
    (line,), counted = lake.heard()
    assert counted[""]["WorkersLost"] == [1.0]
    assert line["deliveries"] == 2
    lake.put("data/orders/b.json", b'{"id": 1}\n')
    assert "WorkersLost" not in lake.heard()[1][""]


def test_workers_after_whom_nobody_came_are_counted_by_the_sweep(lake: Lake) -> None:
    ended = Attempt(1, "w", "m/0", "v1", 0, 0, Status.FAILED, reason=Failure.WORKER_LOST)
    last = Attempt(2, "w", "m/0", "v1", 0, 0, deliveries=5)
    lake.ledger.entries[f"{BUCKET}/data/a.json"] = Entry(revision=2, attempts=(ended, last))
    scheduled = {"source": "aws.events", "detail-type": "Scheduled Event"}
    assert app.handler(scheduled, Context()) == {"swept": 1}
    assert lake.heard()[1][""]["WorkersLost"] == [2.0]
