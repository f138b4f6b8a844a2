"""The command `lake logs`: what the functions log, in lines that people read."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError

from lake import layout
from lake.context import err, out
from lake.errors import LakeCommandError
from lake.files import Instant
from lake.health import functions_of, log_group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.context import Choice
    from lake.target import Target

#: Seconds between two questions while the log is followed, and for which a line may come late.
_TICK, _LATE = 2.0, 10.0

#: What CloudWatch Logs itself may look for; other keys are looked for here only.
_PLAIN_KEY = re.compile(r"[\w./=-]+")

#: What each line of Powertools has, and nobody reads.
_USUAL = frozenset(
    {
        "level", "location", "message", "timestamp", "service", "cold_start", "function_name",
        "function_memory_size", "function_arn", "function_request_id", "xray_trace_id", "bucket",
        "exception_name", "sequencer", "version", "sampling_rate", "stack_trace", "correlation_id",
    }
)  # fmt: skip

#: Facts that are worth a line only where they are not nothing.
_DULL = ("", "0", "[]", "{}", "False", "None")

_PLATFORM = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START", "XRAY TraceId")


@dataclass(frozen=True)
class Line:
    """One line of a function's log.

    Attributes
    ----------
    at : float
        Seconds since 1970.
    function : str
        ``processor``, ``curator`` or ``recorder``.
    level, message : str
        What it is, and what it says.
    key : str
        The raw key that it is about; empty where it is about none.
    told : dict
        Whatever else it says.
    """

    at: float
    function: str
    level: str
    message: str
    key: str = ""
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Give it as people read it, the time in the zone of this machine."""
        clock = f"{datetime.fromtimestamp(self.at).astimezone():%H:%M:%S}"
        about = f" {self.key}" if self.key else ""
        facts = {k: str(v) for k, v in self.told.items() if str(v) not in _DULL}
        more = "".join(f" {k}={v}" for k, v in facts.items() if k != "exception")
        why = facts.get("exception", "").rpartition("\n")[2]
        line = f"{clock} {self.function} {self.level} {self.message}{about}{more}"
        return f"{line}\n    {why}" if why else line


def parse(event: dict[str, Any], function: str) -> Line | None:
    """Read one event of CloudWatch Logs; None for metrics and what the platform counts."""
    at, said = event["timestamp"] / 1000, str(event["message"]).rstrip()
    if not said or said.startswith(_PLATFORM):
        return None
    try:
        told = json.loads(said) if said.startswith("{") else None
    except ValueError:
        told = None
    if told is None:
        level = "ERROR" if "ERROR" in said or "Task timed out" in said else "-"
        return Line(at, function, level, said)
    if "_aws" in told or "message" not in told:
        return None
    rest = {name: value for name, value in told.items() if name not in _USUAL | {"key"}}
    key = str(told.get("key", ""))
    return Line(at, function, str(told.get("level", "-")), str(told["message"]), key, rest)


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "--function",
    "which",
    type=click.Choice(["processor", "curator", "recorder"]),
    help="Of one function; else of all.",
)
@click.option("--since", type=Instant(), default="15m", show_default=True, help="2024-01-15, 2h.")
@click.option("--key", default="", help="Lines about one raw key.")
@click.option("--json", "as_json", is_flag=True, help="For programs: an object a line.")
@click.pass_obj
def logs(
    choice: Choice, follow: bool, which: str | None, since: str, key: str, as_json: bool
) -> None:
    """Show what the functions logged, the oldest first."""
    target = choice.target()
    began = datetime.fromisoformat(since).timestamp()
    shown = 0
    for line in read(target, began, which, key, follow=follow):
        shown += 1
        if as_json:
            at = datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds")
            told: dict[str, Any] = {"at": at, "function": line.function, "level": line.level}
            told |= {"message": line.message, "key": line.key or None, **line.told}
            click.echo(layout.escaped(json.dumps(told, ensure_ascii=False, default=str)))
        else:
            style = {"ERROR": "red", "WARNING": "yellow"}.get(line.level)
            out.print(line.text, style=style, soft_wrap=True)
    if not shown:
        err.print("Nothing was logged in this time; --since 2h looks further back.")


def read(
    target: Target, since: float, which: str | None = None, key: str = "", *, follow: bool = False
) -> Iterator[Line]:
    """Give lines of the functions' logs, the oldest first.

    Parameters
    ----------
    target : Target
        The lake.
    since : float
        Seconds since 1970.
    which : str, optional
        One function.
    key : str
        Only lines about this raw key.
    follow : bool
        Go on for ever.

    Raises
    ------
    LakeCommandError
        When a log group is not there.
    """
    groups = {
        name: _group(target, function)
        for name, function in functions_of(target.outputs).items()
        if which in (None, name)
    }
    # A line may be found later than one that was written after it.
    known: dict[str, float] = {}
    while True:
        found: list[Line] = []
        for name, group in groups.items():
            for event in _events(target, group, since, key):
                if event["eventId"] in known:
                    continue
                known[event["eventId"]] = event["timestamp"] / 1000
                line = parse(event, name)
                if line and (not key or key in (line.key, line.message) or key in str(line.told)):
                    found.append(line)
        yield from sorted(found, key=lambda line: line.at)
        if not follow:
            return
        time.sleep(_TICK)
        since = max(since, max(known.values(), default=0) - _LATE)
        known = {name: at for name, at in known.items() if at >= since}


def _group(target: Target, function: str) -> str:
    return log_group(target.client("lambda").get_function_configuration(FunctionName=function))


def _events(target: Target, group: str, since: float, key: str) -> Iterator[dict[str, Any]]:
    client: Any = target.client("logs")
    pattern = {"filterPattern": f'"{key}"'} if _PLAIN_KEY.fullmatch(key) else {}
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since * 1000), **pattern
    )
    try:
        for page in pages:
            for number, event in enumerate(page["events"]):
                # Every event of AWS has an id.
                name = f"{event.get('logStreamName')}/{event['timestamp']}/{number}"
                yield {"eventId": name, **event}
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise LakeCommandError(f"There is no log group {group}: `lake deploy` makes it.") from error
