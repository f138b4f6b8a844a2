"""The local crawler finds what was put into the lake by hand, and leaves the rest alone."""

from __future__ import annotations

import gzip
import io
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.conftest import until

if TYPE_CHECKING:
    from tests.conftest import LocalLake

pytestmark = pytest.mark.local

DATABASE = "data_lake_db"


def parquet(**columns: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.fixture
def model() -> str:
    """A folder, and so a table, that no other test has."""
    return f"m_{uuid.uuid4().hex[:12]}"


def curate(lake: LocalLake, key: str, body: bytes) -> None:
    lake.client("s3").put_object(
        Bucket=lake.outputs["CuratedBucketName"], Key=f"curated/{key}", Body=body
    )


def crawl(lake: LocalLake) -> dict[str, Any]:
    """What `lake crawl --wait` says."""
    ready(lake)
    done = lake.command("lake", "crawl", "--wait", "--json", expect=None)
    assert done.returncode == 0, done.stdout + done.stderr + lake.log()[-2000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def ready(lake: LocalLake) -> dict[str, Any]:
    """The crawler when it is at rest: an ingestion may have started it."""
    glue, name = lake.client("glue"), lake.outputs["GlueCrawlerName"]

    def look() -> dict[str, Any] | None:
        crawler: dict[str, Any] = glue.get_crawler(Name=name)["Crawler"]
        return crawler if crawler["State"] == "READY" else None

    return until("the crawler is ready", look) or {}


def table(lake: LocalLake, name: str) -> dict[str, Any]:
    found: dict[str, Any] = lake.client("glue").get_table(DatabaseName=DATABASE, Name=name)["Table"]
    return found


def columns(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(c["Name"], c["Type"]) for c in found["StorageDescriptor"]["Columns"]]


def test_parquet_put_into_the_curated_bucket_becomes_a_table(
    local_lake: LocalLake, model: str
) -> None:
    body = parquet(n=[1, 2], v=[1.5, None], s=["a", "b"], o=[{"x": 1}, {"x": 2}], l=[["p"], []])
    curate(local_lake, f"{model}/date_partition=2024-01-15/x.parquet", body)
    said = crawl(local_lake)
    assert said["state"] == "READY"
    found = table(local_lake, model)
    assert columns(found) == [
        ("n", "bigint"),
        ("v", "double"),
        ("s", "string"),
        ("o", "struct<x:bigint>"),
        ("l", "array<string>"),
    ]
    assert found["PartitionKeys"] == [{"Name": "date_partition", "Type": "string"}]
    bucket = local_lake.outputs["CuratedBucketName"]
    assert found["StorageDescriptor"]["Location"] == f"s3://{bucket}/curated/{model}/"
    parameters = found["Parameters"]
    assert {
        name: parameters[name]
        for name in (
            "classification", "compressionType", "typeOfData", "UPDATED_BY_CRAWLER",
            "CrawlerSchemaDeserializerVersion", "CrawlerSchemaSerializerVersion", "recordCount",
        )
    } == {
        "classification": "parquet",
        "compressionType": "none",
        "typeOfData": "file",
        "UPDATED_BY_CRAWLER": local_lake.outputs["GlueCrawlerName"],
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "recordCount": "2",
    }  # fmt: skip
    assert local_lake.query(f"SELECT n, v, o.x, date_partition FROM {model} ORDER BY n") == [
        {"n": 1, "v": 1.5, "x": 1, "date_partition": "2024-01-15"},
        {"n": 2, "v": None, "x": 2, "date_partition": "2024-01-15"},
    ]


def test_json_put_below_processed_becomes_a_table(local_lake: LocalLake, model: str) -> None:
    lines = (
        b'{"id": 1, "When": "2024-01-01", "deep": {"a": [1.5]}}\n{"id": 3000000000, "x": true}\n'
    )
    local_lake.client("s3").put_object(
        Bucket=local_lake.outputs["ProcessedBucketName"],
        Key=f"processed/{model}/a.json.gz",
        Body=gzip.compress(lines),
    )
    crawl(local_lake)
    found = table(local_lake, model)
    assert columns(found) == [
        ("id", "bigint"),
        ("when", "string"),
        ("deep", "struct<a:array<double>>"),
        ("x", "boolean"),
    ]
    assert found["PartitionKeys"] == []
    assert found["Parameters"]["compressionType"] == "gzip"
    assert local_lake.query(f'SELECT id, "when", x FROM {model} ORDER BY id') == [
        {"id": 1, "when": "2024-01-01", "x": None},
        {"id": 3000000000, "when": None, "x": True},
    ]


def test_delimited_text_becomes_a_table(local_lake: LocalLake, model: str) -> None:
    curate(local_lake, f"{model}/a.csv", b"Id,price,name\n1,2.5,x\n2,3.5,y\n")
    crawl(local_lake)
    assert columns(table(local_lake, model)) == [
        ("id", "bigint"),
        ("price", "double"),
        ("name", "string"),
    ]
    assert local_lake.query(f"SELECT sum(price) AS s FROM {model}") == [{"s": 6.0}]


def test_a_table_is_named_as_glue_names_it(local_lake: LocalLake, model: str) -> None:
    curate(local_lake, f"{model.upper()}-Daily.v1/x.parquet", parquet(n=[1]))
    crawl(local_lake)
    assert local_lake.query(f"SELECT n FROM {model}_daily_v1") == [{"n": 1}]


def test_new_columns_are_appended_and_types_stay(local_lake: LocalLake, model: str) -> None:
    curate(local_lake, f"{model}/p=1/x.parquet", parquet(n=[1]))
    crawl(local_lake)
    curate(local_lake, f"{model}/p=2/y.parquet", parquet(n=["text"], more=[2.5], p=["own"]))
    said = crawl(local_lake)
    assert (said["created"], said["updated"]) == (0, 1)
    found = table(local_lake, model)
    assert columns(found) == [("n", "bigint"), ("more", "double")]
    assert local_lake.query(f"SELECT more, p FROM {model} ORDER BY p") == [
        {"more": None, "p": "1"},
        {"more": 2.5, "p": "2"},
    ]


def test_nothing_changes_where_nothing_is_new(local_lake: LocalLake, model: str) -> None:
    local_lake.ingest(f"data/{model}/x.json", b'{"n": 1, "date": "2024-01-15"}\n')
    curate(local_lake, f"{model}_c/p=1/x.parquet", parquet(n=[1]))
    crawl(local_lake)
    glue = local_lake.client("glue")

    def partitions(name: str) -> int:
        return len(glue.get_partitions(DatabaseName=DATABASE, TableName=name)["Partitions"])

    def seen() -> list[Any]:
        tables = glue.get_tables(DatabaseName=DATABASE)["TableList"]
        return sorted((one["Name"], one["VersionId"], partitions(one["Name"])) for one in tables)

    before = seen()
    said = crawl(local_lake)
    assert (said["created"], said["updated"]) == (0, 0)
    assert seen() == before
    ours = table(local_lake, model)
    assert "UPDATED_BY_CRAWLER" not in ours["Parameters"]
    assert "date_partition" not in [name for name, _ in columns(ours)]


def test_a_column_added_by_hand_joins_the_lakes_own_table(
    local_lake: LocalLake, model: str
) -> None:
    local_lake.ingest(f"data/{model}/x.json", b'{"n": 1, "date": "2024-01-15"}\n')
    version = table(local_lake, model)["VersionId"]
    local_lake.client("s3").put_object(
        Bucket=local_lake.outputs["ProcessedBucketName"],
        Key=f"processed/{model}/date_partition=2024-01-16/hand.parquet",
        Body=parquet(n=[2], extra=["e"]),
    )
    crawl(local_lake)
    found = table(local_lake, model)
    assert found["VersionId"] != version
    assert columns(found)[-1] == ("extra", "string")
    assert local_lake.query(f"SELECT n, extra, date_partition FROM {model} ORDER BY n") == [
        {"n": 1, "extra": None, "date_partition": "2024-01-15"},
        {"n": 2, "extra": "e", "date_partition": "2024-01-16"},
    ]


def test_what_was_deleted_stays_in_the_catalog(local_lake: LocalLake, model: str) -> None:
    curate(local_lake, f"{model}/p=1/x.parquet", parquet(n=[1]))
    crawl(local_lake)
    local_lake.client("s3").delete_object(
        Bucket=local_lake.outputs["CuratedBucketName"], Key=f"curated/{model}/p=1/x.parquet"
    )
    crawl(local_lake)
    assert columns(table(local_lake, model)) == [("n", "bigint")]
    assert local_lake.query(f"SELECT * FROM {model}") == []


def test_quarantine_and_query_results_are_no_targets(local_lake: LocalLake, model: str) -> None:
    for folder in ("quarantine", "athena-results"):
        local_lake.client("s3").put_object(
            Bucket=local_lake.outputs["ProcessedBucketName"],
            Key=f"{folder}/{model}/x.parquet",
            Body=parquet(n=[1]),
        )
    crawl(local_lake)
    names = [
        one["Name"]
        for one in local_lake.client("glue").get_tables(DatabaseName=DATABASE)["TableList"]
    ]
    assert model not in names
    assert "athena_results" not in names


def test_a_table_that_the_crawler_would_not_adopt_is_reported(
    local_lake: LocalLake, model: str
) -> None:
    glue, bucket = local_lake.client("glue"), local_lake.outputs["CuratedBucketName"]

    def declare(name: str, location: str) -> None:
        storage = {"Columns": [{"Name": "n", "Type": "bigint"}], "Location": location}
        made = {
            "Name": name,
            "Parameters": {"classification": "parquet"},
            "StorageDescriptor": storage,
        }
        glue.create_table(DatabaseName=DATABASE, TableInput=made)

    declare(model, f"s3://{bucket}/curated/{model}/")
    declare(f"{model}_b", "s3://elsewhere/")
    for name in (model, f"{model}_b"):
        curate(local_lake, f"{name}/x.parquet", parquet(n=[1], more=[2]))
    said = crawl(local_lake)
    assert model in said["deprecated"]
    assert columns(table(local_lake, model)) == [("n", "bigint")]
    (twin,) = [name for name in said["twins"] if name.startswith(f"{model}_b_")]
    assert local_lake.query(f"SELECT more FROM {twin}") == [{"more": 2}]
    assert columns(table(local_lake, f"{model}_b")) == [("n", "bigint")]
    for name in (model, f"{model}_b", twin):
        glue.delete_table(DatabaseName=DATABASE, Name=name)
    for name in (model, f"{model}_b"):
        local_lake.client("s3").delete_object(Bucket=bucket, Key=f"curated/{name}/x.parquet")


def test_a_running_crawler_is_not_started_again(local_lake: LocalLake) -> None:
    ready(local_lake)
    glue, name = local_lake.client("glue"), local_lake.outputs["GlueCrawlerName"]

    def start(_: int) -> str:
        try:
            glue.start_crawler(Name=name)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "started"

    # At once, for it may have ended before another one asks.
    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(start, range(8)))
    assert said == {"started", "CrawlerRunningException"}
    # For the command that is no failure: it waits for the crawl that runs.
    told = json.loads(local_lake.command("lake", "crawl", "--wait", "--json").stdout)
    assert (told["state"], told["status"]) == ("READY", "SUCCEEDED")


def test_a_crawl_may_what_its_role_may(local_lake: LocalLake, model: str) -> None:
    iam, glue = local_lake.client("iam"), local_lake.client("glue")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "glue.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=model, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    target = f"s3://{local_lake.outputs['CuratedBucketName']}/curated/"
    glue.create_crawler(
        Name=model,
        Role=role["Arn"],
        DatabaseName=DATABASE,
        Targets={"S3Targets": [{"Path": target}]},
    )
    glue.start_crawler(Name=model)

    def ended() -> dict[str, Any] | None:
        crawler: dict[str, Any] = glue.get_crawler(Name=model)["Crawler"]
        return crawler if crawler["State"] == "READY" else None

    last = (until("the crawl ends", ended) or {})["LastCrawl"]
    assert last["Status"] == "FAILED"
    assert "glue:GetDatabase" in last["ErrorMessage"]


def test_a_crawl_tells_in_its_log_what_it_did(local_lake: LocalLake, model: str) -> None:
    curate(local_lake, f"{model}/p=1/x.parquet", parquet(n=[1]))
    crawl(local_lake)
    last = ready(local_lake)["LastCrawl"]
    events = local_lake.client("logs").filter_log_events(
        logGroupName=last["LogGroup"], logStreamNames=[last["LogStream"]]
    )["events"]
    told = [one["message"] for one in events if last["MessagePrefix"] in one["message"]]
    assert any(line.endswith(f"Created table {model} in database {DATABASE}") for line in told)
    assert any(line.endswith(f"Created 1 partitions of table {model}") for line in told)
