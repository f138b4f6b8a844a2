"""The curated zone: tables of models in Glue, and their folders in S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from aws.errors import code_of, translated
from aws.glue import read_table
from store import curated
from store.errors import CatalogConflictError, ModelFailedError, ServiceError
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

    from store.curated import Table
    from store.models import Model
    from store.refresh import Run

#: The most that a call takes (AWS Glue API; Amazon S3 API Reference).
_GET, _WRITE, _DELETE_PARTITIONS, _DELETE = 1000, 100, 25, 1000


@dataclass(frozen=True, slots=True)
class GlueTables:
    """The catalog, as the curator needs it.

    Attributes
    ----------
    client : GlueClient
        With botocore's retries configured.
    database, bucket : str
        Where tables are; the curated bucket.
    """

    client: GlueClient
    database: str
    bucket: str

    def get(self, name: str) -> Table | None:
        """See :class:`curator.ports.Tables`."""
        return read_table(self.client, self.database, name)

    def forget(self, view: str) -> None:
        """See :class:`curator.ports.Tables`."""
        try:
            with translated(f"dropping view {view}"):
                self.client.delete_table(DatabaseName=self.database, Name=view)
        except ClientError as error:
            if code_of(error) != "EntityNotFoundException":
                raise

    def dates(self, name: str) -> list[str]:
        """See :class:`curator.ports.Tables`."""
        pages = self.client.get_paginator("get_partitions")
        try:
            with translated(f"listing partitions of {name}"):
                return [
                    partition["Values"][0]
                    for page in pages.paginate(
                        DatabaseName=self.database, TableName=name, ExcludeColumnSchema=True
                    )
                    for partition in page["Partitions"]
                ]
        except ClientError as error:
            if code_of(error) == "EntityNotFoundException":
                return []
            raise

    def places(self, name: str, dates: Collection[str]) -> dict[str, str]:
        """See :class:`curator.ports.Tables`."""
        found: dict[str, str] = {}
        try:
            # Glue does not say whether a partition that it did not return is there (AWS Glue API,
            # BatchGetPartition, UnprocessedKeys): they are asked for twice.
            for _ in range(2):
                for batch in _batches(sorted({*dates} - found.keys()), _GET):
                    with translated(f"reading partitions of {name}"):
                        answer = self.client.batch_get_partition(
                            DatabaseName=self.database,
                            TableName=name,
                            PartitionsToGet=[{"Values": [date]} for date in batch],
                        )
                    for one in answer.get("Partitions", []):
                        found[one["Values"][0]] = curated.location_of(one)
        except ClientError as error:
            if code_of(error) != "EntityNotFoundException":
                raise
        return found

    def publish(self, model: Model, run: Run, written: Collection[str]) -> None:
        """See :class:`curator.ports.Tables`."""
        try:
            self._declare(model, run)
            if run.by_date:
                self._switch(model, run, sorted(written))
                self._drop(model.name, sorted({*run.dates} - {*written}))
        except ClientError as error:
            if code_of(error) not in (
                "AlreadyExistsException",
                "ConcurrentModificationException",
                "EntityNotFoundException",
            ):
                raise
            raise CatalogConflictError(f"table {model.name} was changed meanwhile") from error

    def _declare(self, model: Model, run: Run) -> None:
        """Make the table, or change what differs."""
        present = self.get(model.name)
        if present is not None:
            why = curated.why_not_ours(present, self.bucket, model.name, by_date=run.by_date)
            if why:
                raise ModelFailedError("TABLE_UNLIKE", why)
        wanted: Any = curated.table_of(model, self.bucket, run, present)
        with translated(f"declaring table {model.name}"):
            if present is None:
                self.client.create_table(DatabaseName=self.database, TableInput=wanted)
            elif not curated.is_same(present, wanted):
                self.client.update_table(
                    DatabaseName=self.database,
                    TableInput=wanted,
                    VersionId=present["VersionId"],
                    SkipArchive=True,
                )

    def _switch(self, model: Model, run: Run, dates: list[str]) -> None:
        """Have each date be read from the run's folder."""
        inputs: Any = {d: curated.partition_of(model, self.bucket, run, d) for d in dates}
        for batch in _batches(dates, _WRITE):
            with translated(f"registering partitions of {model.name}"):
                answer = self.client.batch_create_partition(
                    DatabaseName=self.database,
                    TableName=model.name,
                    PartitionInputList=[inputs[date] for date in batch],
                )
            present = []
            for refused in answer.get("Errors", []):
                if refused.get("ErrorDetail", {}).get("ErrorCode") != "AlreadyExistsException":
                    raise ServiceError(f"registering partitions of {model.name}: {refused}")
                present += refused["PartitionValues"]
            if not present:
                continue
            with translated(f"switching partitions of {model.name}"):
                updated = self.client.batch_update_partition(
                    DatabaseName=self.database,
                    TableName=model.name,
                    Entries=[
                        {"PartitionValueList": [date], "PartitionInput": inputs[date]}
                        for date in present
                    ],
                )
            _raise_first(updated.get("Errors"), f"switching partitions of {model.name}")

    def _drop(self, name: str, dates: list[str]) -> None:
        """Take partitions away that have no row any more."""
        for batch in _batches(dates, _DELETE_PARTITIONS):
            with translated(f"removing partitions of {name}"):
                answer = self.client.batch_delete_partition(
                    DatabaseName=self.database,
                    TableName=name,
                    PartitionsToDelete=[{"Values": [date]} for date in batch],
                )
            # Most were never there.
            errors = [
                one
                for one in answer.get("Errors", [])
                if one.get("ErrorDetail", {}).get("ErrorCode") != "EntityNotFoundException"
            ]
            _raise_first(errors, f"removing partitions of {name}")


@dataclass(frozen=True, slots=True)
class S3Folders:
    """Folders of buckets: what UNLOAD wrote, and what nobody reads any more."""

    client: S3Client
    bucket: str

    def dates(self, location: str) -> list[str]:
        """See :class:`curator.ports.Files`."""
        # Somebody else's table may have a location without a slash at its end.
        bucket, _, prefix = f"{location.rstrip('/')}/".removeprefix("s3://").partition("/")
        pages = self.client.get_paginator("list_objects_v2")
        with translated(f"listing {location}"):
            folders = [
                one["Prefix"].removeprefix(prefix)
                for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
                for one in page.get("CommonPrefixes", [])
            ]
        key = f"{PARTITION_KEY}="
        return [f.removeprefix(key).rstrip("/") for f in folders if f.startswith(key)]

    def delete(self, folder: str) -> None:
        """See :class:`curator.ports.Files`."""
        for batch in _batches(list(self._keys(folder)), _DELETE):
            with translated(f"deleting s3://{self.bucket}/{folder}"):
                answer = self.client.delete_objects(
                    Bucket=self.bucket,
                    Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
                )
            _raise_first(answer.get("Errors"), f"deleting s3://{self.bucket}/{folder}")

    def _keys(self, folder: str) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2")
        with translated(f"listing s3://{self.bucket}/{folder}"):
            for page in pages.paginate(Bucket=self.bucket, Prefix=folder):
                yield from (one["Key"] for one in page.get("Contents", []))


def _batches(values: list[str], length: int) -> Iterator[list[str]]:
    for start in range(0, len(values), length):
        yield values[start : start + length]


def _raise_first(errors: Any, doing: str) -> None:
    if errors:
        raise ServiceError(f"{doing}: {errors[0]}")
