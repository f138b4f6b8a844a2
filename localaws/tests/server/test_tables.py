"""What clients such as dbt-athena ask Glue and Athena of tables."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.server.conftest import BUCKET, DATABASE
from localaws.tests.server.test_athena import Athena, keys, parquet, put

if TYPE_CHECKING:
    from localaws.tests.server.conftest import Server


@pytest.fixture
def name(aws: Server) -> str:
    """A table with two partitions of a string and a number."""
    made = f"t_{uuid.uuid4().hex[:12]}"
    location = f"s3://{BUCKET}/tests/{made}/"
    glue = aws.client("glue")
    storage = {
        "Columns": [{"Name": "n", "Type": "bigint"}],
        "Location": location,
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
        },
    }
    partition_keys = [{"Name": "d", "Type": "string"}, {"Name": "y", "Type": "int"}]
    glue.create_table(
        DatabaseName=DATABASE,
        TableInput={"Name": made, "StorageDescriptor": storage, "PartitionKeys": partition_keys},
    )
    for day, year in (("a", "2023"), ("b", "2024")):
        folder = f"{location}d={day}/y={year}/"
        put(aws, f"{folder}x.parquet", parquet(n=[int(year)]))
        glue.create_partition(
            DatabaseName=DATABASE,
            TableName=made,
            PartitionInput={
                "Values": [day, year],
                "StorageDescriptor": {**storage, "Location": folder},
            },
        )
    return made


def versions(glue: Any, name: str) -> list[str]:
    pages = glue.get_paginator("get_table_versions").paginate(
        DatabaseName=DATABASE, TableName=name, PaginationConfig={"PageSize": 2}
    )
    return [one["VersionId"] for page in pages for one in page["TableVersions"]]


def test_a_table_has_its_versions_until_they_are_deleted(aws: Server, name: str) -> None:
    glue = aws.client("glue")
    table = {"DatabaseName": DATABASE, "TableName": name}

    def update(text: str, **more: Any) -> None:
        told = {"Name": name, "Description": text}
        glue.update_table(DatabaseName=DATABASE, TableInput=told, **more)

    update("two")
    update("three", SkipArchive=True)
    update("four")
    assert versions(glue, name) == ["4", "3", "1"]
    found = glue.get_table_version(**table, VersionId="3")["TableVersion"]["Table"]
    assert found["Description"] == "three"
    first = glue.get_table_version(**table, VersionId="1")["TableVersion"]["Table"]
    assert not first.get("Description")
    glue.delete_table_version(**table, VersionId="1")
    errors = glue.batch_delete_table_version(**table, VersionIds=["3", "99"])["Errors"]
    assert [one["VersionId"] for one in errors] == ["99"]
    assert versions(glue, name) == ["4"]
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.delete_table_version(**table, VersionId="4")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        versions(glue, "no_such_table")


def test_partitions_are_deleted_together_and_found_by_an_expression(aws: Server, name: str) -> None:
    glue = aws.client("glue")
    table = {"DatabaseName": DATABASE, "TableName": name}

    def found(expression: str) -> list[list[str]]:
        answer = glue.get_partitions(**table, Expression=expression)["Partitions"]
        return [one["Values"] for one in answer]

    a, b = ["a", "2023"], ["b", "2024"]
    assert found("y >= 2024") == [b]
    assert found("d = 'a' OR (y = 2024 AND d IN ('b', 'c'))") == [a, b]
    assert found("d LIKE 'z%'") == []
    with pytest.raises(glue.exceptions.InvalidInputException, match="no partition key"):
        found("n = 1")
    gone = [{"Values": a}, {"Values": ["z", "1"]}]
    errors = glue.batch_delete_partition(**table, PartitionsToDelete=gone)["Errors"]
    assert [one["PartitionValues"] for one in errors] == [["z", "1"]]
    assert found("y > 0") == [b]
    with pytest.raises(ClientError, match="less than or equal to 25"):
        glue.batch_delete_partition(**table, PartitionsToDelete=[{"Values": b}] * 26)


@pytest.mark.parametrize(
    ("call", "more"),
    [
        ("get_partitions", {}),
        ("get_partition", {"PartitionValues": ["a"]}),
        ("delete_partition", {"PartitionValues": ["a"]}),
        ("create_partition", {"PartitionInput": {"Values": ["a"]}}),
        ("batch_create_partition", {"PartitionInputList": [{"Values": ["a"]}]}),
        ("batch_get_partition", {"PartitionsToGet": [{"Values": ["a"]}]}),
        ("batch_delete_partition", {"PartitionsToDelete": [{"Values": ["a"]}]}),
    ],
)
def test_a_table_that_is_not_there_has_no_partitions(
    aws: Server, call: str, more: dict[str, Any]
) -> None:
    glue = aws.client("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException, match="no_such_table"):
        getattr(glue, call)(DatabaseName=DATABASE, TableName="no_such_table", **more)


def test_the_partitions_of_a_table_are_a_table(aws: Server, name: str) -> None:
    athena = Athena(aws)
    assert athena.rows(f'SELECT * FROM "{name}$partitions" ORDER BY y DESC') == [
        ["b", "2024"],
        ["a", "2023"],
    ]
    assert athena.rows(f'SELECT max(p.y) + 1 FROM {DATABASE}."{name}$partitions" AS p') == [
        ["2025"]
    ]
    assert athena.failure('SELECT * FROM "no_such$partitions"').startswith("TABLE_NOT_FOUND")


def test_a_file_can_be_asked_for_and_no_star_shows_it(aws: Server, name: str) -> None:
    athena = Athena(aws)
    found = athena.rows(f'SELECT "$path", "$file_size" > 100, * FROM {name} ORDER BY n')
    assert [row[1:] for row in found] == [
        ["true", "2023", "a", "2023"],
        ["true", "2024", "b", "2024"],
    ]
    assert (found[0][0] or "").endswith("d=a/y=2023/x.parquet")
    assert athena.rows(
        f"SELECT count(*) FROM {name} WHERE \"$file_modified_time\" > TIMESTAMP '2024-01-01 00:00'"
    ) == [["2"]]


def test_positions_count_the_columns_of_a_star(aws: Server, name: str) -> None:
    athena = Athena(aws)
    assert [row[0] for row in athena.rows(f"SELECT * FROM {name} ORDER BY 1 DESC")] == [
        "2024",
        "2023",
    ]
    assert athena.rows(f"SELECT t.*, n + 1 FROM {name} AS t ORDER BY 4, 1")[0][3] == "2024"


def test_a_comment_may_come_first(aws: Server, name: str) -> None:
    athena = Athena(aws)
    assert athena.rows(f"-- counts\n/* all */ SELECT count(*) FROM {name}")[1:] == [["2"]]
    assert [[name]] == athena.rows(f"-- dbt\nSHOW TABLES '{name}'")


def test_a_plan_is_explained_without_reading(aws: Server, name: str) -> None:
    athena = Athena(aws)
    execution = athena.run(f"EXPLAIN SELECT d, count(*) FROM {name} GROUP BY d")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("UTILITY", "EXPLAIN")
    assert execution["Statistics"]["DataScannedInBytes"] == 0
    assert len(athena.rows(f"EXPLAIN ANALYZE SELECT n FROM {name}")) > 1
    assert athena.rows(f"EXPLAIN (TYPE VALIDATE) SELECT n FROM {name}") == [["true"]]
    assert athena.failure(f"EXPLAIN SELECT no_such FROM {name}").startswith("COLUMN_NOT_FOUND")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE {name}_i (n int) LOCATION '{place}' TBLPROPERTIES ('table_type' = 'ICEBERG')",
        "CREATE TABLE {name}_i WITH (table_type = 'ICEBERG', location = '{place}') AS SELECT 1 n",
        "DELETE FROM {name} WHERE n = 1",
        "UPDATE {name} SET n = 1",
        "MERGE INTO {name} USING {name} AS o ON true WHEN MATCHED THEN DELETE",
        "OPTIMIZE {name} REWRITE DATA USING BIN_PACK",
        "VACUUM {name}",
    ],
)
def test_iceberg_is_refused_by_name_and_never_made_as_parquet(
    aws: Server, name: str, sql: str
) -> None:
    place = f"s3://{BUCKET}/tests/{name}_i/"
    said = Athena(aws).failure(sql.format(name=name, place=place))
    assert said.startswith("NOT_SUPPORTED")
    assert "Iceberg" in said
    assert keys(aws, place) == []


def test_a_table_that_is_icebergs_is_not_read_as_if_it_were_hives(aws: Server, name: str) -> None:
    told = {"Name": f"{name}_i", "Parameters": {"table_type": "ICEBERG"}}
    aws.client("glue").create_table(DatabaseName=DATABASE, TableInput=told)
    athena = Athena(aws)
    for sql in (f"SELECT * FROM {name}_i", f"INSERT INTO {name}_i VALUES (1)"):
        assert f"{name}_i is an Iceberg table" in athena.failure(sql)


def test_a_builder_says_where_a_new_table_lies(aws: Server, name: str) -> None:
    builders = f"builders-{name[-6:]}"
    aws.client("athena").create_work_group(
        Name=builders,
        Configuration={
            "EnforceWorkGroupConfiguration": False,
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/athena-results/"},
        },
    )
    athena, place = Athena(aws, workgroup=builders), f"s3://{BUCKET}/curated/{name}/"
    athena.run(
        f"CREATE TABLE {name}_c WITH (format = 'PARQUET', write_compression = 'SNAPPY', "
        f"external_location = '{place}', partitioned_by = ARRAY['d']) AS SELECT n, d FROM {name}"
    )
    assert sorted(key.partition("/")[0] for key in keys(aws, place)) == ["d=a", "d=b"]
    assert athena.rows(f"SELECT * FROM {name}_c ORDER BY 1") == [["2023", "a"], ["2024", "b"]]
    for told, said in (("no_such = 1", "'no_such' does not exist"), ("table_type = 'X'", "HIVE")):
        sql = f"CREATE TABLE {name}_d WITH ({told}) AS SELECT 1 AS n"
        assert said in athena.failure(sql)


def test_what_glue_gives_of_a_table_it_takes_back(aws: Server, name: str) -> None:
    glue, athena = aws.client("glue"), Athena(aws)
    athena.run(f"CREATE VIEW {name}_v AS SELECT n FROM {name}")
    taken = set(glue.meta.service_model.shape_for("TableInput").members)
    for one in (name, f"{name}_v"):
        table = glue.get_table(DatabaseName=DATABASE, Name=one)["Table"]
        told = {key: value for key, value in table.items() if key in taken}
        assert "Owner" not in told
        glue.update_table(DatabaseName=DATABASE, TableInput=told | {"Description": "said"})
        (listed,) = glue.get_tables(DatabaseName=DATABASE, Expression=one)["TableList"]
        assert listed["Description"] == "said"
        newest = glue.get_table_version(DatabaseName=DATABASE, TableName=one)["TableVersion"]
        assert "Owner" not in newest["Table"]
    assert athena.rows(f"SELECT max(n) FROM {name}_v") == [["2024"]]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_tables(DatabaseName="no_such_database")


def test_a_partition_that_athena_registers_has_parameters(aws: Server, name: str) -> None:
    athena, glue = Athena(aws), aws.client("glue")
    athena.run(f"INSERT INTO {name} VALUES (1, 'c', 2025)")
    athena.run(f"ALTER TABLE {name} ADD PARTITION (d = 'd', y = 2026)")
    for values in (["c", "2025"], ["d", "2026"]):
        found = glue.get_partition(DatabaseName=DATABASE, TableName=name, PartitionValues=values)[
            "Partition"
        ]
        assert found["Parameters"]["transient_lastDdlTime"].isdigit()


def test_columns_are_added_and_replaced(aws: Server, name: str) -> None:
    athena = Athena(aws)
    athena.run(f"ALTER TABLE {name} ADD COLUMNS (s string, `t` timestamp)")
    assert athena.rows(f"SELECT * FROM {name} WHERE y = 2024") == [
        ["2024", None, None, "b", "2024"]
    ]
    athena.run(f"ALTER TABLE {name} REPLACE COLUMNS (more double, n bigint)")
    assert athena.rows(f"SELECT * FROM {name} WHERE y = 2024") == [[None, "2024", "b", "2024"]]
    for change in ("ADD", "REPLACE"):
        said = athena.failure(f"ALTER TABLE {name} {change} COLUMNS (x no_such_type)")
        assert "no_such_type" in said


def test_a_table_in_brackets_is_read(aws: Server, name: str) -> None:
    sql = f'SELECT DISTINCT d FROM ("awsdatacatalog"."{DATABASE}"."{name}") WHERE y > 2023'
    assert Athena(aws).rows(sql) == [["b"]]


@pytest.mark.parametrize("form", ["PARQUET", "JSON", "TEXTFILE"])
def test_a_number_is_inserted_into_a_column_of_another_number(
    aws: Server, name: str, form: str
) -> None:
    athena = Athena(aws)
    athena.run(
        f"CREATE TABLE {name}_n WITH (format = '{form}') AS "
        "SELECT 1 AS i, 1e0 AS x, TIMESTAMP '2024-01-01 00:00:00' AS t"
    )
    athena.run(
        f"INSERT INTO {name}_n (i, x, t) VALUES (DECIMAL '2.5', DECIMAL '2.5', DATE '2024-01-02')"
    )
    athena.run(f"INSERT INTO {name}_n SELECT BIGINT '4', REAL '0.5', NULL")
    assert athena.rows(f"SELECT * FROM {name}_n ORDER BY i") == [
        ["1", "1.0", "2024-01-01 00:00:00.000"],
        ["3", "2.5", "2024-01-02 00:00:00.000"],
        ["4", "0.5", None],
    ]
    for sql in ("VALUES ('5', 1e0, NULL)", "VALUES (5, 1e0, 'x')", "VALUES (true, 1e0, NULL)"):
        assert athena.failure(f"INSERT INTO {name}_n {sql}").startswith("TYPE_MISMATCH")
    said = athena.failure(f"INSERT INTO {name}_n VALUES (5000000000, 1e0, NULL)")
    assert said.startswith("NUMERIC_VALUE_OUT_OF_RANGE")


def test_text_is_read_by_the_delimiter_that_it_was_written_with(aws: Server, name: str) -> None:
    athena = Athena(aws)
    athena.run(
        f"CREATE TABLE {name}_t WITH (format = 'TEXTFILE', field_delimiter = '|') AS "
        "SELECT 1 AS n, 'a,b' AS s"
    )
    athena.run(f"INSERT INTO {name}_t VALUES (2, 'c')")
    assert athena.rows(f"SELECT * FROM {name}_t ORDER BY n") == [["1", "a,b"], ["2", "c"]]
