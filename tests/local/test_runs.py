"""On a lake that was deployed: what was committed becomes rows of ``lake_runs``, and events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local

_RULE = "runs"


@pytest.fixture
def queue(local_lake: LocalLake) -> Iterator[str]:
    """A queue of somebody who wants to know of one dataset; and nobody waits for a minute."""
    sqs, events, functions = (local_lake.client(one) for one in ("sqs", "events", "lambda"))
    url: str = sqs.create_queue(QueueName="runs-heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {
        "source": ["data-lake"],
        "detail-type": ["Dataset changed"],
        "detail": {"dataset": ["recorded"]},
    }
    events.put_rule(Name=_RULE, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=_RULE, Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])
    recorder = local_lake.outputs["RecorderFunctionName"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=recorder)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=1)
    yield url
    functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=60)
    events.remove_targets(Rule=_RULE, Ids=["q"])
    events.delete_rule(Name=_RULE)
    sqs.delete_queue(QueueUrl=url)


def test_each_version_has_a_row_that_says_what_the_ledger_says_and_is_told_of(
    local_lake: LocalLake, queue: str
) -> None:
    bodies = {
        "a.json": b'{"id": 1, "date": "2024-01-15"}\n{"id": 2\n',
        "b.json": b'{"id": 3, "date": "2024-02-01"}\n',
        "c.png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    }
    entries = {
        name: local_lake.ingest(f"data/recorded/{name}", body) for name, body in bodies.items()
    }
    first = entries["a.json"]["version"]
    entries["a.json"] = local_lake.ingest(
        "data/recorded/a.json", b'{"id": 4, "date": "2024-01-16"}\n'
    )

    heard: dict[str, dict[str, Any]] = {}

    def listen() -> bool:
        answer = local_lake.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            assert (event["source"], event["detail-type"]) == ("data-lake", "Dataset changed")
            heard[event["detail"]["version"]] = event["detail"]
        return len(heard) == 4

    until("every commit is told of", listen)
    rows = local_lake.query("SELECT * FROM lake_runs WHERE dataset = 'recorded'")
    by_version = {row["version"]: row for row in rows}
    assert len(by_version) == len(rows) == 4
    for name, entry in entries.items():
        row, told = by_version[entry["version"]], heard[entry["version"]]
        assert (row["key"], row["status"]) == (f"data/recorded/{name}", entry["verdict"])
        for fact in ("records_read", "records_accepted", "records_quarantined"):
            assert (row[fact] or 0) == told[fact] == entry.get(fact, 0), (name, fact)
    assert (by_version[first]["status"], by_version[first]["records_quarantined"]) == ("PARTIAL", 1)
    # The rows of the older version went: its date changed, too.
    assert heard[entries["a.json"]["version"]]["dates"] == ["2024-01-15", "2024-01-16"]
