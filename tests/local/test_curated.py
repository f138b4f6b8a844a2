"""Tables of models on a deployed lake: kept up to date, read without a gap, by every client."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import awswrangler as wr
import pytest
from pyathena import connect

from tests.conftest import MODELS, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local

TABLES = ("orders_by_day", "orders_in_all", "orders_of_days")

DAYS = [f"2024-03-0{day}" for day in range(1, 8)]
KEY = "data/curated_orders/all.json"


def orders(day: str, *amounts: int) -> bytes:
    lines = [
        {"id": f"{day}-{n}", "date": day, "region": "ab"[n % 2], "amount": amount}
        for n, amount in enumerate(amounts)
    ]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


@pytest.fixture(scope="module")
def lake(local_lake: LocalLake) -> LocalLake:
    """The session's lake, with orders of seven days, and tables made of them."""
    local_lake.ingest("data/curated_regions/r.csv", b"region,name\na,north\nb,south\n")
    local_lake.ingest(KEY, b"".join(orders(day, 10, 20, 30) for day in DAYS))
    wait_for_amounts(local_lake, dict.fromkeys(DAYS, 60))
    return local_lake


def amounts(lake: LocalLake) -> dict[str, int]:
    """What the table says of each day, summed up; nothing where there is no table."""
    sql = "SELECT date_partition AS d, sum(amount) AS amount FROM orders_by_day GROUP BY 1"
    done = lake.command("lake", "query", sql, "--format", "json", expect=None)
    return {row["d"]: row["amount"] for row in json.loads(done.stdout or "[]")}


def wait_for_amounts(lake: LocalLake, wanted: dict[str, int]) -> None:
    until(f"the table says {wanted}", lambda: amounts(lake) == wanted, timeout=90)
    # The models after it.
    wait_for_rest(lake)


def wait_for_rest(lake: LocalLake) -> None:
    def at_rest() -> bool:
        told = models(lake)
        waiting = sum(told[name]["waiting"] for name in TABLES)
        return not waiting and not lake.messages("CurateQueueUrl")

    until("no model waits", at_rest, timeout=90)


def models(lake: LocalLake) -> dict[str, Any]:
    told = json.loads(lake.command("lake", "models", "--json", expect=None).stdout)
    return {one["model"]: one for one in told}


def files(lake: LocalLake, table: str = "orders_by_day") -> dict[str, list[str]]:
    """Where each day is read from, and what is there, to the byte."""
    found: dict[str, list[str]] = {}
    glue, s3 = lake.client("glue"), lake.client("s3")
    name = lake.outputs["GlueDatabaseName"]
    for one in glue.get_partitions(DatabaseName=name, TableName=table)["Partitions"]:
        bucket, _, prefix = (
            one["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
        )
        there = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        found[one["Values"][0]] = sorted(f"{each['Key']} {each['ETag']}" for each in there)
    return found


class Reader:
    """Asks every 100 ms what the table says of each day."""

    def __init__(self, lake: LocalLake) -> None:
        self.lake = lake
        self.seen: set[tuple[str, int, int]] = set()
        self.days: set[int] = set()
        self.asked = 0
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        sql = (
            "SELECT date_partition, count(*), sum(amount) FROM orders_by_day "
            "WHERE date_partition >= '2024-03-01' GROUP BY 1"
        )
        athena = self.lake.client("athena")
        while not self._stop.wait(0.1):
            begun = athena.start_query_execution(
                QueryString=sql,
                WorkGroup=self.lake.outputs["AthenaWorkGroupName"],
                QueryExecutionContext={"Database": self.lake.outputs["GlueDatabaseName"]},
            )["QueryExecutionId"]
            while True:
                status = athena.get_query_execution(QueryExecutionId=begun)["QueryExecution"][
                    "Status"
                ]
                if status["State"] not in ("QUEUED", "RUNNING"):
                    break
                time.sleep(0.02)
            if status["State"] != "SUCCEEDED":
                self.errors.append(status["StateChangeReason"])
                continue
            rows = athena.get_query_results(QueryExecutionId=begun)["ResultSet"]["Rows"][1:]
            told = [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]
            self.seen |= {(day, int(count), int(amount)) for day, count, amount in told}
            self.days.add(len(told))
            self.asked += 1


def test_rows_are_in_the_tables_of_models_within_the_window(lake: LocalLake) -> None:
    rows = lake.query("SELECT * FROM orders_by_day WHERE date_partition = '2024-03-01' ORDER BY 1")
    assert rows == [
        {"region": "north", "orders": 2, "amount": 40, "date_partition": "2024-03-01"},
        {"region": "south", "orders": 1, "amount": 20, "date_partition": "2024-03-01"},
    ]
    assert lake.query("SELECT orders, amount, cardinality(regions) AS n FROM orders_in_all") == [
        {"orders": 21, "amount": 420, "n": 2}
    ]
    chained = "SELECT orders, amounts['north'] AS north FROM orders_of_days"
    assert lake.query(f"{chained} WHERE date_partition = '2024-03-07'") == [
        {"orders": 3, "north": 40}
    ]
    told = models(lake)["orders_by_day"]
    # Two seconds are collected on the local lake, and a machine may be busy.
    assert told["last"]["freshness_seconds"] < 60
    assert told["partitions"] == len(DAYS)


def test_a_record_400_days_late_changes_one_partition(lake: LocalLake) -> None:
    before, chained = files(lake), files(lake, "orders_of_days")
    lake.ingest("data/curated_orders/late.json", orders("2023-01-26", 5))
    wait_for_amounts(lake, dict.fromkeys(DAYS, 60) | {"2023-01-26": 5})
    for table, there in (("orders_by_day", before), ("orders_of_days", chained)):
        after = files(lake, table)
        assert {day for day in after if after[day] != there.get(day)} == {"2023-01-26"}
        assert there.keys() <= after.keys()


def test_a_reader_sees_each_day_whole_while_an_object_is_overwritten(lake: LocalLake) -> None:
    day, key = DAYS[0], "data/curated_orders/again.json"
    before = amounts(lake)
    with Reader(lake) as reader:
        for amount in (1, 2, 3):
            # Whoever counts rows of the processed zone may see both versions for a moment; the
            # table of the model is made of what is there when all is done.
            lake.ingest(key, orders(day, amount))
            wait_for_amounts(lake, before | {day: 60 + amount})
    assert reader.errors == []
    assert reader.asked > 5
    assert reader.days == {len(DAYS)}
    assert {one for one in reader.seen if one[0] != day} == {(d, 2, 60) for d in DAYS[1:]}
    # 60 before, then with each version; both of one where a query met the moment between.
    assert {one[1] for one in reader.seen} == {2}
    assert {one[2] for one in reader.seen if one[0] == day} >= {61, 63}


def test_every_client_reads_them_and_a_crawl_leaves_them_alone(lake: LocalLake) -> None:
    glue, database = lake.client("glue"), lake.outputs["GlueDatabaseName"]
    wanted = amounts(lake)

    def described() -> dict[str, Any]:
        return {
            name: [
                glue.get_table(DatabaseName=database, Name=name)["Table"][part]
                for part in ("StorageDescriptor", "PartitionKeys", "Parameters")
            ]
            for name in TABLES
        }

    def names() -> set[str]:
        return {table["Name"] for table in glue.get_tables(DatabaseName=database)["TableList"]}

    before, there, parts = described(), names(), files(lake)
    lake.command("lake", "crawl", "--wait")
    assert (described(), files(lake)) == (before, parts)
    assert not {name for name in names() - there if name.startswith(("orders_", "models"))}
    sql = "SELECT date_partition, sum(amount) FROM orders_by_day GROUP BY 1"
    with connect(
        work_group=lake.outputs["AthenaWorkGroupName"],
        schema_name=database,
        region_name="us-east-1",
        endpoint_url=lake.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ) as connection:
        assert dict(connection.cursor().execute(sql).fetchall()) == wanted
    wr.config.athena_endpoint_url = wr.config.glue_endpoint_url = lake.endpoint
    wr.config.s3_endpoint_url = wr.config.sts_endpoint_url = lake.endpoint
    try:
        frame = wr.athena.read_sql_query(
            "SELECT * FROM orders_of_days",
            database=database,
            workgroup=lake.outputs["AthenaWorkGroupName"],
            ctas_approach=False,
            boto3_session=lake.session,
        )
        whole = wr.s3.read_parquet_table(
            table="orders_in_all", database=database, boto3_session=lake.session
        )
    finally:
        wr.config.reset()
    assert {*frame["date_partition"]} == {*wanted}
    assert whole["amount"].tolist() == [sum(wanted.values())]


def deploy(lake: LocalLake, folder: Path) -> None:
    lake.command("env", f"LAKE_MODELS={folder}", "lake", "--local", "deploy")


@pytest.mark.chaos
def test_a_model_fails_and_is_mended_another_one_is_changed_and_one_removed(
    lake: LocalLake, tmp_path: Path
) -> None:
    """All by one deployment, since that takes longer than anything else here."""
    changes = {
        "orders_by_day": ("r.name", "r.nick"),
        # Another type for a column: single dates of it could not be read beside the others.
        "orders_of_days": ("sum(orders) AS", "0.5 * sum(orders) AS"),
    }
    for name, change in changes.items():
        text = (MODELS / f"{name}.sql").read_text(encoding="utf-8")
        (tmp_path / f"{name}.sql").write_text(text.replace(*change), encoding="utf-8")
    deploy(lake, tmp_path)
    before, said, of_days = files(lake), amounts(lake), files(lake, "orders_of_days")
    lake.ingest("data/curated_orders/more.json", orders(DAYS[0], 7))
    here = ("env", f"LAKE_MODELS={tmp_path}", "lake")

    def told() -> Any:
        done = lake.command(*here, "models", expect=None)
        return done if "COLUMN_NOT_FOUND" in done.stdout else None

    failed = until("the model says why it fails", told)
    assert failed.returncode == 1
    assert "nick" in failed.stdout
    assert (files(lake), amounts(lake)) == (before, said)

    found = lake.command(*here, "reconcile", expect=None)
    assert "model removed" in found.stdout
    assert "orders_in_all" in found.stdout

    refused = lake.command(*here, "curate", "orders_of_days", expect=1)
    assert "TABLE_UNLIKE" in refused.stderr
    assert "lake curate orders_of_days --full" in refused.stderr
    assert files(lake, "orders_of_days") == of_days
    lake.command(*here, "curate", "orders_of_days", "--full")
    after = files(lake, "orders_of_days")
    assert after.keys() == of_days.keys()
    assert not {*map(str, after.values())} & {*map(str, of_days.values())}

    # The column comes that the failing model has waited for.
    lake.ingest("data/curated_regions/r.csv", b"region,name,nick\na,north,n\nb,south,s\n")
    lake.command(*here, "curate", "orders_by_day")
    assert amounts(lake) == {
        day: amount + (7 if day == DAYS[0] else 0) for day, amount in said.items()
    }
    told_now = json.loads(lake.command(*here, "models", "orders_by_day", "--json").stdout)
    assert [one["is"] for one in told_now] == ["fresh"]
