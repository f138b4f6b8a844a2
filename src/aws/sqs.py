"""The queues: of objects, as seen by who failed a message of it, and of dates of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.errors import ServiceError
from store.touch import Touch, of_partitions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mypy_boto3_sqs import SQSClient

#: The most that SendMessageBatch takes (Amazon SQS API Reference).
_BATCH = 10

#: The message was delivered to somebody else meanwhile, or acknowledged by him. To a receipt that
#: is no longer good SQS answers InvalidParameterValue, "The receipt handle has expired" or "Message
#: does not exist or is not available for visibility timeout change" (aws-sdk-java#1628,
#: mapbox/ecs-watchbot#135), to one that never was ReceiptHandleIsInvalid.
_NOT_OURS = frozenset(
    {
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
    }
)


@dataclass(frozen=True, slots=True)
class SqsQueue:
    """Decides when a message that failed is delivered again."""

    client: SQSClient
    url: str

    def hand_back(self, receipt: str, seconds: int) -> None:
        """See :class:`processor.ingest.ports.Queue`."""
        try:
            with translated(f"handing a message back to {self.url}"):
                self.client.change_message_visibility(
                    QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=seconds
                )
        except ClientError as error:
            if code_of(error) not in _NOT_OURS:
                raise


@dataclass(frozen=True, slots=True)
class SqsCuration:
    """Tells the curate queue which dates of which tables changed.

    Attributes
    ----------
    client : SQSClient
        With botocore's retries configured.
    url : str
        Of the queue.
    tables : collection of str
        Those that some model reads: changes of others concern nobody.
    """

    client: SQSClient
    url: str
    tables: Collection[str]

    def concerns(self, partition: str) -> bool:
        """See :class:`processor.ingest.ports.Curation`."""
        return partition.partition("/")[0] in self.tables

    def tell(self, partitions: Collection[str]) -> None:
        """See :class:`processor.ingest.ports.Curation`."""
        self.send(of_partitions(filter(self.concerns, partitions)))

    def send(self, found: Iterable[Touch]) -> None:
        """Send messages.

        Raises
        ------
        ServiceError
            When not all could be sent.
        """
        bodies = [touch.body() for touch in found]
        for start in range(0, len(bodies), _BATCH):
            entries: Any = [
                {"Id": str(number), "MessageBody": body}
                for number, body in enumerate(bodies[start : start + _BATCH])
            ]
            with translated(f"telling {self.url} what changed"):
                answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            if failed := answer.get("Failed"):
                raise ServiceError(f"telling {self.url} what changed: {failed[0]}")
