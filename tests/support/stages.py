"""Says when the tests of a folder have ended; `make test` takes it as a plugin of pytest."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def folder_of(test: str) -> str:
    """Give the folder that a test is grouped by."""
    return "/".join(test.partition("::")[0].split("/")[:2])


class Stages:
    """What is still to be run, by folder.

    Parameters
    ----------
    config : pytest.Config
        Of the run.
    began : float
        When it began, in seconds since 1970.
    """

    def __init__(self, config: pytest.Config, began: float) -> None:
        self._config, self._began = config, began
        self._left: Counter[str] = Counter()
        self._all: Counter[str] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests, where this process runs them."""
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Count the tests, where workers run them: each of them has found all."""
        self._expect(ids)

    def _expect(self, ids: Iterable[str]) -> None:
        if not self._all:
            self._all = Counter(map(folder_of, ids))
            self._left = self._all.copy()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say that a folder's last test has ended."""
        folder = folder_of(report.nodeid)
        if report.when != "teardown" or folder not in self._left:
            return
        self._left[folder] -= 1
        if not self._left[folder]:
            said = f"{elapsed(self._began)}  {folder}: all {self._all[folder]} tests have run"
            terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
            terminal.ensure_newline()
            terminal.write_line(said)


def elapsed(began: float) -> str:
    """Give the time since then, as the Makefile does."""
    return f"{time.time() - began:4.0f} s"


def pytest_configure(config: pytest.Config) -> None:
    """Take part, except in workers, which report to the process that started them."""
    if not hasattr(config, "workerinput"):
        began = float(os.environ.get("STARTED") or time.time())
        config.pluginmanager.register(Stages(config, began), "stages")
