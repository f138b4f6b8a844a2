"""The Glue Data Catalog: tables as a crawler would make them, and the crawler."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.catalog import (
    changed_table,
    folder_of,
    new_table,
    partition_of,
    rebuild_of,
    schema_of,
    why_foreign,
    why_misplaced,
)
from store.errors import (
    CatalogConflictError,
    RejectedObjectError,
    SchemaConflictError,
    ServiceError,
)
from store.model import Schema
from store.naming import next_table, table_prefix
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_glue import GlueClient

#: The most that BatchCreatePartition and BatchUpdatePartition take (AWS Glue API).
_PARTITION_BATCH = 100

#: Each try follows a change of the same table by another writer.
_DECLARE_TRIES = 25

#: How Glue says that another writer created a table, or changed or dropped it.
_CREATED_MEANWHILE = frozenset({"AlreadyExistsException"})
_CHANGED_MEANWHILE = frozenset({"ConcurrentModificationException", "EntityNotFoundException"})

#: Seconds, with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 2.0

#: Seconds for which a table is taken to be as it was: those of a burst of small objects.
_FRESH = 10

#: Seconds for which a partition that was there is taken to be there.
_REMEMBERED = 300


@dataclass(slots=True)
class _Seen:
    """A table as Glue answered at a time, and when each partition was seen to be as it should."""

    table: dict[str, Any]
    at: float
    partitions: dict[str, float] = field(default_factory=dict)

    def is_still(self, table: dict[str, Any]) -> bool:
        """Tell whether it is the same table, not one of its name, with the same columns."""
        return all(of(self.table) == of(table) for of in (_create_time_of, schema_of, folder_of))


@dataclass(slots=True)
class GlueCatalog:
    """Registers tables and partitions of one database.

    Attributes
    ----------
    client : GlueClient
        With botocore's retries configured.
    database, bucket, crawler : str
        Where tables are, where their files are, and what crawls them.
    evolve : callable
        Gives the columns under which a table and a file of other columns are read alike;
        raises SchemaConflictError where there are none.
    crawl_minutes : int
        The least time from one start of the crawler to the next.
    sleep : callable
        Waits between tries to change a table that others change, too.
    clock : callable
        Seconds since 1970.
    """

    client: GlueClient
    database: str
    bucket: str
    crawler: str
    evolve: Callable[[Schema, Schema], Schema]
    crawl_minutes: int = 60
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def schema(self, dataset: str) -> Schema | None:
        """See :class:`processor.ingest.ports.Catalog`."""
        table = self._fresh(dataset) or self._read(dataset)
        return None if table is None else schema_of(table)

    def declare(self, dataset: str, schema: Schema) -> bool:
        """See :class:`processor.ingest.ports.Catalog`."""
        for attempt in range(_DECLARE_TRIES):
            # What a table of some seconds ago has, it has now, too: it only ever gains.
            if (seen := self._fresh(dataset)) and self._has(seen, schema):
                return False
            table = self._read(dataset)
            present = (
                Schema((), schema.format, table_prefix(dataset))
                if table is None
                else schema_of(table)
            )
            wanted = self.evolve(present, schema)
            if table is not None and wanted == present:
                return False
            if self._write(dataset, table, wanted):
                self._seen.pop(dataset, None)
                return table is None
            self.sleep(_jitter(attempt))
        raise CatalogConflictError(f"table {dataset}: other writers kept changing it")

    def add_partitions(self, dataset: str, partitions: Iterable[str]) -> None:
        """See :class:`processor.ingest.ports.Catalog`.

        Partitions are registered without columns of their own: Athena then reads their files
        by the table's, those that it will have included. One that has some, because a crawler
        gave it them, would hide a field that a struct gained since, so they are taken away.
        """
        if dataset not in self._seen and self._read(dataset) is None:
            raise _dropped(dataset)
        seen, now = self._seen[dataset], self.clock()
        missing = [
            date
            for date in sorted(partitions)
            if not now - seen.partitions.get(date, -_REMEMBERED) < _REMEMBERED
        ]
        try:
            for start in range(0, len(missing), _PARTITION_BATCH):
                batch = missing[start : start + _PARTITION_BATCH]
                if present := self._create_partitions(seen.table, batch):
                    self._mend_partitions(seen.table, present)
                seen.partitions |= dict.fromkeys(batch, now)
        except ClientError as error:
            if code_of(error) not in _CHANGED_MEANWHILE:
                raise
            self._seen.pop(dataset, None)
            raise _dropped(dataset) from error

    def _create_partitions(self, table: dict[str, Any], partitions: list[str]) -> list[str]:
        """Register partitions; give those that were there before."""
        with translated(f"registering partitions of {table['Name']}"):
            answer = self.client.batch_create_partition(
                DatabaseName=self.database,
                TableName=table["Name"],
                PartitionInputList=[_input(table, p) for p in partitions],
            )
        present = []
        for refused in answer.get("Errors", []):
            detail = refused.get("ErrorDetail", {})
            if detail.get("ErrorCode") != "AlreadyExistsException":
                raise ServiceError(f"registering partitions of {table['Name']}: {detail}")
            present += refused.get("PartitionValues", [])
        return present

    def _mend_partitions(self, table: dict[str, Any], partitions: list[str]) -> None:
        """Take from partitions the columns that differ from the table's."""
        name = table["Name"]
        with translated(f"reading partitions of {name}"):
            answer = self.client.batch_get_partition(
                DatabaseName=self.database,
                TableName=name,
                PartitionsToGet=[{"Values": [partition]} for partition in partitions],
            )
        if len(found := answer.get("Partitions", [])) != len(partitions):
            raise CatalogConflictError(f"table {name}: partitions were dropped meanwhile")
        for partition in found:
            if why := why_misplaced(table, partition):
                raise RejectedObjectError(Reason.FOREIGN_TABLE, why)
        types = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
        stale = [
            partition["Values"][0]
            for partition in found
            if any(
                types.get(column["Name"]) != column.get("Type")
                for column in partition["StorageDescriptor"].get("Columns", [])
            )
        ]
        if not stale:
            return
        entries: Any = [
            {"PartitionValueList": [p], "PartitionInput": _input(table, p)} for p in stale
        ]
        with translated(f"updating partitions of {name}"):
            updated = self.client.batch_update_partition(
                DatabaseName=self.database, TableName=name, Entries=entries
            )
        if errors := updated.get("Errors"):
            raise ServiceError(f"updating partitions of {name}: {errors[0]}")

    def crawl(self) -> bool:
        """See :class:`processor.ingest.ports.Catalog`."""
        try:
            with translated(f"starting crawler {self.crawler}"):
                found = self.client.get_crawler(Name=self.crawler)["Crawler"]
                if found.get("State") != "READY" or self._has_crawled(found.get("LastCrawl")):
                    return False
                self.client.start_crawler(Name=self.crawler)
        except ClientError as error:
            if code_of(error) == "CrawlerRunningException":
                return False
            raise
        return True

    def _has_crawled(self, last: Any) -> bool:
        """Tell whether the last crawl began too short a time ago for another one."""
        if not last or "StartTime" not in last:
            return False
        return self.clock() - float(last["StartTime"].timestamp()) < self.crawl_minutes * 60

    def _read(self, dataset: str) -> dict[str, Any] | None:
        """Read the table; forget what is known of an older one of its name."""
        table = read_table(self.client, self.database, dataset)
        if table is not None and rebuild_of(table):
            table = read_table(self.client, self.database, next_table(dataset))
            if table is None:
                self._seen.pop(dataset, None)
                raise CatalogConflictError(f"table {dataset} is just being switched")
        if table is None:
            self._seen.pop(dataset, None)
            return None
        if why := why_foreign(table, self.bucket, dataset):
            self._seen.pop(dataset, None)
            raise RejectedObjectError(Reason.FOREIGN_TABLE, why)
        seen = self._seen.get(dataset)
        self._seen[dataset] = (
            _Seen(table, self.clock(), seen.partitions)
            if seen and seen.is_still(table)
            else _Seen(table, self.clock())
        )
        return table

    def _fresh(self, dataset: str) -> dict[str, Any] | None:
        """Give the table as it was a few seconds ago, where it was asked for then."""
        seen = self._seen.get(dataset)
        return seen.table if seen and 0 <= self.clock() - seen.at < _FRESH else None

    def _has(self, table: dict[str, Any], schema: Schema) -> bool:
        """Tell whether a table lacks nothing of a file's."""
        known = schema_of(table)
        try:
            return self.evolve(known, schema) == known
        except SchemaConflictError:
            return False

    def _write(self, dataset: str, table: dict[str, Any] | None, schema: Schema) -> bool:
        """Create or extend the table; False when another writer came first."""
        try:
            with translated(f"declaring table {dataset}"):
                if table is None:
                    made: Any = new_table(dataset, self.bucket, schema)
                    self.client.create_table(DatabaseName=self.database, TableInput=made)
                else:
                    changed: Any = changed_table(table, schema)
                    self.client.update_table(
                        DatabaseName=self.database,
                        TableInput=changed,
                        VersionId=table["VersionId"],
                        SkipArchive=True,
                    )
        except ClientError as error:
            if code_of(error) in (_CREATED_MEANWHILE if table is None else _CHANGED_MEANWHILE):
                return False
            raise
        return True


def read_table(client: GlueClient, database: str, name: str) -> dict[str, Any] | None:
    """Read a table; None where there is none."""
    try:
        with translated(f"reading table {name}"):
            return dict(client.get_table(DatabaseName=database, Name=name)["Table"])
    except ClientError as error:
        if code_of(error) == "EntityNotFoundException":
            return None
        raise


def _dropped(dataset: str) -> CatalogConflictError:
    return CatalogConflictError(
        f"table {dataset} was dropped or changed while its partitions were registered"
    )


def _create_time_of(table: dict[str, Any]) -> object:
    return table.get("CreateTime")


def _input(table: dict[str, Any], partition: str) -> Any:
    return partition_of(table, partition)


def _jitter(attempt: int) -> float:
    """Give seconds to wait: at random, up to a limit that doubles with each attempt."""
    return random.uniform(0, min(_LONGEST_WAIT, _SHORTEST_WAIT * 2**attempt))  # noqa: S311  # spreads writers, hides nothing
