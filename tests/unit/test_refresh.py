"""What the curator does about one model beside what histories draw."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from aws.dynamodb import DynamoStates
from curator.refresh import Curator, Invocation, Refreshed, Told
from store.curated import key_in, location_of
from store.errors import LedgerConflictError, ServiceError
from store.models import Header, Refresh
from store.refresh import Refresh as State
from store.touch import Touch
from tests.support.cloud import CURATED, PROCESSED, QueryError, client_error
from tests.support.curation import DAILY, KEEP, WHOLE, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY, NEXT = "2024-01-15", "2024-01-16"


@pytest.fixture
def zone() -> Iterator[Zone]:
    zone = Zone()
    zone.rows = {DAY: [1], NEXT: [2]}
    for day in zone.rows:
        zone.cloud.partitions["orders", day] = {"Values": [day]}
    yield zone
    zone.close()


def wanted(zone: Zone, *dates: str, curator: Curator | None = None) -> Refreshed:
    """Have dates of the model by date be told, or all of it; and make them anew."""
    curator = curator or zone.curator()
    told = Touch("", DAILY, frozenset(dates), everything=not dates)
    curator.take([Told("m", zone.cloud.now, told)])
    return refreshed(curator)


def refreshed(curator: Curator, *, scheduled: bool = False) -> Refreshed:
    invocation = Invocation("worker", lambda: 300.0, scheduled)
    return curator.refresh(curator.models[DAILY], invocation)


def why(done: Refreshed) -> tuple[str, bool]:
    assert done.runs == ()
    (failed,) = done.failed
    assert failed.detail
    return failed.reason, failed.permanent


def test_a_model_is_made_anew_no_more_often_than_it_says(zone: Zone) -> None:
    curator = zone.curator()
    header = Header("By the hour", Refresh.BY_DATE, minutes=60)
    hourly = replace(curator, models={DAILY: replace(curator.models[DAILY], header=header)})
    assert len(wanted(zone, DAY, curator=hourly).runs) == 1
    zone.cloud.now += 59 * 60
    assert wanted(zone, DAY, NEXT, curator=hourly) == Refreshed(DAILY)
    assert hourly.states.get(DAILY).waiting == (DAY, NEXT)
    assert zone.read(DAILY, NEXT) is None
    zone.cloud.now += 60
    # Nobody needs to tell again.
    (run,) = refreshed(hourly, scheduled=True).runs
    assert (run.partitions, run.late) == (2, 60.0)


def test_all_dates_are_those_of_the_sources_and_those_that_the_table_has(zone: Zone) -> None:
    wanted(zone)
    assert (zone.read(DAILY, DAY), zone.read(DAILY, NEXT)) == (["0", 1], ["0", 2])
    # Of a date that no source has any more no row is left.
    zone.rows[DAY] = []
    del zone.cloud.partitions["orders", DAY]
    (run,) = wanted(zone).runs
    assert run.partitions == 1
    assert (zone.read(DAILY, DAY), zone.read(DAILY, NEXT)) == (None, ["0", 2])


def test_dates_of_a_projected_source_are_its_folders(zone: Zone) -> None:
    zone.cloud.partitions.clear()
    zone.cloud.write(PROCESSED, f"quarantine/date_partition={NEXT}/a.jsonl.gz", b"x")
    table = zone.cloud.tables["orders"]
    table["Parameters"] = {"projection.enabled": "true"}
    table["StorageDescriptor"]["Location"] = f"s3://{PROCESSED}/quarantine/"
    (run,) = wanted(zone).runs
    assert run.partitions == 1
    assert (zone.read(DAILY, DAY), zone.read(DAILY, NEXT)) == (None, ["0", 2])


def test_a_source_that_there_is_not_yet_is_looked_for_again(zone: Zone) -> None:
    orders = zone.cloud.tables.pop("orders")
    done = wanted(zone, DAY)
    assert {(one.reason, one.permanent) for one in done.failed} == {("TABLE_NOT_FOUND", False)}
    assert zone.curator().states.get(DAILY).waiting == (DAY,)
    assert zone.cloud.queries == {}
    zone.cloud.tables["orders"] = orders
    # As the processor tells of its first rows; or nobody does.
    zone.cloud.now += 3600
    assert len(refreshed(zone.curator(), scheduled=True).runs) == 1


def view_of(zone: Zone, monkeypatch: pytest.MonkeyPatch, **types: str) -> None:
    """The model's columns are other ones, as Athena says."""

    def make(model: str) -> None:
        columns = [{"Name": name, "Type": kind} for name, kind in types.items()]
        told = {"Name": f"{model}__shape", "StorageDescriptor": {"Columns": columns}}
        zone.cloud.tables[f"{model}__shape"] = told

    monkeypatch.setattr(zone, "_view", make)


@pytest.mark.parametrize("types", [{"ids": "string"}, {"date_partition": "date"}])
def test_a_model_by_date_without_dates_of_text_fails(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, types: dict[str, str]
) -> None:
    view_of(zone, monkeypatch, **types)
    assert why(wanted(zone, DAY)) == ("NO_DATE_PARTITION", True)
    assert not zone.cloud.objects(CURATED)


def test_a_column_of_another_type_waits_for_all_dates_to_be_made_anew(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted(zone, DAY)
    # Another text may have another type.
    zone.version = 1
    view_of(zone, monkeypatch, ids="bigint", date_partition="string")
    done = wanted(zone, NEXT)
    assert why(done) == ("TABLE_UNLIKE", True)
    assert f"`lake curate {DAILY} --full`" in done.failed[0].detail
    assert zone.read(DAILY, DAY) == ["0", 1]
    assert len(wanted(zone).runs) == 1
    assert (zone.read(DAILY, DAY), zone.read(DAILY, NEXT)) == (["1", 1], ["1", 2])


def test_a_table_of_somebody_else_is_found_before_anything_is_written(zone: Zone) -> None:
    theirs = {"Name": DAILY, "StorageDescriptor": {"Location": "s3://elsewhere/daily/"}}
    zone.cloud.tables[DAILY] = theirs
    done = wanted(zone, DAY)
    assert why(done) == ("TABLE_UNLIKE", True)
    assert "s3://elsewhere/daily/" in done.failed[0].detail
    assert zone.cloud.tables[DAILY] is theirs
    assert not zone.cloud.objects(CURATED)


def test_where_somebody_else_put_a_partition_nothing_is_deleted(zone: Zone) -> None:
    wanted(zone, DAY, NEXT)
    # The zone would say that it is not as the curator made it.
    zone.cloud.on_effect = lambda _: None
    places = [f"s3://{CURATED}/handmade/", f"s3://{CURATED}/models/{DAILY}/"]
    for day, place in zip((DAY, NEXT), places, strict=True):
        zone.cloud.partitions[DAILY, day]["StorageDescriptor"]["Location"] = place
    zone.cloud.write(CURATED, "handmade/rows", b"[]")
    wanted(zone, DAY, NEXT)
    assert zone.curator().states.get(DAILY).doomed == ()
    zone.cloud.now += 2 * KEEP
    refreshed(zone.curator(), scheduled=True)
    assert "handmade/rows" in zone.cloud.objects(CURATED)


def left_behind(zone: Zone, *moments: str) -> State:
    """A worker came to moments of a refresh of the day, and died; its lease has ended."""
    zone.commit(DAY, [1])
    worker = zone.deliver(zone.visible())
    for moment in moments:
        while not worker.came_to(moment):
            worker.step()
    worker.kill()
    zone.cloud.now += 400
    return zone.curator().states.get(DAILY)


def test_a_run_of_another_text_is_published_where_it_can_be_read_already(zone: Zone) -> None:
    state = left_behind(zone, "before Glue.create_table")
    assert state.run is not None
    assert state.run.publishing
    zone.version = 1
    done = refreshed(zone.curator())
    assert ([run.text for run in done.runs], done.failed) == ([state.run.text], ())
    assert zone.read(DAILY, DAY) == ["0", 1]


def test_a_run_of_another_text_whose_query_was_not_even_begun_is_given_up(zone: Zone) -> None:
    state = left_behind(zone, "after Glue.delete_table", "before Athena.start_query_execution")
    assert state.run is not None
    zone.version = 1
    done = refreshed(zone.curator())
    assert [one.reason for one in done.failed] == ["TEXT_CHANGED"]
    assert not done.failed[0].permanent
    assert [run.text for run in done.runs] == [zone.models[DAILY].text_hash]
    assert zone.read(DAILY, DAY) == ["1", 1]


def test_the_columns_of_another_text_are_not_taken_for_this_one_s(zone: Zone) -> None:
    state = left_behind(zone, "before Athena.start_query_execution")
    assert state.describing is not None
    zone.version = 1
    done = refreshed(zone.curator())
    assert [one.reason for one in done.failed] == ["VIEW_GONE"]
    assert len(done.runs) == 1
    assert zone.read(DAILY, DAY) == ["1", 1]
    assert not [name for name in zone.cloud.tables if name.endswith("__shape")]


def test_a_query_that_is_still_running_is_joined_and_not_begun_again(zone: Zone) -> None:
    state = left_behind(zone, "before Athena.get_query_execution")
    begun = {*zone.cloud.queries}
    assert state.describing is not None
    assert begun == {state.describing[0]}
    assert len(refreshed(zone.curator()).runs) == 1
    # One more writes the day.
    assert len(zone.cloud.queries) == 2


def test_nobody_works_beside_who_has_the_lease(zone: Zone) -> None:
    zone.commit(DAY, [1])
    worker = zone.deliver(zone.visible())
    while not worker.came_to("before Athena.get_query_execution"):
        worker.step()
    before = dict(zone.cloud.items)
    other = zone.curator()
    done = other.refresh(other.models[DAILY], Invocation("other", lambda: 300.0))
    assert done == Refreshed(DAILY)
    assert zone.cloud.items == before
    worker.finish()
    assert zone.read(DAILY, DAY) == ["0", 1]


def test_a_state_that_never_stands_still_is_left_to_others(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DynamoStates, "put", lambda *_: State(revision=9))
    curator = zone.curator()
    told = Told("m", 1.0, Touch("", DAILY, frozenset({DAY})))
    models, failed = curator.take([told])
    assert ([model.name for model in models], failed) == ([DAILY], [told])
    with pytest.raises(LedgerConflictError, match="kept changing"):
        curator.change(DAILY, lambda state: state.touched([DAY], 1.0, everything=False))


def test_a_table_that_is_made_whole_counts_as_one_and_its_place_is_switched(zone: Zone) -> None:
    curator = zone.curator()
    for ids in ([1], [1, 2]):
        zone.rows[DAY] = ids
        told = [Told("m", zone.cloud.now, Touch("orders", dates=frozenset({DAY, NEXT})))]
        curator.take(told)
        (run,) = curator.refresh(curator.models[WHOLE], Invocation("w", lambda: 300.0)).runs
        assert (run.partitions, run.queries) == (1, 1)
        assert zone.read(WHOLE) == [[DAY, ids], [NEXT, [2]]]
    ((doomed, _),) = curator.states.get(WHOLE).doomed
    assert doomed != key_in(location_of(zone.cloud.tables[WHOLE]), CURATED)


def test_models_that_read_a_model_are_told_until_sqs_has_heard_it(zone: Zone) -> None:
    left: list[Any] = [1]

    def trouble(moment: str) -> None:
        if moment == "before Sqs.send_message_batch" and left:
            left.clear()
            raise client_error("OverLimit", 403)

    zone.cloud.on_effect = trouble
    with pytest.raises(ServiceError, match="telling"):
        wanted(zone, DAY)
    assert zone.curator().states.get(DAILY).untold == (DAY,)
    # The rows can be read; nothing waits, and the schedule comes all the same.
    assert zone.read(DAILY, DAY) == ["0", 1]
    assert refreshed(zone.curator(), scheduled=True).runs == ()
    (message,) = zone.cloud.queues["curate"]
    assert json.loads(message.body) == {"table": DAILY, "dates": [DAY]}
    assert zone.curator().states.get(DAILY).untold == ()


def test_what_failed_is_tried_again_later_each_time_and_at_once_where_somebody_asks(
    zone: Zone,
) -> None:
    """A query that fails may have read as much as one that does not."""
    zone.broken = ("GENERIC_INTERNAL_ERROR", 1)
    told = [Told("m", zone.cloud.now, Touch("orders", dates=frozenset({DAY})))]
    curator = zone.curator()

    def tried(*, scheduled: bool) -> bool:
        return bool(refreshed(curator, scheduled=scheduled).failed)

    curator.take(told)
    assert tried(scheduled=False)
    for pause in (300, 600, 1200):
        zone.cloud.now += pause - 1
        curator.take(told)
        assert not tried(scheduled=False)
        assert not tried(scheduled=True)
        zone.cloud.now += 1
        assert tried(scheduled=True)
    zone.broken = None
    assert len(wanted(zone, DAY).runs) == 1


def test_a_source_that_was_not_there_is_looked_for_by_the_schedule(zone: Zone) -> None:
    orders = zone.cloud.tables.pop("orders")
    wanted(zone, DAY)
    assert refreshed(zone.curator(), scheduled=True).runs == ()
    zone.cloud.tables["orders"] = orders
    assert len(refreshed(zone.curator(), scheduled=True).runs) == 1


def test_a_model_whose_columns_athena_cannot_tell_fails_and_is_asked_anew(zone: Zone) -> None:
    execute = zone.cloud.execute

    def fail(_sql: str) -> None:
        raise QueryError("COLUMN_NOT_FOUND", 2)

    zone.cloud.execute = fail
    assert why(wanted(zone, DAY)) == ("COLUMN_NOT_FOUND", True)
    state = zone.curator().states.get(DAILY)
    assert (state.run, state.describing, state.waiting) == (None, None, (DAY,))
    zone.cloud.execute = execute
    assert len(wanted(zone, DAY).runs) == 1


def test_of_two_who_come_at_once_one_works(zone: Zone) -> None:
    other, left = zone.curator(), [1]

    def overtake(moment: str) -> None:
        if moment == "before DynamoDB.put_item" and left:
            left.clear()
            other.refresh(other.models[DAILY], Invocation("other", lambda: 300.0))
            # He is at something else by now, and has the lease again.
            told = Told("m2", zone.cloud.now, Touch("", DAILY, frozenset({NEXT})))
            other.take([told])
            lease = zone.cloud.now + 360
            other.change(DAILY, lambda state: state.claimed("other", zone.cloud.now, lease))

    other.take([Told("m", zone.cloud.now, Touch("", DAILY, frozenset({DAY})))])
    zone.cloud.on_effect = overtake
    assert refreshed(zone.curator()) == Refreshed(DAILY)
    assert zone.curator().states.get(DAILY).worker == "other"
    assert zone.read(DAILY, DAY) == ["0", 1]
    assert zone.read(DAILY, NEXT) is None
