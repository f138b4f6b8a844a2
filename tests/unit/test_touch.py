"""What the curate queue carries is read as it was written, or refused."""

from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import UnknownEventError
from store.touch import Touch, of_model, of_partitions, read

names = st.text(min_size=1)
days = st.dates().map(dt.date.isoformat)
touches = st.builds(
    lambda name, of_model, dates, everything: Touch(
        "" if of_model else name, name if of_model else "", dates, everything
    ),
    names,
    st.booleans(),
    st.frozensets(days),
    st.booleans(),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(touches)
def test_a_message_is_read_as_it_was_written(touch: Touch) -> None:
    assert read(touch.body()) == touch


@given(st.text() | json_values.map(json.dumps))
def test_what_is_no_message_of_ours_is_refused_and_nothing_else_is_raised(body: str) -> None:
    with pytest.raises(UnknownEventError):
        read(body)


FIELDS = ("table", "model", "dates", "everything", "other")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values | names)))
def test_whatever_a_message_says_it_is_read_or_refused(told: dict[str, object]) -> None:
    try:
        touch = read(json.dumps(told))
    except UnknownEventError:
        return
    assert bool(touch.table) != bool(touch.model)


@pytest.mark.parametrize("body", ["[" * 100_000, '{"dates":[],"table":"","model":""}'])
def test_what_nothing_can_read_says_what_came(body: str) -> None:
    with pytest.raises(UnknownEventError) as refused:
        read(body)
    assert repr(body[:200]) in refused.value.detail


def test_a_message_of_a_table_is_the_same_whoever_writes_it() -> None:
    touch = Touch("orders", dates=frozenset({"2024-01-16", "2024-01-15"}))
    assert touch.body() == '{"dates":["2024-01-15","2024-01-16"],"table":"orders"}'


def test_the_dates_of_each_table_are_told_together() -> None:
    told = ["orders/2024-01-15", "a/2024-01-15", "orders/2024-01-14", "orders/2024-01-15"]
    assert of_partitions(told) == [
        Touch("a", dates=frozenset({"2024-01-15"})),
        Touch("orders", dates=frozenset({"2024-01-14", "2024-01-15"})),
    ]
    assert of_partitions([]) == []


def test_dates_of_a_model_are_asked_for_in_as_few_messages_as_fit() -> None:
    first = dt.date(2000, 1, 1)
    dates = [(first + dt.timedelta(n)).isoformat() for n in range(1001)]
    assert of_model("sales", dates) == [
        Touch(model="sales", dates=frozenset(dates[:1000])),
        Touch(model="sales", dates=frozenset(dates[1000:])),
    ]
    assert of_model("sales", []) == []


def test_ten_messages_are_a_batch_that_sqs_takes_however_many_the_dates_are() -> None:
    first = dt.date(2000, 1, 1)
    dates = [(first + dt.timedelta(n)).isoformat() for n in range(10_001)]
    found = of_partitions(f"{'t' * 128}/{date}" for date in reversed(dates))
    assert len(found) == 11
    assert frozenset().union(*(touch.dates for touch in found)) == {*dates}
    assert all(max(one.dates) < min(other.dates) for one, other in pairwise(found))
    # Amazon SQS API Reference, SendMessageBatch: all of them together.
    assert sum(len(touch.body().encode()) for touch in found[:10]) < 256 * 1024
