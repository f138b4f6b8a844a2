"""The Lambda handler: parse, one call, shape the answer."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from processor import events
from processor.bootstrap import build
from processor.errors import TerminalError
from processor.ingest import Delivery
from processor.observability import logger, metrics, tracer
from processor.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from processor.ingest import Ingest, Outcome
    from processor.model import ObjectEvent

#: Every failed message is named in the answer, also when all of them failed.
_batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@cache
def _ingest() -> Ingest:
    return build(Settings.from_environment(os.environ))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ingest every object that an event names.

    Parameters
    ----------
    event : dict
        An SQS batch of S3 notifications, one plain S3 notification, or an EventBridge
        "Object Created" event.
    context : LambdaContext
        Of the invocation.

    Returns
    -------
    dict
        For an SQS batch ``{"batchItemFailures": […]}``, naming the messages to be
        delivered again; else ``{"objects": […]}``, one answer an object.

    Raises
    ------
    UnknownEventError
        When the event is something else and did not come from a queue.
    TransientError
        When a retry can help and the event did not come from a queue.
    """
    whole = context.get_remaining_time_in_millis() / 1000

    def delivery(identifier: str) -> Delivery:
        return Delivery(identifier, lambda: context.get_remaining_time_in_millis() / 1000, whole)

    batch = events.is_queue_batch(event)
    metrics.add_metric("Events", MetricUnit.Count, len(event["Records"]) if batch else 1)
    if not batch:
        found = events.parse(event)
        return {"objects": [_take(e, delivery(_identity(e))) for e in found]}

    def take_message(record: SQSRecord) -> None:
        try:
            found = events.parse_message(record.body)
        except TerminalError as error:
            logger.error("message refused", extra={"reason": error.code, "detail": error.detail})
            return
        for number, one in enumerate(found):
            _take(one, delivery(f"{record.message_id}/{number}"))

    answer = process_partial_response(event, take_message, _batch, context)
    for _, error, _ in _batch.exceptions:
        logger.error("message handed back", exc_info=error)
    return dict(answer)


def _identity(event: ObjectEvent) -> str:
    """Name a delivery that comes without a message id: a retry of it says the same."""
    return f"{event.version or event.etag}/{event.sequencer}"


def _take(event: ObjectEvent, delivery: Delivery) -> dict[str, Any]:
    """Ingest one object, log one line and count; a terminal failure is an answer, too."""
    try:
        outcome = _ingest()(event, delivery)
    except TerminalError as error:
        answer = {
            "bucket": event.bucket,
            "key": event.key,
            "status": error.code,
            "detail": error.detail,
        }
        logger.warning("object not ingested", extra=answer)
        metrics.add_metric("ObjectsIgnored", MetricUnit.Count, 1)
        return answer
    return _answer(event, outcome)


def _answer(event: ObjectEvent, outcome: Outcome) -> dict[str, Any]:
    entry = outcome.entry
    answer: dict[str, Any] = {
        "bucket": outcome.bucket,
        "key": outcome.key,
        "version": entry.version,
        "sequencer": event.sequencer,
        "status": entry.status.value,
        "outputs": len(entry.outputs),
        **entry.facts,
    }
    if not outcome.ingested:
        logger.info("object was ingested before", extra=answer)
        metrics.add_metric("ObjectsUnchanged", MetricUnit.Count, 1)
        return answer
    answer["crawler_started"] = outcome.crawling
    logger.info("object ingested", extra=answer)
    metrics.add_metric(f"Objects{entry.status.value.title().replace('_', '')}", MetricUnit.Count, 1)
    for name, fact, unit in (
        ("RecordsRead", "records_read", MetricUnit.Count),
        ("RecordsAccepted", "records_accepted", MetricUnit.Count),
        ("RecordsQuarantined", "records_quarantined", MetricUnit.Count),
        ("BytesRead", "bytes", MetricUnit.Bytes),
        ("Duration", "milliseconds", MetricUnit.Milliseconds),
    ):
        metrics.add_metric(name, unit, float(entry.facts.get(fact, 0)))
    return answer
