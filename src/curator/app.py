"""The Lambda handler: what was told is kept, then every model that waits is made anew."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from curator.bootstrap import build
from curator.observability import logger, metrics, tracer
from curator.refresh import Invocation, Told
from curator.settings import Settings
from store import touch
from store.errors import LakeError, TransientError, UnknownEventError
from store.events import is_schedule
from store.reasons import Failure
from store.touch import Touch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from curator.refresh import Curator, Refreshed
    from store.models import Model

#: Seconds of an invocation in which no further model is begun with.
_MARGIN = 20


@cache
def _parts() -> Curator:
    return build(Settings.from_environment(os.environ))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # As for the ingest function: before the first event comes, there is a whole processor.
    with suppress(LakeError, KeyError):
        _parts()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Keep what a batch of messages tells, and make tables anew.

    Parameters
    ----------
    event : dict
        An SQS batch of the curate queue, the event of the schedule, or a question.
    context : LambdaContext
        Of the invocation.

    Returns
    -------
    dict
        For a batch ``{"batchItemFailures": […]}``, naming the messages that could not be kept;
        of the schedule ``{"refreshed": […]}``, the models whose tables were made anew; of the
        command, which asks for them, the hashes of the models' texts by their names.
    """

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    curator, scheduled = _parts(), is_schedule(event)
    metrics.add_metric("Events", MetricUnit.Count, len(event.get("Records", [event])))
    if event == touch.ASKING:
        return {"models": {name: model.text_hash for name, model in curator.models.items()}}
    invocation = Invocation(uuid.uuid4().hex, seconds_left, scheduled)
    if scheduled:
        return {"refreshed": _refresh(curator.models.values(), invocation)}
    told, refused = _read(event["Records"])
    models, failed = curator.take(told)
    for one in failed:
        where = {"model": one.touch.model, "table": one.touch.table}
        logger.warning("message not kept", extra=where)
    _refresh(models, invocation)
    names = sorted({*refused, *(one.id for one in failed)})
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


def _read(records: list[dict[str, Any]]) -> tuple[list[Told], list[str]]:
    """Read messages; give also the ids of those that cannot be read.

    These are not acknowledged: SQS moves them to the dead-letter queue, where one can look at them.
    """
    told, refused = [], []
    for record in records:
        sent = int(record["attributes"]["SentTimestamp"]) / 1000
        try:
            told.append(Told(record["messageId"], sent, touch.read(record["body"])))
        except UnknownEventError as error:
            logger.error("message refused", extra={"reason": error.code, "detail": error.detail})
            metrics.add_metric("MessagesRefused", MetricUnit.Count, 1)
            refused.append(record["messageId"])
    return told, refused


def _refresh(models: Iterable[Model], invocation: Invocation) -> list[str]:
    """Make tables anew; one that fails does not stop the others. Gives the models' names."""
    refreshed = []
    left: list[Touch] = []
    for model in models:
        if invocation.seconds_left() < _MARGIN:
            # What it waits for is kept; a message brings somebody sooner than the schedule.
            left.append(Touch(model=model.name))
            continue
        try:
            done = _parts().refresh(model, invocation)
        except Exception as error:  # whatever it is: the others are not to wait for it
            reason = error.code if isinstance(error, LakeError) else Failure.DEFECT
            extra = {"model": model.name, "reason": reason}
            logger.error("refresh stopped", extra=extra, exc_info=error)
            metrics.add_metric("RefreshFailures", MetricUnit.Count, 1)
            continue
        if done.runs:
            refreshed.append(model.name)
        _say(done)
    if left and not invocation.scheduled:
        with suppress(TransientError):
            _parts().queue.send(left)
    # Where there is nothing to do this is said, too: Powertools warns of no metrics at all.
    metrics.add_metric("ModelsRefreshed", MetricUnit.Count, len(refreshed))
    return refreshed


def _say(done: Refreshed) -> None:
    for run in done.runs:
        told = {
            "model": done.model,
            "partitions": run.partitions,
            "seconds": round(run.at - run.began, 3),
            "freshness": round(run.late, 3),
            "bytes_scanned": run.scanned,
            "queries": run.queries,
        }
        logger.info("table made anew", extra=told)
        metrics.add_metric("PartitionsRefreshed", MetricUnit.Count, run.partitions)
        metrics.add_metric("Freshness", MetricUnit.Seconds, run.late)
        metrics.add_metric("RefreshDuration", MetricUnit.Seconds, run.at - run.began)
        metrics.add_metric("BytesScanned", MetricUnit.Bytes, run.scanned)
    for why in done.failed:
        extra = {"model": done.model, "reason": why.reason}
        logger.warning("model failed", extra=extra)
        # Athena may quote a value. The model's state has the text, and `lake models` shows it.
        logger.debug("model failed in detail", extra={**extra, "detail": why.detail})
    # One that failed and was published afterwards is well.
    if done.failed and not (done.runs and done.runs[-1].at >= done.failed[-1].at):
        metrics.add_metric("RefreshFailures", MetricUnit.Count, 1)
