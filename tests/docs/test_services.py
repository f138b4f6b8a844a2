"""What docs/how-to/other-services.md says of files of other services is what the engine does."""

from __future__ import annotations

import re

import pytest
import yaml

from engine.options import Options
from tests.conftest import ROOT
from tests.support.engine import convert

PAGE = (ROOT / "docs" / "how-to" / "other-services.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    inside = PAGE.split("<!-- services -->")[1].split("<!-- /services -->")[0]
    lines = [line for line in inside.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line[1:-1].split(" |")] for line in lines]


def date_columns() -> tuple[str, ...]:
    """Those of a lake that is deployed without parameters."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    found = re.search(r"^  DateColumns:\n.*?^    Default: (.*?)$", text, re.MULTILINE | re.DOTALL)
    assert found
    return tuple(yaml.safe_load(found[1]).split(","))


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in rows()])
def test_a_file_of_a_service_becomes_what_the_page_says(row: list[str]) -> None:
    _, key, text, status, columns, dates = row
    body = codes(text)[0].replace("\\n", "\n").encode()
    found = convert(body, codes(key)[0], options=Options(date_columns=date_columns()))
    assert found.status == codes(status)[0]
    assert sorted(found.types) == codes(columns)
    assert sorted({one["date_partition"] for one in found.rows}) == codes(dates)
