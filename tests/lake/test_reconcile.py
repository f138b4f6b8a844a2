"""What `lake reconcile` says when it could not do all of it."""

from __future__ import annotations

from typing import Any

import pytest

from lake.errors import LakeCommandError
from lake.reconcile import Differences, fix
from store.naming import is_output
from tests.support.cloud import S3, Cloud


def test_an_orphan_that_is_not_deleted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_self: S3, **_named: Any) -> dict[str, Any]:
        return {"Errors": [{"Key": "processed/a", "Code": "AccessDenied", "Message": "denied"}]}

    monkeypatch.setattr(S3, "delete_objects", refused)
    lake: Any = Cloud()
    with pytest.raises(
        LakeCommandError, match="did not delete 1 orphans, such as processed/a: den"
    ):
        fix(lake, Differences(orphans=["processed/a"]), "repair")


@pytest.mark.parametrize("folder", ["processed/orders", "quarantine", "objects"])
def test_what_the_function_writes_is_known_as_ours(folder: str) -> None:
    name = "a-0123456789ab-0123456789ab.jsonl.gz"
    assert is_output(f"{folder}/date_partition=2024-01-15/{name}")
    assert not is_output(f"{folder}/date_partition=2024-01-15/by-hand.csv")
