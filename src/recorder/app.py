"""The Lambda handler: a batch of the ledger's stream in, rows and events out."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from recorder.bootstrap import build
from recorder.observability import logger, metrics, tracer
from recorder.settings import Settings
from store.items import plain

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from recorder.record import Recorder


@cache
def _parts() -> Recorder:
    return build(Settings.from_environment(os.environ))


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # As for the ingest function: before the first event comes, there is a whole processor.
    with suppress(KeyError):
        _parts()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # Lambda hands it in
    """Record what was committed.

    Parameters
    ----------
    event : dict
        A batch of the stream of the ledger. What it raises has Lambda deliver it again.
    context : LambdaContext
        Of the invocation.

    Returns
    -------
    dict
        How many commits there were, rows, files and events.
    """
    written = (record["dynamodb"].get("NewImage") for record in event["Records"])
    done = _parts()([plain(image) for image in written if image])
    told = {
        "commits": done.commits,
        "rows": done.rows,
        "files": done.files,
        "events": done.events,
    }
    logger.info("commits recorded", extra=told)
    metrics.add_metric("CommitsRecorded", MetricUnit.Count, done.commits)
    metrics.add_metric("EventsSent", MetricUnit.Count, done.events)
    return told
