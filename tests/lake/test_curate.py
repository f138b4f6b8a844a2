"""What `lake models` says, `lake curate` asks for, and `lake reconcile` finds of models."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from lake import cli, models, tables
from lake.context import Choice
from lake.curate import about, await_published
from lake.errors import LakeCommandError
from lake.ledger import Item
from lake.reconcile import Differences, compare, fix
from store import refresh
from store.entry import Attempt, Entry
from store.items import instant
from store.model import Status
from store.models import Refresh, Source
from store.touch import Touch, read
from tests.support.cloud import CURATE, CURATED
from tests.support.curation import CHAINED, DAILY, WHOLE, Zone, model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

ONE, TWO = "2024-01-01", "2024-01-02"


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    """Two days of orders, and three tables made of them just now."""
    zone = Zone()
    zone.cloud.now = zone.scheduled_at = time.time()
    for date in (ONE, TWO):
        zone.commit(date, [1, 2])
    deliver(zone)
    monkeypatch.setattr(Choice, "target", lambda _self: zone.cloud)
    monkeypatch.setattr(models, "known", lambda: [*zone.models.values()])
    yield zone
    zone.close()


def deliver(zone: Zone) -> None:
    while visible := zone.visible():
        zone.deliver(visible).finish()


def lake(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli.main, words)
    assert done.exit_code == code, done.output
    return done


def said(zone: Zone, name: str) -> str:
    (one,) = (
        seen for seen in models.look(target(zone), zone.models.values()) if seen.model.name == name
    )
    return one.said


def target(zone: Zone) -> Any:
    return zone.cloud


def sent(zone: Zone) -> list[Touch]:
    return [read(message.body) for message in zone.cloud.queues[CURATE]]


def entry(date: str, at: float) -> Item:
    attempt = Attempt(1, "w", "d", "v", at - 5, at + 300, Status.DONE)
    key = f"processed/orders/date_partition={date}/x-0123456789ab-0123456789ab.parquet"
    found = Entry(3, "v", 2, Status.DONE, (key,), attempts=(attempt,), facts={"dataset": "orders"})
    return Item("raw", f"data/orders/{date}", found, instant(at))


def test_tables_are_fresh_and_what_waits_or_is_of_an_older_text_is_counted(zone: Zone) -> None:
    done = lake("models")
    for name in (DAILY, WHOLE, CHAINED):
        assert re.search(rf"{name} .* fresh", done.output), done.output
    zone.commit(ONE, [3])
    zone.broken = ("SYSTEM", 1)
    zone.deliver(zone.visible()).finish()
    zone.version += 1
    told = {one["model"]: one for one in json.loads(lake("models", "--json", code=1).output)}
    assert (told[DAILY]["waiting"], told[DAILY]["older_text"], told[DAILY]["is"]) == (
        1,
        2,
        "SYSTEM",
    )
    assert told[DAILY]["failed"]["detail"].startswith("it failed")
    assert told[DAILY]["last"]["partitions"] == 2
    assert told[CHAINED]["is"] == "fresh"


def test_a_model_without_a_table_says_how_to_make_it(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = model("new", "orders", Refresh.BY_DATE)
    monkeypatch.setattr(models, "known", lambda: [new])
    assert "`lake curate new --full`" in lake("models").output
    zone.cloud.tables["new"] = zone.cloud.tables["orders"]
    assert "table new is not the model's" in lake("models", code=1).output


@pytest.mark.parametrize("name", [DAILY, WHOLE])
def test_a_table_that_was_dropped_is_said_to_be_missing_with_what_makes_it(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    there = tables.table_of
    monkeypatch.setattr(
        tables, "table_of", lambda lake, one: None if one == name else there(lake, one)
    )
    (told,) = json.loads(lake("models", name, "--json", code=1).output)
    assert told["is"] == "table missing"
    assert "no table any more" in lake("models", name, code=1).output
    said = " ".join(lake("models", code=1).output.split())
    assert f"{name}: its table was dropped: `lake curate {name} --full` makes it again." in said
    lake("curate", name, "--full", "--no-wait")
    assert sent(zone) == [Touch(model=name, everything=True)]


@pytest.mark.usefixtures("zone")
def test_a_model_whose_source_is_not_there_says_what_makes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = model("new", "flights", Refresh.BY_DATE)
    monkeypatch.setattr(models, "known", lambda: [new])
    # Its refresh was tried, and failed for that alone: nothing is to be mended.
    failed = refresh.Refresh(
        failed=refresh.Failed(0.0, "", "SOURCE_MISSING", "no flights", permanent=True)
    )
    monkeypatch.setattr(models, "state", lambda _target, _name: failed)
    (told,) = json.loads(lake("models", "--json").output)
    assert told["is"] == "no source yet"
    said = " ".join(lake("models").output.split())
    assert "there is no table flights yet: `lake put FILE --dataset flights` makes what" in said
    assert "--full" not in said
    both = replace(
        model("new", "flights", Refresh.BY_DATE),
        sources=(Source("flights", 1, 1), Source("airlines", 1, 1)),
    )
    monkeypatch.setattr(models, "known", lambda: [both])
    said = " ".join(lake("models").output.split())
    assert "there are no tables flights and airlines yet: `lake put FILE --dataset flights`" in said
    assert "and `lake put FILE --dataset airlines` make what is missing" in said
    assert "state: no source yet" in lake("models", "new").output


def test_dates_that_wait_are_counted_as_such() -> None:
    daily = models.Seen(model(DAILY, "a", Refresh.BY_DATE), refresh.Refresh(waiting=(ONE, TWO)))
    assert about(daily, None)[2:] == ["state: waiting", "2 dates wait to be refreshed"]
    whole = models.Seen(model(WHOLE, "a", Refresh.WHOLE), refresh.Refresh(everything=True))
    assert about(whole, None)[-1] == "the table waits to be refreshed"


@pytest.mark.usefixtures("zone")
def test_there_is_no_such_model_and_which_there_are() -> None:
    for command in ("models", "curate"):
        done = CliRunner().invoke(cli.main, [command, "dayly"])
        assert "There is no model models/dayly.sql: did you mean daily?" in str(done.exception)
        done = CliRunner().invoke(cli.main, [command, "sales"])
        assert "models/sales.sql: there is daily, whole, chained" in str(done.exception)


def test_the_folder_that_the_variable_names_is_said(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKE_MODELS", str(tmp_path))
    there = {name: one.text_hash for name, one in zone.models.items() if name != WHOLE}
    monkeypatch.setattr(models, "deployed", lambda _target: there)
    said = " ".join(lake("models").output.split()).replace(" ", "")
    assert f"{tmp_path}/whole.sqlisnotdeployed" in said
    done = CliRunner().invoke(cli.main, ["curate", WHOLE, "--full"])
    assert f"`lake deploy` deploys {tmp_path}/whole.sql" in str(done.exception)
    monkeypatch.setattr(models, "known", list)
    said = lake("models").output
    names = ", ".join(sorted(there))
    assert said.startswith(f"There is no model in {tmp_path}; deployed are {names}. ")
    assert f"{tmp_path}/NAME.sql makes one" in said
    done = CliRunner().invoke(cli.main, ["models", DAILY])
    assert str(done.exception).endswith(f"model {tmp_path}/{DAILY}.sql: its folder has no model.")
    monkeypatch.setattr(models, "deployed", lambda _target: None)
    assert lake("models").output.startswith("There is no model: ")


def test_nothing_is_asked_for_where_all_is_fresh(zone: Zone) -> None:
    assert "Nothing was refreshed" in lake("curate").output
    assert not sent(zone)


def test_what_an_older_text_made_is_asked_for(zone: Zone) -> None:
    zone.version += 1
    lake("curate", "--no-wait")
    assert sent(zone) == [Touch(model=DAILY, dates=frozenset({ONE, TWO}))]
    deliver(zone)
    assert "Nothing" in lake("curate").output


def test_dates_can_be_chosen_and_all_of_them(zone: Zone) -> None:
    lake("curate", DAILY, "--from", TWO, "--no-wait")
    assert sent(zone) == [Touch(model=DAILY, dates=frozenset({TWO}))]
    zone.cloud.queues[CURATE].clear()
    lake("curate", "--full", "--no-wait")
    assert sent(zone) == [Touch(model=name, everything=True) for name in (DAILY, WHOLE, CHAINED)]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((DAILY, "--full", "--to", TWO), "--full means all dates"),
        ((DAILY, "--from", TWO, "--to", ONE), "no date is between them"),
        ((DAILY, "--from", "yesterday"), "'yesterday' is no date like 2024-01-15"),
        ((DAILY, "--from", "2024-02-30"), "'2024-02-30' is no date like 2024-01-15"),
        ((WHOLE, "--from", ONE), "whole is made whole and has no dates"),
    ],
)
def test_what_makes_no_sense_is_refused(zone: Zone, words: tuple[str, ...], why: str) -> None:
    done = CliRunner().invoke(cli.main, ["curate", *words])
    assert why in f"{done.exception} {done.output}"
    assert not sent(zone)


def test_what_is_not_deployed_is_not_asked_for(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {name: one.text_hash for name, one in zone.models.items() if name != WHOLE}
    monkeypatch.setattr(models, "deployed", lambda _target: there)
    assert "models/whole.sql is not deployed: `lake deploy` does it" in lake("models").output
    done = CliRunner().invoke(cli.main, ["curate", WHOLE, "--full"])
    assert "whole is not deployed: `lake deploy` deploys" in str(done.exception)
    lake("curate", "--full", "--no-wait")
    assert [touch.model for touch in sent(zone)] == [DAILY, CHAINED]
    monkeypatch.setattr(models, "deployed", lambda _target: there | {DAILY: "another"})
    assert "models/daily.sql as it is now is not deployed" in lake("models").output


def test_dates_that_are_older_than_their_sources_are_found(zone: Zone) -> None:
    seen = {one.model.name: one for one in models.look(target(zone), zone.models.values())}
    now = zone.cloud.now
    changed = models.last_changes([entry(ONE, now - 60), entry(TWO, now + 60)], seen.values())
    assert seen[DAILY].stale(changed) == [TWO]
    assert seen[WHOLE].stale(changed) == [""]
    # One that waits is about to be made.
    waiting = replace(seen[DAILY], state=replace(seen[DAILY].state, waiting=(TWO,)))
    assert waiting.stale(changed) == []


def test_reconcile_makes_them_anew_and_names_tables_of_removed_models(zone: Zone) -> None:
    found = Differences(stale=[f"{DAILY}/{ONE}", f"{DAILY}/{TWO}", WHOLE])
    assert found.repairable == 3
    fix(target(zone), found, "repair")
    assert sent(zone) == [
        Touch(model=DAILY, dates=frozenset({ONE, TWO})),
        Touch(model=WHOLE, everything=True),
    ]
    zone.cloud.queues[CURATE].clear()
    left = [one for name, one in zone.models.items() if name != CHAINED]
    assert compare(target(zone), 0, known=left).removed == [CHAINED]
    # The table may be gone, and the files are still there.
    zone.cloud.write(CURATED, f"models/{CHAINED}/r1/a", b"")
    zone.cloud.drop(CHAINED)
    assert compare(target(zone), 0, known=left).removed == [f"models/{CHAINED}/"]
    assert compare(target(zone), 0, known=[*zone.models.values()]).removed == []


def test_waiting_ends_with_what_was_made_or_why_not(zone: Zone) -> None:
    began = time.time() - 1
    zone.want(DAILY, [])
    deliver(zone)
    await_published(target(zone), [zone.models[DAILY]], began, timeout=5)
    zone.broken = ("COLUMN_NOT_FOUND", 2)
    zone.commit(ONE, [9])
    deliver(zone)
    with pytest.raises(LakeCommandError, match=r"daily: COLUMN_NOT_FOUND: .*\n.*can be read"):
        await_published(target(zone), [zone.models[DAILY]], began, timeout=5)
    assert said(zone, DAILY) == "COLUMN_NOT_FOUND"


def test_the_commands_that_remove_what_is_left_of_a_model_are_named(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zone.cloud, "endpoint", None, raising=False)
    monkeypatch.setattr(
        "lake.operations.reconcile.compare",
        lambda *_, **__: Differences(removed=["days", "models/gone/"]),
    )
    said = lake("reconcile").output
    place = "aws s3 rm --recursive s3://curated/models"
    assert f'  lake query "DROP TABLE days"\n  {place}/days/\n  {place}/gone/\n' in said
    monkeypatch.setattr(zone.cloud, "endpoint", "http://127.0.0.1:4566")
    assert '  eval "$(lake env)"\n  lake query "DROP TABLE days"' in lake("reconcile").output
