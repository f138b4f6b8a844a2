"""Elements of a JSON document: the same, however little is looked at, whatever else is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.read import brackets, elements, jsonmarks
from engine.read.elements import Elements
from store.errors import RejectedObjectError
from tests.support.chance import examples

VALUES = st.recursive(
    st.none() | st.integers() | st.text('ab"\\ ,[]{}\n', max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k ", max_size=2), inner),
    max_leaves=8,
)
OTHERS = st.fixed_dictionaries(
    {},
    optional={"text": st.text('ab"\\ ,[]{}', max_size=12), "more": st.lists(VALUES, max_size=3)},
)
# Members of most writers are in one order.
RECORDS = st.builds(lambda number, others: {"id": number, **others}, st.integers(0, 9), OTHERS)

#: Each breaks one element: its brackets, its quotes, or only a value.
BROKEN = ('{"id": 5, "text": "x}', '{"id": 5, "text": [}', '{"id": tru}', '{"id": 5}}', "nope", "")


def found(text: bytes) -> list[bytes] | str:
    try:
        return b"".join(Elements(text, 1, lambda: None).documents(0)).splitlines()
    except RejectedObjectError as error:
        return error.detail


@given(
    values=st.lists(VALUES, min_size=1, max_size=4),
    indent=st.none() | st.just(2),
    cut=st.none() | st.integers(0, 60),
    window=st.integers(2, 40),
)
@settings(max_examples=examples(160), deadline=None)
def test_a_window_of_any_size_finds_the_same(
    values: list[Any], indent: int | None, cut: int | None, window: int
) -> None:
    text = json.dumps(values, indent=indent).encode()[:cut]
    whole = found(text)
    with pytest.MonkeyPatch.context() as patch:
        for module in (brackets, jsonmarks):
            patch.setattr(module, "WINDOW", window)
        patch.setattr(elements, "_WINDOW", window)
        patch.setattr(elements, "_AHEAD", window // 2)
        patch.setattr(elements, "_MANY", 2)
        if cut is None:
            assert found(text) == whole
        else:
            assert isinstance(found(text), list) == isinstance(whole, list)
    if cut is None:
        assert [json.loads(one) for one in whole] == values


@given(
    before=st.lists(RECORDS, min_size=1, max_size=4),
    after=st.lists(RECORDS, min_size=1, max_size=4),
    broken=st.sampled_from(BROKEN),
    form=st.sampled_from([("[", ",", "]"), ("[\n", ",\n", "\n]\n"), ("[", "\n, ", "]")]),
)
@settings(max_examples=examples(160), deadline=None)
def test_elements_beside_a_broken_one_are_the_same(
    before: list[Any], after: list[Any], broken: str, form: tuple[str, str, str]
) -> None:
    begin, between, end = form
    texts = [*map(json.dumps, before), broken, *map(json.dumps, after)]
    lines = found((begin + between.join(texts) + end).encode())
    assert [json.loads(line) for line in lines[: len(before)]] == before
    assert [json.loads(line) for line in lines[-len(after) :]] == after
    assert len(lines) == len(texts)


@pytest.mark.parametrize("between", ["", "\n", "\r\n", " ", ",\n"])
def test_arrays_that_follow_each_other_are_one(between: str) -> None:
    arrays = ['[{"a": 1}, {"a": 2}]', "[]", '[{"a": 3}]']
    lines = found(between.join(arrays).encode())
    assert [json.loads(line) for line in lines] == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_an_element_that_is_longer_than_what_is_looked_at_is_whole() -> None:
    records = [{"a": 1}, {"a": "},{" * 200_000, "b": [{"c": n} for n in range(60_000)]}, {"a": 2}]
    lines = found(json.dumps(records).encode())
    assert [json.loads(line) for line in lines] == records
