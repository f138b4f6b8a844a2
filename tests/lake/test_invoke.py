"""Each event of `events/` makes the function ingest what it names."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from lake.invoke import ask, objects
from store.errors import UnknownEventError
from tests.conftest import ROOT, load_event

if TYPE_CHECKING:
    from tests.conftest import LocalLake

SMALL, LARGE = ROOT / "samples" / "test-data.json", ROOT / "samples" / "flights-2013-01.jsonl.gz"


@pytest.mark.local
@pytest.mark.parametrize(
    ("event", "file", "records"),
    [
        ("s3-put", SMALL, [3]),
        ("s3-awkward-key", SMALL, [3]),
        ("s3-multipart", LARGE, [27_004]),
        ("eventbridge", SMALL, [3]),
        ("sqs-batch", SMALL, [3, 3]),
    ],
)
def test_an_event_of_the_samples_is_an_ingest(
    local_lake: LocalLake, event: str, file: Any, records: list[int]
) -> None:
    done = local_lake.command("lake", "invoke", f"events/{event}.json", "--upload", str(file))
    assert done.stderr.count("object ingested") == len(records), done.stderr
    found = [local_lake.entry(key) for _, key in objects(load_event(event))]
    assert [(one["status"], one["records_accepted"]) for one in found] == [
        ("DONE", count) for count in records
    ]
    if event != "sqs-batch":
        assert [one["status"] for one in json.loads(done.stdout)["objects"]] == ["DONE"]


def test_no_event_uploads_into_the_dataset_that_the_guides_use() -> None:
    names = [place.stem for place in (ROOT / "events").glob("*.json")]
    keys = {key for name in names for _, key in objects(load_event(name))}
    assert "data/test-data.json" in keys
    assert not [key for key in keys if key.startswith("data/orders/")]


@pytest.mark.local
def test_the_queue_is_read_again_after_an_upload(local_lake: LocalLake) -> None:
    local_lake.command("lake", "invoke", "events/s3-put.json", "--upload", str(SMALL))
    assert local_lake.ingest("data/after_invoke/a.json", b'{"id": 1}')["status"] == "DONE"


@pytest.mark.local
def test_an_event_without_an_object_ingests_nothing(local_lake: LocalLake) -> None:
    done = local_lake.command("lake", "invoke", "events/s3-test-event.json")
    assert json.loads(done.stdout) == {"objects": []}


@pytest.mark.local
def test_an_object_that_is_not_there_is_said_and_what_is_no_event_is_refused(
    local_lake: LocalLake, tmp_path: Any
) -> None:
    event = tmp_path / "event.json"
    text = (ROOT / "events" / "s3-put.json").read_text(encoding="utf-8")
    event.write_text(text.replace("test-data.json", "no-such.json"))
    gone = local_lake.command("lake", "invoke", str(event), expect=None)
    assert "no-such.json" in gone.stdout + gone.stderr
    event.write_text("{}")
    refused = local_lake.command("lake", "invoke", str(event), expect=1)
    assert "is no event of S3" in refused.stderr


class Function:
    """A target whose function answers as it is told."""

    endpoint = None
    outputs = {"ProcessorFunctionName": "f"}

    def __init__(self, result: Any, **more: str) -> None:
        self.answer = {"Payload": io.BytesIO(json.dumps(result).encode()), **more}

    @property
    def session(self) -> Any:
        return self

    def client(self, *_: Any, **__: Any) -> Any:
        return self

    def invoke(self, **_: Any) -> dict[str, Any]:
        return self.answer


@pytest.mark.parametrize(
    ("function", "failed"),
    [
        (Function({"objects": []}), False),
        (Function({"batchItemFailures": []}), False),
        (Function({"batchItemFailures": [{"itemIdentifier": "1"}]}), True),
        (Function({"errorMessage": "no"}, FunctionError="Unhandled"), True),
    ],
)
def test_a_function_that_failed_is_told_from_one_that_did_not(function: Any, failed: bool) -> None:
    assert ask(function, "{}").failed is failed


def test_an_event_of_another_service_names_no_object() -> None:
    with pytest.raises(UnknownEventError):
        objects({"source": "aws.ec2", "detail": {}})
