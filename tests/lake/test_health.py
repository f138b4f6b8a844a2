"""Whatever keeps the lake from working is said within seconds, with what to do."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from lake.health import (
    Function,
    meaning,
    of_configuration,
    of_function,
    of_mappings,
    of_stack,
)
from tests.conftest import until

if TYPE_CHECKING:
    from lake.target import Target
    from tests.conftest import LocalLake

ONE = Function("one", "arm64", 512)
OTHER = "built for another machine than the function's (arm64)"
REPAIR = "`lake deploy` builds and deploys it again"
MORE = "FunctionMemory, or split the object"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "[ERROR] Runtime.ImportModuleError: Unable to import 'app': no duckdb.so\nTraceback",
            (
                "cannot start: Unable to import 'app': no duckdb.so. A module is missing, or was "
                f"{OTHER}: {REPAIR}."
            ),
        ),
        (
            "[ERROR] Runtime.HandlerNotFound: Handler 'x' missing on module 'processor.app'",
            f"cannot start: Handler 'x' missing on module 'processor.app': {REPAIR}.",
        ),
        (
            "INIT_REPORT Init Duration: 3 ms\tStatus: error\tError Type: Runtime.InvalidEntrypoint",
            f"cannot start: its code was {OTHER}: {REPAIR}.",
        ),
        (
            "2026-01-01T00:00:00.000Z 1-2-3 Task timed out after 300.05 seconds",
            (
                "was stopped after 300.05 seconds, which are all that it has: raise "
                f"FunctionTimeout or {MORE}."
            ),
        ),
        (
            "RequestId: 1-2-3 Error: Runtime exited with error: signal: killed",
            f"was killed because it needed more than its 512 MB of memory: raise {MORE}.",
        ),
        (
            "[ERROR] KeyError: 'LEDGER_TABLE'",
            f"lacks the environment variable LEDGER_TABLE: {REPAIR}.",
        ),
        ("[ERROR] ValueError: no.", "failed: ValueError: no: `lake logs` says more."),
    ],
)
def test_a_line_of_the_platform_means_what_a_user_can_act_on(line: str, said: str) -> None:
    assert meaning(line, ONE) == f"The function one {said}"


@pytest.mark.parametrize("line", ["START RequestId: 1-2-3 Version: $LATEST", "{broken", ""])
def test_other_lines_mean_nothing(line: str) -> None:
    assert meaning(line, ONE) == ""


def record(**told: Any) -> str:
    return json.dumps({"level": "ERROR", "message": "message handed back", **told})


def test_a_failed_object_is_told_to_those_who_wait_for_it() -> None:
    line = record(key="data/a", reason="DEFECT", exception="Traceback\nKeyError: 'x'")
    assert meaning(line, ONE) == "The function one failed on data/a: KeyError: 'x'."
    assert meaning(line, ONE, ["data/a"])
    assert meaning(line, ONE, ["data/b"]) == ""
    assert meaning(record(reason="X", detail="d", level="WARNING"), ONE) == ""


def test_a_missing_permission_is_named_with_what_gives_it() -> None:
    line = record(key="data/a", exception="T\nClientError: (AccessDenied) not authorized to x.")
    assert meaning(line, ONE) == (
        "The function one failed on data/a: ClientError: (AccessDenied) not authorized to x. "
        "Its role lacks a permission: `lake deploy` gives it what the template says."
    )


def test_a_function_that_cannot_be_invoked_is_said() -> None:
    well = {"FunctionName": "one", "State": "Active", "LastUpdateStatus": "Successful"}
    assert of_configuration(well, None) == []
    assert of_configuration(well, 5) == []
    (said,) = of_configuration({**well, "State": "Failed", "StateReason": "no image"}, None)
    assert said.startswith("The function one is Failed: no image.")
    (said,) = of_configuration({**well, "LastUpdateStatus": "Failed"}, None)
    assert said.startswith("The last deployment of the function one failed")
    (said,) = of_configuration(well, 0)
    assert "`aws lambda delete-function-concurrency --function-name one`" in said


def test_a_queue_that_nobody_reads_is_said() -> None:
    arn = "arn:aws:sqs:us-east-1:0:ingest"
    well = {"UUID": "u", "EventSourceArn": arn, "State": "Enabled", "LastProcessingResult": "OK"}
    assert of_mappings([well], "one") == []
    (said,) = of_mappings([{**well, "State": "Disabled"}], "one")
    assert "does not read ingest: " in said
    assert "--uuid u --enabled" in said
    (said,) = of_mappings([{**well, "LastProcessingResult": "PROBLEM: no permission"}], "one")
    assert said == "The function one cannot read ingest: PROBLEM: no permission."
    (said,) = of_mappings([], "one")
    assert said == "Nothing is read by the function one. `lake deploy` connects it."


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("ROLLBACK_COMPLETE", "Its first deployment failed, and it holds nothing"),
        ("DELETE_FAILED", "destroy` removes what is left of it."),
        ("DELETE_IN_PROGRESS", "Wait until it has ended."),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name L"),
    ],
)
def test_a_stack_that_serves_nobody_is_said(status: str, said: str) -> None:
    (sentence,) = of_stack({"StackStatus": status, "StackStatusReason": "why"}, "L")
    assert sentence.startswith(f"The stack L is in {status} (why). ")
    assert said in sentence


def test_advice_names_the_stack_where_it_is_not_the_usual_one() -> None:
    failed = {"StackStatus": "ROLLBACK_COMPLETE"}
    assert "`lake --stack-name L destroy` removes it" in of_stack(failed, "L")[0]
    assert "`lake destroy` removes it" in of_stack(failed, "DataLakeStack")[0]


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_that_serves_is_not(status: str) -> None:
    assert of_stack({"StackStatus": status}, "L") == []


def test_what_was_logged_before_the_function_was_changed_counts_no_more() -> None:
    asked: list[dict[str, Any]] = []

    class Aws:
        """Answers as the services do of a function that is well now."""

        def client(self, _: str) -> Aws:
            return self

        def get_function_configuration(self, **_: str) -> dict[str, Any]:
            return {"FunctionName": "one", "LastModified": "2026-01-01T00:01:40.000+0000"}

        def get_function_concurrency(self, **_: str) -> dict[str, Any]:
            return {}

        def list_event_source_mappings(self, **_: str) -> dict[str, Any]:
            return {"EventSourceMappings": [{"EventSourceArn": "a:q", "State": "Enabled"}]}

        def filter_log_events(self, **told: Any) -> dict[str, Any]:
            asked.append(told)
            return {"events": [{"message": "[ERROR] KeyError: 'LEDGER_TABLE'"}]}

    midnight = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    for since in (midnight, midnight + 200):
        assert len(of_function(cast("Target", Aws()), "one", since)) == 1
    assert [one["startTime"] / 1000 - midnight for one in asked] == [100, 200]


@pytest.mark.local
def test_a_replay_says_within_seconds_that_the_function_cannot_start(
    local_lake: LocalLake,
) -> None:
    local_lake.ingest("data/sick/a.json", b'{"n": 1}\n')
    client, name = local_lake.client("lambda"), local_lake.outputs["ProcessorFunctionName"]
    sqs, queue = local_lake.client("sqs"), local_lake.outputs["IngestQueueUrl"]
    handler = client.get_function_configuration(FunctionName=name)["Handler"]
    (hidden,) = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])[
        "Attributes"
    ].values()
    # Else the message would come back after half an hour.
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "20"})
    client.update_function_configuration(FunctionName=name, Handler="processor.nothing.handler")
    words = ["lake", "replay", "--key", "data/sick/a.json"]
    said, pipe = "", subprocess.PIPE
    with subprocess.Popen(words, env=local_lake.shell, stderr=pipe, text=True) as replay:
        assert replay.stderr is not None
        for said in replay.stderr:
            if "cannot start" in said:
                break
        replay.kill()
    client.update_function_configuration(FunctionName=name, Handler=handler)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": hidden})
    assert said.startswith(
        "The function data-lake-processor cannot start: Unable to import module "
        "'processor.nothing': No module named 'processor.nothing'."
    )
    until("the message came back and was taken", lambda: local_lake.messages() == 0)
