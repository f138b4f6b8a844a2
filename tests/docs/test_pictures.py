"""The pictures are those that their drawings make, and tell what the engine does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from docs.pictures import drift
from docs.pictures.__main__ import DRAWINGS, FOLDER
from tests.support.engine import convert

if TYPE_CHECKING:
    from collections.abc import Callable

    from docs.pictures.svg import Picture


@pytest.mark.parametrize(("name", "draw"), DRAWINGS.items(), ids=DRAWINGS)
def test_a_picture_is_what_its_drawing_makes(name: str, draw: Callable[[], Picture]) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == draw().svg(), "make pictures"


@pytest.mark.parametrize(("value", "column", "rescued"), drift.ROWS)
def test_values_become_what_the_picture_says(value: str, column: str, rescued: str) -> None:
    found = convert(f'{{"price": {value}}}\n'.encode(), table={"price": "bigint"})
    assert found.status == "DONE"
    (row,) = found.rows
    assert row["price"] == json.loads(column)
    assert (row["_rescued_data"] or "") == rescued
