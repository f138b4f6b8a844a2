"""A lake that was deleted is deployed again, with all that it had; `make test-chaos` runs it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, lake_up

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.chaos


def test_a_lake_that_was_deleted_is_deployed_again_with_all_that_it_had(tmp_path: Path) -> None:
    with lake_up(tmp_path / "state") as lake:
        assert lake.ingest("data/orders/a.json", b'{"n": 1}\n')["status"] == "DONE"
        raw = lake.outputs["RawBucketName"]
        lake.command("sam", "delete", "--stack-name", "DataLakeStack", "--no-prompts")
        # Nobody hears of this one: the queue is gone.
        lake.client("s3").put_object(Bucket=raw, Key="data/orders/b.json", Body=b'{"n": 2}\n')
        lake.command("lake", "adopt")
        lake.command(
            *("sam", "deploy", "--template-file", str(lake.state / "build" / "template.yaml")),
            *("--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"),
            *("--parameter-overrides", f"Architecture={platform.machine()}"),
        )
        assert lake.query("SELECT n FROM orders") == [{"n": 1}]
        assert lake.ingest("data/orders/c.json", b'{"n": 3}\n')["status"] == "DONE"
        lake.command("lake", "reconcile", "--grace", "0", "--fix", "--yes")
        assert lake.ingest("data/orders/d.json", b'{"n": 4}\n')["status"] == "DONE"
        assert sorted(row["n"] for row in lake.query("SELECT n FROM orders")) == [1, 2, 3, 4]
