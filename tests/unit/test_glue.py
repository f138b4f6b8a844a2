"""The catalog beside others: crawlers, droppers of tables, tables of somebody else."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from aws.glue import GlueCatalog
from engine.types.evolve import evolved
from store.catalog import new_table
from store.errors import (
    CatalogConflictError,
    RejectedObjectError,
    SchemaConflictError,
    ServiceError,
)
from store.model import Column, Schema
from tests.support.cloud import DATABASE, PROCESSED, Cloud, client_error

if TYPE_CHECKING:
    from collections.abc import Callable

A, B = Column("a", "bigint"), Column("b", "bigint")
DAY = "2024-01-15"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def catalog(cloud: Cloud, **more: Any) -> GlueCatalog:
    glue = cloud.client("glue")
    settings = {"evolve": evolved, "clock": lambda: cloud.now, "sleep": lambda _: None} | more
    return GlueCatalog(glue, DATABASE, PROCESSED, "crawler", **settings)


def calls(cloud: Cloud) -> list[str]:
    """Each call of Glue from now on."""
    seen: list[str] = []
    cloud.on_effect = lambda moment: (
        seen.append(moment.partition(".")[2]) if moment.startswith("before Glue") else None
    )
    return seen


def ingest(worker: GlueCatalog, dataset: str = "t", schema: Schema = Schema((A,))) -> None:  # noqa: B008  # a constant
    """What the function asks of the catalog for each object."""
    worker.schema(dataset)
    worker.declare(dataset, schema)
    worker.add_partitions(dataset, [DAY])


# --- The crawler ---------------------------------------------------------------------------


def test_a_burst_of_new_tables_starts_the_crawler_once(cloud: Cloud) -> None:
    workers = [catalog(cloud) for _ in range(5)]
    assert [worker.crawl() for worker in workers] == [True, False, False, False, False]


def test_the_crawler_is_started_again_only_when_the_minutes_are_over(cloud: Cloud) -> None:
    worker = catalog(cloud, crawl_minutes=60)
    started = []
    for _ in range(13):
        started.append(worker.crawl())
        cloud.now += 600
    assert [number for number, one in enumerate(started) if one] == [0, 6, 12]


def test_with_no_minutes_each_new_table_starts_the_crawler_unless_it_runs(cloud: Cloud) -> None:
    worker = catalog(cloud, crawl_minutes=0)
    assert worker.crawl()
    cloud.now += 60
    assert not worker.crawl()
    cloud.now += 60
    assert worker.crawl()


def test_only_a_table_that_was_created_is_new_to_the_crawler(cloud: Cloud) -> None:
    worker = catalog(cloud)
    grown = [Schema((A,)), Schema((A, B)), Schema((A, B))]
    assert [worker.declare("t", schema) for schema in grown] == [True, False, False]


def test_a_crawler_that_glue_cannot_start_now_is_transient(cloud: Cloud) -> None:
    def throttled(_: str) -> None:
        raise client_error("ThrottlingException")

    cloud.on_effect = throttled
    with pytest.raises(ServiceError):
        catalog(cloud).crawl()


# --- What a warm worker remembers ----------------------------------------------------------


def test_a_warm_worker_registers_a_partition_once(cloud: Cloud) -> None:
    worker = catalog(cloud)
    ingest(worker)
    seen = calls(cloud)
    ingest(worker)
    assert seen == []
    cloud.now += 10
    ingest(worker)
    assert seen == ["get_table"]


def test_a_warm_worker_makes_a_dropped_table_and_its_partition_again(cloud: Cloud) -> None:
    worker = catalog(cloud)
    ingest(worker)
    cloud.drop("t")
    cloud.now += 10
    ingest(worker)
    assert list(cloud.partitions) == [("t", DAY)]


def test_a_warm_worker_knows_a_table_that_another_made_again(cloud: Cloud) -> None:
    worker = catalog(cloud)
    ingest(worker)
    cloud.now += 1
    cloud.drop("t")
    catalog(cloud).declare("t", Schema((A,)))
    cloud.now += 10
    ingest(worker)
    assert list(cloud.partitions) == [("t", DAY)]


def test_a_warm_worker_forgets_a_partition_after_some_minutes(cloud: Cloud) -> None:
    worker = catalog(cloud)
    ingest(worker)
    cloud.partitions.clear()
    cloud.now += 299
    ingest(worker)
    assert not cloud.partitions
    cloud.now += 1
    ingest(worker)
    assert list(cloud.partitions) == [("t", DAY)]


def test_partitions_that_another_changes_at_the_same_time_are_tried_again(cloud: Cloud) -> None:
    def conflict(seen: str) -> None:
        if seen == "before Glue.batch_create_partition":
            raise client_error("ConcurrentModificationException")

    cloud.on_effect = conflict
    with pytest.raises(CatalogConflictError, match="changed while its partitions"):
        ingest(catalog(cloud))


@pytest.mark.parametrize(
    "moment", ["before Glue.batch_create_partition", "after Glue.create_table"]
)
def test_a_table_dropped_under_a_worker_s_hands_is_tried_again(cloud: Cloud, moment: str) -> None:
    def drop(seen: str) -> None:
        if seen == moment:
            cloud.on_effect = lambda _: None
            cloud.drop("t")

    worker = catalog(cloud)
    cloud.on_effect = drop
    with pytest.raises(CatalogConflictError, match="was dropped"):
        ingest(worker)
    ingest(worker)
    assert list(cloud.partitions) == [("t", DAY)]


def test_a_table_dropped_before_it_is_changed_is_created(cloud: Cloud) -> None:
    def drop(seen: str) -> None:
        if seen == "before Glue.update_table":
            cloud.on_effect = lambda _: None
            cloud.drop("t")

    worker = catalog(cloud)
    worker.declare("t", Schema((A,)))
    cloud.on_effect = drop
    assert worker.declare("t", Schema((A, B)))
    assert worker.schema("t") == Schema((A, B))


def test_two_writers_that_fill_the_table_together_do_not_overfill_it(cloud: Cloud) -> None:
    one, other = (catalog(cloud, evolve=partial(evolved, max_columns=3)) for _ in range(2))
    one.declare("t", Schema((A,)))
    one.declare("t", Schema((A, B, Column("c", "bigint"))))
    with pytest.raises(SchemaConflictError, match="MaxColumns"):
        other.declare("t", Schema((A, Column("d", "bigint"), Column("e", "bigint"))))
    # Converted again, all that it has beyond the table's columns is rescued.
    assert not other.declare("t", Schema((A, B, Column("c", "bigint"))))


# --- Tables of somebody else ---------------------------------------------------------------


def of_a_model(table: dict[str, Any]) -> None:
    table["StorageDescriptor"]["Location"] = "s3://curated/models/t/run/"


def view(table: dict[str, Any]) -> None:
    table["TableType"] = "VIRTUAL_VIEW"


def iceberg(table: dict[str, Any]) -> None:
    table["Parameters"] = {"table_type": "ICEBERG", "metadata_location": "s3://x/metadata.json"}


def elsewhere(table: dict[str, Any]) -> None:
    table["StorageDescriptor"]["Location"] = "s3://somewhere/t/"


def of_another_prefix(table: dict[str, Any]) -> None:
    table["StorageDescriptor"]["Location"] = "s3://before-processed/processed/t"


def from_a_database(table: dict[str, Any]) -> None:
    table["StorageDescriptor"]["Location"] = "sales.public.t"


def by_other_keys(table: dict[str, Any]) -> None:
    table["PartitionKeys"] = [{"Name": "region", "Type": "string"}]


def not_partitioned(table: dict[str, Any]) -> None:
    table["PartitionKeys"] = []


def of_orc(table: dict[str, Any]) -> None:
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.orc.OrcSerde"}
    table["StorageDescriptor"]["SerdeInfo"] = serde


def a_link(table: dict[str, Any]) -> None:
    del table["StorageDescriptor"], table["PartitionKeys"]
    table["TargetTable"] = {"CatalogId": "1", "DatabaseName": "d", "Name": "t"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (view, "it is a view"),
        (iceberg, "it is a table of Iceberg"),
        (elsewhere, "its files are in s3://somewhere/t/"),
        (of_a_model, "it is the table of the model t, which takes no files. Upload to another"),
        (of_another_prefix, "Deploy with the Prefix that it was made under"),
        (from_a_database, "its files are in sales.public.t"),
        (by_other_keys, "it is partitioned by region string"),
        (not_partitioned, "it is partitioned by nothing"),
        (of_orc, "OrcSerde"),
        (a_link, "it has no location"),
    ],
)
def test_a_table_of_somebody_else_is_refused_and_stays_untouched(
    cloud: Cloud, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    table = new_table("t", PROCESSED, Schema((A,))) | {"VersionId": "0"}
    table = copy.deepcopy(table)
    change(table)
    cloud.tables["t"] = copy.deepcopy(table)
    worker = catalog(cloud)
    for refused in (
        lambda: worker.schema("t"),
        lambda: worker.declare("t", Schema((A, B))),
        lambda: worker.add_partitions("t", [DAY]),
    ):
        with pytest.raises(RejectedObjectError, match=told) as error:
            refused()
        assert error.value.code == "FOREIGN_TABLE"
        assert error.value.detail.endswith("then `lake reconcile --fix`")
    assert cloud.tables["t"] == table


def test_a_table_that_a_crawler_or_a_user_made_of_the_lake_s_files_is_the_lake_s(
    cloud: Cloud,
) -> None:
    table = copy.deepcopy(new_table("t", PROCESSED, Schema((A,), "json"))) | {"VersionId": "0"}
    table["StorageDescriptor"]["Location"] = f"s3://{PROCESSED}/processed/t"
    table["StorageDescriptor"]["SerdeInfo"] = {
        "SerializationLibrary": "org.apache.hive.hcatalog.data.JsonSerDe"
    }
    table["Parameters"] = {"classification": "json", "owner": "somebody"}
    cloud.tables["t"] = table | {"CreateTime": cloud.now}
    worker = catalog(cloud)
    assert worker.schema("t") == Schema((A,), "json")
    ingest(worker, schema=Schema((A, B), "json"))
    assert cloud.tables["t"]["Parameters"]["owner"] == "somebody"


def test_a_partition_that_somebody_gave_another_place_is_refused(cloud: Cloud) -> None:
    ingest(catalog(cloud))
    moved = cloud.partitions["t", DAY]
    moved["StorageDescriptor"]["Location"] = "s3://elsewhere/compacted/"
    with pytest.raises(RejectedObjectError, match="s3://elsewhere/compacted/") as error:
        ingest(catalog(cloud))
    assert error.value.code == "FOREIGN_TABLE"
    assert cloud.partitions["t", DAY] == moved


def test_a_partition_is_described_in_the_format_of_its_table(cloud: Cloud) -> None:
    lines = replace(Schema((A,)), format="json")
    ingest(catalog(cloud), schema=lines)
    found = cloud.partitions["t", DAY]
    assert found["Parameters"]["classification"] == "json"
    assert "json" in found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
