"""How tables of models lie in S3 and Glue, and what is asked of Athena."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from curator import statements
from store import curated, naming
from store.errors import ModelError
from store.models import Header, Model, Refresh, Source, load
from store.refresh import Run

if TYPE_CHECKING:
    from pathlib import Path

BUCKET, DATE = "curated-1", "2024-01-15"
MODEL = Model(
    "sales", Header("What a row is", Refresh.BY_DATE), "SELECT 1 -- the end", (Source("t", 1, 1),)
)
WHOLE = replace(MODEL, header=Header("All that is known", Refresh.WHOLE))
RUN = Run("r1", 1764034321.25, "a1b2c3", (DATE,), columns=(("n", "bigint"), ("s", "string")))


def table(location: str = "", keys: tuple[str, ...] = ("date_partition",), **types: str) -> Any:
    place = location or f"s3://{BUCKET}/models/sales/"
    return {
        "Name": "sales",
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
        "StorageDescriptor": {
            "Location": place,
            "Columns": [{"Name": name, "Type": kind} for name, kind in types.items()],
        },
    }


# --- Places -----------------------------------------------------------------------------------


def test_each_run_has_a_folder_of_its_own_below_its_model_s() -> None:
    assert naming.home_of("sales") == "models/sales/"
    assert curated.folder_of("sales", "r1") == "models/sales/r1/"
    assert (
        curated.partition_folder("sales", "r1", DATE) == f"models/sales/r1/date_partition={DATE}/"
    )


@pytest.mark.parametrize(
    ("location", "folder"),
    [
        (f"s3://{BUCKET}/models/sales/r1/", "models/sales/r1/"),
        (f"s3://{BUCKET}/models/sales/r1", "models/sales/r1/"),
        (f"s3://{BUCKET}-2/models/sales/r1/", ""),
        ("s3://elsewhere/models/sales/r1/", ""),
        (f"s3://{BUCKET}", ""),
        ("", ""),
    ],
)
def test_a_folder_is_of_this_bucket_or_none(location: str, folder: str) -> None:
    assert curated.key_in(location, BUCKET) == folder


@pytest.mark.parametrize("told", [{}, {"StorageDescriptor": None}, {"Parameters": None}])
def test_a_link_to_a_table_of_another_account_has_neither_place_nor_columns(told: Any) -> None:
    assert (curated.location_of(told), curated.columns_of(told)) == ("", ())
    assert not curated.is_projected(told)


@pytest.mark.parametrize(("said", "projected"), [("true", True), ("TRUE", True), ("false", False)])
def test_dates_of_a_projected_table_are_in_no_catalog(said: str, projected: bool) -> None:
    assert curated.is_projected({"Parameters": {"projection.enabled": said}}) is projected


# --- Whose a table is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "by_date"),
    [
        (table(), True),
        (table(f"s3://{BUCKET}/models/sales"), True),
        (table(f"s3://{BUCKET}/models/sales/r7/", ()), False),
    ],
)
def test_a_table_of_the_model_s_may_be_published(present: Any, by_date: bool) -> None:
    assert curated.why_not_ours(present, BUCKET, "sales", by_date=by_date) == ""


@pytest.mark.parametrize(
    ("present", "by_date", "said"),
    [
        (table("s3://processed-1/processed/sales/"), True, "files are in s3://processed-1/proc"),
        (table("s3://other/models/sales/"), True, "Give the model's file another name, or drop"),
        (table(f"s3://{BUCKET}/models/sales_2/"), True, "is not the model's"),
        (table(f"s3://{BUCKET}/handmade/"), True, "is not the model's"),
        ({"Name": "sales", "TableType": "VIRTUAL_VIEW"}, True, "files are in no place"),
        (table(keys=()), True, "was refreshed whole before"),
        (table(), False, "was refreshed by date before"),
        (table(keys=("date_partition", "hour")), True, "`lake curate sales --full`"),
    ],
)
def test_any_other_is_left_alone_and_it_is_said_what_to_do(
    present: Any, by_date: bool, said: str
) -> None:
    why = curated.why_not_ours(present, BUCKET, "sales", by_date=by_date)
    assert why.startswith("table sales ")
    assert said in why


def test_a_column_of_another_type_is_named() -> None:
    present = table(n="bigint", gone="date")
    assert curated.why_unlike(present, (("n", "bigint"), ("new", "string"))) == ""
    assert curated.why_unlike(present, (("new", "string"), ("n", "double"))) == (
        "column n is bigint in table sales and double in the model: "
        "`lake curate sales --full` makes all dates anew"
    )


# --- As Glue spells it ------------------------------------------------------------------------


def test_a_new_table_is_parquet_by_date_below_the_model_s_folder() -> None:
    told = curated.table_of(MODEL, BUCKET, RUN, None)
    assert (told["Name"], told["Description"]) == ("sales", "What a row is")
    assert told["PartitionKeys"] == [{"Name": "date_partition", "Type": "string"}]
    assert curated.location_of(told) == f"s3://{BUCKET}/models/sales/"
    assert curated.columns_of(told) == RUN.columns
    assert told["Parameters"]["classification"] == "parquet"
    assert "Parquet" in told["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
    # Else each refresh of a date would write the table, too.
    assert not [name for name in told["Parameters"] if name.startswith("lake_")]


def test_a_table_without_dates_says_itself_which_run_it_is_of() -> None:
    run = replace(RUN, by_date=False, dates=(), everything=True)
    told = curated.table_of(WHOLE, BUCKET, run, None)
    assert told["PartitionKeys"] == []
    assert curated.location_of(told) == f"s3://{BUCKET}/models/sales/r1/"
    said = {name: text for name, text in told["Parameters"].items() if name.startswith("lake_")}
    assert said == {"lake_run": "r1", "lake_began": "1764034321.250", "lake_text": "a1b2c3"}
    columns = curated.table_of(WHOLE, BUCKET, run, table(keys=(), old="date"))
    assert curated.columns_of(columns) == RUN.columns


def test_columns_that_a_model_has_no_more_stay_until_all_dates_are_made_anew() -> None:
    present = table(old="date", n="bigint") | {"Parameters": {"owner": "me"}}
    some = curated.table_of(MODEL, BUCKET, RUN, present)
    assert curated.columns_of(some) == (("old", "date"), ("n", "bigint"), ("s", "string"))
    assert some["Parameters"]["owner"] == "me"
    every = curated.table_of(MODEL, BUCKET, replace(RUN, everything=True), present)
    assert curated.columns_of(every) == RUN.columns


def test_a_partition_says_which_run_it_is_of_and_has_no_columns_of_its_own() -> None:
    told = curated.partition_of(MODEL, BUCKET, RUN, DATE)
    assert told["Values"] == [DATE]
    assert curated.location_of(told) == f"s3://{BUCKET}/models/sales/r1/date_partition={DATE}/"
    assert told["StorageDescriptor"]["Columns"] == []
    assert told["Parameters"]["lake_run"] == "r1"


@pytest.mark.parametrize(
    "change",
    [
        {"Description": "other"},
        {"Parameters": {}},
        {"StorageDescriptor": {"Columns": []}},
    ],
)
def test_a_table_is_written_again_only_where_it_differs(change: Any) -> None:
    wanted = curated.table_of(MODEL, BUCKET, RUN, None)
    # Glue adds much of its own.
    present = wanted | {"VersionId": "3", "CreatedBy": "somebody"}
    assert curated.is_same(present, curated.table_of(MODEL, BUCKET, RUN, present))
    assert not curated.is_same(present | change, wanted)


# --- What is asked of Athena ------------------------------------------------------------------


def test_a_view_tells_the_columns() -> None:
    assert statements.describing(MODEL, "lake") == (
        'CREATE OR REPLACE VIEW "lake"."sales__shape" AS\nSELECT 1 -- the end'
    )


def test_dates_are_unloaded_by_a_hundred_each_by_a_token_of_its_own() -> None:
    dates = tuple(f"{year}-01-{day:02}" for year in range(2000, 2025) for day in range(1, 11))
    asked = statements.unloading(MODEL, replace(RUN, dates=dates), BUCKET)
    assert [token for _, token in asked] == ["r1-0000", "r1-0001", "r1-0002"]
    found = [re.findall(r"'(\d{4}-\d\d-\d\d)'", sql) for sql, _ in asked]
    assert [len(some) for some in found] == [100, 100, 50]
    assert [date for some in found for date in some] == [*dates]
    assert asked == statements.unloading(MODEL, replace(RUN, dates=dates), BUCKET)


def test_an_unload_of_dates_ends_with_the_partition_column() -> None:
    run = replace(RUN, columns=(('a "b"', "bigint"), ("c", "string")), dates=("a'b", DATE))
    ((sql, _),) = statements.unloading(MODEL, run, BUCKET)
    assert sql == (
        "UNLOAD (\n"
        'SELECT "a ""b""", "c", "date_partition" FROM (\nSELECT 1 -- the end\n)\n'
        f"WHERE date_partition IN ('a''b', '{DATE}')\n"
        ")\n"
        f"TO 's3://{BUCKET}/models/sales/r1/'\n"
        "WITH (format = 'PARQUET', compression = 'ZSTD', "
        "partitioned_by = ARRAY['date_partition'])"
    )


def test_a_table_without_dates_is_unloaded_by_one_statement() -> None:
    ((sql, token),) = statements.unloading(WHOLE, replace(RUN, by_date=False, dates=()), BUCKET)
    assert token == "r1-0000"
    assert "WHERE" not in sql
    assert "partitioned_by" not in sql
    assert "date_partition" not in sql


# --- Models as they are built -----------------------------------------------------------------


def test_a_function_without_models_says_so_and_one_with_none_is_well(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="built without its models"):
        load(tmp_path / "models.json")
    (tmp_path / "models.json").write_text("[]")
    assert load(tmp_path / "models.json") == ()
