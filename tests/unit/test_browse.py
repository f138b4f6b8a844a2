"""What is said of tables: what they are, what the ledger tells, which rows a sample reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lake import contents, overview, query, tables
from lake.errors import LakeCommandError
from lake.ledger import Item
from lake.overview import Overview
from lake.query import Result
from store.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence


#: What stands in the name of each file that the lake writes.
HASHES = "-0123456789ab-0123456789ab"


class Target:
    """Names of buckets; it answers nothing."""

    outputs = {"ProcessedBucketName": "processed", "CuratedBucketName": "curated"}


def table(location: str = "", *, view: bool = False, projected: bool = False) -> dict[str, Any]:
    serde = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    return {
        "TableType": "VIRTUAL_VIEW" if view else "EXTERNAL_TABLE",
        "Parameters": {"projection.enabled": "true"} if projected else {},
        "PartitionKeys": [{"Name": "date_partition", "Type": "string"}],
        "StorageDescriptor": {
            "Location": location,
            "SerdeInfo": {"SerializationLibrary": serde},
            "Columns": [
                {"Name": "id", "Type": "bigint"},
                {"Name": 'Odd "name', "Type": "string"},
                {"Name": "tags", "Type": "array<string>"},
                {"Name": "_source_key", "Type": "string"},
            ],
        },
    }


@pytest.mark.parametrize(
    ("name", "known", "kind"),
    [
        ("orders", table("s3://processed/processed/orders/"), overview.DATASET),
        ("orders", table("s3://processed/rebuilt/orders/2/"), overview.DATASET),
        ("orders", table("s3://processed/processed/other/"), overview.FOREIGN),
        ("orders", table("s3://elsewhere/orders/"), overview.FOREIGN),
        ("sales", table("s3://curated/models/sales/"), overview.MODEL),
        ("daily", table(view=True), overview.VIEW),
        ("quarantine", table("s3://processed/quarantine/", projected=True), overview.OWN),
    ],
)
def test_a_table_is_what_its_files_say(name: str, known: dict[str, Any], kind: str) -> None:
    assert overview._kind(Target(), name, known) == kind  # type: ignore[arg-type]  # it only names buckets


def item(key: str, outputs: Sequence[str], at: str, **facts: Any) -> Item:
    entry = Entry(version="v", facts=facts, outputs=tuple(outputs))
    return Item("raw", key, entry, at)


def test_rows_partitions_and_the_last_load_are_the_ledgers() -> None:
    found = {
        "orders": Overview("orders", overview.DATASET, table()),
        "quarantine": Overview("quarantine", overview.OWN, table()),
        "objects": Overview("objects", overview.OWN, table()),
    }
    day = "date_partition=2024-01-1"
    first = [
        f"processed/orders/{day}5/a{HASHES}.parquet",
        f"quarantine/{day}7/a{HASHES}.jsonl.gz",
    ]
    second = [
        f"processed/orders/{day}5/b{HASHES}.parquet",
        f"processed/orders/{day}6/b{HASHES}.parquet",
    ]
    told = {"dataset": "orders", "date_column": "at"}
    overview._count(
        found,
        [
            item("a", first, "T1", records_accepted=2, records_quarantined=3, **told),
            item("b", second, "T3", records_accepted=5, **told),
            item(
                "c",
                [f"quarantine/{day}8/c{HASHES}.jsonl.gz"],
                "T2",
                dataset="orders",
            ),
            item(
                "d",
                [f"objects/{day}8/d{HASHES}.jsonl.gz"],
                "T2",
                dataset="orders",
            ),
            item("e", [], "T9", records_accepted=9, **told),
        ],
    )
    orders, quarantine, objects = found.values()
    assert (orders.rows, orders.partitions, orders.loaded) == (7, 2, "T3")
    assert orders.span == ("2024-01-15", "2024-01-16")
    assert orders.date_columns == {"at": 2}
    assert (quarantine.rows, quarantine.partitions, quarantine.loaded) == (4, 2, "T2")
    assert objects.rows == 1


def test_a_name_that_there_is_not_brings_those_that_may_be_meant() -> None:
    said = str(tables.missing("flight", ["flights", "orders"]))
    assert said == "There is no table flight: did you mean flights?"
    assert "`lake tables` lists them" in str(tables.missing("xyz", ["flights"]))


class Asked:
    """Notes what Athena is asked, and answers with so many rows."""

    def __init__(self, rows: Sequence[int]) -> None:
        self.rows, self.sql = iter(rows), list[str]()

    def __call__(self, _: object, sql: str) -> Result:
        self.sql.append(sql)
        return Result(["id"], ["bigint"], [["1"]] * next(self.rows), 0.1)


def sampled(monkeypatch: pytest.MonkeyPatch, dates: int, rows: Sequence[int]) -> list[str]:
    asked = Asked(rows)
    monkeypatch.setattr(query, "run", asked)
    one = Overview("orders", overview.DATASET, table())
    one.dates = {f"2024-01-{day:02}" for day in range(1, dates + 1)}
    contents.newest(Target(), one, 10)  # type: ignore[arg-type]  # nobody is asked
    return asked.sql


def test_a_sample_reads_the_newest_partition_alone_where_that_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (sql,) = sampled(monkeypatch, 31, [10])
    assert "WHERE date_partition IN ('2024-01-31') ORDER BY date_partition DESC LIMIT 10" in sql


def test_a_sample_reads_more_partitions_where_the_newest_have_too_few_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sql = sampled(monkeypatch, 31, [3, 10])
    assert sql[1].count("'2024-01-") == 10
    assert sampled(monkeypatch, 2, [3, 5])[1] == (
        'SELECT * FROM "orders" ORDER BY date_partition DESC LIMIT 10'
    )
    assert sampled(monkeypatch, 0, [0]) == ['SELECT * FROM "orders" LIMIT 10']


def test_a_profile_asks_for_no_order_where_a_type_has_none() -> None:
    one = Overview("orders", overview.DATASET, table())
    chosen = contents._chosen(one, None, lineage=False)
    assert [name for name, _ in chosen] == ["id", 'Odd "name', "tags"]
    sql = contents._profiling("orders", chosen, contents._where(one, "2024-01-01", None))
    assert sql == (
        'SELECT count(*), count("id"), min("id"), max("id"), '
        'count("Odd ""name"), min("Odd ""name"), max("Odd ""name"), '
        'count("tags"), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR) '
        "FROM \"orders\" WHERE date_partition >= '2024-01-01'"
    )
    with pytest.raises(LakeCommandError, match="no column nope"):
        contents._chosen(one, "id,nope", lineage=False)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("9223372036854775807", "bigint", 9223372036854775807),
        ("1.5", "double", 1.5),
        ("1.0E300", "double", 1e300),
        ("NaN", "double", "NaN"),
        ("1.50", "decimal", 1.5),
        ("12345678901234567890.12", "decimal(22,2)", "12345678901234567890.12"),
        ("true", "boolean", True),
        ("007", "varchar", "007"),
        (None, "bigint", None),
    ],
)
def test_values_of_a_profile_have_types_and_all_digits(
    text: str | None, kind: str, value: object
) -> None:
    found = contents._value(text, kind)
    assert found == value
    assert type(found) is type(value)
    assert json.loads(json.dumps(found)) == value
