"""Athena reads each partition where Glue says that it lies, from the moment on when it says so."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.server.conftest import (
    BUCKET,
    DATABASE,
    Server,
    free_port,
    running,
    until,
)
from localaws.tests.server.test_athena import Athena, keys, parquet, put

if TYPE_CHECKING:
    from pathlib import Path


class Dated:
    """A table in a folder of its own, partitioned by ``d``."""

    def __init__(self, aws: Server) -> None:
        self.aws, self.glue = aws, aws.client("glue")
        self.name = f"t_{uuid.uuid4().hex[:12]}"
        self.root = f"s3://{BUCKET}/tests/{self.name}/"
        self.named = {"DatabaseName": DATABASE, "TableName": self.name}
        self.glue.create_table(DatabaseName=DATABASE, TableInput=self.told(f"{self.root}table/"))

    def told(self, location: str) -> dict[str, Any]:
        keys = [{"Name": "d", "Type": "string"}]
        return {
            "Name": self.name,
            "StorageDescriptor": self.storage(location),
            "PartitionKeys": keys,
        }

    def storage(self, location: str) -> dict[str, Any]:
        of = "org.apache.hadoop.hive.ql.io.parquet"
        return {
            "Columns": [{"Name": "n", "Type": "bigint"}],
            "Location": location,
            "InputFormat": f"{of}.MapredParquetInputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{of}.serde.ParquetHiveSerDe"},
        }

    def write(self, folder: str, n: int) -> str:
        put(self.aws, f"{self.root}{folder}x.parquet", parquet(n=[n]))
        return self.root + folder

    def at(self, d: str, location: str) -> dict[str, Any]:
        return {"Values": [d], "StorageDescriptor": self.storage(location)}

    def add(self, *partitions: dict[str, Any]) -> None:
        self.glue.batch_create_partition(**self.named, PartitionInputList=list(partitions))

    def move(self, d: str, location: str) -> list[dict[str, Any]]:
        entry = {"PartitionValueList": [d], "PartitionInput": self.at(d, location)}
        answer = self.glue.batch_update_partition(**self.named, Entries=[entry])
        return list(answer.get("Errors", []))

    def rows(self) -> list[list[str | None]]:
        return Athena(self.aws).rows(f"SELECT n, d FROM {self.name} ORDER BY d")


@pytest.fixture
def dated(aws: Server) -> Dated:
    return Dated(aws)


# Few partitions are listed one by one, many of them together.
@pytest.mark.parametrize("others", [0, 20])
def test_a_partition_is_read_where_it_lies(dated: Dated, others: int) -> None:
    days = [f"z{n:02d}" for n in range(others)]
    dated.add(
        dated.at("a", dated.write("outside/", 1)),
        dated.at("b", dated.write("table/b/_run=1/", 2)),
        dated.at("c", dated.write("table/c/", 3)),
        *(dated.at(day, dated.write(f"table/{day}/", 9)) for day in days),
    )
    # A folder that is no partition's has no rows.
    dated.write("table/d=d/", 4)
    rest = [["9", day] for day in days]
    assert dated.rows() == [["1", "a"], ["2", "b"], ["3", "c"], *rest]
    assert dated.move("c", dated.write("outside/c/", 5)) == []
    assert dated.move("b", dated.write("table/b/_run=2/", 6)) == []
    # What lies below a partition's folder is its own: "outside/c/" is below "outside/".
    found = dated.rows()
    assert sorted(found[:2]) == [["1", "a"], ["5", "a"]]
    assert found[2:] == [["6", "b"], ["5", "c"], *rest]
    assert dated.move("a", f"{dated.root}table/c/") == []
    assert dated.move("c", f"{dated.root}table/c/") == []
    assert dated.rows() == [["3", "a"], ["6", "b"], ["3", "c"], *rest]


def test_a_table_that_is_moved_leaves_its_partitions_where_they_are(dated: Dated) -> None:
    dated.add(dated.at("a", dated.write("table/d=a/", 1)))
    dated.write("other/d=a/", 2)
    dated.glue.update_table(DatabaseName=DATABASE, TableInput=dated.told(f"{dated.root}other/"))
    assert dated.rows() == [["1", "a"]]
    told = {**dated.told(f"{dated.root}other/d=a/"), "PartitionKeys": []}
    dated.glue.update_table(DatabaseName=DATABASE, TableInput=told)
    assert Athena(dated.aws).rows(f"SELECT n FROM {dated.name}") == [["2"]]


def test_deleted_partitions_have_no_rows_and_keep_their_files(dated: Dated) -> None:
    dated.add(*(dated.at(d, dated.write(f"table/{d}/", 1)) for d in "abc"))
    gone = [{"Values": ["a"]}, {"Values": ["c"]}, {"Values": ["x"]}]
    errors = dated.glue.batch_delete_partition(**dated.named, PartitionsToDelete=gone)["Errors"]
    assert [(one["PartitionValues"], one["ErrorDetail"]["ErrorCode"]) for one in errors] == [
        (["x"], "EntityNotFoundException")
    ]
    assert dated.rows() == [["1", "b"]]
    assert len(keys(dated.aws, dated.root)) == 3
    dated.add(dated.at("a", f"{dated.root}table/a/"))
    assert dated.rows() == [["1", "a"], ["1", "b"]]


@pytest.mark.parametrize("compression", ["SNAPPY", "ZSTD"])
def test_a_query_without_rows_unloads_nothing(aws: Server, dated: Dated, compression: str) -> None:
    to = f"{dated.root}unloaded/"
    athena = Athena(aws)
    for _ in range(2):
        execution = athena.run(
            f"UNLOAD (SELECT n, d AS date_partition FROM {dated.name}) TO '{to}' WITH ("
            f"format = 'PARQUET', compression = '{compression}', "
            "partitioned_by = ARRAY['date_partition'])"
        )
        assert execution["Status"]["State"] == "SUCCEEDED"
        assert keys(aws, to) == []


def test_no_row_is_needed_to_learn_a_querys_columns(aws: Server) -> None:
    sql = """SELECT 'x' AS a, CAST(1 AS DECIMAL(12, 3)) AS b, DATE '2024-01-15' AS c, 1.50 AS d,
    ARRAY[1] AS e, MAP(ARRAY['k'], ARRAY[ARRAY[1e0]]) AS f,
    CAST(ROW(1, 'x') AS ROW(n BIGINT, s VARCHAR)) AS g,
    ARRAY[CAST(ROW(1) AS ROW(n DECIMAL(5, 2)))] AS h"""
    athena = Athena(aws)
    identifier = athena.run(f"SELECT * FROM ({sql}) LIMIT 0")["QueryExecutionId"]
    result = athena.client.get_query_results(QueryExecutionId=identifier)["ResultSet"]
    assert [
        (column["Name"], column["Type"], column["Precision"], column["Scale"])
        for column in result["ResultSetMetadata"]["ColumnInfo"]
    ] == [
        ("a", "varchar", 2147483647, 0), ("b", "decimal", 12, 3), ("c", "date", 0, 0),
        ("d", "decimal", 3, 2), ("e", "array", 0, 0), ("f", "map", 0, 0), ("g", "row", 0, 0),
        ("h", "array", 0, 0),
    ]  # fmt: skip
    assert len(result["Rows"]) == 1
    # The metadata does not say what is in a nested value; a row of a join of no row does.
    names = "efgh"
    typed = ", ".join(f"typeof({name})" for name in names)
    assert athena.rows(
        f"SELECT {typed} FROM (SELECT 1) LEFT JOIN (SELECT * FROM ({sql}) LIMIT 0) ON true"
    ) == [
        [
            "array(integer)", "map(varchar, array(double))", "row(n bigint, s varchar)",
            "array(row(n decimal(5,2)))",
        ]
    ]  # fmt: skip


def test_a_token_starts_one_query_also_across_a_restart(tmp_path: Path) -> None:
    def started(server: Server, token: str, sql: str) -> str:
        # As another process would, with a new connection.
        return str(
            server.client("athena").start_query_execution(
                QueryString=sql,
                ClientRequestToken=token,
                WorkGroup="primary",
                ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/results/"},
            )["QueryExecutionId"]
        )

    good, bad, long = (uuid.uuid4().hex for _ in range(3))
    numbers = "UNNEST(sequence(1, 30000))"
    endless = (
        f"SELECT count(*) FROM {numbers} AS a(x), {numbers} AS b(y), {numbers} AS c(z) "
        "WHERE x * y % 7 = z % 11"
    )
    asked = {good: "SELECT 1", bad: "SELECT 1 / 0", long: endless}

    def state(server: Server, identifier: str) -> str:
        found = server.client("athena").get_query_execution(QueryExecutionId=identifier)
        return str(found["QueryExecution"]["Status"]["State"])

    with running(tmp_path) as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
        before = {token: started(server, token, sql) for token, sql in asked.items()}
        states = ["SUCCEEDED", "FAILED", "RUNNING"]
        until("two ended", lambda: [state(server, one) for one in before.values()] == states)
        assert {token: started(server, token, sql) for token, sql in asked.items()} == before
        with pytest.raises(ClientError, match="Idempotent parameters do not match"):
            started(server, bad, "SELECT 1")
        server.end()
        server.port = free_port()
        server.start()
        assert {token: started(server, token, sql) for token, sql in asked.items()} == before
        # The one that ran ended with the server.
        states[-1] = "FAILED"
        assert [state(server, one) for one in before.values()] == states
