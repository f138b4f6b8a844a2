"""The one place where the concrete parts are built and handed to the use case."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session

from aws.dynamodb import DynamoLedger
from aws.glue import GlueCatalog
from aws.s3 import S3OutputStore, S3RawStore
from aws.sqs import SqsCuration, SqsQueue
from aws.xray import steps
from contract.loading import load_folder
from engine.duck import DuckEngine
from engine.options import Options
from engine.types.evolve import evolved
from engine.workspace import remove_leftovers
from processor.ingest.protocol import Ingest
from processor.observability import tracer
from store.models import load, readers

if TYPE_CHECKING:
    from processor.ingest.ports import Queue
    from processor.settings import Settings

#: Bytes as uploaded that one vCPU converts in a second, of what is read fastest: nobody knows an
#: object before it is read, and then :mod:`engine.read.formats` knows better.
_BYTES_PER_VCPU_SECOND = 60_000_000

#: Where src/Makefile puts contracts and models: beside this package.
_CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
_MODELS = _CONTRACTS.with_name("models.json")

#: Adaptive: a client slows itself down where a service throttles it, with jitter.
_RETRIES: Any = {"mode": "adaptive", "total_max_attempts": 6}

#: DynamoDB, Glue and SQS answer in milliseconds, or their answer is lost: seconds later another
#: connection has it, and every call is safe to repeat.
_QUICK = Config(retries=_RETRIES, connect_timeout=2, read_timeout=5)

#: S3 may be silent for longer before a large object, and while it puts parts together.
_S3 = Config(retries=_RETRIES, connect_timeout=3, read_timeout=30)


def clear_leftovers() -> None:
    """Remove what workers that were killed left on the disk, at the begin of an invocation."""
    remove_leftovers()


def contracts() -> dict[str, Any]:
    """Give the documents of the contracts by which records are judged, by dataset.

    Raises
    ------
    ContractError
        As of :func:`build`.
    """
    return {name: one.document for name, one in load_folder(_CONTRACTS).items()}


def build(settings: Settings) -> tuple[Ingest, Queue]:
    """Build the use case over AWS, and the queue that its messages come from.

    Parameters
    ----------
    settings : Settings
        What the deployment decided.

    Returns
    -------
    tuple of Ingest and Queue
        Ready to be called.

    Raises
    ------
    ContractError
        When a contract cannot be honoured, or their folder is missing: nothing is ingested by
        half a contract, or by none because nobody shipped it.
    ModelError
        When nobody shipped the models.
    """
    # botocore's session, not boto3's: what boto3 adds is not used, and a cold start would load it.
    session = Session()
    s3: Any = session.create_client("s3", config=_S3)
    sqs: Any = session.create_client("sqs", config=_QUICK)
    glue: Any = session.create_client("glue", config=_QUICK)
    dynamodb: Any = session.create_client("dynamodb", config=_QUICK)
    queue = SqsQueue(sqs, settings.queue_url)
    # Before the first object is downloaded: what dead workers left takes its room.
    remove_leftovers()
    ingest = Ingest(
        raw=S3RawStore(s3),
        outputs=S3OutputStore(s3, settings.processed_bucket),
        catalog=GlueCatalog(
            glue,
            database=settings.database,
            bucket=settings.processed_bucket,
            crawler=settings.crawler,
            evolve=partial(evolved, max_columns=settings.max_columns),
            crawl_minutes=settings.crawl_minutes,
        ),
        ledger=DynamoLedger(dynamodb, settings.ledger_table),
        engine=DuckEngine(_options(settings), load_folder(_CONTRACTS)),
        curation=SqsCuration(
            sqs,
            settings.curate_queue_url,
            readers(load(_MODELS)),
        ),
        bytes_per_second=_BYTES_PER_VCPU_SECOND * settings.vcpus,
        step=steps(tracer),
    )
    return ingest, queue


def _options(settings: Settings) -> Options:
    return Options(
        # Few files come near it (docs/explanation/performance.md); the rest is for the interpreter,
        # botocore, what DuckDB takes beside its limit and what the allocator keeps.
        memory_mb=settings.memory_mb // 2,
        threads=max(1, round(settings.vcpus)),
        vcpus=settings.vcpus,
        disk_bytes=settings.disk_mb * 1024 * 1024,
        date_columns=settings.date_columns,
        max_partitions=settings.max_partitions,
        max_columns=settings.max_columns,
        output_format=settings.output_format,
        first_date=settings.first_date,
    )
