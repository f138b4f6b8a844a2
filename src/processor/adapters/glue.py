"""The Glue Data Catalog: tables as a crawler would make them, and the crawler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from processor.adapters.aws_errors import code_of, translated
from processor.errors import CatalogConflictError, SchemaConflictError, ServiceError
from processor.model import Column, Schema
from processor.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_glue import GlueClient

#: The most that BatchCreatePartition takes (AWS Glue API).
_PARTITION_BATCH = 100

#: Each try follows a change of the same table by another writer.
_DECLARE_TRIES = 25

#: What a crawler writes for each format; a table that lacks these is not adopted but
#: twinned or marked deprecated (cloud-intelligence-dashboards-data-collection#463).
_FORMATS: dict[str, dict[str, Any]] = {
    "parquet": {
        "parameters": {
            "classification": "parquet",
            "compressionType": "none",
            "typeOfData": "file",
        },
        "storage": {
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "Compressed": False,
            "SerdeInfo": {
                "SerializationLibrary": (
                    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                ),
                "Parameters": {"serialization.format": "1"},
            },
        },
    },
    "json": {
        "parameters": {
            "classification": "json",
            "compressionType": "gzip",
            "typeOfData": "file",
        },
        "storage": {
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "Compressed": True,
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        },
    },
}


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
    """

    client: GlueClient
    database: str
    bucket: str
    crawler: str
    output_format: str
    _registered: set[tuple[str, str]] = field(default_factory=set)

    def schema(self, dataset: str) -> Schema | None:
        """See :class:`processor.ports.Catalog`."""
        table = self._table(dataset)
        return None if table is None else _schema_of(table)

    def declare(self, dataset: str, schema: Schema) -> bool:
        """See :class:`processor.ports.Catalog`."""
        for _ in range(_DECLARE_TRIES):
            table = self._table(dataset)
            if table is None:
                columns = list(schema.columns)
            else:
                present = {column.name: column.type for column in _schema_of(table).columns}
                for column in schema.columns:
                    if present.get(column.name, column.type) != column.type:
                        raise SchemaConflictError(
                            f"table {dataset}: column {column.name} is {present[column.name]}, "
                            f"the file was written as {column.type}"
                        )
                columns = [c for c in schema.columns if c.name not in present]
                if not columns:
                    return False
            if self._write(dataset, table, columns):
                return True
        raise CatalogConflictError(f"table {dataset}: other writers kept changing it")

    def add_partitions(self, dataset: str, partitions: Iterable[str]) -> None:
        """See :class:`processor.ports.Catalog`."""
        missing = [p for p in partitions if (dataset, p) not in self._registered]
        if not missing:
            return
        table = self._table(dataset)
        if table is None:
            raise ServiceError(f"table {dataset} vanished while its partitions were registered")
        storage = table["StorageDescriptor"]
        for start in range(0, len(missing), _PARTITION_BATCH):
            batch = missing[start : start + _PARTITION_BATCH]
            with translated(f"registering partitions of {dataset}"):
                answer = self.client.batch_create_partition(
                    DatabaseName=self.database,
                    TableName=dataset,
                    PartitionInputList=[
                        {
                            "Values": [partition],
                            "StorageDescriptor": storage
                            | {"Location": f"{storage['Location']}{PARTITION_KEY}={partition}/"},
                            "Parameters": _FORMATS[self.output_format]["parameters"],
                        }
                        for partition in batch
                    ],
                )
            for error in answer.get("Errors", []):
                detail = error.get("ErrorDetail", {})
                if detail.get("ErrorCode") != "AlreadyExistsException":
                    raise ServiceError(f"registering partitions of {dataset}: {detail}")
            self._registered |= {(dataset, partition) for partition in batch}

    def crawl(self) -> bool:
        """See :class:`processor.ports.Catalog`."""
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
                self._registered = {r for r in self._registered if r[0] != dataset}
                return None
            raise
        return dict(answer["Table"])

    def _write(self, dataset: str, table: dict[str, Any] | None, columns: list[Column]) -> bool:
        """Create or extend the table; False when another writer came first."""
        added = [{"Name": c.name, "Type": c.type, "Comment": c.comment} for c in columns]
        try:
            with translated(f"declaring table {dataset}"):
                if table is None:
                    self.client.create_table(
                        DatabaseName=self.database,
                        TableInput={
                            "Name": dataset,
                            "Description": f"Objects below data/{dataset}/ of the raw bucket.",
                            "TableType": "EXTERNAL_TABLE",
                            "Parameters": _FORMATS[self.output_format]["parameters"],
                            "PartitionKeys": [{"Name": PARTITION_KEY, "Type": "string"}],
                            "StorageDescriptor": _FORMATS[self.output_format]["storage"]
                            | {
                                "Location": f"s3://{self.bucket}/processed/{dataset}/",
                                "Columns": added,
                            },
                        },
                    )
                else:
                    storage = table["StorageDescriptor"]
                    before = storage["Columns"]
                    unchanged: Any = {n: table[n] for n in _TABLE_INPUT if table.get(n)}
                    self.client.update_table(
                        DatabaseName=self.database,
                        # GetTable may answer "" where UpdateTable wants at least a character.
                        TableInput=unchanged
                        | {"StorageDescriptor": storage | {"Columns": [*before, *added]}},
                        VersionId=table["VersionId"],
                        SkipArchive=True,
                    )
        except ClientError as error:
            if code_of(error) in {"AlreadyExistsException", "ConcurrentModificationException"}:
                return False
            raise
        return True


#: The part of GetTable's answer that UpdateTable takes back (AWS Glue API, TableInput).
_TABLE_INPUT = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "TableType",
    "Parameters",
    "PartitionKeys",
    "StorageDescriptor",
)


def _schema_of(table: dict[str, Any]) -> Schema:
    return Schema(
        tuple(
            Column(c["Name"], c["Type"], c.get("Comment", ""))
            for c in table["StorageDescriptor"].get("Columns", [])
        )
    )
