"""What the ledger knows of a model's table, and every way in which it may change. Pure.

As with the entry of a raw key, each change is one conditional write that names the revision it
replaces. Each is made so that it may be applied twice, since the answer to a write may be lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Athena's name for a source that nobody has uploaded yet: to look again at once is no use.
NO_TABLE = "TABLE_NOT_FOUND"

#: Seconds for which a query that nobody waits for may still write: Athena's limit for one is 30
#: minutes (Athena User Guide, "Service Quotas", DML query timeout).
_LONGEST_QUERY = 35 * 60

#: Seconds until what failed is tried again, doubled each time, to the most: a query that fails may
#: have read as much as one that does not.
_FIRST_PAUSE, _LONGEST_PAUSE = 300, 6 * 3600


@dataclass(frozen=True, slots=True)
class Query:
    """What became of a query.

    Attributes
    ----------
    ended, succeeded : bool
        Whether it has, and how.
    reason, detail : str
        Athena's name of the error, such as ``COLUMN_NOT_FOUND``, and what it says.
    permanent : bool
        Whether the same query would fail again.
    scanned : int
        Bytes that it read.
    """

    ended: bool
    succeeded: bool = False
    reason: str = ""
    detail: str = ""
    permanent: bool = False
    scanned: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Some dates of a table, or all of it, that are just made anew.

    Attributes
    ----------
    id : str
        Its folder's name; nothing else was ever written there.
    began : float
        Seconds since 1970. What was committed before is in it.
    text : str
        Hash of the model's text.
    dates : tuple of str
        Those that it makes; none of a model that is made whole.
    by_date : bool
        Whether its table has dates.
    everything : bool
        Whether these are all dates of the table.
    columns : tuple of (str, str)
        Names and types of what it writes, without ``date_partition``.
    since : float
        When the oldest change was told that it answers.
    replaces : tuple of str
        Folders of the curated bucket that nobody reads any more once it is published.
    publishing : bool
        Whether queries may read some of it already: then it is published, whatever happens.
    """

    id: str
    began: float
    text: str
    dates: tuple[str, ...] = ()
    by_date: bool = True
    everything: bool = False
    columns: tuple[tuple[str, str], ...] = ()
    since: float = 0.0
    replaces: tuple[str, ...] = ()
    publishing: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Why the last run was given up.

    Attributes
    ----------
    at : float
        Seconds since 1970.
    text : str
        Hash of the model's text.
    reason, detail : str
        Athena's name of the error, or the lake's, and what to do.
    permanent : bool
        Whether only another text, another table or other data can help.
    scanned : int
        Bytes that its queries read, which are paid for.
    times : int
        In how many invocations it failed since it succeeded last, or somebody asked for it; of a
        failure that is not kept yet whether it is the first of its invocation.
    """

    at: float
    text: str
    reason: str
    detail: str
    permanent: bool
    scanned: int = 0
    times: int = 1

    @property
    def again_at(self) -> float:
        """Say when it may be tried again by itself, if it may: later each time."""
        return self.at + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self.times - 1, 10))


@dataclass(frozen=True, slots=True)
class Done:
    """What the last published run was.

    Attributes
    ----------
    began, at : float
        Seconds since 1970.
    text : str
        Hash of the model's text.
    partitions : int
        Those that it made anew; 1 for a table without.
    scanned : int
        Bytes that its queries read.
    queries : int
        How many they were.
    late : float
        Seconds from the oldest change that it answers to its publication.
    """

    began: float
    at: float
    text: str
    partitions: int
    scanned: int
    queries: int
    late: float


@dataclass(frozen=True, slots=True)
class Refresh:
    """The state of a model's table.

    Attributes
    ----------
    revision : int
        Counts the writes; every write names the one it replaces.
    waiting : tuple of str
        Dates whose sources changed, and no run has begun since.
    everything : bool
        Whether all of it waits.
    since : float
        When the first of these changes was told, in seconds since 1970; 0 for none.
    worker : str
        Who is at it; nobody else has this name. Empty for nobody.
    expires : float
        When its worker is dead for certain.
    run : Run or None
        What was begun and is not published yet.
    untold : tuple of str
        Dates that were published, and the models that read the table were not told yet.
    doomed : tuple of (str, float)
        Folders of the curated bucket, and when each is to be deleted.
    shape : str
        Of which text over which columns of the sources :attr:`columns` are known.
    columns : tuple of (str, str)
        Names and types of the model's columns.
    describing : tuple of str or None
        Token and text of a statement that makes a view for a moment, to learn the columns. Who
        comes next waits until it has ended: else the view might come after it was dropped.
    failed : Failed or None
        Why the last run was given up; None once another one was published.
    done : Done or None
        The last that was published.
    empty : tuple of (str, float)
        Dates that have no partition, since no row was found of them, and when the run that looked
        for rows began, in seconds since 1970.
    """

    revision: int = 0
    waiting: tuple[str, ...] = ()
    everything: bool = False
    since: float = 0.0
    worker: str = ""
    expires: float = 0.0
    run: Run | None = None
    untold: tuple[str, ...] = ()
    doomed: tuple[tuple[str, float], ...] = ()
    shape: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    describing: tuple[str, str] | None = None
    failed: Failed | None = None
    done: Done | None = None
    empty: tuple[tuple[str, float], ...] = ()

    @property
    def is_waiting(self) -> bool:
        """Tell whether a run is to be begun."""
        return bool(self.waiting) or self.everything

    def is_held(self, worker: str, now: float) -> bool:
        """Tell whether somebody else may be at it."""
        return self.worker not in ("", worker) and self.expires > now

    def touched(
        self, dates: Iterable[str], at: float, *, everything: bool, asked: bool = False
    ) -> Refresh:
        """Have dates wait, or all of it; where somebody asked for them, why it failed is over."""
        if asked and self.failed:
            return replace(self, failed=None).touched(dates, at, everything=everything)
        told = {*dates}
        if not told and not everything:
            return self
        return replace(
            self,
            waiting=tuple(sorted({*self.waiting, *told})),
            everything=everything or self.everything,
            since=min(filter(None, (self.since, at)), default=0.0),
        )

    def claimed(self, worker: str, now: float, expires: float) -> Refresh:
        """Give it to a worker, unless another one may be at it."""
        if self.worker == worker or self.is_held(worker, now):
            return self
        return replace(self, worker=worker, expires=expires)

    def released(self, worker: str) -> Refresh:
        """Let the next worker come."""
        return replace(self, worker="", expires=0.0) if self.worker == worker else self

    def shaped(self, shape: str, columns: tuple[tuple[str, str], ...]) -> Refresh:
        """Know the model's columns, or that they are not known."""
        return replace(self, shape=shape, columns=columns, describing=None)

    def asking(self, token: str, sql: str) -> Refresh:
        """Remember a statement that makes a view, before it is begun."""
        return self if self.describing else replace(self, describing=(token, sql))

    def begun(self, run: Run) -> Refresh:
        """Begin a run with what waits; what is told from now on waits for the next one."""
        if self.run is not None and self.run.id == run.id:
            return self
        # One that was told while all dates were listed may not be among them.
        made = {*run.dates}
        left = tuple(date for date in self.waiting if date not in made)
        everything = self.everything and not run.everything
        since = self.since if left or everything else 0.0
        return replace(self, run=run, waiting=left, everything=everything, since=since)

    def replacing(self, run: str, folders: Iterable[str]) -> Refresh:
        """Remember what a run replaces, before it does."""
        if self.run is None or self.run.id != run:
            return self
        replaces = tuple(sorted({*self.run.replaces, *folders}))
        return replace(self, run=replace(self.run, replaces=replaces, publishing=True))

    def published(
        self,
        run: str,
        done: Done,
        keep: float,
        told: tuple[str, ...],
        empty: tuple[str, ...] = (),
    ) -> Refresh:
        """End a run whose rows are read from now on.

        Parameters
        ----------
        run : str
            Which one.
        done : Done
            What it was.
        keep : float
            Seconds for which a query may still read what it replaced.
        told : tuple of str
            Dates of which the models that read the table are to be told.
        empty : tuple of str
            Dates of the run that have no row.
        """
        if self.run is None or self.run.id != run:
            return self
        doomed = dict.fromkeys(self.run.replaces, done.at + keep) | dict(self.doomed)
        made = {*self.run.dates}
        # Another text may find rows of them.
        same = self.done is not None and self.done.text == done.text and not self.run.everything
        others = [one for one in self.empty if one[0] not in made] if same else []
        without = sorted([*others, *((date, done.began) for date in empty)])
        return replace(
            self,
            run=None,
            untold=tuple(sorted({*self.untold, *told})),
            doomed=tuple(sorted(doomed.items())),
            failed=None,
            done=done,
            empty=tuple(without),
        )

    def given_up(self, run: str, why: Failed, folder: str) -> Refresh:
        """End a run that failed: its dates wait again, and what it wrote is deleted later."""
        if self.run is None or self.run.id != run:
            return self
        again = self.touched(self.run.dates, self.run.since, everything=self.run.everything)
        # Other queries of the run may not have ended.
        doomed = dict(self.doomed) | {folder: why.at + _LONGEST_QUERY}
        return replace(again.failing(why), run=None, doomed=tuple(sorted(doomed.items())))

    def failing(self, why: Failed) -> Refresh:
        """Say why no run was begun or ended."""
        if self.failed and self.failed.at == why.at:
            return self
        before = self.failed.times if self.failed and self.failed.text == why.text else 0
        return replace(self, failed=replace(why, times=max(1, before + why.times)))

    def settled(self, told: Iterable[str], deleted: Iterable[str]) -> Refresh:
        """Strike dates that were told, and folders that were deleted."""
        gone, said = {*deleted}, {*told}
        return replace(
            self,
            untold=tuple(date for date in self.untold if date not in said),
            doomed=tuple(one for one in self.doomed if one[0] not in gone),
        )

    def due(self, now: float) -> tuple[str, ...]:
        """Give the folders that are to be deleted by now."""
        return tuple(folder for folder, at in self.doomed if at <= now)
