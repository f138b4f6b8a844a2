"""A key, a dataset or a table that is misspelt: which one may have been meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lake import cli, messages, replaying
from lake.context import Choice
from lake.errors import LakeCommandError
from lake.ledger import Filter
from lake.rebuild import Rebuild
from lake.rm import choose
from lake.sources import Source
from lake.upload import upload
from tests.support.cloud import CURATED, RAW
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "data/orders/january.json"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.upload(KEY, json.dumps({"id": "1", "d": "2024-01-01"}).encode())
    world.drain()
    yield world
    world.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--key", "data/orders/janury.json"),
            f"data/orders/janury.json: did you mean {KEY}?",
        ),
        (("--key", "orders/january.json"), f"orders/january.json: did you mean {KEY}?"),
        (("--dataset", "order"), "order: did you mean orders?"),
        (("--dataset", "customers"), ""),
        (("--key", "data/orders/customers.json"), ""),
        (("--dataset", "orders", "--since", "2099-01-01"), ""),
        (("--key", "data/order*"), ""),
        (
            ("--key", "data/orders/"),
            "data/orders/: it is a folder: data/orders/* means all that is in it",
        ),
        (("--key", "data/orders"), "data/orders: it is a folder: data/orders/* means all"),
    ],
)
def test_files_names_what_may_be_meant(
    world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr(Choice, "target", lambda _: world.target)
    done = CliRunner(mix_stderr=False).invoke(cli.main, ["files", *words])
    assert done.exit_code == 0
    assert said in done.stderr
    assert any(one in done.stderr for one in ("did you mean", "means all")) == bool(said)


def test_rm_and_replay_name_it_too(world: World) -> None:
    nothing = "There is nothing to remove"
    with pytest.raises(LakeCommandError, match=rf"{nothing}\. .*janury.json: did you mean {KEY}"):
        choose(world.target, ["data/orders/janury.json"], "")
    with pytest.raises(LakeCommandError, match=rf"{nothing}\. order: did you mean orders\?"):
        choose(world.target, [], "order")
    with pytest.raises(LakeCommandError, match=rf"{nothing}\. `lake files` shows what is there"):
        choose(world.target, ["data/orders/customers.json"], "")
    with pytest.raises(LakeCommandError, match=r"No object matches\. order: did you mean orders\?"):
        replaying.choose(world.target, Filter(datasets=["order"]))


def test_a_status_that_no_object_has_is_no_failure_of_replay(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Choice, "target", lambda _: world.target)
    words = ["replay", "--dataset", "orders", "--status", "PARTIAL", "--status", "REJECTED"]
    done = CliRunner(mix_stderr=False).invoke(cli.main, words)
    assert done.exit_code == 0
    assert "There is none with such a status" in done.stderr
    told = json.loads(CliRunner(mix_stderr=False).invoke(cli.main, [*words, "--json"]).stdout)
    assert told["objects"] == 0
    with pytest.raises(LakeCommandError, match=r"No object matches\. order: did you mean orders"):
        replaying.choose(world.target, Filter(datasets=["order"], statuses=["PARTIAL"]))


def test_nothing_is_uploaded_to_the_table_of_a_model(world: World, tmp_path: Path) -> None:
    place = {"Location": f"s3://{CURATED}/models/days/run/"}
    world.cloud.tables["days"] = {"Name": "days", "StorageDescriptor": place}
    (tmp_path / "a.csv").write_text("id\n1\n")
    one = Source(str(tmp_path / "a.csv"), "a.csv", 5)
    with pytest.raises(LakeCommandError, match="days is the table of a model: use another dataset"):
        list(upload(world.target, {"data/Days/a.csv": one}, print))
    assert [*world.cloud.objects(RAW)] == [KEY]


def test_what_was_removed_is_not_meant(world: World) -> None:
    world.cloud.write(RAW, KEY, None)
    messages.announce(world.target, [KEY], "rm-1", removal=True)
    world.drain()
    for key in (KEY, "data/orders/janury.json"):
        with pytest.raises(LakeCommandError, match=r"remove\. `lake files` shows what is there"):
            choose(world.target, [key], "")


def test_a_table_that_is_to_be_rebuilt_is_named(world: World) -> None:
    with pytest.raises(LakeCommandError, match="no table order: did you mean orders"):
        Rebuild(world.target, "order").start({})
