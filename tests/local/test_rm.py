"""`lake rm` takes rows out of the lake, and, asked, every version of the objects."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

pytestmark = pytest.mark.local


def told(lake: LocalLake, *words: str) -> Any:
    return json.loads(lake.command("lake", "rm", *words, "--json").stdout)


def versions(lake: LocalLake, bucket: str, prefix: str) -> list[str]:
    found = lake.client("s3").list_object_versions(Bucket=lake.outputs[bucket], Prefix=prefix)
    return [one["Key"] for one in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]]


def test_rows_of_an_object_go_with_it_and_come_back_with_an_upload(local_lake: LocalLake) -> None:
    keys = [f"data/leaving/{name}.json" for name in ("a", "ab", "b")]
    for key in keys:
        local_lake.ingest(key, b'{"n": 1}\n{"n": 2}\n')
    would = told(local_lake, keys[0], "--raw", "--dry-run")
    assert would == {"keys": [keys[0]], "rows": 2, "in_raw": 1, "table": None}
    for how in ("--yes", "--dry-run"):
        refused = local_lake.command("lake", "rm", keys[0], how, expect=1)
        assert "rows of an object that is there would come back" in refused.stderr
    gone = told(local_lake, keys[0], "--raw", "--yes")
    assert (gone["removed"], gone["rows"], gone["waiting"]) == (1, 2, [])
    rows = "SELECT count(*) AS n FROM leaving"
    assert local_lake.query(rows) == [{"n": 4}]
    # The version is kept, below its delete marker.
    assert len(versions(local_lake, "RawBucketName", keys[0])) == 2
    differences = json.loads(
        local_lake.command("lake", "reconcile", "--grace", "0", "--json", expect=None).stdout
    )
    named = [name for name, found in differences.items() if "data/leaving/" in str(found)]
    assert named in ([], ["deleted"])
    # Nobody misses a deleted object whose rows are gone.
    words = ("replay", "--dataset", "leaving", "--no-wait", "--json")
    replayed = local_lake.command("lake", *words)
    assert (json.loads(replayed.stdout)["objects"], "not in the raw bucket" in replayed.stderr) == (
        2,
        False,
    )
    local_lake.ingest(keys[0], b'{"n": 1}\n')
    assert local_lake.query(rows) == [{"n": 5}]


def test_the_ledger_says_also_of_a_file_without_records_that_it_is_gone(
    local_lake: LocalLake,
) -> None:
    key = "data/hollow/empty.csv"
    assert local_lake.ingest(key, b"")["status"] == "EMPTY"
    would = told(local_lake, "--dataset", "hollow", "--raw", "--dry-run")
    # Nothing has made a table.
    assert would == {"keys": [key], "rows": 0, "in_raw": 1, "table": None}
    done = local_lake.command("lake", "rm", "--dataset", "hollow", "--raw", "--yes")
    assert done.stdout == "1 object deleted from the raw bucket.\n"
    assert "the table hollow goes" not in done.stderr
    assert local_lake.entry(key)["status"] == "DELETED"
    again = local_lake.command("lake", "rm", key, "--yes", expect=1)
    assert "There is nothing to remove" in again.stderr


def test_what_was_only_deleted_is_erased_later(local_lake: LocalLake) -> None:
    key = "data/forgotten/a.json"
    local_lake.ingest(key, b'{"n": 1}\n')
    local_lake.ingest("data/forgotten/ab.json", b'{"n": 1}\n')
    told(local_lake, key, "--raw", "--yes")
    assert len(versions(local_lake, "RawBucketName", key)) == 2
    assert len(versions(local_lake, "ProcessedBucketName", "processed/forgotten/")) == 3
    would = told(local_lake, key, "--raw", "--all-versions", "--dry-run")
    assert would == {"keys": [key], "rows": 0, "in_raw": 1, "table": None}
    words = ("rm", key, "--raw", "--all-versions", "--yes")
    said = local_lake.command("lake", *words).stdout
    assert said == "4 versions erased: of raw objects and their rows' files.\n"
    assert versions(local_lake, "RawBucketName", key) == []
    assert len(versions(local_lake, "ProcessedBucketName", "processed/forgotten/")) == 1
    again = local_lake.command("lake", *words, expect=1)
    assert "There is nothing to remove" in again.stderr
    # A dataset has what was deleted of it, too.
    told(local_lake, "data/forgotten/ab.json", "--raw", "--yes")
    gone = told(local_lake, "--dataset", "forgotten", "--raw", "--all-versions", "--yes")
    assert (gone["removed"], gone["deleted_versions"], gone["table_dropped"]) == (0, 4, True)
    assert versions(local_lake, "RawBucketName", "data/forgotten/") == []
    assert versions(local_lake, "ProcessedBucketName", "processed/forgotten/") == []


def test_the_contract_of_a_removed_dataset_is_named(local_lake: LocalLake, tmp_path: Path) -> None:
    local_lake.ingest("data/judged/a.json", b'{"n": 1}\n')
    (tmp_path / "judged.schema.json").write_text("{}")
    there = replace(local_lake, contracts=tmp_path)
    said = there.command("lake", "rm", "--dataset", "judged", "--raw", "--yes").stdout
    assert said.splitlines() == [
        "The rows of 1 object are removed: 1.",
        "1 object deleted from the raw bucket.",
        "The table judged was dropped.",
        "The contract judged.schema.json stays, and holds for what is uploaded again.",
    ]


def test_a_dataset_is_erased_with_every_version_of_its_objects_and_rows(
    local_lake: LocalLake,
) -> None:
    for body in (b'{"n": 1}\n', b'{"n": 1}\n{"n": 2}\n'):
        entry = local_lake.ingest("data/erased/a.json", body)
    local_lake.ingest("data/erased_not/a.json", b'{"n": 1}\n')
    assert entry["status"] == "DONE"
    gone = told(local_lake, "--dataset", "erased", "--raw", "--all-versions", "--yes")
    assert (gone["removed"], gone["rows"], gone["table_dropped"]) == (1, 2, True)
    assert versions(local_lake, "RawBucketName", "data/erased/") == []
    # Also those of the upload before.
    assert versions(local_lake, "ProcessedBucketName", "processed/erased/") == []
    assert len(versions(local_lake, "ProcessedBucketName", "processed/erased_not/")) == 1
    assert local_lake.entry("data/erased/a.json")["status"] == "DELETED"
    names = [one["Name"] for one in local_lake.client("glue").get_tables(
        DatabaseName=local_lake.outputs["GlueDatabaseName"])["TableList"]]  # fmt: skip
    assert "erased" not in names
    assert local_lake.query("SELECT count(*) AS n FROM erased_not") == [{"n": 1}]
    # A worker that knew the table makes it again.
    assert local_lake.ingest("data/erased/b.json", b'{"n": 3}\n')["status"] == "DONE"
    assert local_lake.query("SELECT n FROM erased") == [{"n": 3}]
