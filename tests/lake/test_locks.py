"""Commands wait for each other, and leave nothing in the temporary folder."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lake.errors import LakeCommandError
from lake.local.process import alone, owned
from lake.local.state import StateFolder


def files() -> set[Path]:
    return set(Path("/tmp").glob(f"data-lake-{os.getuid()}-*.lock"))  # noqa: S108  # all look there


def test_a_lake_has_one_command_at_a_time(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    before = files()
    with owned(folder):
        (made,) = files() - before
        with pytest.raises(LakeCommandError, match="wait until it ends"), owned(folder):
            pass
        with owned(StateFolder(tmp_path / "another")):
            pass
    assert not made.exists()
    with owned(folder):
        pass


def test_those_that_start_a_lake_wait_for_each_other() -> None:
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
