"""dbt beside the lake: examples/dbt, in the name of a user with the rights of its policy."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lake import query
from lake.project import DEFAULT_STACK
from lake.target import Target
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.chaos

EXAMPLE = ROOT / "examples" / "dbt"
SCHEMA = "data_lake_dbt"

LATE = b"""\
{"carrier": "ZZ", "dep_delay": 10, "distance": 1, "timestamp": "2013-01-05T10:00:00Z"}
{"carrier": "ZZ", "dep_delay": 20, "distance": 2, "timestamp": "2013-03-01T10:00:00Z"}
"""


@dataclass(frozen=True)
class Dbt:
    """The command, as a user of the lake runs it."""

    program: Path
    folder: Path
    environment: dict[str, str]

    def run(self, *words: str, expect: int = 0, **variables: str) -> str:
        """Give what a command of dbt says."""
        done = subprocess.run(
            [self.program, "--no-use-colors", *words],
            cwd=EXAMPLE,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def artifact(self, name: str) -> Any:
        return json.loads((self.folder / "target" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def program() -> Path:
    """dbt, in an environment of its own that stays for the next run."""
    done = subprocess.run(
        ["make", "--no-print-directory", "dbt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "(from versions: none)" in done.stderr:
        pytest.skip("no package registry answers, and dbt is not in .venv-dbt")
    assert done.returncode == 0, done.stderr
    return ROOT / ".venv-dbt" / "bin" / "dbt"


@pytest.fixture(scope="module")
def key(local_lake: LocalLake) -> Iterator[dict[str, str]]:
    """The key of a user whose only rights are those of examples/dbt/permissions.yaml."""
    stack, name = "DataLakeDbt", "dbt"
    cloudformation, iam = local_lake.client("cloudformation"), local_lake.client("iam")
    body = (EXAMPLE / "permissions.yaml").read_text(encoding="utf-8")
    cloudformation.create_stack(StackName=stack, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1}
    )
    (made,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    (policy,) = [one["OutputValue"] for one in made["Outputs"]]
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    created = iam.create_access_key(UserName=name)["AccessKey"]
    yield {
        "AWS_ACCESS_KEY_ID": created["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": created["SecretAccessKey"],
    }
    iam.delete_access_key(UserName=name, AccessKeyId=created["AccessKeyId"])
    iam.detach_user_policy(UserName=name, PolicyArn=policy)
    iam.delete_user(UserName=name)
    cloudformation.delete_stack(StackName=stack)


@pytest.fixture(scope="module")
def dbt(
    program: Path,
    key: dict[str, str],
    local_lake: LocalLake,
    tmp_path_factory: pytest.TempPathFactory,
) -> Dbt:
    """Dbt, after its first `dbt build` over the two samples."""
    folder = tmp_path_factory.mktemp("dbt")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DBT_"))}
    made = Dbt(
        program,
        folder,
        {
            **kept,
            **local_lake.environment,
            **key,
            "PROCESSED_BUCKET": local_lake.outputs["ProcessedBucketName"],
            "CURATED_BUCKET": local_lake.outputs["CuratedBucketName"],
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        },
    )
    samples = ROOT / "samples"
    for place, file in (("", "test-data.json"), ("flights/", "flights-2013-01.jsonl.gz")):
        local_lake.ingest(f"data/{place}{file}", (samples / file).read_bytes())
    assert "PASS=10 WARN=0 ERROR=0" in made.run("build")
    return made


def table(lake: LocalLake, name: str) -> dict[str, Any]:
    return dict(lake.client("glue").get_table(DatabaseName=SCHEMA, Name=name)["Table"])


def files(lake: LocalLake, name: str) -> dict[str, set[str]]:
    """The files that lie where a table's partitions are, by date."""
    location = table(lake, name)["StorageDescriptor"]["Location"]
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    pages = (
        lake.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    )
    found: dict[str, set[str]] = {}
    for one in (one for page in pages for one in page.get("Contents", [])):
        folder, _, file = one["Key"][len(prefix) :].partition("/")
        found.setdefault(folder.removeprefix("date_partition="), set()).add(file)
    return found


def rows(lake: LocalLake, sql: str) -> list[list[str | None]]:
    return query.run(Target(lake.session, lake.endpoint, DEFAULT_STACK), sql).rows


def by_day(lake: LocalLake) -> dict[str | None, int]:
    """How many flights the incremental model has of each day."""
    sql = f"SELECT date_partition, sum(flights) FROM {SCHEMA}.flights_by_day GROUP BY 1"
    return {day: int(count or 0) for day, count in rows(lake, sql)}


#: What a model holds, and the same from its source.
SAME = {
    "carriers": (
        "carrier, flights, longest_distance",
        "carrier, count(*), max(distance) FROM flights GROUP BY 1",
    ),
    "products_by_category": (
        "category, products, average_price",
        "category, count(*), round(avg(price), 2) FROM processed_table GROUP BY 1",
    ),
    "flights_by_day": (
        "date_partition, carrier, flights",
        "date_partition, carrier, count(*) FROM flights GROUP BY 1, 2",
    ),
}


@pytest.mark.usefixtures("dbt")
@pytest.mark.parametrize("model", SAME)
def test_a_model_holds_what_its_source_holds(local_lake: LocalLake, model: str) -> None:
    columns, source = SAME[model]
    found = rows(local_lake, f"SELECT {columns} FROM {SCHEMA}.{model} ORDER BY 1, 2")
    assert len(found) >= 2
    assert found == rows(local_lake, f"SELECT * FROM (SELECT {source}) ORDER BY 1, 2")


@pytest.mark.usefixtures("dbt")
def test_models_are_described_in_the_catalog_and_lie_in_the_folder_of_dbt(
    local_lake: LocalLake,
) -> None:
    folder = f"s3://{local_lake.outputs['CuratedBucketName']}/dbt/{SCHEMA}/"
    for model, kind in (("carriers", "EXTERNAL_TABLE"), ("products_by_category", "VIRTUAL_VIEW")):
        found = table(local_lake, model)
        assert found["TableType"] == kind
        assert found["Description"] in (EXAMPLE / "models" / "models.yml").read_text("utf-8")
        location = found["StorageDescriptor"].get("Location", "")
        assert location.startswith(folder) == (kind == "EXTERNAL_TABLE")


def test_a_run_after_an_upload_makes_only_those_days_anew_that_changed(
    dbt: Dbt, local_lake: LocalLake
) -> None:
    days, before = by_day(local_lake), files(local_lake, "flights_by_day")
    old = table(local_lake, "carriers")["StorageDescriptor"]["Location"]
    assert sum(days.values()) == 27004
    local_lake.ingest("data/flights/late.jsonl", LATE)
    assert "PASS=3 WARN=0 ERROR=0" in dbt.run("run")
    after = files(local_lake, "flights_by_day")
    changed = {day for day in after if after[day] != before.get(day)}
    assert changed == {"2013-01-05", "2013-03-01"}
    assert not after["2013-01-05"] & before["2013-01-05"]
    assert by_day(local_lake) == {**days, "2013-01-05": days["2013-01-05"] + 1, "2013-03-01": 1}
    # The table was switched to other files.
    assert table(local_lake, "carriers")["StorageDescriptor"]["Location"] != old
    assert rows(local_lake, f"SELECT flights FROM {SCHEMA}.carriers WHERE carrier = 'ZZ'") == [
        ["2"]
    ]
    assert "PASS=7 WARN=0 ERROR=0" in dbt.run("test")


def test_the_documentation_has_models_and_sources_with_their_columns(dbt: Dbt) -> None:
    dbt.run("docs", "generate")
    catalog = dbt.artifact("catalog.json")
    nodes = {**catalog["nodes"], **catalog["sources"]}
    columns = {name.rpartition(".")[2]: set(node["columns"]) for name, node in nodes.items()}
    assert columns["carriers"] == {"carrier", "flights", "mean_delay", "longest_distance"}
    assert {"carrier", "date_partition"} <= columns["flights"] & columns["flights_by_day"]
    assert {"category", "average_price"} <= columns["products_by_category"]
    assert {"category", "price"} <= columns["processed_table"]
    assert catalog["errors"] is None


@pytest.mark.usefixtures("dbt")
def test_the_crawler_leaves_alone_what_dbt_made(local_lake: LocalLake) -> None:
    glue = local_lake.client("glue")

    def tables(database: str) -> dict[str, str]:
        found = glue.get_tables(DatabaseName=database)["TableList"]
        return {one["Name"]: one["VersionId"] for one in found}

    mine = tables(SCHEMA)
    local_lake.command("lake", "crawl", "--wait")
    assert tables(SCHEMA) == mine
    names = " ".join(tables(local_lake.outputs["GlueDatabaseName"]))
    assert not any(one in names for one in (SCHEMA, *SAME))


def test_a_model_with_the_name_of_a_dataset_deletes_no_row_of_the_lake(
    dbt: Dbt, local_lake: LocalLake
) -> None:
    local_lake.ingest("data/carriers/x.json", b'{"carrier": "own", "date": "2024-01-15"}\n')
    database = local_lake.outputs["GlueDatabaseName"]
    said = dbt.run("run", "--select", "carriers", expect=1, DBT_SCHEMA=database)
    assert "is not authorized to perform" in said
    assert rows(local_lake, "SELECT carrier FROM carriers") == [["own"]]


def test_the_page_names_every_variable_that_the_example_reads(root: Path) -> None:
    page = (root / "docs" / "how-to" / "dbt.md").read_text(encoding="utf-8")
    settings = "\n".join(path.read_text(encoding="utf-8") for path in EXAMPLE.rglob("*.yml"))
    for name in re.findall(r"env_var\('(\w+)'", settings):
        assert name in page
