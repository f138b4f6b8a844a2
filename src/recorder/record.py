"""The use case: what was committed becomes rows of ``lake_runs``, and events for others.

DynamoDB's stream has each write of the ledger once and in order. A batch of it is delivered again
until it succeeds, so everything here may be done twice: a row has one place, and an event one
identity.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.runs import Commit
from store.steps import unwatched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recorder.ports import Events, Runs
    from store.runs import Row
    from store.steps import Steps

#: Files that are written at once: a replay of old objects concerns a file each.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was done about a batch.

    Attributes
    ----------
    commits, rows, files, events : int
        How many.
    """

    commits: int
    rows: int
    files: int
    events: int


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records commits.

    Attributes
    ----------
    runs, events
        What the use case needs of the world.
    first_date : str
        ISO date of the first partition that queries look into.
    step : Steps
        Who watches.
    """

    runs: Runs
    events: Events
    first_date: str
    step: Steps = unwatched

    def __call__(self, items: Iterable[Mapping[str, Any]]) -> Recorded:
        """Record a batch of writes of the ledger.

        Parameters
        ----------
        items : iterable of dict
            Items as they were written, in order.

        Returns
        -------
        Recorded
            What there was to do.

        Raises
        ------
        TransientError
            When the batch is to be delivered again.
        """
        commits = [commit for item in items if (commit := Commit.of(item))]
        files: dict[str, list[Row]] = {}
        for row in (commit.row() for commit in commits if commit.has_row):
            files.setdefault(row.file(self.first_date), []).append(row)
        if files:
            with self.step("write rows"), ThreadPoolExecutor(min(_AT_ONCE, len(files))) as pool:
                for _ in pool.map(self.runs.put, *zip(*files.items(), strict=True)):
                    pass
        # Afterwards: who hears of a commit may look it up.
        details = [detail for commit in commits if (detail := commit.event())]
        if details:
            with self.step("send events"):
                self.events.send(details)
        return Recorded(len(commits), sum(map(len, files.values())), len(files), len(details))
