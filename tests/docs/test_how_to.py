"""The how-to guides: what a page has its reader run runs on a lake here, in the page's order."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, LocalLake, lake_up

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDES = ROOT / "docs" / "how-to"
ASKS = re.compile(r"^(lake (?:rm|retype|deploy)\b(?!.*(?:--dry-run|--yes)).*)$", re.MULTILINE)
#: What is run, and what the page shows of its output, if it does.
BLOCK = re.compile(
    r"^<!-- run -->\n```(bash|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)

#: What differs between two runs.
VARIES = re.compile(r"[\d.]+ s\b")

HEAD = "order_id,customer,ordered_at,price\n"
JANUARY = f"{HEAD}1,c-17,2024-01-15T09:00:00Z,20\n2,c-18,2024-01-15T10:00:00Z,35\n"
FEBRUARY = f"{HEAD}3,c-17,2024-02-03T09:00:00Z,19.99\n"

#: What is in the raw bucket before a page begins, by its key; only what the page does not upload.
GIVEN = {
    "existing-bucket": {"data/orders/2024-01-15.csv": JANUARY},
    "contracts": {"data/orders/2024-01-15.csv": JANUARY},
    "retype": {"data/orders/january.csv": JANUARY, "data/orders/february.csv": FEBRUARY},
    "remove": {"data/orders/january.csv": JANUARY, "data/orders/wrong.csv": FEBRUARY},
}

#: What the reader finds, in the order of the page; in this order the pages are run.
SAYS = {
    "upload": ["data/orders/orders.csv", "2 read, 2 accepted, 0 quarantined"],
    "existing-bucket": ["DONE", "order_id"],
    "retype": ["19.99", "bigint", "double", "74.99"],
    "remove": [
        "data/orders/wrong.csv",
        "left_over",
        "DELETED",
        "data/orders/january.csv",
        "1 read, 1 accepted",
        "of_the_person",
    ],
    "curated": ["daily_sales", "Electronics"],
    "connect": ["27,004 accepted", "9893"],
    # The last: its contract stays.
    "contracts": ["orders.schema.json", "accepted"],
}


def blocks(page: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = BLOCK.findall((GUIDES / f"{page}.md").read_text("utf-8"))
    return found


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
    (project / "orders.csv").write_text(JANUARY, encoding="utf-8")
    with lake_up(folder / "state", project) as up:
        yield replace(up, project=project)


def run(lake: LocalLake, language: str, code: str) -> str:
    """Run what a page shows, as a reader who says yes; give what is said."""
    words = {
        "bash": ["bash", "-euo", "pipefail", "-c", ASKS.sub(r"\1 --yes", code)],
        "python": [sys.executable, "-W", "ignore", "-c", code],
    }
    own = {k: v for k, v in lake.shell.items() if k not in ("LAKE_CONTRACTS", "LAKE_MODELS")}
    done = subprocess.run(
        words[language],
        cwd=lake.project,
        env=own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def plain(said: str) -> str:
    """Leave out how long it took, and where a terminal breaks lines."""
    return " ".join(VARIES.sub("…", said).split())


def test_every_guide_that_has_one_run_something_is_run() -> None:
    pages = {place.stem for place in GUIDES.glob("*.md") if blocks(place.stem)}
    # These have tests of their own.
    assert pages - {"runbook", "aws-cli"} == set(SAYS)


@pytest.mark.chaos
@pytest.mark.parametrize("page", SAYS)
def test_what_a_guide_has_one_run_runs_and_says_what_the_reader_looks_for(
    page: str, lake: LocalLake
) -> None:
    # It exits with 1 where nothing is there.
    lake.command("lake", "rm", "--dataset", "orders", "--raw", "--yes", expect=None)
    for key, body in GIVEN.get(page, {}).items():
        lake.ingest(key, body.encode())
    said = ""
    for language, code, shown in blocks(page):
        printed = run(lake, language, code)
        assert plain(shown) in plain(printed)
        said += printed
    for words in SAYS[page]:
        assert words in said, said
        said = said.partition(words)[2]
