"""The ledger, as an operator reads it: what became of each raw object."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.model import Drift

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lake.target import Target

#: The ledger's sparse index holds the objects of these statuses only.
INDEXED = frozenset({"FAILED", "PARTIAL", "REJECTED", "STORED", "TOO_LARGE"})

#: Statuses from which nothing leads on by itself; those of them by which nothing was refused.
FINAL = frozenset({"DONE", "PARTIAL", "EMPTY", "STORED", "SKIPPED", "REJECTED", "TOO_LARGE"})
ACCEPTED = frozenset({"DONE", "PARTIAL", "EMPTY", "STORED", "SKIPPED"})

STATUSES = (
    *("PROCESSING", "DONE", "PARTIAL", "EMPTY", "STORED", "SKIPPED"),
    *("REJECTED", "TOO_LARGE", "FAILED"),
)


@dataclass(frozen=True)
class Item:
    """One raw object.

    Attributes
    ----------
    bucket, key : str
        The object.
    status, reason, detail : str
        What became of the newest attempt at it, and why.
    dataset : str
        Its table; empty before its first commit.
    version : str
        The committed version; empty before its first commit.
    read, accepted, quarantined, size, milliseconds : int
        Of the committed version; ``size`` in bytes.
    format, compression, date_column : str
        What the file was, and which column dated its records.
    rescued, undated, short, columns_added : int
        Records with something in ``_rescued_data``, without a date of their own, with fewer
        fields than the header; columns that the table gained.
    drift : tuple of Drift
        Which columns met values of other types.
    guesses : tuple of str
        What was guessed of the file.
    attempts : int
        Those that the ledger remembers.
    updated_at : str
        When the entry was last written, ISO 8601 in UTC.
    replay : str
        The replay to which the committed version was ingested last.
    outputs, replaced : tuple of str
        Keys of its rows, and keys that are to be deleted.
    announced : tuple of str
        Keys that open attempts may write.
    open_until : float
        When the last open attempt expires, seconds since 1970; 0 for none.
    """

    bucket: str
    key: str
    status: str
    reason: str
    detail: str
    dataset: str
    version: str
    read: int
    accepted: int
    quarantined: int
    size: int
    milliseconds: int
    format: str
    compression: str
    date_column: str
    rescued: int
    undated: int
    short: int
    columns_added: int
    drift: tuple[Drift, ...]
    guesses: tuple[str, ...]
    attempts: int
    updated_at: str
    replay: str
    outputs: tuple[str, ...]
    replaced: tuple[str, ...]
    announced: tuple[str, ...]
    open_until: float

    @property
    def partitions(self) -> set[str]:
        """Give the dates of its rows."""
        return {
            part.removeprefix("date_partition=")
            for key in self.outputs
            if key.startswith("processed/")
            for part in key.split("/")
            if part.startswith("date_partition=")
        }

    def is_worked_on(self, now: float) -> bool:
        """Tell whether a worker may be at it, at a time in seconds since 1970."""
        return self.open_until > now

    def has_leftovers(self, now: float) -> bool:
        """Tell whether something waits to be cleaned up and nobody is at it."""
        return bool(self.replaced or self.open_until) and not self.is_worked_on(now)


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
    if wanted.statuses and set(wanted.statuses) <= INDEXED:
        pages = (
            page
            for status in wanted.statuses
            for page in dynamodb.get_paginator("query").paginate(
                TableName=table,
                IndexName="attention",
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
            item = read(raw)
            if wanted.admits(item):
                yield item


def get(target: Target, bucket: str, key: str) -> Item | None:
    """Read one object's entry, as it stands now."""
    answer = target.client("dynamodb").get_item(
        TableName=target.outputs["LedgerTableName"],
        Key={"object": {"S": f"{bucket}/{key}"}},
        ConsistentRead=True,
    )
    return read(answer["Item"]) if "Item" in answer else None


def read(raw: dict[str, Any]) -> Item:
    """Read one item of the table."""
    bucket, _, key = raw["object"]["S"].partition("/")
    attempts = [one["M"] for one in raw["attempts"]["L"]]
    opened = [one for one in attempts if one["status"]["S"] == "PROCESSING"]
    status = raw["status"]["S"]
    # What is said of a failed attempt is in the attempt, of a refused object with its counts.
    failed = [one for one in attempts if one["status"]["S"] == "FAILED"]
    why = failed[-1] if status == "FAILED" and failed else raw
    return Item(
        bucket=bucket,
        key=key,
        status=status,
        reason=_text(why, "reason"),
        detail=_text(why, "detail"),
        dataset=_text(raw, "dataset"),
        version=_text(raw, "version"),
        read=_number(raw, "records_read"),
        accepted=_number(raw, "records_accepted"),
        quarantined=_number(raw, "records_quarantined"),
        size=_number(raw, "bytes"),
        milliseconds=_number(raw, "milliseconds"),
        format=_text(raw, "format"),
        compression=_text(raw, "compression"),
        date_column=_text(raw, "date_column"),
        rescued=_number(raw, "records_rescued"),
        undated=_number(raw, "records_undated"),
        short=_number(raw, "records_short"),
        columns_added=_number(raw, "columns_added"),
        drift=_drift(_text(raw, "drift")),
        guesses=tuple(json.loads(_text(raw, "guesses") or "[]")),
        attempts=len(attempts),
        updated_at=_text(raw, "updated_at"),
        replay=_text(raw, "replay"),
        outputs=_keys(raw["outputs"]),
        replaced=_keys(raw["replaced"]),
        announced=tuple(key for one in opened for key in _keys(one["keys"])),
        open_until=max((float(one["expires"]["N"]) for one in opened), default=0),
    )


def _drift(text: str) -> tuple[Drift, ...]:
    # Entries that were written before a type and an example were kept say only how often.
    return tuple(
        Drift(name, "", told)
        if isinstance(told, int)
        else Drift(name, told["type"], told["count"], told["example"])
        for name, told in json.loads(text or "{}").items()
    )


def _keys(value: dict[str, Any]) -> tuple[str, ...]:
    return tuple(json.loads(zlib.decompress(bytes(value["B"]))))


def _text(raw: dict[str, Any], name: str) -> str:
    return str(raw.get(name, {}).get("S", ""))


def _number(raw: dict[str, Any], name: str) -> int:
    return int(raw.get(name, {}).get("N", 0))
