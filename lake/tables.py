"""Compare the ledger with the catalog: which rows no query sees, and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lake.errors import LakeCommandError
from lake.trouble import aws_said
from store import naming
from store.catalog import format_of, partition_of, since, why_foreign, why_misplaced
from store.near import near
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lake.ledger import Item
    from lake.target import Target

    Table = dict[str, Any]

#: The most that BatchCreatePartition and BatchUpdatePartition take (AWS Glue API).
BATCH = 100


@dataclass
class Seen:
    """What queries do not see of the rows that the ledger lists.

    Attributes
    ----------
    dropped : list of str
        Tables that have rows, do not exist, and are made again by their objects.
    unread : list of str
        Raw keys whose rows no query reads until they are ingested again.
    partitions : list of tuple of str
        Tables and dates of partitions that are not registered.
    retyped : list of str
        Sentences about dropped tables whose types came of a rebuild.
    hidden : list of str
        Sentences about rows that only the operator can bring back.
    rebuilt : set of str
        Datasets that are being rebuilt: their rows are in two places until that is done.
    """

    dropped: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    partitions: list[tuple[str, str]] = field(default_factory=list)
    retyped: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    rebuilt: set[str] = field(default_factory=set)


def look(target: Target, items: Iterable[Item], raw: Collection[str]) -> Seen:
    """Compare; the ledger was read before, so that what it lists was registered by then.

    Parameters
    ----------
    target : Target
        The lake.
    items : iterable of Item
        Objects that nobody is at.
    raw : collection of str
        Keys of the raw bucket: what can be ingested again.
    """
    tables = tables_of(target)
    seen = Seen(rebuilt={name for name, table in tables.items() if since(table)})
    rows: dict[str, list[Item]] = defaultdict(list)
    refused: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.reason == Reason.FOREIGN_TABLE:
            refused[item.dataset].append(item)
        elif item.partitions:
            rows[item.dataset].append(item)
        _look_before_first_date(seen, tables, item, raw)
    for dataset in sorted(rows.keys() | refused.keys()):
        if dataset in seen.rebuilt:
            seen.hidden.append(
                f"table {dataset} is being rebuilt: `lake rebuild {dataset}` goes on"
            )
            continue
        partitions = partitions_of(target, dataset) if dataset in tables else None
        strange: list[str] = []
        if partitions is None:
            _look_at_dropped(seen, dataset, rows[dataset], raw)
        elif why := why_foreign(tables[dataset], target.outputs["ProcessedBucketName"], dataset):
            strange = [why]
        else:
            strange = _elsewhere(tables[dataset], partitions.values())
            _look_at_table(seen, tables[dataset], partitions, rows[dataset], raw)
        seen.hidden += strange
        if not strange:
            # What was in their way is gone.
            seen.unread += [item.key for item in refused[dataset] if item.key in raw]
    return seen


def register(target: Target, partitions: Iterable[tuple[str, str]]) -> None:
    """Register partitions that are missing.

    Raises
    ------
    LakeCommandError
        When Glue registered only some of them; the same command does the rest.
    """
    dates: dict[str, list[str]] = defaultdict(list)
    for dataset, date in partitions:
        dates[dataset].append(date)
    for dataset, missing in dates.items():
        table = table_of(target, dataset)
        if table is None:
            raise LakeCommandError(f"Table {dataset} was dropped just now: repeat the command.")
        if why := why_foreign(table, target.outputs["ProcessedBucketName"], dataset):
            raise LakeCommandError(why)
        create_partitions(target, table, missing)


def table_of(target: Target, name: str) -> Table | None:
    """Read a table; None where there is none."""
    try:
        answer = target.client("glue").get_table(
            DatabaseName=target.outputs["GlueDatabaseName"], Name=name
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            return None
        raise
    return dict(answer["Table"])


def missing(
    name: str, there: Iterable[str], otherwise: str = "`lake tables` lists them."
) -> LakeCommandError:
    """Give what is to be raised where there is no table of a name; it says which may be meant."""
    meant = near(name, there, otherwise)
    return LakeCommandError(f"There is no table {name}: {meant}")


def partitions_of(target: Target, name: str) -> dict[str, Table] | None:
    """Read a table's partitions by date; None where there is no table."""
    pages = target.client("glue").get_paginator("get_partitions")
    try:
        return {
            found["Values"][0]: dict(found)
            for page in pages.paginate(
                DatabaseName=target.outputs["GlueDatabaseName"],
                TableName=name,
                ExcludeColumnSchema=True,
            )
            for found in page["Partitions"]
        }
    except ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            return None
        raise


def create_partitions(target: Target, table: Table, dates: Sequence[str]) -> None:
    """Register partitions of a table; one that is there is left as it is.

    Raises
    ------
    LakeCommandError
        When Glue registered only some of them.
    """
    place: dict[str, Any] = {
        "DatabaseName": target.outputs["GlueDatabaseName"],
        "TableName": table["Name"],
    }
    for start in range(0, len(dates), BATCH):
        inputs = [partition_of(table, date) for date in dates[start : start + BATCH]]
        try:
            answer = target.client("glue").batch_create_partition(
                **place, PartitionInputList=inputs
            )
        except ClientError as error:
            raise LakeCommandError(
                f"Glue did not register partitions of {table['Name']}: {aws_said(error)}"
            ) from error
        check(answer, table["Name"], "AlreadyExistsException")


def check(answer: Mapping[str, Any], name: str, harmless: str) -> None:
    """Refuse an answer of Glue that says that only some partitions of a table were changed."""
    for error in answer.get("Errors", []):
        if error["ErrorDetail"]["ErrorCode"] != harmless:
            raise LakeCommandError(
                f"Glue did not register partitions of {name}: {error['ErrorDetail']}"
            )


def _look_at_dropped(seen: Seen, dataset: str, items: list[Item], raw: Collection[str]) -> None:
    if not items:
        return
    again = [item.key for item in items if item.key in raw]
    seen.unread += again
    if again:
        seen.dropped.append(dataset)
        if any(naming.rebuild_in(naming.folder_of(k), dataset) for i in items for k in i.outputs):
            seen.retyped.append(
                f"table {dataset} had been rebuilt, and is made again with the types that its "
                "objects and its contract give: `lake retype` columns again that had another type"
            )
    else:
        seen.hidden.append(
            f"table {dataset} was dropped, and its objects were deleted from the raw bucket: "
            f"`lake crawl` makes it from its files in {naming.table_prefix(dataset)}"
        )


def _look_at_table(
    seen: Seen,
    table: Table,
    partitions: Collection[str],
    items: list[Item],
    raw: Collection[str],
) -> None:
    """Find what an older table of this name took along, and what is not registered."""
    dataset, form = table["Name"], format_of(table)
    made, needed = table["CreateTime"].timestamp(), set()
    for item in items:
        other = any(naming.format_of(key) not in ("", form) for key in item.outputs)
        # What was written to the ledger last before the table was made, was conformed to another.
        if (other or datetime.fromisoformat(item.updated_at).timestamp() < made) and (
            item.key in raw
        ):
            seen.unread.append(item.key)
        elif other:
            seen.hidden.append(
                f"{item.key} was deleted from the raw bucket, and its rows are in another format "
                f"than table {dataset}, which was made anew: move away {item.outputs[0]}"
            )
        else:
            needed |= item.partitions
    seen.partitions += [(dataset, date) for date in sorted(needed.difference(partitions))]


def _elsewhere(table: Table, partitions: Iterable[Table]) -> list[str]:
    """Name the partitions that somebody gave another place."""
    return [why for partition in partitions if (why := why_misplaced(table, partition))]


def _look_before_first_date(
    seen: Seen, tables: dict[str, Table], item: Item, raw: Collection[str]
) -> None:
    """Find rows in partitions that the projection leaves out, since FirstDate was raised."""
    for folder in (naming.QUARANTINE, naming.OBJECTS):
        parameters = tables.get(folder, {}).get("Parameters") or {}
        first = parameters.get("projection.date_partition.range", "").partition(",")[0]
        start = f"{folder}/{naming.PARTITION_KEY}="
        if not any(key.startswith(start) and key < f"{start}{first}" for key in item.outputs):
            continue
        if item.key in raw:
            seen.unread.append(item.key)
        else:
            seen.hidden.append(
                f"{item.key} was deleted from the raw bucket, and its rows in {folder} are before "
                f"FirstDate, {first}: deploy with an earlier one"
            )


def tables_of(target: Target) -> dict[str, Table]:
    """Read every table of the lake's database, by its name."""
    pages = target.client("glue").get_paginator("get_tables")
    return {
        table["Name"]: dict(table)
        for page in pages.paginate(DatabaseName=target.outputs["GlueDatabaseName"])
        for table in page["TableList"]
    }
