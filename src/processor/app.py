"""The Lambda handler: parse, one call, shape the answer."""

from __future__ import annotations

import gc

# What imports make is no garbage, and to look for some takes a tenth of a cold start.
gc.disable()

import os
import random
from contextlib import suppress
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from contract.schema import parse
from processor.bootstrap import build, clear_leftovers, contracts
from processor.ingest.preparation import Delivery
from processor.ingest.protocol import GRACE
from processor.observability import logger, metrics, tracer
from processor.report import Datasets, count_lost, report, report_failure
from processor.settings import Settings
from store import events, naming
from store.entry import UNSWEPT
from store.errors import (
    ContractError,
    LakeError,
    MalformedEventError,
    ServiceError,
    TerminalError,
    UnknownEventError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from processor.ingest.ports import Queue
    from processor.ingest.protocol import Ingest
    from store.model import ObjectEvent

#: Seconds after which a message that failed is delivered again, doubled each time, to the most.
#: All five deliveries together outlast about eight minutes of a service's trouble; more than
#: that is for the dead-letter queue and `lake redrive`.
_FIRST_RETRY, _LAST_RETRY = 30, 900

#: Seconds of an invocation in which the sweep begins with no further object.
_SWEEP_MARGIN = 10


@cache
def _parts() -> tuple[Ingest, Queue]:
    return build(Settings.from_environment(os.environ))


@cache
def _datasets() -> Datasets:
    return Datasets(os.environ.get("METRIC_DATASETS", "*").split(","))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Before the first message comes, Lambda gives a whole processor, whatever the memory
    # (AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle").
    # Where the deployment is broken, that message shall say so: it is tried again with it.
    with suppress(LakeError, KeyError):
        _parts()
gc.freeze()
gc.enable()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ingest every object that an event names.

    Parameters
    ----------
    event : dict
        An SQS batch of S3 notifications, one plain S3 notification, an EventBridge event of
        S3, that of the schedule on which the function sweeps after dead workers, or a question:
        what would become of an object (:func:`store.events.rehearsal`), or by which contracts
        records are judged (:data:`store.events.ASKING`).
    context : LambdaContext
        Of the invocation.

    Returns
    -------
    dict
        For an SQS batch ``{"batchItemFailures": […]}``, naming the messages to be
        delivered again; of the schedule ``{"swept": n}``, the objects that were swept; to the
        questions the status and the facts that the ledger would hold, or
        ``{"contracts": {…}}``, their documents by dataset; else ``{"objects": […]}``, one
        answer an object.

    Raises
    ------
    UnknownEventError
        When the event is something else and did not come from a queue.
    TransientError
        When a retry can help and the event did not come from a queue.
    """
    clear_leftovers()

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    whole, removals = seconds_left(), os.environ.get("RAW_DELETES") == "remove"
    if events.is_schedule(event):
        return {"swept": _sweep(seconds_left)}
    batch = events.is_queue_batch(event)
    metrics.add_metric("Events", MetricUnit.Count, len(event["Records"]) if batch else 1)
    if event == events.ASKING:
        return {"contracts": contracts()}
    if asked := events.rehearsal_of(event):
        return _rehearse(*asked, Delivery("", seconds_left, whole))
    if not batch:
        found = events.parse(event, removals=removals)
        return {"objects": [_take(e, Delivery(_identity(e), seconds_left, whole)) for e in found]}

    def take_message(record: dict[str, Any]) -> bool:
        tries = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            found = events.parse_message(record["body"], removals=removals)
        except UnknownEventError as error:
            logger.error("message refused", extra={"reason": error.code, "detail": error.detail})
            metrics.add_metric("MessagesRefused", MetricUnit.Count, 1)
            if isinstance(error, MalformedEventError):
                return True
            # Not acknowledged: SQS moves it to the dead-letter queue, where it can be looked at
            # and, by a function that knows it, redriven.
            _hide(record, 0)
            return False
        # Should this worker die, the message returns when its attempt has expired, and not only
        # after the queue's visibility timeout: until then what it wrote could be queried.
        _hide(record, ceil(seconds_left() + GRACE))
        taken = True
        for number, one in enumerate(found):
            identifier = f"{record['messageId']}/{number}"
            try:
                _take(one, Delivery(identifier, seconds_left, whole, tries))
            except Exception as error:  # the message's other objects are not to wait for it
                taken = False
                _hand_back(record, one, error)
        return taken

    # Every failed message is named, also when all of them failed.
    failed = [one["messageId"] for one in event["Records"] if not take_message(one)]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _hand_back(record: dict[str, Any], event: ObjectEvent, error: Exception) -> None:
    """Say when the message of an object that failed shall be delivered again."""
    tries = int(record["attributes"]["ApproximateReceiveCount"])
    wait = getattr(error, "retry_after", None)
    if wait is None:
        most = min(_FIRST_RETRY * 2 ** (tries - 1), _LAST_RETRY)
        # Half of it by chance, so that what failed together does not return together.
        wait = most * random.uniform(0.5, 1)  # noqa: S311  # spreads load, guards nothing
    seconds = max(0, round(wait))
    about = {
        "bucket": event.bucket,
        "key": event.key,
        "deliveries": tries,
        "retry_after": seconds,
    }
    report_failure(error, about)
    _hide(record, seconds)


def _hide(record: dict[str, Any], seconds: int) -> None:
    """Have a message that is not acknowledged delivered again after so many seconds."""
    try:
        _parts()[1].hand_back(record["receiptHandle"], seconds)
    except ServiceError as trouble:
        logger.warning("visibility not changed", extra={"detail": trouble.detail})


def _sweep(seconds_left: Callable[[], float]) -> int:
    """End what dead workers left, after which no message comes any more; count the objects."""
    ingest = _parts()[0]
    swept = 0
    for name in ingest.ledger.unswept():
        if seconds_left() < _SWEEP_MARGIN:
            break
        entry = ingest.tidy(name)
        if entry.attention != UNSWEPT:
            swept += 1
            told = {"object": name, "status": entry.verdict.value, "state": entry.status.value}
            logger.warning("swept after a dead worker", extra=told)
            if entry.attempts:
                count_lost(entry, entry.attempts[-1].delivery)
    metrics.add_metric("ObjectsSwept", MetricUnit.Count, swept)
    return swept


def _rehearse(bucket: str, key: str, document: Any, delivery: Delivery) -> dict[str, Any]:
    """Say what would become of an object; nothing is written."""
    rehearsal = _parts()[0].rehearsal
    told: dict[str, Any] = {"bucket": bucket, "key": key}
    try:
        dataset = naming.dataset_of(key)
        contract = parse(dataset, document) if document is not None else None
        prepared = rehearsal(bucket, key, delivery, contract)
    except (TerminalError, ContractError) as error:
        return {**told, "status": error.code, "detail": error.detail}
    logger.info("object rehearsed", extra=told)
    return {**told, **prepared.facts, "status": prepared.verdict.value}


def _identity(event: ObjectEvent) -> str:
    """Name a delivery that comes without a message id: a retry of it says the same."""
    return f"{event.version or event.etag}/{event.sequencer}"


def _take(event: ObjectEvent, delivery: Delivery) -> dict[str, Any]:
    """Ingest one object, log one line and count; a terminal failure is an answer, too."""
    try:
        outcome = _parts()[0](event, delivery)
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
    return report(outcome, event, delivery, _datasets())
