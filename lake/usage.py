"""What a lake used and holds, each figure from where it is known best, and priced.

What AWS does not tell is derived from the ledger, or is unknown; nothing is guessed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lake import ledger
from lake.health import functions_of
from lake.prices import BYTES, DERIVED, MEASURED, QUERY_MINIMUM, Line, Period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lake.ledger import Item
    from lake.target import Target

_GB, _TB = BYTES["GB"], BYTES["TB"]

#: So many queries and object versions are looked at; of more, only metrics tell.
_QUERIES, _VERSIONS = 5_000, 100_000

#: So many queries BatchGetQueryExecution takes (Athena API Reference).
_BATCH = 50

#: What services answer to somebody who lacks a right.
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})

#: Calls for an object, beside those of its rows
#: (docs/explanation/performance.md, "What a small object costs").
_WRITES, _MESSAGES = 3, 4


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
        period.used("S3, uploads", len(recent), "objects", "s3 put", DERIVED),
        period.used("S3, objects read", len(recent), "objects", "s3 get", DERIVED),
        period.used("S3, files written", files, "files", "s3 put", DERIVED),
        period.used("Glue, tables read", len(recent), "requests", "glue request", DERIVED),
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
        source = MEASURED
        if count is None and what == "processor":
            # Tries that failed, and the schedule, are not in it.
            count, source = float(len(recent)), DERIVED
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
    source = MEASURED
    if found is None:
        found, source = float(_MESSAGES * len(recent)), DERIVED
    return [period.used("SQS", found, "requests", "sqs request", source)]


def _ledger(target: Target, period: Period, recent: list[Item]) -> list[Line]:
    table, source = target.outputs["LedgerTableName"], MEASURED
    units = {
        name: _sum(target, period, "AWS/DynamoDB", f"Consumed{name}CapacityUnits", TableName=table)
        for name in ("Write", "Read")
    }
    written = units["Write"]
    if written is None:
        written, source = float(_WRITES * len(recent)), DERIVED
    told = target.client("dynamodb").describe_table(TableName=table)["Table"]
    size = told.get("TableSizeBytes", 0) / _GB
    return [
        period.used("DynamoDB, writes", written, "units", "dynamodb write", source),
        period.used("DynamoDB, reads", units["Read"], "units", "dynamodb read", MEASURED),
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
                    MEASURED,
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
            total += max(read, QUERY_MINIMUM)
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
    return [period.used("Glue, crawls", hours, "DPU-hours", "glue DPU-hour", MEASURED)]


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
            "Logs, written", None if told is None else told / _GB, "GB", "logs GB", MEASURED
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
