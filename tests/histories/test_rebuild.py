"""A rebuild at any moment and killed at any: old rows until the switch, all rows after it."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lake import reconcile
from lake.errors import LakeCommandError
from lake.rebuild import Rebuild
from store import catalog, naming
from store.entry import Entry
from store.model import Status
from tests.support.chance import examples
from tests.support.cloud import PROCESSED, QUEUE, RAW
from tests.support.world import Worker, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETTLE = 30.0


def body(number: int) -> bytes:
    """A record whose ``n`` the table takes for a number, as the first one's was."""
    n = number if number < 2 else f"text {number}"
    return json.dumps({"id": f"r{number}", "d": f"2024-01-0{1 + number % 3}", "n": n}).encode()


@dataclass
class Lake:
    """A world with one dataset, and an operator who rebuilds it."""

    world: World
    from_processed: bool = False
    without_deleted: bool = False
    count: int = 0
    keys: dict[str, int] = field(default_factory=dict)

    def upload(self, key: str) -> None:
        self.world.upload(key, body(self.count))
        self.keys[key] = self.count
        self.count += 1

    @property
    def rebuild(self) -> Rebuild:
        return Rebuild(
            self.world.target,
            "a",
            SETTLE,
            self.world.clock,
            from_processed=self.from_processed,
            without_deleted=self.without_deleted,
        )

    def operator(self, do: Callable[[], Any]) -> Worker:
        def run() -> None:
            # What another operator does at the same time stops one of them, who repeats it.
            with suppress(LakeCommandError):
                do()

        worker = Worker(self.world, run)
        worker.deadline = float("inf")
        self.world.workers.append(worker)
        return worker

    def rows(self) -> list[dict[str, Any]]:
        """What a query of the table reads: the files of its partitions, where these say."""
        found = []
        for (table, _), partition in self.world.cloud.partitions.items():
            place = partition["StorageDescriptor"]["Location"].removeprefix(f"s3://{PROCESSED}/")
            if table == "a":
                for key, content in self.world.cloud.objects(PROCESSED).items():
                    if key.startswith(place):
                        found += [json.loads(line) for line in content.decode().splitlines()]
        return found

    def step(self) -> str:
        steps: list[str] = []
        self.operator(lambda: steps.append(self.rebuild.advance().step)).finish()
        return steps[0] if steps else ""

    def finish(self) -> None:
        for _ in range(60):
            if self.step() == "done":
                return
            self.world.wait(SETTLE)
            self.operator(self.rebuild.announce).finish()
            self.world.drain()
        raise AssertionError("the rebuild never ended")

    def check(self) -> None:
        rows = self.rows()
        assert sorted(row["id"] for row in rows) == sorted(f"r{n}" for n in self.keys.values())
        assert all(row["n"] == str(body_of(row)["n"]) for row in rows), "a value was not retyped"
        assert not any("_rescued_data" in row for row in rows)
        table = self.world.cloud.tables["a"]
        assert (catalog.rebuild_of(table), catalog.since(table)) == (0, 0)
        assert naming.next_table("a") not in self.world.cloud.tables
        kept = {key for entry in self.world.entries().values() for key in entry.outputs}
        assert {*self.world.cloud.objects(PROCESSED)} == kept, "files of the old folder are left"


def body_of(row: dict[str, Any]) -> Any:
    return json.loads(body(int(row["id"][1:])))


def filled(folder: Path, *, from_processed: bool = False) -> Lake:
    lake = Lake(World(folder), from_processed)
    for number in range(4):
        lake.upload(f"data/a/{number}.json")
    lake.world.drain()
    return lake


@pytest.fixture
def plain_lake(tmp_path: Path) -> Lake:
    return filled(tmp_path)


@pytest.fixture(params=["raw objects", "rows"])
def lake(tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    """A lake that is rebuilt from the one or the other."""
    return filled(tmp_path, from_processed=request.param == "rows")


def test_a_column_gets_another_type_and_old_rows_are_read_until_then(lake: Lake) -> None:
    before = lake.rows()
    assert [row for row in before if "_rescued_data" in row]
    lake.rebuild.start({"n": "string"})
    assert lake.step() == "settling"
    lake.world.wait(SETTLE)
    assert lake.step() == "ingesting"
    lake.rebuild.announce()
    lake.upload("data/a/new.json")
    lake.world.drain()
    assert lake.rows() == before
    lake.finish()
    lake.check()
    assert [c["Type"] for c in lake.world.cloud.tables["a"]["StorageDescriptor"]["Columns"]] == [
        *("string", "string", "string")
    ]
    lake.upload("data/a/later.json")
    lake.world.drain()
    lake.rebuild.start({})
    lake.finish()
    lake.check()
    assert {naming.folder_of(k) for k in lake.world.cloud.objects(PROCESSED)} == {"rebuilt/a/2/"}


def test_a_repair_leaves_rows_alone_that_are_read_until_the_rebuild_is_done(lake: Lake) -> None:
    before = lake.rows()
    lake.rebuild.start({"n": "string"})
    lake.world.wait(SETTLE)
    lake.rebuild.announce()
    lake.world.drain()
    found = reconcile.compare(lake.world.target, 0, lake.world.clock)
    assert found.hidden == ["table a is being rebuilt: `lake rebuild a` goes on"]
    assert (found.orphans, found.to_send, found.partitions) == ([], [], [])
    lake.world.reconcile().finish()
    assert lake.rows() == before
    lake.finish()
    lake.check()
    found = reconcile.compare(lake.world.target, 0, lake.world.clock)
    assert not found.repairable
    assert not found.hidden


@pytest.mark.parametrize("seed", range(examples(100) // 10))
def test_whatever_happens_meanwhile_all_rows_are_there_in_the_end(lake: Lake, seed: int) -> None:
    chance = random.Random(seed)
    world = lake.world
    start = lake.operator(lambda: lake.rebuild.start({"n": "string"}))
    start.step(chance.randrange(12))
    for _ in range(40):
        match chance.randrange(7):
            case 0:
                lake.upload(f"data/a/{chance.randrange(6)}.json")
            case 1 if world.cloud.receive():
                message = chance.choice(world.cloud.receive())
                world.start(message, twice=chance.random() < 0.2).step(chance.randrange(1, 25))
            case 2 if world.live():
                chance.choice(world.live()).step(chance.randrange(1, 25))
            case 3 if world.live():
                chance.choice(world.live()).kill()
            case 4:
                world.wait(chance.choice([1, 11, 40, 400]))
            case 5:
                lake.operator(lambda: lake.rebuild.advance()).step(chance.randrange(1, 40))
            case 6:
                lake.operator(lambda: lake.rebuild.announce()).step(chance.randrange(1, 40))
        world.check_at_any_time()
    try:
        for worker in world.workers:
            worker.finish()
        lake.operator(lambda: lake.rebuild.start({"n": "string"})).finish()
        lake.finish()
        lake.check()
    finally:
        world.close()


def switch_at_once(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits for workers that began before the rebuild."""
    patch.setattr(Rebuild, "_unsettled", lambda *_: False)


def delete_what_can_be_read(patch: pytest.MonkeyPatch) -> None:
    """Rows of the old folder go with each object that is ingested again."""
    committed = Entry.committed
    patch.setattr(Entry, "committed", lambda self, *words: committed(self, *words[:4]))


@pytest.mark.parametrize("plant", [switch_at_once, delete_what_can_be_read])
def test_and_each_bug_in_it_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)

    def histories() -> None:
        # The first shows it today; should histories change, another one does.
        for seed in (153, *range(500)):
            one = Lake(World(tmp_path / str(seed)))
            one.world.folder.mkdir()
            for number in range(4):
                one.upload(f"data/a/{number}.json")
            one.world.drain()
            if plant is delete_what_can_be_read:
                before = one.rows()
                one.rebuild.start({"n": "string"})
                one.world.wait(SETTLE)
                one.rebuild.announce()
                one.world.drain()
                assert one.rows() == before
            else:
                test_whatever_happens_meanwhile_all_rows_are_there_in_the_end(one, seed)

    with pytest.raises(AssertionError):
        histories()


def test_rows_of_objects_that_are_gone_are_kept_where_rows_are_read(tmp_path: Path) -> None:
    lake = filled(tmp_path, from_processed=True)
    for number in range(3):
        # As a lifecycle rule does it: nobody is told.
        lake.world.cloud.write(RAW, f"data/a/{number}.json", None)
    lake.rebuild.start({"n": "string"})
    lake.world.wait(SETTLE)
    lake.finish()
    lake.check()
    assert len(lake.rows()) == 4


def test_a_version_that_is_uploaded_while_its_rows_are_read_wins(tmp_path: Path) -> None:
    for steps in range(30):
        folder = tmp_path / str(steps)
        folder.mkdir()
        lake = filled(folder, from_processed=True)
        lake.rebuild.start({"n": "string"})
        lake.world.wait(SETTLE)
        lake.rebuild.announce()
        slow = lake.world.start(lake.world.cloud.receive()[0])
        slow.step(steps)
        for number in range(4):
            lake.upload(f"data/a/{number}.json")
        lake.world.drain()
        slow.finish()
        lake.finish()
        lake.check()
        lake.world.close()


def test_who_is_refused_has_changed_nothing(lake: Lake) -> None:
    # It reads the table before the other one marks it.
    slow = lake.operator(lambda: lake.rebuild.start({"n": "double"}))
    slow.step(2)
    lake.rebuild.start({"n": "string"})
    lake.world.wait(SETTLE)
    lake.rebuild.announce()
    lake.world.drain()
    before = dict(lake.world.cloud.tables)
    slow.finish()
    assert lake.world.cloud.tables == before
    lake.finish()
    lake.check()


@pytest.mark.parametrize("steps", range(14))
def test_of_two_who_start_at_once_one_is_refused_or_both_mean_the_same(
    lake: Lake, steps: int
) -> None:
    slow = lake.operator(lambda: lake.rebuild.start({"n": "double"}))
    slow.step(steps)
    lake.operator(lambda: lake.rebuild.start({"n": "string"})).finish()
    slow.finish()
    following = lake.world.cloud.tables[naming.next_table("a")]
    types = {c["Name"]: c["Type"] for c in following["StorageDescriptor"]["Columns"]}
    assert catalog.since(lake.world.cloud.tables["a"])
    lake.finish()
    now = lake.world.cloud.tables["a"]["StorageDescriptor"]["Columns"]
    assert {c["Name"]: c["Type"] for c in now} == types
    assert sorted(row["id"] for row in lake.rows()) == ["r0", "r1", "r2", "r3"]


def test_the_folder_of_a_rebuild_that_was_given_up_is_used_by_no_other(lake: Lake) -> None:
    lake.rebuild.start({"n": "string"})
    lake.world.wait(SETTLE)
    lake.rebuild.announce()
    lake.world.drain()
    lake.world.cloud.drop("a")
    lake.world.wait(700)
    lake.upload("data/a/new.json")
    lake.world.drain()
    lake.rebuild.start({"n": "string"})
    lake.finish()
    assert {naming.folder_of(k) for k in lake.world.cloud.objects(PROCESSED)} == {"rebuilt/a/2/"}
    lake.check()


def test_a_table_that_was_dropped_after_a_rebuild_leaves_no_file_behind(lake: Lake) -> None:
    lake.rebuild.start({"n": "string"})
    lake.world.wait(SETTLE)
    lake.finish()
    lake.world.cloud.drop("a")
    lake.world.wait(700)
    lake.world.reconcile().finish()
    lake.world.drain()
    assert {naming.folder_of(k) for k in lake.world.cloud.objects(PROCESSED)} == {"processed/a/"}
    found = reconcile.compare(lake.world.target, 0, lake.world.clock)
    assert (found.repairable, found.dropped) == (0, [])
    assert sorted(row["id"] for row in lake.rows()) == ["r0", "r1", "r2", "r3"]


def test_files_of_others_are_not_left_behind(lake: Lake) -> None:
    key = "processed/a/date_partition=2024-01-01/mine.parquet"
    lake.world.cloud.write(PROCESSED, key, b"{}")
    before = dict(lake.world.cloud.tables)
    with pytest.raises(LakeCommandError, match=r"1 files in processed/a/ .*/mine\.parquet"):
        lake.rebuild.start({"n": "string"})
    assert lake.world.cloud.tables == before


def test_what_cannot_be_ingested_again_is_refused_with_how_many(plain_lake: Lake) -> None:
    lake = plain_lake
    lake.world.delete("data/a/0.json")
    with pytest.raises(LakeCommandError, match="1 of 4 raw objects of a were deleted"):
        lake.rebuild.start({})
    before = lake.rows()
    lake.without_deleted = True
    lake.rebuild.start({})
    lake.world.wait(SETTLE)
    lake.without_deleted = False
    with pytest.raises(LakeCommandError, match="--without-deleted"):
        lake.rebuild.announce()
    lake.without_deleted = True
    lake.rebuild.announce()
    lake.world.drain()
    assert lake.rows() == before, "rows that are given up are read until the switch"
    del lake.keys["data/a/0.json"]
    lake.finish()
    assert sorted(row["id"] for row in lake.rows()) == ["r1", "r2", "r3"]
    assert lake.world.entries()["data/a/0.json"].verdict is Status.DELETED


@pytest.mark.parametrize(
    ("types", "said"),
    [
        ({"m": "string"}, "has no column m: it has id, d, n"),
        ({"ids": "string"}, r"has no column ids: did you mean id\?"),
        ({"n": "number"}, "'number' is no type"),
        ({"_source_key": "int"}, "has no column _source_key"),
    ],
)
def test_what_is_no_column_or_no_type_is_refused_untouched(
    lake: Lake, types: dict[str, str], said: str
) -> None:
    before = dict(lake.world.cloud.tables)
    with pytest.raises(LakeCommandError, match=said):
        lake.rebuild.start(types)
    assert lake.world.cloud.tables == before
    assert not lake.world.cloud.queues[QUEUE]


def test_objects_in_glacier_are_counted_and_nothing_is_begun(
    plain_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = plain_lake
    raw = [(f"data/a/{n}.json", "GLACIER" if n else "STANDARD") for n in range(4)]
    monkeypatch.setattr("lake.raw.listed", lambda *_: raw)
    with pytest.raises(LakeCommandError, match="3 of 4 raw objects of a are in Glacier"):
        lake.rebuild.start({})
    assert naming.next_table("a") not in lake.world.cloud.tables
