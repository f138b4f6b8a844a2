"""The ledger: one DynamoDB item a raw key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.entry import Entry
from store.items import entry_of, item_of, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoLedger:
    """Keeps entries as items, each write conditional on the revision before it.

    Attributes
    ----------
    client : DynamoDBClient
        With botocore's retries configured.
    table : str
        Name of the table.
    clock : callable
        Seconds since 1970.
    """

    client: DynamoDBClient
    table: str
    clock: Callable[[], float] = time.time

    def get(self, raw_object: str) -> Entry:
        """See :class:`processor.ingest.ports.Ledger`."""
        with translated(f"reading the ledger entry of {raw_object}"):
            answer = self.client.get_item(
                TableName=self.table, Key=key_of(raw_object), ConsistentRead=True
            )
        item = answer.get("Item")
        return Entry() if item is None else entry_of(item)

    def put(self, raw_object: str, entry: Entry) -> bool:
        """See :class:`processor.ingest.ports.Ledger`."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(revision)"}
        if entry.revision > 1:
            condition = {
                "ConditionExpression": "revision = :before",
                "ExpressionAttributeValues": {":before": {"N": str(entry.revision - 1)}},
            }
        try:
            with translated(f"writing the ledger entry of {raw_object}"):
                self.client.put_item(
                    TableName=self.table,
                    Item=item_of(raw_object, entry, self.clock()),
                    **condition,
                )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True
