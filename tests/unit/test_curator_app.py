"""The curator's handler: what it answers, says and counts, and that nothing told is forgotten."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from curator import app
from curator.observability import logger
from store.curated import key_in, location_of
from store.touch import ASKING, Touch
from tests.support.cloud import CURATED, QueryError, client_error
from tests.support.curation import CHAINED, DAILY, SCHEDULE, WHOLE, Zone
from tests.template.translate import written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from store.refresh import Refresh

DAY, NEXT = "2024-01-15", "2024-01-16"


@dataclass
class Context:
    """Of an invocation that has ``left`` seconds, however long it takes."""

    left: float = 300
    function_name: str = "data-lake-curator"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:x"
    aws_request_id: str = "r"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left * 1000)


@dataclass
class Operator:
    """Has the function invoked, and looks at what there is to see."""

    zone: Zone
    log: io.StringIO
    printed: Callable[[], str]
    said: list[dict[str, Any]] = field(default_factory=list)
    counted: dict[str, Any] = field(default_factory=dict)
    sent: int = 0

    def invoke(self, event: dict[str, Any], left: float = 300) -> dict[str, Any]:
        answer: dict[str, Any] = app.handler(event, Context(left))
        self.said = [json.loads(line) for line in self.log.getvalue().splitlines()]
        self.log.truncate(self.log.seek(0))
        self.counted = {}
        for line in self.printed().splitlines():
            if "_aws" in (told := json.loads(line)):
                self.counted |= told
        return answer

    def schedule(self, left: float = 300) -> list[str]:
        event = {"source": "aws.events", "detail-type": "Scheduled Event"}
        refreshed: list[str] = self.invoke(event, left)["refreshed"]
        return refreshed

    def tell(self, *bodies: str, left: float = 300, ago: float = 60) -> list[str]:
        """Deliver messages in one batch; give those that are not acknowledged."""
        records = []
        for body in bodies:
            self.sent += 1
            sent = str(int((self.zone.cloud.now - ago) * 1000))
            records.append(
                {
                    "messageId": f"m{self.sent}",
                    "receiptHandle": "r",
                    "body": body,
                    "attributes": {"SentTimestamp": sent, "ApproximateReceiveCount": "1"},
                    "eventSource": "aws:sqs",
                }
            )
        answer = self.invoke({"Records": records}, left)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def commit(self, day: str = DAY, ids: tuple[int, ...] = (1,)) -> str:
        """Have rows change; give the message that tells of it."""
        self.zone.rows[day] = [*ids]
        self.zone.cloud.partitions["orders", day] = {"Values": [day]}
        return Touch("orders", dates=frozenset({day})).body()

    def lines(self, message: str) -> list[dict[str, Any]]:
        return [one for one in self.said if one.get("message") == message]

    def state(self, model: str = DAILY) -> Refresh:
        return self.zone.curator().states.get(model)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    zone = Zone()
    monkeypatch.setattr(app, "_parts", zone.curator)
    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    return Operator(zone, log, lambda: capsys.readouterr().out)


def test_the_command_is_told_which_models_are_deployed(operator: Operator) -> None:
    told = {name: model.text_hash for name, model in operator.zone.models.items()}
    assert operator.invoke(ASKING) == {"models": told}


def test_tables_are_made_anew_of_what_was_told(operator: Operator) -> None:
    assert operator.tell(operator.commit(DAY, (1,)), operator.commit(NEXT, (2,))) == []
    assert operator.zone.read(DAILY, DAY) == ["0", 1]
    assert operator.zone.read(DAILY, NEXT) == ["0", 2]
    assert operator.zone.read(WHOLE) == [[DAY, [1]], [NEXT, [2]]]
    # What reads a model is told by a message of its own.
    assert operator.zone.read(CHAINED, DAY) is None
    (chained,) = operator.zone.cloud.queues["curate"]
    assert json.loads(chained.body) == {"table": DAILY, "dates": [DAY, NEXT]}
    assert operator.tell(chained.body) == []
    assert operator.zone.read(CHAINED, DAY) == ["chained", ["0", 1]]


def test_what_was_done_is_said_and_counted(operator: Operator) -> None:
    operator.tell(operator.commit(DAY), operator.commit(NEXT), ago=90)
    by_model = {one["model"]: one for one in operator.lines("table made anew")}
    assert {*by_model} == {DAILY, WHOLE}
    daily = by_model[DAILY]
    assert (daily["level"], daily["partitions"], daily["queries"]) == ("INFO", 2, 1)
    assert (daily["freshness"], daily["bytes_scanned"], daily["seconds"]) == (90.0, 100, 0.0)
    assert by_model[WHOLE]["partitions"] == 1
    counted = operator.counted
    assert counted["PartitionsRefreshed"] == [2.0, 1.0]
    assert counted["Freshness"] == [90.0, 90.0]
    assert counted["RefreshDuration"] == [0.0, 0.0]
    assert counted["BytesScanned"] == [100.0, 100.0]
    assert counted["ModelsRefreshed"] == [2.0]
    assert "RefreshFailures" not in counted


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[" * 100_000,
        "[]",
        "null",
        '{"dates":["2024-01-15"]}',
        '{"table":"orders"}',
        '{"table":"orders","model":"daily","dates":[]}',
    ],
)
def test_a_message_that_cannot_be_read_is_named_and_the_others_are_kept(
    operator: Operator, body: str
) -> None:
    assert operator.tell(body, operator.commit()) == ["m1"]
    assert operator.zone.read(DAILY, DAY) == ["0", 1]
    (refused,) = operator.lines("message refused")
    assert (refused["level"], refused["reason"]) == ("ERROR", "UNKNOWN_EVENT")
    assert refused["detail"].endswith(f"{body[:200]!r}")
    assert operator.counted["MessagesRefused"] == [1.0]


def test_a_message_of_a_model_that_there_is_not_is_named(operator: Operator) -> None:
    wanted = Touch("", "no_such", everything=True).body()
    assert operator.tell(wanted, operator.commit()) == ["m1"]
    (line,) = operator.lines("message not kept")
    assert (line["level"], line["model"]) == ("WARNING", "no_such")


def test_a_message_of_a_table_that_no_model_reads_is_acknowledged(operator: Operator) -> None:
    assert operator.tell(Touch("others", dates=frozenset({DAY})).body()) == []
    assert (operator.zone.cloud.items, operator.said) == ({}, [])


def test_a_message_that_could_not_be_kept_is_delivered_again(operator: Operator) -> None:
    def throttled(moment: str) -> None:
        if moment == "before DynamoDB.put_item":
            raise client_error("ProvisionedThroughputExceededException")

    body = operator.commit()
    operator.zone.cloud.on_effect = throttled
    assert operator.tell(body) == ["m1"]
    assert {one["table"] for one in operator.lines("message not kept")} == {"orders"}
    operator.zone.cloud.on_effect = lambda _: None
    assert operator.tell(body) == []
    assert operator.zone.read(DAILY, DAY) == ["0", 1]


def test_what_was_told_is_kept_though_the_model_fails(operator: Operator) -> None:
    operator.zone.broken = ("COLUMN_NOT_FOUND", 2)
    assert operator.tell(operator.commit()) == []
    state = operator.state()
    assert (state.waiting, state.run, state.worker) == ((DAY,), None, "")
    assert state.failed is not None
    assert (state.failed.reason, state.failed.permanent) == ("COLUMN_NOT_FOUND", True)
    failed = {one["model"]: one for one in operator.lines("model failed")}
    assert {*failed} == {DAILY, WHOLE}
    assert (failed[DAILY]["level"], failed[DAILY]["reason"]) == ("WARNING", "COLUMN_NOT_FOUND")
    # Athena may quote a value: that is for the operator, and not for the log.
    assert "it failed (query q" in state.failed.detail
    assert "it failed" not in json.dumps(operator.said)
    assert operator.counted["RefreshFailures"] == [1.0, 1.0]
    # The schedule asks in vain; another text is another chance.
    operator.zone.broken = None
    assert operator.schedule() == []
    operator.zone.version = 7
    assert operator.schedule() == [DAILY]
    assert operator.zone.read(DAILY, DAY) == ["7", 1]


def test_what_may_pass_is_tried_again_at_once_and_rings_when_it_does_not(
    operator: Operator,
) -> None:
    operator.zone.broken = ("HIVE_CANNOT_OPEN_SPLIT", 2)
    operator.tell(Touch("", DAILY, frozenset({DAY})).body())
    assert len(operator.lines("model failed")) == 3
    assert operator.counted["RefreshFailures"] == [1.0]
    operator.zone.broken = None
    operator.commit()
    # What its queries read was paid for: it is tried again later.
    assert operator.schedule() == []
    operator.zone.cloud.now += 300
    assert operator.schedule() == [DAILY]
    assert operator.zone.read(DAILY, DAY) == ["0", 1]
    assert "RefreshFailures" not in operator.counted


def test_a_failure_that_passed_rings_no_bell(operator: Operator) -> None:
    left = [QueryError("HIVE_CANNOT_OPEN_SPLIT", 2)]
    execute = operator.zone.cloud.execute

    def fails_once(sql: str) -> None:
        if left and sql.startswith("UNLOAD"):
            raise left.pop()
        execute(sql)

    operator.zone.cloud.execute = fails_once
    operator.commit()
    operator.tell(Touch("", DAILY, frozenset({DAY})).body())
    assert len(operator.lines("model failed")) == len(operator.lines("table made anew")) == 1
    assert "RefreshFailures" not in operator.counted


def test_a_failure_after_a_run_that_was_gone_on_with_rings(operator: Operator) -> None:
    """What waits cannot be made, whatever was published before."""
    left_behind(operator)
    execute = operator.zone.cloud.execute

    def fails_then(sql: str) -> None:
        if NEXT in sql:
            operator.zone.cloud.now += 1
            raise QueryError("COLUMN_NOT_FOUND", 2)
        execute(sql)

    operator.zone.cloud.execute = fails_then
    operator.tell(operator.commit(NEXT))
    daily = [one["message"] for one in operator.said if one["model"] == DAILY]
    assert daily == ["table made anew", "model failed"]
    assert operator.counted["RefreshFailures"] == [1.0]


def left_behind(operator: Operator) -> None:
    """A worker began a run of the day, and died; its lease has ended."""

    operator.zone.commit(DAY, [1])
    worker = operator.zone.deliver(operator.zone.visible())
    while not worker.came_to("before Glue.create_table"):
        worker.step()
    worker.kill()
    assert operator.state().run is not None
    operator.zone.cloud.now += 400


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (client_error("ThrottlingException"), "SERVICE_ERROR", "ThrottlingException"),
        (client_error("AccessDeniedException"), "DEFECT", "ClientError: "),
    ],
)
def test_one_model_that_cannot_be_refreshed_does_not_stop_the_others(
    operator: Operator, error: Exception, reason: str, detail: str
) -> None:
    left = [error]

    def once(moment: str) -> None:
        if moment == "before Athena.start_query_execution" and left:
            raise left.pop()

    body = operator.commit()
    operator.zone.cloud.on_effect = once
    assert operator.tell(body) == []
    (stopped,) = operator.lines("refresh stopped")
    assert (stopped["level"], stopped["reason"], stopped["model"]) == ("ERROR", reason, DAILY)
    assert "Exception" in stopped["exception"]
    assert operator.counted["RefreshFailures"] == [1.0]
    assert operator.zone.read(WHOLE) == [[DAY, [1]]]
    state = operator.state()
    assert state.failed is not None
    assert (state.failed.reason, state.worker, state.is_waiting) == (reason, "", True)
    assert detail in state.failed.detail
    # The schedule goes on with it.
    operator.zone.cloud.now += 300
    assert operator.schedule() == [DAILY]
    assert operator.zone.read(DAILY, DAY) == ["0", 1]


def test_nothing_is_begun_in_an_invocation_that_ends_soon(operator: Operator) -> None:
    assert operator.tell(operator.commit(), left=15) == []
    assert operator.zone.cloud.queries == {}
    assert operator.state().waiting == (DAY,)
    assert operator.said == []
    # A message brings somebody sooner than the schedule; the schedule sends none.
    messages = [message.body for message in operator.zone.cloud.queues["curate"]]
    assert messages == [Touch(model=name).body() for name in (DAILY, WHOLE)]
    assert operator.schedule(left=15) == []
    assert len(operator.zone.cloud.queues["curate"]) == 2
    assert operator.tell(*messages) == []
    assert operator.zone.read(DAILY, DAY) == ["0", 1]


def test_a_message_that_was_kept_is_acknowledged_though_nobody_can_be_brought(
    operator: Operator,
) -> None:
    def trouble(moment: str) -> None:
        if moment == "before Sqs.send_message_batch":
            raise client_error("OverLimit", 403)

    body = operator.commit()
    operator.zone.cloud.on_effect = trouble
    assert operator.tell(body, left=15) == []
    operator.zone.cloud.on_effect = lambda _: None
    assert operator.schedule() == [DAILY, WHOLE]


def test_a_run_that_takes_too_long_is_gone_on_with_by_another_invocation(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(300)
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: int(context.left * 1000))

    def slow(moment: str) -> None:
        if moment == "before Athena.get_query_execution":
            context.left = 14

    body = operator.commit()
    operator.zone.cloud.on_effect = slow
    assert operator.tell(body) == []
    operator.zone.cloud.on_effect = lambda _: None
    queries = len(operator.zone.cloud.queries)
    assert operator.state().describing
    # A message brings somebody for it, and for the one that was not even begun.
    messages = [message.body for message in operator.zone.cloud.queues["curate"]]
    assert messages == [Touch(model=DAILY).body(), Touch(model=WHOLE).body()]
    context.left = 300
    assert operator.tell(*messages) == []
    assert operator.zone.read(DAILY, DAY) == ["0", 1]
    assert operator.zone.read(WHOLE) == [[DAY, [1]]]
    # The view, whose query was joined, was asked for once; the day is one query more, and the
    # other model two.
    assert len(operator.zone.cloud.queries) == queries + 3


def test_the_schedule_deletes_what_nobody_reads_any_more(operator: Operator) -> None:
    for number in range(2):
        operator.tell(operator.commit(ids=(number,)))
    place = key_in(location_of(operator.zone.cloud.partitions[DAILY, DAY]), CURATED)

    def folders() -> set[str]:
        keys = [key for key in operator.zone.cloud.objects(CURATED) if f"/{DAILY}/" in key]
        return {key.rpartition("/")[0] + "/" for key in keys}

    assert len(folders()) == 2
    operator.zone.cloud.now += operator.zone.curator().keep + SCHEDULE
    assert operator.schedule() == []
    assert folders() == {place}


def test_a_schedule_that_finds_nothing_to_do_counts_that_too(operator: Operator) -> None:
    assert operator.schedule() == []
    assert operator.counted["ModelsRefreshed"] == [0.0]
    assert operator.said == []


def test_what_the_alarm_looks_at_is_what_is_counted(operator: Operator, root: Path) -> None:
    operator.zone.broken = ("COLUMN_NOT_FOUND", 2)
    operator.tell(operator.commit())
    (told,) = operator.counted["_aws"]["CloudWatchMetrics"]
    alarm = written(root)["Resources"]["RefreshAlarm"]["Properties"]
    assert alarm["MetricName"] in [metric["Name"] for metric in told["Metrics"]]
    assert told["Dimensions"] == [[one["Name"] for one in alarm["Dimensions"]]]
