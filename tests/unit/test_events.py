from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from store import events
from store.errors import UnknownEventError
from tests.conftest import load_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _keys(found: tuple[Any, ...]) -> list[str]:
    return [event.key for event in found]


def test_a_plain_put_names_bucket_key_etag_size_and_sequencer() -> None:
    (event,) = events.parse(load_event("s3-put"))
    assert event.bucket == "data-lake-raw-000000000000-us-east-1"
    assert event.key == "data/test-data.json"
    assert event.etag == "2c8a1b9f6f5d6c3e8b7a9d0e1f203040"
    assert event.size == 333
    assert event.sequencer == "0065A4F1C2B3D4E5F6"


def test_a_completed_multipart_upload_is_a_creation() -> None:
    assert _keys(events.parse(load_event("s3-multipart"))) == [
        "data/flights/flights-2013-01.jsonl.gz"
    ]


def test_space_plus_percent_equals_and_unicode_in_a_key_are_decoded() -> None:
    assert _keys(events.parse(load_event("s3-awkward-key"))) == [
        "data/awkward keys/été + 100%=50 €.json"
    ]


def test_one_queue_message_may_announce_two_objects() -> None:
    (message,) = load_event("sqs-batch")["Records"]
    assert _keys(events.parse_message(message["body"])) == [
        "data/test-data.json",
        "data/products/2024-01-15.json",
    ]


def test_eventbridge_gives_the_key_as_it_is() -> None:
    payload = load_event("eventbridge")
    payload["detail"]["object"]["key"] = "data/a+b c=d.json"
    (event,) = events.parse(payload)
    assert event.key == "data/a+b c=d.json"
    assert event.other_key == "data/a b c=d.json"


def test_eventbridge_with_a_simple_key_has_no_other_reading() -> None:
    (event,) = events.parse(load_event("eventbridge"))
    assert (event.key, event.other_key) == ("data/test-data.json", "")


def test_the_event_that_s3_sends_when_it_is_configured_names_nothing() -> None:
    assert events.parse(load_event("s3-test-event")) == ()
    assert events.parse_message(json.dumps(load_event("s3-test-event"))) == ()


def test_an_sns_envelope_is_unwrapped() -> None:
    envelope = {"Type": "Notification", "Message": json.dumps(load_event("s3-put"))}
    assert _keys(events.parse_message(json.dumps(envelope))) == ["data/test-data.json"]


def test_only_a_batch_of_queue_messages_is_one() -> None:
    assert events.is_queue_batch(load_event("sqs-batch"))
    assert not events.is_queue_batch(load_event("s3-put"))
    assert not events.is_queue_batch({"Records": []})


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "expected an S3 notification"),
        ([], "expected an S3 notification"),
        ({"Records": [{"eventSource": "aws:dynamodb"}]}, "event source 'aws:dynamodb'"),
        ({"Records": [{"eventSource": "aws:s3", "eventVersion": "3.0"}]}, "version '3.0'"),
        ({"Records": ["text"]}, "incomplete"),
        (
            {"Records": [{"eventSource": "aws:s3", "eventName": "LifecycleExpiration:Delete"}]},
            "creates no object",
        ),
        ({"source": "aws.s3", "detail-type": "Object Restored"}, "creates no object"),
        ({"source": "aws.s3", "detail-type": "Object Deleted"}, "creates no object"),
        ({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}, "incomplete"),
    ],
)
def test_anything_else_is_refused_with_what_it_was(payload: Any, said: str) -> None:
    with pytest.raises(UnknownEventError, match=said):
        events.parse(payload)


def test_a_creation_beside_a_removal_is_a_creation_and_a_removal_where_these_count() -> None:
    (removed,) = load_event("s3-put")["Records"]
    removed["eventName"] = "ObjectRemoved:Delete"
    removed["s3"]["object"] = {"key": "data/old.csv"}
    (created,) = load_event("s3-put")["Records"]
    message = {"Records": [removed, created]}
    assert _keys(events.parse(message)) == ["data/test-data.json"]
    assert [(one.key, one.removal) for one in events.parse(message, removals=True)] == [
        ("data/old.csv", True),
        ("data/test-data.json", False),
    ]
    asked = events.announcement("raw", "data/old.csv", "rebuild", removal=True)
    assert [(one.key, one.removal) for one in events.parse(asked)] == [("data/old.csv", True)]
    asked = events.announcement("raw", "data/old.csv", "rebuild", rewrite=True)
    assert [(one.replay, one.rewrite) for one in events.parse(asked)] == [("rebuild", True)]
    assert not any(one.rewrite for one in events.parse(message))


def test_what_a_lifecycle_rule_expires_was_deleted_by_nobody() -> None:
    event = {"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}
    event["detail"] = {"reason": "Lifecycle Expiration"}
    with pytest.raises(UnknownEventError, match="nobody deleted it"):
        events.parse(event, removals=True)


def _sized(number: str) -> str:
    put = load_event("s3-put")
    put["Records"][0]["s3"]["object"]["size"] = "SIZE"
    return json.dumps(put).replace('"SIZE"', number)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"Records":' * 100_000 + "1" + "}" * 100_000,
        _sized("1e400"),
        _sized("NaN"),
        _sized("1" * 5000),
        json.dumps({"Type": "Notification", "Message": "[" * 100_000}),
        json.dumps(load_event("s3-put")).replace("test-data", "\\ud800"),
    ],
    ids=["deep array", "deep object", "overflow", "nan", "digits", "deep in SNS", "surrogate"],
)
def test_a_body_that_no_retry_can_make_readable_is_refused(body: str) -> None:
    with pytest.raises(UnknownEventError):
        events.parse_message(body)


@pytest.fixture
def recursion_of_a_function() -> Iterator[None]:
    """Python's own limit: hypothesis raises it, and tests of this process may run after one."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("recursion_of_a_function")
def test_a_payload_too_deep_to_be_shown_is_refused_all_the_same() -> None:
    payload: dict[str, Any] = {}
    for _ in range(5000):
        payload = {"a": payload}
    with pytest.raises(UnknownEventError, match="too deep"):
        events.parse(payload)


def test_a_message_that_is_not_json_is_refused_with_its_text() -> None:
    with pytest.raises(UnknownEventError, match="hello"):
        events.parse_message("hello")


def test_events_of_other_projects_are_read_alike(corpora: Path) -> None:
    """Samples of AWS Lambda Powertools, aws-lambda-go and the SAM CLI."""
    folder = corpora / "s3-events"
    samples = {
        "powertools-python/tests/events/s3Event.json": "b21b84d653bb07b05b1e6b33684dc11b",
        "powertools-python/tests/events/s3EventDecodedKey.json": "1 2 3.txt",
        "aws-lambda-go/events/testdata/s3-event.json": "HappyFace.jpg",
        "aws-lambda-go/events/testdata/s3-event-with-decoded.json": "HappyFace.jpg",
        "powertools-python/tests/events/s3EventBridgeNotificationObjectCreatedEvent.json": "",
    }
    for path in samples:
        payload = json.loads((folder / path).read_text())
        found = events.parse(payload)
        assert len(found) == 1
        assert found[0].bucket
        assert found[0].key
    for path in ("s3SqsEvent.json", "snsSqsEvent.json"):
        payload = json.loads((folder / "powertools-python/tests/events" / path).read_text())
        assert events.is_queue_batch(payload)
