"""Each fault that AWS and the machine can have: what the operator sees, and that it heals."""

from __future__ import annotations

import errno
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from aws.sqs import SqsQueue
from processor import app
from processor.observability import logger
from store.errors import OutOfTimeError
from tests.support.cloud import PROCESSED, QUEUE, client_error
from tests.support.lines import LineEngine
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from store.entry import Entry
    from store.model import Conversion, Schema, Source

KEY = "data/a/x.json"
BODY = b'{"id": "r1", "d": "2024-01-01"}'


@dataclass
class Context:
    """Of an invocation that had 300 s when it began and has ``left`` ever since."""

    left: float = 300
    asked: bool = False
    function_name: str = "data-lake-processor"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:x"
    aws_request_id: str = "r"

    def get_remaining_time_in_millis(self) -> int:
        seconds, self.asked = (self.left if self.asked else 300), True
        return int(seconds * 1000)


@dataclass
class Operator:
    """Delivers the one message, and looks at what there is to see."""

    world: World
    log: io.StringIO
    said: list[dict[str, Any]] = field(default_factory=list)

    def deliver(self, left: float = 300) -> dict[str, Any]:
        (message,) = self.world.cloud.receive()
        receipt = self.world.cloud.deliver(message)
        record = {
            "messageId": message.id,
            "receiptHandle": receipt,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receives)},
            "eventSource": "aws:sqs",
        }
        answer: dict[str, Any] = app.handler({"Records": [record]}, Context(left))
        self.said = [json.loads(line) for line in self.log.getvalue().splitlines()]
        self.log.truncate(self.log.seek(0))
        if not answer["batchItemFailures"]:
            self.world.cloud.acknowledge(message)
        return answer

    def line(self, message: str) -> dict[str, Any]:
        (found,) = [one for one in self.said if one.get("message") == message]
        return found

    @property
    def entry(self) -> Entry:
        return self.world.entries()[KEY]

    @property
    def returns_in(self) -> float:
        (message,) = self.world.cloud.queues[QUEUE]
        return message.visible_at - self.world.cloud.now

    def heals(self) -> None:
        """The next delivery does all that is to be done."""
        self.world.cloud.on_effect = lambda _: None
        self.world.wait(self.returns_in)
        assert self.deliver() == {"batchItemFailures": []}
        assert self.line("object ingested")["status"] == "DONE"
        self.world.check_at_rest()


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    world = World(tmp_path)
    queue = SqsQueue(world.cloud.client("sqs"), QUEUE)
    monkeypatch.setattr(app, "_parts", lambda: (world.ingest(), queue))
    world.upload(KEY, BODY)
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    return Operator(world, log)


def at(moment: str, code: str, status: int = 400, times: int = 1) -> Callable[[str], None]:
    """Answer so many of these calls with an error."""
    left = [times]

    def hook(seen: str) -> None:
        if seen == moment and left[0]:
            left[0] -= 1
            raise client_error(code, status)

    return hook


@pytest.mark.parametrize(
    ("moment", "code", "status"),
    [
        ("before S3.get_object", "SlowDown", 503),
        ("before S3.get_object", "InternalError", 500),
        ("before S3.put_object", "SlowDown", 503),
        ("after S3.put_object", "InternalError", 500),
        ("before DynamoDB.put_item", "ProvisionedThroughputExceededException", 400),
        ("before DynamoDB.put_item", "ThrottlingException", 400),
        ("before Glue.get_table", "ThrottlingException", 400),
        ("before Glue.create_table", "InternalServiceException", 500),
        ("before Glue.batch_create_partition", "ThrottlingException", 400),
    ],
)
def test_a_service_in_trouble_hands_the_message_back_and_heals(
    operator: Operator, moment: str, code: str, status: int
) -> None:
    operator.world.cloud.on_effect = at(moment, code, status)
    answer = operator.deliver()
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]]
    line = operator.line("message handed back")
    assert (line["level"], line["reason"], line["key"]) == ("WARNING", "SERVICE_ERROR", KEY)
    assert code in line["detail"]
    assert 15 <= operator.returns_in <= 30
    operator.heals()


def test_a_lost_answer_of_the_ledger_costs_one_more_delivery(operator: Operator) -> None:
    operator.world.cloud.on_effect = at("after DynamoDB.put_item", "InternalServerError", 500)
    operator.deliver()
    operator.world.wait(operator.returns_in)
    # Rows are there; but was it a worker that died, or one that still writes?
    assert operator.deliver()["batchItemFailures"]
    assert operator.line("message handed back")["reason"] == "ATTEMPT_OPEN"
    assert len(operator.world.cloud.objects(PROCESSED)) == 1
    operator.world.wait(operator.returns_in)
    assert operator.deliver() == {"batchItemFailures": []}
    operator.world.check_at_rest()


def test_what_was_half_done_when_a_service_failed_is_recorded_and_removed(
    operator: Operator,
) -> None:
    operator.world.cloud.on_effect = at("after S3.put_object", "InternalError", 500)
    operator.deliver()
    attempt = operator.entry.attempts[-1]
    assert (operator.entry.status, attempt.reason) == ("FAILED", "SERVICE_ERROR")
    assert operator.world.cloud.objects(PROCESSED) == {}


def test_each_further_failure_waits_longer_and_the_fifth_is_the_last(operator: Operator) -> None:
    operator.world.cloud.on_effect = at("before S3.put_object", "SlowDown", 503, times=99)
    waits = []
    for _ in range(5):
        operator.deliver()
        waits.append(operator.returns_in)
        operator.world.wait(operator.returns_in)
    for wait, most in zip(waits, (30, 60, 120, 240, 480), strict=True):
        assert most / 2 <= wait <= most
    assert operator.world.cloud.receive() == []
    assert len(operator.world.cloud.queues["dead"]) == 1


def test_a_lost_race_for_the_ledger_is_run_again_unseen(operator: Operator) -> None:
    moment, code = "before DynamoDB.put_item", "ConditionalCheckFailedException"
    operator.world.cloud.on_effect = at(moment, code, times=3)
    assert operator.deliver() == {"batchItemFailures": []}
    assert operator.line("object ingested")["status"] == "DONE"
    operator.world.check_at_rest()


def test_a_ledger_that_never_stands_still_hands_the_message_back(operator: Operator) -> None:
    moment, code = "before DynamoDB.put_item", "ConditionalCheckFailedException"
    operator.world.cloud.on_effect = at(moment, code, times=25)
    operator.deliver()
    assert operator.line("message handed back")["reason"] == "LEDGER_CONFLICT"
    operator.heals()


def test_a_table_changed_by_another_writer_is_read_again_unseen(operator: Operator) -> None:
    operator.deliver()
    operator.world.upload(KEY, b'{"id": "r2", "d": "2024-01-01", "n": 1}')
    operator.world.cloud.on_effect = at(
        "before Glue.update_table", "ConcurrentModificationException", times=3
    )
    assert operator.deliver() == {"batchItemFailures": []}
    assert [c["Name"] for c in operator.world.cloud.tables["a"]["StorageDescriptor"]["Columns"]]
    operator.world.check_at_rest()


def test_a_table_that_another_worker_creates_first_is_taken_as_it_is(operator: Operator) -> None:
    operator.world.cloud.on_effect = at("after Glue.create_table", "AlreadyExistsException")
    assert operator.deliver() == {"batchItemFailures": []}
    operator.world.check_at_rest()


def test_a_table_that_is_dropped_meanwhile_hands_the_message_back_and_is_made_anew(
    operator: Operator,
) -> None:
    def drop(moment: str) -> None:
        if moment == "before Glue.batch_create_partition":
            operator.world.cloud.drop("a")
            operator.world.cloud.on_effect = lambda _: None

    operator.world.cloud.on_effect = drop
    operator.deliver()
    assert "was dropped" in operator.line("message handed back")["detail"]
    operator.heals()
    assert "a" in operator.world.cloud.tables


def test_a_crawler_that_runs_already_is_no_failure(operator: Operator) -> None:
    operator.world.cloud.on_effect = at("before Glue.start_crawler", "CrawlerRunningException")
    assert operator.deliver() == {"batchItemFailures": []}
    assert operator.line("object ingested")["crawler_started"] is False


def test_a_missing_permission_is_a_defect_with_its_stack(operator: Operator) -> None:
    operator.world.cloud.on_effect = at("before S3.put_object", "AccessDenied", 403)
    operator.deliver()
    line = operator.line("message handed back")
    assert (line["level"], line["reason"]) == ("ERROR", "DEFECT")
    assert "AccessDenied" in line["exception"]
    assert operator.entry.attempts[-1].reason == "DEFECT"
    operator.heals()


@dataclass
class Failing(LineEngine):
    """An engine of which the machine asks too much."""

    error: BaseException
    times: int = 99

    def convert(
        self, source: Source, table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
    ) -> Conversion:
        if self.times:
            self.times -= 1
            raise self.error
        return super().convert(source, table, workdir, seconds_left)


def test_time_that_runs_out_hands_the_message_back_at_once(operator: Operator) -> None:
    operator.world.engine = Failing(OutOfTimeError("the invocation ends"), times=1)
    operator.deliver(left=200)
    assert operator.line("message handed back")["reason"] == "OUT_OF_TIME"
    assert operator.returns_in == 0
    operator.heals()


def test_too_little_time_for_an_object_hands_it_back_before_anything_is_done(
    operator: Operator,
) -> None:
    operator.world.upload(KEY, BODY + b"\n" * 100_000_000)
    operator.world.cloud.queues[QUEUE].pop(0)
    operator.deliver(left=50)
    assert operator.line("message handed back")["reason"] == "OUT_OF_TIME"
    assert operator.returns_in == 0
    assert operator.world.entries() == {}


def test_a_whole_invocation_that_is_not_enough_is_too_large(operator: Operator) -> None:
    operator.world.engine = Failing(OutOfTimeError("the invocation ends"))
    whole = operator.deliver()
    assert whole == {"batchItemFailures": []}
    line = operator.line("object ingested")
    assert (line["status"], line["reason"]) == ("TOO_LARGE", "TOO_LARGE")


def test_a_full_disk_is_a_verdict_not_a_retry(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("aws.s3.S3Content.save", full)
    assert operator.deliver() == {"batchItemFailures": []}
    line = operator.line("object ingested")
    assert line["status"] == "TOO_LARGE"
    assert "EphemeralStorage" in line["detail"]


@pytest.mark.parametrize("error", [duckdb.OutOfMemoryException("memory"), MemoryError("memory")])
def test_memory_that_is_not_enough_is_a_verdict_not_a_retry(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from engine import duck
    from engine.options import Options

    def short(*_: object) -> None:
        raise error

    monkeypatch.setattr(duck, "open_object", short)
    operator.world.engine = duck.DuckEngine(Options())
    assert operator.deliver() == {"batchItemFailures": []}
    line = operator.line("object ingested")
    assert line["status"] == "TOO_LARGE"
    assert "memory" in line["detail"]


def test_models_are_told_by_the_next_delivery_where_sqs_is_in_trouble(operator: Operator) -> None:
    operator.world.cloud.on_effect = at("before Sqs.send_message_batch", "OverLimit", 403)
    operator.deliver()
    line = operator.line("message handed back")
    assert (line["level"], line["reason"], line["key"]) == ("WARNING", "SERVICE_ERROR", KEY)
    assert "telling" in line["detail"]
    assert 15 <= operator.returns_in <= 30
    assert operator.entry.untold == ("a/2024-01-01",)
    heard: list[str] = []

    def listen(moment: str) -> None:
        if moment == "after Sqs.send_message_batch":
            heard.extend(message.body for message in operator.world.cloud.queues["curate"])

    operator.world.cloud.on_effect = listen
    operator.world.wait(operator.returns_in)
    assert operator.deliver() == {"batchItemFailures": []}
    assert operator.line("object was ingested before")["status"] == "DONE"
    assert heard == ['{"dates":["2024-01-01"],"table":"a"}']


def test_a_visibility_that_cannot_be_changed_leaves_the_retry_to_the_queue(
    operator: Operator,
) -> None:
    first, second = (
        at("before S3.put_object", "SlowDown", 503),
        at("before Sqs.change_message_visibility", "InternalError", 500, times=2),
    )

    def both(moment: str) -> None:
        first(moment)
        second(moment)

    operator.world.cloud.on_effect = both
    assert operator.deliver()["batchItemFailures"]
    assert [one for one in operator.said if one["message"] == "visibility not changed"]
    assert operator.returns_in == 1800
    operator.heals()
