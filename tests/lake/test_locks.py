"""Commands wait for each other, and leave nothing in the temporary folder."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lake.errors import LakeCommandError
from lake.local.process import alone, owned
from lake.local.state import StateFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of the locks, which no other test's lakes use."""
    folder = tmp_path / "locks"
    folder.mkdir()
    monkeypatch.setattr("lake.local.process._LOCKS", folder)
    return folder


def test_a_lake_has_one_command_at_a_time(tmp_path: Path, locks: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    with owned(folder):
        assert list(locks.iterdir())
        with pytest.raises(LakeCommandError, match="wait until it ends"), owned(folder):
            pass
        with owned(StateFolder(tmp_path / "another")):
            pass
    assert not list(locks.iterdir())
    with owned(folder):
        pass


def test_those_that_start_a_lake_wait_for_each_other(locks: Path) -> None:
    at_it: list[int] = []
    most = 0

    def start(number: int) -> None:
        nonlocal most
        with alone():
            at_it.append(number)
            most = max(most, len(at_it))
            time.sleep(0.01)
            at_it.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(40)))
    assert most == 1
    assert not list(locks.iterdir())
