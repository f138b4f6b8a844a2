"""Ask the function what would become of objects, before anything changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from lake import facts, render
from lake.context import counting, err, out
from lake.dating import Contracts, noted
from lake.errors import LakeCommandError
from lake.files import objects, plain, show_lines
from lake.ledger import Item
from lake.parallel import in_order
from lake.total import total
from store.entry import Entry
from store.events import rehearsal
from store.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lake.target import Target

#: Objects that are asked about at once: ingestion goes on beside it.
_AT_ONCE = 4

#: An invocation takes at most 900 s; one that was not answered is not sent again.
_PATIENT = Config(read_timeout=910, retries={"total_max_attempts": 1})

#: What is compared.
_COUNTED = (
    ("records", "read"),
    ("accepted", "accepted"),
    ("refused", "quarantined"),
    ("with rescued values", "rescued"),
    ("undated", "undated"),
)


def rehearse(target: Target, items: Sequence[Item], contract: Any = None) -> Iterator[Item]:
    """Have the function do all of the work on objects, and none of the writes.

    Parameters
    ----------
    target : Target
        The lake.
    items : sequence of Item
        The objects.
    contract : Any, optional
        The JSON document that records are judged by, in place of the deployed contract.

    Yields
    ------
    Item
        What the ledger would say, in the order of the objects.

    Raises
    ------
    LakeCommandError
        When the function could not answer.
    """
    client = target.session.client("lambda", endpoint_url=target.endpoint, config=_PATIENT)
    name, contracts = target.outputs["ProcessorFunctionName"], Contracts(target)

    def ask(item: Item) -> Item:
        answer = client.invoke(
            FunctionName=name,
            Payload=json.dumps(rehearsal(item.bucket, item.key, contract)),
        )
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or "status" not in told:
            why = told.get("errorMessage", told) if isinstance(told, dict) else told
            raise LakeCommandError(f"The function {name} could not read {item.key}: {why}")
        found = _item(item, told)
        return contracts.noted(found) if contract is None else noted(found, contract)

    return in_order(ask, items, _AT_ONCE)


def _item(item: Item, told: dict[str, Any]) -> Item:
    status = told["status"]
    if status not in Status.__members__:
        raise LakeCommandError(f"{item.key} cannot be read: {status}: {told.get('detail', '')}")
    return Item(
        item.bucket,
        item.key,
        Entry(1, item.version, 1, Status(status), facts={"dataset": item.dataset} | told),
        item.updated_at,
    )


def compare(
    target: Target, items: Sequence[Item], contract: Any = None, *, as_json: bool = False
) -> bool:
    """Show what would become of objects beside what became of them; nothing is changed.

    Parameters
    ----------
    target, items, contract
        As of :func:`rehearse`.
    as_json : bool
        For programs.

    Returns
    -------
    bool
        Whether each record would be a row, and each value in its column.
    """
    found = []
    with counting() as progress:
        task = progress.add_task("reading", total=len(items))
        for item in rehearse(target, items, contract):
            found.append(item)
            progress.update(task, advance=1)
    then = total(found)
    whole = not (then.quarantined or then.rescued) and all(one.status.is_accepted for one in found)
    if as_json:
        told = {
            "now": _counts(items),
            "then": _counts(found),
            "objects": [plain(one) for one in found],
        }
        render.show_json(told)
        return whole
    now, after = _counts(items), _counts(found)
    rows = [[name, f"{now[name]:,}", f"{after[name]:,}"] for name in now]
    render.show_table(out, ["", "now", "would be"], rows, [False, True, True])
    for one in found:
        if not one.status.is_accepted:
            show_lines([f"{one.key}: {one.status}: {one.reason}: {one.detail}"], first="")
    notes = facts.notes(then, target.parameters.get("DateColumns", ""), rehearsed=True)
    show_lines(notes, first="")
    err.print(f"{objects(len(found))} read; nothing was changed.", style="dim")
    return whole


def _counts(items: Sequence[Item]) -> dict[str, int]:
    refused = sum(not one.status.is_accepted for one in items)
    counts = {"objects": len(items), "refused as a whole": refused}
    return counts | {name: sum(int(getattr(one, fact)) for one in items) for name, fact in _COUNTED}
