"""What MiniStack's SQS lacks.

- It has no message move tasks, by which dead letters go back to where they came from.
- It renews the list of a queue's messages without regard to who is just adding one, so that
  under load a message is now and then lost before it is delivered.
"""

from __future__ import annotations

import copy
import functools
import threading
import time
from typing import TYPE_CHECKING, Any

from localaws.internals import esm_wake, new_uuid, provisioners, sqs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Message = dict[str, Any]

_QUEUE = "AWS::SQS::Queue"

#: Every function of MiniStack's that renews the list of messages.
_RENEWING = (
    "act_delete_message",
    "act_delete_message_batch",
    "delete_messages_for_esm",
    "dlq_sweep",
    "expire_retained",
)

_lock = threading.RLock()
_tasks: dict[str, list[dict[str, Any]]] = {}


class _Queue(dict[str, Any]):
    """A queue whose messages are added only while nobody renews their list."""

    def __init__(self, queue: dict[str, Any]) -> None:
        super().__init__(queue)
        self["messages"] = queue["messages"]

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        # What is written to disk is plain.
        with _lock:
            plain = {**self, "messages": list(self["messages"])}
            return copy.deepcopy(plain, memo)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _Messages(self, value) if name == "messages" else value)


class _Messages(list["Message"]):
    def __init__(self, queue: _Queue, messages: Iterable[Message]) -> None:
        super().__init__(messages)
        self._queue = queue

    def append(self, message: Message) -> None:
        with _lock:
            # By now the queue may have another list than when this one was looked up.
            list.append(self._queue["messages"], message)


def _locked(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*words: Any, **named: Any) -> Any:
        with _lock:
            return function(*words, **named)

    return wrapped


def _start_move(data: dict[str, Any], _url: str) -> dict[str, Any]:
    source = sqs.queue_by_arn(str(data.get("SourceArn", "")))
    if source is None:
        raise sqs.Err("ResourceNotFoundException", "The resource that you specified doesn't exist.")
    moved = 0
    with _lock:
        for message in list(source["messages"]):
            target = sqs.queue_by_arn(message["sys"].get("DeadLetterQueueSourceArn", ""))
            if target is not None:
                fresh = {"visible_at": time.time(), "receive_count": 0, "receipt_handle": None}
                target["messages"].append({**message, **fresh})
                source["messages"].remove(message)
                moved += 1
    esm_wake.set()
    task = {
        "TaskHandle": new_uuid(),
        "Status": "COMPLETED",
        "SourceArn": data["SourceArn"],
        "ApproximateNumberOfMessagesMoved": moved,
        "ApproximateNumberOfMessagesToMove": moved,
        "StartedTimestamp": int(time.time() * 1000),
    }
    _tasks.setdefault(data["SourceArn"], []).insert(0, task)
    return {"TaskHandle": task["TaskHandle"]}


def _list_moves(data: dict[str, Any], _url: str) -> dict[str, Any]:
    wanted = int(data.get("MaxResults", 1))
    return {"Results": _tasks.get(str(data.get("SourceArn", "")), [])[:wanted]}


def extend() -> None:
    """Teach MiniStack's SQS both."""
    # MiniStack's own lock, which some of these take themselves: two would wait for each other.
    sqs.replace("queues_lock", _lock)
    for name in _RENEWING:
        sqs.replace(name, _locked(getattr(sqs, name)))
    sqs.HANDLERS.update(
        {
            "DeleteMessage": sqs.act_delete_message,
            "DeleteMessageBatch": sqs.act_delete_message_batch,
            "StartMessageMoveTask": _start_move,
            "ListMessageMoveTasks": _list_moves,
        }
    )
    handlers = provisioners.RESOURCE_HANDLERS[_QUEUE]
    create = handlers["create"]

    def create_queue(*words: Any) -> Any:
        made = create(*words)
        url = made[0]
        sqs.queues[url] = _Queue(sqs.queues[url])
        return made

    provisioners.RESOURCE_HANDLERS[_QUEUE] = {**handlers, "create": create_queue}


def restore() -> None:
    """Make what was loaded from disk what it is while the server runs.

    Messages in flight are visible again: who had them ended with the server.
    """
    now = time.time()
    for (account, region, url), queue in list(sqs.queues.all_items()):
        for message in queue["messages"]:
            if message["receipt_handle"] is not None:
                message |= {"visible_at": now, "receipt_handle": None}
        sqs.queues.set_scoped(account, region, url, _Queue(queue))
    esm_wake.set()
