"""The command `lake cost`: dollars of this lake, from measured figures.

Each line says where its figure is from. What AWS does not tell is derived from the ledger, or is
unknown; nothing is guessed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from lake import ledger, prices, render
from lake.context import err, out
from lake.health import functions_of
from lake.prices import PRICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lake.context import Choice
    from lake.ledger import Item
    from lake.target import Target

_MONTH, _GB, _TB = 30.0, 1 << 30, 1 << 40

#: Units that are billed, and what they are in bytes.
_BYTES = {"GB": _GB, "TB": _TB}

#: Of greater amounts nobody reads what is behind the point.
_ROUND = 1_000

#: So many queries and object versions are looked at; of more, only metrics tell.
_QUERIES, _VERSIONS = 5_000, 100_000

#: So many queries BatchGetQueryExecution takes (Athena API Reference).
_BATCH = 50

#: What services answer to somebody who lacks a right.
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})

#: Days; a shorter time is said in hours.
_HOURS = 2

_MEASURED, _DERIVED, _UNKNOWN = "measured", "ledger", "unknown"

#: Calls for an object, beside those of its rows
#: (docs/explanation/performance.md, "What a small object costs").
_WRITES, _MESSAGES = 3, 4


@dataclass(frozen=True)
class Line:
    """One thing that costs.

    Attributes
    ----------
    what : str
        The service, and what of it.
    quantity : float or None
        How much was used in the period, or is held; None where nobody can say.
    unit : str
        Of what.
    dollars : float or None
        For the period.
    month : float or None
        For 30 days of the same.
    source : str
        Where the quantity is from.
    """

    what: str
    quantity: float | None
    unit: str
    dollars: float | None
    month: float | None
    source: str

    @property
    def amount(self) -> str:
        """Say how much was used or is held."""
        if self.quantity is None:
            return "unknown"
        if self.unit in _BYTES:
            return render.size(round(self.quantity * _BYTES[self.unit]))
        # Of units such as GB-s there is no plural.
        one = self.quantity == 1 and self.unit.isalpha()
        whole = self.quantity == round(self.quantity) or self.quantity >= _ROUND
        number = f"{self.quantity:,.0f}" if whole else f"{self.quantity:,.4g}"
        return f"{number} {self.unit.removesuffix('s') if one else self.unit}".rstrip()


@dataclass(frozen=True)
class Period:
    """The time that is looked at.

    Attributes
    ----------
    start, end : datetime
        From when, and until when.
    """

    start: datetime
    end: datetime

    @property
    def days(self) -> float:
        """Give its length."""
        return (self.end - self.start) / timedelta(days=1)

    def used(self, what: str, quantity: float | None, unit: str, price: str, source: str) -> Line:
        """Price what was used in this time."""
        if quantity is None:
            return Line(what, None, unit, None, None, _UNKNOWN)
        dollars = quantity * PRICES[price]
        return Line(what, quantity, unit, dollars, dollars * _MONTH / self.days, source)

    def held(self, what: str, quantity: float | None, unit: str, price: str) -> Line:
        """Price what is held, as if it had been held all the time."""
        if quantity is None:
            return Line(what, None, unit, None, None, _UNKNOWN)
        month = quantity * PRICES[price]
        return Line(what, quantity, unit, month * self.days / _MONTH, month, _MEASURED)


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 90), default=30, show_default=True, help="How far back."
)
@render.json_option
@render.listing
@click.pass_obj
def cost(choice: Choice, days: int, as_json: bool) -> None:
    """Say what the lake costs, from what it used.

    List prices of us-east-1; free tiers and discounts are not taken off.
    """
    target = choice.target()
    with err.status("Adding up…"):
        period = period_of(target, days)
        lines = measure(target, period)
    month = sum(one.month or 0 for one in lines)
    dollars = sum(one.dollars or 0 for one in lines)
    if as_json:
        told = {
            "days": period.days,
            "dollars": dollars,
            "dollars_a_month": month,
            "prices": {"region": prices.REGION, "date": prices.DATE},
            "lines": [asdict(one) for one in lines],
        }
        render.show_json(told)
        return
    rows: list[list[object]] = [
        [
            one.what,
            one.amount,
            "" if one.dollars is None else f"{one.dollars:,.4f}",
            "" if one.month is None else f"{one.month:,.2f}",
            one.source,
        ]
        for one in lines
    ]
    rows.append(["together", "", f"{dollars:,.4f}", f"{month:,.2f}", ""])
    length = f"{period.days:.0f} days" if period.days >= _HOURS else f"{period.days * 24:.0f} h"
    headings = ["what", "how much", f"$ in {length}", "$ a month", "source"]
    render.show_table(out, headings, rows, [False, True, True, True, False])
    err.print(
        f"List prices of {prices.REGION} of {prices.DATE}, free tiers and discounts not taken off. "
        "Not counted: traces, data that leaves the region, requests of others to the buckets.",
        style="dim",
    )
    if target.endpoint:
        err.print("This lake is on a machine: these are the dollars that AWS would ask.")


def period_of(target: Target, days: int, now: datetime | None = None) -> Period:
    """Give the last days, or all since the stack was made where that is less."""
    end = now or datetime.now(UTC)
    made = (target.stack() or {}).get("CreationTime", end)
    start = max(end - timedelta(days=days), made)
    # A lake of a minute tells nothing of a month.
    return Period(min(start, end - timedelta(hours=1)), end)


def measure(target: Target, period: Period) -> list[Line]:
    """Ask for every figure, and price it."""
    recent = [item for item in ledger.items(target) if item.updated_at >= period.start.isoformat()]
    parts: dict[str, Callable[[], list[Line]]] = {
        "S3, requests": lambda: _requests(period, recent),
        "S3, storage": lambda: _storage(target, period),
        "Lambda": lambda: _functions(target, period, recent),
        "SQS": lambda: _queues(target, period, recent),
        "DynamoDB": lambda: _ledger(target, period, recent),
        "Athena": lambda: _queries(target, period),
        "Glue": lambda: _crawls(target, period),
        "Logs": lambda: _logs(target, period),
        "CloudWatch": lambda: _watching(target, period),
    }
    return [line for what, part in parts.items() for line in asked(what, part)]


def asked(what: str, part: Callable[[], list[Line]]) -> list[Line]:
    """Ask; what the user may not ask is unknown, and the rest is told all the same."""
    try:
        return part()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _DENIED:
            raise
        return [Line(what, None, "", None, None, f"unknown: you may not {error.operation_name}")]


def _sum(target: Target, period: Period, space: str, name: str, **dimensions: str) -> float | None:
    """Add up a metric; None where there is none, or nobody may ask."""
    try:
        points = target.client("cloudwatch").get_metric_statistics(
            Namespace=space,
            MetricName=name,
            Dimensions=[{"Name": n, "Value": v} for n, v in dimensions.items()],
            StartTime=period.start,
            EndTime=period.end,
            Period=86_400,
            Statistics=["Sum"],
        )["Datapoints"]
    except (ClientError, BotoCoreError):
        return None
    return sum(one["Sum"] for one in points) if points else None


def _added(*values: float | None) -> float | None:
    """Add up what is known; None where nothing is."""
    known = [one for one in values if one is not None]
    return sum(known) if known else None


def _requests(period: Period, recent: list[Item]) -> list[Line]:
    files = sum(len(item.outputs) for item in recent)
    return [
        period.used("S3, uploads", len(recent), "objects", "s3 put", _DERIVED),
        period.used("S3, objects read", len(recent), "objects", "s3 get", _DERIVED),
        period.used("S3, files written", files, "files", "s3 put", _DERIVED),
        period.used("Glue, tables read", len(recent), "requests", "glue request", _DERIVED),
    ]


def _storage(target: Target, period: Period) -> list[Line]:
    lines = []
    for name in ("Raw", "Processed", "Curated"):
        bucket = target.outputs[f"{name}BucketName"]
        plain = _stored(target, period, bucket, "StandardStorage")
        cold = _stored(target, period, bucket, "GlacierStorage")
        if plain is None and cold is None:
            plain = _listed(target, bucket)
        amount = None if plain is None else plain / _GB
        lines.append(period.held(f"S3, {name.lower()} bucket", amount, "GB", "s3 GB-month"))
        if cold:
            what = f"S3, {name.lower()} bucket, Glacier"
            lines.append(period.held(what, cold / _GB, "GB", "s3 GB-month glacier"))
    return lines


def _stored(target: Target, period: Period, bucket: str, kind: str) -> float | None:
    """Ask S3's daily metric for the newest figure; old versions are counted."""
    try:
        points = target.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/S3",
            MetricName="BucketSizeBytes",
            Dimensions=[
                {"Name": "BucketName", "Value": bucket},
                {"Name": "StorageType", "Value": kind},
            ],
            # It is told once a day, and late.
            StartTime=period.end - timedelta(days=3),
            EndTime=period.end,
            Period=86_400,
            Statistics=["Average"],
        )["Datapoints"]
    except (ClientError, BotoCoreError):
        return None
    return float(max(points, key=lambda one: one["Timestamp"])["Average"]) if points else None


def _listed(target: Target, bucket: str) -> float | None:
    """Add up a bucket's versions, where they are few."""
    pages = target.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    sizes = (one["Size"] for page in pages for one in page.get("Versions", []))
    found = list(islice(sizes, _VERSIONS + 1))
    return float(sum(found)) if len(found) <= _VERSIONS else None


def _functions(target: Target, period: Period, recent: list[Item]) -> list[Line]:
    lines = []
    for what, name in functions_of(target.outputs).items():
        told = target.client("lambda").get_function_configuration(FunctionName=name)
        count = _sum(target, period, "AWS/Lambda", "Invocations", FunctionName=name)
        milliseconds = _sum(target, period, "AWS/Lambda", "Duration", FunctionName=name)
        source = _MEASURED
        if count is None and what == "processor":
            # Tries that failed, and the schedule, are not in it.
            count, source = float(len(recent)), _DERIVED
            milliseconds = float(sum(item.milliseconds for item in recent))
        (machine,) = told.get("Architectures", ["x86_64"])
        seconds = None if milliseconds is None else milliseconds / 1000 * told["MemorySize"] / 1024
        called = f"Lambda, {what}"
        lines += [
            period.used(f"{called}, calls", count, "", "lambda request", source),
            period.used(called, seconds, "GB-s", f"lambda GB-second {machine}", source),
        ]
    return lines


def _queues(target: Target, period: Period, recent: list[Item]) -> list[Line]:
    names = ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted")
    found = _added(
        *(
            _sum(target, period, "AWS/SQS", name, QueueName=queue)
            for queue in (
                target.outputs[one].rpartition("/")[2]
                for one in ("IngestQueueUrl", "CurateQueueUrl")
            )
            for name in (*names, "NumberOfEmptyReceives")
        )
    )
    source = _MEASURED
    if found is None:
        found, source = float(_MESSAGES * len(recent)), _DERIVED
    return [period.used("SQS", found, "requests", "sqs request", source)]


def _ledger(target: Target, period: Period, recent: list[Item]) -> list[Line]:
    table, source = target.outputs["LedgerTableName"], _MEASURED
    units = {
        name: _sum(target, period, "AWS/DynamoDB", f"Consumed{name}CapacityUnits", TableName=table)
        for name in ("Write", "Read")
    }
    written = units["Write"]
    if written is None:
        written, source = float(_WRITES * len(recent)), _DERIVED
    told = target.client("dynamodb").describe_table(TableName=table)["Table"]
    size = told.get("TableSizeBytes", 0) / _GB
    return [
        period.used("DynamoDB, writes", written, "units", "dynamodb write", source),
        period.used("DynamoDB, reads", units["Read"], "units", "dynamodb read", _MEASURED),
        period.held("DynamoDB, ledger", size, "GB", "dynamodb GB-month"),
        period.held("DynamoDB, its backups", size, "GB", "dynamodb GB-month backup"),
    ]


def _queries(target: Target, period: Period) -> list[Line]:
    lines = []
    for output, what in (
        ("AthenaWorkGroupName", "queries of people"),
        ("BuildersWorkGroupName", "models and others"),
    ):
        if output in target.outputs:
            read = scanned(target, target.outputs[output], period.start)
            lines.append(
                period.used(
                    f"Athena, {what}",
                    None if read is None else read / _TB,
                    "TB",
                    "athena TB",
                    _MEASURED,
                )
            )
    return lines


def scanned(target: Target, group: str, since: datetime) -> float | None:
    """Add up the bytes that Athena bills: 10 MB at least for each query that reads.

    None where there are too many queries to look at each.
    """
    total = 0.0
    for count, one in enumerate(_executions(target, group), 1):
        if one["Status"]["SubmissionDateTime"] < since:
            # The newest come first.
            break
        if count > _QUERIES:
            return None
        # DDL and queries that failed cost nothing (Athena pricing).
        read = one.get("Statistics", {}).get("DataScannedInBytes", 0)
        if one.get("StatementType", "DML") == "DML" and one["Status"]["State"] != "FAILED" and read:
            total += max(read, prices.QUERY_MINIMUM)
    return total


def _executions(target: Target, group: str) -> Iterator[dict[str, Any]]:
    client: Any = target.client("athena")
    pages = client.get_paginator("list_query_executions").paginate(WorkGroup=group)
    ids = (one for page in pages for one in page["QueryExecutionIds"])
    while batch := list(islice(ids, _BATCH)):
        found = client.batch_get_query_execution(QueryExecutionIds=batch)["QueryExecutions"]
        known = {one["QueryExecutionId"]: one for one in found}
        yield from (known[name] for name in batch if name in known)


def _crawls(target: Target, period: Period) -> list[Line]:
    client: Any = target.client("glue")
    hours: float | None = 0.0
    more: dict[str, Any] = {"CrawlerName": target.outputs["GlueCrawlerName"], "MaxResults": 1000}
    try:
        while more:
            page = client.list_crawls(**more)
            hours = (hours or 0.0) + sum(
                one.get("DPUHour", 0) for one in page["Crawls"] if one["StartTime"] >= period.start
            )
            more = {**more, "NextToken": page["NextToken"]} if "NextToken" in page else {}
    except (ClientError, BotoCoreError):
        # A lake on a machine keeps no list of crawls.
        hours = None
    return [period.used("Glue, crawls", hours, "DPU-hours", "glue DPU-hour", _MEASURED)]


def _logs(target: Target, period: Period) -> list[Line]:
    groups = [f"/aws/lambda/{one}" for one in functions_of(target.outputs).values()]
    told = _added(
        *(_sum(target, period, "AWS/Logs", "IncomingBytes", LogGroupName=one) for one in groups)
    )
    held = 0.0
    for group in groups:
        answer = target.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        held += sum(one.get("storedBytes", 0) for one in answer if one["logGroupName"] == group)
    return [
        period.used(
            "Logs, written", None if told is None else told / _GB, "GB", "logs GB", _MEASURED
        ),
        period.held("Logs, kept", held / _GB, "GB", "logs GB-month"),
    ]


def _watching(target: Target, period: Period) -> list[Line]:
    prefix = target.outputs["LedgerTableName"].removesuffix("-ledger")
    client: Any = target.client("cloudwatch")
    pages = client.get_paginator("list_metrics").paginate(Namespace=prefix)
    metrics = sum(len(page["Metrics"]) for page in pages)
    alarms = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{prefix}-")
    count = sum(len(page["MetricAlarms"]) for page in alarms)
    return [
        period.held("CloudWatch, metrics", metrics, "metrics", "metric month"),
        period.held("CloudWatch, alarms", count, "alarms", "alarm month"),
    ]
