"""All that the roles of a lake are for, in steps that notice when something is missing."""

from __future__ import annotations

import gzip
import io
import json
import re
import secrets
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import LocalLake

#: Seconds that a step waits for what it is about.
_PATIENCE = 60

_DENIED = re.compile(r"assumed-role/\S+ is not authorized to perform: ([\w-]+:\w+)")

#: Longer than what is sent at once, after compression.
_LONG = 72 * 1024 * 1024

_SCHEDULE = json.dumps({"source": "aws.events"}).encode()


class StepFailedError(Exception):
    """When a step does not do what it is about."""


@dataclass
class Run:
    """One run of the scenario over a lake; what it makes has names of its own.

    Attributes
    ----------
    lake : LocalLake
        With roles that lack something.
    taken : frozenset of str
        The actions that they lack; of others, a run before may still be refused some.
    name : str
        Begins the name of each dataset.
    heard : int
        Where the lake's log ended when the run began.
    places : set of str
        Where a model's table had its files at one time or another.
    failures : str
        What the ledger says of why models failed, which no log does.
    """

    lake: LocalLake
    taken: frozenset[str]
    name: str = field(default_factory=lambda: f"rights_{secrets.token_hex(4)}")
    heard: int = 0
    places: set[str] = field(default_factory=set)
    failures: str = ""

    def __post_init__(self) -> None:
        self.heard = len(self.lake.log())

    def denied(self) -> list[str]:
        """Name the calls that were refused to a role since the run began.

        A log that cannot be written breaks nothing.
        """
        found = _DENIED.findall(self.lake.log()[self.heard :] + self.failures)
        return [one for one in found if one in self.taken and not one.startswith("logs:")]

    def until(self, what: str, ask: Callable[[], Any]) -> Any:
        """Ask until the answer is true, or a role is refused something."""
        deadline = time.monotonic() + _PATIENCE
        while not (answer := ask()):
            if self.denied() or time.monotonic() > deadline:
                raise StepFailedError(what)
            time.sleep(0.2)
        return answer

    def put(self, key: str, body: bytes, status: str = "DONE") -> None:
        """Upload a raw object, and wait for what becomes of it."""
        version = self.lake.upload(f"data/{key}", body)

        def done() -> bool:
            entry = self.lake.entry(f"data/{key}")
            return entry.get("version") == version and entry.get("status") == status

        self.until(f"data/{key} is not {status}", done)
        self.until("the message is not done with", lambda: not self.lake.messages())

    def invoke(self, function: str) -> None:
        """Start a function as its schedule does."""
        answer = self.lake.client("lambda").invoke(FunctionName=function, Payload=_SCHEDULE)
        if "FunctionError" in answer:
            raise StepFailedError(answer["Payload"].read().decode())

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Name what is in a bucket."""
        answer = self.lake.client("s3").list_objects_v2(
            Bucket=self.lake.outputs[bucket], Prefix=prefix
        )
        return [one["Key"] for one in answer.get("Contents", [])]

    def table(self, name: str) -> dict[str, Any] | None:
        """Describe a table; None where there is none."""
        glue = self.lake.client("glue")
        try:
            found: dict[str, Any] = glue.get_table(
                DatabaseName=self.lake.outputs["GlueDatabaseName"], Name=name
            )["Table"]
        except glue.exceptions.EntityNotFoundException:
            return None
        return found

    def partitions(self, name: str) -> list[dict[str, Any]]:
        """Describe the partitions of a table."""
        glue = self.lake.client("glue")
        try:
            found: list[dict[str, Any]] = glue.get_partitions(
                DatabaseName=self.lake.outputs["GlueDatabaseName"], TableName=name
            )["Partitions"]
        except glue.exceptions.EntityNotFoundException:
            return []
        return found


# --- The ingest function ---------------------------------------------------------------------


def ingest(run: Run) -> None:
    glue, crawler = run.lake.client("glue"), run.lake.outputs["GlueCrawlerName"]
    run.until(
        "the crawler is busy",
        lambda: glue.get_crawler(Name=crawler)["Crawler"]["State"] == "READY",
    )
    before = glue.get_crawler(Name=crawler)["Crawler"].get("LastCrawl")
    run.put(f"{run.name}/a.csv", b"id,date,v\n1,2024-01-15,x\n")

    def crawled() -> bool:
        now = glue.get_crawler(Name=crawler)["Crawler"]
        return bool(now["State"] != "READY" or now.get("LastCrawl") != before)

    run.until("the crawler is not started", crawled)


def replace(run: Run) -> None:
    place = f"processed/{run.name}/"
    old = run.keys("ProcessedBucketName", place)
    run.put(f"{run.name}/a.csv", b"id,date,v\n1,2024-01-15,y\n")
    run.until(
        "the rows before are still there",
        lambda: not set(old) & set(run.keys("ProcessedBucketName", place)),
    )


def quarantine(run: Run) -> None:
    run.put(f"{run.name}/q.csv", b"id,date,v\n1,2024-01-15,x\n2,2024-01-15,x,x,x\n", "PARTIAL")


def store(run: Run) -> None:
    run.put(f"{run.name}/image.png", b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(64), "STORED")


def add_column(run: Run) -> None:
    run.put(f"{run.name}/b.csv", b"id,date,v,w\n1,2024-01-16,x,1\n")


def grow_struct(run: Run) -> None:
    """A partition that a crawler gave columns of its own does not hide a new field."""
    name, glue = f"{run.name}_s", run.lake.client("glue")
    run.put(f"{name}/0.json", b'{"date": "2024-01-15", "s": {"a": 1}}\n')
    table, (partition,) = run.table(name), run.partitions(name)
    place = partition["StorageDescriptor"]
    place["Columns"] = table["StorageDescriptor"]["Columns"] if table else []
    changed = {"Values": partition["Values"], "StorageDescriptor": place}
    glue.batch_update_partition(
        DatabaseName=run.lake.outputs["GlueDatabaseName"],
        TableName=name,
        Entries=[{"PartitionValueList": partition["Values"], "PartitionInput": changed}],
    )
    uploads = iter(range(1, 100))

    def mended() -> bool:
        # Workers remember a partition for ten seconds.
        time.sleep(3)
        body = f'{{"date": "2024-01-15", "s": {{"a": 1, "b": {next(uploads)}}}}}\n'
        run.put(f"{name}/1.json", body.encode())
        return not run.partitions(name)[0]["StorageDescriptor"]["Columns"]

    run.until("the partition keeps its old columns", mended)


def miss(run: Run) -> None:
    """An event of an object that is gone is answered, and not tried again."""
    key = f"data/{run.name}/gone.csv"
    body = {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "eventTime": "2024-01-15T00:00:00.000Z",
                "s3": {
                    "bucket": {"name": run.lake.outputs["RawBucketName"]},
                    "object": {"key": key, "size": 1, "eTag": "e", "sequencer": "00"},
                },
            }
        ]
    }
    run.lake.client("sqs").send_message(
        QueueUrl=run.lake.outputs["IngestQueueUrl"], MessageBody=json.dumps(body)
    )
    run.until("no answer", lambda: "object not ingested" in run.lake.log()[run.heard :])
    run.until("the message is tried again", lambda: not run.lake.messages())


def sweep(run: Run) -> None:
    run.invoke(run.lake.outputs["ProcessorFunctionName"])


def rebuild(run: Run) -> None:
    name = f"{run.name}_r"
    run.put(f"{name}/a.csv", b"id,price\n1,10\n")
    run.put(f"{name}/b.csv", b"id,price\n2,19.99\n")
    words = ("lake", "retype", f"{name}.price", "double", "--from-processed", "--settle", "11")
    # Where a right is missing it waits for tries that all fail.
    if run.lake.command("timeout", "90", *words, "--yes", expect=None).returncode:
        raise StepFailedError("the table is not made anew from its rows")
    run.until(
        "rows are not in their new folder", lambda: run.keys("ProcessedBucketName", "rebuilt/")
    )


def long_file(run: Run) -> None:
    """One that is sent in parts."""
    line = json.dumps({"date": "2024-01-15", "v": "%s"}) + "\n"
    body = b"".join((line % secrets.token_urlsafe(30_000)).encode() for _ in range(_LONG // 30_000))
    run.put(f"{run.name}_l/a.json", body)


# --- The curator -----------------------------------------------------------------------------

_MODELS = ("orders_by_day", "orders_in_all", "orders_of_days")


def orders(run: Run, **amounts: int) -> None:
    """Upload the orders of some days, and wait until all tables tell of them."""
    days = {f"2024-03-{day.removeprefix('d')}": amount for day, amount in amounts.items()}
    lines = [
        {"id": day, "date": day, "region": "a", "amount": amount} for day, amount in days.items()
    ]
    run.put("curated_orders/all.json", "".join(f"{json.dumps(one)}\n" for one in lines).encode())
    states, database = run.lake.client("dynamodb"), run.lake.outputs["LedgerTableName"]

    def told() -> bool:
        items = [
            states.get_item(TableName=database, Key={"object": {"S": f"model:{name}"}}).get("Item")
            for name in _MODELS
        ]
        run.failures = " ".join(str(zlib.decompress(one["state"]["B"])) for one in items if one)
        if not all(items) or run.lake.messages("CurateQueueUrl"):
            return False
        dates = [
            {one["Values"][0] for one in run.partitions(name)}
            for name in ("orders_by_day", "orders_of_days")
        ]
        return dates == [set(days)] * 2

    run.until("the tables of the models do not have these days", told)
    run.until("the table has other amounts", lambda: _amounts(run) == days)
    run.places |= places(run)


def places(run: Run) -> set[str]:
    """Name the folders that a model's table is read from."""
    return {
        one["StorageDescriptor"]["Location"].partition("://")[2].partition("/")[2]
        for one in run.partitions("orders_by_day")
    }


def _amounts(run: Run) -> dict[str, int]:
    athena = run.lake.client("athena")
    query = athena.start_query_execution(
        QueryString="SELECT date_partition, sum(amount) FROM orders_by_day GROUP BY 1",
        QueryExecutionContext={"Database": run.lake.outputs["GlueDatabaseName"]},
        WorkGroup=run.lake.outputs["AthenaWorkGroupName"],
    )["QueryExecutionId"]
    state = ""
    while state not in ("SUCCEEDED", "FAILED"):
        state = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"][
            "State"
        ]
        time.sleep(0.1)
    if state == "FAILED":
        return {}
    _, *rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return {
        day["VarCharValue"]: int(amount["VarCharValue"])
        for day, amount in (row["Data"] for row in rows)
    }


def curate(run: Run) -> None:
    run.put("curated_regions/r.csv", b"region,name\na,north\n")
    orders(run, d01=1, d02=2)


def curate_again(run: Run) -> None:
    orders(run, d01=1, d02=3)


def curate_less(run: Run) -> None:
    orders(run, d02=3)


def forget(run: Run) -> None:
    """The schedule deletes what no query reads any more."""
    replaced = run.places - places(run)

    def gone() -> bool:
        run.invoke(run.lake.outputs["CuratorFunctionName"])
        return not any(run.keys("CuratedBucketName", place) for place in replaced)

    run.until("files that were replaced are still there", gone)


# --- The recorder ----------------------------------------------------------------------------


def record(run: Run) -> None:
    """A commit becomes a row of ``lake_runs``, and an event that a rule sends to a queue."""
    name = f"{run.name}_t"
    sqs, events = run.lake.client("sqs"), run.lake.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name=name, EventPattern=json.dumps({"detail": {"dataset": [name]}}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])
    try:
        run.put(f"{name}/a.csv", b"id,date\n1,2024-01-15\n")
        run.until("the commit has no row", lambda: name in _recorded(run))
        run.until("nobody is told", lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
        # A file that is there already is read before it is written anew.
        run.put(f"{name}/b.csv", b"id,date\n1,2024-01-15\n")
        run.until("the second commit has no row", lambda: f"{name}/b.csv" in _recorded(run))
        run.until("both have", lambda: f"{name}/a.csv" in _recorded(run))
    finally:
        events.remove_targets(Rule=name, Ids=["q"])
        events.delete_rule(Name=name)
        sqs.delete_queue(QueueUrl=url)


def _recorded(run: Run) -> set[str]:
    """The datasets and keys that ``lake_runs`` has rows of."""
    found = set()
    for key in run.keys("ProcessedBucketName", "lake_runs/"):
        body = run.lake.client("s3").get_object(
            Bucket=run.lake.outputs["ProcessedBucketName"], Key=key
        )["Body"]
        for line in gzip.decompress(body.read()).splitlines():
            row = json.loads(line)
            found |= {row["dataset"], row["key"].removeprefix("data/")}
    return found


# --- The crawler -----------------------------------------------------------------------------


def crawl(run: Run) -> None:
    name = f"{run.name}_c"
    for day, columns in (("2024-01-15", {"n": [1]}), ("2024-01-16", {"n": [1], "v": ["x"]})):
        file = io.BytesIO()
        pq.write_table(pa.table(columns), file)
        run.lake.client("s3").put_object(
            Bucket=run.lake.outputs["CuratedBucketName"],
            Key=f"curated/{name}/date_partition={day}/x.parquet",
            Body=file.getvalue(),
        )
        if run.lake.command("lake", "crawl", "--wait", expect=None).returncode:
            glue, crawler = run.lake.client("glue"), run.lake.outputs["GlueCrawlerName"]
            last = glue.get_crawler(Name=crawler)["Crawler"]["LastCrawl"]["ErrorMessage"]
            raise StepFailedError(", ".join(_DENIED.findall(last)) or last)
        found = run.table(name)
        seen = {c["Name"] for c in found["StorageDescriptor"]["Columns"]} if found else set()
        if seen != set(columns) or day not in str(run.partitions(name)):
            raise StepFailedError("the crawler does not find the table, its columns and dates")


@dataclass(frozen=True)
class Step:
    """A part of the scenario.

    Attributes
    ----------
    role : str
        Logical name of the role that it is about.
    fails : str
        What a user sees where a right is missing.
    do : callable
        Raises `StepFailedError`, or makes a role be refused something.
    """

    role: str
    fails: str
    do: Callable[[Run], None]


STEPS = (
    Step("ProcessorRole", "no file is ingested", ingest),
    Step("ProcessorRole", "a file is not replaced", replace),
    Step("ProcessorRole", "refused records are not kept", quarantine),
    Step("ProcessorRole", "files that are no records are not kept", store),
    Step("ProcessorRole", "no column is added", add_column),
    Step("ProcessorRole", "a partition that was crawled hides new fields", grow_struct),
    Step("ProcessorRole", "an event of a deleted object is tried again", miss),
    Step("ProcessorRole", "what dead workers leave stays", sweep),
    Step("ProcessorRole", "no curated table is made", curate),
    Step("ProcessorRole", "`lake rebuild --from-processed` fails", rebuild),
    Step("ProcessorRole", "no file is written in parts", long_file),
    Step("CuratorRole", "no curated table is made", curate),
    Step("CuratorRole", "a changed date is not made anew", curate_again),
    Step("CuratorRole", "a date without rows stays", curate_less),
    Step("CuratorRole", "what was replaced is not deleted", forget),
    Step("RecorderRole", "commits have no rows in `lake_runs`, or nobody is told", record),
    Step("CrawlerRole", "the crawler fails", crawl),
)


def first_failure(run: Run, role: str | None = None) -> str:
    """Run the steps that a role is for, or all; say what a user misses first, if anything."""
    for step in STEPS:
        if role in (None, step.role):
            try:
                step.do(run)
            except StepFailedError as error:
                said = ", ".join(sorted(set(run.denied()))) or str(error)
                return f"{step.fails} ({said})"
            if denied := run.denied():
                return f"{step.fails} ({', '.join(sorted(set(denied)))})"
    return ""
