"""`lake doctor` looks at everything, and says of each what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from lake import doctor
from lake.local.python import of_functions

if TYPE_CHECKING:
    from lake.doctor import Finding
    from lake.target import Target
    from tests.conftest import LocalLake


@dataclass
class Stub:
    """A lake whose services answer what the test says."""

    answers: dict[str, Any]
    outputs: dict[str, str] = field(
        default_factory=lambda: {
            "ProcessorFunctionName": "p",
            "CuratorFunctionName": "c",
            "RecorderFunctionName": "r",
        }
    )
    endpoint: str | None = None
    stack_name: str = "L"

    def client(self, _service: str) -> Stub:
        return self

    def stack(self) -> Any:
        return self.answers["stack"]

    def __getattr__(self, name: str) -> Any:
        answer = self.answers[name]
        return lambda **_: answer


def target(**answers: Any) -> Target:
    return cast("Target", Stub(answers))


def mapped(most: int) -> dict[str, Any]:
    return {"EventSourceMappings": [{"ScalingConfig": {"MaximumConcurrency": most}}]}


def test_the_python_of_the_command_need_not_be_that_of_the_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.version_info", (3, 14, 0, "final", 0))
    found = doctor.versions(target())
    assert [(one.what, one.level) for one in found] == [
        ("versions", "ok"),
        ("python of the functions", "ok"),
    ]


def test_what_to_do_is_said_where_the_functions_have_no_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHON", "/nowhere/python3.11")
    of_functions.cache_clear()
    (_, found) = doctor.versions(target())
    of_functions.cache_clear()
    assert found.level == "warn"
    assert "PYTHON is /nowhere/python3.11" in found.then


@pytest.mark.parametrize(("free", "level"), [(60, "ok"), (59, "warn")])
def test_what_the_queues_may_start_is_compared_with_the_quota(free: int, level: str) -> None:
    limits = {"AccountLimit": {"ConcurrentExecutions": 70, "UnreservedConcurrentExecutions": free}}
    (found,) = doctor.concurrency(
        target(get_account_settings=limits, list_event_source_mappings=mapped(20))
    )
    assert found.level == level
    assert f"{free} unreserved invocations at once, the lake wants up to 60" in found.said


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("CREATE_COMPLETE", "ok"),
        ("UPDATE_ROLLBACK_COMPLETE", "warn"),
        ("ROLLBACK_COMPLETE", "bad"),
    ],
)
def test_a_stack_may_be_well_old_or_unusable(status: str, level: str) -> None:
    (found,) = doctor.stack(target(stack={"StackStatus": status}))
    assert found.level == level


def test_what_may_not_be_asked_is_not_known_to_be_well() -> None:
    def refused(_: Target) -> list[Finding]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeX")

    def nobody(_: Target) -> list[Finding]:
        raise NoCredentialsError

    (found,) = doctor.asked("drift", refused, target())
    assert (found.level, found.what) == ("warn", "drift")
    assert "could not be asked. AWS refused DescribeX: no" in found.said
    (found,) = doctor.asked("credentials", nobody, target())
    assert found.level == "bad"


@pytest.mark.local
def test_a_queue_that_is_not_read_makes_the_doctor_say_bad(local_lake: LocalLake) -> None:
    def looked(expect: int | None) -> dict[str, list[str]]:
        done = local_lake.command("lake", "doctor", "--json", expect=expect)
        found: dict[str, list[str]] = {}
        for one in json.loads(done.stdout):
            found.setdefault(one["what"], []).append(one["level"])
        return found

    # Tests before may have left dead letters.
    well = looked(expect=None)
    for what in ("credentials", "versions", "stack", "template", "drift", "function", "quota"):
        assert set(well[what]) == {"ok"}, what
    client, name = local_lake.client("lambda"), local_lake.outputs["ProcessorFunctionName"]
    (one,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
    try:
        assert "bad" in looked(expect=1)["function"]
    finally:
        client.update_event_source_mapping(UUID=one["UUID"], Enabled=True)
