"""The promises on which the curator relies, kept over AWS in memory and over the local lake."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from aws.athena import Athena
from aws.curated import GlueTables, S3Folders
from aws.dynamodb import DynamoStates
from aws.sqs import SqsCuration
from store.curated import columns_of, folder_of, location_of
from store.errors import CatalogConflictError, ModelFailedError
from store.models import Header, Model, Refresh, Source
from store.naming import home_of
from store.refresh import Done, Failed, Run
from store.refresh import Refresh as State
from store.touch import Touch
from tests.conftest import until
from tests.support.cloud import CURATE, CURATED, DATABASE, LEDGER, Cloud, QueryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.refresh import Query
    from tests.conftest import LocalLake

DATES = ("2024-01-15", "2024-01-16", "2024-01-17")


@dataclass
class Zone:
    """What the curator sees of the world, and a way to act on it."""

    states: DynamoStates
    queries: Athena
    tables: GlueTables
    files: S3Folders
    queue: SqsCuration
    glue: Any
    write: Callable[[str], Any]
    objects: Callable[[], set[str]]
    messages: Callable[[], list[str]]
    name: str = field(default_factory=lambda: f"c_{uuid.uuid4().hex[:10]}")

    def model(self, refresh: Refresh = Refresh.BY_DATE, description: str = "What it is") -> Model:
        return Model(self.name, Header(description, refresh), "SELECT 1", (Source("t", 1, 1),))

    def run(self, name: str, *dates: str, **more: Any) -> Run:
        columns = more.pop("columns", (("n", "bigint"),))
        return Run(name, 1764034321.25, "a1b2c3", dates, columns=columns, **more)

    def folder(self, run: Run, date: str = "") -> str:
        part = f"date_partition={date}/" if date else ""
        return f"s3://{self.files.bucket}/{folder_of(self.name, run.id)}{part}"


def run_statement(sql: str) -> None:
    """The little of Athena that these tests ask."""
    if "1 / 0" in sql:
        raise QueryError("DIVISION_BY_ZERO", 2)


def cloud_zone() -> Zone:
    cloud = Cloud()
    cloud.execute = run_statement
    s3, glue = cloud.client("s3"), cloud.client("glue")
    return Zone(
        DynamoStates(cloud.client("dynamodb"), LEDGER),
        Athena(cloud.client("athena"), "builders", DATABASE),
        GlueTables(glue, DATABASE, CURATED),
        S3Folders(s3, CURATED),
        SqsCuration(cloud.client("sqs"), CURATE, ("orders",)),
        glue,
        lambda key: cloud.write(CURATED, key, b"x"),
        lambda: {*cloud.objects(CURATED)},
        lambda: [message.body for message in cloud.queues[CURATE]],
    )


def aws_zone(lake: LocalLake) -> Zone:
    s3, glue, sqs = lake.client("s3"), lake.client("glue"), lake.client("sqs")
    database, curated = lake.outputs["GlueDatabaseName"], lake.outputs["CuratedBucketName"]
    # The lake's own is read by its curator.
    queue = sqs.create_queue(QueueName=f"c-{uuid.uuid4().hex[:10]}")["QueueUrl"]

    def receive() -> list[str]:
        found: list[str] = []
        while more := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in more]
        return found

    return Zone(
        DynamoStates(lake.client("dynamodb"), lake.outputs["LedgerTableName"]),
        Athena(lake.client("athena"), lake.outputs["BuildersWorkGroupName"], database),
        GlueTables(glue, database, curated),
        S3Folders(s3, curated),
        SqsCuration(sqs, queue, ("orders",)),
        glue,
        lambda key: s3.put_object(Bucket=curated, Key=key, Body=b"x"),
        lambda: {
            entry["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=curated)
            for entry in page.get("Contents", [])
        },
        receive,
    )


@pytest.fixture(params=["cloud", pytest.param("aws", marks=pytest.mark.local)])
def zone(request: pytest.FixtureRequest) -> Zone:
    if request.param == "cloud":
        return cloud_zone()
    return aws_zone(request.getfixturevalue("local_lake"))


# --- States ---------------------------------------------------------------------------------


def test_a_state_is_changed_only_by_who_read_it_last(zone: Zone) -> None:
    assert zone.states.get(zone.name) == State()
    first = State(revision=1, waiting=DATES, since=1764034321.25)
    assert zone.states.put(zone.name, first) is None
    assert zone.states.put(zone.name, State(revision=1)) == first
    run = zone.run("r1", *DATES, since=1764034321.25, replaces=("models/x/r0/",), publishing=True)
    second = State(
        revision=2,
        worker="w",
        expires=1764034681.5,
        run=run,
        untold=DATES,
        doomed=(("models/x/r-1/", 1764034999.5),),
        shape="s",
        columns=(("é", "array<struct<x:double>>"),),
        describing=("t", "CREATE VIEW …"),
        failed=Failed(1764034000.5, "a1", "COLUMN_NOT_FOUND", "no é", permanent=True),
        done=Done(1764030000.5, 1764030060.25, "a1", 3, 12345, 1, 60.5),
    )
    assert zone.states.put(zone.name, second) is None
    # Its answer may have been lost: then this is what is there.
    assert zone.states.put(zone.name, second) == second
    assert zone.states.put(zone.name, replace(first, revision=2)) == second
    assert zone.states.get(zone.name) == second


def test_the_states_of_two_models_are_two(zone: Zone) -> None:
    assert zone.states.put(zone.name, State(revision=1, everything=True)) is None
    assert zone.states.get(f"{zone.name}_2") == State()


# --- Tables ---------------------------------------------------------------------------------


def test_a_table_and_its_dates_are_published_and_each_date_is_switched(zone: Zone) -> None:
    name, model = zone.name, zone.model()
    assert (zone.tables.get(name), zone.tables.dates(name)) == (None, [])
    assert zone.tables.places(name, DATES) == {}
    first = zone.run("r1", *DATES[:2])
    zone.tables.publish(model, first, DATES[:2])
    assert sorted(zone.tables.dates(name)) == [*DATES[:2]]
    table = zone.tables.get(name)
    assert table is not None
    assert location_of(table).rstrip("/") == f"s3://{zone.files.bucket}/{home_of(name)}".rstrip("/")
    assert (columns_of(table), table["Description"]) == ((("n", "bigint"),), "What it is")
    second = zone.run("r2", *DATES[1:])
    zone.tables.publish(model, second, DATES[1:])
    # Who died while he published does it again.
    zone.tables.publish(model, second, DATES[1:])
    places = zone.tables.places(name, [*DATES, "2030-01-01"])
    assert {date: place.rstrip("/") + "/" for date, place in places.items()} == {
        DATES[0]: zone.folder(first, DATES[0]),
        DATES[1]: zone.folder(second, DATES[1]),
        DATES[2]: zone.folder(second, DATES[2]),
    }


def test_a_view_is_dropped_and_one_that_is_not_there_is_no_error(zone: Zone) -> None:
    for name in (zone.name, f"{zone.name}__shape"):
        storage = {"Columns": [{"Name": "n", "Type": "bigint"}]}
        told: Any = {"Name": name, "StorageDescriptor": storage}
        zone.glue.create_table(DatabaseName=zone.tables.database, TableInput=told)
    for _ in range(2):
        zone.tables.forget(f"{zone.name}__shape")
        assert zone.tables.get(f"{zone.name}__shape") is None
    assert zone.tables.get(zone.name) is not None


def test_a_date_without_rows_gets_no_partition_and_loses_the_one_that_it_has(zone: Zone) -> None:
    zone.tables.publish(zone.model(), zone.run("r1", *DATES), DATES[:2])
    assert sorted(zone.tables.dates(zone.name)) == [*DATES[:2]]
    zone.tables.publish(zone.model(), zone.run("r2", *DATES), DATES[1:])
    assert sorted(zone.tables.dates(zone.name)) == [*DATES[1:]]
    zone.tables.publish(zone.model(), zone.run("r3", *DATES), [])
    assert zone.tables.dates(zone.name) == []
    assert zone.tables.get(zone.name) is not None


def test_dates_are_published_though_they_are_more_than_one_call_takes(zone: Zone) -> None:
    dates = [f"2024-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 11)]
    zone.tables.publish(zone.model(), zone.run("r1", *dates[:60]), dates[:60])
    run = zone.run("r2", *dates)
    zone.tables.publish(zone.model(), run, dates)
    places = zone.tables.places(zone.name, dates)
    assert {place.rstrip("/") + "/" for place in places.values()} == {
        zone.folder(run, date) for date in dates
    }
    zone.tables.publish(zone.model(), zone.run("r3", *dates), dates[:1])
    assert zone.tables.dates(zone.name) == dates[:1]


def test_a_table_keeps_columns_of_dates_that_are_not_made_anew(zone: Zone) -> None:
    def columns(*, everything: bool, **types: str) -> tuple[tuple[str, str], ...]:
        run = zone.run(
            uuid.uuid4().hex, DATES[0], everything=everything, columns=tuple(types.items())
        )
        zone.tables.publish(zone.model(), run, DATES[:1])
        return columns_of(zone.tables.get(zone.name) or {})

    assert columns(everything=False, a="bigint", b="string") == (("a", "bigint"), ("b", "string"))
    both = (("a", "bigint"), ("b", "string"), ("c", "array<struct<x:double>>"))
    assert columns(everything=False, b="string", c="array<struct<x:double>>") == both
    assert columns(everything=True, a="double", c="date") == (("a", "double"), ("c", "date"))


def test_a_table_without_dates_is_switched_as_one(zone: Zone) -> None:
    model = zone.model(Refresh.WHOLE)
    for name in ("r1", "r2"):
        run = zone.run(name, by_date=False, everything=True)
        zone.tables.publish(model, run, [])
        table = zone.tables.get(zone.name)
        assert table is not None
        assert location_of(table).rstrip("/") + "/" == zone.folder(run)
        assert table["Parameters"]["lake_run"] == name
        assert table.get("PartitionKeys", []) == []


def test_what_people_said_of_a_table_stays_and_its_description_is_the_model_s(zone: Zone) -> None:
    zone.tables.publish(zone.model(), zone.run("r1", DATES[0]), DATES[:1])
    table = zone.tables.get(zone.name)
    assert table is not None
    kept = ("Name", "TableType", "PartitionKeys", "StorageDescriptor")
    said = {"owner": "sales", **table["Parameters"]}
    told: Any = {name: table[name] for name in kept} | {"Parameters": said}
    zone.glue.update_table(
        DatabaseName=zone.tables.database,
        TableInput=told,
        VersionId=table["VersionId"],
        SkipArchive=True,
    )
    zone.tables.publish(zone.model(description="é"), zone.run("r2", DATES[0]), DATES[:1])
    again = zone.tables.get(zone.name)
    assert again is not None
    assert (again["Description"], again["Parameters"]["owner"]) == ("é", "sales")


@pytest.mark.parametrize(
    ("place", "keys", "said"),
    [
        ("s3://elsewhere/models/x/", ["date_partition"], "another name, or drop the table"),
        ("", [], "--full"),
    ],
)
def test_a_table_of_somebody_else_is_left_alone(
    zone: Zone, place: str, keys: list[str], said: str
) -> None:
    location = place or f"s3://{zone.files.bucket}/{home_of(zone.name)}"
    zone.glue.create_table(
        DatabaseName=zone.tables.database,
        TableInput={
            "Name": zone.name,
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
            "StorageDescriptor": {"Columns": [], "Location": location},
        },
    )
    before = zone.tables.get(zone.name)
    with pytest.raises(ModelFailedError, match=said) as raised:
        zone.tables.publish(zone.model(), zone.run("r1", DATES[0]), DATES[:1])
    assert (raised.value.code, raised.value.permanent) == ("TABLE_UNLIKE", True)
    assert (zone.tables.get(zone.name), zone.tables.dates(zone.name)) == (before, [])


def test_a_table_that_somebody_drops_meanwhile_is_a_conflict(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare = GlueTables._declare

    def and_drop(self: GlueTables, model: Model, run: Run) -> None:
        declare(self, model, run)
        zone.glue.delete_table(DatabaseName=self.database, Name=model.name)

    monkeypatch.setattr(GlueTables, "_declare", and_drop)
    with pytest.raises(CatalogConflictError, match="was changed meanwhile"):
        zone.tables.publish(zone.model(), zone.run("r1", DATES[0]), DATES[:1])


# --- Files ----------------------------------------------------------------------------------


def test_the_dates_of_a_run_are_its_folders(zone: Zone) -> None:
    home = home_of(zone.name)
    place = f"s3://{zone.files.bucket}/{home}run"
    assert zone.files.dates(f"{place}/") == []
    for date in DATES[:2]:
        for number in range(2):
            zone.write(f"{home}run/date_partition={date}/{number}.parquet")
    for key in ("run/manifest.csv", "run/other=1/x", f"run2/date_partition={DATES[2]}/x"):
        zone.write(home + key)
    assert sorted(zone.files.dates(f"{place}/")) == [*DATES[:2]]
    # As a table of somebody else may say where it is.
    assert sorted(zone.files.dates(place)) == [*DATES[:2]]


def test_a_folder_is_deleted_and_its_neighbours_are_not(zone: Zone) -> None:
    home = home_of(zone.name)
    kept = f"{home}run1/x"
    zone.write(kept)
    for number in range(25):
        zone.write(f"{home}run/date_partition={DATES[0]}/{number}")
    for _ in range(2):
        zone.files.delete(f"{home}run/")
        assert {key for key in zone.objects() if key.startswith(home)} == {kept}


def test_a_folder_is_deleted_though_it_holds_more_than_one_call_takes() -> None:
    zone = cloud_zone()
    for number in range(1100):
        zone.write(f"{home_of(zone.name)}run/{number}")
    zone.files.delete(f"{home_of(zone.name)}run/")
    assert not zone.objects()


# --- Queries --------------------------------------------------------------------------------


def ended(zone: Zone, query: str) -> Query:
    def look() -> Query | None:
        found = zone.queries.look(query)
        return found if found.ended else None

    found = until("the query has ended", look)
    assert found is not None
    return found


def test_a_query_that_succeeds_says_what_it_read(zone: Zone) -> None:
    found = ended(zone, zone.queries.start("SELECT 1", uuid.uuid4().hex))
    assert (found.succeeded, found.reason, found.permanent) == (True, "", False)
    assert found.scanned >= 0


def test_a_query_is_begun_once_for_a_token_and_joined_by_who_comes_later(zone: Zone) -> None:
    tokens = [f"{uuid.uuid4().hex}-0000" for _ in range(2)]
    first, other = (zone.queries.start("SELECT 1", token) for token in tokens)
    assert zone.queries.start("SELECT 1", tokens[0]) == first != other
    assert ended(zone, first).succeeded
    # Also when it has ended.
    assert zone.queries.start("SELECT 1", tokens[0]) == first


def test_a_failed_query_says_why_and_that_it_would_fail_again(zone: Zone) -> None:
    query = zone.queries.start("SELECT 1 / 0", uuid.uuid4().hex)
    found = ended(zone, query)
    assert (found.succeeded, found.reason, found.permanent) == (False, "DIVISION_BY_ZERO", True)
    assert not found.detail.startswith("DIVISION_BY_ZERO")
    assert f"(query {query})" in found.detail


@pytest.mark.parametrize(("before", "sql"), [("", "SELEC 1"), ("SELECT 1", "SELECT 2")])
def test_what_athena_does_not_take_is_refused_for_good_but_for_another_statement(
    zone: Zone, before: str, sql: str
) -> None:
    token = uuid.uuid4().hex
    if before:
        zone.queries.start(before, token)
    with pytest.raises(ModelFailedError) as raised:
        zone.queries.start(sql, token)
    assert (raised.value.code, raised.value.permanent) == ("REFUSED", not before)
    assert raised.value.detail


# --- Messages -------------------------------------------------------------------------------


def test_every_message_is_sent_however_many_they_are(zone: Zone) -> None:
    touches = [Touch("", f"m{number}", frozenset(DATES)) for number in range(23)]
    zone.queue.send(touches)
    assert sorted(zone.messages()) == sorted(touch.body() for touch in touches)


def test_only_changes_of_tables_that_a_model_reads_are_told(zone: Zone) -> None:
    zone.queue.tell(["others/2024-01-15"])
    zone.queue.tell([])
    assert zone.messages() == []
    zone.queue.tell([f"orders/{DATES[1]}", "others/2024-01-15", f"orders/{DATES[0]}"])
    (body,) = zone.messages()
    assert json.loads(body) == {"table": "orders", "dates": [*DATES[:2]]}
