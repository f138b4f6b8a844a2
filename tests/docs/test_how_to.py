"""The how-to guides: what a page has its reader run runs on a lake here, in the page's order.

UPDATE=1 writes what was seen into the pages, but for output of which they leave some out.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, LocalLake, lake_up
from tests.support import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDES = ROOT / "docs" / "how-to"

#: How it ends, what is run, and what the page shows of its output, if it does.
BLOCK = re.compile(
    r"^<!-- run(?:, exit code (?P<code>\d))? -->\n```(?P<kind>bash|python)\n(?P<body>.*?)^```\n"
    r"(?:\n```text\n(?P<said>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)

#: Here a page leaves out some of the output.
LEFT_OUT = re.compile(r"^…\n", re.MULTILINE)

#: What is in the raw bucket before a page begins, by its key; only what the page does not upload.
GIVEN = {
    "existing-bucket": {
        "data/orders/2024-01-15.csv": "order_id,customer,ordered_at,price\n"
        "1,c-17,2024-01-15T09:00:00Z,20\n2,c-18,2024-01-15T10:00:00Z,35\n"
    },
}

#: What the reader finds, in the order of the page; in this order the pages are run.
SAYS = {
    "upload": ["data/orders/january.csv", "3 read, 3 accepted, 0 quarantined"],
    "existing-bucket": ["DONE", "order_id"],
    "retype": ["bigint", "19.99", "double", "69.99"],
    "remove": [
        "data/orders/wrong.csv",
        "left_over",
        "DELETED",
        "data/orders/january.csv",
        "2 read, 2 accepted",
        "of_the_person",
    ],
    "curated": ["daily_sales", "Electronics"],
    "connect": ["27,004 accepted", "9893"],
    # The last: its contract stays.
    "contracts": ["orders.schema.json", "would be refused", "PARTIAL", "narrows"],
}


def steps(page: str) -> list[re.Match[str]]:
    return list(BLOCK.finditer((GUIDES / f"{page}.md").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    """A lake of a copy of the project: the guides write contracts and deploy them."""
    folder = tmp_path_factory.mktemp("guides")
    project = folder / "project"
    for name in ("src", "contracts", "models", "samples"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, project)
    with lake_up(folder / "state", project) as up:
        yield replace(up, project=project)


def run(lake: LocalLake, step: re.Match[str]) -> str:
    """Run what a page has one run; give what the terminal shows."""
    words = {
        "bash": ["bash", "-euo", "pipefail", "-c"],
        "python": [sys.executable, "-Wignore", "-c"],
    }
    own = {k: v for k, v in lake.shell.items() if k not in ("LAKE_CONTRACTS", "LAKE_MODELS")}
    shown, code = terminal.run([*words[step["kind"]], step["body"]], lake.project, own)
    assert code == int(step["code"] or 0), f"{step['body']}\n{shown}"
    return terminal.for_page(shown)


def forget_orders(lake: LocalLake) -> None:
    """Leave nothing of the pages before, not even versions that were deleted."""
    # It exits with 1 where nothing is there.
    words = ("lake", "rm", "--dataset", "orders", "--raw", "--all-versions", "--yes")
    lake.command(*words, expect=None)


def test_every_guide_that_has_one_run_something_is_run() -> None:
    pages = {place.stem for place in GUIDES.glob("*.md") if steps(place.stem)}
    # These have tests of their own.
    assert pages - {"runbook", "aws-cli"} == set(SAYS)


@pytest.mark.chaos
@pytest.mark.parametrize("page", SAYS)
def test_what_a_guide_has_one_run_runs_and_says_what_the_reader_looks_for(
    page: str, lake: LocalLake
) -> None:
    forget_orders(lake)
    for key, body in GIVEN.get(page, {}).items():
        lake.ingest(key, body.encode())
    place = GUIDES / f"{page}.md"
    update, written, said = bool(os.environ.get("UPDATE")), place.read_text(encoding="utf-8"), ""
    for step in steps(page):
        printed = run(lake, step)
        shown = LEFT_OUT.split(step["said"] or "")
        if update and step["said"] is not None and len(shown) == 1:
            begin = step[0].partition("```text\n")[0]
            written = written.replace(step[0], f"{begin}```text\n{printed}```\n")
        elif not update:
            parts = [re.escape(" ".join(terminal.same(part))) for part in shown]
            seen = " ".join(terminal.same(printed))
            assert re.search(".*".join(parts), seen), f"{step['body']}{printed}"
        said += printed
    if update:
        place.write_text(written, encoding="utf-8")
    for words in SAYS[page]:
        assert words in said, said
        said = said.partition(words)[2]
