"""A column gets another type on a deployed lake, also where its raw objects are gone."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import LocalLake

pytestmark = pytest.mark.local


def test_prices_that_were_rescued_are_summed_once_their_column_is_double(
    local_lake: LocalLake,
) -> None:
    dataset = f"t_{uuid.uuid4().hex[:12]}"
    total = f"SELECT round(sum(price), 2) AS total, count(*) AS n FROM {dataset}"
    local_lake.ingest(f"data/{dataset}/day1.csv", b"id,price\n1,10\n2,20\n")
    local_lake.ingest(f"data/{dataset}/day2.csv", b"id,price\n3,19.99\n4,5.50\n,,,\nx\n")
    refused = f"SELECT count(*) AS n FROM quarantine WHERE source_key LIKE 'data/{dataset}/%'"
    assert local_lake.query(total) == [{"total": 30, "n": 4}]
    before = local_lake.query(refused)
    s3, raw = local_lake.client("s3"), local_lake.outputs["RawBucketName"]
    s3.delete_object(Bucket=raw, Key=f"data/{dataset}/day2.csv")
    words = ("lake", "retype", f"{dataset}.price", "double")
    told = local_lake.command(*words, expect=1)
    assert "1 of 2 raw objects" in told.stderr
    assert "--from-processed" in told.stderr
    # Workers remember a table for ten seconds.
    local_lake.command(*words, "--from-processed", "--settle", "12")
    assert local_lake.query(total) == [{"total": 55.49, "n": 4}]
    assert local_lake.query(refused) == before
    assert local_lake.query(
        f"SELECT count(*) AS n FROM {dataset} WHERE _rescued_data IS NOT NULL"
    ) == [{"n": 0}]
    assert all(
        f"rebuilt/{dataset}/1/" in row["path"]
        for row in local_lake.query(f'SELECT "$path" AS path FROM {dataset}')
    )
