"""The ledger's entries as DynamoDB holds them: one item a raw key, in the service's own form."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from store.entry import Attempt, Entry
from store.model import Drift, Refusal, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    Item = Mapping[str, Any]

#: The sparse index of what someone may want to look into, and its keys.
ATTENTION_INDEX = "attention"

_OWN = frozenset(
    {
        *("object", "revision", "version", "status", "verdict", "attention", "updated_at"),
        *("committed_at", "outputs", "replaced", "untold", "unheard", "replay", "attempts"),
    }
)


def key_of(raw_object: str) -> dict[str, Any]:
    """Give the key of the item of a raw object, which is named ``<bucket>/<key>``."""
    return {"object": {"S": raw_object}}


def object_of(item: Item) -> tuple[str, str]:
    """Give bucket and key of the raw object that an item is about."""
    bucket, _, key = item["object"]["S"].partition("/")
    return bucket, key


def item_of(raw_object: str, entry: Entry, seconds: float) -> dict[str, Any]:
    """Spell an entry as an item.

    Parameters
    ----------
    raw_object : str
        Bucket and key, as of :func:`key_of`.
    entry : Entry
        What is to be written.
    seconds : float
        The time, since 1970.

    Returns
    -------
    dict
        Attributes by name.
    """
    item: dict[str, Any] = {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in entry.facts.items()
    }
    item |= key_of(raw_object)
    item |= {
        "revision": {"N": str(entry.revision)},
        "version": {"S": entry.version},
        "status": {"S": entry.status.value},
        "committed_at": {"N": str(entry.committed_at)},
        "verdict": {"S": entry.verdict.value},
        "outputs": _packed(entry.outputs),
        "replaced": _packed(entry.replaced),
        "replay": {"S": entry.replay},
        "attempts": {"L": [{"M": _attributes(one)} for one in entry.attempts]},
        "updated_at": {"S": instant(seconds)},
    }
    if entry.untold:
        item["untold"] = _packed(entry.untold)
    if entry.unheard:
        item["unheard"] = {"BOOL": True}
    if entry.attention:
        item["attention"] = {"S": entry.attention}
    return item


def plain(image: Item) -> dict[str, Any]:
    """Read an item of an event of the table's stream, where bytes are text in base64."""
    return {name: _plain(value) for name, value in image.items()}


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, held),) = value.items()
    if kind == "B":
        return {kind: base64.b64decode(held)}
    if kind == "L":
        return {kind: [_plain(one) for one in held]}
    return {kind: plain(held)} if kind == "M" else value


def entry_of(item: Item) -> Entry:
    """Read an item."""
    return Entry(
        revision=int(item["revision"]["N"]),
        version=item["version"]["S"],
        committed_at=int(item["committed_at"]["N"]),
        verdict=Status(item["verdict"]["S"]),
        outputs=_unpacked(item["outputs"]),
        replaced=_unpacked(item["replaced"]),
        untold=_unpacked(item["untold"]) if "untold" in item else (),
        unheard="unheard" in item,
        replay=item["replay"]["S"],
        attempts=tuple(_attempt(one["M"]) for one in item["attempts"]["L"]),
        facts={
            name: int(value["N"]) if "N" in value else value["S"]
            for name, value in item.items()
            # What has another type was written by a later version that was rolled back.
            if name not in _OWN and not value.keys().isdisjoint({"N", "S"})
        },
    )


def updated_at(item: Item) -> str:
    """Say when an item was last written: ISO 8601, in UTC."""
    return str(item["updated_at"]["S"])


def drift_of(facts: Mapping[str, str | int]) -> tuple[Drift, ...]:
    """Read which columns met values of other types, from an entry's facts."""
    # Entries that were written before a type and an example were kept say only how often.
    return tuple(
        Drift(name, "", told)
        if isinstance(told, int)
        else Drift(name, told["type"], told["count"], told["example"])
        for name, told in json.loads(str(facts.get("drift", "{}"))).items()
    )


def refused_of(facts: Mapping[str, str | int]) -> tuple[Refusal, ...]:
    """Read why records were refused, from an entry's facts; nothing where that was not kept."""
    return tuple(
        Refusal(reason, told["count"], told["record"], told["detail"], told.get("rules", {}))
        for reason, told in json.loads(str(facts.get("refused", "{}"))).items()
    )


def instant(seconds: float) -> str:
    """Spell a time, in seconds since 1970, so that texts sort as the times do."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


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
        "deliveries": {"N": str(attempt.deliveries)},
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
        deliveries=int(found.get("deliveries", {"N": "1"})["N"]),
    )


def _packed(keys: tuple[str, ...]) -> dict[str, Any]:
    # An item holds 400 KB; 4,000 keys of one object are 500 KB as text, 30 KB packed.
    return {"B": zlib.compress(json.dumps(keys).encode())}


def _unpacked(value: dict[str, Any]) -> tuple[str, ...]:
    return tuple(json.loads(zlib.decompress(bytes(value["B"]))))
