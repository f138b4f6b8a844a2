"""The one place where the concrete parts are built and handed to the use case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session

from aws.athena import Athena
from aws.curated import GlueTables, S3Folders
from aws.dynamodb import DynamoStates
from aws.sqs import SqsCuration
from aws.xray import steps
from curator.observability import tracer
from curator.refresh import Curator
from store.models import load, readers

if TYPE_CHECKING:
    from curator.settings import Settings

#: Where src/Makefile puts the models: beside this package.
_MODELS = Path(__file__).resolve().parents[1] / "models.json"

#: Every call is safe to repeat: its answer is there within seconds, or it is lost.
_CONFIG = Config(
    retries={"mode": "adaptive", "total_max_attempts": 6},
    connect_timeout=2,
    read_timeout=15,
)


def build(settings: Settings) -> Curator:
    """Build the use case over AWS.

    Parameters
    ----------
    settings : Settings
        What the deployment decided.

    Returns
    -------
    Curator
        Ready to be called.

    Raises
    ------
    ModelError
        When nobody shipped the models.
    """
    models = load(_MODELS)
    session = Session()

    def client(name: str) -> Any:
        return session.create_client(name, config=_CONFIG)

    reading = readers(models)
    return Curator(
        states=DynamoStates(client("dynamodb"), settings.ledger_table),
        queries=Athena(client("athena"), settings.workgroup, settings.database),
        tables=GlueTables(client("glue"), settings.database, settings.curated_bucket),
        files=S3Folders(client("s3"), settings.curated_bucket),
        queue=SqsCuration(client("sqs"), settings.queue_url, reading),
        database=settings.database,
        bucket=settings.curated_bucket,
        models={model.name: model for model in models},
        readers=reading,
        keep=60.0 * settings.keep_minutes,
        step=steps(tracer),
    )
