"""The Glue Data Catalog: tables as a crawler would make them, and the crawler."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from store.catalog import changed_table, new_table, partition_of, schema_of
from store.errors import CatalogConflictError, ServiceError
from store.model import Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_glue import GlueClient

#: The most that BatchCreatePartition and BatchUpdatePartition take (AWS Glue API).
_PARTITION_BATCH = 100

#: Each try follows a change of the same table by another writer.
_DECLARE_TRIES = 25

#: Seconds, with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 2.0


@dataclass(slots=True)
class GlueCatalog:
    """Registers tables and partitions of one database.

    Attributes
    ----------
    client : GlueClient
        With botocore's retries configured.
    database, bucket, crawler : str
        Where tables are, where their files are, and what crawls them.
    output_format : str
        ``parquet`` or ``json``: how new tables are described.
    evolve : callable
        Gives the columns under which a table and a file of other columns are read alike;
        raises SchemaConflictError where there are none.
    sleep : callable
        Waits between tries to change a table that others change, too.
    """

    client: GlueClient
    database: str
    bucket: str
    crawler: str
    output_format: str
    evolve: Callable[[Schema, Schema], Schema]
    sleep: Callable[[float], None] = time.sleep
    _known: dict[str, Schema] = field(default_factory=dict)
    _registered: set[tuple[str, str, Schema | None]] = field(default_factory=set)

    def schema(self, dataset: str) -> Schema | None:
        """See :class:`processor.ingest.ports.Catalog`."""
        table = self._table(dataset)
        return None if table is None else schema_of(table)

    def declare(self, dataset: str, schema: Schema) -> bool:
        """See :class:`processor.ingest.ports.Catalog`."""
        for attempt in range(_DECLARE_TRIES):
            table = self._table(dataset)
            present = Schema() if table is None else schema_of(table)
            wanted = self.evolve(present, schema)
            if table is not None and wanted == present:
                return False
            if self._write(dataset, table, wanted):
                self._known.pop(dataset, None)
                return True
            self.sleep(_jitter(attempt))
        raise CatalogConflictError(f"table {dataset}: other writers kept changing it")

    def add_partitions(self, dataset: str, partitions: Iterable[str]) -> None:
        """See :class:`processor.ingest.ports.Catalog`.

        Partitions are registered without columns of their own: Athena then reads their files
        by the table's, those that it will have included. One that has some, because a crawler
        gave it them, would hide a field that a struct gained since, so they are taken away.
        """
        wanted = sorted(partitions)
        if self._registered >= {(dataset, p, self._known.get(dataset)) for p in wanted}:
            return
        table = self._table(dataset)
        if table is None:
            raise ServiceError(f"table {dataset} vanished while its partitions were registered")
        schema = self._known[dataset]
        missing = [p for p in wanted if (dataset, p, schema) not in self._registered]
        for start in range(0, len(missing), _PARTITION_BATCH):
            batch = missing[start : start + _PARTITION_BATCH]
            if present := self._create_partitions(table, batch):
                self._update_partitions(table, present)
            self._registered |= {(dataset, partition, schema) for partition in batch}

    def _create_partitions(self, table: dict[str, Any], partitions: list[str]) -> list[str]:
        """Register partitions; give those that were there before."""
        with translated(f"registering partitions of {table['Name']}"):
            answer = self.client.batch_create_partition(
                DatabaseName=self.database,
                TableName=table["Name"],
                PartitionInputList=[self._input(table, p) for p in partitions],
            )
        present = []
        for error in answer.get("Errors", []):
            detail = error.get("ErrorDetail", {})
            if detail.get("ErrorCode") != "AlreadyExistsException":
                raise ServiceError(f"registering partitions of {table['Name']}: {detail}")
            present += error.get("PartitionValues", [])
        return present

    def _update_partitions(self, table: dict[str, Any], partitions: list[str]) -> None:
        """Take from partitions the columns that differ from the table's."""
        with translated(f"reading partitions of {table['Name']}"):
            answer = self.client.batch_get_partition(
                DatabaseName=self.database,
                TableName=table["Name"],
                PartitionsToGet=[{"Values": [partition]} for partition in partitions],
            )
        if answer.get("UnprocessedKeys"):
            raise ServiceError(f"reading partitions of {table['Name']}: not all were answered")
        types = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
        stale = [
            partition["Values"][0]
            for partition in answer.get("Partitions", [])
            if any(
                types.get(column["Name"]) != column.get("Type")
                for column in partition["StorageDescriptor"].get("Columns", [])
            )
        ]
        if not stale:
            return
        with translated(f"updating partitions of {table['Name']}"):
            updated = self.client.batch_update_partition(
                DatabaseName=self.database,
                TableName=table["Name"],
                Entries=[
                    {"PartitionValueList": [p], "PartitionInput": self._input(table, p)}
                    for p in stale
                ],
            )
        if errors := updated.get("Errors"):
            raise ServiceError(f"updating partitions of {table['Name']}: {errors[0]}")

    def _input(self, table: dict[str, Any], partition: str) -> Any:
        return partition_of(table, partition, self.output_format)

    def crawl(self) -> bool:
        """See :class:`processor.ingest.ports.Catalog`."""
        try:
            with translated(f"starting crawler {self.crawler}"):
                self.client.start_crawler(Name=self.crawler)
        except ClientError as error:
            if code_of(error) == "CrawlerRunningException":
                return False
            raise
        return True

    def _table(self, dataset: str) -> dict[str, Any] | None:
        try:
            with translated(f"reading table {dataset}"):
                answer = self.client.get_table(DatabaseName=self.database, Name=dataset)
        except ClientError as error:
            if code_of(error) == "EntityNotFoundException":
                self._known.pop(dataset, None)
                self._registered = {r for r in self._registered if r[0] != dataset}
                return None
            raise
        table = dict(answer["Table"])
        self._known[dataset] = schema_of(table)
        return table

    def _write(self, dataset: str, table: dict[str, Any] | None, schema: Schema) -> bool:
        """Create or extend the table; False when another writer came first."""
        try:
            with translated(f"declaring table {dataset}"):
                if table is None:
                    made: Any = new_table(dataset, self.bucket, self.output_format, schema)
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
            if code_of(error) in {"AlreadyExistsException", "ConcurrentModificationException"}:
                return False
            raise
        return True


def _jitter(attempt: int) -> float:
    """Give seconds to wait: at random, up to a limit that doubles with each attempt."""
    return random.uniform(0, min(_LONGEST_WAIT, _SHORTEST_WAIT * 2**attempt))  # noqa: S311  # spreads writers, hides nothing
