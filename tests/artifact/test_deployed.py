"""The functions that a lake runs, under Lambda's own runtime client, at that lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model.loading import load_folder
from tests.artifact.test_artifact import CURATOR, ENVIRONMENT, runtime
from tests.conftest import MODELS, load_event

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local


@pytest.fixture(scope="session")
def deployed(local_lake: LocalLake) -> Path:
    """The folder of the functions as they were built for the session's lake."""
    return local_lake.state / "build"


def test_the_curator_answers_its_schedule(
    deployed: Path, bare_python: Path, local_lake: LocalLake
) -> None:
    curator = deployed / "CuratorFunction"
    with runtime(curator, bare_python, CURATOR | local_lake.environment) as invoke:
        answer = invoke({"source": "aws.events", "detail-type": "Scheduled Event"})
    models = {model.name for model in load_folder(MODELS)}
    # The lake's own curator may be at any of them.
    assert {*answer} == {"refreshed"}
    assert {*answer["refreshed"]} <= models


@pytest.mark.parametrize("event", ["s3-put", "eventbridge", "sqs-batch"])
def test_the_artifact_ingests_for_each_way_of_being_told(
    deployed: Path, bare_python: Path, local_lake: LocalLake, root: Path, event: str
) -> None:
    """The same steps as `sam local invoke` in docs/how-to/invoke.md, without a container engine."""
    s3 = local_lake.client("s3")
    body = (root / "samples" / "test-data.json").read_bytes()
    for key in ("data/test-data.json", "data/products/2024-01-15.json"):
        s3.put_object(Bucket=local_lake.outputs["RawBucketName"], Key=key, Body=body)
    environment = ENVIRONMENT | local_lake.environment
    with runtime(deployed / "ProcessorFunction", bare_python, environment) as invoke:
        answer = invoke(load_event(event))
    if event == "sqs-batch":
        assert answer == {"batchItemFailures": []}
    else:
        (taken,) = answer["objects"]
        assert (taken["status"], taken["records_read"]) == ("DONE", 3)
