"""The state of a model's table: the laws of its changes, and that an item holds it whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from store.entry import Entry
from store.items import item_of, updated_at
from store.refresh import Done, Failed, Refresh, Run
from store.states import is_state, model_in, name_of, state_item, state_of
from tests.support.chance import examples
from tests.support.cloud import item_size

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1764034321.25

texts = st.text(max_size=8)
days = st.sampled_from([f"2024-01-{day:02}" for day in range(1, 10)])
dates = st.lists(days, unique=True).map(lambda found: tuple(sorted(found)))
times = st.floats(0, 4e9, allow_nan=False)
folders = st.sampled_from([f"models/m/{letter}/" for letter in "abcdefg"])
columns = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
runs = st.builds(
    Run,
    id=st.sampled_from(["r1", "r2"]),
    began=times,
    text=texts,
    dates=dates,
    by_date=st.booleans(),
    everything=st.booleans(),
    columns=columns,
    since=times,
    replaces=st.lists(folders, unique=True).map(tuple),
    publishing=st.booleans(),
)
failures = st.builds(Failed, times, texts, texts, texts, st.booleans())
ends = st.builds(Done, times, times, texts, st.integers(0), st.integers(0), st.integers(0), times)
states = st.builds(
    Refresh,
    revision=st.integers(1),
    waiting=dates,
    everything=st.booleans(),
    since=times,
    worker=st.sampled_from(["", "w1", "w2"]),
    expires=times,
    run=st.none() | runs,
    untold=dates,
    doomed=st.dictionaries(folders, times).map(lambda found: tuple(sorted(found.items()))),
    shape=texts,
    columns=columns,
    describing=st.none() | st.tuples(texts, texts),
    failed=st.none() | failures,
    done=st.none() | ends,
)


# --- As an item -------------------------------------------------------------------------------


@given(states, times)
def test_a_state_is_read_as_it_was_written(state: Refresh, now: float) -> None:
    item = state_item("sales", state, now)
    assert state_of(item) == state
    assert (is_state(item), model_in(item)) == (True, "sales")
    assert item["object"]["S"] == name_of("sales") == "model:sales"
    assert item["revision"] == {"N": str(state.revision)}


def test_an_item_of_a_raw_object_is_no_state() -> None:
    assert not is_state(item_of("my-bucket/data/model:a", Entry(revision=1), NOW))


def test_an_item_says_when_it_was_written() -> None:
    assert updated_at(state_item("m", Refresh(revision=1), NOW)) == "2025-11-25T01:32:01.250+00:00"


def test_the_largest_state_fits_an_item() -> None:
    """Of 27 years, whose every date was made by a run of its own before, and all are made anew."""
    first = dt.date(2000, 1, 1)
    every = tuple((first + dt.timedelta(n)).isoformat() for n in range(10_000))
    name = "m" * 120
    before = [hashlib.sha256(date.encode()).hexdigest()[:32] for date in every]
    old = tuple(
        f"models/{name}/{run}/date_partition={date}/"
        for run, date in zip(before, every, strict=True)
    )
    kinds = tuple((f"column_{n}", "decimal(38,10)") for n in range(1500))
    run = Run("f" * 32, NOW, "a" * 16, every, columns=kinds, replaces=old, publishing=True)
    failed = Failed(NOW, "a" * 16, "COLUMN_NOT_FOUND", "é" * 2000, permanent=True)
    state = Refresh(
        9, every, everything=True, since=NOW, run=run, untold=every, columns=kinds, failed=failed
    )
    assert item_size(state_item(name, state, NOW)) < 400 * 1024
    after = state.published(run.id, Done(NOW, NOW, "a", 10_000, 1, 100, 1.5), 3600.0, every)
    assert len(after.doomed) == 10_000
    assert item_size(state_item(name, after, NOW)) < 400 * 1024


# --- Its changes ------------------------------------------------------------------------------

DONE = Done(NOW - 60, NOW, "t", 1, 100, 1, 60.0)
WHY = Failed(NOW, "t", "COLUMN_NOT_FOUND", "no x", permanent=True)

CHANGES: dict[str, Callable[[Refresh, Run], Refresh]] = {
    "touched": lambda state, run: state.touched(run.dates, run.since, everything=run.everything),
    "claimed": lambda state, _: state.claimed("w1", NOW, NOW + 360),
    "released": lambda state, _: state.released("w1"),
    "asking": lambda state, _: state.asking("t", "CREATE VIEW"),
    "shaped": lambda state, run: state.shaped("s", run.columns),
    "begun": lambda state, run: state.begun(run),
    "replacing": lambda state, run: state.replacing(run.id, ["models/m/a/"]),
    "published": lambda state, run: state.published(run.id, DONE, 3600.0, run.dates),
    "given up": lambda state, run: state.given_up(run.id, WHY, "models/m/r1/"),
    "failing": lambda state, _: state.failing(WHY),
    "settled": lambda state, run: state.settled(run.dates, run.replaces),
}


@pytest.mark.parametrize("change", CHANGES)
@settings(max_examples=examples(30))
@given(state=states, run=runs)
def test_a_change_may_be_made_twice(change: str, state: Refresh, run: Run) -> None:
    """The answer to its write may be lost."""
    once = CHANGES[change](state, run)
    assert CHANGES[change](once, run) == once
    assert once.revision == state.revision


@given(state=states, run=runs, more=dates)
def test_what_is_told_while_a_run_is_at_it_waits_for_the_next_one(
    state: Refresh, run: Run, more: tuple[str, ...]
) -> None:
    begun = replace(state, run=None).begun(run)
    assert {*begun.waiting} == {*state.waiting} - {*run.dates}
    told = begun.touched(more, NOW, everything=False)
    for after in (
        told.published(run.id, DONE, 3600.0, ()),
        told.given_up(run.id, WHY, "models/m/r1/"),
    ):
        assert after.run is None
        assert {*more} <= {*after.waiting}


@given(state=states, run=runs)
def test_nothing_that_was_told_is_forgotten_by_a_run_that_fails(state: Refresh, run: Run) -> None:
    waiting = replace(state, run=None, failed=None)
    after = waiting.begun(run).given_up(run.id, WHY, "models/m/r1/")
    assert {*after.waiting} == {*state.waiting, *run.dates}
    assert after.everything == (state.everything or run.everything)
    assert after.failed == WHY
    # Queries of it may still write there for a while.
    assert dict(after.doomed)["models/m/r1/"] == NOW + 35 * 60


@given(state=states, found=dates, everything=st.booleans(), at=times)
def test_a_change_waits_since_the_first_of_them_was_told(
    state: Refresh, found: tuple[str, ...], everything: bool, at: float
) -> None:
    assume(state.since and at)
    before = state if state.is_waiting else replace(state, since=0.0)
    after = before.touched(found, at, everything=everything)
    assert {*after.waiting} == {*state.waiting, *found}
    assert after.everything == (state.everything or everything)
    if found or everything:
        assert after.since == (min(state.since, at) if state.is_waiting else at)
    else:
        # Somebody is only to come and go on with it.
        assert after == before


@given(state=states, run=runs)
def test_it_is_known_since_when_something_waits_as_long_as_something_does(
    state: Refresh, run: Run
) -> None:
    after = replace(state, run=None).begun(run)
    assert after.since == (state.since if after.is_waiting else 0.0)


@given(state=states, run=runs, keep=st.integers(60, 10_000))
def test_what_a_run_replaces_goes_when_no_query_can_read_it_any_more(
    state: Refresh, run: Run, keep: int
) -> None:
    known = dict(state.doomed)
    after = replace(state, run=run).published(run.id, DONE, float(keep), run.dates)
    assert (after.done, after.failed) == (DONE, None)
    assert {*after.untold} == {*state.untold, *run.dates}
    for folder in run.replaces:
        # What was replaced before keeps its own time.
        assert dict(after.doomed)[folder] == known.get(folder, DONE.at + keep)
    assert {*known} <= {*dict(after.doomed)}
    assert {*after.due(DONE.at)} == {folder for folder, at in known.items() if at <= DONE.at}
    assert {*after.due(5e9)} == {*dict(after.doomed)}


@given(state=states, run=runs)
def test_another_run_than_the_one_that_is_at_it_changes_nothing(state: Refresh, run: Run) -> None:
    other = replace(state, run=replace(run, id="other"))
    for change in ("replacing", "published", "given up"):
        assert CHANGES[change](other, run) == other
    assert replace(state, run=None).replacing(run.id, ["models/m/a/"]).run is None


@given(state=states, run=runs)
def test_what_was_told_and_deleted_is_struck_and_nothing_else(state: Refresh, run: Run) -> None:
    after = state.settled(run.dates, run.replaces)
    assert {*after.untold} == {*state.untold} - {*run.dates}
    assert {*dict(after.doomed)} == {*dict(state.doomed)} - {*run.replaces}
    assert replace(after, untold=(), doomed=()) == replace(state, untold=(), doomed=())


@given(state=states, now=times)
def test_a_lease_is_taken_from_nobody_who_may_be_at_it(state: Refresh, now: float) -> None:
    after = state.claimed("w1", now, now + 360)
    if state.worker == "w2" and state.expires > now:
        assert state.is_held("w1", now)
        assert after == state
    else:
        assert not state.is_held("w1", now)
        assert after.worker == "w1"
    assert not after.is_held(after.worker, now)
    # Only who has it gives it back.
    assert after.released("w3") == after
    assert after.released(after.worker).worker == ""


@given(states)
def test_a_statement_is_asked_once_until_its_answer_is_known(state: Refresh) -> None:
    asked = replace(state, describing=None).asking("t1", "one")
    assert asked.asking("t2", "two") == asked
    known = asked.shaped("s", (("a", "bigint"),))
    assert (known.describing, known.shape, known.columns) == (None, "s", (("a", "bigint"),))


def test_a_state_of_another_version_is_read() -> None:
    state = Refresh(3, waiting=("2024-01-15",), failed=Failed(1.0, "t", "r", "d", permanent=True))
    item = state_item("m", state, 0.0)
    told = json.loads(zlib.decompress(item["state"]["B"]))
    del told["untold"], told["failed"]["times"]
    told["colour"] = told["failed"]["colour"] = "blue"
    item["state"]["B"] = zlib.compress(json.dumps(told).encode())
    assert state_of(item) == state
