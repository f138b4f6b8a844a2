"""What dead workers left is removed, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from engine import workspace
from engine.workspace import prefix, remove_leftovers

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def folder(root: Path, name: str) -> Path:
    made = root / name
    made.mkdir()
    (made / "file").write_bytes(b"x" * 1000)
    return made


@pytest.mark.parametrize("kind", ["job", "spill"])
def test_folders_of_dead_workers_are_removed(tmp_path: Path, dead: int, kind: str) -> None:
    left = folder(tmp_path, f"lake-{kind}-{dead}-abc")
    assert remove_leftovers(tmp_path) == (left,)
    assert list(tmp_path.iterdir()) == []


def test_folders_of_living_workers_stay(tmp_path: Path) -> None:
    mine = tempfile.mkdtemp(prefix=prefix("job"), dir=tmp_path)
    other = folder(tmp_path, f"lake-job-{os.getppid()}-abc")
    assert remove_leftovers(tmp_path) == ()
    assert sorted(map(str, tmp_path.iterdir())) == sorted([mine, str(other)])


def test_a_folder_of_this_id_from_before_this_process_is_removed(tmp_path: Path) -> None:
    old = folder(tmp_path, f"{prefix('job')}abc")
    os.utime(old, (1, 1))
    assert remove_leftovers(tmp_path) == (old,)


def test_folders_of_others_stay(tmp_path: Path, dead: int) -> None:
    for name in ("lake-abc", f"lake-local-{dead}-x", f"lake-job-{dead}", f"other-job-{dead}-x"):
        folder(tmp_path, name)
    outside = folder(tmp_path, "outside")
    (tmp_path / f"lake-job-{dead}-link").symlink_to(outside)
    assert remove_leftovers(tmp_path) == ()


def test_where_processes_are_not_listed_age_decides(
    tmp_path: Path, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "_PROCESSES", tmp_path / "none")
    young, old = (folder(tmp_path, f"lake-job-{dead}-{n}") for n in range(2))
    os.utime(old, (1, 1))
    assert remove_leftovers(tmp_path) == (old,)
    assert young.exists()
