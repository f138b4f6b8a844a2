"""The commands `lake model …`, as their user runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from lake import models
from lake.cli import main
from lake.errors import LakeCommandError
from lake.local.deploy import check
from lake.model import model as command
from lake.model import say_findings
from model.files import files_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import LocalLake

BY_DATE = "-- description: What a row is\n-- refresh: by date\n"
WHOLE = BY_DATE.replace("by date", "whole")

SALES = f"{BY_DATE}SELECT date_partition, sum(price) AS total\nFROM orders\nGROUP BY 1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models, and nobody's configuration of AWS."""
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("LAKE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LAKE_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def write(folder: Path, **texts: str) -> list[str]:
    for name, text in texts.items():
        (folder / f"{name}.sql").write_text(text)
    return [str(folder / f"{name}.sql") for name in texts]


def table(name: str, columns: str, keys: str = "date_partition", place: str = "") -> dict[str, Any]:
    def told(names: str) -> list[dict[str, str]]:
        return [{"Name": one, "Type": "bigint"} for one in names.split()]

    location = place or f"s3://processed/processed/{name}/"
    return {
        "Name": name,
        "StorageDescriptor": {"Columns": told(columns), "Location": location},
        "PartitionKeys": told(keys),
    }


QUARANTINE = table("quarantine", "_source_key")
ORDERS = table("orders", "id price")


class Choice:
    """A lake with these tables."""

    local, cloud, profile = True, False, None
    description = "the lake of this test"
    outputs = {"GlueDatabaseName": "lake", "CuratedBucketName": "curated"}

    def __init__(self, *tables: dict[str, Any]) -> None:
        self.tables = tables

    def target(self) -> Choice:
        return self

    def client(self, name: str) -> Choice:
        return self

    def get_paginator(self, name: str) -> Choice:
        return self

    def paginate(self, **words: str) -> list[dict[str, Any]]:
        return [{"TableList": [one]} for one in (QUARANTINE, *self.tables)]


def asked(lake: Any, *words: str) -> tuple[int, list[str]]:
    """Exit code and lines of a command against a lake."""
    done = CliRunner(mix_stderr=False).invoke(command, words, obj=lake, catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, [line.rstrip() for line in done.stdout.splitlines()]


def offline(*words: str) -> Any:
    return CliRunner(mix_stderr=False).invoke(main, ["model", *words])


# --- check, without a lake -----------------------------------------------------------------


def test_the_models_of_the_project_are_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKE_MODELS")
    done = offline("check")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "daily_sales.sql: by date, of processed_table",
        "flight_delays.sql: by date, of flights, looks up airlines",
        "product_latest.sql: whole, of processed_table",
    ]
    assert "So tables and their columns were not looked up." in done.stderr
    assert "`lake up`" in done.stderr


def test_each_model_is_judged_by_itself(folder: Path) -> None:
    write(
        folder,
        sales=SALES,
        bare="SELECT 1",
        mixed=f"{BY_DATE}SELECT * FROM orders LIMIT 5",
        slow=f"{WHOLE}-- at most every: 1 minute\nSELECT 1 AS one",
        wrong=f"{WHOLE}SELECT totl FROM sales",
    )
    (folder / "odd.sql").write_bytes(b"\xff")
    done = offline("check")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "bare.sql:1:",
        "bare.sql:1:",
        "mixed.sql:3:28:",
        "odd.sql:",
        "sales.sql:",
        "slow.sql:",
        "wrong.sql:3:8:",
    ]
    assert lines[5] == "slow.sql: whole, of no table, at most every 1 minute"
    assert lines[6].endswith("sales has no column totl: did you mean total?")


def test_every_fault_of_a_header_is_told_at_once(folder: Path, root: Path) -> None:
    text = "-- refresh: daily\n-- lookup: A B\n-- refrsh: whole\n-- at most every: 1 h\nSELECT 1"
    write(folder, bad=text)
    done = offline("check")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        *("bad.sql:1:", "bad.sql:1:", "bad.sql:2:", "bad.sql:3:", "bad.sql:4:")
    ]
    assert lines[0] == "bad.sql:1: `-- description: …` is missing at its head"
    assert lines[1] == "bad.sql:1: refresh is 'daily'; it can be by date or whole"
    with pytest.raises(LakeCommandError) as refused:
        check(root)
    assert str(refused.value).splitlines() == ["Nothing was deployed.", *lines]


def test_models_that_read_each_other_are_named_and_so_is_who_reads_them(folder: Path) -> None:
    *_, c = write(
        folder,
        a=f"{WHOLE}SELECT x FROM b",
        b=f"{WHOLE}SELECT x FROM a",
        c=f"{WHOLE}SELECT x FROM b",
    )
    write(folder, sales=SALES, late=f"{BY_DATE}SELECT * FROM last", last=f"{WHOLE}SELECT 1 AS x")
    done = offline("check")
    assert done.exit_code == 1
    assert "a.sql: models read each other: a → b → a" in done.stdout
    assert "c.sql: it reads a, which is to be mended" in done.stdout
    assert "late.sql:3:15: last is made anew as a whole" in done.stdout
    assert "sales.sql: by date, of orders" in done.stdout
    done = offline("check", c)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "c.sql: it reads a, which is to be mended",
        "a.sql: models read each other: a → b → a",
    ]


def test_files_are_judged_with_the_models_that_they_read(folder: Path, tmp_path: Path) -> None:
    write(folder, sales=SALES, broken="SELECT")
    (file,) = write(tmp_path, more=f"{WHOLE}SELECT totl FROM sales")
    done = offline("check", file)
    assert (done.exit_code, "broken" in done.stdout) == (1, False)
    assert "more.sql:3:8: sales has no column totl" in done.stdout
    (file,) = write(
        tmp_path, more=f"{WHOLE}SELECT total, (SELECT max(x) FROM broken) AS m FROM sales"
    )
    assert offline("check", file).exit_code == 0
    other = tmp_path / "more.txt"
    other.write_text("")
    done = offline("check", str(other))
    assert isinstance(done.exception, LakeCommandError)
    assert "a model is a file <name>.sql" in str(done.exception)


def test_a_misspelt_model_is_told_what_it_may_be(folder: Path) -> None:
    write(folder, sales=SALES)
    said = str(offline("check", "sale").exception)
    assert said == "There is neither a file nor a model sale: did you mean sales?"
    assert "a model xyz: `lake model check` checks all" in str(offline("check", "xyz").exception)


def test_without_a_model_there_is_nothing_to_say() -> None:
    assert offline("check").stdout == "There is no model.\n"


def test_a_lake_that_was_asked_for_and_is_not_there_is_an_error(folder: Path) -> None:
    write(folder, sales=SALES)
    done = CliRunner(mix_stderr=False).invoke(main, ["--local", "model", "check"])
    assert isinstance(done.exception, LakeCommandError)


def test_nothing_is_deployed_with_a_broken_model(folder: Path, root: Path) -> None:
    write(folder, sales=SALES, mixed=f"{BY_DATE}SELECT * FROM orders LIMIT 5")
    with pytest.raises(LakeCommandError) as refused:
        check(root)
    assert str(refused.value).startswith("Nothing was deployed. mixed.sql:3:28: LIMIT takes rows")
    write(folder, bare="SELECT 1")
    with pytest.raises(LakeCommandError) as refused:
        check(root)
    said = [line.partition(" ")[0] for line in str(refused.value).splitlines()]
    assert said == ["Nothing", "bare.sql:1:", "bare.sql:1:", "mixed.sql:3:28:"]


def test_nothing_is_deployed_with_a_model_that_the_check_refuses(folder: Path, root: Path) -> None:
    write(folder, sales=SALES, more=f"{WHOLE}SELECT totl FROM sales")
    nameless = write(folder, count=f"{WHOLE}SELECT count(*) FROM orders")[0]
    with pytest.raises(LakeCommandError) as refused:
        check(root)
    lines = offline("check").stdout.splitlines()
    sound = "sales.sql: by date, of orders"
    assert str(refused.value).splitlines() == [
        "Nothing was deployed.",
        *[line for line in lines if line != sound],
    ]
    assert (lines[0].partition(" ")[0], lines[1]) == (
        "count.sql:3:8:",
        "more.sql:3:8: sales has no column totl: did you mean total?",
    )
    (folder / nameless).unlink()
    (folder / "more.sql").unlink()
    check(root)


# --- check, against a catalog --------------------------------------------------------------


def test_what_is_in_the_catalog_is_fine(folder: Path) -> None:
    write(folder, sales=SALES, more=f"{WHOLE}SELECT total FROM sales")
    assert asked(Choice(ORDERS), "check") == (
        0,
        ["more.sql: whole, of sales", "sales.sql: by date, of orders"],
    )


def test_a_source_that_is_not_there_yet_is_a_warning_and_a_misspelt_one_is_refused(
    folder: Path,
) -> None:
    write(folder, sales=SALES.replace("orders", "ordres"), other=SALES.replace("orders", "events"))
    code, lines = asked(Choice(ORDERS), "check")
    assert code == 1
    assert lines == [
        "other.sql: by date, of events",
        (
            "other.sql:4:6: warning: there is no table events yet: "
            "the model waits until `lake put FILE --dataset events` makes one"
        ),
        "sales.sql:4:6: there is no table and no model ordres: did you mean orders?",
    ]


def test_an_empty_lake_lets_models_wait(folder: Path) -> None:
    write(folder, sales=SALES)
    made = table("sales", "total", place="s3://curated/models/sales/")
    for lake in (Choice(), Choice(made)):
        code, lines = asked(lake, "check")
        assert (code, lines[0]) == (0, "sales.sql: by date, of orders")
        assert lines[1] == (
            "sales.sql:4:6: warning: there is no table orders yet: "
            "the model waits until `lake put FILE --dataset orders` makes one"
        )


def test_who_deploys_again_is_warned_of_changed_models_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, sales=SALES, other=SALES.replace("price", "cost"))
    said: list[str] = []
    monkeypatch.setattr("lake.model._say", lambda lines, *_: said.extend(lines))
    lake: Any = Choice()
    say_findings(lake, {})
    assert [line.partition(":")[0] for line in said] == ["other.sql", "sales.sql"]
    said.clear()
    hashes = {one.name: one.text_hash for one in models.read(files_of(folder)).models}
    say_findings(lake, hashes | {"other": "of another text"})
    assert [line.partition(":")[0] for line in said] == ["other.sql"]


def test_columns_that_a_table_has_not_are_refused(folder: Path) -> None:
    write(folder, sales=SALES.replace("price", "prize"), more=f"{WHOLE}SELECT totl FROM sales")
    code, lines = asked(Choice(ORDERS), "check")
    assert code == 1
    assert lines == [
        "more.sql:3:8: sales has no column totl: did you mean total?",
        "sales.sql:3:28: orders has no column prize: did you mean price?",
    ]


def test_a_table_of_a_dataset_is_not_a_models(folder: Path) -> None:
    write(folder, sales=SALES)
    code, lines = asked(Choice(ORDERS, table("sales", "id")), "check")
    assert code == 1
    assert lines[0].startswith("sales.sql: table sales is not the model's: its files are in s3://")
    own = table("sales", "total", place="s3://curated/models/sales/")
    assert asked(Choice(ORDERS, own), "check")[0] == 0
    own = table("sales", "total", keys="", place="s3://curated/models/sales/r1/")
    code, lines = asked(Choice(ORDERS, own), "check")
    assert (code, "DROP TABLE sales" in lines[0]) == (1, True)


def test_a_source_without_dates_tells_none(folder: Path) -> None:
    text = f"{BY_DATE}SELECT o.date_partition, x FROM orders o JOIN others e ON e.id = o.id"
    joined = f"{text} AND e.date_partition = o.date_partition"
    write(folder, sales=joined)
    others = table("others", "id x date_partition", keys="year")
    code, lines = asked(Choice(ORDERS, others), "check")
    assert code == 1
    assert lines[0].startswith("sales.sql:3:47: table others has no partition key date_partition")
    write(folder, sales=text.replace("SELECT", "-- lookup: others\nSELECT"))
    assert asked(Choice(ORDERS, others), "check")[0] == 0
    write(folder, sales=joined.replace("by date", "whole"))
    assert asked(Choice(ORDERS, others), "check")[0] == 0


def test_of_other_databases_nothing_is_known(folder: Path) -> None:
    write(folder, sales=f"{WHOLE}SELECT anything FROM elsewhere.orders, lake.orders o")
    write(folder, other=f"{WHOLE}SELECT x FROM elsewhere.events")
    code, lines = asked(Choice(ORDERS), "check")
    assert code == 0
    assert lines[1].startswith("other.sql:3:15: warning: events is a table of another database")
    assert lines[2:] == ["sales.sql: whole, of orders"]


def test_a_catalog_that_does_not_answer_is_an_error(folder: Path) -> None:
    class Refused(Choice):
        def paginate(self, **words: str) -> list[dict[str, Any]]:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetTables")

    write(folder, sales=SALES)
    with pytest.raises(LakeCommandError, match="tables of lake were not listed: AWS refused"):
        asked(Refused(), "check")


# --- show ----------------------------------------------------------------------------------


def test_show_says_what_a_model_is(folder: Path) -> None:
    write(
        folder,
        sales=f"-- description: {'What a row is, ' * 8}\n-- refresh: by date\n"
        "-- lookup: names\n-- at most every: 15 minutes\n"
        "SELECT o.date_partition FROM orders o JOIN names n ON n.id = o.id",
    )
    own = table("sales", "total", place="s3://curated/models/sales/")
    code, lines = asked(Choice(ORDERS, own), "show", "sales")
    assert code == 0
    # Into a pipe no line is broken.
    assert f"description    {'What a row is, ' * 8}".rstrip() in lines
    text = "\n".join(lines)
    assert "refresh        by date\nsources        orders\nlooks up       names\n" in text
    assert "at most every  15 minutes\n" in text
    assert "total           bigint\ndate_partition  bigint  partition\n" in text
    assert text.endswith("JOIN names n ON n.id = o.id")


def test_show_names_columns_before_there_is_a_table(folder: Path) -> None:
    write(folder, sales=SALES, all=f"{WHOLE}SELECT * FROM orders", more=f"{WHOLE}TABLE sales")
    _, lines = asked(Choice(ORDERS), "show", "sales")
    assert {"date_partition", "total", "Its table is not made yet."} < set(lines)
    assert {"id", "price", "date_partition"} < set(asked(Choice(ORDERS), "show", "all")[1])
    assert {"total", "date_partition"} < set(offline("show", "more").stdout.split())
    assert "it selects *" in offline("show", "all").stdout
    _, lines = asked(Choice(ORDERS, table("sales", "id")), "show", "sales")
    assert any(line.startswith("It has no table: table sales is not the") for line in lines)


def test_a_name_that_no_model_has_is_said(folder: Path) -> None:
    with pytest.raises(LakeCommandError, match="No model is called sales: there is none at all"):
        asked(Choice(), "show", "sales")
    write(folder, sales=SALES, bare="SELECT 1")
    with pytest.raises(LakeCommandError, match="No model is called sale: did you mean sales"):
        asked(Choice(), "show", "sale")
    with pytest.raises(LakeCommandError, match=r"bare\.sql:1: `-- description"):
        asked(Choice(), "lineage", "bare")


# --- lineage -------------------------------------------------------------------------------


def test_lineage_goes_through_models_to_datasets(folder: Path) -> None:
    write(folder, sales=SALES)
    write(folder, more=f"{WHOLE}SELECT s.total / o.id AS x, count(*) AS n FROM sales s, orders o")
    code, lines = asked(Choice(ORDERS), "lineage", "more")
    assert (code, [line.split() for line in lines[2:]]) == (
        0,
        [["x", "orders.id"], ["orders.price", "sales"], ["n", "no", "column:", "COUNT(*)"]],
    )
    _, lines = asked(Choice(ORDERS), "lineage", "sales", "TOTAL")
    assert [line.split() for line in lines[2:]] == [["total", "orders.price"]]
    with pytest.raises(LakeCommandError, match="has no column totl: did you mean total"):
        asked(Choice(ORDERS), "lineage", "sales", "totl")


def test_lineage_without_a_catalog_goes_as_far_as_the_text_says_it(folder: Path) -> None:
    write(
        folder,
        sales=SALES,
        some=f"{WHOLE}SELECT price FROM (SELECT * FROM orders)",
        joined=f"{WHOLE}SELECT price FROM orders o JOIN items i ON i.id = o.id",
        all=f"{WHOLE}SELECT * FROM orders",
    )
    done = offline("lineage", "sales")
    assert ("orders.price" in done.stdout, done.stderr) == (True, "")
    done = offline("lineage", "some")
    assert "orders.*" in done.stdout
    assert "of * nobody knows" in done.stderr
    assert "price of ?" in offline("lineage", "joined").stdout
    done = offline("lineage", "all")
    assert isinstance(done.exception, LakeCommandError)
    assert "all.sql: it selects *, and only a catalog knows" in str(done.exception)
    assert "`lake up` starts one" in str(done.exception)


# --- A lake --------------------------------------------------------------------------------


@pytest.mark.local
def test_a_local_lake_is_asked(local_lake: LocalLake, tmp_path: Path) -> None:
    local_lake.ingest("data/model_orders/a.json", json.dumps({"id": 1, "price": 2.5}).encode())
    good, bad = write(
        tmp_path,
        model_sales=SALES.replace("orders", "model_orders"),
        model_wrong=SALES.replace("orders", "model_order").replace("price", "prize"),
    )
    done = local_lake.command("lake", "model", "check", good)
    assert done.stdout == "model_sales.sql: by date, of model_orders\n"
    done = local_lake.command("lake", "model", "check", bad, expect=1)
    assert "no model model_order: did you mean model_orders" in done.stdout
    write(tmp_path, model_wrong=SALES.replace("orders", "model_orders").replace("price", "prize"))
    done = local_lake.command("lake", "model", "check", bad, expect=1)
    assert "model_wrong.sql:3:28: model_orders has no column prize" in done.stdout
    done = local_lake.command("lake", "model", "lineage", "product_latest", expect=None)
    assert "Traceback" not in done.stderr
