"""Tell the ingest queue of objects again, and move dead letters back to it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from lake.errors import LakeCommandError
from store.events import announcement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lake.target import Target

#: Outputs that name the dead-letter queues: of objects, and of what models are told.
DEAD_LETTERS = ("DeadLetterQueueUrl", "CurateDeadLetterQueueUrl")

#: The most that SendMessageBatch takes (Amazon SQS API Reference).
_BATCH = 10


def announce(
    target: Target,
    keys: Sequence[str],
    replay: str = "",
    sent: Callable[[int], None] = lambda _: None,
    *,
    removal: bool = False,
    rewrite: bool = False,
) -> None:
    """Send an event for each object, as if it had just been created, or deleted.

    Parameters
    ----------
    target : Target
        The lake.
    keys : sequence of str
        Raw keys.
    replay : str
        Names a replay: objects whose version is committed are ingested again, once. Without it
        the function does only what is missing.
    sent : callable
        Told how many were sent since it was last called.
    rewrite : bool
        Have the rows of each object read in place of the object.
    removal : bool
        Tell of a deletion: with a replay's name the rows of objects that are gone are removed.

    Raises
    ------
    LakeCommandError
        When SQS took only some of them.
    """
    sqs, bucket = target.client("sqs"), target.outputs["RawBucketName"]
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        answer = sqs.send_message_batch(
            QueueUrl=target.outputs["IngestQueueUrl"],
            Entries=[
                {
                    "Id": str(number),
                    "MessageBody": json.dumps(
                        announcement(bucket, key, replay, removal=removal, rewrite=rewrite)
                    ),
                }
                for number, key in enumerate(batch)
            ],
        )
        if failed := answer.get("Failed"):
            raise LakeCommandError(
                f"SQS refused {batch[int(failed[0]['Id'])]}: {failed[0].get('Message')}; "
                f"{start} objects were sent. The same command sends all again, harmlessly."
            )
        sent(len(batch))


def dead_letters(target: Target, queue: str) -> int:
    """Count the messages in a dead-letter queue, about; it is named by its output."""
    answer = target.client("sqs").get_queue_attributes(
        QueueUrl=target.outputs[queue],
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def redrive(target: Target, queue: str, timeout: float) -> Iterator[int]:
    """Move dead letters back to the queue they came from, by SQS itself.

    Parameters
    ----------
    target : Target
        The lake.
    queue : str
        The output that names the dead-letter queue.
    timeout : float
        Seconds to watch; SQS goes on by itself after that.

    Yields
    ------
    int
        How many were moved so far.

    Raises
    ------
    LakeCommandError
        When SQS failed to move them.
    """
    sqs, url = target.client("sqs"), target.outputs[queue]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sqs.start_message_move_task(SourceArn=arn)
    deadline = time.monotonic() + timeout
    while True:
        task = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"][0]
        yield int(task.get("ApproximateNumberOfMessagesMoved", 0))
        if task["Status"] == "FAILED":
            raise LakeCommandError(f"SQS stopped moving: {task.get('FailureReason', 'no reason')}")
        if task["Status"] != "RUNNING" or time.monotonic() > deadline:
            return
        time.sleep(0.5)
