"""The one place where the concrete parts are built and handed to the use case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session

from aws.events import EventBus
from aws.runs import S3Runs
from aws.xray import steps
from recorder.observability import tracer
from recorder.record import Recorder

if TYPE_CHECKING:
    from recorder.settings import Settings

#: Every call is safe to repeat.
_CONFIG = Config(
    retries={"mode": "adaptive", "total_max_attempts": 6},
    connect_timeout=2,
    read_timeout=30,
)


def build(settings: Settings) -> Recorder:
    """Build the use case over AWS.

    Parameters
    ----------
    settings : Settings
        What the deployment decided.

    Returns
    -------
    Recorder
        Ready to be called.
    """
    session = Session()
    s3: Any = session.create_client("s3", config=_CONFIG)
    events: Any = session.create_client("events", config=_CONFIG)
    return Recorder(
        runs=S3Runs(s3, settings.processed_bucket),
        events=EventBus(events, settings.source),
        first_date=settings.first_date,
        step=steps(tracer),
    )
