"""What became of a file, in plain words: nobody is to learn by accident what he did not expect."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake import suggest
from lake.words import count, unbroken
from store.model import MOST_RULES
from store.naming import reserved_name
from store.paths import day_of_path
from store.reasons import Reason

if TYPE_CHECKING:
    from lake.ledger import Item
    from store.model import Drift, Refusal

#: Dates of a file that are named; of more only the first and the last.
_NAMED_DATES = 3


def outcome(item: Item) -> list[str]:
    """Say where the records of a file are.

    Parameters
    ----------
    item : Item
        Its entry in the ledger.

    Returns
    -------
    list of str
        Sentences without a full stop; none where no record was published.
    """
    if not item.accepted:
        return []
    dates = sorted(item.partitions)
    between = (
        ", ".join(dates) if len(dates) <= _NAMED_DATES else f"{dates[0]} to {dates[-1]}"
    ) or "none"
    said = [f"table {item.dataset}: {count(item.accepted, 'row')} in "]
    said[0] += f"{count(len(dates), 'partition')} ({between})"
    if item.date_column:
        said.append(f"dated by the column {item.date_column}")
    if item.columns_added:
        more = item.columns_added > len(item.added)
        names = ", ".join((*item.added, "…") if more else item.added)
        said.append(
            f"{count(item.columns_added, 'new column')} in the table"
            + (f" ({names})" if item.added else "")
        )
    return ["; ".join(said)]


def notes(item: Item, looked_at: str = "", *, rehearsed: bool = False) -> list[str]:
    """Say what one might not have expected.

    Parameters
    ----------
    item : Item
        Its entry in the ledger.
    looked_at : str, optional
        The deployment's ``DateColumns``, where they are known.
    rehearsed : bool
        It is what would become of it, and nothing was written.

    Returns
    -------
    list of str
        Sentences without a full stop, the gravest first.
    """
    said: list[str] = []
    if item.status == "STORED":
        why = item.detail.removeprefix("not read: ") or "it holds no records"
        said.append(f"it was not read: {why}")
        said.append("it is a row of the table objects, and none of its dataset's table")
    elif item.status == "EMPTY":
        said.append(
            f"no record was found: the first file that holds one makes table {item.dataset}"
        )
    elif why := ": ".join(part for part in (item.reason, item.detail) if part):
        said.append(why)
    if item.quarantined:
        was = "was refused; it is" if item.quarantined == 1 else "were refused; they are"
        fate = "would be refused" if rehearsed else f"{was} in the table quarantine"
        said.append(f"{item.quarantined:,} of {count(item.read, 'record')} {fate}")
        if item.quarantined == item.read:
            said.append(_none_accepted(item))
    for one in item.refused:
        records = f"{one.reason}: {count(one.count, 'record')}"
        said.append(f"{records}, first record {one.record:,}: {one.detail}")
        if len(one.rules) > 1:
            said.append(_rules(one))
    if item.dataset and (name := reserved_name(item.key)):
        said.append(f"the name {name} is the lake's own: rows are in the table {item.dataset}")
    said += map(drifted, item.drift)
    said += [f"`{one}` gives the column {what}" for one, what in suggest.retypes(item).items()]
    if item.rescued and not item.drift:
        said.append(f"{count(item.rescued, 'row')} with something in _rescued_data")
    if item.undated:
        said += _undated(item, looked_at)
    if item.short:
        are = "is" if item.short == 1 else "are"
        said.append(
            f"{count(item.short, 'row')} {are} shorter than the header: what is missing is null"
        )
    return [*said, *item.guesses]


def _none_accepted(item: Item) -> str:
    """Say what to look at where every record was refused."""
    if not any(one.reason == Reason.CONTRACT_VIOLATION for one in item.refused[:1]):
        return "no record is accepted: look at the first one, since all may be wrong as it is"
    tries = unbroken(f"lake contract check --against {shlex.quote(item.dataset)}")
    return (
        f"no record is accepted: is the file wrong, or the contract of {item.dataset}? {tries} "
        "tries a contract that you have changed"
    )


def _rules(refused: Refusal) -> str:
    """Say how many records broke each of several rules of a contract."""
    rules = refused.commonest_rules
    told = ", ".join(f"{name} ({count(some, 'record')})" for name, some in rules.items())
    which = "several rules" if len(rules) < MOST_RULES else f"the {MOST_RULES} commonest rules"
    return f"{which} are broken: {told}"


def _undated(item: Item, looked_at: str) -> list[str]:
    have, get = ("has", "it gets") if item.undated == 1 else ("have", "they get")
    columns = f" ({looked_at.replace(',', ', ')})" if looked_at else ""
    where = f"the columns that are looked at{columns}"
    if item.chosen:
        where = f"{item.chosen}, which the contract names, nor in those looked at besides{columns}"
    said = f"{count(item.undated, 'record')} {have} no usable date in {where}: {get} "
    told = [said + fallback(item)]
    told += [
        f"{column} holds values that are no dates, such as {', '.join(values)}"
        for column, values in item.no_dates.items()
    ]
    if item.chosen or not item.datelike:
        return told
    names = ", ".join(item.datelike)
    like = "looks like a date" if len(item.datelike) == 1 else "look like dates"
    line = f'"x-partition-column": {json.dumps(item.datelike[0], ensure_ascii=False)}'
    command = unbroken(suggest.to_date(item))
    return [*told, f"{names} {like}: {line} in a contract dates records by it; {command} writes it"]


def fallback(item: Item) -> str:
    """Say which day the records of an object get that have no date of their own."""
    if item.fallback:
        return item.fallback
    if day := day_of_path(item.key):
        return f"{day}, the date in the object's key"
    uploaded = f"{datetime.fromtimestamp(item.uploaded, UTC):%Y-%m-%d}, " if item.uploaded else ""
    return f"{uploaded}the day of the upload, since no folder of its key is a date"


def drifted(one: Drift) -> str:
    """Say how many values of a column did not fit its type."""
    kind = one.type if len(one.type) <= 40 else f"{one.type[:39]}…"
    kind = kind or "its type"
    if one.count == 1:
        such = f": {one.example}" if one.example else ""
        return f"{one.column}: 1 value did not fit {kind}{such}; it is in _rescued_data"
    such = f", such as {one.example}" if one.example else ""
    return f"{one.column}: {one.count:,} values did not fit {kind}{such}; they are in _rescued_data"
