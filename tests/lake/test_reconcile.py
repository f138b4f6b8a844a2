"""What `lake reconcile` finds in the catalog and mends, and what it says where it cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from engine.duck import DuckEngine
from engine.options import Options
from lake import cli
from lake.context import Choice
from lake.errors import LakeCommandError
from lake.reconcile import Differences, compare, fix
from store.model import Status
from store.naming import is_output
from tests.support.cloud import PROCESSED, S3, Cloud
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE, TWO = "data/a/1.json", "data/a/2.json"


def test_an_orphan_that_is_not_deleted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_self: S3, **_named: Any) -> dict[str, Any]:
        return {"Errors": [{"Key": "processed/a", "Code": "AccessDenied", "Message": "denied"}]}

    monkeypatch.setattr(S3, "delete_objects", refused)
    lake: Any = Cloud()
    with pytest.raises(
        LakeCommandError, match="did not delete 1 orphans of processed, such as processed/a: den"
    ):
        fix(lake, Differences(orphans=["processed/a"]), "repair")


@pytest.mark.parametrize("folder", ["processed/orders", "quarantine", "objects"])
def test_what_the_function_writes_is_known_as_ours(folder: str) -> None:
    name = "a-0123456789ab-0123456789ab.jsonl.gz"
    assert is_output(f"{folder}/date_partition=2024-01-15/{name}")
    assert not is_output(f"{folder}/date_partition=2024-01-15/by-hand.csv")


# --- The catalog ---------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    put(world, ONE, "2024-01-01")
    put(world, TWO, "2024-01-02")
    yield world
    world.close()


def put(world: World, key: str, date: str) -> None:
    world.upload(key, json.dumps({"id": key[-6], "d": date}).encode())
    world.drain()
    world.wait(1)


def differences(world: World) -> dict[str, Any]:
    """What is not in order, without what is."""
    found = vars(compare(world.target, 0, world.clock))
    return {name: what for name, what in found.items() if what and name != "objects"}


def mend(world: World) -> None:
    fix(world.target, compare(world.target, 0, world.clock), "repair")
    world.come_to_rest(repair=False)
    world.check_at_rest()
    assert differences(world) == {}


def status(world: World, key: str) -> tuple[Status, Any]:
    entry = world.entries()[key]
    return entry.status, entry.facts.get("reason")


def test_a_lake_that_is_whole_has_no_differences(world: World) -> None:
    assert differences(world) == {}


def test_a_dropped_table_is_found_and_made_again_by_its_objects(world: World) -> None:
    world.drop("a")
    assert differences(world) == {"dropped": ["a"], "unread": [ONE, TWO]}
    mend(world)
    assert sorted(world.cloud.partitions) == [("a", "2024-01-01"), ("a", "2024-01-02")]


def test_what_the_functions_do_is_begun_and_a_retyped_column_is_to_be_retyped_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choice, "target", lambda _self: world.target)
    world.drop("a")
    assert "`lake retype`" not in CliRunner().invoke(cli.main, ["reconcile"]).output
    found = compare(world.target, 0, world.clock)
    monkeypatch.setattr(
        "lake.tables.naming.rebuild_in", lambda folder, _: 1 if folder == "processed/a/" else None
    )
    done = CliRunner().invoke(cli.main, ["reconcile", "--fix"])
    said = " ".join(done.output.split())
    assert f"Begun: {len(found.to_send)} objects sent again. The functions are at it" in said
    assert "`lake status` says what waits, and `lake reconcile` afterwards what is left." in said
    assert "table a had been rebuilt, and is made again with the types that its objects" in said


def test_rows_of_before_their_table_was_made_again_are_ingested_into_it(world: World) -> None:
    world.drop("a")
    world.wait(1)
    put(world, TWO, "2024-01-03")
    assert differences(world) == {"unread": [ONE]}
    mend(world)


def test_rows_in_another_format_than_their_table_s_are_ingested_again(world: World) -> None:
    world.drop("a")
    world.engine.output_format = "json"  # type: ignore[attr-defined]  # of the double
    # Within one second, for which the time of creation says nothing.
    world.cloud.now -= 11
    world.warm.clear()
    world.upload(TWO, b'{"id": "2", "d": "2024-01-02"}')
    world.drain()
    assert differences(world)["unread"] == [ONE]
    mend(world)
    assert all(key.endswith(".json.gz") for key in world.cloud.objects(PROCESSED))


def test_an_object_whose_entry_was_lost_keeps_the_rows_that_it_gets_anew(world: World) -> None:
    """Its generations begin anew, and so do the names of its files."""
    del world.cloud.items[f"raw/{ONE}"]
    repair = world.reconcile()
    while not repair.done:
        repair.step()
        while visible := world.cloud.receive():
            world.start(visible[0]).finish()
    world.check_at_any_time()
    world.check_at_rest()


def test_a_partition_that_is_not_registered_is_and_nothing_is_ingested(world: World) -> None:
    before = dict(world.cloud.items)
    del world.cloud.partitions["a", "2024-01-02"]
    assert differences(world) == {"partitions": ["a/2024-01-02"]}
    mend(world)
    assert world.cloud.items == before


def test_partitions_are_listed_once_for_a_table(world: World) -> None:
    seen: list[str] = []
    world.cloud.on_effect = seen.append
    compare(world.target, 0, world.clock)
    # A page holds one partition here.
    assert seen.count("before Glue.get_partitions") == 2


def test_a_partition_with_another_place_is_named_and_left_alone(world: World) -> None:
    moved = world.cloud.partitions["a", "2024-01-02"]
    moved["StorageDescriptor"]["Location"] = "s3://elsewhere/compacted/"
    (name,), (told,) = zip(*differences(world).items(), strict=True)
    assert (name, len(told)) == ("hidden", 1)
    assert "2024-01-02 of table a has its files in s3://elsewhere/compacted/" in told[0]
    fix(world.target, compare(world.target, 0, world.clock), "repair")
    assert world.cloud.partitions["a", "2024-01-02"] == moved


def test_objects_of_a_table_of_somebody_else_are_refused_until_it_is_gone(world: World) -> None:
    world.take_over("a")
    put(world, TWO, "2024-01-03")
    assert status(world, TWO) == (Status.REJECTED, "FOREIGN_TABLE")
    assert not [key for key in world.entries()[TWO].outputs if key.startswith("processed/")]
    world.check_at_any_time()
    (told,) = differences(world)["hidden"]
    assert told.startswith("table a is not the lake's: its files are in s3://elsewhere/")
    world.drop("a")
    assert differences(world) == {"dropped": ["a"], "unread": [ONE, TWO]}
    mend(world)
    assert status(world, TWO) == (Status.DONE, None)


def test_a_partition_with_another_place_takes_no_row_until_it_is_back(world: World) -> None:
    storage = world.cloud.partitions["a", "2024-01-02"]["StorageDescriptor"]
    ours, storage["Location"] = storage["Location"], "s3://elsewhere/compacted/"
    world.warm.clear()
    put(world, "data/a/3.json", "2024-01-02")
    assert status(world, "data/a/3.json") == (Status.REJECTED, "FOREIGN_TABLE")
    assert "unread" not in differences(world)
    storage["Location"] = ours
    assert differences(world) == {"unread": ["data/a/3.json"]}
    mend(world)


def test_a_table_whose_objects_were_all_deleted_is_left_to_the_crawler(world: World) -> None:
    world.delete(ONE)
    world.delete(TWO)
    world.drop("a")
    found = differences(world)
    assert sorted(found) == ["deleted", "hidden"]
    assert "`lake crawl` makes it from its files in processed/a/" in found["hidden"][0]


def test_refused_rows_of_before_a_later_first_date_are_brought_after_it(tmp_path: Path) -> None:
    world = World(tmp_path, DuckEngine(Options()))
    world.upload(ONE, b"[1")
    world.come_to_rest(repair=False)
    reach = {"projection.date_partition.range": "2024-02-01,NOW+1DAYS"}
    world.cloud.tables["quarantine"] = {"Name": "quarantine", "Parameters": reach}
    assert differences(world) == {"unread": [ONE]}
    world.engine = DuckEngine(Options(first_date="2024-02-01"))
    fix(world.target, compare(world.target, 0, world.clock), "repair")
    world.come_to_rest(repair=False)
    assert differences(world) == {}
    (key,) = world.cloud.objects(PROCESSED)
    assert key.startswith("quarantine/date_partition=2024-02-01/")


def test_the_command_mends_what_it_can_and_fails_for_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choice, "target", lambda _self: world.target)
    del world.cloud.partitions["a", "2024-01-01"]
    storage = world.cloud.partitions["a", "2024-01-02"]["StorageDescriptor"]
    ours, storage["Location"] = storage["Location"], "s3://elsewhere/"
    for words, code in ((["--fix"], 1), ([], 1)):
        done = CliRunner().invoke(cli.main, ["reconcile", *words])
        assert done.exit_code == code, done.output
        # Of what is not to be done nothing is said.
        assert ("Done: 1 partition registered.\n" in done.output) == bool(words)
        assert "Begun" not in done.output
    assert ("a", "2024-01-01") in world.cloud.partitions
    storage["Location"] = ours
    done = CliRunner().invoke(cli.main, ["reconcile"])
    assert (done.exit_code, "agree" in done.output) == (0, True)
