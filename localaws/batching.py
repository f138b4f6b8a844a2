"""Batches of a queue's messages, and of a table's changes, gathered as Lambda gathers them.

MiniStack keeps the ``MaximumBatchingWindowInSeconds`` of an event source mapping, does nothing with
it, and gives a function ten messages at most. Lambda receives messages until there are BatchSize
of them, until the invocation's payload has 6 MB, or until the window ends, which begins with the
first message (Lambda documentation, "Using Lambda with Amazon SQS", Batching behavior). What it
has received is in flight.

Of a DynamoDB stream a batch has the records of one shard in their order; its window begins with the
first of them, too (Lambda documentation, "Using Lambda with Amazon DynamoDB", Batching behavior).
"""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from localaws.internals import dynamodb, error_response_json, esm_wake, runtime, sqs

if TYPE_CHECKING:
    from collections.abc import Iterator

Properties = dict[str, Any]
Message = dict[str, Any]

#: Messages of a batch that needs no window.
_SMALL = 10

#: Bytes of an invocation's payload, and of a record around a message's own words.
_PAYLOAD, _ENVELOPE = 6 << 20, 800

#: Messages that are taken from a queue at once: so many may be too much for the payload.
_AT_ONCE = 100


class _Batch:
    """What was received for a mapping and is not delivered yet."""

    def __init__(self) -> None:
        #: Receipt handle, size and message.
        self._held: list[tuple[str, int, Message]] = []
        self._ends = 0.0

    def gather(self, url: str, size: int, window: float) -> list[Message]:
        """Receive what there is; give the messages when it is time, else none."""
        with sqs.queues_lock:
            now = time.time()
            # What is visible again is received once more.
            self._held = [
                one for one in self._held
                if one[2]["receipt_handle"] == one[0] and one[2]["visible_at"] > now
            ]  # fmt: skip
            is_new = not self._held
            self._receive(sqs.queues[url], size)
        if is_new:
            self._begin(window)
        fits = self._fitting(size)
        if fits == len(self._held) < size and time.monotonic() < self._ends:
            return []
        taken, self._held = self._held[:fits], self._held[fits:]
        self._begin(window)
        return [message for *_, message in taken]

    def _receive(self, queue: dict[str, Any], size: int) -> None:
        sqs.expire_retained(queue)
        sqs.dlq_sweep(queue)
        visibility = int(queue["attributes"].get("VisibilityTimeout", "30"))
        while (fits := self._fitting(size)) == len(self._held) < size:
            fresh = sqs.collect_msgs(queue, min(size - fits, _AT_ONCE), visibility)
            if not fresh:
                return
            self._held += [(one["receipt_handle"], _length(one), one) for one in fresh]

    def _fitting(self, size: int) -> int:
        """Say how many of the messages make a batch."""
        total = list(accumulate(length for _, length, _ in self._held[:size]))
        return max(bisect(total, _PAYLOAD), min(1, len(total)))

    def _begin(self, window: float) -> None:
        if self._held:
            self._ends = time.monotonic() + window
            timer = threading.Timer(window, esm_wake.set)
            timer.daemon = True
            timer.start()


class _Window:
    """The window of a stream's batch, which begins at a position."""

    def __init__(self) -> None:
        self._position = -1
        self._began = 0.0

    def is_over(self, position: int, seconds: float) -> bool:
        """Tell whether the batch at a position is due. Somebody looks each second."""
        if position != self._position:
            self._position, self._began = position, time.monotonic()
        return time.monotonic() >= self._began + seconds


def _length(message: Message) -> int:
    words = json.dumps([message["body"], message["message_attributes"]])
    return len(words) + _ENVELOPE


#: By the mapping's identifier. Only MiniStack's one thread that polls comes here.
_open: dict[str, _Batch] = {}
_windows: dict[str, _Window] = {}

#: The mapping that is just looked at, on the thread that polls; others read streams, too.
_polling = threading.local()


def refusal(mapping: Properties) -> str | None:
    """Say why Lambda refuses a mapping's batches.

    Parameters
    ----------
    mapping : dict
        Its properties, with numbers.
    """
    large = ":sqs:" in mapping.get("EventSourceArn", "") and mapping.get("BatchSize", 0) > _SMALL
    if large and mapping.get("MaximumBatchingWindowInSeconds", 0) < 1:
        return (
            "Maximum batch window in seconds must be greater than 0 "
            f"if maximum batch size is greater than {_SMALL}"
        )
    return None


def extend() -> None:
    """Teach MiniStack's event source mappings."""
    create, update = runtime.create_esm, runtime.update_esm
    runtime.replace("create_esm", lambda told: _refused(told) or create(told))
    runtime.replace(
        "update_esm",
        lambda identifier, told: (
            _refused({**(runtime.esms.get(identifier) or {}), **told}) or update(identifier, told)
        ),
    )
    concurrency, receive = runtime.sqs_esm_concurrency, sqs.receive_messages_for_esm
    polled: Properties = {}

    def asked(mapping: Properties, *more: Any) -> int:
        # It is asked of each mapping, just before messages are received for it.
        nonlocal polled
        polled = mapping
        allowed: int = concurrency(mapping, *more)
        return allowed

    def received(url: str, size: int) -> list[Message]:
        window = polled["MaximumBatchingWindowInSeconds"]
        if window and not sqs.queues[url]["is_fifo"]:
            return _open.setdefault(polled["UUID"], _Batch()).gather(url, size, window)
        messages: list[Message] = receive(url, size)
        return messages

    every, since = runtime.iter_all_esms, dynamodb.stream_records_since

    def mappings() -> Iterator[tuple[str, str, Properties]]:
        for account, region, mapping in every():
            _polling.mapping = mapping
            yield account, region, mapping

    def changes(table: str, position: int, limit: int, **more: Any) -> list[Properties]:
        found: list[Properties] = since(table, position, limit, **more)
        mapping = getattr(_polling, "mapping", {})
        seconds = mapping.get("MaximumBatchingWindowInSeconds", 0)
        if not seconds or not found or len(found) >= limit:
            return found
        window = _windows.setdefault(mapping["UUID"], _Window())
        return found if window.is_over(position, seconds) else []

    runtime.replace("iter_all_esms", mappings)
    dynamodb.replace("stream_records_since", changes)
    runtime.replace("sqs_esm_concurrency", asked)
    sqs.replace("receive_messages_for_esm", received)


def _refused(told: Properties) -> Any:
    message = refusal(told)
    return message and error_response_json("InvalidParameterValueException", message, 400)
