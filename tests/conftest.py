"""What every test may use."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.support import command
from tests.support.clients import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xdist.remote import Producer

ROOT = Path(__file__).resolve().parent.parent

#: Contracts of datasets that only tests have; the lakes of tests are built with these.
CONTRACTS = ROOT / "tests" / "support" / "contracts"

#: Models of tables that only tests have, likewise.
MODELS = CONTRACTS.with_name("models")

T = TypeVar("T")

# Powertools reads these when it is imported, as it does in the function.
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "processor")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "data-lake")
os.environ.setdefault("POWERTOOLS_TRACE_DISABLED", "1")

# A run of all tests says whether the code is right, not whether chance found a new fault:
# EXAMPLES=… looks for those.
settings.register_profile("the same", derandomize=True)
settings.load_profile("default" if os.environ.get("EXAMPLES") else "the same")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Real data that nobody here wrote; it lies beside the checkout, not in it."""
    path = ROOT.parent / "shared" / "corpora"
    if not path.is_dir():
        pytest.skip("the shared corpora are not beside this checkout")
    return path


#: They share something that takes long to make, or come in an order: one worker runs each.
#: These take longest, and wait most of the time: they come first.
_GROUPS = ("lake", "another lake", "lakes of their own", "server", "build", "")


@cache
def _group(file: str) -> str:
    """Name the group that the tests of a file belong to; empty where each is on its own."""
    if file.startswith(("tests/lake/test_lifecycle", "tests/lake/test_state_folder")):
        return "lakes of their own"
    if file.startswith("localaws/tests/server/"):
        return "server"
    if "pytest.mark.local" in (ROOT / file).read_text(encoding="utf-8"):
        # Each worker has a lake of its own; one would be busy for longer than all the others.
        return "lake" if file.startswith("tests/local/") else "another lake"
    return "build" if file.startswith("tests/artifact/") else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _GROUPS.index(_group(item.nodeid.partition("::")[0])))


def pytest_collection_finish() -> None:
    # Thousands of tests are objects that nothing ever frees; a tenth of the time went into looking.
    gc.collect()
    gc.freeze()


#: Files with tests that take long: any worker runs any test of these. Others are run whole.
_LONG = ("tests/engine/", "tests/histories/", "tests/contracts/")


class _Groups(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
    """Sends each group to one worker, as ``loadgroup`` of xdist 3.8 does not with pytest 9."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _group(file) or (nodeid if file.startswith(_LONG) else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Groups:
    return _Groups(config, log)


def load_event(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))


def until(what: str, ask: Callable[[], T], timeout: float = 60) -> T:
    """Ask again until the answer is true; a test that waits too long says for what."""
    deadline, pause = time.monotonic() + timeout, 0.05
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s until {what}"
        time.sleep(pause)
        # Who waits long asks seldom: each question costs the lake some milliseconds.
        pause = min(0.5, pause * 1.3)
    return answer


@dataclass(frozen=True)
class LocalLake:
    """A lake that `lake up` deployed, as any client sees it."""

    state: Path
    endpoint: str
    project: Path = ROOT
    models: Path = MODELS
    contracts: Path = CONTRACTS

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
        }

    @property
    def shell(self) -> dict[str, str]:
        """The whole environment of a command that shall use this lake."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {
            **kept,
            **self.environment,
            "PATH": path,
            "LAKE_STATE_DIR": str(self.state),
            "LAKE_CONTRACTS": str(self.contracts),
            "LAKE_MODELS": str(self.models),
            "AWS_PAGER": "",
            "COLUMNS": "100",
        }

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
        )

    def client(self, service: str) -> Any:
        return client(service, self.endpoint)

    @cached_property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName="DataLakeStack")[
            "Stacks"
        ]
        return {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}

    def command(self, *words: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of the virtual environment against this lake."""
        if words[0] == "lake":
            done = command.lake(words[1:], self.shell)
        else:
            done = subprocess.run(
                words, cwd=ROOT, env=self.shell, capture_output=True, text=True, check=False
            )
        if expect is not None:
            assert done.returncode == expect, done.stdout + done.stderr
        return done

    def upload(self, key: str, body: bytes) -> str:
        """Put a raw object; give its version."""
        answer = self.client("s3").put_object(
            Bucket=self.outputs["RawBucketName"], Key=key, Body=body
        )
        return str(answer["VersionId"])

    def entry(self, key: str) -> dict[str, Any]:
        """The ledger's item of a raw key, plain."""
        item = self.client("dynamodb").get_item(
            TableName=self.outputs["LedgerTableName"],
            Key={"object": {"S": f"{self.outputs['RawBucketName']}/{key}"}},
            ConsistentRead=True,
        )
        return {
            name: int(value["N"]) if "N" in value else value.get("S", value.get("B"))
            for name, value in item.get("Item", {}).items()
        }

    def ingest(self, key: str, body: bytes, timeout: float = 60) -> dict[str, Any]:
        """Put a raw object and wait until the ledger has decided on that version."""
        version = self.upload(key, body)

        def decided() -> dict[str, Any] | None:
            entry = self.entry(key)
            return entry if entry.get("version") == version else None

        try:
            return until(f"{key} is ingested", decided, timeout) or {}
        except AssertionError as error:
            raise AssertionError(f"{error}; the function said: {self.failures()}") from None

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query, by the command."""
        done = self.command("lake", "query", sql, "--format", "json")
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def messages(self, queue: str = "IngestQueueUrl") -> int:
        """Messages in a queue, also those that are being worked on."""
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[queue], AttributeNames=["All"]
        )["Attributes"]
        waiting = int(answer["ApproximateNumberOfMessages"])
        return waiting + int(answer["ApproximateNumberOfMessagesNotVisible"])

    def failures(self) -> list[str]:
        """What the function logged with the messages that it handed back."""
        told = [json.loads(line) for line in self.log().splitlines() if line.startswith('{"level')]
        return [one["stack_trace"]["value"] for one in told if "stack_trace" in one]

    def log(self) -> str:
        return (self.state / "server.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def lake_up(state: Path, project: Path = ROOT, models: Path = MODELS) -> Iterator[LocalLake]:
    """A lake deployed by `lake up`, with IAM enforced, and gone afterwards.

    Of another project than this one, the command is this one's all the same.
    """
    lake = [sys.executable, "-m", "lake"]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        "LAKE_STATE_DIR": str(state),
    }
    if project == ROOT:
        environment |= {"LAKE_CONTRACTS": str(CONTRACTS), "LAKE_MODELS": str(models)}
    done = subprocess.run(
        [*lake, "up"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        port = json.loads((state / "state.json").read_text(encoding="utf-8"))["port"]
        yield LocalLake(state, f"http://127.0.0.1:{port}", models=models)
    finally:
        subprocess.run(
            [*lake, "down", "--yes"], cwd=ROOT, env=environment, check=True, capture_output=True
        )


@pytest.fixture(scope="session")
def local_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    """The session's lake."""
    with lake_up(tmp_path_factory.mktemp("lake") / "state") as lake:
        yield lake
