"""How long what a dead worker wrote can be queried, and how its object ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from processor.ingest.protocol import Ingest
from store.entry import Entry
from store.model import Status
from store.reasons import Failure
from tests.support.cloud import DEAD, MAX_RECEIVES, PROCESSED, QUEUE
from tests.support.world import INVOCATION, SWEEP, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "data/a/x.json"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.upload(KEY, b'{"id": "r1", "d": "2024-01-01"}')
    yield world
    world.close()


def die(world: World) -> None:
    """A worker takes the message once it is delivered, and is killed when it has written."""
    (message,) = world.cloud.queues[QUEUE]
    world.wait(message.visible_at - world.cloud.now)
    worker = world.start(message)
    while not worker.came_to("after S3.put_object"):
        worker.step()
    worker.kill()


def visible(world: World) -> int:
    return len(world.cloud.objects(PROCESSED))


def minutes_until_nothing_is_visible(world: World) -> float:
    began = world.cloud.now
    while visible(world):
        world.wait(1)
        if world.cloud.receive():
            worker = world.start(world.cloud.receive()[0])
            while visible(world) and not worker.done:
                worker.step()
    return (world.cloud.now - began) / 60


def test_what_a_dead_worker_wrote_goes_before_the_next_one_works(world: World) -> None:
    die(world)
    assert visible(world) == 1
    waited = minutes_until_nothing_is_visible(world)
    assert waited <= 6
    # The worker that came for it has converted nothing yet.
    assert world.workers[-1].moment == "after S3.delete_objects"


def test_after_the_last_death_the_schedule_ends_the_object(world: World, root: Path) -> None:
    for death in range(MAX_RECEIVES):
        die(world)
        assert visible(world) == 1, "one copy, not one for each death"
        # From the first death that a delivery has found, it can be looked up.
        assert bool(world.cloud.items[f"raw/{KEY}"].get("attention")) == (death > 0)
    waited = minutes_until_nothing_is_visible(world)
    assert waited <= (INVOCATION + 60 + SWEEP) / 60 == 11
    said = (root / "docs" / "explanation" / "exactly-once.md").read_text(encoding="utf-8")
    assert "6 minutes" in said
    assert "11 minutes" in said
    entry = world.entries()[KEY]
    assert (entry.status, entry.attention) == (Status.FAILED, "FAILED")
    assert entry.attempts[-1].reason == Failure.WORKER_LOST
    assert entry.facts["dataset"] == "a"
    world.cloud.receive()
    assert len(world.cloud.queues[DEAD]) == 1
    world.redrive()
    world.come_to_rest(repair=False)
    world.check_at_rest()
    assert world.entries()[KEY].status is Status.DONE


def test_a_deleted_object_takes_its_rows_along_where_that_is_wanted(world: World) -> None:
    world.remove_deleted = True
    world.come_to_rest(repair=False)
    assert visible(world) == 1
    world.delete(KEY)
    world.come_to_rest(repair=False)
    assert visible(world) == 0
    assert world.entries()[KEY].status is Status.DELETED
    world.upload(KEY, b'{"id": "r2", "d": "2024-01-01"}')
    world.come_to_rest(repair=False)
    assert [row["id"] for row in world.rows("processed/")] == ["r2"]


@pytest.mark.parametrize("steps", range(1, 20))
def test_an_object_that_is_deleted_while_it_is_read_leaves_no_rows(
    world: World, steps: int
) -> None:
    world.remove_deleted = True
    slow = world.start(world.cloud.receive()[0])
    slow.step(steps)
    world.delete(KEY)
    (removal,) = world.cloud.receive()
    world.start(removal).finish()
    slow.finish()
    world.come_to_rest(repair=False)
    assert visible(world) == 0
    world.check_at_rest()


def test_an_event_that_comes_after_an_object_expired_removes_nothing(world: World) -> None:
    world.remove_deleted = True
    message = world.cloud.receive()[0]
    world.come_to_rest(repair=False)
    world.cloud.lose_events = True  # a lifecycle rule tells in another event, which none asked for
    world.delete(KEY)
    world.cloud.lose_events = False
    world.cloud.send(QUEUE, message.body)
    world.come_to_rest(repair=False)
    assert visible(world) == 1


def test_a_worker_that_dies_after_another_has_committed_is_swept(world: World) -> None:
    """Its message may be acknowledged by then: SQS had delivered it twice."""
    (message,) = world.cloud.receive()
    slow = world.start(message, twice=True)
    while not slow.came_to("after DynamoDB.put_item"):
        slow.step()
    world.upload(KEY, b'{"id": "r2", "d": "2024-01-01"}')
    newer = world.cloud.receive()[-1]
    world.start(newer).finish()
    while not slow.came_to("after S3.put_object"):
        slow.step()
    world.cloud.acknowledge(message)
    slow.kill()
    assert visible(world) == 2
    world.wait(INVOCATION + 60 + SWEEP)
    assert visible(world) == 1
    world.check_at_rest()


def never_sweep(patch: pytest.MonkeyPatch) -> None:
    """The schedule does nothing."""
    patch.setattr(Ingest, "tidy", lambda self, name: self.ledger.get(name))


def overlook_the_unswept(patch: pytest.MonkeyPatch) -> None:
    """What a dead worker left is not in the index that is swept."""
    patch.setattr(Entry, "attention", property(lambda self: str(self.status)))


def sweep_at_the_end_only(patch: pytest.MonkeyPatch) -> None:
    """Who comes after a dead worker works first, and removes what that one wrote then."""
    sweep = Ingest._settle
    patch.setattr(
        Ingest,
        "_settle",
        lambda self, name, entry: (
            entry if any(a.is_open for a in entry.attempts) else sweep(self, name, entry)
        ),
    )


@pytest.mark.parametrize("plant", [never_sweep, overlook_the_unswept, sweep_at_the_end_only])
def test_and_each_bug_in_it_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)

    def five_deaths() -> None:
        for _ in range(MAX_RECEIVES):
            die(world)
            assert visible(world) == 1
        world.wait(660)
        world.cloud.receive()
        world.check_what_can_be_seen()

    with pytest.raises(AssertionError):
        five_deaths()
