"""One worker's work on one model, while it has the lease: to go on with a run, or to begin one."""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from curator import statements
from store import curated
from store.errors import (
    LakeError,
    LedgerConflictError,
    ModelFailedError,
    OutOfTimeError,
    TransientError,
)
from store.naming import PARTITION_KEY, home_of, shape_table
from store.reasons import Failure
from store.refresh import NO_TABLE, Done, Failed, Refresh, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from curator.refresh import Curator, Invocation
    from store.models import Model
    from store.refresh import Query

#: Seconds of an invocation that are kept to say what is left to do.
_RESERVE = 15

#: Queries of one run at once: an account has 20 to 200 in all (Athena User Guide, quotas).
_AT_ONCE = 4

#: Folders that are deleted before that is written down: some seconds of work.
_FOLDERS = 50

#: How often a run that failed for a passing reason is begun again before the schedule does it: a
#: query that has begun may miss a file that was replaced meanwhile.
_TRIES = 3

#: Seconds between two looks at a query: few are shorter, and none is to be waited for much longer.
_FIRST_LOOK, _LAST_LOOK = 0.2, 2.0

#: What stands for the dates of a table that is made whole.
_ANY = "all"


class Work:
    """One worker, while it has the lease on a model."""

    def __init__(
        self, curator: Curator, model: Model, invocation: Invocation, state: Refresh
    ) -> None:
        self.curator, self.model, self.invocation, self.state = curator, model, invocation, state
        self.runs: list[Done] = []
        self.failed: list[Failed] = []
        self.asked: list[Query] = []
        self.scanned = 0
        self.out_of_time = False

    def do(self) -> None:
        """Go on with what was begun, and begin what waits, until nothing does or time runs out."""
        try:
            self._tell()
            while self._next():
                self._tell()
            # Last: thousands of folders may take longer than an invocation.
            self._clean_up()
        except OutOfTimeError:
            self.out_of_time = True

    def note(self, error: Exception) -> None:
        """Say why the work stopped; what was begun is gone on with."""
        if isinstance(error, LakeError):
            reason, detail = error.code, error.detail
        else:
            reason, detail = Failure.DEFECT, f"{type(error).__name__}: {error}"
        why = Failed(self.curator.clock(), self.model.text_hash, reason, detail, permanent=False)
        with suppress(TransientError):
            self._change(lambda state: state.failing(why))

    def _next(self) -> bool:
        """Publish one run; tell whether to look for another."""
        run: Run | None = self.state.run
        try:
            self._check_time()
            if run is None:
                if not self._may_begin():
                    return False
                with self.curator.step("begin"):
                    run = self._begin()
            if not run.publishing:
                with self.curator.step("query"):
                    self._unload(run)
            with self.curator.step("publish"):
                self._publish(run)
        except ModelFailedError as error:
            return self._fail(run, error)
        return True

    def _may_begin(self) -> bool:
        # What failed for a passing reason just now is tried again at once.
        if self.failed:
            return self.state.is_waiting
        return self.curator.may_begin(self.model, self.state, self.invocation)

    def _change(self, change: Callable[[Refresh], Refresh]) -> None:
        """Write the state, while the lease is this worker's."""

        def mine(state: Refresh) -> Refresh:
            if state.worker != self.invocation.worker:
                raise LedgerConflictError(f"model {self.model.name}: the lease is another's")
            return change(state)

        self.state = self.curator.change(self.model.name, mine, self.state)

    def _check_time(self) -> None:
        if self.invocation.seconds_left() < _RESERVE:
            raise OutOfTimeError(f"model {self.model.name}: another invocation goes on with it")

    # --- A run --------------------------------------------------------------------------

    def _begin(self) -> Run:
        """Begin a run with all that waits."""
        shape = self._shape()
        if self.state.shape != shape or self.state.describing:
            self._describe(shape)
        types = dict(self.state.columns)
        if self.model.by_date and types.pop(PARTITION_KEY, "") != "string":
            raise ModelFailedError(
                "NO_DATE_PARTITION", f"{self.model.name} has no column {PARTITION_KEY} of text"
            )
        columns, everything = tuple(types.items()), self.state.everything
        table = self.curator.tables.get(self.model.name)
        if table is not None:
            why = curated.why_not_ours(
                table, self.curator.bucket, self.model.name, by_date=self.model.by_date
            )
            if not why and self.model.by_date and not everything:
                why = curated.why_unlike(table, columns)
            if why:
                raise ModelFailedError("TABLE_UNLIKE", why)
        # Before the dates are listed: a change that is told later waits for the next run.
        began = self.curator.clock()
        dates = {*self.state.waiting}
        if everything and self.model.by_date:
            dates |= self._all_dates()
        run = Run(
            uuid.uuid4().hex,
            began,
            self.model.text_hash,
            tuple(sorted(dates)),
            self.model.by_date,
            everything,
            columns,
            self.state.since,
        )
        self._change(lambda state: state.begun(run))
        return run

    def _shape(self) -> str:
        """Tell apart what the model's columns follow from: its text, its sources' columns."""
        said = [self.model.text_hash]
        for source in self.model.sources:
            table = self.curator.tables.get(source.name)
            if table is None:
                # The schedule looks again: it costs no query.
                raise ModelFailedError(
                    NO_TABLE,
                    f"{self.model.name} reads {source.name}, and there is no such table yet",
                    permanent=False,
                )
            keys = [key["Name"] for key in table.get("PartitionKeys", [])]
            said.append(f"{source.name} {curated.columns_of(table)} {keys}")
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]

    def _describe(self, shape: str) -> None:
        """Ask Athena for the model's columns.

        Raises
        ------
        ModelFailedError
            When Athena does not take the model, or somebody dropped the view meanwhile.
        """
        model, database = self.model, self.curator.database
        wanted = statements.describing(model, database)
        self._change(lambda state: state.asking(uuid.uuid4().hex, wanted))
        token, sql = self.state.describing or ("", "")
        try:
            self._run_all([(sql, token)])
            view = self.curator.tables.get(shape_table(model.name))
            self.curator.tables.forget(shape_table(model.name))
        except ModelFailedError:
            self._change(lambda state: state.shaped("", ()))
            raise
        # It may be that of a worker that died, who asked of another text or dropped the view.
        if view is None or sql != wanted:
            self._change(lambda state: state.shaped("", ()))
            why = "the model's columns are asked again"
            raise ModelFailedError("VIEW_GONE", why, permanent=False)
        columns = curated.columns_in(view)
        self._change(lambda state: state.shaped(shape, columns))

    def _all_dates(self) -> set[str]:
        """List the dates of the table and of all sources whose changes touch it."""
        found = set(self.curator.tables.dates(self.model.name))
        for name in self.model.dated:
            table = self.curator.tables.get(name)
            if table is not None and curated.is_projected(table):
                found |= {*self.curator.files.dates(curated.location_of(table))}
            else:
                found |= {*self.curator.tables.dates(name)}
        return found

    def _unload(self, run: Run) -> None:
        """Have Athena write the run's folder, as far as it is not written yet."""
        if run.text != self.model.text_hash:
            raise ModelFailedError("TEXT_CHANGED", "another text was deployed", permanent=False)
        self.asked = self._run_all(statements.unloading(self.model, run, self.curator.bucket))

    def _run_all(self, asked: list[tuple[str, str]]) -> list[Query]:
        """Run statements, some at once, each begun by its token or joined."""
        done: list[Query] = []
        for start in range(0, len(asked), _AT_ONCE):
            self._check_time()
            begun = [
                self.curator.queries.start(sql, token)
                for sql, token in asked[start : start + _AT_ONCE]
            ]
            done += map(self._ended, begun)
        return done

    def _ended(self, query: str) -> Query:
        """Wait for a query.

        Raises
        ------
        ModelFailedError
            When it failed.
        OutOfTimeError
            When the invocation would end first; whoever comes next joins the query.
        """
        pause = _FIRST_LOOK
        while not (found := self.curator.queries.look(query)).ended:
            self._check_time()
            self.curator.sleep(pause)
            pause = min(_LAST_LOOK, pause * 1.5)
        self.scanned += found.scanned
        if not found.succeeded:
            raise ModelFailedError(found.reason, found.detail, permanent=found.permanent)
        return found

    def _publish(self, run: Run) -> None:
        """Have queries read what the run wrote, and no longer what it replaces."""
        curator, model = self.curator, self.model
        own, home = curated.folder_of(model.name, run.id), home_of(model.name)
        written: list[str] = []
        if run.by_date:
            written = curator.files.dates(f"s3://{curator.bucket}/{own}")
            places = list(curator.tables.places(model.name, run.dates).values())
        else:
            table = curator.tables.get(model.name)
            places = [curated.location_of(table)] if table else []
        replaced = [curated.key_in(place, curator.bucket) for place in places]
        # Its own are those of a worker that died while it published.
        old = {
            key
            for key in replaced
            if key.startswith(home) and key != home and not key.startswith(own)
        }
        self._change(lambda state: state.replacing(run.id, old))
        curator.tables.publish(model, run, written)
        now = curator.clock()
        done = Done(
            run.began,
            now,
            run.text,
            len(written) if run.by_date else 1,
            sum(query.scanned for query in self.asked),
            len(self.asked),
            max(0.0, now - run.since) if run.since else 0.0,
        )
        dates = run.dates if run.by_date else (_ANY,)
        told = dates if model.name in curator.readers else ()
        empty = tuple(sorted({*run.dates} - {*written})) if run.by_date else ()
        self._change(lambda state: state.published(run.id, done, curator.keep, told, empty))
        self.runs.append(done)

    def _fail(self, run: Run | None, error: ModelFailedError) -> bool:
        """Give a run up, and say why; tell whether to try again at once."""
        why = Failed(
            self.curator.clock(),
            self.model.text_hash,
            error.code,
            error.detail,
            error.permanent,
            self.scanned,
            times=int(not self.failed),
        )
        if run is None or self.state.run is None:
            self._change(lambda state: state.failing(why))
        else:
            folder = curated.folder_of(self.model.name, run.id)
            self._change(lambda state: state.given_up(run.id, why, folder))
        self.failed.append(why)
        passing = not why.permanent and why.reason != NO_TABLE
        return passing and len(self.failed) < _TRIES

    def _tell(self) -> None:
        """Tell the models that read this one."""
        if told := self.state.untold:
            with self.curator.step("tell"):
                self.curator.queue.tell([f"{self.model.name}/{date}" for date in told])
                self._change(lambda state: state.settled(told, ()))

    def _clean_up(self) -> None:
        """Delete what nobody reads any more, and write down how far that is."""
        due = self.state.due(self.curator.clock())
        for start in range(0, len(due), _FOLDERS):
            doomed = due[start : start + _FOLDERS]
            self._check_time()
            with self.curator.step("delete"):
                for folder in doomed:
                    self.curator.files.delete(folder)
            self._change(partial(Refresh.settled, told=(), deleted=doomed))
