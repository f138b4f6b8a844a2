"""What is in a lake right now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake.messages import DEAD_LETTERS, dead_letters
from lake.tables import tables_of

if TYPE_CHECKING:
    from lake.target import Target


@dataclass(frozen=True)
class Status:
    """The lake at one look.

    Attributes
    ----------
    objects : dict of str to int
        Raw objects by their state in the ledger.
    waiting, in_flight, dead : int
        Messages to be taken, being worked on, given up.
    tables : dict of str to int
        Columns of each table.
    crawler : str
        State of the crawler.
    """

    objects: dict[str, int]
    waiting: int
    in_flight: int
    dead: int
    tables: dict[str, int]
    crawler: str


def look(target: Target) -> Status:
    """Ask ledger, queues and catalog."""
    outputs = target.outputs
    scan = target.client("dynamodb").get_paginator("scan")
    objects = Counter(
        item["status"]["S"]
        for page in scan.paginate(
            TableName=outputs["LedgerTableName"],
            ProjectionExpression="#s",
            ExpressionAttributeNames={"#s": "status"},
        )
        for item in page["Items"]
        # The state of a model has none.
        if "status" in item
    )
    sqs, names = target.client("sqs"), ["All"]
    queue = sqs.get_queue_attributes(QueueUrl=outputs["IngestQueueUrl"], AttributeNames=names)[
        "Attributes"
    ]
    dead = sum(dead_letters(target, one) for one in DEAD_LETTERS)
    glue = target.client("glue")
    tables = {
        name: len(table["StorageDescriptor"]["Columns"])
        for name, table in tables_of(target).items()
    }
    return Status(
        dict(sorted(objects.items())),
        int(queue["ApproximateNumberOfMessages"]),
        int(queue["ApproximateNumberOfMessagesNotVisible"]),
        dead,
        dict(sorted(tables.items())),
        str(glue.get_crawler(Name=outputs["GlueCrawlerName"])["Crawler"]["State"]),
    )
