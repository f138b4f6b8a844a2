"""The ledger: one DynamoDB item a raw key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.entry import UNSWEPT, Entry
from store.items import ATTENTION_INDEX, entry_of, item_of, key_of, object_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

    def put(self, raw_object: str, entry: Entry) -> Entry | None:
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
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **condition,
                )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            # The item is beside the error, where there is one (DynamoDB API, PutItem).
            item: Any = error.response.get("Item")
            return entry_of(item) if item else self.get(raw_object)
        return None

    def unswept(self) -> Iterator[str]:
        """See :class:`processor.ingest.ports.Ledger`."""
        with translated("asking the ledger what is to be swept"):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                IndexName=ATTENTION_INDEX,
                KeyConditionExpression="attention = :unswept",
                ExpressionAttributeValues={":unswept": {"S": UNSWEPT}},
            )
            for page in pages:
                for item in page["Items"]:
                    yield "/".join(object_of(item))
