"""What a small object costs: the calls that a warm worker makes for it, counted and priced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.cloud import item_size
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Dollars a call in us-east-1 (the services' price lists, November 2026), DynamoDB's for a KB.
PRICES = {
    "Sqs.change_message_visibility": 0.40e-6,
    "S3.get_object": 0.40e-6,
    "S3.put_object": 5.00e-6,
    "DynamoDB.put_item": 0.625e-6,
    "Glue.get_table": 1.00e-6,
}

#: What is paid for an object beside the calls of the function: S3 sends a message, Lambda receives
#: and deletes it; an invocation of 512 MB on arm64, of 0.15 s.
QUEUE, INVOCATION = 3 * 0.40e-6, 0.20e-6 + 0.5 * 0.15 * 13.3334e-6


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def calls(world: World, key: str) -> list[str]:
    """The calls for one more object of a dataset that the worker knows."""
    world.upload(key, b'{"id": "r1", "d": "2024-01-01"}')
    (message,) = world.cloud.receive()
    worker = world.start(message)
    seen = []
    while not worker.done:
        worker.step()
        seen.append(worker.moment)
    return [one.removeprefix("before ") for one in seen if one.startswith("before")]


#: For an object of a dataset that no model reads.
SIX = [
    "Sqs.change_message_visibility",
    "S3.get_object",
    "DynamoDB.put_item",
    "DynamoDB.put_item",
    "S3.put_object",
    "DynamoDB.put_item",
]


def test_a_warm_worker_makes_six_calls_for_a_small_object(world: World, root: Path) -> None:
    calls(world, "data/orders/1.json")
    made = calls(world, "data/orders/2.json")
    assert made == SIX
    item = world.cloud.items["raw/data/orders/2.json"]
    assert item_size(item) < 1024
    assert "attention" not in item
    million = (sum(PRICES[one] for one in made) + QUEUE + INVOCATION) * 1e6
    assert million <= 11
    said = (root / "docs" / "explanation" / "performance.md").read_text(encoding="utf-8")
    assert re.search(rf"\$ {million:.1f} a million", said), f"{million:.1f}"


def test_to_tell_the_models_of_an_object_is_one_more_call_and_no_write(world: World) -> None:
    calls(world, "data/a/1.json")
    assert calls(world, "data/a/2.json") == [*SIX, "Sqs.send_message_batch"]
    item = world.cloud.items["raw/data/a/2.json"]
    assert item_size(item) < 1024
    assert "attention" not in item
