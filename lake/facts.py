"""What became of a file, in plain words: nobody is to learn by accident what he did not expect."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lake.statement import literal, named
from store.model import MOST_RULES
from store.naming import reserved_name
from store.paths import day_of_path
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lake.ledger import Item
    from store.model import Drift, Refusal

#: Dates of a file that are named; of more only the first and the last.
_NAMED_DATES = 3

#: Types of whole numbers.
_WHOLE = frozenset({"tinyint", "smallint", "int", "bigint"})

#: A space that no line may be broken at, until the text is printed.
FIXED = "\0"


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
    named = (
        ", ".join(dates) if len(dates) <= _NAMED_DATES else f"{dates[0]} to {dates[-1]}"
    ) or "none"
    said = [f"table {item.dataset}: {count(item.accepted, 'row')} in "]
    said[0] += f"{count(len(dates), 'partition')} ({named})"
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
    for one in item.refused:
        records = f"{one.reason}: {count(one.count, 'record')}"
        said.append(f"{records}, first record {one.record:,}: {one.detail}")
        if len(one.rules) > 1:
            said.append(_rules(one))
    if item.dataset and (name := reserved_name(item.key)):
        said.append(f"the name {name} is the lake's own: rows are in the table {item.dataset}")
    said += map(drifted, item.drift)
    said += [f"`{one}` gives the column {what}" for one, what in _retypes(item).items()]
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


def _retypes(item: Item) -> dict[str, str]:
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
            found[f"{command} double"] = "a type that holds it"
    return found


def _rules(refused: Refusal) -> str:
    """Say how many records broke each of several rules of a contract."""
    rules = refused.commonest_rules
    told = ", ".join(f"{name} ({count(some, 'record')})" for name, some in rules.items())
    which = "several rules" if len(rules) < MOST_RULES else f"the {MOST_RULES} commonest rules"
    return f"{which} are broken: {told}"


def _undated(item: Item, looked_at: str) -> list[str]:
    have, get = ("has", "it gets") if item.undated == 1 else ("have", "they get")
    named = f" ({looked_at.replace(',', ', ')})" if looked_at else ""
    where = f"the columns that are looked at{named}"
    if item.chosen:
        where = f"{item.chosen}, which the contract names, nor in those looked at besides{named}"
    said = f"{count(item.undated, 'record')} {have} no usable date in {where}: {get} "
    said += fallback(item)
    if item.chosen or not item.datelike:
        return [said]
    names = ", ".join(item.datelike)
    like = "looks like a date" if len(item.datelike) == 1 else "look like dates"
    line = f'"x-partition-column": {json.dumps(item.datelike[0], ensure_ascii=False)}'
    command = f"`{_dating(item)}`".replace(" ", FIXED)
    return [said, f"{names} {like}: {line} in a contract dates records by it; {command} writes it"]


def fallback(item: Item) -> str:
    """Say which day the records of an object get that have no date of their own."""
    if item.fallback:
        return item.fallback
    if day := day_of_path(item.key):
        return f"{day}, the date in the object's key"
    uploaded = f"{datetime.fromtimestamp(item.uploaded, UTC):%Y-%m-%d}, " if item.uploaded else ""
    return f"{uploaded}the day of the upload, since no folder of its key is a date"


def _dating(item: Item) -> str:
    """Give the command that has records dated; empty where no column has dates, or one is chosen.

    A contract that names a column is not to be changed for a file without dates in it.
    """
    if item.chosen or not item.datelike:
        return ""
    chosen = shlex.quote(item.datelike[0])
    return f"lake contract infer {shlex.quote(item.dataset)} --date-column {chosen} --write"


def drifted(one: Drift) -> str:
    """Say how many values of a column did not fit its type."""
    kind = one.type if len(one.type) <= 40 else f"{one.type[:39]}…"
    kind = kind or "its type"
    if one.count == 1:
        such = f": {one.example}" if one.example else ""
        return f"{one.column}: 1 value did not fit {kind}{such}; it is in _rescued_data"
    such = f", such as {one.example}" if one.example else ""
    return f"{one.column}: {one.count:,} values did not fit {kind}{such}; they are in _rescued_data"


def advice(item: Item, dating: str = "") -> str:
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
            return _query(f"SELECT media_type, size, detail FROM objects WHERE key = {key}")
        case "REJECTED" if item.reason == Reason.FOREIGN_TABLE:
            return "lake reconcile --fix"
        case "REJECTED" | "PARTIAL":
            return _query(
                "SELECT record_number, reason, detail, raw FROM quarantine "
                f"WHERE source_key = {key}"
            )
        case "TOO_LARGE" | "FAILED":
            return f"lake replay --key {_quoted(item.key)}"
        case "DONE" if item.drift or item.rescued:
            return _query(
                f"SELECT _rescued_data FROM {named(item.dataset)} "
                f"WHERE _source_key = {key} AND _rescued_data IS NOT NULL"
            )
        case "DONE" if command := dating or _dating(item):
            return command
        case "DONE" if item.csv:
            return f"lake contract infer {shlex.quote(item.dataset)}"
        case "DONE":
            return _query(f"SELECT * FROM {named(item.dataset)} LIMIT 10")
    return ""


def more_advice(items: Sequence[Item]) -> list[str]:
    """Give every command that is worth trying next; of each dataset one that dates its records."""
    dating: dict[str, str] = {}
    for item in items:
        if command := _dating(item):
            dating.setdefault(item.dataset, command)
    commands: list[str] = []
    for item in items:
        dates = dating.get(item.dataset, "")
        commands.append(advice(item, dates))
        if item.status in ("DONE", "PARTIAL"):
            commands += [*_retypes(item), dates]
    return list(dict.fromkeys(filter(None, commands)))


def after(items: Iterable[Item]) -> list[str]:
    """Give the commands that show what was refused or rescued of several objects, by dataset."""
    kept = [item for item in items if item.status in ("DONE", "PARTIAL")]
    refused = sorted({item.dataset for item in kept if item.quarantined})
    rescued = sorted({item.dataset for item in kept if item.rescued})
    commands = [
        _query(
            "SELECT source_key, record_number, reason, detail FROM quarantine "
            f"WHERE dataset = {literal(one)}"
        )
        for one in refused
    ]
    return commands + [rescued_in(one) for one in rescued]


def rescued_in(dataset: str) -> str:
    """Give the command that shows what was rescued in a dataset."""
    return _query(
        f"SELECT _source_key, _rescued_data FROM {named(dataset)} WHERE _rescued_data IS NOT NULL"
    )


def look_up(key: str) -> str:
    """Give the command that says what is known of an object."""
    return f"lake files --key {_quoted(key.replace(' ', FIXED))}"


def wrapped(text: str, width: int, first: str = "  ", others: str = "    ") -> str:
    """Break a sentence or a command at its spaces, so that a terminal shows all of it.

    Parameters
    ----------
    text : str
        One line. A command may be broken within its quoted SQL, where a line feed is a space.
    width : int
        Columns; 0 for one line, however long.
    first, others : str
        What stands before the first and before the other lines.
    """
    if not width:
        return loose(f"{first}{text}")
    broken = textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return loose(broken)


def loose(text: str) -> str:
    """Give a text for where nothing is broken: with a space for each that may not be."""
    return text.replace(FIXED, " ")


def _query(sql: str) -> str:
    return f"lake query {_quoted(sql)}"


def _quoted(text: str) -> str:
    """Quote for a shell, by the plainest quotes that do."""
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'


def count(number: int, noun: str) -> str:
    """Count something in words."""
    return f"{number:,} {noun}{'s'[: number != 1]}"
