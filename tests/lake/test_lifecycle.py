"""`lake up`, `lake down` and what can go wrong in between, as their user sees it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lake.local.deploy import is_deployed
from lake.local.process import alone, owned
from lake.local.state import StateFolder
from tests.conftest import ROOT, LocalLake, until
from tests.docs.test_documentation import blocks, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.local

LAKE = [sys.executable, "-m", "lake"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(state: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return {**kept, "LAKE_STATE_DIR": str(state), "PYTHONPATH": str(ROOT)}


def lake(state: Path, *words: str, project: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LAKE, *words],
        cwd=project,
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
    )


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to be broken."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, copy)
    (copy / "contracts").mkdir()
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def own_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    state, port = tmp_path_factory.mktemp("own") / "state", free_port()
    done = lake(state, "up", "--port", str(port))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("RawBucketName", "data-lake-raw-000000000000-us-east-1", f"127.0.0.1:{port}"):
        assert name in done.stdout
    try:
        yield LocalLake(state, f"http://127.0.0.1:{port}")
    finally:
        assert "Stopped and removed" in lake(state, "down", "--yes").stderr
        assert not listens(port)
        assert not state.exists()
        assert "No local lake is up" in lake(state, "down", "--yes").stderr


def test_a_second_up_is_harmless(own_lake: LocalLake) -> None:
    again = lake(own_lake.state, "up")
    assert again.returncode == 0
    assert f"Already up at {own_lake.endpoint}" in again.stderr


def test_another_port_for_a_lake_that_is_up_is_refused(own_lake: LocalLake) -> None:
    other = lake(own_lake.state, "up", "--port", str(free_port()))
    assert other.returncode == 1
    assert "`lake stop` stops it first" in other.stderr


def test_the_command_uses_the_lake_that_is_up_and_says_so(own_lake: LocalLake) -> None:
    put = lake(own_lake.state, "put", "samples/test-data.json", "--dataset", "products")
    assert put.returncode == 0, put.stdout + put.stderr
    assert own_lake.endpoint in put.stderr
    assert "data/products/test-data.json" in put.stdout
    rows = lake(
        own_lake.state, "query", "SELECT name FROM products ORDER BY name", "--format", "csv"
    )
    assert rows.stdout == "name\nProduct A\nProduct B\nProduct C\n"
    assert "products" in lake(own_lake.state, "tables").stdout
    assert "DONE" in lake(own_lake.state, "status").stdout


def test_down_removes_no_data_unasked(own_lake: LocalLake) -> None:
    refused = lake(own_lake.state, "down")
    assert refused.returncode == 1
    said = " ".join(refused.stderr.split())
    assert 'with all its data?", and standard input is no terminal.' in said
    assert said.endswith("`lake down --yes` does; `lake stop` keeps it.")
    assert listens(int(own_lake.endpoint.rpartition(":")[2]))


def test_a_lake_has_its_data_after_a_stop_and_says_what_a_kill_may_have_lost(
    own_lake: LocalLake,
) -> None:
    entry = own_lake.ingest("data/kept/x.json", b'{"n": 1}\n')
    assert "Stopped" in lake(own_lake.state, "stop").stderr
    again = lake(own_lake.state, "up")
    assert again.returncode == 0, again.stderr
    assert "killed" not in again.stderr
    assert own_lake.endpoint in again.stdout
    assert own_lake.entry("data/kept/x.json") == entry
    running = json.loads((own_lake.state / "state.json").read_text())
    os.kill(running["pid"], signal.SIGKILL)
    until("it is gone", lambda: not listens(running["port"]))
    killed = lake(own_lake.state, "up")
    assert killed.returncode == 0, killed.stderr
    said = " ".join(killed.stderr.split())
    assert "The local AWS was killed. It had saved its state at" in said
    assert "`lake reconcile` finds" in said
    assert own_lake.ingest("data/kept/y.json", b'{"n": 2}\n')["status"] == "DONE"
    assert own_lake.query("SELECT n FROM kept ORDER BY n") == [{"n": 1}, {"n": 2}]


def test_up_asks_what_is_deployed_and_would_mend_the_wrong_architecture(
    own_lake: LocalLake,
) -> None:
    function, name = own_lake.client("lambda"), own_lake.outputs["ProcessorFunctionName"]
    (right,) = function.get_function_configuration(FunctionName=name)["Architectures"]
    (wrong,) = {"arm64", "x86_64"} - {right}
    s3, running = own_lake.client("s3"), StateFolder(own_lake.state).read()
    assert running is not None
    (bucket,) = [b["Name"] for b in s3.list_buckets()["Buckets"] if "sam" in b["Name"]]
    objects = s3.list_objects_v2(Bucket=bucket)["Contents"]
    code = {"S3Bucket": bucket, "S3Key": max(objects, key=lambda one: one["Size"])["Key"]}
    for architecture, expected in ((right, True), (wrong, False), (right, True)):
        function.update_function_code(FunctionName=name, **code, Architectures=[architecture])
        assert is_deployed(ROOT, running) is expected


def test_a_deployment_begins_with_the_contracts(own_lake: LocalLake, tmp_path: Path) -> None:
    (tmp_path / "orders.schema.json").write_text('{"type": "object", "no_such_keyword": 1}')
    wrong = subprocess.run(
        [*LAKE, "deploy"],
        cwd=ROOT,
        env={**environment(own_lake.state), "LAKE_CONTRACTS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 1
    assert "Nothing was deployed" in wrong.stderr
    assert "no_such_keyword" in wrong.stderr


def test_a_second_command_is_refused_while_one_is_at_the_lake(own_lake: LocalLake) -> None:
    with owned(StateFolder(own_lake.state)):
        for words in (("up",), ("stop",), ("down", "--yes"), ("deploy",)):
            refused = lake(own_lake.state, *words)
            assert refused.returncode == 1
            assert "Another `lake` command" in refused.stderr


def test_an_address_that_is_none_of_this_machines_is_refused(tmp_path: Path) -> None:
    refused = lake(tmp_path / "state", "up", "--bind", "192.0.2.1")
    assert refused.returncode == 1
    assert "192.0.2.1 is no address of this machine" in " ".join(refused.stderr.split())
    assert not (tmp_path / "state").exists()


def test_a_failing_query_says_what_athena_said(own_lake: LocalLake) -> None:
    failed = lake(own_lake.state, "query", "SELECT nothing FROM nowhere")
    assert failed.returncode == 1
    assert "nowhere" in failed.stderr


def test_what_is_no_file_is_refused_before_anything_is_uploaded(own_lake: LocalLake) -> None:
    refused = lake(own_lake.state, "put", "samples/test-data.json", "no-such-file")
    assert refused.returncode == 1
    assert "no-such-file is not a file" in refused.stderr


def test_json_output_answers_queries_as_parquet_does(own_lake: LocalLake) -> None:
    function = own_lake.client("lambda")
    name = own_lake.outputs["ProcessorFunctionName"]
    variables = function.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    function.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**variables, "OUTPUT_FORMAT": "json"}}
    )
    try:
        body = b'{"n": 1, "s": {"x": "a"}}\n{"n": 2, "s": null}\n'
        assert own_lake.ingest("data/as_json/x.json", body)["status"] == "DONE"
    finally:
        function.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )
    files = own_lake.client("s3").list_objects_v2(
        Bucket=own_lake.outputs["ProcessedBucketName"], Prefix="processed/as_json/"
    )["Contents"]
    assert [file["Key"].endswith(".json.gz") for file in files] == [True]
    assert own_lake.query("SELECT n, s.x AS x FROM as_json ORDER BY n") == [
        {"n": 1, "x": "a"},
        {"n": 2, "x": None},
    ]


def test_cleaning_up_as_the_page_says_keeps_the_data(own_lake: LocalLake) -> None:
    (block,) = blocks(
        (ROOT / "docs" / "how-to" / "destroy.md").read_text(), "run in a lake of its own"
    )
    run(block, own_lake)
    names = [b["Name"] for b in own_lake.client("s3").list_buckets()["Buckets"]]
    assert "data-lake-raw-000000000000-us-east-1" in names
    assert "data-lake-processor" not in [
        f["FunctionName"] for f in own_lake.client("lambda").list_functions()["Functions"]
    ]


def test_what_a_deleted_stack_kept_is_adopted_by_a_new_one(own_lake: LocalLake) -> None:
    # The test before deleted the stack; tests/chaos deploys the rest.
    refused = lake(own_lake.state, "deploy")
    assert refused.returncode == 1
    assert "belongs to no stack" in refused.stderr
    assert "`lake adopt` gives it to the new lake" in refused.stderr
    adopted = lake(own_lake.state, "adopt")
    assert adopted.returncode == 0, adopted.stdout + adopted.stderr
    cloudformation = own_lake.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="DataLakeStack")["Stacks"]
    assert stack["StackStatus"] == "IMPORT_COMPLETE"
    held = cloudformation.describe_stack_resources(StackName="DataLakeStack")["StackResources"]
    assert {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in held} == {
        "RawBucket": "data-lake-raw-000000000000-us-east-1",
        "ProcessedBucket": "data-lake-processed-000000000000-us-east-1",
        "CuratedBucket": "data-lake-curated-000000000000-us-east-1",
        "Ledger": "data-lake-ledger",
        "GlueDatabase": "data_lake_db",
    }
    again = lake(own_lake.state, "adopt")
    assert again.returncode == 1
    assert "IMPORT_COMPLETE" in again.stderr


@pytest.mark.chaos
def test_a_lake_is_destroyed_with_its_data_only_where_that_is_said(own_lake: LocalLake) -> None:
    # The stack is whole, or what the tests before left of it; outside data/ nothing is ingested.
    own_lake.client("s3").put_object(
        Bucket="data-lake-raw-000000000000-us-east-1", Key="notes/x.txt", Body=b"kept"
    )
    refused = lake(own_lake.state, "destroy", "--yes")
    assert refused.returncode == 1
    assert "The lake has data, and nothing was deleted" in refused.stderr
    assert 'eval "$(lake env)"; sam delete' in refused.stderr
    unasked = lake(own_lake.state, "destroy", "--with-data")
    assert unasked.returncode == 1
    assert "`lake destroy --yes` does not ask" in " ".join(unasked.stderr.split())
    # As if it had been interrupted after the stack was deleted.
    own_lake.client("cloudformation").delete_stack(StackName="DataLakeStack")
    done = lake(own_lake.state, "destroy", "--with-data", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    gone = json.loads(done.stdout)
    assert (len(gone["buckets"]), gone["ledger"]) == (3, ["data-lake-ledger"])
    assert gone["versions"] > 0
    names = [one["Name"] for one in own_lake.client("s3").list_buckets()["Buckets"]]
    assert not any(name.startswith("data-lake-") for name in names)
    assert own_lake.client("glue").get_databases()["DatabaseList"] == []
    assert "nothing that such a lake" in " ".join(lake(own_lake.state, "destroy").stderr.split())


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lake(tmp_path / "state", "up", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert not (tmp_path / "state").exists()


def test_two_commands_do_not_choose_a_port_at_once() -> None:
    told: list[str] = []

    def start(name: str) -> None:
        with alone():
            told.append(name)
            time.sleep(0.1)
            told.append(name)

    threads = [threading.Thread(target=start, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_a_failed_build_says_why_and_leaves_nothing(tmp_path: Path, project: Path) -> None:
    (project / "src" / "Makefile").unlink()
    state, port = tmp_path / "state", free_port()
    done = lake(state, "up", "--port", str(port), project=project)
    assert done.returncode == 1
    assert "`sam build` failed" in done.stderr
    assert "Makefile" in done.stderr
    assert not state.exists()
    state.mkdir()
    assert lake(state, "up", "--port", str(port), project=project).returncode == 1
    assert list(state.iterdir()) == []
    assert not listens(port)


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    state, port = tmp_path / "state", free_port()
    process = subprocess.Popen(
        [*LAKE, "up", "--port", str(port)],
        cwd=ROOT,
        env=environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has them ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    until("the server is up", lambda: listens(port), 60)
    started = json.loads((state / "state.json").read_text())
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Interrupted" in said
    assert not state.exists()
    assert not listens(port)
    with pytest.raises(ProcessLookupError):
        os.kill(started["pid"], 0)
