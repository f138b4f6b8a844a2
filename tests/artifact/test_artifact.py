"""What is deployed is what is tested: the built functions, under Lambda's own runtime client."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import samcli
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from model.loading import load_folder
from store.models import loads
from tests.artifact.conftest import MACHINE, sam_build
from tests.conftest import CONTRACTS, load_event

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Amazon Linux 2, on which python3.11 runs (AWS Lambda Developer Guide, "Lambda runtimes").
NEWEST = {"GLIBC": (2, 26), "GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11)}

ENVIRONMENT = {
    "PROCESSED_BUCKET": "data-lake-processed-000000000000-us-east-1",
    "DATABASE_NAME": "data_lake_db",
    "CRAWLER_NAME": "data-lake-crawler",
    "LEDGER_TABLE": "data-lake-ledger",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/data-lake-ingest",
    "CURATE_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/data-lake-curate",
    "DATE_COLUMNS": "timestamp,date",
    "OUTPUT_FORMAT": "parquet",
    "MAX_PARTITIONS": "4000",
    "MAX_COLUMNS": "1500",
    "RAW_DELETES": "keep",
    "CRAWL_MINUTES": "60",
    "FIRST_DATE": "2024-01-01",
    "EPHEMERAL_STORAGE_MB": "4096",
    "POWERTOOLS_SERVICE_NAME": "processor",
    "POWERTOOLS_METRICS_NAMESPACE": "data-lake",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "data-lake-processor",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "300",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}

CURATOR = {
    "CURATED_BUCKET": "data-lake-curated-000000000000-us-east-1",
    "DATABASE_NAME": "data_lake_db",
    "WORKGROUP": "data-lake-builders",
    "LEDGER_TABLE": "data-lake-ledger",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/data-lake-curate",
    "KEEP_MINUTES": "60",
    "POWERTOOLS_SERVICE_NAME": "curator",
    "POWERTOOLS_METRICS_NAMESPACE": "data-lake",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "data-lake-curator",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "300",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def _needed(shared_object: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    with shared_object.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if isinstance(section, GNUVerNeedSection):
                for _, auxiliaries in section.iter_versions():
                    for auxiliary in auxiliaries:
                        match = re.fullmatch(r"([A-Z]+)_([\d.]+)", auxiliary.name)
                        if match:
                            yield match[1], tuple(int(n) for n in match[2].split("."))


def _shared_objects(artifact: Path) -> list[Path]:
    return [path for path in artifact.rglob("*") if re.search(r"\.so(\.\d+)*$", path.name)]


def _size(artifact: Path) -> int:
    return sum(path.stat().st_size for path in artifact.rglob("*") if path.is_file())


def test_no_shared_object_needs_more_than_the_runtime_has(
    any_artifact: Path, any_curator: Path
) -> None:
    shared_objects = _shared_objects(any_artifact)
    assert any("duckdb" in p.name for p in shared_objects)
    shared_objects += _shared_objects(any_curator)
    too_new = {
        (path.name, library, version)
        for path in shared_objects
        for library, version in _needed(path)
        if version > NEWEST.get(library, version)
    }
    assert too_new == set()


def test_the_contracts_are_shipped_beside_the_code(artifact: Path) -> None:
    shipped = {path.name: path.read_bytes() for path in (artifact / "contracts").iterdir()}
    # Without any file the folder itself would not be packed.
    assert shipped.pop(".keep") == b""
    assert shipped == {path.name: path.read_bytes() for path in CONTRACTS.glob("*.json")}
    assert shipped


def _counting(models: Path, grouped: str) -> str:
    """A folder with one model; gives its SQL."""
    sql = f"SELECT date_partition, count(*) AS n FROM processed_table{grouped}"
    models.mkdir()
    (models / "counted.sql").write_text(f"-- description: How many\n-- refresh: by date\n{sql}\n")
    return sql


def test_a_model_that_cannot_be_kept_up_to_date_is_not_built(root: Path, tmp_path: Path) -> None:
    _counting(tmp_path / "models", "")
    built = tmp_path / "built"
    done = sam_build(root, built, "CuratorFunction", LAKE_MODELS=str(tmp_path / "models"))
    assert done.returncode != 0
    said = "counted.sql:3:24: it sums up all dates: add GROUP BY date_partition"
    assert said in done.stderr.splitlines()[-3]
    assert not (built / "CuratorFunction" / "models.json").exists()


def _make(root: Path, artifacts: Path, models: str) -> subprocess.CompletedProcess[str]:
    """Run what `sam build` runs, which takes a fifth of its time."""
    artifacts.mkdir()
    variables = {"ARTIFACTS_DIR": str(artifacts), "LAKE_MODELS": models}
    return subprocess.run(
        ["make", "-C", str(root / "src"), "build-CuratorFunction"],
        env={**os.environ, "LAKE_ARCHITECTURE": MACHINE, **variables},
        check=False,
        capture_output=True,
        text=True,
    )


def test_models_of_another_folder_are_built(root: Path, tmp_path: Path) -> None:
    sql = _counting(tmp_path / "models", " GROUP BY date_partition")
    done = _make(root, tmp_path / "built", str(tmp_path / "models"))
    assert done.returncode == 0, done.stderr
    (model,) = loads((tmp_path / "built" / "models.json").read_text(encoding="utf-8"))
    assert (model.name, model.sql) == ("counted", sql)


def test_a_folder_of_models_that_is_not_there_is_no_lake_without_models(
    root: Path, tmp_path: Path
) -> None:
    done = _make(root, tmp_path / "built", "no such folder")
    assert done.returncode != 0
    assert f"No folder of models at {root}/no such folder: mend LAKE_MODELS" in done.stderr


def test_both_functions_have_the_models_of_the_folder(
    root: Path, artifact: Path, curator: Path
) -> None:
    wanted = tuple(load_folder(root / "models"))
    assert wanted
    for function in (artifact, curator):
        assert loads((function / "models.json").read_text(encoding="utf-8")) == wanted


def test_each_architecture_gets_its_own_shared_objects(
    any_artifact: Path, any_curator: Path
) -> None:
    (engine,) = any_artifact.glob("_duckdb*.so")
    expected = "aarch64" if "aarch64" in engine.name else "x86_64"
    for shared_object in (engine, *_shared_objects(any_curator)):
        with shared_object.open("rb") as file:
            machine = ELFFile(file).get_machine_arch()
        assert {"AArch64": "aarch64", "x64": "x86_64"}[machine] == expected


def test_the_functions_stay_small(any_artifact: Path, any_curator: Path) -> None:
    assert _size(any_artifact) < 120_000_000
    assert _size(any_curator) < 30_000_000


def test_the_recorder_ships_what_it_needs_and_no_more(recorder: Path) -> None:
    shipped = {one.name for one in recorder.iterdir()}
    assert {"aws", "recorder", "store", "botocore", "aws_lambda_powertools"} <= shipped
    assert not {"contract", "curator", "duckdb", "engine", "models.json", "processor"} & shipped
    # Without what AWS says of a service botocore makes no client of it.
    assert {"events", "s3"} <= {one.name for one in (recorder / "botocore" / "data").iterdir()}
    assert _size(recorder) < 30_000_000


def test_nothing_of_the_local_lake_is_shipped(
    artifact: Path, curator: Path, recorder: Path
) -> None:
    for function, package in (
        (artifact, "processor"),
        (curator, "curator"),
        (recorder, "recorder"),
    ):
        assert not any((function / name).exists() for name in ("lake", "localaws", "tests"))
        ours = "".join(p.read_text() for p in (function / package).rglob("*.py"))
        assert not re.search("ministack|localhost|127.0.0.1|endpoint_url", ours, re.IGNORECASE)


def test_the_curator_has_no_engine_and_neither_function_reads_sql(
    artifact: Path, curator: Path
) -> None:
    shipped = {function: {p.name for p in function.iterdir()} for function in (artifact, curator)}
    assert {"aws", "curator", "store", "models.json"} <= shipped[curator]
    for name in ("contract", "contracts", "duckdb", "engine", "processor"):
        assert name not in shipped[curator]
        assert name in shipped[artifact]
    for name in ("model", "models", "sqlglot"):
        assert not [function for function, names in shipped.items() if name in names]


@contextmanager
def runtime(artifact: Path, bare_python: Path, environment: dict[str, str]) -> Iterator[Any]:
    """Run an artifact under Lambda's runtime interface emulator; give its invoke function."""
    emulator = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{MACHINE}"
    with socket.socket() as free, socket.socket() as api:
        free.bind(("127.0.0.1", 0))
        api.bind(("127.0.0.1", 0))
        port, api_port = free.getsockname()[1], api.getsockname()[1]
    process = subprocess.Popen(
        [
            str(emulator),
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{port}",
            "--runtime-api-address",
            f"127.0.0.1:{api_port}",
            str(bare_python),
            "-m",
            "awslambdaric",
            f"{environment['POWERTOOLS_SERVICE_NAME']}.app.handler",
        ],
        cwd=artifact,
        env={
            "PATH": os.environ["PATH"],
            "LAMBDA_TASK_ROOT": str(artifact),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def invoke(event: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations",
            json.dumps(event).encode(),
        )
        for attempt in range(50):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.loads(answer.read())
            except ConnectionRefusedError:
                pass
            except OSError:
                if attempt == 49:
                    raise
            time.sleep(0.2)
        raise AssertionError("the runtime interface emulator never answered")

    try:
        yield invoke
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def alone(artifact: Path, bare_python: Path) -> Iterator[Any]:
    with runtime(artifact, bare_python, ENVIRONMENT) as invoke:
        yield invoke


def test_the_artifact_starts_without_any_development_package(alone: Any) -> None:
    assert alone(load_event("s3-test-event")) == {"objects": []}


def test_an_unknown_event_is_an_error_that_says_what_came(alone: Any) -> None:
    answer = alone({"hello": "world"})
    assert answer["errorType"] == "UnknownEventError"
    assert "hello" in answer["errorMessage"]


def test_a_queue_batch_of_what_nothing_can_read_is_acknowledged(alone: Any) -> None:
    batch = load_event("sqs-batch")
    batch["Records"][0]["body"] = "[" * 100_000
    assert alone(batch) == {"batchItemFailures": []}


def test_the_curator_starts_and_names_the_message_that_it_cannot_read(
    curator: Path, bare_python: Path
) -> None:
    def record(name: str, body: str) -> dict[str, Any]:
        sent = {"SentTimestamp": "1705320000000"}
        return {
            "messageId": name,
            "body": body,
            "attributes": sent,
            "eventSource": "aws:sqs",
        }

    # Of a table that no model reads nothing is to be kept: it is acknowledged.
    nobodys = record("nobody's", '{"table":"no_such","dates":["2024-01-15"]}')
    with runtime(curator, bare_python, CURATOR) as invoke:
        answer = invoke({"Records": [record("bad", "[" * 100_000), nobodys]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_a_curator_that_was_built_without_models_says_so(
    curator: Path, bare_python: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(curator, bare, ignore=shutil.ignore_patterns("models.json"))
    with runtime(bare, bare_python, CURATOR) as invoke:
        answer = invoke({"Records": []})
    assert answer["errorType"] == "ModelError"
    assert "built without its models" in answer["errorMessage"]
