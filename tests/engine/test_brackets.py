"""A JSON document by its brackets: the same records, however little is looked at at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.read import brackets, jsonmarks
from store.errors import RejectedObjectError
from tests.support.chance import examples

VALUES = st.recursive(
    st.none() | st.integers() | st.text('ab"\\ ,[]{}\n', max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k ", max_size=2), inner),
    max_leaves=8,
)


def found(text: bytes) -> list[bytes] | str:
    try:
        return [text[begin:end] for begin, end in brackets.records(text, None)]
    except RejectedObjectError as error:
        return error.detail


@given(
    values=st.lists(VALUES, min_size=1, max_size=4),
    indent=st.none() | st.just(2),
    cut=st.none() | st.integers(0, 60),
    window=st.integers(2, 20),
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
        assert found(text) == whole
    if cut is None:
        assert [json.loads(one) for one in whole] == values
