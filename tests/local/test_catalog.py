"""The Glue Data Catalog under concurrent writers, crawlers and hands, on the local lake."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from aws.glue import GlueCatalog
from engine.types.evolve import evolved
from store.errors import CatalogConflictError
from store.model import Column, Schema
from tests.conftest import ROOT
from tests.support.athena import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local

A = Column("a", "bigint")


@pytest.fixture
def name() -> str:
    """A table that no other test has."""
    return f"t_{uuid.uuid4().hex[:12]}"


def catalog(lake: LocalLake, client: Any = None) -> GlueCatalog:
    return GlueCatalog(
        client or lake.client("glue"),
        lake.outputs["GlueDatabaseName"],
        lake.outputs["ProcessedBucketName"],
        lake.outputs["GlueCrawlerName"],
        evolved,
    )


def table(lake: LocalLake, name: str) -> dict[str, Any]:
    answer = lake.client("glue").get_table(DatabaseName=lake.outputs["GlueDatabaseName"], Name=name)
    return dict(answer["Table"])


def partition(lake: LocalLake, name: str) -> dict[str, Any]:
    answer = lake.client("glue").get_partition(
        DatabaseName=lake.outputs["GlueDatabaseName"],
        TableName=name,
        PartitionValues=["2024-01-15"],
    )
    return dict(answer["Partition"])


def test_what_changes_nothing_makes_no_version_of_the_table(
    local_lake: LocalLake, name: str
) -> None:
    versions = []
    for columns in [(A,), (A,), (A, Column("s", "struct<x:int>")), (A,), (A,)]:
        catalog(local_lake).declare(name, Schema(columns))
        catalog(local_lake).add_partitions(name, ["2024-01-15"])
        versions.append(table(local_lake, name)["VersionId"])
    assert len(set(versions)) == 2
    assert versions[2:] == [versions[2]] * 3


def test_a_table_is_described_as_a_crawler_would(local_lake: LocalLake, name: str) -> None:
    catalog(local_lake).declare(name, Schema((A,)))
    found = table(local_lake, name)
    assert {k: found["Parameters"].get(k) for k in ("classification", "compressionType")} == {
        "classification": "parquet",
        "compressionType": "none",
    }
    assert found["Parameters"]["typeOfData"] == "file"
    assert found["StorageDescriptor"]["Location"].endswith(f"/processed/{name}/")
    assert found["PartitionKeys"] == [{"Name": "date_partition", "Type": "string"}]


def test_a_partition_follows_its_table(local_lake: LocalLake, name: str) -> None:
    writer = catalog(local_lake)
    writer.declare(name, Schema((A,)))
    writer.add_partitions(name, ["2024-01-15"])
    storage = partition(local_lake, name)["StorageDescriptor"]
    assert storage.get("Columns", []) == []
    assert storage["Location"].endswith(f"/processed/{name}/date_partition=2024-01-15/")


def test_columns_that_a_crawler_gave_a_partition_hide_no_field_of_a_struct(
    local_lake: LocalLake, name: str
) -> None:
    writer = catalog(local_lake)
    writer.declare(name, Schema((Column("s", "struct<x:int>"),)))
    writer.add_partitions(name, ["2024-01-15"])
    crawled = table(local_lake, name)["StorageDescriptor"]
    crawled["Location"] += "date_partition=2024-01-15/"
    entry = {
        "PartitionValueList": ["2024-01-15"],
        "PartitionInput": {"Values": ["2024-01-15"], "StorageDescriptor": crawled},
    }
    local_lake.client("glue").batch_update_partition(
        DatabaseName=local_lake.outputs["GlueDatabaseName"], TableName=name, Entries=[entry]
    )
    assert partition(local_lake, name)["StorageDescriptor"]["Columns"] != []
    writer.declare(name, Schema((Column("s", "struct<x:int,y:string>"),)))
    writer.add_partitions(name, ["2024-01-15"])
    assert partition(local_lake, name)["StorageDescriptor"].get("Columns", []) == []


def test_a_table_that_never_stands_still_is_a_conflict_after_bounded_waits(
    local_lake: LocalLake, name: str
) -> None:
    catalog(local_lake).declare(name, Schema((A,)))
    waits: list[float] = []

    class Restless:
        """Another writer is always faster."""

        def __init__(self, client: Any) -> None:
            self.client = client

        def __getattr__(self, call: str) -> Any:
            return getattr(self.client, call)

        def update_table(self, **request: Any) -> Any:
            return self.client.update_table(**request | {"VersionId": "0"})

    writer = catalog(local_lake, Restless(local_lake.client("glue")))
    writer.sleep = waits.append
    with pytest.raises(CatalogConflictError):
        writer.declare(name, Schema((A, Column("b", "bigint"))))
    assert len(set(waits)) == len(waits) == 25
    assert max(waits) <= 2
    assert sum(waits) < 60


WRITERS = """
import json, multiprocessing, sys
from pathlib import Path
import boto3
from aws.glue import GlueCatalog
from engine.types.evolve import evolved
from engine.duck import DuckEngine
from engine.options import Options
from processor.ingest.preparation import Delivery
from processor.ingest.protocol import Ingest
from store.model import ObjectEvent
from tests.support.memory import (
    MemoryCuration,
    MemoryLedger,
    MemoryOutputStore,
    MemoryRawStore,
)
dataset, folder, database, crawler, bucket = sys.argv[1:6]
# Each is a process of its own, which has its imports from this one.
apart = multiprocessing.get_context("fork")
ready = apart.Barrier(16)

def write(number):
    kinds = [number, number + 0.5, f"text {number}", number % 2 == 0, {"in": number}, [number]]
    record = {
        "shared": kinds[number % len(kinds)],
        f"own {number}": number,
        "s": {"same": number, f"f{number}": [number]},
        "list": [{f"g{number}": number}],
    }
    raw, outputs = MemoryRawStore(), MemoryOutputStore()
    raw.write("raw", f"data/{dataset}/{number}.json", json.dumps(record).encode())
    catalog = GlueCatalog(boto3.client("glue"), database, bucket, crawler, evolved)
    engine = DuckEngine(Options(memory_mb=64))
    ingest = Ingest(raw, outputs, catalog, MemoryLedger(), engine, MemoryCuration(), 1e6)
    ready.wait(120)
    event = ObjectEvent("raw", f"data/{dataset}/{number}.json")
    done = ingest(event, Delivery("m", lambda: 900, 900))
    for key, body in outputs.objects.items():
        Path(folder, f"{number}-{key.replace('/', '-')}").write_bytes(body)
    return [record, dict(done.entry.facts)]

with apart.Pool(16) as pool:
    print(json.dumps(pool.map(write, range(16), chunksize=1)))
"""


def test_sixteen_writers_at_once_end_with_one_table_that_reads_every_file(
    local_lake: LocalLake, name: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            WRITERS,
            *(name, str(tmp_path)),
            local_lake.outputs["GlueDatabaseName"],
            local_lake.outputs["GlueCrawlerName"],
            local_lake.outputs["ProcessedBucketName"],
        ],
        cwd=ROOT,
        env={**local_lake.shell, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    schema = catalog(local_lake).schema(name)
    assert schema is not None
    types = {column.name: column.type for column in schema.columns}
    assert {f"own_{n}" for n in range(16)} <= set(types)
    assert all(f"f{n}:array<bigint>" in types["s"] for n in range(16))
    assert all(f"g{n}:bigint" in types["list"] for n in range(16))
    assert sum(column.name == "shared" for column in schema.columns) == 1

    rows = {}
    for path in tmp_path.iterdir():
        (row,) = read(path, schema)
        rows[int(path.name.split("-")[0])] = row
    assert sorted(rows) == list(range(16))
    for number, (record, facts) in enumerate(told):
        row = rows[number]
        rescued = json.loads(row["_rescued_data"] or "{}")
        assert row[f"own_{number}"] == number
        assert row["s"]["same"] == number
        assert row["s"][f"f{number}"] == [number]
        assert row["list"][0][f"g{number}"] == number
        assert facts["records_rescued"] == len(rescued)
        if rescued:
            assert (row["shared"], rescued["shared"]) == (None, record["shared"])
            assert json.loads(facts["drift"])["shared"]["count"] == 1
        else:
            assert row["shared"] is not None
    # One version for each writer that changed something, and none for nothing.
    assert int(table(local_lake, name)["VersionId"]) <= 16 + 1
