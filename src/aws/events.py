"""The event bus, on which the lake tells others what changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws.errors import translated
from store.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection

#: What PutEvents takes at once (Amazon EventBridge API Reference, PutEvents), and how much of an
#: entry is not its detail.
_ENTRIES, _BYTES, _ENVELOPE = 10, 256 * 1024, 200

#: What the events are called.
DETAIL_TYPE = "Dataset changed"


@dataclass(frozen=True, slots=True)
class EventBus:
    """Sends events to the account's default bus.

    Attributes
    ----------
    client : EventBridge.Client
        Of botocore, with retries configured; its types are in no package that is needed otherwise.
    source : str
        Who they are from.
    """

    client: Any
    source: str

    def send(self, details: Collection[dict[str, Any]]) -> None:
        """See :class:`recorder.ports.Events`."""
        batch: list[str] = []
        size = 0
        for detail in details:
            text = json.dumps(detail, separators=(",", ":"))
            length = len(text) + _ENVELOPE
            if batch and (len(batch) == _ENTRIES or size + length > _BYTES):
                self._put(batch)
                batch, size = [], 0
            batch.append(text)
            size += length
        if batch:
            self._put(batch)

    def _put(self, batch: list[str]) -> None:
        entries: Any = [
            {"Source": self.source, "DetailType": DETAIL_TYPE, "Detail": text} for text in batch
        ]
        with translated("sending events"):
            answer = self.client.put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            failed = next(one for one in answer["Entries"] if "ErrorCode" in one)
            raise ServiceError(f"sending events: {failed}")
