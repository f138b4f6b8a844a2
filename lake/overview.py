"""What tables a lake has, and what is known of them without a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lake import buckets, ledger, models, tables
from store import curated, naming
from store.catalog import format_of, why_foreign

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lake.ledger import Item
    from lake.target import Target

    Table = Mapping[str, Any]

#: What a table is.
DATASET, MODEL, OWN, VIEW, FOREIGN = "dataset", "model", "lake's own", "view", "foreign"


@dataclass
class Overview:
    """One table.

    Attributes
    ----------
    name, kind : str
        Of the table; the kind is one of those of this module.
    table : mapping
        As GetTable answers.
    rows : int or None
        By the ledger; None where it does not tell.
    dates : set of str
        Partitions that have rows.
    partitioned : bool
        Whether the table has partitions at all.
    size : int or None
        Bytes of its files; None where they are not the lake's.
    loaded : str
        When its rows last changed, ISO 8601 in UTC; empty where that is not known.
    date_columns : dict of str to int
        Columns that dated records, and for how many objects.
    """

    name: str
    kind: str
    table: Table
    rows: int | None = None
    dates: set[str] = field(default_factory=set)
    partitioned: bool = True
    size: int | None = None
    loaded: str = ""
    date_columns: dict[str, int] = field(default_factory=dict)

    @property
    def partitions(self) -> int | None:
        """Count the partitions; None for a table that has none."""
        return len(self.dates) if self.partitioned else None

    @property
    def span(self) -> tuple[str | None, str | None]:
        """Give the first and the last partition."""
        return min(self.dates, default=None), max(self.dates, default=None)

    @property
    def location(self) -> str:
        """Give where its files are."""
        return curated.location_of(self.table)

    @property
    def format(self) -> str:
        """Give the format of its files; empty where the lake knows none."""
        return "" if self.kind == VIEW else format_of(self.table)


def look(target: Target, name: str | None = None) -> list[Overview]:
    """See what is known of each table, or of one.

    Raises
    ------
    LakeCommandError
        When there is no table of the name.
    """
    there = {one: table for one, table in tables.tables_of(target).items() if is_shown(one, table)}
    if name is not None and name not in there:
        raise tables.missing(name, there)
    if name is not None:
        there = {name: there[name]}
    found = {
        one: Overview(
            one, _kind(target, one, table), table, partitioned=_has_partitions(one, table)
        )
        for one, table in sorted(there.items())
    }
    _count(found, ledger.items(target))
    for one in found.values():
        _see(target, one)
    return list(found.values())


def is_shown(name: str, table: Table) -> bool:
    """Whether a table is for people: others exist while a dataset is rebuilt."""
    return curated.is_projected(table) or not naming.is_reserved(name)


def columns_of(table: Table) -> list[tuple[str, str, str]]:
    """Give name, type and comment of each column, without the partition keys."""
    storage = table.get("StorageDescriptor") or {}
    return [
        (one["Name"], one.get("Type", ""), one.get("Comment", ""))
        for one in storage.get("Columns", [])
    ]


def _has_partitions(name: str, table: Table) -> bool:
    """Whether it has partitions that the catalog or the ledger tells of; a projection does not."""
    told = name in (naming.QUARANTINE, naming.OBJECTS) or not curated.is_projected(table)
    return told and bool(table.get("PartitionKeys"))


def _kind(target: Target, name: str, table: Table) -> str:
    place, outputs = curated.location_of(table), target.outputs
    if table.get("TableType") == "VIRTUAL_VIEW":
        return VIEW
    if curated.key_in(place, outputs.get("CuratedBucketName", "")).startswith(f"{naming.MODELS}/"):
        return MODEL
    bucket = outputs["ProcessedBucketName"]
    if not why_foreign(table, bucket, name):
        return DATASET
    return OWN if curated.is_projected(table) and place.startswith(f"s3://{bucket}/") else FOREIGN


def _count(found: dict[str, Overview], items: Iterable[Item]) -> None:
    """Add what the ledger tells."""
    for one in found.values():
        if one.kind == DATASET or one.name in (naming.QUARANTINE, naming.OBJECTS):
            one.rows = 0
    for item in items:
        dates: dict[str, set[str]] = {}
        for name, _, date in (naming.partition_in(key).partition("/") for key in item.outputs):
            dates.setdefault(name, set()).add(date)
        for name in dates.keys() & found.keys():
            one = found[name]
            one.dates |= dates[name]
            one.loaded = max(one.loaded, item.updated_at)
            one.rows = (one.rows or 0) + _rows(item, name)
            if item.date_column and name == item.dataset:
                seen = one.date_columns.get(item.date_column, 0)
                one.date_columns[item.date_column] = seen + 1


def _rows(item: Item, name: str) -> int:
    if name == naming.QUARANTINE:
        # An object that is refused as a whole is one row.
        return max(item.quarantined, 1)
    return 1 if name == naming.OBJECTS else item.accepted


def _see(target: Target, one: Overview) -> None:
    """Add what the catalog and the bucket tell."""
    if one.kind == MODEL:
        one.loaded = _made(target, one.name)
    if one.kind in (MODEL, FOREIGN) and one.partitioned:
        one.dates = set(tables.partitions_of(target, one.name) or {})
    if one.kind in (DATASET, MODEL, OWN):
        bucket, _, folder = one.location.removeprefix("s3://").partition("/")
        folder = naming.home_of(one.name) if one.kind == MODEL else folder.rstrip("/") + "/"
        one.size = sum(found["Size"] for found in buckets.contents(target, bucket, folder))


def _made(target: Target, name: str) -> str:
    done = models.state(target, name).done
    return datetime.fromtimestamp(done.at, UTC).isoformat(timespec="milliseconds") if done else ""
