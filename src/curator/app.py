"""The Lambda handler: what was told is kept, then every model that waits is made anew."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from curator.bootstrap import build
from curator.observability import logger, metrics, tracer
from curator.refresh import Invocation
from curator.settings import Settings
from store import touch
from store.errors import LakeError, TransientError, UnknownEventError
from store.events import is_schedule
from store.reasons import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from curator.refresh import Curator, Refreshed
    from store.models import Model
    from store.touch import Touch

#: Seconds of an invocation in which no further model is begun with.
_MARGIN = 20


@dataclass(frozen=True, slots=True)
class _Told:
    """A message, when it was sent in seconds since 1970, and what it says."""

    message: str
    sent: float
    touch: Touch


@cache
def _parts() -> tuple[Curator, dict[str, Model]]:
    return build(Settings.from_environment(os.environ))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # As for the ingest function: before the first event comes, there is a whole processor.
    with suppress(LakeError, KeyError):
        _parts()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Keep what a batch of messages tells, and make tables anew.

    Parameters
    ----------
    event : dict
        An SQS batch of the curate queue, or the event of the schedule.
    context : LambdaContext
        Of the invocation.

    Returns
    -------
    dict
        For a batch ``{"batchItemFailures": […]}``, naming the messages that could not be kept;
        of the schedule ``{"refreshed": […]}``, the models whose tables were made anew.
    """

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    _, models = _parts()
    scheduled = is_schedule(event)
    invocation = Invocation(uuid.uuid4().hex, seconds_left, scheduled)
    if scheduled:
        return {"refreshed": _refresh(models.values(), invocation)}
    failed, touched = _keep(event["Records"], models)
    _refresh([model for name, model in models.items() if name in touched], invocation)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _keep(records: list[dict[str, Any]], models: dict[str, Model]) -> tuple[list[str], set[str]]:
    """Add what messages tell to the models' states, one write a model.

    Gives the messages to be delivered again, and the names of the models.
    """
    curator = _parts()[0]
    told: dict[str, list[_Told]] = {}
    failed: list[str] = []
    for record in records:
        try:
            found = touch.read(record["body"])
        except UnknownEventError as error:
            logger.error("message refused", extra={"reason": error.code, "detail": error.detail})
            metrics.add_metric("MessagesRefused", MetricUnit.Count, 1)
            failed.append(record["messageId"])
            continue
        sent = int(record["attributes"]["SentTimestamp"]) / 1000
        for name in (found.model,) if found.model else curator.readers.get(found.table, ()):
            told.setdefault(name, []).append(_Told(record["messageId"], sent, found))
    for name in {*told} - {*models}:
        logger.warning("no such model", extra={"model": name})
        del told[name]
    for name, messages in told.items():
        dates = frozenset[str]().union(*(one.touch.dates for one in messages))
        since = min(one.sent for one in messages)
        everything = any(one.touch.everything for one in messages)
        try:
            curator.touch(models[name], dates, since, everything=everything)
        except TransientError as error:
            logger.warning("not kept", extra={"model": name, "detail": error.detail})
            failed += [one.message for one in messages]
    return sorted({*failed}), set(told)


def _refresh(models: Iterable[Model], invocation: Invocation) -> list[str]:
    """Make tables anew; one that fails does not stop the others. Gives the models' names."""
    refreshed = []
    for model in models:
        if invocation.seconds_left() < _MARGIN:
            break
        try:
            done = _parts()[0].refresh(model, invocation)
        except Exception as error:  # whatever it is: the others are not to wait for it
            reason = error.code if isinstance(error, LakeError) else Failure.DEFECT
            extra = {"model": model.name, "reason": reason}
            logger.error("refresh stopped", extra=extra, exc_info=error)
            metrics.add_metric("RefreshFailures", MetricUnit.Count, 1)
            continue
        if done.runs:
            refreshed.append(model.name)
        _say(done)
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
        extra = {"model": done.model, "reason": why.reason, "detail": why.detail}
        logger.warning("model failed", extra=extra)
    if done.failed and not done.runs:
        metrics.add_metric("RefreshFailures", MetricUnit.Count, 1)
