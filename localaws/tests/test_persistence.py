"""What was under way when the server ended, and a port that changed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from localaws import persistence
from localaws.internals import athena, cloudformation, glue, sqs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def under_way() -> Any:
    """A crawl, a query, a deployment and a message that somebody had."""
    message = {"body": "x", "receipt_handle": "held", "visible_at": 9e9}
    made = [
        (glue.crawlers, "c", {"State": "RUNNING", "LastCrawl": None}),
        (athena.executions, "q", {"Status": {"State": "RUNNING"}}),
        (cloudformation.stacks, "s", {"StackStatus": "UPDATE_IN_PROGRESS"}),
        (sqs.queues, "u", {"messages": [message]}),
    ]
    for store, name, record in made:
        store[name] = record
    yield
    for store, name, _ in made:
        del store[name]


def test_what_was_under_way_has_ended() -> None:
    persistence.restore()
    crawler = glue.crawlers["c"]
    assert (crawler["State"], crawler["LastCrawl"]["Status"]) == ("READY", "FAILED")
    assert athena.executions["q"]["Status"]["State"] == "FAILED"
    assert cloudformation.stacks["s"]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    (message,) = sqs.queues["u"]["messages"]
    assert message["receipt_handle"] is None
    assert message["visible_at"] < 9e9


def test_a_queue_that_was_loaded_is_guarded_as_a_new_one() -> None:
    persistence.restore()
    renewed = sqs.queues["u"]["messages"]
    sqs.queues["u"]["messages"] = []
    renewed.append({"body": "late"})
    assert sqs.queues["u"]["messages"] == [{"body": "late"}]


def test_a_server_that_cannot_restore_does_not_start(tmp_path: Path) -> None:
    glue.crawlers["c"] = {}
    del athena.executions["q"]["Status"]
    sent: list[str] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    layer = persistence.Keeper(tmp_path).kept(application)

    async def start() -> None:
        await layer({"type": "lifespan"}, None, send)

    asyncio.run(start())
    assert sent == ["lifespan.startup.failed"]


def test_addresses_follow_the_port_and_nothing_else_is_touched(tmp_path: Path) -> None:
    persistence.move(tmp_path, 4566)
    addresses = "http://localhost:4566/q http://127.0.0.1:4566 http://other:4566 //localhost:45"
    for name in ("sqs.json", "dynamodb.json"):
        (tmp_path / name).write_text(json.dumps(addresses))
    persistence.move(tmp_path, 4567)
    persistence.move(tmp_path, 4567)
    assert json.loads((tmp_path / "sqs.json").read_text()) == (
        "http://localhost:4567/q http://127.0.0.1:4567 http://other:4566 //localhost:45"
    )
    assert json.loads((tmp_path / "dynamodb.json").read_text()) == addresses
