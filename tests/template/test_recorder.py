"""The recorder's part of the template: what it reads, what it may do, what becomes of failures."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aws.events import EventBus
from aws.runs import S3Runs
from recorder.record import Recorder
from recorder.settings import Settings
from store.entry import Attempt, Entry
from store.items import item_of
from store.model import Status
from store.runs import Commit, Row
from tests.support.cloud import PROCESSED, Cloud
from tests.unit.test_runs import FIRST, Bus, _entry

if TYPE_CHECKING:
    from collections.abc import Iterator

Tree = dict[str, Any]


def _properties(translated: Tree, name: str) -> Tree:
    found: Tree = translated["Resources"][name]["Properties"]
    return found


def _mapping(translated: Tree) -> Tree:
    (found,) = (
        one["Properties"]
        for one in translated["Resources"].values()
        if one["Type"] == "AWS::Lambda::EventSourceMapping"
        and one["Properties"]["FunctionName"] == {"Ref": "RecorderFunction"}
    )
    mapping: Tree = found
    return mapping


def _granted(translated: Tree) -> Iterator[tuple[str, str]]:
    (policy,) = _properties(translated, "RecorderRole")["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        resource = statement["Resource"]
        place = resource if isinstance(resource, str) else next(iter(resource.values()))
        told = statement["Action"]
        for action in [told] if isinstance(told, str) else told:
            yield action, place if isinstance(place, str) else place[0]


def test_it_reads_each_write_of_the_ledger_from_the_first(translated: Tree) -> None:
    stream = _properties(translated, "Ledger")["StreamSpecification"]
    assert stream == {"StreamViewType": "NEW_IMAGE"}
    mapping = _mapping(translated)
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["Ledger", "StreamArn"]}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    # Lambda wants a window for batches of more than ten, and takes 10,000 at most.
    assert 10 < mapping["BatchSize"] <= 10_000
    assert mapping["MaximumBatchingWindowInSeconds"] == 60


def test_the_filter_lets_every_commit_through_and_no_attempt(translated: Tree) -> None:
    (found,) = _mapping(translated)["FilterCriteria"]["Filters"]
    pattern = json.loads(found["Pattern"])
    (refused,) = pattern["dynamodb"]["NewImage"]["status"]["S"]
    left_out = set(refused["anything-but"])
    entry = Entry(revision=1, attempts=(Attempt(1, "w", "m", "v", 0, 1),))
    commits = [
        entry.committed(1, verdict, {}, "")
        for verdict in Status
        if verdict not in (Status.PROCESSING, Status.FAILED, Status.SUPERSEDED, Status.DELETED)
    ]
    for done in (*commits, entry.removed()):
        item = item_of("b/k", replace(done, revision=done.committed_at), 1)
        assert Commit.of(item) is not None
        assert item["status"]["S"] not in left_out
    begun = item_of("b/k", Entry(revision=1, attempts=(Attempt(1, "w", "m", "v", 0, 1),)), 1)
    assert begun["status"]["S"] in left_out


def test_what_cannot_be_recorded_holds_nothing_up_and_is_kept(translated: Tree) -> None:
    mapping = _mapping(translated)
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 10_000
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": ["RecorderDeadLetterQueue", "Arn"]
    }
    policy = _properties(translated, "RecorderDeadLetterQueuePolicy")
    assert policy["Queues"] == [{"Ref": "RecorderDeadLetterQueue"}]


def test_it_may_do_what_it_does_and_nothing_else(translated: Tree) -> None:
    granted = dict(_granted(translated))
    cloud, bus, calls = Cloud(), Bus(), set()
    cloud.on_effect = lambda moment: calls.add(moment.partition(" ")[2])
    record = Recorder(S3Runs(cloud.client("s3"), PROCESSED), EventBus(bus, "data-lake"), FIRST)
    record([item_of("b/k", _entry(["2024-01-15"]), 1)])
    assert calls == {"S3.get_object", "S3.put_object"}
    assert bus.calls == [1]
    for action in ("s3:GetObject", "s3:PutObject"):
        place = granted.pop(action).partition("${ProcessedBucket}/")[2]
        assert fnmatchcase(Row("", "", 0, {}).file(FIRST), place)
        assert not fnmatchcase("processed/lake_runs/a", place)
    assert granted.pop("events:PutEvents").endswith(":event-bus/default")
    assert granted.pop("sqs:SendMessage") == "RecorderDeadLetterQueue"
    assert {granted.pop(f"dynamodb:{one}") for one in ("GetRecords", "GetShardIterator")} == {
        "${Ledger.Arn}/stream/*"
    }
    assert set(granted) == {
        *("dynamodb:DescribeStream", "dynamodb:ListStreams", "s3:ListBucket"),
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    }


def test_every_variable_that_it_reads_is_set(translated: Tree) -> None:
    variables = _properties(translated, "RecorderFunction")["Environment"]["Variables"]
    assert Settings.from_environment(dict.fromkeys(variables, "x")).source == "x"
    assert variables["EVENT_SOURCE"] == {"Ref": "Prefix"}


def test_the_table_has_the_columns_that_are_written(translated: Tree) -> None:
    table = _properties(translated, "RunsTable")["TableInput"]
    declared = {one["Name"]: one["Type"] for one in table["StorageDescriptor"]["Columns"]}
    commit = Commit.of(item_of("b/k", _entry(["2024-01-15"]), 1))
    assert commit is not None
    row = json.loads(commit.row().line())
    assert set(declared) == set(row)
    for name, value in row.items():
        if value is not None:
            assert declared[name] == ("bigint" if isinstance(value, int) else "string"), name
    (location,) = table["StorageDescriptor"]["Location"].values()
    folder = Row("", "", 0, {}).file(FIRST).partition("/")[0]
    assert location == f"s3://${{ProcessedBucket}}/{folder}/"
    assert table["Name"] == folder


def test_replaced_files_are_not_kept_for_long(translated: Tree) -> None:
    rules = _properties(translated, "ProcessedBucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = [one for one in rules if one["Id"] == "ExpireReplacedRuns"]
    assert re.match(rule["Prefix"], Row("", "", 0, {}).file(FIRST))
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
