"""What a curator does in moments that the drawn histories seldom reach."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from aws.athena import Athena
from aws.curated import S3Folders
from lake.models import Seen
from store.curated import columns_in
from store.errors import ModelFailedError
from store.refresh import Failed
from tests.support.cloud import DATABASE, client_error
from tests.support.curation import DAILY, SCHEDULE, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

DATE = "2024-01-01"


@pytest.fixture
def zone() -> Iterator[Zone]:
    made = Zone()
    yield made
    made.close()


def published(zone: Zone, *ids: int) -> None:
    zone.commit(DATE, [*ids])
    while visible := zone.visible():
        zone.deliver(visible).finish()


def test_rows_are_published_before_thousands_of_folders_are_deleted(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was deleted is not looked for again: else no invocation would get further."""
    published(zone, 1)
    curator = zone.curator()
    folders = tuple((f"models/{DAILY}/old/date_partition={n:04}/", 0.0) for n in range(1000))
    curator.change(DAILY, lambda state: replace(state, doomed=folders))
    asked: list[str] = []

    def delete(_: S3Folders, folder: str) -> None:
        asked.append(folder)
        zone.cloud.now += 1

    monkeypatch.setattr(S3Folders, "delete", delete)
    zone.commit(DATE, [2])
    zone.deliver(zone.visible()).finish()
    assert zone.read(DAILY, DATE) == ["0", 2]
    rounds = 0
    while curator.states.get(DAILY).due(zone.cloud.now):
        rounds += 1
        assert rounds < 10
        zone.schedule().finish()
    assert len(asked) <= 1000 + 50 * (rounds + 1)


class Answers:
    """Athena that answers one thing."""

    def __init__(self, message: str = "", status: dict[str, object] | None = None) -> None:
        self.message, self.status = message, status

    def start_query_execution(self, **_: object) -> dict[str, str]:
        raise client_error("InvalidRequestException", message=self.message)

    def get_query_execution(self, **_: object) -> dict[str, object]:
        return {"QueryExecution": {"Status": self.status}}


@pytest.mark.parametrize(
    ("message", "permanent"),
    [("line 1:8: mismatched input", True), ("Idempotent parameters do not match", False)],
)
def test_a_token_of_another_statement_is_no_fault_of_the_model(
    message: str, permanent: bool
) -> None:
    athena = Athena(Answers(message), "builders", DATABASE)  # type: ignore[arg-type]  # two calls of it
    with pytest.raises(ModelFailedError) as told:
        athena.start("SELECT 1", "x" * 32)
    assert told.value.permanent is permanent


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        ({"State": "CANCELLED", "StateChangeReason": "Bytes scanned limit was exceeded"}, True),
        ({"State": "CANCELLED", "StateChangeReason": "Query cancelled by user"}, True),
        (
            {
                "State": "FAILED",
                "StateChangeReason": "HIVE_PATH_ALREADY_EXISTS: Unload target is not empty",
                "AthenaError": {"ErrorCategory": 2},
            },
            False,
        ),
    ],
)
def test_what_would_only_cost_again_is_not_tried_again(
    status: dict[str, object], permanent: bool
) -> None:
    athena = Athena(Answers(status=status), "builders", DATABASE)  # type: ignore[arg-type]  # two calls of it
    assert athena.look("q").permanent is permanent


def test_a_date_without_rows_was_made_as_others_were(zone: Zone) -> None:
    """It has no partition that tells so: `lake reconcile` would make it anew for ever."""
    published(zone, 1)
    zone.commit("2024-01-02", [])
    zone.deliver(zone.visible()).finish()
    model, state = zone.models[DAILY], zone.curator().states.get(DAILY)
    assert state.done
    assert state.empty == (("2024-01-02", state.done.began),)
    before, after = state.done.began - 1, state.done.began + 1
    seen = Seen(model, state, {DATE: ("", after)})
    changed = {"orders": {DATE: before, "2024-01-02": before, "2024-01-03": before}}
    assert seen.stale(changed) == ["2024-01-03"]
    assert seen.stale({"orders": {"2024-01-02": after}}) == ["2024-01-02"]
    published(zone, 1, 2)
    assert zone.curator().states.get(DAILY).empty == state.empty
    other = replace(model, sql="another text")
    assert replace(seen, model=other).stale({"orders": {"2024-01-02": before}}) == ["2024-01-02"]
    zone.commit("2024-01-02", [3])
    zone.deliver(zone.visible()).finish()
    assert not zone.curator().states.get(DAILY).empty


def test_text_has_no_length_in_tables() -> None:
    kinds = {
        "varchar(3)": "string",
        "varchar": "string",
        "char(2)": "char(2)",
        "array<struct<a:varchar(7),b:decimal(3,1)>>": "array<struct<a:string,b:decimal(3,1)>>",
    }
    view = {"StorageDescriptor": {"Columns": [{"Name": "A", "Type": kind} for kind in kinds]}}
    assert columns_in(view) == tuple(("a", kind) for kind in kinds.values())


def test_what_seems_to_pass_and_does_not_is_tried_more_and_more_seldom(zone: Zone) -> None:
    """Each try is a query that costs; a message tries again at once."""
    zone.broken = ("GENERIC_INTERNAL_ERROR", 1)
    zone.commit(DATE, [1])
    zone.deliver(zone.visible()).finish()
    tried = []
    for _ in range(2):
        before = len(zone.cloud.queries)
        zone.wait(12 * 3600)
        tried.append(len(zone.cloud.queries) - before)
    assert 10 <= tried[0] <= 60
    assert tried[1] <= 30
    zone.broken = None
    zone.want(DAILY, [DATE])
    zone.deliver(zone.visible()).finish()
    assert zone.read(DAILY, DATE) == ["0", 1]
    assert zone.curator().states.get(DAILY).failed is None


def test_what_failed_a_thousand_times_can_still_be_tried_again() -> None:
    """A power of two that is no float any more would stop the curator before it had begun."""
    why = Failed(100.0, "text", "TABLE_NOT_FOUND", "", permanent=False, times=5_000)
    assert why.again_at == 100.0 + 6 * 3600


def test_a_table_that_is_not_there_is_looked_for_each_five_minutes(zone: Zone) -> None:
    """Nobody tells of the first file of a lookup."""
    table = zone.cloud.tables.pop("orders")
    zone.commit(DATE, [1])
    zone.deliver(zone.visible()).finish()
    zone.wait(24 * 3600)
    failed = zone.curator().states.get(DAILY).failed
    assert failed
    assert failed.reason == "TABLE_NOT_FOUND"
    zone.cloud.tables["orders"] = table
    zone.wait(SCHEDULE)
    assert zone.read(DAILY, DATE) == ["0", 1]
