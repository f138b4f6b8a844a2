"""The ledger: one DynamoDB item a raw key."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from processor.adapters.aws_errors import code_of, translated
from processor.model import Entry, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OWN = frozenset(
    {"object", "revision", "version", "status", "outputs", "replaced", "intents", "updated_at"}
)


@dataclass(frozen=True, slots=True)
class DynamoLedger:
    """Keeps entries as items, each write conditional on the revision before it."""

    client: DynamoDBClient
    table: str

    def get(self, raw_object: str) -> Entry:
        """See :class:`processor.ports.Ledger`."""
        with translated(f"reading the ledger entry of {raw_object}"):
            answer = self.client.get_item(
                TableName=self.table, Key={"object": {"S": raw_object}}, ConsistentRead=True
            )
        item: dict[str, Any] | None = answer.get("Item")
        if item is None:
            return Entry()
        return Entry(
            revision=int(item["revision"]["N"]),
            version=item["version"]["S"],
            status=Status(item["status"]["S"]),
            outputs=tuple(_unpacked(item["outputs"])),
            replaced=tuple(_unpacked(item["replaced"])),
            intents={who: tuple(keys) for who, keys in _unpacked(item["intents"]).items()},
            facts={
                name: int(value["N"]) if "N" in value else value["S"]
                for name, value in item.items()
                if name not in _OWN
            },
        )

    def put(self, raw_object: str, entry: Entry) -> bool:
        """See :class:`processor.ports.Ledger`."""
        facts: dict[str, Any] = {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in entry.facts.items()
        }
        own: dict[str, Any] = {
            "object": {"S": raw_object},
            "revision": {"N": str(entry.revision)},
            "version": {"S": entry.version},
            "status": {"S": entry.status.value},
            "outputs": _packed(entry.outputs),
            "replaced": _packed(entry.replaced),
            "intents": _packed(entry.intents),
            "updated_at": {"S": datetime.now(UTC).isoformat(timespec="milliseconds")},
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(revision)"}
        if entry.revision > 1:
            condition = {
                "ConditionExpression": "revision = :before",
                "ExpressionAttributeValues": {":before": {"N": str(entry.revision - 1)}},
            }
        try:
            with translated(f"writing the ledger entry of {raw_object}"):
                self.client.put_item(TableName=self.table, Item=facts | own, **condition)
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _packed(keys: Any) -> dict[str, Any]:
    # An item holds 400 KB; 4,000 keys of one object are 500 KB as text, 30 KB packed.
    return {"B": zlib.compress(json.dumps(keys).encode())}


def _unpacked(value: dict[str, Any]) -> Any:
    return json.loads(zlib.decompress(bytes(value["B"])))
