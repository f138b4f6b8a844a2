"""What older versions have left in AWS is read by this one, in memory."""

from __future__ import annotations

import gzip
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.duck import DuckEngine
from engine.options import Options
from lake import reconcile
from store.catalog import why_foreign
from store.items import entry_of, item_of, object_of
from store.model import Status
from store.naming import dataset_in, is_output, partition_in
from store.states import is_state, model_in, state_item, state_of
from tests.support.cloud import PROCESSED, RAW, Version
from tests.support.world import World
from tests.upgrade.files import FILES, NEWEST, UNFINISHED
from tests.upgrade.recording import recorded

RECORDED = sorted(Path(__file__).with_name("recorded").glob("*.json"))

#: The template's own, of then and now.
DATES = ("timestamp", "event_time", "event_timestamp", "datetime", "date", "created_at", "time")

#: What entries have beside what older versions wrote, and what no two writes have in common.
NEW = {"updated_at", "attempts", "attention"}


@pytest.fixture(params=RECORDED, ids=lambda file: file.stem)
def old(request: pytest.FixtureRequest) -> dict[str, Any]:
    return recorded(request.param, RAW, PROCESSED)


def objects(old: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of raw objects; those of models are in the same table."""
    return [item for item in old["items"] if not is_state(item)]


@pytest.fixture
def world(old: dict[str, Any], tmp_path: Path) -> World:
    """A lake that holds what the old version has left."""
    world = World(tmp_path, DuckEngine(Options(date_columns=DATES)))
    cloud = world.cloud
    cloud.now = max(one.expires for item in objects(old) for one in entry_of(item).attempts) + 1
    for item in objects(old):
        _, key = object_of(item)
        body = NEWEST.get(key, b'{"id": 6, "date": "2024-01-19"}\n')
        version = entry_of(item).version or "v0"
        cloud.buckets[RAW][key] = [Version(version, body, cloud.now - 1000)]
        cloud.items[item["object"]["S"]] = item
    for key, body in old["files"].items():
        cloud.write(PROCESSED, key, body)
    for name, table in old["tables"].items():
        cloud.tables[name] = table | {
            "VersionId": "0",
            "CreateTime": datetime.fromisoformat(table["CreateTime"]),
        }
        for one in old["partitions"][name]:
            cloud.partitions[name, one["Values"][0]] = one
    return world


def rows(world: World) -> dict[str, list[str]]:
    """The rows of each dataset, and of the quarantine, but for the versions of their objects."""
    found: dict[str, list[str]] = {}
    for key, body in world.cloud.objects(PROCESSED).items():
        read = (
            pq.read_table(io.BytesIO(body)).to_pylist()
            if key.endswith(".parquet")
            else [json.loads(line) for line in gzip.decompress(body).splitlines()]
        )
        told = found.setdefault(dataset_in(key) or key.partition("/")[0], [])
        date = partition_in(key).partition("/")[2]
        told += [
            json.dumps(row | {"": date, "source_bucket": ""}, sort_keys=True, default=str)
            for row in read
        ]
    return {table: sorted(told) for table, told in found.items()}


def test_each_entry_is_read_and_written_as_it_was(old: dict[str, Any]) -> None:
    for item in objects(old):
        entry = entry_of(item)
        written = item_of(item["object"]["S"], entry, 0.0)
        assert entry_of(written) == entry
        assert {name: written[name] for name in item.keys() - NEW} == {
            name: item[name] for name in item.keys() - NEW
        }
        assert all(map(is_output, entry.outputs))


def test_each_state_of_a_model_is_read_and_written_as_it_was(old: dict[str, Any]) -> None:
    for item in filter(is_state, old["items"]):
        state = state_of(item)
        assert state.revision == int(item["revision"]["N"])
        assert state_of(state_item(model_in(item), state, 0.0)) == state


def test_tables_are_the_lakes_own(old: dict[str, Any]) -> None:
    assert old["tables"].keys() > {"orders", "events", "sales", "logs", "processed_table"}
    for name, table in old["tables"].items():
        if name not in ("quarantine", "objects"):
            assert why_foreign(table, PROCESSED, name) == ""


def test_the_lake_agrees_but_for_what_a_dead_worker_had_begun(world: World) -> None:
    found = reconcile.compare(world.target, 0, world.clock)
    assert found.to_send == [UNFINISHED]
    assert found.repairable == 1
    assert (found.deleted, found.foreign, found.hidden) == ([], [], [])
    before = rows(world)
    world.reconcile().finish()
    world.drain()
    assert reconcile.compare(world.target, 0, world.clock).repairable == 0
    assert rows(world) == before | {"unfinished": rows(world)["unfinished"]}
    assert len(rows(world)["unfinished"]) == 1


def test_objects_that_are_ingested_anew_say_what_they_said(world: World) -> None:
    before, entries = rows(world), world.entries()
    world.replay().finish()
    world.drain()
    after = rows(world)
    assert after.pop("unfinished")
    assert after == before
    now = world.entries()
    assert now.pop(UNFINISHED).verdict is Status.DONE
    assert {key: one.verdict for key, one in now.items()} == {
        key: entries[key].verdict for key in FILES
    }
    # Other attempts, other files: the old ones are gone.
    assert not {*world.cloud.objects(PROCESSED)} & {
        output for entry in entries.values() for output in entry.outputs
    }
    assert reconcile.compare(world.target, 0, world.clock).repairable == 0


def test_an_old_object_is_replaced_in_its_old_table(world: World) -> None:
    key = "data/orders/again.json"
    world.upload(key, b'{"id": 5, "price": 8, "date": "2024-01-17", "new": "x"}\n')
    world.drain()
    (row,) = [one for one in map(json.loads, rows(world)["orders"]) if one["_source_key"] == key]
    assert (row["price"], row["new"]) == (8, "x")
    columns = world.cloud.tables["orders"]["StorageDescriptor"]["Columns"]
    assert {"Name": "price", "Type": "bigint"}.items() <= columns[1].items()
    assert ("orders", "2024-01-17") in world.cloud.partitions
