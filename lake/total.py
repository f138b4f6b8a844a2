"""What is said of several objects of one dataset, as if they were one."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from lake.facts import fallback
from lake.ledger import Item
from store.entry import Entry
from store.model import MOST_RULES, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.model import Drift

#: Facts that are counts.
_COUNTS = ("records_", "columns_added", "bytes", "milliseconds")

#: Facts that are lists.
_LISTS = ("added", "datelike")


def total(items: Sequence[Item]) -> Item:
    """Add up what the ledger says of objects.

    Parameters
    ----------
    items : sequence of Item
        At least one; all of one dataset.

    Returns
    -------
    Item
        Counts are sums; what drifted, was refused or was guessed is listed once, and the first
        record that was refused is told with its object. Its key is that of the first one. Its
        status is EMPTY where that of all is, and says nothing else.
    """
    # Whoever asks, and in whatever order, is told the same first record.
    items = sorted(items, key=lambda one: one.key)
    facts: dict[str, str | int] = {}
    for item in items:
        for name, value in item.entry.facts.items():
            if name.startswith(_COUNTS):
                facts[name] = int(facts.get(name, 0)) + int(value)
    for name in _LISTS:
        texts = dict.fromkeys(text for item in items for text in getattr(item, name))
        facts[name] = json.dumps(list(texts))
    facts["guesses"] = json.dumps(_guesses(items))
    if "columns_added" in facts:
        # Files that come at once are each told of the columns that all of them bring.
        added = [name for item in items for name in item.added]
        facts["columns_added"] = int(facts["columns_added"]) - len(added) + len(set(added))
    facts["drift"] = json.dumps(_by_column([one for item in items for one in item.drift]))
    facts["refused"] = json.dumps(_by_reason(items))
    facts["no_dates"] = json.dumps(next((one.no_dates for one in items if one.no_dates), {}))
    dating = {item.date_column for item in items if item.date_column}
    facts["fallback"] = _fallback(items)
    facts["chosen"] = next((item.chosen for item in items if item.chosen), "")
    facts["kinds"] = json.dumps(dict(kind for item in items for kind in item.kinds.items()))
    facts["dataset"] = items[0].dataset
    facts["date_column"] = ", ".join(sorted(dating))
    outputs = tuple(key for item in items for key in item.outputs)
    empty = all(item.status is Status.EMPTY for item in items)
    entry = Entry(1, "", 1, Status.EMPTY if empty else Status.DONE, outputs, facts=facts)
    return Item(items[0].bucket, items[0].key, entry, max(item.updated_at for item in items))


def _guesses(items: Sequence[Item]) -> list[str]:
    """Say of which object each thing was guessed; of many, of the first."""
    keys: dict[str, list[str]] = defaultdict(list)
    for item in items:
        for one in item.guesses:
            keys[one].append(item.key)
    if len(items) == 1:
        return list(keys)
    others = {one: f" and {len(some) - 1:,} more" * (len(some) > 1) for one, some in keys.items()}
    return [f"{some[0]}{others[one]}: {one}" for one, some in keys.items()]


def _fallback(items: Sequence[Item]) -> str:
    """Say which day records without a date of their own get."""
    days = {fallback(item) for item in items if item.undated}
    if len(days) == 1:
        return days.pop()
    return "the date in the object's key, else the day of the upload"


def _by_column(found: list[Drift]) -> dict[str, dict[str, str | int]]:
    columns: dict[str, Drift] = {}
    for one in found:
        before = columns.get(one.column, replace(one, count=0))
        columns[one.column] = replace(before, count=before.count + one.count)
    return {
        one.column: {"type": one.type, "count": one.count, "example": one.example}
        for one in sorted(columns.values(), key=lambda one: -one.count)
    }


def _by_reason(items: Sequence[Item]) -> dict[str, dict[str, Any]]:
    counts, rules = Counter[str](), defaultdict[str, Counter[str]](Counter)
    first: dict[str, dict[str, Any]] = {}
    for item in items:
        where = f", in {item.key}" if len(items) > 1 else ""
        for one in item.refused:
            counts[one.reason] += one.count
            rules[one.reason].update(one.rules)
            first.setdefault(one.reason, {**asdict(one), "detail": f"{one.detail}{where}"})
    return {
        reason: {
            **first[reason],
            "count": count,
            "rules": dict(rules[reason].most_common(MOST_RULES)),
        }
        for reason, count in counts.most_common()
    }
