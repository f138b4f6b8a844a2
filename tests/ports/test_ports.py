"""The promises on which the use case relies, kept by the doubles and by the real adapters.

``memory`` are doubles of the ports, ``cloud`` the real adapters over AWS in memory, ``aws`` the
real adapters over the local lake.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from aws.dynamodb import DynamoLedger
from aws.glue import GlueCatalog
from aws.s3 import S3OutputStore, S3RawStore
from engine.types.evolve import evolved
from store.entry import Attempt, Entry
from store.errors import RowsGoneError, SchemaConflictError
from store.model import Column, Schema, Status
from tests.support.cloud import DATABASE, LEDGER, PROCESSED, RAW, Cloud
from tests.support.memory import MemoryCatalog, MemoryLedger, MemoryOutputStore, MemoryRawStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from processor.ingest.ports import Catalog, Ledger, OutputStore, RawStore
    from tests.conftest import LocalLake


@dataclass
class World:
    """One implementation of every port, and a way to act on the raw bucket."""

    raw: RawStore
    outputs: OutputStore
    catalog: Catalog
    ledger: Ledger
    bucket: str
    write: Callable[[str, bytes | None], Any]
    published: Callable[[], set[str]]
    tables: Callable[[str], list[str]]
    name: str = field(default_factory=lambda: f"c_{uuid.uuid4().hex[:10]}")


def memory_world() -> World:
    raw, outputs, catalog = MemoryRawStore(), MemoryOutputStore(), MemoryCatalog()
    return World(
        raw,
        outputs,
        catalog,
        MemoryLedger(),
        "raw",
        lambda key, body: raw.write("raw", key, body),
        lambda: set(outputs.objects),
        lambda table: [p for t, p in catalog.partitions if t == table],
    )


def cloud_world() -> World:
    cloud = Cloud()
    s3, glue = cloud.client("s3"), cloud.client("glue")
    return World(
        S3RawStore(s3),
        S3OutputStore(s3, PROCESSED),
        GlueCatalog(glue, DATABASE, PROCESSED, "crawler", evolved),
        DynamoLedger(cloud.client("dynamodb"), LEDGER),
        RAW,
        lambda key, body: cloud.write(RAW, key, body),
        lambda: set(cloud.objects(PROCESSED)),
        lambda table: [p for t, p in cloud.partitions if t == table],
    )


def aws_world(lake: LocalLake) -> World:
    s3, glue = lake.client("s3"), lake.client("glue")
    raw, processed = lake.outputs["RawBucketName"], lake.outputs["ProcessedBucketName"]
    database = lake.outputs["GlueDatabaseName"]

    def write(key: str, body: bytes | None) -> None:
        if body is None:
            s3.delete_object(Bucket=raw, Key=key)
        else:
            s3.put_object(Bucket=raw, Key=key, Body=body)

    return World(
        S3RawStore(s3),
        S3OutputStore(s3, processed),
        GlueCatalog(glue, database, processed, lake.outputs["GlueCrawlerName"], evolved),
        DynamoLedger(lake.client("dynamodb"), lake.outputs["LedgerTableName"]),
        raw,
        write,
        lambda: {
            entry["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=processed)
            for entry in page.get("Contents", [])
        },
        lambda table: [
            p["Values"][0]
            for page in glue.get_paginator("get_partitions").paginate(
                DatabaseName=database, TableName=table
            )
            for p in page["Partitions"]
        ],
    )


@pytest.fixture(params=["memory", "cloud", pytest.param("aws", marks=pytest.mark.local)])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return memory_world()
    if request.param == "cloud":
        return cloud_world()
    return aws_world(request.getfixturevalue("local_lake"))


def test_a_file_is_read_as_it_was_written_and_one_that_is_gone_can_come_back(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"rows")
    key = f"processed/{world.name}/date_partition=2024-01-01/a.parquet"
    world.outputs.upload_all({key: tmp_path / "a"}, lambda: 900)
    world.outputs.download(key, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"rows"
    world.outputs.delete([key])
    with pytest.raises(RowsGoneError, match=r"a\.parquet"):
        world.outputs.download(key, tmp_path / "c")


# Outside data/, so that no event starts the function.
def test_the_current_version_is_described_and_read_exactly(world: World, tmp_path: Path) -> None:
    key = f"elsewhere/{world.name} +%é"
    assert world.raw.head(world.bucket, key) is None
    world.write(key, b"one")
    first = world.raw.head(world.bucket, key)
    assert first is not None
    assert (first.size, first.created.utcoffset()) == (3, first.created - first.created)
    content = world.raw.open(world.bucket, key)
    assert content is not None
    assert content.raw == first
    world.write(key, b"three")
    second = world.raw.head(world.bucket, key)
    assert second is not None
    assert second.version != first.version
    content.save(tmp_path / "first")
    content.close()
    assert (tmp_path / "first").read_bytes() == b"one"
    world.write(key, None)
    assert world.raw.head(world.bucket, key) is None
    assert world.raw.open(world.bucket, key) is None


def test_outputs_are_published_whole_and_deleted_twice(world: World, tmp_path: Path) -> None:
    keys = [f"processed/{world.name}/{n}" for n in range(1100)]
    (tmp_path / "file").write_bytes(b"x")
    world.outputs.upload_all(dict.fromkeys(keys[:20], tmp_path / "file"), lambda: 99.0)
    assert set(keys[:20]) <= world.published()
    for _ in range(2):
        world.outputs.delete(keys)
    assert not set(keys) & world.published()


def test_a_ledger_entry_is_changed_only_by_who_read_it_last(world: World) -> None:
    name = f"raw/{world.name}"
    assert world.ledger.get(name) == Entry()
    opened = Attempt(1, "w1", "m1/0", "v", 1764034321.25, 1764034681.5, keys=("a", "b"))
    first = Entry(revision=1, attempts=(opened,))
    assert world.ledger.put(name, first) is None
    assert world.ledger.put(name, Entry(revision=1)) == first
    assert world.ledger.get(name) == first
    ended = replace(opened, status=Status.PARTIAL, keys=(), reason="R", detail="é")
    second = Entry(
        revision=2,
        version="v",
        committed_at=2,
        verdict=Status.PARTIAL,
        outputs=("a",),
        replay="again",
        attempts=(ended,),
        replaced=tuple(f"processed/x/date_partition=2024-01-01/{n}" for n in range(4000)),
        facts={"records_read": 3, "dataset": "x"},
    )
    assert world.ledger.put(name, second) is None
    assert world.ledger.put(name, second) == second
    assert world.ledger.get(name) == second
    assert name not in world.ledger.unswept()


def test_what_nobody_may_come_for_is_found_until_it_is_swept(world: World) -> None:
    name = f"raw/{world.name}"
    opened = Attempt(1, "w", "m", "v", 1764034321.25, 1764034681.5, deliveries=5)
    assert world.ledger.put(name, Entry(revision=1, attempts=(opened,))) is None
    assert name in world.ledger.unswept()
    ended = replace(opened, status=Status.FAILED)
    assert world.ledger.put(name, Entry(revision=2, attempts=(ended,))) is None
    assert name not in world.ledger.unswept()


def test_a_table_gains_columns_and_keeps_its_types(world: World) -> None:
    table = world.name
    assert world.catalog.schema(table) is None
    one = Schema((Column("a", "bigint", "A"),))
    assert world.catalog.declare(table, one)
    assert not world.catalog.declare(table, one)
    two = Schema((*one.columns, Column("b", "array<struct<x:double>>")))
    assert not world.catalog.declare(table, two)
    assert world.catalog.schema(table) == two
    with pytest.raises(SchemaConflictError):
        world.catalog.declare(table, Schema((Column("a", "string"), Column("c", "string"))))
    assert world.catalog.schema(table) == two


def test_a_struct_gains_fields_whoever_declares_them_first(world: World) -> None:
    table = world.name
    assert world.catalog.declare(table, Schema((Column("s", "struct<a:bigint>", "S"),)))
    mine = Schema((Column("s", "struct<a:bigint,mine:string>", "S"),))
    theirs = Schema((Column("s", "struct<a:bigint,theirs:array<double>>", "S"),))
    assert not world.catalog.declare(table, theirs)
    assert not world.catalog.declare(table, mine)
    both = "struct<a:bigint,theirs:array<double>,mine:string>"
    assert world.catalog.schema(table) == Schema((Column("s", both, "S"),))
    for seen_before in (mine, theirs):
        assert not world.catalog.declare(table, seen_before)
    with pytest.raises(SchemaConflictError):
        world.catalog.declare(table, Schema((Column("s", "struct<a:string>"),)))


def test_a_table_keeps_the_format_that_it_was_made_in(world: World) -> None:
    lines = Schema((Column("a", "bigint"),), "json")
    assert world.catalog.declare(world.name, lines)
    assert world.catalog.schema(world.name) == lines
    with pytest.raises(SchemaConflictError, match="files are json"):
        world.catalog.declare(world.name, Schema((Column("a", "bigint"),)))
    assert world.catalog.schema(world.name) == lines


def test_partitions_are_registered_once_whoever_asks(world: World) -> None:
    world.catalog.declare(world.name, Schema((Column("a", "bigint"),)))
    dates = [f"2024-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 21)]
    for wanted in (dates[:3], dates, dates):
        world.catalog.add_partitions(world.name, wanted)
    assert sorted(world.tables(world.name)) == dates


def test_a_crawler_that_runs_already_is_no_failure(world: World) -> None:
    assert world.catalog.crawl() in (True, False)
    assert world.catalog.crawl() in (True, False)
