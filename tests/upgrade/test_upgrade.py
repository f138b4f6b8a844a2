"""A lake of an older version, with its data, becomes this one; `make test-upgrade` runs it.

``FROM`` names the commits to begin with, ``RECORD`` a file that keeps what the version has left.
Both versions run on today's local AWS.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT, lake_up, until
from tests.upgrade.files import AGAIN, FILES, UNFINISHED
from tests.upgrade.recording import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.upgrade

#: The first version that was shown to anybody, and the last before releases note what changes.
COMMITS = (os.environ.get("FROM") or "e8e70c0 c2d70d3").split()

#: Where nobody goes back to.
UNABLE = "e8e70c0"

#: Of each table that the old version makes, and of what both versions know of a row.
TABLES = ("orders", "events", "sales", "logs", "processed_table", "quarantine")

#: Records of the object whose worker is killed: enough for seconds in which to do it.
LARGE = 400_000


@pytest.fixture(scope="module", params=COMMITS)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the project deployed at a commit: its template and its code, without its command."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    names = ["template.yaml", "samconfig.toml", "contracts", "src"]
    here = ["git", "-C", str(ROOT)]
    listed = subprocess.run(
        [*here, "ls-tree", "--name-only", request.param, *names, "models"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    packed = subprocess.run(
        [*here, "archive", request.param, *listed], check=True, capture_output=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder)  # noqa: S202 - git wrote it, and 3.11.2 has no filter
    (folder / "models").mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def lake(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with lake_up(tmp_path_factory.mktemp("upgraded") / "state", old) as up:
        yield up


def rows(lake: LocalLake, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Every row of the tables that are asked for, in the columns that are asked for."""
    return {
        table: sorted(
            json.dumps(row, sort_keys=True)
            for row in lake.query(f"SELECT {', '.join(names)} FROM {table}")
        )
        for table, names in columns.items()
    }


def columns(lake: LocalLake) -> dict[str, list[str]]:
    found = {}
    for table in TABLES:
        told = lake.client("glue").get_table(
            DatabaseName=lake.outputs["GlueDatabaseName"], Name=table
        )["Table"]
        every = [*told["StorageDescriptor"]["Columns"], *told["PartitionKeys"]]
        found[table] = [f'"{column["Name"]}"' for column in every]
    return found


def differences(lake: LocalLake) -> dict[str, Any]:
    done = lake.command("lake", "reconcile", "--grace", "0", "--json", expect=None)
    found: dict[str, Any] = json.loads(done.stdout)
    return {name: keys for name, keys in found.items() if name != "objects" and keys}


def until_whole(lake: LocalLake) -> None:
    """Wait for a sweep: what a dead worker had begun is left over from when its lease ends."""
    until("nothing is left over", lambda: differences(lake) == {}, 400)


def ledger(lake: LocalLake) -> dict[str, dict[str, Any]]:
    done = lake.command("lake", "files", "--limit", "1000", "--json")
    return {one["key"]: one for one in json.loads(done.stdout)}


def workers(lake: LocalLake) -> list[int]:
    server = json.loads((lake.state / "state.json").read_text())["pid"]
    told = subprocess.run(["pgrep", "-P", str(server)], capture_output=True, text=True, check=False)
    return [int(one) for one in told.stdout.split()]


def killed(lake: LocalLake, key: str) -> None:
    """Kill the worker that is at an object."""
    lake.upload(key, b'{"id": 6, "price": 1, "date": "2024-01-19"}\n' * LARGE)
    until("a worker is at it", lambda: lake.entry(key).get("status") == "PROCESSING")
    for worker in workers(lake):
        os.kill(worker, signal.SIGKILL)
    assert lake.entry(key)["status"] == "PROCESSING"


def fill(lake: LocalLake) -> None:
    """Let the old version ingest, refuse, replace and die."""
    for key, body in FILES.items():
        lake.ingest(key, body)
    lake.ingest("data/orders/again.json", AGAIN)
    # A message whose worker is gone returns soon: the local AWS ends workers when their function is
    # replaced, too, where AWS lets them finish.
    lake.client("lambda").update_function_configuration(
        FunctionName=lake.outputs["ProcessorFunctionName"], Timeout=60
    )
    lake.client("sqs").set_queue_attributes(
        QueueUrl=lake.outputs["IngestQueueUrl"], Attributes={"VisibilityTimeout": "90"}
    )
    killed(lake, UNFINISHED)


def upload_meanwhile(lake: LocalLake, ended: threading.Event, uploaded: list[str]) -> None:
    bucket = lake.outputs["RawBucketName"]
    while not ended.wait(2):
        key = f"data/meanwhile/{len(uploaded)}.json"
        body = json.dumps({"n": len(uploaded), "date": "2024-05-01"}).encode()
        lake.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        uploaded.append(key)


def upgrade(lake: LocalLake) -> list[str]:
    """Deploy this version over the old one, while a producer uploads; give what it uploaded."""
    ended, uploaded = threading.Event(), list[str]()
    producer = threading.Thread(target=upload_meanwhile, args=(lake, ended, uploaded))
    producer.start()
    try:
        lake.command("lake", "--local", "deploy")
    finally:
        ended.set()
        producer.join()
    return uploaded


def test_an_old_lake_becomes_this_one(lake: LocalLake) -> None:
    fill(lake)
    asked, entries = columns(lake), ledger(lake)
    before = rows(lake, asked)
    assert {key: entries[key]["status"] for key in FILES} == {
        "data/orders/2024-01-15.json": "PARTIAL",
        "data/orders/drift.json": "DONE",
        "data/events/month.csv.gz": "DONE",
        "data/sales/part-0.parquet": "DONE",
        "data/logs/app.log": "DONE",
        "data/array.json": "DONE",
        "data/orders/broken.json.gz": "REJECTED",
        "data/orders/again.json": "DONE",
    }
    if folder := os.environ.get("RECORD"):
        record(lake, ROOT / folder)

    uploaded = upgrade(lake)

    # Nothing is lost, and nothing changed by itself.
    assert rows(lake, asked) == before
    now = ledger(lake)
    assert {key: now[key] for key in FILES} == {key: entries[key] for key in FILES}

    # What came while it was deployed is there, once, and so is what a dead worker had begun.
    def done() -> bool:
        return all(lake.entry(key).get("verdict") == "DONE" for key in [*uploaded, UNFINISHED])

    until("all is ingested", done, 400)
    counts = "SELECT count(*) AS c, count(DISTINCT n) AS d FROM meanwhile"
    assert lake.query(counts) == [{"c": len(uploaded), "d": len(uploaded)}]
    assert lake.query("SELECT count(*) AS c FROM unfinished") == [{"c": LARGE}]
    until_whole(lake)

    # An old object is replaced, and an old table grows.
    lake.ingest("data/orders/again.json", b'{"id": 5, "price": 8, "date": "2024-01-17"}\n')
    lake.ingest("data/orders/new.json", b'{"id": 7, "price": 1, "date": "2024-01-18", "x": "y"}\n')
    said = lake.query("SELECT id, price, x, date_partition FROM orders WHERE id IN (5, 7)")
    assert sorted(said, key=lambda row: int(row["id"])) == [
        {"id": 5, "price": 8, "x": None, "date_partition": "2024-01-17"},
        {"id": 7, "price": 1, "x": "y", "date_partition": "2024-01-18"},
    ]

    # Everything that there was is ingested anew, and says what it said.
    before = rows(lake, asked)
    lake.command("lake", "replay", "--all", "--yes", expect=None)
    assert rows(lake, asked) == before
    until_whole(lake)

    lake.command("lake", "crawl", "--wait")
    assert rows(lake, asked) == before
    until_whole(lake)


def test_it_goes_back_to_the_old_version_and_forth_again(lake: LocalLake, old: Path) -> None:
    """As `docs/how-to/upgrade.md` says; it begins where the test above ends."""
    if old.name.startswith(UNABLE):
        pytest.skip(f"{UNABLE} cannot read what a newer version wrote, and the page says so")
    asked = columns(lake)
    before = rows(lake, asked)
    subprocess.run(
        [sys.executable, "-m", "lake", "--local", "deploy"], cwd=old, env=lake.shell, check=True
    )
    assert rows(lake, asked) == before
    # The old version replaces what the new one wrote, and adds to it.
    lake.ingest("data/orders/again.json", b'{"id": 5, "price": 9, "date": "2024-01-17"}\n')
    lake.ingest("data/orders/back.json", b'{"id": 8, "price": 1, "date": "2024-01-18"}\n')
    told = "SELECT id, price FROM orders WHERE id IN (5, 8) ORDER BY id"
    assert lake.query(told) == [{"id": 5, "price": 9}, {"id": 8, "price": 1}]

    lake.command("lake", "--local", "deploy")
    assert lake.query(told) == [{"id": 5, "price": 9}, {"id": 8, "price": 1}]
    until_whole(lake)
