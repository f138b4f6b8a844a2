"""The use case: make a model's table anew where its sources changed.

How a query finds each date whole at any moment, and at rest what the model says of the rows:

1. What is told is added to the model's state by a conditional write before its message is
   acknowledged. The state is all there is: messages only bring somebody here.
2. One worker at a time has the lease on a model. It ends a minute after the worker's invocation.
3. A run takes the dates that wait. What is told after it began waits for the next run, so that
   its queries read all that was committed before a date was told.
4. Athena writes to the run's own folder. Then Glue is told to read each date from there. What a
   query may still be reading is deleted later.
5. Who comes to a run that is not published goes on with it: he joins its queries by their tokens,
   or begins those that were not begun, and publishes.
6. What fails is given up: its dates wait again, and the data before it can be read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from curator.work import Work
from store.errors import LedgerConflictError, TransientError
from store.refresh import NO_TABLE, Done, Failed, Refresh
from store.steps import unwatched
from store.touch import Touch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from curator.ports import Files, Queries, Queue, States, Tables
    from store.models import Model
    from store.steps import Steps

#: Each round follows a write of another worker to the same state.
_ROUNDS = 25

#: Seconds after the end of an invocation at which its worker is dead for certain.
GRACE = 60


@dataclass(frozen=True, slots=True)
class Told:
    """A message of the curate queue.

    Attributes
    ----------
    id : str
        Of the message.
    at : float
        When it was sent, in seconds since 1970.
    touch : Touch
        What it says.
    """

    id: str
    at: float
    touch: Touch


@dataclass(frozen=True, slots=True)
class Invocation:
    """One worker's time.

    Attributes
    ----------
    worker : str
        Nobody else has this name.
    seconds_left : callable
        Seconds until it is killed.
    scheduled : bool
        Whether nobody told of a change: what failed for good is then not tried again.
    """

    worker: str
    seconds_left: Callable[[], float]
    scheduled: bool = False


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a worker did about one model.

    Attributes
    ----------
    model : str
        Its name.
    runs : tuple of Done
        What was published.
    failed : tuple of Failed
        What was given up.
    """

    model: str
    runs: tuple[Done, ...] = ()
    failed: tuple[Failed, ...] = ()


@dataclass(frozen=True, slots=True)
class Curator:
    """Makes tables of models anew.

    Attributes
    ----------
    states, queries, tables, files, queue
        What the use case needs of the world.
    database, bucket : str
        Of the lake's tables; of the curated zone.
    models : dict of str to Model
        By name, each behind those that it reads.
    readers : dict of str to tuple of str
        Models by a table that they read.
    keep : float
        Seconds for which a query may still read what was replaced.
    clock, sleep : callable
        Seconds since 1970; waits so many.
    step : Steps
        Who watches.
    """

    states: States
    queries: Queries
    tables: Tables
    files: Files
    queue: Queue
    database: str
    bucket: str
    models: dict[str, Model]
    readers: dict[str, tuple[str, ...]]
    keep: float
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    step: Steps = unwatched

    def take(self, messages: Iterable[Told]) -> tuple[list[Model], list[Told]]:
        """Have dates of models wait; what is taken is not forgotten.

        Parameters
        ----------
        messages : iterable of Told
            What was told.

        Returns
        -------
        tuple of lists
            The models that it concerns, each behind those that it reads; and the messages that
            could not be kept, or name no model that there is.
        """
        told: dict[str, list[Told]] = {}
        failed: list[Told] = []
        for one in messages:
            wanted = one.touch.model
            if wanted and wanted not in self.models:
                failed.append(one)
                continue
            for name in (wanted,) if wanted else self.readers.get(one.touch.table, ()):
                told.setdefault(name, []).append(one)
        for name, found in told.items():
            try:
                with self.step("take"):
                    self._have_wait(self.models[name], found)
            except TransientError:
                failed += found
        return [model for name, model in self.models.items() if name in told], failed

    def _have_wait(self, model: Model, found: list[Told]) -> None:
        dates = frozenset[str]().union(*(one.touch.dates for one in found))
        everything = any(one.touch.everything for one in found)
        if not model.by_date:
            dates, everything = frozenset(), everything or bool(dates)
        since = min(one.at for one in found)
        asked = any(one.touch.model and (one.touch.dates or one.touch.everything) for one in found)
        wait = partial(Refresh.touched, dates=dates, at=since, everything=everything, asked=asked)
        self.change(model.name, wait)

    def refresh(self, model: Model, invocation: Invocation) -> Refreshed:
        """Make a model's table anew where its sources changed, unless another worker is at it.

        Parameters
        ----------
        model : Model
            Which.
        invocation : Invocation
            By whom, and in what time.

        Returns
        -------
        Refreshed
            A failure of the model is among it, and is kept in its state.

        Raises
        ------
        TransientError
            When the state could not be read or written. What was begun can be gone on with.
        """
        state = self.states.get(model.name)
        if not self._is_due(model, state, invocation):
            return Refreshed(model.name)
        now, worker = self.clock(), invocation.worker
        expires = now + invocation.seconds_left() + GRACE
        claim = partial(Refresh.claimed, worker=worker, now=now, expires=expires)
        with self.step("claim"):
            state = self.change(model.name, claim, state)
        if state.worker != worker:
            return Refreshed(model.name)
        work = Work(self, model, invocation, state)
        try:
            work.do()
        except Exception as error:  # whatever it is, the operator is told
            work.note(error)
            raise
        finally:
            # If not even that can be told, the lease ends by itself.
            work.state = self.change(model.name, partial(Refresh.released, worker=worker))
        if work.out_of_time:
            self.queue.send([Touch(model=model.name)])
        return Refreshed(model.name, tuple(work.runs), tuple(work.failed))

    def _is_due(self, model: Model, state: Refresh, invocation: Invocation) -> bool:
        """Tell whether there is anything to do for a model now."""
        now = self.clock()
        if state.is_held(invocation.worker, now):
            return False
        if state.run or state.untold or state.due(now):
            return True
        return self.may_begin(model, state, invocation)

    def may_begin(self, model: Model, state: Refresh, invocation: Invocation) -> bool:
        """Tell whether a run is to be begun with what waits."""
        if not state.is_waiting:
            return False
        if state.done and self.clock() < state.done.began + 60 * model.header.minutes:
            return False
        failed = state.failed
        if failed is None or failed.text != model.text_hash:
            return True
        if invocation.scheduled and failed.permanent:
            return False
        # A query that fails before it reads costs nothing, and other data may mend it.
        # Nobody tells when a lookup gets its table.
        looked = not invocation.scheduled or failed.reason == NO_TABLE
        free = looked and not failed.scanned
        return free or self.clock() >= failed.again_at

    def change(
        self, name: str, change: Callable[[Refresh], Refresh], known: Refresh | None = None
    ) -> Refresh:
        """Read, change and write the state until nobody wrote in between."""
        state = known or self.states.get(name)
        for _ in range(_ROUNDS):
            changed = change(state)
            if changed == state:
                return state
            written = replace(changed, revision=state.revision + 1)
            there = self.states.put(name, written)
            if there is None:
                return written
            state = there
        raise LedgerConflictError(f"model {name}: other workers kept changing its state")
