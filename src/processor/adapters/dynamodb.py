"""The ledger: one DynamoDB item a raw key."""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from processor.adapters.aws_errors import code_of, translated
from processor.ledger import Attempt, Entry
from store.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

#: Statuses that someone may want to look into: only these are in the sparse index.
_ATTENTION = frozenset(
    {Status.FAILED, Status.PARTIAL, Status.REJECTED, Status.STORED, Status.TOO_LARGE}
)

_OWN = frozenset(
    {
        *("object", "revision", "version", "status", "verdict", "attention", "updated_at"),
        *("committed_at", "outputs", "replaced", "replay", "attempts"),
    }
)


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
            committed_at=int(item["committed_at"]["N"]),
            verdict=Status(item["verdict"]["S"]),
            outputs=_unpacked(item["outputs"]),
            replaced=_unpacked(item["replaced"]),
            replay=item["replay"]["S"],
            attempts=tuple(_attempt(one["M"]) for one in item["attempts"]["L"]),
            facts={
                name: int(value["N"]) if "N" in value else value["S"]
                for name, value in item.items()
                if name not in _OWN
            },
        )

    def put(self, raw_object: str, entry: Entry) -> bool:
        """See :class:`processor.ports.Ledger`."""
        item: dict[str, Any] = {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in entry.facts.items()
        }
        item |= {
            "object": {"S": raw_object},
            "revision": {"N": str(entry.revision)},
            "version": {"S": entry.version},
            "status": {"S": entry.status.value},
            "committed_at": {"N": str(entry.committed_at)},
            "verdict": {"S": entry.verdict.value},
            "outputs": _packed(entry.outputs),
            "replaced": _packed(entry.replaced),
            "replay": {"S": entry.replay},
            "attempts": {"L": [{"M": _attributes(one)} for one in entry.attempts]},
            "updated_at": {"S": _instant(self.clock())},
        }
        if entry.status in _ATTENTION:
            item["attention"] = {"S": entry.status.value}
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(revision)"}
        if entry.revision > 1:
            condition = {
                "ConditionExpression": "revision = :before",
                "ExpressionAttributeValues": {":before": {"N": str(entry.revision - 1)}},
            }
        try:
            with translated(f"writing the ledger entry of {raw_object}"):
                self.client.put_item(TableName=self.table, Item=item, **condition)
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _attributes(attempt: Attempt) -> dict[str, Any]:
    return {
        "generation": {"N": str(attempt.generation)},
        "worker": {"S": attempt.worker},
        "delivery": {"S": attempt.delivery},
        "version": {"S": attempt.version},
        "began": {"N": repr(attempt.began)},
        "expires": {"N": repr(attempt.expires)},
        "status": {"S": attempt.status.value},
        "keys": _packed(attempt.keys),
        "reason": {"S": attempt.reason},
        "detail": {"S": attempt.detail},
    }


def _attempt(found: dict[str, Any]) -> Attempt:
    return Attempt(
        generation=int(found["generation"]["N"]),
        worker=found["worker"]["S"],
        delivery=found["delivery"]["S"],
        version=found["version"]["S"],
        began=float(found["began"]["N"]),
        expires=float(found["expires"]["N"]),
        status=Status(found["status"]["S"]),
        keys=_unpacked(found["keys"]),
        reason=found["reason"]["S"],
        detail=found["detail"]["S"],
    )


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _packed(keys: tuple[str, ...]) -> dict[str, Any]:
    # An item holds 400 KB; 4,000 keys of one object are 500 KB as text, 30 KB packed.
    return {"B": zlib.compress(json.dumps(keys).encode())}


def _unpacked(value: dict[str, Any]) -> tuple[str, ...]:
    return tuple(json.loads(zlib.decompress(bytes(value["B"]))))
