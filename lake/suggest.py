"""Which command is worth trying next, by what became of a file."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from typing import TYPE_CHECKING

from lake.statement import literal, named
from lake.words import FIXED, in_quotes
from store.naming import OBJECTS, PARTITION_KEY, QUARANTINE
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from lake.ledger import Item

#: Types of whole numbers.
_WHOLE = frozenset({"tinyint", "smallint", "int", "bigint"})


def one(item: Item, dating: str = "") -> str:
    """Give the command that is worth trying next.

    Parameters
    ----------
    item : Item
        The file's entry in the ledger.
    dating : str, optional
        The command that has the records of its dataset dated, by what other files say.

    Returns
    -------
    str
        A command line; empty where there is nothing to do.
    """
    key = literal(item.key.replace(" ", FIXED))
    match item.status:
        case "STORED":
            dates = item.dates_in(OBJECTS)
            return _query(
                f"SELECT media_type, size, detail FROM objects WHERE key = {key}{_on(dates)}"
            )
        case "REJECTED" if item.reason == Reason.FOREIGN_TABLE:
            return "lake reconcile --fix"
        case "REJECTED" | "PARTIAL":
            return _query(
                "SELECT record_number, reason, detail, raw FROM quarantine "
                f"WHERE source_key = {key}{_on(item.dates_in(QUARANTINE))}"
            )
        case "TOO_LARGE" | "FAILED":
            return f"lake replay --key {in_quotes(item.key)}"
        case "DONE" if item.drift or item.rescued:
            return _query(
                f"SELECT _rescued_data FROM {named(item.dataset)} "
                f"WHERE _source_key = {key}{_on(item.partitions)} AND _rescued_data IS NOT NULL"
            )
        case "DONE" if command := dating or to_date(item):
            return command
        case "DONE" if item.csv:
            return f"lake contract infer {shlex.quote(item.dataset)}"
        case "DONE":
            return _query(f"SELECT * FROM {named(item.dataset)} LIMIT 10")
    return ""


def several(items: Sequence[Item]) -> list[str]:
    """Give every command that is worth trying next; of each dataset one that dates its records."""
    dating: dict[str, str] = {}
    for item in items:
        if command := to_date(item):
            dating.setdefault(item.dataset, command)
    commands: list[str] = []
    for item in items:
        dates = dating.get(item.dataset, "")
        commands.append(one(item, dates))
        if item.status in ("DONE", "PARTIAL"):
            commands += [*retypes(item), dates]
    return list(dict.fromkeys(filter(None, commands)))


def after(items: Iterable[Item]) -> list[str]:
    """Give the commands that show what was refused or rescued of several objects, by dataset."""
    refused: dict[str, set[str]] = defaultdict(set)
    rescued: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.status in ("DONE", "PARTIAL"):
            if item.quarantined:
                refused[item.dataset].update(item.dates_in(QUARANTINE))
            if item.rescued:
                rescued[item.dataset].update(item.partitions)
    commands = [
        _query(
            "SELECT source_key, record_number, reason, detail FROM quarantine "
            f"WHERE dataset = {literal(one)}{_on(dates)}"
        )
        for one, dates in sorted(refused.items())
    ]
    return commands + [rescued_in(one, dates) for one, dates in sorted(rescued.items())]


def rescued_in(dataset: str, dates: Collection[str] = ()) -> str:
    """Give the command that shows what was rescued in a dataset, or on some dates of it."""
    return _query(
        f"SELECT _source_key, _rescued_data FROM {named(dataset)} "
        f"WHERE _rescued_data IS NOT NULL{_on(dates)}"
    )


def look_up(key: str) -> str:
    """Give the command that says what is known of an object."""
    return f"lake files --key {in_quotes(key.replace(' ', FIXED))}"


def retypes(item: Item) -> dict[str, str]:
    """Give the commands by which columns hold what was rescued, and which type each gives.

    A contract says the type. Without one, a column of whole numbers can hold fractions.
    """
    found = {}
    for one in item.drift:
        command = f"lake retype {shlex.quote(f'{item.dataset}.{one.column}')}"
        if kind := item.kinds.get(one.column, ""):
            if kind != one.type:
                found[f"{command} {shlex.quote(kind)}"] = "the type that its contract names"
        elif one.type in _WHOLE and re.fullmatch(r"-?\d*\.\d+", one.example):
            more = f"holds numbers such as {one.example}; string holds every value"
            found[f"{command} double"] = f"a type that {more if one.count > 1 else 'holds it'}"
    return found


def to_date(item: Item) -> str:
    """Give the command that has records dated; empty where no column has dates, or one is chosen.

    A contract that names a column is not to be changed for a file without dates in it.
    """
    if item.chosen or not item.datelike:
        return ""
    chosen = shlex.quote(item.datelike[0])
    return f"lake contract infer {shlex.quote(item.dataset)} --date-column {chosen} --write"


def _query(sql: str) -> str:
    return f"lake query {in_quotes(sql)}"


def _on(dates: Collection[str]) -> str:
    """Give the condition by which Athena reads no other dates; empty where they are not known."""
    if not dates:
        return ""
    first, last = min(dates), max(dates)
    is_one_of = f"= '{first}'" if first == last else f"BETWEEN '{first}' AND '{last}'"
    return f" AND {PARTITION_KEY} {is_one_of}"
