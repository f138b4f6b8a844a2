"""Ingest objects again, though they were ingested before."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake import health, ledger, messages, raw
from lake.dating import Contracts
from lake.errors import LakeCommandError
from lake.meant import meant
from store.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lake.ledger import Filter, Item
    from lake.target import Target

#: From so many objects on the whole ledger is read rather than each one's entry.
_SCAN_FROM = 100


@dataclass(frozen=True)
class Chosen:
    """Objects that are meant to be ingested again.

    Attributes
    ----------
    name : str
        Of the replay.
    items : list of Item
        Those that are in the raw bucket, by their keys in order.
    gone : list of str
        Keys of those that are not, though their rows may be there.
    """

    name: str
    items: list[Item]
    gone: list[str]

    @property
    def keys(self) -> list[str]:
        """Name the objects that can be ingested again."""
        return [item.key for item in self.items]


def choose(target: Target, wanted: Filter) -> Chosen:
    """Find the objects that are meant, also those that the ledger does not know.

    Raises
    ------
    LakeCommandError
        When there is none, whatever their status is.
    """
    known = {item.key: item for item in ledger.items(target, wanted)}
    keys = {*known, *(key for key in wanted.keys if not key.endswith("*"))}
    others = ledger.items(target, replace(wanted, statuses=())) if wanted.statuses else ()
    if not (keys or any(True for _ in others)):
        said = meant(target, wanted) or "`lake files` shows what is in the ledger."
        raise LakeCommandError(f"No object matches. {said}")
    there, bucket = raw.present(target, keys), target.outputs["RawBucketName"]
    name = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}-{uuid.uuid4().hex[:6]}"
    items = [known.get(key) or ledger.unknown(bucket, key) for key in sorted(there)]
    # Of objects whose rows were removed, too, nothing is missed.
    removed = {key for key, item in known.items() if item.status is Status.DELETED}
    return Chosen(name, items, sorted(keys - there - removed))


def send(target: Target, chosen: Chosen, sent: Callable[[int], None] = lambda _: None) -> None:
    """Tell the ingest queue of the objects.

    Parameters
    ----------
    target : Target
        The lake.
    chosen : Chosen
        The objects.
    sent : callable
        Told how many were sent since it was last called.
    """
    messages.announce(target, chosen.keys, chosen.name, sent)


def outcomes(
    target: Target,
    chosen: Chosen,
    timeout: float,
    uneasy: Callable[[str], None] = lambda _: None,
) -> Iterator[Item]:
    """Give the entry of each object as soon as it was ingested again.

    Parameters
    ----------
    target : Target
        The lake.
    chosen : Chosen
        What was sent.
    timeout : float
        Seconds to wait; what is not ingested by then is not given.
    uneasy : callable
        Told why nothing happens, where that is known and was not told before.

    Yields
    ------
    Item
        In the order in which they are found.
    """
    bucket, deadline = target.outputs["RawBucketName"], time.monotonic() + timeout
    rest = dict.fromkeys(chosen.keys)
    watch, contracts = health.Watch(target, chosen.keys), Contracts(target)
    while rest and time.monotonic() < deadline:
        # One page of the table holds more items than so many questions are worth.
        asked = (
            ledger.items(target)
            if len(rest) > _SCAN_FROM
            else ledger.get_many(target, bucket, list(rest)).values()
        )
        for item in asked:
            done = item.entry.replay == chosen.name and item.status.is_final
            if done and item.key in rest:
                del rest[item.key]
                watch.news()
                yield contracts.noted(item)
        if rest:
            if trouble := watch.unsaid():
                uneasy(trouble)
            time.sleep(0.5)
