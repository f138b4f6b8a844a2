"""What people may do with the policies that the template makes for them, and what they may not."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support import command
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local


@dataclass(frozen=True)
class Person:
    """A user of IAM with one policy, and a key."""

    lake: LocalLake
    key: str
    secret: str

    def client(self, service: str) -> Any:
        return client(service, self.lake.endpoint, self.key, self.secret)

    def runs(self, *words: str) -> str:
        """What a command says that succeeds."""
        keys = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}
        done = command.lake(words, {**self.lake.shell, **keys})
        assert done.returncode == 0, (words, done.stdout + done.stderr)
        return done.stdout


def person(lake: LocalLake, policy: str, **tags: str) -> Person:
    iam, name = lake.client("iam"), f"person-{uuid.uuid4().hex[:8]}"
    told = [{"Key": key.replace("_", "-"), "Value": value} for key, value in tags.items()]
    iam.create_user(UserName=name, Tags=told)
    iam.attach_user_policy(UserName=name, PolicyArn=lake.outputs[policy])
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Person(lake, made["AccessKeyId"], made["SecretAccessKey"])


def denied(call: Callable[..., Any], **words: Any) -> bool:
    """Whether IAM is what refuses a call; HEAD says so only by its status."""
    with pytest.raises(ClientError) as refused:
        call(**words)
    return refused.value.response["Error"]["Code"] in (
        "403",
        "AccessDenied",
        "AccessDeniedException",
    )


@pytest.fixture
def dataset(local_lake: LocalLake) -> str:
    name = f"people_{uuid.uuid4().hex[:8]}"
    local_lake.ingest(f"data/{name}/a.csv", b"id,date\n1,2024-01-15\n2,2024-01-16\n")
    return name


def test_a_producer_uploads_files_of_its_dataset_and_does_nothing_else(
    local_lake: LocalLake, dataset: str
) -> None:
    raw = local_lake.outputs["RawBucketName"]
    s3 = person(local_lake, "ProducerPolicyArn", lake_dataset=dataset).client("s3")
    s3.put_object(Bucket=raw, Key=f"data/{dataset}/new/b.csv", Body=b"id\n3\n")
    for key in (f"data/{dataset}_2/b.csv", "data/b.csv", f"{dataset}/b.csv"):
        assert denied(s3.put_object, Bucket=raw, Key=key, Body=b"")
    assert denied(s3.get_object, Bucket=raw, Key=f"data/{dataset}/a.csv")
    assert denied(s3.delete_object, Bucket=raw, Key=f"data/{dataset}/a.csv")
    assert denied(s3.list_objects_v2, Bucket=raw)
    untagged = person(local_lake, "ProducerPolicyArn").client("s3")
    assert denied(untagged.put_object, Bucket=raw, Key=f"data/{dataset}/b.csv", Body=b"")


def answer(athena: Any, sql: str, lake: LocalLake) -> tuple[str, list[Any]]:
    """The id and the rows of a query."""
    query = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": lake.outputs["GlueDatabaseName"]},
        WorkGroup=lake.outputs["AthenaWorkGroupName"],
    )["QueryExecutionId"]
    state: dict[str, Any] = {"State": "QUEUED"}
    while state["State"] in ("QUEUED", "RUNNING"):
        time.sleep(0.1)
        state = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
    assert state["State"] == "SUCCEEDED", state
    return query, athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]


def test_an_analyst_queries_tables_and_reads_nothing_else(
    local_lake: LocalLake, dataset: str
) -> None:
    outputs = local_lake.outputs
    analyst = person(local_lake, "AnalystPolicyArn")
    athena, s3, glue = (analyst.client(name) for name in ("athena", "s3", "glue"))
    query, rows = answer(athena, f"SELECT count(*) FROM {dataset}", local_lake)
    assert rows[1]["Data"][0]["VarCharValue"] == "2"
    refused = f"SELECT count(*) FROM quarantine WHERE source_key LIKE 'data/{dataset}/%'"
    assert answer(athena, refused, local_lake)[1][1]["Data"][0]["VarCharValue"] == "0"
    result = {"Bucket": outputs["ProcessedBucketName"], "Key": f"athena-results/{query}.csv"}
    assert s3.get_object(**result)["Body"].read()
    # Nobody is told the ids by which the results of others are named.
    assert denied(s3.list_objects_v2, Bucket=result["Bucket"], Prefix="athena-results/")
    assert denied(s3.list_objects_v2, Bucket=result["Bucket"])
    assert denied(athena.list_query_executions, WorkGroup=outputs["AthenaWorkGroupName"])
    assert denied(
        athena.start_query_execution,
        QueryString="SELECT 1",
        WorkGroup=outputs["BuildersWorkGroupName"],
    )
    raw = {"Bucket": outputs["RawBucketName"], "Key": f"data/{dataset}/a.csv"}
    assert denied(s3.get_object, **raw)
    assert denied(s3.put_object, **raw, Body=b"")
    (file, *_) = local_lake.client("s3").list_objects_v2(
        Bucket=outputs["ProcessedBucketName"], Prefix=f"processed/{dataset}/"
    )["Contents"]
    assert denied(s3.delete_object, Bucket=outputs["ProcessedBucketName"], Key=file["Key"])
    assert denied(glue.delete_table, DatabaseName=outputs["GlueDatabaseName"], Name=dataset)
    ledger = analyst.client("dynamodb")
    assert denied(ledger.scan, TableName=outputs["LedgerTableName"])


def test_an_operator_runs_the_commands_and_cannot_change_the_lake_itself(
    local_lake: LocalLake, dataset: str, tmp_path: Any
) -> None:
    outputs = local_lake.outputs
    operator = person(local_lake, "OperatorPolicyArn")
    file = tmp_path / "b.csv"
    file.write_text("id,date\n3,2024-01-17\n", encoding="utf-8")
    assert "DONE" in operator.runs("put", str(file), "--dataset", dataset)
    said = operator.runs("query", f"SELECT count(*) AS n FROM {dataset}", "--format", "json")
    assert json.loads(said) == [{"n": 3}]
    operator.runs("status")
    assert "curated_orders" in operator.runs("model", "show", "orders_by_day")
    operator.runs("redrive")
    assert f"{dataset}: 2 files (2 DONE)" in operator.runs("replay", "--dataset", dataset)
    assert dataset in operator.runs("tables")
    operator.runs("logs", "--since", "5m")
    operator.runs("profile", dataset)
    functions, iam = operator.client("lambda"), operator.client("iam")
    processor = outputs["ProcessorFunctionName"]
    assert denied(functions.update_function_configuration, FunctionName=processor, Timeout=60)
    dry = json.loads(operator.runs("replay", "--dataset", dataset, "--dry-run", "--json"))
    assert dry["then"]["accepted"] == 3
    assert "not authorized" not in operator.runs("cost", "--json")
    assert "rows" in operator.runs("rm", "--dataset", dataset, "--raw", "--yes")
    assert denied(iam.create_user, UserName="another")
    database = operator.client("dynamodb")
    assert denied(database.delete_table, TableName=outputs["LedgerTableName"])
    assert denied(operator.client("s3").delete_bucket, Bucket=outputs["RawBucketName"])
