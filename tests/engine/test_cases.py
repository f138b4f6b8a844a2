"""The cases that lie beside the checkout: others' files and reports, each with its right result.

``python -m tests.engine.cases`` prints what holds and what does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.cases.expect import UPLOADED, Expect
from tests.engine.cases.harness import FOLDER, Outcome
from tests.engine.cases.table import CASES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the shared cases are not beside this checkout"
)

QUESTIONS = [
    pytest.param(ask, id=f"{case.name}: {label}".replace("::", ":"))
    for case in CASES
    for label, ask in case.tests().items()
]


@pytest.mark.parametrize("ask", QUESTIONS)
def test_a_case_has_its_right_result(ask: Callable[[], list[str]]) -> None:
    assert ask() == []


def test_every_case_is_asked() -> None:
    """Each folder has its right result here, each file in it is used."""
    there = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert there == {case.name for case in CASES}
    asked = {case.name: len(case.tests()) for case in CASES if not case.elsewhere}
    assert [name for name, count in asked.items() if not count] == []


def test_every_file_of_a_case_is_asked() -> None:
    known = {"expected.txt", "money.schema.json"}
    missing = [
        f"{case.name}/{path.name}"
        for case in CASES
        for path in sorted(case.folder.iterdir())
        if path.name not in known
        and not case.elsewhere
        and not any(path.name in label for label in case.tests())
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("expect", "differs"),
    [
        (Expect(rows=[{"a": 1}], types={"a": "bigint"}, reasons={}), False),
        (Expect(rows=[{"a": 1, "@": UPLOADED}], types={"...": ""}), False),
        (Expect("EMPTY|DONE", dates=[UPLOADED], read=1, holds=["1"]), False),
        (Expect("PARTIAL"), True),
        (Expect(rows=[{"a": 2}]), True),
        (Expect(rows=[]), True),
        (Expect(rows=[{"a": 1, "@": "2024-01-15"}]), True),
        (Expect(types={"a": "double"}), True),
        (Expect(types={}), True),
        (Expect(reasons={"FIELD_COUNT": 1}), True),
        (Expect(read=2), True),
        (Expect(says="encoding"), True),
        (Expect(holds=["7"]), True),
    ],
)
def test_what_differs_is_told(expect: Expect, differs: bool) -> None:
    row = {"a": 1, "@": UPLOADED}
    found = Outcome("DONE", [row], {"a": "bigint"}, read=1, everything='[{"a": 1}]')
    assert differs == bool(expect.differences(found))
    assert expect.differences(Outcome("DEFECT", defect="BinderException"))
