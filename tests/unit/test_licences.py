"""What the functions ship may be passed on, and the page of licences is that of the lock files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support.licences import PAGE, is_allowed, licence_of, locked, page

if TYPE_CHECKING:
    from pathlib import Path


LOCKED = [
    "src/requirements.txt",
    "src/requirements-curator.txt",
    "src/requirements-build.txt",
    "requirements/dev.txt",
    "requirements/bench.txt",
    "requirements/docs.txt",
    "requirements/security.txt",
    "requirements/uv.txt",
    "examples/dbt/requirements.txt",
]


def test_what_the_functions_ship_may_be_passed_on() -> None:
    shipped = locked("src/requirements.txt", "src/requirements-curator.txt")
    assert {"duckdb", "boto3", "aws-lambda-powertools"} <= shipped.keys()
    assert {name for name in shipped if not is_allowed(licence_of(name))} == set()


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("Apache-2.0 AND LGPL-3.0-only", False),
        ("", False),
    ],
)
def test_of_alternatives_one_must_be_allowed_and_of_parts_all(licence: str, allowed: bool) -> None:
    assert is_allowed(licence) is allowed


def test_the_page_is_that_of_the_lock_files() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "`make licences` writes it"


def requirements(file: str) -> list[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    return [line for line in lines if line and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("file", LOCKED)
def test_pip_takes_nothing_else_than_what_was_locked(file: str) -> None:
    assert requirements(file)
    assert [one for one in requirements(file) if "--hash=sha256:" not in one] == []


def test_each_lock_file_is_audited(root: Path) -> None:
    (line,) = re.findall("^LOCKED := (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert line.split() == LOCKED
    found = [
        *root.glob("src/*.txt"),
        *root.glob("requirements/*.txt"),
        *root.glob("examples/*/*.txt"),
    ]
    assert {path.relative_to(root).as_posix() for path in found} == {*LOCKED}
