"""The commands of an operator, on a deployed lake."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lake import ledger
from lake.target import Target
from tests.conftest import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local


@pytest.fixture
def dataset() -> str:
    return f"t_{uuid.uuid4().hex[:12]}"


def files(lake: LocalLake, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(lake.command("lake", "files", "--json", *words).stdout)
    return found


def differences(lake: LocalLake, dataset: str) -> dict[str, list[str]]:
    """What `lake reconcile` finds of one dataset; other tests have theirs."""
    done = lake.command("lake", "reconcile", "--grace", "0", "--json", expect=None)
    found = json.loads(done.stdout)
    return {
        name: mine
        for name, keys in found.items()
        if isinstance(keys, list) and (mine := [key for key in keys if dataset in key])
    }


def test_files_says_what_became_of_each_object(local_lake: LocalLake, dataset: str) -> None:
    local_lake.ingest(f"data/{dataset}/good.json", b'{"n": 1, "date": "2024-01-15"}')
    local_lake.ingest(f"data/{dataset}/half.json", b'{"n": 1}\n{"n": \n{"n": 3}\n')
    local_lake.ingest(f"data/{dataset}/bad.json", b"[1")
    seen = {one["key"].rpartition("/")[2]: one for one in files(local_lake, "--dataset", dataset)}
    assert {name: one["status"] for name, one in seen.items()} == {
        "good.json": "DONE",
        "half.json": "PARTIAL",
        "bad.json": "REJECTED",
    }
    half = seen["half.json"]
    assert (half["read"], half["accepted"], half["quarantined"]) == (3, 2, 1)
    assert seen["bad.json"]["reason"] == "CORRUPT_FILE"


HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"statuses": ["REJECTED"]}, ["bad"]),
        ({"statuses": ["REJECTED", "PARTIAL"]}, ["bad", "half"]),
        ({"statuses": ["REJECTED"], "since": HOUR_AGO}, ["bad"]),
        ({"statuses": ["REJECTED"], "until": HOUR_AGO}, []),
        ({"statuses": ["DONE"]}, ["good"]),
        ({"statuses": ["DONE", "REJECTED"]}, ["bad", "good"]),
        ({"since": HOUR_AGO}, ["bad", "good", "half"]),
        ({"since": "2099-01-01"}, []),
        ({"first_date": "2024-01-15", "last_date": "2024-01-15"}, ["good"]),
        ({"last_date": "2024-01-14"}, []),
    ],
)
def test_objects_are_found_by_status_time_and_date(
    local_lake: LocalLake, filtered: str, wanted: dict[str, Any], names: list[str]
) -> None:
    target = Target(local_lake.session, local_lake.endpoint, "DataLakeStack")
    found = ledger.items(target, ledger.Filter(datasets=[filtered], **wanted))
    assert sorted(one.key.rpartition("/")[2] for one in found) == [f"{n}.json" for n in names]


@pytest.fixture(scope="module")
def filtered(local_lake: LocalLake) -> str:
    name = f"t_{uuid.uuid4().hex[:12]}"
    local_lake.ingest(f"data/{name}/good.json", b'{"n": 1, "date": "2024-01-15"}')
    local_lake.ingest(f"data/{name}/half.json", b'{"n": 1}\n{"n": \n{"n": 3}\n')
    local_lake.ingest(f"data/{name}/bad.json", b"[1")
    return name


def test_files_are_a_table_for_people(local_lake: LocalLake, dataset: str) -> None:
    local_lake.ingest(f"data/{dataset}/x.json", b'{"n": 1}')
    said = local_lake.command("lake", "files", "--key", f"data/{dataset}/*")
    assert f"data/{dataset}/x.json" in said.stdout
    assert "DONE" in said.stdout
    assert "1 object" in said.stderr


def test_options_say_which_files(local_lake: LocalLake, filtered: str) -> None:
    words = ("--dataset", filtered, "--status", "rejected", "--since", "1h", "--limit", "1")
    (found,) = files(local_lake, *words)
    assert found["key"] == f"data/{filtered}/bad.json"


def test_a_time_that_is_none_is_refused(local_lake: LocalLake) -> None:
    refused = local_lake.command("lake", "files", "--since", "yesterday", expect=64)
    assert "neither like 2024-01-15T12:00 nor like 2h" in refused.stderr


def outputs(lake: LocalLake, dataset: str) -> set[str]:
    return {key for one in files(lake, "--dataset", dataset) for key in one["outputs"]}


def test_a_replay_writes_the_rows_anew_and_the_answer_stays(
    local_lake: LocalLake, dataset: str
) -> None:
    for number in range(12):
        local_lake.ingest(f"data/{dataset}/{number}.json", b'{"n": %d}' % number)
    before = outputs(local_lake, dataset)
    asked = local_lake.command("lake", "replay", "--dataset", dataset, expect=1)
    assert "standard input is no terminal" in asked.stderr
    assert outputs(local_lake, dataset) == before
    done = local_lake.command("lake", "replay", "--dataset", dataset, "--yes", "--json")
    assert json.loads(done.stdout)["statuses"] == {"DONE": 12}
    assert outputs(local_lake, dataset).isdisjoint(before)
    assert local_lake.query(f"SELECT count(*) AS c, sum(n) AS s FROM {dataset}") == [
        {"c": 12, "s": 66}
    ]
    assert differences(local_lake, dataset) == {}


def test_a_dry_run_and_a_contract_that_is_tried_change_nothing(
    local_lake: LocalLake, dataset: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "2024"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("id,picked_up\n1,2024-01-15\n2,2024-01-16\n")
    (folder / "b.csv").write_text("id,picked_up\n3,2024-01-17\n")
    put = local_lake.command("lake", "put", str(tmp_path / "in"), "--dataset", dataset)
    assert f"data/{dataset}/2024/a.csv" in put.stdout
    assert f"lake contract infer {dataset} --date-column picked_up --write" in put.stdout
    before = outputs(local_lake, dataset)
    words = ("lake", "replay", "--dataset", dataset, "--dry-run", "--json")
    told = json.loads(local_lake.command(*words).stdout)
    assert told["now"] == told["then"]
    assert (told["then"]["accepted"], told["then"]["undated"]) == (3, 3)
    contract = tmp_path / f"{dataset}.schema.json"
    contract.write_text(
        json.dumps(
            {
                "type": "object",
                "properties": {
                    "id": {"type": "integer", "maximum": 2},
                    "picked_up": {"type": "string"},
                },
                "x-partition-column": "picked_up",
            }
        )
    )
    asked = ("lake", "contract", "check", str(contract), "--against", dataset, "--json")
    told = json.loads(local_lake.command(*asked, expect=2).stdout)
    assert told["then"]["undated"] == 0
    assert (told["then"]["accepted"], told["then"]["refused"]) == (2, 1)
    assert outputs(local_lake, dataset) == before


def test_a_replay_needs_to_be_told_of_what(local_lake: LocalLake) -> None:
    assert "--all" in local_lake.command("lake", "replay", expect=1).stderr
    nothing = local_lake.command("lake", "replay", "--dataset", "no_such_dataset", expect=1)
    assert "No object matches" in nothing.stderr
    gone = local_lake.command("lake", "replay", "--key", "data/no/such", expect=1)
    assert "not in the raw bucket" in gone.stderr


def test_reconcile_finds_and_mends_every_difference(local_lake: LocalLake, dataset: str) -> None:
    s3, processed = local_lake.client("s3"), local_lake.outputs["ProcessedBucketName"]
    raw, table = local_lake.outputs["RawBucketName"], local_lake.outputs["LedgerTableName"]
    for name in ("missing", "forgotten", "whole", "deleted"):
        local_lake.ingest(f"data/{dataset}/{name}.json", b'{"n": 1, "date": "2024-01-15"}')
    assert differences(local_lake, dataset) == {}
    (gone,) = [key for key in outputs(local_lake, dataset) if "/missing-" in key]
    s3.delete_object(Bucket=processed, Key=gone)
    local_lake.client("dynamodb").delete_item(
        TableName=table, Key={"object": {"S": f"{raw}/data/{dataset}/forgotten.json"}}
    )
    s3.delete_object(Bucket=raw, Key=f"data/{dataset}/deleted.json")
    by_hand = f"processed/{dataset}/date_partition=2024-01-15/by-hand.parquet"
    s3.copy_object(
        Bucket=processed, Key=by_hand, CopySource=f"{processed}/{_any(local_lake, dataset)}"
    )
    found = differences(local_lake, dataset)
    assert found.pop("missing") == [f"data/{dataset}/missing.json"]
    assert found.pop("undelivered") == [f"data/{dataset}/forgotten.json"]
    (orphan,) = found.pop("orphans")
    assert "/forgotten-" in orphan
    assert found == {"deleted": [f"data/{dataset}/deleted.json"], "foreign": [by_hand]}
    assert (
        "--yes" in local_lake.command("lake", "reconcile", "--fix", "--grace", "0", expect=1).stderr
    )
    local_lake.command("lake", "reconcile", "--fix", "--yes", "--grace", "0")
    rest = {"deleted", "foreign"}
    until("it is mended", lambda: set(differences(local_lake, dataset)) == rest)
    s3.delete_object(Bucket=processed, Key=by_hand)
    assert local_lake.query(f"SELECT count(*) AS c FROM {dataset}") == [{"c": 4}]


def _any(lake: LocalLake, dataset: str) -> str:
    return next(key for key in outputs(lake, dataset) if "/whole-" in key)


def test_dead_letters_go_back_once_what_killed_them_is_mended(
    local_lake: LocalLake, dataset: str
) -> None:
    assert "no dead letters" in local_lake.command("lake", "redrive").stdout
    sqs, queue = local_lake.client("sqs"), local_lake.outputs["IngestQueueUrl"]
    function, name = local_lake.client("lambda"), local_lake.outputs["ProcessorFunctionName"]
    redrive = json.loads(
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"][
            "RedrivePolicy"
        ]
    )
    variables = function.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def settle(receives: int, ledger: str) -> None:
        policy = json.dumps({**redrive, "maxReceiveCount": receives})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
        function.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**variables, "LEDGER_TABLE": ledger}}
        )

    settle(1, "no-such-table")
    try:
        local_lake.upload(f"data/{dataset}/x.json", b'{"n": 1}')
        until("it is dead", lambda: local_lake.messages("DeadLetterQueueUrl") == 1, 90)
    finally:
        settle(redrive["maxReceiveCount"], variables["LEDGER_TABLE"])
    done = local_lake.command("lake", "redrive", "--json")
    assert json.loads(done.stdout) == {"dead_letters": 1, "moved": 1}
    until(
        "it is ingested",
        lambda: [one["status"] for one in files(local_lake, "--dataset", dataset)] == ["DONE"],
    )
    assert local_lake.messages("DeadLetterQueueUrl") == 0
