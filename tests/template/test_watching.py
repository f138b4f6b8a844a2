"""What watches the lake: every alarm looks at a metric that there is, and says what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Tree = dict[str, Any]


def _alarms(translated: Tree) -> dict[str, Tree]:
    found = translated["Resources"].values()
    alarms = [one["Properties"] for one in found if one["Type"] == "AWS::CloudWatch::Alarm"]
    named = {alarm["AlarmName"]["Fn::Sub"].removeprefix("${Prefix}-"): alarm for alarm in alarms}
    assert len(named) == len(alarms)
    return named


def _anchors(page: str) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_alarm_says_what_to_do_and_where_to_read_on(root: Path, translated: Tree) -> None:
    page = root / "docs" / "how-to" / "runbook.md"
    headings = _anchors(page.read_text(encoding="utf-8")) if page.exists() else None
    for name, alarm in _alarms(translated).items():
        said = alarm["AlarmDescription"]["Fn::Sub"]
        found = re.fullmatch(r"[A-Z].+\. \$\{RunbookUrl\}#([a-z-]+)", said)
        assert found, (name, said)
        # CloudWatch takes 1,024 characters, an address among them.
        assert len(said) < 600, name
        assert headings is None or found[1] in headings, (name, found[1])


def test_alarms_are_silent_where_nothing_is_counted_and_tell_who_wants_to_know(
    translated: Tree,
) -> None:
    topic = {"Fn::If": ["TellsAlarms", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]}
    for name, alarm in _alarms(translated).items():
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold", name
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], name


@pytest.mark.parametrize(
    "alarm",
    [
        *("dead-letters", "curate-dead-letters", "processor-errors", "curator-errors"),
        *("workers-lost", "records-lost", "defects", "refresh-failures"),
        *("recorder-dead-letters", "recorder-errors"),
    ],
)
def test_these_alarms_ring_at_the_first(translated: Tree, alarm: str) -> None:
    found = _alarms(translated)[alarm]
    assert (found["Threshold"], found["EvaluationPeriods"], found["Period"]) == (0, 1, 300)


@pytest.mark.parametrize(
    ("alarm", "parameter"),
    [
        ("ingest-age", "AlarmAgeSeconds"),
        ("curate-age", "AlarmAgeSeconds"),
        ("refused", "AlarmRefusedPercent"),
    ],
)
def test_what_is_too_much_is_a_parameter(translated: Tree, alarm: str, parameter: str) -> None:
    assert _alarms(translated)[alarm]["Threshold"] == {"Ref": parameter}


def test_every_queue_has_an_alarm(translated: Tree) -> None:
    """On what lies in it where nothing should; on its age where something may."""
    resources = translated["Resources"]
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]: alarm["MetricName"]
        for alarm in _alarms(translated).values()
        if alarm["Namespace"] == "AWS/SQS"
    }
    queues = {name for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"}
    assert set(watched) == queues
    for name, metric in watched.items():
        dead = "RedrivePolicy" not in resources[name]["Properties"]
        lying, waiting = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
        assert metric == (lying if dead else waiting), name


def test_every_function_has_alarms_on_errors_and_throttles(translated: Tree) -> None:
    watched = {
        (alarm["Dimensions"][0]["Value"]["Ref"], alarm["MetricName"])
        for alarm in _alarms(translated).values()
        if alarm["Namespace"] == "AWS/Lambda" and alarm["MetricName"] != "IteratorAge"
    }
    resources = translated["Resources"].items()
    functions = [name for name, one in resources if one["Type"] == "AWS::Lambda::Function"]
    assert watched == {(name, metric) for name in functions for metric in ("Errors", "Throttles")}


def test_what_is_behind_the_ledger_rings_long_before_it_is_lost(translated: Tree) -> None:
    alarm = _alarms(translated)["recorder-age"]
    assert alarm["MetricName"] == "IteratorAge"
    # Milliseconds; a stream keeps its records for 24 hours.
    assert alarm["Threshold"] <= 3_600_000


def test_alarms_on_metrics_of_the_lake_name_what_the_code_counts(
    root: Path, translated: Tree
) -> None:
    services = {
        variables["POWERTOOLS_SERVICE_NAME"]: variables["POWERTOOLS_METRICS_NAMESPACE"]
        for one in translated["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function"
        for variables in [one["Properties"]["Environment"]["Variables"]]
    }
    for name, alarm in _alarms(translated).items():
        if isinstance(alarm["Namespace"], str):
            assert alarm["Namespace"] in ("AWS/SQS", "AWS/Lambda")
            continue
        ((dimension, service),) = [tuple(one.values()) for one in alarm["Dimensions"]]
        assert dimension == "service"
        assert services[service] == alarm["Namespace"], name
        code = "".join(path.read_text() for path in (root / "src" / service).glob("*.py"))
        assert f'"{alarm["MetricName"]}"' in code, name


def test_only_alarms_of_the_lake_may_publish_and_only_encrypted(translated: Tree) -> None:
    resources = translated["Resources"]
    for name in ("AlarmTopic", "AlarmTopicPolicy"):
        assert resources[name]["Condition"] == "TellsAlarms"
    assert translated["Conditions"]["TellsAlarms"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]
    }
    allow, deny = resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Action"] == "sns:Publish"
    assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (source,) = allow["Condition"]["ArnLike"].values()
    assert source["Fn::Sub"].endswith(":alarm:${Prefix}-*")
    assert (deny["Effect"], deny["Principal"]) == ("Deny", "*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    ("address", "taken"),
    [("", True), ("data@example.com", True), ("no address", False), ("@", False)],
)
def test_an_address_is_none_or_one(template: Tree, address: str, taken: bool) -> None:  # a case
    pattern = template["Parameters"]["AlarmEmail"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, address)) is taken


def test_every_metric_is_explained_and_every_one_that_is_explained_is_counted(root: Path) -> None:
    sources = [path.read_text(encoding="utf-8") for path in (root / "src").glob("*/*.py")]
    spelled = r'add_metric\(\s*"(\w+)"|\("(\w+)", "\w+", MetricUnit|told\["(\w+)"\] = \('
    found = re.findall(spelled, "".join(sources))
    counted = {name for names in found for name in names if name}
    page = (root / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    section = page.partition("## What metrics cost")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", section)) - {"Prefix"}
    verdicts = {name for name in named if name.startswith("Objects")}
    assert named - verdicts == counted - verdicts
    assert {"RecordsLost", "WorkersLost", "Freshness", "RefreshFailures"} <= counted


def _dashboard(translated: Tree) -> Tree:
    """The dashboard's body, with a word for each thing that is only known when it is deployed."""
    body = translated["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    filled = re.sub(r"\$\{(?!!)([\w.:]+)\}", r"\1", body)
    parsed: Tree = json.loads(filled.replace("${!", "${"))
    return parsed


def test_no_widget_of_the_dashboard_covers_another(translated: Tree) -> None:
    taken: dict[tuple[int, int], int] = {}
    for number, one in enumerate(_dashboard(translated)["widgets"]):
        assert one["x"] + one["width"] <= 24
        for x in range(one["x"], one["x"] + one["width"]):
            for y in range(one["y"], one["y"] + one["height"]):
                assert taken.setdefault((x, y), number) == number, one
    # No hole either: a reader takes one for something that is missing.
    assert len(taken) == 24 * (1 + max(y for _, y in taken))


def test_the_dashboard_shows_every_alarm(translated: Tree) -> None:
    (widget,) = [w for w in _dashboard(translated)["widgets"] if w["type"] == "alarm"]
    shown = [arn.rpartition(":alarm:Prefix-")[2] for arn in widget["properties"]["alarms"]]
    assert sorted(shown) == sorted(_alarms(translated))


def test_the_dashboard_shows_metrics_that_there_are(root: Path, translated: Tree) -> None:
    page = (root / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    by_dataset = page.partition("## Of one dataset")[2].partition("##")[0]
    searched, counted = set(), set()
    for widget in _dashboard(translated)["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                found = re.findall(r"\{Prefix,dataset,service\} MetricName=\"(\w+)\"", str(metric))
                searched |= {*found}
            elif metric[0] == "Prefix":
                counted.add(metric[1])
    assert searched == set(re.findall(r"`([A-Z]\w+)`", by_dataset))
    assert counted <= set(re.findall(r"`([A-Z]\w+)`", page))
    assert {"ObjectsDone", "RecordsLost", "PartitionsRefreshed"} <= counted


def test_the_dashboard_uses_only_what_it_defines(translated: Tree) -> None:
    for widget in _dashboard(translated)["widgets"]:
        told = [m[-1] for m in widget["properties"].get("metrics", []) if isinstance(m[-1], dict)]
        named = [one["id"] for one in told if "id" in one]
        assert len(named) == len(set(named))
        for one in told:
            used = set(re.findall(r"\b[a-z]\d\b", one.get("expression", "")))
            assert used <= set(named), one
