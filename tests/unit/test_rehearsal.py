"""What would become of an object is said as it would be, and nothing is written."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from processor import bootstrap
from store.errors import UnknownEventError
from store.events import ASKING, rehearsal
from tests.unit.test_app import BUCKET, World, call, world

if TYPE_CHECKING:
    from pathlib import Path

KEY = "data/orders/a.csv"
CONTRACT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"id": {"type": "integer"}, "price": {"type": "number", "maximum": 10}},
    "required": ["id"],
}

__all__ = ["world"]


def ask(contract: Any = None, key: str = KEY) -> dict[str, Any]:
    return call(rehearsal(BUCKET, key, contract))


def state(world: World) -> Any:
    return copy.deepcopy((world.outputs.objects, world.catalog.tables, world.ledger.entries))


def test_it_says_what_an_ingestion_says_and_writes_nothing(world: World, tmp_path: Path) -> None:
    world.raw.write(BUCKET, KEY, b"date,id\n2024-01-15,1\n2024-01-16,2\n1,2,3\n")
    before = state(world)
    would = ask()
    assert state(world) == before
    assert not list(tmp_path.iterdir())
    event = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
              "s3": {"bucket": {"name": BUCKET}, "object": {"key": KEY}}}]}  # fmt: skip
    (did,) = call(event)["objects"]
    told = {name: value for name, value in would.items() if name != "milliseconds"}
    assert told.items() <= did.items()
    assert (would["status"], would["records_accepted"], would["records_quarantined"]) == (
        "PARTIAL",
        2,
        1,
    )


def test_a_contract_that_is_not_deployed_judges_the_records(world: World) -> None:
    world.raw.write(BUCKET, KEY, b"id,price\n1,5.5\n2,50.5\n")
    assert ask()["records_accepted"] == 2
    judged = ask(CONTRACT)
    assert (judged["records_accepted"], judged["records_quarantined"]) == (1, 1)
    assert "CONTRACT_VIOLATION" in judged["refused"]
    assert ask()["records_accepted"] == 2


def test_the_contracts_that_judge_can_be_asked_for(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "_CONTRACTS", tmp_path)
    assert call(ASKING) == {"contracts": {}}
    (tmp_path / "orders.schema.json").write_text(json.dumps(CONTRACT))
    assert call(ASKING) == {"contracts": {"orders": CONTRACT}}
    assert state(world) == ({}, {}, {})


def test_an_empty_file_brings_no_columns(world: World) -> None:
    world.raw.write(BUCKET, "data/orders/empty.csv", b"")
    told = ask(key="data/orders/empty.csv")
    assert (told["status"], told["columns_added"], "added" in told) == ("EMPTY", 0, False)


def test_values_are_held_against_the_table_that_there_is(world: World) -> None:
    world.raw.write(BUCKET, KEY, b"id,price\n1,5\n")
    call({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
          "s3": {"bucket": {"name": BUCKET}, "object": {"key": KEY}}}]})  # fmt: skip
    world.raw.write(BUCKET, "data/orders/b.csv", b"id,price\n1,5.5\n")
    assert ask(key="data/orders/b.csv")["records_rescued"] == 1


@pytest.mark.parametrize(
    ("key", "contract", "status"),
    [
        ("data/orders/none.csv", None, "OBJECT_GONE"),
        ("other/a.csv", None, "KEY_OUTSIDE_LAKE"),
        (KEY, {"type": "nothing"}, "CONTRACT"),
    ],
)
def test_what_cannot_be_asked_is_said(world: World, key: str, contract: Any, status: str) -> None:
    world.raw.write(BUCKET, KEY, b"id\n1\n")
    answer = ask(contract, key)
    assert answer["status"] == status
    assert answer["detail"]


@pytest.mark.usefixtures("world")
def test_a_question_about_nothing_is_refused() -> None:
    with pytest.raises(UnknownEventError, match="names no object"):
        call({"lakeRehearsal": {}})
