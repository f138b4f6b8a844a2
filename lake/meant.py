"""Which keys and datasets of the ledger may have been meant, where nothing is called as asked."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lake import ledger
from store.model import Status
from store.near import near

if TYPE_CHECKING:
    from lake.ledger import Filter
    from lake.target import Target

#: So many entries are looked through: more would take longer than the answer is worth.
_MOST = 10_000


def meant(target: Target, wanted: Filter) -> str:
    """Ask whether other keys or datasets were meant; empty where none is like those asked for.

    Parameters
    ----------
    target : Target
        The lake.
    wanted : Filter
        Which no entry is like.
    """
    asked = [one for one in wanted.keys if not one.endswith("*")]
    if not (asked or wanted.datasets):
        return ""
    items = [one for one in islice(ledger.items(target), _MOST) if one.status is not Status.DELETED]
    for key in asked:
        if said := _near_key(key, {item.key for item in items} - {key}):
            return f"{key}: {said}"
    for name in wanted.datasets:
        if said := near(name, {item.dataset for item in items} - {name, ""}, ""):
            return f"{name}: {said}"
    return ""


def _near_key(key: str, keys: set[str]) -> str:
    inside = f"{key.rstrip('/')}/"
    if any(one.startswith(inside) for one in keys):
        return f"it is a folder: {inside}* means all that is in it"
    # Most of a key is its folder: what differs in its name only would be like any other.
    folder, slash, name = key.rpartition("/")
    places = [one.rpartition("/") for one in keys]
    beside = [other for there, _, other in places if there == folder]
    called = ["".join(place) for place in places if place[2] == name]
    return near(name, beside, "", folder + slash) or near(key, called, "")
