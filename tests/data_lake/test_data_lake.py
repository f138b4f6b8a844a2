"""The complete test of a deployed lake: upload, process, crawl, query, clean up.

Under pytest it runs against a local lake. Against a stack in AWS, with the credentials of the
environment::

    python tests/data_lake/test_data_lake.py --stack-name DataLakeStack
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PRODUCTS = [
    {"name": "Product A", "category": "Electronics", "price": 29.99},
    {"name": "Product B", "category": "Clothing", "price": 49.99},
    {"name": "Product C", "category": "Electronics", "price": 19.99},
]


class LakeTestError(AssertionError):
    """When the deployed lake does not do what it promises."""


@dataclass
class DataLakeTest:
    """Walks one object through a deployed lake, as a user would with any client."""

    session: boto3.Session
    stack_name: str
    endpoint: str | None = None
    timeout: float = 300
    say: Callable[[str], None] = print

    def run(self) -> list[dict[str, str | None]]:
        """Do every step; give the rows that the query found."""
        self.outputs = self._outputs()
        # A name of its own: the test may run beside real data and beside itself.
        self.key = f"data/complete-test-{uuid.uuid4().hex}.json"
        try:
            self._upload()
            self._wait_until_processed()
            self._crawl()
            rows = self._query(
                f"SELECT * FROM {self.outputs['GlueDatabaseName']}.processed_table LIMIT 10"
            )
            self._expect(0 < len(rows) <= 10, f"the first rows are {rows}")
            mine = self._query(
                f"SELECT name, category, price, date_partition "
                f"FROM {self.outputs['GlueDatabaseName']}.processed_table "
                f"WHERE _source_key = '{self.key}' ORDER BY name"
            )
            wanted = [
                {
                    "name": p["name"],
                    "category": p["category"],
                    "price": str(p["price"]),
                    "date_partition": "2024-01-15",
                }
                for p in PRODUCTS
            ]
            self._expect(mine == wanted, f"uploaded {wanted}, found {mine}")
            return mine
        finally:
            self._clean_up()

    def _client(self, name: str) -> Any:
        return self.session.client(name, endpoint_url=self.endpoint)  # type: ignore[call-overload]  # named at run time

    def _outputs(self) -> dict[str, str]:
        (stack,) = self._client("cloudformation").describe_stacks(StackName=self.stack_name)[
            "Stacks"
        ]
        self.say(f"stack {self.stack_name} is {stack['StackStatus']}")
        return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def _upload(self) -> None:
        lines = [
            json.dumps({"id": str(n), **product, "timestamp": f"2024-01-15T1{n}:00:00Z"})
            for n, product in enumerate(PRODUCTS, 1)
        ]
        self.version = self._client("s3").put_object(
            Bucket=self.outputs["RawBucketName"], Key=self.key, Body="\n".join(lines).encode()
        )["VersionId"]
        self.say(f"uploaded s3://{self.outputs['RawBucketName']}/{self.key}")

    def _processed(self) -> list[str]:
        stem = self.key.removeprefix("data/").removesuffix(".json")
        pages = self._client("s3").get_paginator("list_objects_v2")
        return [
            entry["Key"]
            for page in pages.paginate(
                Bucket=self.outputs["ProcessedBucketName"],
                Prefix="processed/processed_table/date_partition=2024-01-15/",
            )
            for entry in page.get("Contents", [])
            if stem[:40] in entry["Key"]
        ]

    def _wait_until_processed(self) -> None:
        def committed() -> bool:
            item = self._client("dynamodb").get_item(
                TableName=self.outputs["LedgerTableName"],
                Key={"object": {"S": f"{self.outputs['RawBucketName']}/{self.key}"}},
            )
            return bool(item.get("Item", {}).get("status", {}).get("S") == "DONE")

        started = time.monotonic()
        self._until("the object is processed", committed)
        found = self._processed()
        self._expect(len(found) == 1, f"processed objects are {found}")
        self.say(f"processed after {time.monotonic() - started:.1f} s: {found[0]}")

    def _crawl(self) -> None:
        glue, name = self._client("glue"), self.outputs["GlueCrawlerName"]

        def ready() -> bool:
            return str(glue.get_crawler(Name=name)["Crawler"]["State"]) == "READY"

        # The lake starts it by itself for a new table; two crawls at once are refused.
        self._until("the crawler is free", ready)
        glue.start_crawler(Name=name)
        self._until("the crawler is READY again", ready)
        self.say(f"crawler {name} ran")

    def _query(self, sql: str) -> list[dict[str, str | None]]:
        athena = self._client("athena")
        execution = athena.start_query_execution(
            QueryString=sql,
            WorkGroup=self.outputs["AthenaWorkGroupName"],
            QueryExecutionContext={"Database": self.outputs["GlueDatabaseName"]},
        )["QueryExecutionId"]
        status: dict[str, Any] = {}

        def finished() -> bool:
            nonlocal status
            status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"][
                "Status"
            ]
            return status["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"}

        self._until("the query is finished", finished)
        self._expect(status["State"] == "SUCCEEDED", f"query {sql!r}: {status}")
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
        lines = [
            [cell.get("VarCharValue") for cell in row["Data"]]
            for page in pages
            for row in page["ResultSet"]["Rows"]
        ]
        self.say(f"query gave {len(lines) - 1} rows: {sql}")
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]

    def _clean_up(self) -> None:
        s3 = self._client("s3")
        s3.delete_object(Bucket=self.outputs["RawBucketName"], Key=self.key, VersionId=self.version)
        for key in self._processed():
            s3.delete_object(Bucket=self.outputs["ProcessedBucketName"], Key=key)
        self._client("dynamodb").delete_item(
            TableName=self.outputs["LedgerTableName"],
            Key={"object": {"S": f"{self.outputs['RawBucketName']}/{self.key}"}},
        )
        # The table and its partition stay: other rows may be there by now.
        self.say("removed what the test made")

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.timeout
        while not done():
            self._expect(time.monotonic() < deadline, f"waited {self.timeout:.0f} s until {what}")
            time.sleep(0.5)

    def _expect(self, truth: bool, otherwise: str) -> None:
        if not truth:
            raise LakeTestError(otherwise)


@pytest.mark.local
def test_a_deployed_lake_takes_processes_crawls_and_answers(local_lake: Any) -> None:
    said: list[str] = []
    rows = DataLakeTest(
        local_lake.session, "DataLakeStack", local_lake.endpoint, say=said.append
    ).run()
    assert [row["name"] for row in rows] == ["Product A", "Product B", "Product C"]
    assert said[-1] == "removed what the test made"


def main(arguments: list[str] | None = None) -> int:
    """Run against a deployed stack from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stack-name", default="DataLakeStack", help="the deployed stack")
    parser.add_argument("--region", help="its region, else the environment's")
    parser.add_argument("--profile", help="credentials profile, else the environment's")
    parser.add_argument("--timeout", type=float, default=300, help="seconds to wait for each step")
    given = parser.parse_args(arguments)
    session = boto3.Session(region_name=given.region, profile_name=given.profile)
    try:
        DataLakeTest(session, given.stack_name, timeout=given.timeout).run()
    except LakeTestError as error:
        print(f"FAILED: {error}", file=sys.stderr)  # noqa: T201  # a script's answer
        return 1
    print("PASSED: the lake takes, processes, crawls and answers")  # noqa: T201  # likewise
    return 0


if __name__ == "__main__":
    sys.exit(main())
