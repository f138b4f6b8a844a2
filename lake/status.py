"""The command `lake status`: what is in a lake right now, how fast it flows, and what is wrong."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import click
from rich.live import Live
from rich.text import Text

from lake import health, layout, logs, render
from lake.context import err, out
from lake.files import show_lines
from lake.messages import DEAD_LETTERS, dead_letters
from lake.overview import is_shown
from lake.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lake.context import Choice
    from lake.logs import Line
    from lake.target import Target

#: Seconds of the log from which the flow is told, and in which trouble counts.
_WINDOW, _RECENT = 60, 900

#: Seconds between two looks: at queues and log, and at functions.
_TICK, _HEALTH = 2, 15

#: How many times longer than counting the ledger takes is waited until it is counted again.
_LEDGER = 50

#: So many files are shown.
_FILES = 8


@dataclass(frozen=True)
class File:
    """An object that was ingested a moment ago.

    Attributes
    ----------
    key, status : str
        The raw key, and what became of it.
    read, refused : int
        Records.
    reason : str
        Why it, or its first refused record, was refused.
    """

    key: str
    status: str
    read: int
    refused: int
    reason: str = ""


@dataclass(frozen=True)
class Flow:
    """What the ingest function did in the last minute.

    Attributes
    ----------
    seconds : int
        Of how long this tells.
    rows_a_second : float
        Records read.
    files : list of File
        The newest first.
    reasons : dict of str to int
        Objects by the reason for which something of them was refused, or failed.
    """

    seconds: int
    rows_a_second: float
    files: list[File]
    reasons: dict[str, int]

    @property
    def rows(self) -> int:
        """Count the records that were read."""
        return round(self.rows_a_second * self.seconds)


@dataclass(frozen=True)
class Status:
    """The lake at one look.

    Attributes
    ----------
    objects : dict of str to int
        Raw objects by their state in the ledger.
    waiting, in_flight, dead : int
        Messages to be taken, being worked on, given up.
    tables : dict of str to int
        Columns of each table.
    crawler : str
        State of the crawler.
    flow : Flow
        The last minute.
    troubles : list of str
        What keeps the lake from working, with what to do.
    """

    objects: dict[str, int]
    waiting: int
    in_flight: int
    dead: int
    tables: dict[str, int]
    crawler: str
    flow: Flow = field(default_factory=lambda: Flow(_WINDOW, 0.0, [], {}))
    troubles: list[str] = field(default_factory=list)


@click.command()
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--json", "as_json", is_flag=True, help="For programs; with --watch an object a line."
)
@render.listing
@click.pass_obj
def status(choice: Choice, watch: bool, as_json: bool) -> None:
    """Say what is in the lake, what flows, and what keeps it from working."""
    target = choice.target()
    if watch:
        _watch(target, as_json=as_json)
        return
    seen = look(target)
    if as_json:
        render.show_json(asdict(seen))
        return
    rows: list[list[object]] = [["objects", k, v] for k, v in seen.objects.items()]
    rows += [
        ["messages", "waiting", seen.waiting],
        ["messages", "in flight", seen.in_flight],
        ["messages", "dead letters", seen.dead],
        ["last minute", "rows read", seen.flow.rows],
    ]
    rows += [["refused in the last minute", k, v] for k, v in seen.flow.reasons.items()]
    rows += [["tables", "`lake tables` lists them", len(seen.tables)]]
    rows += [["crawler", seen.crawler, ""]]
    render.show_table(out, ["what", "which", "count"], rows, [False, False, True])
    if seen.troubles:
        err.print("What is wrong:", style="bold red")
        for one in seen.troubles:
            err.print(f"  {one}")
    if seen.dead:
        show_lines(["`lake redrive` sends dead letters back, once their cause is mended."])


def look(target: Target) -> Status:
    """Count what is in a lake, and ask how it is."""
    glue, outputs = target.client("glue"), target.outputs
    tables = {
        name: len(table["StorageDescriptor"]["Columns"])
        for name, table in tables_of(target).items()
        if is_shown(name, table)
    }
    now = time.time()
    return Status(
        _objects(target),
        *_messages(target),
        dict(sorted(tables.items())),
        str(glue.get_crawler(Name=outputs["GlueCrawlerName"])["Crawler"]["State"]),
        flow_of(logs.read(target, now - _WINDOW, "processor")),
        health.troubles(target, now - _RECENT),
    )


def _objects(target: Target) -> dict[str, int]:
    scan = target.client("dynamodb").get_paginator("scan")
    objects = Counter(
        item["status"]["S"]
        for page in scan.paginate(
            TableName=target.outputs["LedgerTableName"],
            ProjectionExpression="#s",
            ExpressionAttributeNames={"#s": "status"},
        )
        for item in page["Items"]
        # The state of a model has none.
        if "status" in item
    )
    return dict(sorted(objects.items()))


def _messages(target: Target) -> tuple[int, int, int]:
    told: Any = target.client("sqs").get_queue_attributes(
        QueueUrl=target.outputs["IngestQueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    return (
        int(told["ApproximateNumberOfMessages"]),
        int(told["ApproximateNumberOfMessagesNotVisible"]),
        sum(dead_letters(target, one) for one in DEAD_LETTERS),
    )


def flow_of(lines: Iterable[Line]) -> Flow:
    """Say what the lines of a minute tell of the flow, the oldest first."""
    files, reasons = [], Counter[str]()
    for line in lines:
        told = line.told
        reason = str(told.get("reason", ""))
        first = reason or str(next(iter(told.get("refused", ())), ""))
        if line.message == "object ingested":
            read, refused = (int(told.get(f"records_{n}", 0)) for n in ("read", "quarantined"))
            files.append(File(line.key, str(told.get("status", "")), read, refused, first))
        elif line.message == "message handed back":
            files.append(File(line.key, "FAILED", 0, 0, reason))
        else:
            continue
        reasons.update({*told.get("refused", ()), *([reason] if reason else [])})
    rows = sum(one.read for one in files) / _WINDOW
    return Flow(_WINDOW, rows, files[::-1][:_FILES], dict(reasons.most_common()))


class Watch:
    """Looks at a lake again and again, and asks what is dear less often.

    Parameters
    ----------
    target : Target
        The lake.
    """

    #: Seconds between two looks.
    tick = _TICK

    def __init__(self, target: Target) -> None:
        self._target = target
        self._objects: dict[str, int] = {}
        self._troubles: list[str] = []
        self._asked = self._count_at = 0.0

    def look(self) -> Status:
        """See how it is now; nothing is said of its tables and of the crawler."""
        target, now = self._target, time.time()
        if now > self._count_at:
            self._objects = _objects(target)
            self._count_at = time.time() + _LEDGER * (time.time() - now)
        if now - self._asked > _HEALTH:
            self._troubles, self._asked = health.troubles(target, now - _HEALTH * 4), now
        flow = flow_of(logs.read(target, now - _WINDOW, "processor"))
        return Status(self._objects, *_messages(target), {}, "", flow, self._troubles)


def _watch(target: Target, *, as_json: bool) -> None:
    watch = Watch(target)
    with Live(console=out, auto_refresh=False, screen=False) as live:
        while True:
            seen = watch.look()
            if as_json:
                told = asdict(seen)
                del told["tables"], told["crawler"]
                click.echo(layout.escaped(json.dumps(told, ensure_ascii=False)))
            else:
                live.update(picture(seen), refresh=True)
            time.sleep(watch.tick)


def picture(seen: Status) -> Text:
    """Draw what is watched."""
    lines = [
        f"queue: {seen.waiting:,} waiting, {seen.in_flight:,} in flight, {seen.dead:,} dead",
        f"flow:  {seen.flow.rows:,} rows read in the last minute",
        "objects: " + (", ".join(f"{v:,} {k}" for k, v in seen.objects.items()) or "none"),
    ]
    if seen.flow.reasons:
        lines.append("refused: " + ", ".join(f"{v:,} {k}" for k, v in seen.flow.reasons.items()))
    lines += ["", "last files:" if seen.flow.files else "no file in the last minute"]
    for one in seen.flow.files:
        refused = f", {one.refused:,} refused" if one.refused else ""
        why = f" ({one.reason})" if one.reason else ""
        lines.append(f"  {one.status:<9} {one.key}: {one.read:,} read{refused}{why}")
    text = Text("\n".join(render.plain(line) for line in lines))
    for trouble in seen.troubles:
        text.append(f"\n{render.plain(trouble)}", style="red")
    return text
