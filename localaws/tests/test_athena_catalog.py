"""Which partitions a projection computes, and which of them a query leaves."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
from sqlglot import exp

from localaws.athena import dialect, functions, statements
from localaws.athena.catalog import Partition, Table, projected
from localaws.athena.errors import MalformedError, QueryError
from localaws.athena.scan import prune, used_columns

NOW = dt.datetime(2024, 1, 15, 12, tzinfo=dt.UTC)


def table(keys: dict[str, str], **properties: str) -> Table:
    return Table(
        {
            "DatabaseName": "db",
            "Name": "t",
            "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in keys.items()],
            "Parameters": {"projection.enabled": "true"}
            | {f"projection.{name.replace('__', '.')}": v for name, v in properties.items()},
            "StorageDescriptor": {"Location": "s3://b/t", "Columns": []},
        }
    )


def values(found: Table) -> list[str]:
    return [one.values[0] for one in projected(found, NOW)]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"d__type": "date", "d__format": "yyyy-MM-dd", "d__range": "2024-01-13,NOW"},
            ["2024-01-13", "2024-01-14", "2024-01-15"],
        ),
        (
            {"d__type": "date", "d__format": "yyyy-MM-dd", "d__range": "NOW-1DAYS,NOW+1DAYS"},
            ["2024-01-14", "2024-01-15", "2024-01-16"],
        ),
        (
            {"d__type": "date", "d__format": "yyyy/MM", "d__range": "2023/11,NOW"},
            ["2023/11", "2023/12", "2024/01"],
        ),
        (
            {
                "d__type": "date", "d__format": "yyyy-MM-dd-HH", "d__range": "NOW-6HOURS,NOW",
                "d__interval": "3", "d__interval__unit": "HOURS",
            },
            ["2024-01-15-06", "2024-01-15-09", "2024-01-15-12"],
        ),
        ({"d__type": "enum", "d__values": "a, b"}, ["a", "b"]),
        (
            {"d__type": "integer", "d__range": "8,12", "d__interval": "2", "d__digits": "2"},
            ["08", "10", "12"],
        ),
    ],
)  # fmt: skip
def test_a_projection_is_what_its_properties_say(
    properties: dict[str, str], expected: list[str]
) -> None:
    assert values(table({"d": "string"}, **properties)) == expected


def test_a_projection_without_its_type_says_what_is_missing() -> None:
    with pytest.raises(QueryError, match=r"'projection\.d\.type' is missing"):
        values(table({"d": "string"}))


def test_folders_are_hives_unless_a_template_says_otherwise() -> None:
    found = table({"a": "string", "b": "string"}, a__type="enum", a__values="x",
                  b__type="enum", b__values="y")  # fmt: skip
    assert next(projected(found, NOW)).location == "s3://b/t/a=x/b=y/"
    found.parameters["storage.location.template"] = "s3://other/${b}/${a}"
    assert next(projected(found, NOW)).location == "s3://other/y/x/"


PARTITIONS = [Partition((day,), f"s3://b/t/{day}/") for day in ("2024-01-01", "2024-01-02")]


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("SELECT * FROM t", 2),
        ("SELECT * FROM t WHERE d = '2024-01-01'", 1),
        ("SELECT * FROM t AS x WHERE x.d = '2024-01-01' AND x.n = 1", 1),
        ("SELECT * FROM t WHERE n = 1", 2),
        ("SELECT * FROM t WHERE d = '2024-01-01' OR n = 1", 2),
        ("SELECT * FROM t WHERE date(d) > DATE '2024-01-01'", 1),
        ("SELECT * FROM t WHERE d > '2025'", 0),
        ("SELECT * FROM t, u WHERE d = '2024-01-01'", 2),
        ("SELECT * FROM t JOIN u ON t.n = u.n WHERE t.d = '2024-01-01'", 1),
        ("SELECT * FROM u LEFT JOIN t ON t.n = u.n WHERE t.d = '2024-01-01'", 2),
        ("SELECT * FROM t, UNNEST(l) AS v(x) WHERE d = '2024-01-01'", 1),
        ("SELECT * FROM t WHERE d = (SELECT max(d) FROM u)", 2),
        ("SELECT * FROM t WHERE d = '2024-01-01' UNION ALL SELECT * FROM t WHERE d = '1'", 1),
        ("SELECT * FROM t WHERE d = '2024-01-01' UNION ALL SELECT * FROM t", 2),
    ],
)
def test_partitions_are_left_out_only_where_no_row_can_be_theirs(sql: str, left: int) -> None:
    tree = dialect.parse(sql)
    nodes = [node for node in tree.find_all(exp.Table) if node.name == "t"]
    with duckdb.connect() as connection:
        functions.install(connection)
        assert len(prune(connection, table({"d": "string"}), PARTITIONS, nodes)) == left


def test_a_star_uses_every_column_and_a_count_none() -> None:
    assert used_columns(dialect.parse("SELECT * FROM t")) is None
    assert used_columns(dialect.parse("SELECT t.* FROM t")) is None
    assert used_columns(dialect.parse("SELECT count(*) FROM t")) == set()
    assert used_columns(dialect.parse("SELECT A FROM t WHERE b = 1")) == {"a", "b"}
    assert used_columns(dialect.parse("SELECT o.f FROM t")) == {"o", "f"}


def test_statements_are_told_apart() -> None:
    unload = statements.read(
        "UNLOAD (SELECT a, (b) FROM t) TO 's3://b/x/' WITH (format = 'PARQUET', "
        "partitioned_by = ARRAY['d'])"
    )
    assert unload == statements.Unload(
        "SELECT a, (b) FROM t", "s3://b/x/", {"format": "PARQUET", "partitioned_by": ["d"]}
    )
    assert statements.read("INSERT INTO db.t (A, b) SELECT 1, 2;") == statements.Insert(
        ("db", "t"), ("a", "b"), "SELECT 1, 2"
    )
    assert statements.read("INSERT INTO t (SELECT 1)") == statements.Insert(
        (None, "t"), (), "(SELECT 1)"
    )
    assert statements.read("SELECT 1") == statements.Query("SELECT 1")


def test_an_incomplete_statement_says_where() -> None:
    with pytest.raises(MalformedError) as refused:
        statements.read("UNLOAD (SELECT 1)\nWITH (format = 'PARQUET')")
    assert refused.value.message == "line 2:1: mismatched input 'with'"
