"""Two lakes in one account: nothing of one touches the other; `make test-chaos` runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from tests.conftest import LocalLake

pytestmark = pytest.mark.chaos

STACK, PREFIX = "OtherStack", "other-lake"


def names(lake: LocalLake) -> list[str]:
    """Everything in the account that is named after the second lake."""
    found = [one["Name"] for one in lake.client("s3").list_buckets()["Buckets"]]
    found += [one["FunctionName"] for one in lake.client("lambda").list_functions()["Functions"]]
    found += lake.client("sqs").list_queues().get("QueueUrls", [])
    found += lake.client("dynamodb").list_tables()["TableNames"]
    found += [one["Name"] for one in lake.client("glue").get_databases()["DatabaseList"]]
    found += [one["logGroupName"] for one in lake.client("logs").describe_log_groups()["logGroups"]]
    return [one for one in found if PREFIX in one or PREFIX.replace("-", "_") in one]


def test_one_lake_is_deployed_worked_on_and_destroyed_beside_another(
    local_lake: LocalLake,
) -> None:
    def other(*words: str, expect: int | None = 0) -> CompletedProcess[str]:
        return local_lake.command("lake", "--local", "--stack-name", STACK, *words, expect=expect)

    def told(*words: str) -> Any:
        return json.loads(other(*words).stdout)

    rows = "SELECT count(*) AS n FROM beside"
    local_lake.ingest("data/beside/a.json", b'{"n": 1}\n{"n": 2}\n')
    deployed = told("deploy", "--parameter", f"Prefix={PREFIX}", "--json")
    assert (deployed["new"], deployed["database"]) == (True, "other_lake_db")
    names_of_functions = [f"{PREFIX}-{one}" for one in ("curator", "processor", "recorder")]
    assert deployed["functions"] == names_of_functions
    assert f"Prefix={PREFIX}" in deployed["parameters"]

    (fate,) = told("put", "samples/test-data.json", "--dataset", "beside", "--json")
    assert fate["status"] == "DONE"
    assert told("query", "SELECT count(*) AS n FROM other_lake_db.beside", "--format", "json") == [
        {"n": 3}
    ]
    other("rebuild", "beside", "--yes", "--settle", "11")
    other("crawl", "--wait")
    other("reconcile", "--grace", "0")
    assert local_lake.query(rows) == [{"n": 2}]

    refused = other("destroy", "--yes", expect=1)
    assert "The lake has data, and nothing was deleted" in refused.stderr
    mistaken = local_lake.command(
        "lake", "--stack-name", "NoStack", "destroy", "--with-data", "--yes", expect=1
    )
    assert "belongs to the stack DataLakeStack" in mistaken.stderr
    assert told("query", rows, "--format", "json") == [{"n": 3}]

    gone = told("destroy", "--with-data", "--yes", "--json")
    assert gone["database"] == ["other_lake_db"]
    assert len(gone["buckets"]) == 3
    assert gone["versions"] >= 2
    assert names(local_lake) == []
    assert "nothing that such a lake would have kept" in " ".join(
        other("destroy", "--prefix", PREFIX, "--yes", expect=1).stderr.split()
    )
    assert local_lake.query(rows) == [{"n": 2}]
    assert local_lake.ingest("data/beside/b.json", b'{"n": 3}\n')["status"] == "DONE"
