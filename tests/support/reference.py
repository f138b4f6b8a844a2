"""Writes what the pages of reference have from code and template: ``make reference``.

Each part stands between ``<!-- written: NAME -->`` and ``<!-- /written -->``; the words around it
are written by hand.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from samcli.yamlhelper import parse_yaml_file

from lake import manual
from store.entry import Entry
from store.model import Status
from store.runs import Commit
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FOLDER = ROOT / "docs" / "reference"

Tree = dict[str, Any]

#: What the template's names of queues and functions are called.
_CALLED = {
    "IngestQueue": "ingest queue",
    "DeadLetterQueue": "dead-letter queue",
    "CurateQueue": "curate queue",
    "CurateDeadLetterQueue": "dead-letter queue of the curate queue",
    "RecorderDeadLetterQueue": "dead-letter queue of the recorder",
    "ProcessorFunction": "ingest function",
    "CuratorFunction": "curator",
    "RecorderFunction": "recorder",
}

#: What is measured of them.
_MEASURED = {
    "ApproximateNumberOfMessagesVisible": "messages in the {}",
    "ApproximateAgeOfOldestMessage": "seconds that the oldest message of the {} has waited",
    "Errors": "errors of the {}",
    "Throttles": "throttles of the {}",
    "IteratorAge": "milliseconds that the {} is behind",
    "RefusedPercent": "`RefusedPercent`, the average",
}


def page(path: Path) -> str:
    """Write a page anew: its own words, and between them what code and template say."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}\n{WRITTEN[found[2]]().strip()}\n{found[3]}"

    text = path.read_text(encoding="utf-8")
    spelled = r"(<!-- written: ([\w ]+) -->\n).*?(<!-- /written -->)"
    text = re.sub(spelled, part, text, flags=re.DOTALL)
    before, mark, _ = text.partition(manual.MARK)
    return before + (mark + manual.reference() if mark else "")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = [*head]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _template() -> Tree:
    read: Tree = parse_yaml_file(str(ROOT / "template.yaml"))
    return read


def parameters() -> str:
    """Say of each parameter what it is, its default and what it can be, by group."""
    template = _template()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    parts = []
    for group in groups:
        rows = []
        for name in group["Parameters"]:
            said = template["Parameters"][name]
            default = str(said["Default"])
            rows.append(
                (
                    f"`{name}`",
                    f"`{default}`" if default else "none",
                    said["ConstraintDescription"].rstrip("."),
                    said["Description"],
                )
            )
        head = ("parameter", "default", "can be", "what it is")
        parts.append(f"### {group['Label']['default']}\n\n{_table(head, rows)}")
    return "\n".join(parts)


def outputs() -> str:
    """Say of each output what it is."""
    said = _template()["Outputs"].items()
    return _table(("output", "what it is"), ((f"`{k}`", v["Description"]) for k, v in said))


def columns(table: str) -> str:
    """Say of each column of one of the lake's own tables what it holds."""
    (told,) = (
        one["Properties"]["TableInput"]
        for one in _template()["Resources"].values()
        if one["Type"] == "AWS::Glue::Table" and one["Properties"]["TableInput"]["Name"] == table
    )
    every = (*told["StorageDescriptor"]["Columns"], *told["PartitionKeys"])
    rows = ((f"`{one['Name']}`", f"`{one['Type']}`", one["Comment"]) for one in every)
    return _table(("column", "type", "what it holds"), rows)


def alarms() -> str:
    """Say of each alarm when it rings, what that means and what to do."""
    rows = []
    for one in _template()["Resources"].values():
        if one["Type"] != "AWS::CloudWatch::Alarm":
            continue
        said = one["Properties"]
        name = said["AlarmName"]["Fn::Sub"].removeprefix("${Prefix}-")
        words, _, place = said["AlarmDescription"]["Fn::Sub"].partition("${RunbookUrl}")
        link = f"[`{name}`](../how-to/runbook.md{place.strip()})"
        rows.append((link, _rings(said), words.strip()))
    return _table(("alarm", "rings when", "what it means, and what to do"), rows)


def _rings(alarm: Tree) -> str:
    (dimension,) = alarm["Dimensions"]
    # Of a function `Ref` names it, of a queue `Fn::GetAtt`, which names an attribute, too.
    (named,) = dimension["Value"].values() if dimension["Name"] != "service" else ("",)
    logical = named if isinstance(named, str) else named[0]
    metric, threshold = alarm["MetricName"], alarm["Threshold"]
    what = _MEASURED.get(metric, f"`{metric}`").format(_CALLED.get(logical, ""))
    limit = f"`{threshold['Ref']}`" if isinstance(threshold, dict) else f"{threshold:,}"
    times = alarm["EvaluationPeriods"]
    more = f", {times} times in a row" if times > 1 else ""
    return f"{what}: more than {limit} in {alarm['Period'] // 60} minutes{more}"


def event() -> str:
    """Show an event as the recorder makes it."""
    entry = Entry(
        version="Kz3v8kRr1d0Ad4uZ",
        verdict=Status.PARTIAL,
        outputs=("processed/orders/date_partition=2024-01-15/a.parquet",),
        facts={
            "dataset": "orders",
            "records_read": 500,
            "records_accepted": 498,
            "records_quarantined": 2,
        },
    )
    key, at = "data/orders/2024-01-15.json", "2024-01-15T10:00:02.118+00:00"
    detail = Commit("data-lake-raw-123456789012-eu-west-1", key, at, entry).event()
    told = {"source": "data-lake", "detail-type": "Dataset changed", "detail": detail}
    return f"```json\n{json.dumps(told, indent=2)}\n```"


WRITTEN: dict[str, Callable[[], str]] = {
    "parameters": parameters,
    "outputs": outputs,
    "columns of quarantine": lambda: columns("quarantine"),
    "columns of objects": lambda: columns("objects"),
    "columns of lake_runs": lambda: columns("lake_runs"),
    "alarms": alarms,
    "event": event,
}


if __name__ == "__main__":
    for one in sorted(FOLDER.glob("*.md")):
        one.write_text(page(one), encoding="utf-8")
