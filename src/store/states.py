"""The states of models as DynamoDB holds them, in the ledger's own table."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
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
    """Read an item."""
    told = json.loads(zlib.decompress(bytes(item["state"]["B"])))
    run, failed, done = told["run"], told["failed"], told["done"]
    return Refresh(
        revision=told["revision"],
        waiting=tuple(told["waiting"]),
        everything=told["everything"],
        since=told["since"],
        worker=told["worker"],
        expires=told["expires"],
        run=_run(run) if run else None,
        untold=tuple(told["untold"]),
        doomed=tuple((folder, at) for folder, at in told["doomed"]),
        shape=told["shape"],
        columns=_columns(told["columns"]),
        describing=(told["describing"][0], told["describing"][1]) if told["describing"] else None,
        failed=Failed(**failed) if failed else None,
        done=Done(**done) if done else None,
        empty=tuple((date, at) for date, at in told.get("empty", ())),
    )


def _run(told: dict[str, Any]) -> Run:
    lists = {name: tuple(told[name]) for name in ("dates", "replaces")}
    return Run(**told | lists | {"columns": _columns(told["columns"])})


def _columns(told: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name, kind in told)
