"""The ledger, as an operator reads it: what became of each raw object."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.entry import UNSWEPT, Entry
from store.items import (
    ATTENTION_INDEX,
    drift_of,
    entry_of,
    key_of,
    object_of,
    refused_of,
    updated_at,
)
from store.model import Status
from store.naming import partition_in, place_of
from store.states import is_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from lake.target import Target
    from store.entry import Attempt
    from store.model import Drift, Refusal


#: The most that BatchGetItem takes (Amazon DynamoDB API Reference).
_BATCH = 100


@dataclass(frozen=True)
class _Count:
    """A count among the facts of the committed version; 0 where it is not told."""

    fact: str

    def __get__(self, item: Item, owner: type[Item]) -> int:
        return int(item.entry.facts.get(self.fact, 0))


@dataclass(frozen=True)
class _Text:
    """A text among the facts of the committed version; empty where it is not told."""

    fact: str

    def __get__(self, item: Item, owner: type[Item]) -> str:
        return str(item.entry.facts.get(self.fact, ""))


@dataclass(frozen=True)
class _Names:
    """A list of texts among the facts; empty where it is not told."""

    fact: str

    def __get__(self, item: Item, owner: type[Item]) -> tuple[str, ...]:
        return tuple(json.loads(str(item.entry.facts.get(self.fact, "[]"))))


@dataclass(frozen=True)
class Item:
    """One raw object, and what the ledger says of it.

    Attributes
    ----------
    bucket, key : str
        The object.
    entry : Entry
        What the function keeps of it.
    updated_at : str
        When the entry was last written, ISO 8601 in UTC.
    """

    bucket: str
    key: str
    entry: Entry
    updated_at: str

    #: Its table; empty before its first commit.
    dataset = _Text("dataset")
    #: What the file was, and which column dated its records.
    format, compression = _Text("format"), _Text("compression")
    date_column = _Text("date_column")
    #: When it was uploaded, in seconds since 1970; which day several objects' records without a
    #: date of their own get, where they were added up.
    uploaded, fallback = _Count("uploaded"), _Text("fallback")
    #: Which column its contract names to date records (:mod:`lake.dating`).
    chosen = _Text("chosen")
    #: Bytes of the object, and how long its ingestion took.
    size, milliseconds = _Count("bytes"), _Count("milliseconds")
    #: Records by what became of them; those with something in ``_rescued_data``, without a date
    #: of their own, with fewer fields than the header; columns that the table gained.
    read, accepted = _Count("records_read"), _Count("records_accepted")
    quarantined, rescued = _Count("records_quarantined"), _Count("records_rescued")
    undated, short = _Count("records_undated"), _Count("records_short")
    columns_added = _Count("columns_added")
    #: Why it was refused.
    _refusal, _refusal_detail = _Text("reason"), _Text("detail")
    #: What was guessed of it; some of the columns that the table gained; fields that look like
    #: dates, where none dated a record.
    guesses, added, datelike = _Names("guesses"), _Names("added"), _Names("datelike")

    @property
    def kinds(self) -> dict[str, str]:
        """Give the types that its contract names for columns that drifted."""
        return dict(json.loads(str(self.entry.facts.get("kinds", "{}"))))

    @property
    def status(self) -> Status:
        """Say what became of the newest attempt at it."""
        return self.entry.status

    @property
    def reason(self) -> str:
        """Give the code of why it was refused, or why the last attempt failed."""
        return self._why[0]

    @property
    def detail(self) -> str:
        """Say why, in words."""
        return self._why[1]

    @property
    def _why(self) -> tuple[str, str]:
        # What is said of a failed attempt is in the attempt, of a refused object with its counts.
        if self.status is Status.FAILED:
            failed = [one for one in self.entry.attempts if one.status is Status.FAILED][-1]
            return failed.reason, failed.detail
        return self._refusal, self._refusal_detail

    @property
    def version(self) -> str:
        """Give the committed version; empty before the first."""
        return self.entry.version

    @property
    def outputs(self) -> tuple[str, ...]:
        """Give the keys of its rows."""
        return self.entry.outputs

    @property
    def drift(self) -> tuple[Drift, ...]:
        """Say which columns met values of other types."""
        return drift_of(self.entry.facts)

    @property
    def no_dates(self) -> dict[str, list[str]]:
        """Give values that are no dates, by the column that should have dated its records."""
        return dict(json.loads(str(self.entry.facts.get("no_dates", "{}"))))

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Say why records were refused."""
        return refused_of(self.entry.facts)

    @property
    def csv(self) -> dict[str, str | int | bool]:
        """Say in the words of ``x-csv`` how it is not written as most delimited files are."""
        return dict(json.loads(str(self.entry.facts.get("csv", "{}"))))

    @property
    def partitions(self) -> set[str]:
        """Give the dates of its rows."""
        return {place[1] for place in map(place_of, self.outputs) if place}

    def dates_in(self, table: str) -> set[str]:
        """Give the dates of its rows in a table, such as ``quarantine``."""
        places = (partition_in(key).partition("/") for key in self.outputs)
        return {date for name, _, date in places if name == table}

    @property
    def _open(self) -> list[Attempt]:
        return [one for one in self.entry.attempts if one.is_open]

    @property
    def announced(self) -> tuple[str, ...]:
        """Give the keys that open attempts may write."""
        return tuple(key for one in self._open for key in one.keys)

    def is_worked_on(self, now: float, since: float = float("inf")) -> bool:
        """Tell whether a worker may be at it that had begun by then; in seconds since 1970."""
        return any(one.expires > now and one.began < since for one in self._open)

    def has_leftovers(self, now: float) -> bool:
        """Tell whether something waits to be cleaned up and nobody is at it."""
        return bool(self.entry.replaced or self._open) and not self.is_worked_on(now)


@dataclass(frozen=True)
class Filter:
    """Which objects are meant; what is left out does not matter.

    Attributes
    ----------
    keys, statuses, datasets : collection of str
        Any of these; a key that ends with ``*`` means all that begin so.
    since, until : str
        ISO 8601 instants between which the entry was last written.
    first_date, last_date : str
        ISO dates; the object has rows on one of those days.
    """

    keys: Collection[str] = ()
    statuses: Collection[str] = ()
    datasets: Collection[str] = ()
    since: str = ""
    until: str = ""
    first_date: str = ""
    last_date: str = ""

    def admits(self, item: Item) -> bool:
        """Tell whether an object is meant."""
        return (
            (not self.keys or any(_matches(item.key, key) for key in self.keys))
            and (not self.statuses or item.status in self.statuses)
            and (not self.datasets or item.dataset in self.datasets)
            and self.since <= item.updated_at
            and (not self.until or item.updated_at <= self.until)
            and (not (self.first_date or self.last_date) or self._has_date(item))
        )

    def _has_date(self, item: Item) -> bool:
        last = self.last_date or "9999"
        return any(self.first_date <= date <= last for date in item.partitions)


def _matches(key: str, pattern: str) -> bool:
    return key.startswith(pattern[:-1]) if pattern.endswith("*") else key == pattern


def items(target: Target, wanted: Filter | None = None) -> Iterator[Item]:
    """Read the ledger.

    Parameters
    ----------
    target : Target
        The lake.
    wanted : Filter, optional
        Which objects; by statuses that are in the index only those are read, else the whole
        table.

    Yields
    ------
    Item
        In no order.
    """
    wanted = wanted or Filter()
    dynamodb, table = target.client("dynamodb"), target.outputs["LedgerTableName"]
    pages: Iterator[Any]
    if wanted.statuses and all(Status(one).needs_attention for one in wanted.statuses):
        pages = (
            page
            # Until it is swept, an entry is there under that name, whatever its status.
            for status in (*wanted.statuses, UNSWEPT)
            for page in dynamodb.get_paginator("query").paginate(
                TableName=table,
                IndexName=ATTENTION_INDEX,
                KeyConditionExpression="attention = :status AND updated_at >= :since",
                ExpressionAttributeValues={
                    ":status": {"S": status},
                    # An empty string is no key (DynamoDB Developer Guide, "Constraints").
                    ":since": {"S": wanted.since or "0"},
                },
            )
        )
    else:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    for page in pages:
        for raw in page["Items"]:
            if is_state(raw):
                continue
            item = read(raw)
            if wanted.admits(item):
                yield item


def get(target: Target, bucket: str, key: str) -> Item | None:
    """Read one object's entry, as it stands now."""
    answer = target.client("dynamodb").get_item(
        TableName=target.outputs["LedgerTableName"],
        Key=key_of(f"{bucket}/{key}"),
        ConsistentRead=True,
    )
    return read(answer["Item"]) if "Item" in answer else None


def get_many(target: Target, bucket: str, keys: Sequence[str]) -> dict[str, Item]:
    """Read the entries of some objects, as they stand now; those that there are, by their keys."""
    dynamodb, table = target.client("dynamodb"), target.outputs["LedgerTableName"]
    found: dict[str, Item] = {}
    for start in range(0, len(keys), _BATCH):
        asked = [key_of(f"{bucket}/{key}") for key in keys[start : start + _BATCH]]
        while asked:
            answer = dynamodb.batch_get_item(
                RequestItems={table: {"Keys": asked, "ConsistentRead": True}}
            )
            known = map(read, answer["Responses"][table])
            found |= {item.key: item for item in known}
            # What would make the answer too large is left for the next (DynamoDB API Reference).
            asked = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    return found


def unknown(bucket: str, key: str) -> Item:
    """Give the item of an object of which the ledger knows nothing."""
    return Item(bucket, key, Entry(), "")


def read(raw: dict[str, Any]) -> Item:
    """Read one item of the table."""
    return Item(*object_of(raw), entry_of(raw), updated_at(raw))
