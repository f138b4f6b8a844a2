"""The ledger: one DynamoDB item a raw key, and one a model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.entry import UNSWEPT, Entry
from store.items import ATTENTION_INDEX, entry_of, item_of, key_of, object_of
from store.refresh import Refresh
from store.states import name_of, state_item, state_of

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
        written = item_of(raw_object, entry, self.clock())
        with translated(f"writing the ledger entry of {raw_object}"):
            refused = _put(self.client, self.table, written, entry.revision)
        if refused is None:
            return None
        return entry_of(refused) if refused else self.get(raw_object)

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


@dataclass(frozen=True, slots=True)
class DynamoStates:
    """Keeps the states of models beside the entries, written by the same rule."""

    client: DynamoDBClient
    table: str
    clock: Callable[[], float] = time.time

    def get(self, model: str) -> Refresh:
        """See :class:`curator.ports.States`."""
        with translated(f"reading the state of model {model}"):
            answer = self.client.get_item(
                TableName=self.table, Key=key_of(name_of(model)), ConsistentRead=True
            )
        item = answer.get("Item")
        return Refresh() if item is None else state_of(item)

    def put(self, model: str, state: Refresh) -> Refresh | None:
        """See :class:`curator.ports.States`."""
        written = state_item(model, state, self.clock())
        with translated(f"writing the state of model {model}"):
            refused = _put(self.client, self.table, written, state.revision)
        if refused is None:
            return None
        return state_of(refused) if refused else self.get(model)


def _put(
    client: DynamoDBClient, table: str, item: dict[str, Any], revision: int
) -> dict[str, Any] | None:
    """Write an item if the table still holds the revision before it.

    Gives None when it was written; else the item that is there, empty where that is not told.
    """
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(revision)"}
    if revision > 1:
        condition = {
            "ConditionExpression": "revision = :before",
            "ExpressionAttributeValues": {":before": {"N": str(revision - 1)}},
        }
    try:
        client.put_item(
            TableName=table, Item=item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition
        )
    except ClientError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        # The item is beside the error, where there is one (DynamoDB API, PutItem).
        there: Any = error.response.get("Item")
        return dict(there) if there else {}
    return None
