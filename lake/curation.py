"""Tell the curate queue: of rows that the command itself changed, and of what is wanted anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.errors import LakeCommandError
from store.touch import Touch, of_partitions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lake.target import Target

#: The most that SendMessageBatch takes (Amazon SQS API Reference).
_BATCH = 10


def tell(target: Target, partitions: Iterable[str]) -> None:
    """Say that rows of partitions changed, such as those of ``orders/2024-01-15``."""
    send(target, of_partitions(partitions))


def send(target: Target, touches: list[Touch]) -> None:
    """Send messages to the curate queue.

    Raises
    ------
    LakeCommandError
        When SQS took only some of them; the same command sends all again, harmlessly.
    """
    sqs, queue = target.client("sqs"), target.outputs["CurateQueueUrl"]
    for start in range(0, len(touches), _BATCH):
        answer = sqs.send_message_batch(
            QueueUrl=queue,
            Entries=[
                {"Id": str(number), "MessageBody": touch.body()}
                for number, touch in enumerate(touches[start : start + _BATCH])
            ],
        )
        if failed := answer.get("Failed"):
            raise LakeCommandError(
                f"SQS refused to be told what changed: {failed[0].get('Message')}. The same "
                "command tells it again."
            )
