"""A release says what is new, and refuses to where versions disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.release import note

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-12-01

### Added

- A thing.

## [1.2.2] - 2026-11-01

- Another.
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "localaws").mkdir()
    for folder in (tmp_path, tmp_path / "localaws"):
        (folder / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    return tmp_path


def test_a_note_is_the_part_of_the_changelog(project: Path) -> None:
    assert note("v1.2.3", project) == "### Added\n\n- A thing.\n"


def test_a_tag_of_another_version_is_refused(project: Path) -> None:
    (project / "localaws" / "pyproject.toml").write_text('[project]\nversion = "1.2.2"\n')
    with pytest.raises(ValueError, match=r"localaws/pyproject.toml says version 1.2.2"):
        note("v1.2.3", project)


def test_a_version_without_a_part_of_the_changelog_is_refused(project: Path) -> None:
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    with pytest.raises(ValueError, match=r"no part `## \[1.2.3\]"):
        note("v1.2.3", project)
