"""A contract that is built and deployed is honoured: types, dates, refusals."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import CONTRACTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

#: Of the contract that the lakes of tests are built with.
DATASET = "deployed_payments"


def table(lake: LocalLake) -> dict[str, str]:
    found = lake.client("glue").get_table(
        DatabaseName=lake.outputs["GlueDatabaseName"], Name=DATASET
    )["Table"]
    columns = found["StorageDescriptor"]["Columns"]
    return {c["Name"]: c["Type"] for c in columns if not c["Name"].startswith("_")}


@pytest.mark.local
def test_a_deployed_contract_gives_types_and_dates_and_refuses_records(
    local_lake: LocalLake,
) -> None:
    csv = b"paymentid,amount,currency,paid_on\n1.0,0.10,EUR,2024-01-15\n+2,0.20,EUR,2024-01-16\n"
    entry = local_lake.ingest(f"data/{DATASET}/one.csv", csv)
    assert (entry["status"], entry["records_accepted"]) == ("DONE", 2)
    body = (
        b'{"PaymentID": 3, "amount": 12345678901234567.89, "paid_on": "2024-02-01"}\n'
        b'{"PaymentID": 4, "amount": 0.105, "paid_on": "2024-02-01"}\n'
        b'{"PaymentID": 5, "amount": 1, "paid_on": "2024-02-01", "currency": "GBP"}\n'
        b'{"payment_id": 6, "amount": 1, "paid_on": "2024-02-01"}\n'
    )
    entry = local_lake.ingest(f"data/{DATASET}/two.jsonl", body)
    assert (entry["status"], entry["records_read"]) == ("PARTIAL", 4)
    assert table(local_lake) == {
        "paymentid": "bigint",
        "amount": "decimal(19,2)",
        "currency": "string",
        "paid_on": "date",
        "note": "string",
    }
    rows = local_lake.query(
        f"SELECT paymentid, cast(amount AS varchar) AS amount, date_partition FROM {DATASET} "
        "ORDER BY paymentid"
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, "0.10", "2024-01-15"),
        (2, "0.20", "2024-01-16"),
        (3, "12345678901234567.89", "2024-02-01"),
    ]
    missing = "required field PaymentID"
    refused = local_lake.query(
        f"SELECT record_number, reason, detail FROM quarantine WHERE dataset = '{DATASET}' "
        "ORDER BY record_number"
    )
    assert [tuple(row.values()) for row in refused] == [
        (2, "CONTRACT_VIOLATION", "multipleOf at $.amount: 0.105 is no multiple of 0.01"),
        (3, "CONTRACT_VIOLATION", 'enum at $.currency: "GBP" is none of ["EUR", "USD"]'),
        (
            4,
            "CONTRACT_VIOLATION",
            f"required at $.PaymentID: {missing} is missing (the record has payment_id)",
        ),
    ]


def build(root: Path, target: Path, contracts: Path) -> subprocess.CompletedProcess[str]:
    """Run what `sam build` runs, until contracts are found wrong."""
    return subprocess.run(
        ["make", "-f", str(root / "src" / "Makefile"), "build-ProcessorFunction"],
        cwd=root / "src",
        env={**os.environ, "LAKE_CONTRACTS": str(contracts), "ARTIFACTS_DIR": str(target)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"x-encodng": "cp1252"}, "keyword x-encodng: not supported: did you mean x-encoding?"),
    ({"properties": {"a": {"x-decimal": [18, 2]}}}, "#/properties/a/x-decimal"),
]


@pytest.mark.parametrize(("document", "told"), BROKEN)
def test_the_build_refuses_a_contract_that_would_not_be_honoured(
    root: Path, tmp_path: Path, document: dict[str, Any], told: str
) -> None:
    contracts, target = tmp_path / "contracts", tmp_path / "target"
    contracts.mkdir()
    (contracts / "orders.schema.json").write_text(json.dumps(document))
    done = build(root, target, contracts)
    assert done.returncode != 0
    assert told in done.stderr
    assert not target.exists()


def test_the_build_refuses_a_folder_of_contracts_that_is_not_there(
    root: Path, tmp_path: Path
) -> None:
    done = build(root, tmp_path / "target", tmp_path / "contarcts")
    assert done.returncode != 0
    assert f"No folder of contracts at {tmp_path / 'contarcts'}" in done.stderr


def test_the_contracts_of_tests_are_not_those_of_users(root: Path) -> None:
    assert (CONTRACTS / f"{DATASET}.schema.json").is_file()
    assert not list((root / "contracts").glob(f"{DATASET}*"))
