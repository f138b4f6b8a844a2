"""The command `lake doctor`: look at everything that a lake needs, and say what to do.

Every check is a function that gives findings. One that AWS refuses to answer is a warning: what one
may not ask is not known to be well.
"""

from __future__ import annotations

import platform
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from lake import health, render
from lake.context import err, state_folder
from lake.crawl import twins
from lake.errors import LakeCommandError
from lake.files import show_lines
from lake.local.python import of_functions
from lake.messages import DEAD_LETTERS, dead_letters
from lake.project import project_root
from lake.tables import tables_of
from lake.trouble import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from lake.context import Choice
    from lake.target import Target

#: Seconds of the log that count, and until drift is known.
_RECENT, _DRIFT = 900, 90

#: Seconds that a message may wait before somebody looks.
_OLD = 900

#: Bytes that a local lake needs to be left on the disk.
_LEFT = 2 << 30

#: What a build and every command need.
_PACKAGES = ("boto3", "aws-sam-cli", "duckdb", "data-lake")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    level : str
        ``ok``, ``warn`` or ``bad``.
    what, said : str
        What was looked at, and what was found.
    then : str
        What to do; empty where nothing.
    """

    level: str
    what: str
    said: str
    then: str = ""


@click.command()
@click.option(
    "--drift/--no-drift", default=True, show_default=True, help="Ask for the stack's drift."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def doctor(choice: Choice, drift: bool, as_json: bool) -> None:
    """Look at credentials, versions, stack, quotas, tables, functions and queues of a lake.

    Exits with 1 where something is bad.
    """
    target = choice.target()
    found: list[Finding] = []
    with err.status("Looking…"):
        for what, check in _checks(drift):
            found += asked(what, check, target)
            if what in ("credentials", "stack") and any(
                one.level == "bad" and one.what == what for one in found
            ):
                # Nothing that follows could be told from it.
                break
    if as_json:
        render.show_json([asdict(one) for one in found])
    else:
        for one in found:
            then = f" {one.then}" if one.then else ""
            line = f"{one.level:<4} {one.what}: {one.said}{then}"
            style = {"warn": "yellow", "bad": "bold red"}.get(one.level, "")
            show_lines([line], first="", others=" " * 5, style=style)
    if any(one.level == "bad" for one in found):
        sys.exit(1)


def _checks(drift: bool) -> list[tuple[str, Callable[[Target], list[Finding]]]]:
    return [
        ("credentials", credentials),
        ("versions", versions),
        ("stack", stack),
        ("template", template),
        *([("drift", drifted)] if drift else []),
        ("function", functions),
        ("quota", concurrency),
        ("quota", athena),
        ("queues", queues),
        ("tables", catalog),
        ("disk", disk),
    ]


def asked(what: str, check: Callable[[Target], list[Finding]], target: Target) -> list[Finding]:
    """Make a check; say as a warning that AWS did not answer."""
    try:
        return check(target)
    except (ClientError, BotoCoreError, LakeCommandError) as error:
        level = "bad" if what == "credentials" else "warn"
        return [Finding(level, what, f"could not be asked. {explain(error) or error}")]


def credentials(target: Target) -> list[Finding]:
    """Say who asks, and where."""
    caller = target.client("sts").get_caller_identity()
    where = target.endpoint or f"region {target.session.region_name}"
    said = f"{caller['Arn']} in account {caller['Account']}, {where}"
    return [Finding("ok", "credentials", said)]


def versions(_: Target) -> list[Finding]:
    """Say what is installed here, and with which Python a build makes the functions."""
    told = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            told.append(f"no {name}")
    found = [Finding("ok", "versions", ", ".join(told))]
    try:
        root = project_root(Path.cwd())
    except LakeCommandError:
        # Nothing is built outside of a clone.
        return found
    try:
        found.append(Finding("ok", "python of the functions", of_functions(root, fetch=False)))
    except LakeCommandError as error:
        found.append(Finding("warn", "python of the functions", "none is found", str(error)))
    return found


def stack(target: Target) -> list[Finding]:
    """Say in what state the stack is."""
    found = target.stack()
    if said := health.of_stack(found, target.stack_name):
        return [Finding("bad", "stack", said[0])]
    status = str((found or {})["StackStatus"])
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return [
            Finding(
                "warn",
                "stack",
                f"{target.stack_name} is in {status}: the last deployment failed, and what was "
                "there before works.",
                "`lake deploy` tries again, and says why.",
            )
        ]
    return [Finding("ok", "stack", f"{target.stack_name} is in {status}")]


def template(target: Target) -> list[Finding]:
    """Compare the deployed template with that of this folder, by what they declare."""
    from samcli.yamlhelper import yaml_parse

    answer = target.client("cloudformation").get_template(
        StackName=target.stack_name, TemplateStage="Original"
    )["TemplateBody"]
    deployed: Any = yaml_parse(answer) if isinstance(answer, str) else answer
    text = (project_root(Path.cwd()) / "template.yaml").read_text(encoding="utf-8")
    here: Any = yaml_parse(text)
    lines = []
    for part in ("Parameters", "Resources"):
        new, old = set(here[part]) - set(deployed[part]), set(deployed[part]) - set(here[part])
        lines += [f"{part.lower()} only here: {', '.join(sorted(new))}"] if new else []
        lines += [f"{part.lower()} only deployed: {', '.join(sorted(old))}"] if old else []
    if not lines:
        return [Finding("ok", "template", "the deployed one declares what this folder's does")]
    then = "`lake deploy` deploys this folder's; if it is the older one, update the folder first."
    return [Finding("warn", "template", "; ".join(lines) + ".", then)]


def drifted(target: Target) -> list[Finding]:
    """Ask CloudFormation which resources somebody changed beside it."""
    client: Any = target.client("cloudformation")
    number = client.detect_stack_drift(StackName=target.stack_name)["StackDriftDetectionId"]
    deadline = time.monotonic() + _DRIFT
    while True:
        told = client.describe_stack_drift_detection_status(StackDriftDetectionId=number)
        if told["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        if time.monotonic() > deadline:
            return [Finding("warn", "drift", f"not known after {_DRIFT} s.", "Ask again later.")]
        time.sleep(1)
    pages = client.describe_stack_resource_drifts(
        StackName=target.stack_name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
    )
    found = [
        f"{one['LogicalResourceId']} ({one['StackResourceDriftStatus'].lower()})"
        for one in pages["StackResourceDrifts"]
    ]
    if not found:
        return [Finding("ok", "drift", "nobody changed a resource beside the stack")]
    then = (
        f"`aws cloudformation describe-stack-resource-drifts --stack-name {target.stack_name}` "
        "says what; change the template, or set it back."
    )
    return [Finding("warn", "drift", f"changed beside the stack: {', '.join(found)}.", then)]


def functions(target: Target) -> list[Finding]:
    """Say what keeps functions from working."""
    found = []
    for name in health.functions_of(target.outputs).values():
        said = health.of_function(target, name, time.time() - _RECENT)
        found += [Finding("bad", "function", one) for one in said]
        if not said:
            found.append(Finding("ok", "function", f"{name} can work"))
    return found


def concurrency(target: Target) -> list[Finding]:
    """Compare what the queues may start with what Lambda gives the account."""
    client: Any = target.client("lambda")
    limits = client.get_account_settings()["AccountLimit"]
    free = int(limits.get("UnreservedConcurrentExecutions", limits["ConcurrentExecutions"]))
    wanted = sum(
        int(one.get("ScalingConfig", {}).get("MaximumConcurrency", 0))
        for name in health.functions_of(target.outputs).values()
        for one in client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    )
    said = f"Lambda runs {free:,} unreserved invocations at once, the lake wants up to {wanted:,}"
    if wanted <= free:
        return [Finding("ok", "quota", said)]
    then = "Lower MaximumConcurrency, or ask for a higher quota of Lambda."
    return [Finding("warn", "quota", f"{said}: it will be throttled.", then)]


def athena(target: Target) -> list[Finding]:
    """Say how many queries Athena runs at once."""
    if target.endpoint:
        # A lake on a machine has no quotas.
        return []
    pages = target.client("service-quotas").get_paginator("list_service_quotas")
    found = [
        one
        for page in pages.paginate(ServiceCode="athena")
        for one in page["Quotas"]
        if "DML" in one["QuotaName"] and "Active" in one["QuotaName"]
    ]
    if not found:
        return [Finding("warn", "quota", "Athena's is not known here.")]
    return [
        Finding(
            "ok",
            "quota",
            f"Athena runs {found[0]['Value']:.0f} queries at once; the curator begins up to 5 runs",
        )
    ]


def queues(target: Target) -> list[Finding]:
    """Count dead letters, and say how long messages have waited."""
    found = []
    for output in DEAD_LETTERS:
        count = dead_letters(target, output)
        name = target.outputs[output].rpartition("/")[2]
        then = "`lake logs --since 2h` says why; `lake redrive` sends them back once it is mended."
        found.append(
            Finding("bad", "queues", f"{name} has {count:,} dead letters.", then)
            if count
            else Finding("ok", "queues", f"{name} is empty")
        )
    now = datetime.now(UTC)
    for output in ("IngestQueueUrl", "CurateQueueUrl"):
        name = target.outputs[output].rpartition("/")[2]
        points = target.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": name}],
            StartTime=now - timedelta(seconds=_RECENT),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        if not points:
            continue
        age = max(points, key=lambda one: one["Timestamp"])["Maximum"]
        said = f"the oldest message of {name} has waited for {age:,.0f} s"
        then = "`lake status` says whether the function takes messages."
        found.append(
            Finding("warn", "queues", f"{said}.", then)
            if age > _OLD
            else Finding("ok", "queues", said)
        )
    return found


def catalog(target: Target) -> list[Finding]:
    """Find tables that the crawler made beside others, or does not maintain."""
    tables = tables_of(target)
    doubled = twins(list(tables))
    old = [n for n, t in tables.items() if "DEPRECATED_BY_CRAWLER" in (t.get("Parameters") or {})]
    found = []
    if doubled:
        then = "Drop them: the lake's own tables have these rows."
        said = f"the crawler made tables beside others: {', '.join(sorted(doubled))}."
        found.append(Finding("warn", "tables", said, then))
    if old:
        then = "`lake reconcile` says whether rows are read."
        said = f"the crawler does not maintain {', '.join(sorted(old))}."
        found.append(Finding("warn", "tables", said, then))
    return found or [Finding("ok", "tables", f"{len(tables):,} tables, none of them a twin")]


def disk(target: Target) -> list[Finding]:
    """Say whether a lake on this machine has room."""
    folder = state_folder()
    running = folder.last()
    if running is None or target.endpoint != running.endpoint:
        return []
    left = shutil.disk_usage(folder.path).free
    said = f"{left / 1e9:,.1f} GB are left in {folder.path}"
    if left > _LEFT:
        return [Finding("ok", "disk", said)]
    return [Finding("bad", "disk", f"{said}.", "Free some, or let LAKE_STATE_DIR name another.")]
