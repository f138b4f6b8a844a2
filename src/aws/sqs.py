"""The ingest queue, as seen by who failed a message of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from aws.errors import code_of, translated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


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
