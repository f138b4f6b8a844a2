"""Whatever happens to curators, each date can be read whole, and at rest it is what it should be.

A state machine draws histories: commits, overwrites and removals, late data, messages that are
delivered late, together or twice, curators that run interleaved between any two of their calls,
die at any of them or get faulty answers, queries that fail, deployments of another text.
``EXAMPLES`` says how many histories.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from aws.curated import GlueTables, S3Folders
from curator import statements
from store.refresh import Refresh
from tests.support.chance import WANTED, examples
from tests.support.curation import CHAINED, DAILY, WHOLE, Zone
from tests.support.world import answer_lost, throttling

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.refresh import Run

DATES = ("2024-01-01", "2024-01-02", "2023-01-01")

#: Calls after which a curator is interrupted; one model takes about twenty.
STEPS = st.sampled_from([1, 3, 5, 8, 13, 21, 34, 200])

_SETTINGS: dict[str, Any] = {
    "deadline": None,
    "stateful_step_count": 30,
    "suppress_health_check": [*HealthCheck],
    "database": None,
}


class Curation(RuleBasedStateMachine):
    """Every history ends at rest, and there everything is as it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.zone = Zone()

    @rule(date=st.sampled_from(DATES), ids=st.lists(st.integers(0, 9), max_size=2))
    def commit(self, date: str, ids: list[int]) -> None:
        self.zone.commit(date, ids)

    @precondition(lambda self: self.zone.visible() and len(self.zone.live()) < 3)
    @rule(data=st.data(), count=st.integers(1, 4), twice=st.booleans(), steps=STEPS)
    def deliver(self, data: st.DataObject, count: int, twice: bool, steps: int) -> None:
        visible = self.zone.visible()
        first = data.draw(st.integers(0, len(visible) - 1))
        self.zone.deliver(visible[first : first + count], twice=twice).step(steps)

    @precondition(lambda self: len(self.zone.live()) < 3)
    @rule(steps=STEPS)
    def schedule(self, steps: int) -> None:
        self.zone.schedule().step(steps)

    @precondition(lambda self: self.zone.live())
    @rule(data=st.data(), steps=STEPS)
    def go_on(self, data: st.DataObject, steps: int) -> None:
        data.draw(st.sampled_from(self.zone.live())).step(steps)

    @precondition(lambda self: self.zone.live())
    @rule(data=st.data(), what=st.sampled_from(["dies", "throttled", "answer lost"]))
    def trouble(self, data: st.DataObject, what: str) -> None:
        worker = data.draw(st.sampled_from(self.zone.live()))
        if what == "dies":
            worker.kill()
        else:
            worker.fault = answer_lost() if what == "answer lost" else throttling()
            worker.fault_at = "after" if what == "answer lost" else "before"
            worker.step(2)

    @rule(seconds=st.sampled_from([1, 30, 100, 400, 4000]))
    def wait(self, seconds: int) -> None:
        self.zone.wait(seconds)

    @rule(name=st.sampled_from([DAILY, WHOLE, CHAINED]), dates=st.sampled_from([[], [DATES[0]]]))
    def want(self, name: str, dates: list[str]) -> None:
        self.zone.want(name, dates)

    @rule()
    def deploy(self) -> None:
        """Another text: curators that are at it go on with the old one."""
        self.zone.version += 1

    @rule(
        what=st.sampled_from(
            [None, None, ("COLUMN_NOT_FOUND", 2), ("HIVE_CANNOT_OPEN_SPLIT", 2), ("SYSTEM", 1)]
        )
    )
    def queries(self, what: tuple[str, int] | None) -> None:
        self.zone.broken = what

    def teardown(self) -> None:
        try:
            self.zone.come_to_rest()
            self.zone.check_at_rest()
        finally:
            self.zone.close()


def run(examples: int, **more: Any) -> None:
    run_state_machine_as_test(
        Curation, settings=settings(max_examples=examples, **_SETTINGS, **more)
    )


def test_every_history_ends_as_it_should() -> None:
    run(examples(100))


@pytest.mark.parametrize("leased", [True, False])
def test_a_curator_that_comes_late_switches_nothing_back(
    monkeypatch: pytest.MonkeyPatch, leased: bool
) -> None:
    """Why there is a lease: without it old rows would be read again."""
    if not leased:
        monkeypatch.setattr(Refresh, "is_held", lambda *_: False)
    zone = Zone()
    date = DATES[0]
    for ids in ([1], [2]):
        zone.commit(date, ids)
        zone.deliver(zone.visible()).finish()
    zone.commit(date, [3])
    late = zone.deliver(zone.visible())
    while not late.came_to("before Glue.batch_update_partition"):
        late.step()
    zone.commit(date, [4])
    zone.deliver(zone.visible()).finish()
    try:
        if leased:
            zone.come_to_rest()
            zone.check_at_rest()
        else:
            assert zone.read(DAILY, date) == ["0", 4]
            late.finish()
            assert zone.read(DAILY, date) == ["0", 3]
    finally:
        zone.close()


def forget_what_comes_meanwhile(patch: pytest.MonkeyPatch) -> None:
    """What is told while a run is at it counts as done when that is published."""
    published = Refresh.published

    def done_with(self: Refresh, run: str, *words: Any) -> Refresh:
        before = self.run
        after = published(self, run, *words)
        return replace(after, waiting=(), everything=False) if before else after

    patch.setattr(Refresh, "published", done_with)


def one_folder_for_all_runs(patch: pytest.MonkeyPatch) -> None:
    """A run writes where others wrote."""
    for module in ("store.curated", "curator.statements"):
        patch.setattr(f"{module}.folder_of", lambda model, _run: f"models/{model}/same/")


def delete_at_once(patch: pytest.MonkeyPatch) -> None:
    """What is replaced goes, though a query may be reading it."""
    published = Refresh.published
    patch.setattr(
        Refresh,
        "published",
        lambda self, run, done, _keep, *words: published(self, run, done, 0, *words),
    )


def drop_and_create(patch: pytest.MonkeyPatch) -> None:
    """A partition is taken away before it is registered anew, as others do it."""
    switch = GlueTables._switch

    def with_a_gap(self: GlueTables, model: Any, run: Run, dates: list[str]) -> None:
        self._drop(model.name, dates)
        switch(self, model, run, dates)

    patch.setattr(GlueTables, "_switch", with_a_gap)


def query_anew(patch: pytest.MonkeyPatch) -> None:
    """Who goes on with a run begins its queries again."""
    unloading = statements.unloading
    patch.setattr(
        "curator.statements.unloading",
        lambda *words: [(sql, uuid4().hex) for sql, _ in unloading(*words)],
    )


def give_up_what_is_read(patch: pytest.MonkeyPatch) -> None:
    """A run that is half published is given up when another text is deployed."""
    replacing = Refresh.replacing

    def without_a_mark(self: Refresh, run: str, folders: Any) -> Refresh:
        after = replacing(self, run, folders)
        return replace(after, run=replace(after.run, publishing=False)) if after.run else after

    patch.setattr(Refresh, "replacing", without_a_mark)


def forget_the_replaced(patch: pytest.MonkeyPatch) -> None:
    """What a run replaces is looked up when it is published, and not remembered before."""
    replacing = Refresh.replacing
    patch.setattr(
        Refresh,
        "replacing",
        lambda self, run, folders: replacing(
            replace(self, run=replace(self.run, replaces=())) if self.run else self, run, folders
        ),
    )


def leave_the_chain_alone(patch: pytest.MonkeyPatch) -> None:
    """Models that read a model are told at once or never."""
    published = Refresh.published
    patch.setattr(
        Refresh,
        "published",
        lambda self, run, done, keep, _, *words: published(self, run, done, keep, (), *words),
    )


def leave_folders(patch: pytest.MonkeyPatch) -> None:
    """Nothing is ever deleted."""
    patch.setattr(S3Folders, "delete", lambda *_: None)


BUGS: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    forget_what_comes_meanwhile,
    one_folder_for_all_runs,
    delete_at_once,
    drop_and_create,
    query_anew,
    give_up_what_is_read,
    forget_the_replaced,
    leave_the_chain_alone,
    leave_folders,
)


#: They take the histories hundreds of examples or more; `make test-histories` plants them, too.
RARE = (forget_what_comes_meanwhile, query_anew, give_up_what_is_read, forget_the_replaced)

PLANTED = [plant for plant in BUGS if plant not in RARE or WANTED]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_histories_find(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run(10_000, derandomize=True, phases=[Phase.generate])


@pytest.mark.parametrize("remembered", [True, False])
def test_what_a_dead_curator_had_replaced_is_deleted(
    monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    """Why it is written down first: who goes on finds the new place in the catalog only."""
    if not remembered:
        forget_the_replaced(monkeypatch)
    zone = Zone()
    for ids in ([1], [2]):
        zone.commit(DATES[0], ids)
        worker = zone.deliver(zone.visible())
        if ids == [1]:
            worker.finish()
    while not worker.came_to("after Glue.batch_update_partition"):
        worker.step()
    worker.kill()
    try:
        zone.come_to_rest()
        if remembered:
            zone.check_at_rest()
        else:
            with pytest.raises(AssertionError, match="left over"):
                zone.check_at_rest()
    finally:
        zone.close()
