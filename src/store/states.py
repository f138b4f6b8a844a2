"""The states of models as DynamoDB holds them, in the ledger's own table."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from store.items import instant, key_of
from store.refresh import Done, Failed, Refresh, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    Item = Mapping[str, Any]

#: Begins the key of a model's item; no raw object is named so, for no bucket's name has a colon.
PREFIX = "model:"


def name_of(model: str) -> str:
    """Give the key of a model's item."""
    return f"{PREFIX}{model}"


def is_state(item: Item) -> bool:
    """Tell the item of a model from that of a raw object."""
    return str(item["object"]["S"]).startswith(PREFIX)


def model_in(item: Item) -> str:
    """Name the model that an item is about."""
    return str(item["object"]["S"]).removeprefix(PREFIX)


def state_item(model: str, state: Refresh, seconds: float) -> dict[str, Any]:
    """Spell a state as an item.

    Parameters
    ----------
    model : str
        Its name.
    state : Refresh
        What is to be written.
    seconds : float
        The time, since 1970.
    """
    # An item holds 400 KB: 10,000 dates of ten years are 130 KB as text, some 15 KB packed.
    told = json.dumps(asdict(state), separators=(",", ":"))
    return key_of(name_of(model)) | {
        "revision": {"N": str(state.revision)},
        "state": {"B": zlib.compress(told.encode())},
        "updated_at": {"S": instant(seconds)},
    }


def state_of(item: Item) -> Refresh:
    """Read an item.

    While a deployment goes on, one curator reads what another version has written: fields that are
    not told have their defaults, and those that are not known are left out.
    """
    told = json.loads(zlib.decompress(bytes(item["state"]["B"])))
    parts = (("run", Run), ("failed", Failed), ("done", Done))
    state: Refresh = _made(Refresh, told | {name: _made(of, told.get(name)) for name, of in parts})
    return state


def _made(of: Any, told: dict[str, Any] | None) -> Any:
    if told is None:
        return None
    known = {field.name for field in fields(of)}
    return of(**{name: _tuples(value) for name, value in told.items() if name in known})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
