"""Athena on the local AWS, as its clients see it."""

from __future__ import annotations

import csv
import io
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from localaws.tests.server.conftest import BUCKET, DATABASE, WORKGROUP, until

if TYPE_CHECKING:
    from localaws.tests.server.conftest import Server


class Athena:
    """A user of the workgroup, or of another."""

    def __init__(self, lake: Server, client: Any = None, workgroup: str | None = None) -> None:
        self.lake = lake
        self.client = client or lake.client("athena")
        self.workgroup = workgroup or WORKGROUP

    def start(self, sql: str, **more: Any) -> str:
        return str(
            self.client.start_query_execution(
                QueryString=sql,
                WorkGroup=self.workgroup,
                QueryExecutionContext={"Database": DATABASE},
                **more,
            )["QueryExecutionId"]
        )

    def ended(self, identifier: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.client.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
            return found if found["Status"]["State"] not in ("QUEUED", "RUNNING") else None

        return until("the query ends", look) or {}

    def run(self, sql: str, **more: Any) -> dict[str, Any]:
        """The execution of a statement that succeeds."""
        execution = self.ended(self.start(sql, **more))
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution

    def rows(self, sql: str, **more: Any) -> list[list[str | None]]:
        identifier = self.run(sql, **more)["QueryExecutionId"]
        pages = self.client.get_paginator("get_query_results").paginate(QueryExecutionId=identifier)
        found = [
            [cell.get("VarCharValue") for cell in row["Data"]]
            for page in pages
            for row in page["ResultSet"]["Rows"]
        ]
        return found[1:] if sql.lstrip().upper().startswith(("SELECT", "WITH")) else found

    def failure(self, sql: str) -> str:
        execution = self.ended(self.start(sql))
        assert execution["Status"]["State"] == "FAILED", execution["Status"]
        return str(execution["Status"]["StateChangeReason"])


@pytest.fixture
def athena(aws: Server) -> Athena:
    return Athena(aws)


@pytest.fixture
def name() -> str:
    """A table that no other test has."""
    return f"a_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def place(name: str) -> str:
    """A folder that no other test has, and where no crawler looks."""
    return f"s3://{BUCKET}/tests/{name}/"


def parquet(**columns: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def put(lake: Server, location: str, body: bytes) -> int:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    lake.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return len(body)


def keys(lake: Server, location: str) -> list[str]:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    found = lake.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [one["Key"][len(prefix) :] for one in found.get("Contents", [])]


def test_every_type_is_reported_and_printed_as_athena_does(athena: Athena) -> None:
    sql = """SELECT true AS a, CAST(1 AS TINYINT) AS b, 1 AS c, CAST(1 AS BIGINT) AS d, 1e10 AS e,
    DECIMAL '1.50' AS f, 'x"y' AS g, DATE '2024-01-15' AS h, TIMESTAMP '2024-01-15 10:00:00' AS i,
    ARRAY['a', 'b'] AS j, MAP(ARRAY['k'], ARRAY[1]) AS k,
    CAST(ROW(1, 2) AS ROW(a INTEGER, b INTEGER)) AS l, NULL AS m, from_unixtime(0) AS n"""
    identifier = athena.run(sql)["QueryExecutionId"]
    result = athena.client.get_query_results(QueryExecutionId=identifier)["ResultSet"]
    info = result["ResultSetMetadata"]["ColumnInfo"]
    assert [column["Type"] for column in info] == [
        "boolean", "tinyint", "integer", "bigint", "double", "decimal", "varchar", "date",
        "timestamp", "array", "map", "row", "integer", "timestamp with time zone",
    ]  # fmt: skip
    assert (info[5]["Precision"], info[5]["Scale"]) == (3, 2)
    header, row = result["Rows"]
    assert [cell["VarCharValue"] for cell in header["Data"]] == list("abcdefghijklmn")
    assert [cell.get("VarCharValue") for cell in row["Data"]] == [
        "true", "1", "1", "1", "1.0E10", "1.50", 'x"y', "2024-01-15", "2024-01-15 10:00:00.000",
        "[a, b]", "{k=1}", "{a=1, b=2}", None, "1970-01-01 00:00:00.000 UTC",
    ]  # fmt: skip


def test_the_result_is_a_quoted_csv_in_the_workgroups_location(athena: Athena) -> None:
    execution = athena.run(
        """SELECT 'x"y' AS a, CAST(NULL AS VARCHAR) AS b, 1 AS c""",
        ResultConfiguration={"OutputLocation": "s3://elsewhere/"},
    )
    location = execution["ResultConfiguration"]["OutputLocation"]
    bucket = BUCKET
    assert location == f"s3://{bucket}/athena-results/{execution['QueryExecutionId']}.csv"
    s3 = athena.lake.client("s3")
    body = s3.get_object(Bucket=bucket, Key=location.partition(f"{bucket}/")[2])["Body"].read()
    assert body.decode() == '"a","b","c"\n"x""y",,"1"\n'
    assert list(csv.reader(io.StringIO(body.decode())))[1] == ['x"y', "", "1"]


def test_more_rows_than_a_page_come_page_by_page(athena: Athena) -> None:
    found = athena.rows("SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n) ORDER BY n")
    assert [row[0] for row in found] == [str(n) for n in range(1, 2501)]


@pytest.fixture
def table(athena: Athena, name: str, place: str) -> str:
    """A partitioned Parquet table without partitions."""
    athena.run(
        f"CREATE EXTERNAL TABLE {name} (n bigint, s string) PARTITIONED BY (d string) "
        f"STORED AS PARQUET LOCATION '{place}'"
    )
    return name


def test_only_registered_partitions_have_rows(
    athena: Athena, aws: Server, table: str, place: str
) -> None:
    put(aws, f"{place}d=2024-01-01/x.parquet", parquet(n=[1], s=["a"]))
    put(aws, f"{place}elsewhere/x.parquet", parquet(n=[2], s=["b"]))
    assert athena.rows(f"SELECT * FROM {table}") == []
    athena.run(f"ALTER TABLE {table} ADD PARTITION (d = '2024-01-02') LOCATION '{place}elsewhere/'")
    assert athena.rows(f"SELECT * FROM {table}") == [["2", "b", "2024-01-02"]]
    athena.run(f"MSCK REPAIR TABLE {table}")
    assert athena.rows(f"SHOW PARTITIONS {table}") == [["d=2024-01-01"], ["d=2024-01-02"]]
    assert athena.rows(f"SELECT n, d FROM {table} ORDER BY n") == [
        ["1", "2024-01-01"],
        ["2", "2024-01-02"],
    ]
    athena.run(f"ALTER TABLE {table} DROP PARTITION (d = '2024-01-01')")
    assert athena.rows(f"SELECT n FROM {table}") == [["2"]]


def test_only_the_partitions_asked_for_are_scanned(
    athena: Athena, aws: Server, table: str, place: str
) -> None:
    sizes = {}
    for day, count in (("2024-01-01", 1), ("2024-01-02", 1000), ("2024-01-03", 5)):
        body = parquet(n=list(range(count)), s=["x"] * count)
        sizes[day] = put(aws, f"{place}d={day}/x.parquet", body)
    athena.run(f"MSCK REPAIR TABLE {table}")

    def scanned(where: str) -> int:
        execution = athena.run(f"SELECT count(*) FROM {table} AS t {where}")
        return int(execution["Statistics"]["DataScannedInBytes"])

    assert scanned("") == sum(sizes.values())
    assert scanned("WHERE d = '2024-01-02'") == sizes["2024-01-02"]
    assert (
        scanned("WHERE t.d > '2024-01-01' AND n < 3") == sum(sizes.values()) - sizes["2024-01-01"]
    )
    assert scanned("WHERE d = '2024-01-01' OR n = 1") == sum(sizes.values())
    assert scanned("WHERE d = '1999-01-01'") == 0
    assert (
        scanned("WHERE substr(d, 9) IN ('01', '03')") == sizes["2024-01-01"] + sizes["2024-01-03"]
    )


def test_columns_are_found_by_name_and_must_have_the_tables_type(
    athena: Athena, aws: Server, table: str, place: str
) -> None:
    put(aws, f"{place}d=1/x.parquet", parquet(S=["a"], n=[1], more=[2]))
    put(aws, f"{place}d=2/x.parquet", parquet(s=["b"]))
    put(aws, f"{place}d=3/x.parquet", parquet(n=pa.array([3], pa.int32())))
    athena.run(f"MSCK REPAIR TABLE {table}")
    assert athena.rows(f"SELECT n, s, d FROM {table} ORDER BY d") == [
        ["1", "a", "1"],
        [None, "b", "2"],
        ["3", None, "3"],
    ]
    put(aws, f"{place}d=3/y.parquet", parquet(n=[1.5], s=["z"]))
    assert athena.failure(f"SELECT * FROM {table}") == (
        f"HIVE_BAD_DATA: Field n's type DOUBLE in parquet file {place}d=3/y.parquet is "
        "incompatible with type bigint defined in table schema"
    )
    assert athena.rows(f"SELECT s FROM {table} WHERE d = '3' AND s IS NOT NULL") == [["z"]]
    assert athena.rows(f"SELECT count(*) FROM {table}") == [["4"]]


def test_the_path_of_a_rows_file_can_be_asked_for(
    athena: Athena, aws: Server, table: str, place: str
) -> None:
    put(aws, f"{place}d=1/x.parquet", parquet(n=[1], s=["a"]))
    athena.run(f"MSCK REPAIR TABLE {table}")
    assert athena.rows(f'SELECT "$path", n FROM {table}') == [[f"{place}d=1/x.parquet", "1"]]


def test_a_json_table_is_read_as_its_serde_reads_it(
    athena: Athena, aws: Server, name: str, place: str
) -> None:
    athena.run(
        f"CREATE EXTERNAL TABLE {name} (id bigint, s string, o struct<a:bigint>, l array<string>) "
        f"ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION '{place}'"
    )
    good = {"ID": 1, "s": {"k": 1}, "o": {"a": 5}, "l": ["x"], "unknown": 1}
    put(aws, f"{place}a.json", f"{json.dumps(good)}\n".encode() + b'{"id": "2", "s": "t"}\n')
    assert athena.rows(f"SELECT * FROM {name} ORDER BY id") == [
        ["1", '{"k":1}', "{a=5}", "[x]"],
        ["2", "t", None, None],
    ]
    put(aws, f"{place}a.json", b'{"id": 29.99}\n')
    assert athena.failure(f"SELECT * FROM {name}").startswith("HIVE_BAD_DATA: Error Parsing Column")
    put(aws, f"{place}a.json", b'{"id": 1\n')
    assert athena.failure(f"SELECT * FROM {name}").startswith(
        "HIVE_CURSOR_ERROR: Row is not a valid"
    )


def test_projected_partitions_need_no_registration(
    athena: Athena, aws: Server, name: str, place: str
) -> None:
    athena.run(
        f"CREATE EXTERNAL TABLE {name} (n bigint) PARTITIONED BY (kind string, year string) "
        f"STORED AS PARQUET LOCATION '{place}' TBLPROPERTIES ("
        "'projection.enabled' = 'true', 'projection.kind.type' = 'enum', "
        "'projection.kind.values' = 'a,b', 'projection.year.type' = 'integer', "
        "'projection.year.range' = '2020,2024', "
        f"'storage.location.template' = '{place}${{kind}}/in-${{year}}/')"
    )
    for folder, n in (("a/in-2020", 1), ("b/in-2024", 2), ("c/in-2020", 3), ("a/in-2019", 4)):
        put(aws, f"{place}{folder}/x.parquet", parquet(n=[n]))
    assert athena.rows(f"SELECT n, kind, year FROM {name} ORDER BY n") == [
        ["1", "a", "2020"],
        ["2", "b", "2024"],
    ]


def test_unload_writes_partitions_and_a_manifest(athena: Athena, aws: Server, place: str) -> None:
    execution = athena.run(
        "UNLOAD (SELECT n, CAST(n % 2 AS VARCHAR) AS p FROM UNNEST(sequence(1, 4)) AS t(n)) "
        f"TO '{place}' WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['p'])"
    )
    found = keys(aws, place)
    assert sorted(key.partition("/")[0] for key in found) == ["p=0", "p=1"]
    bucket, _, key = execution["Statistics"]["DataManifestLocation"][5:].partition("/")
    manifest = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert sorted(manifest.split()) == sorted(place + key for key in found)
    bucket, _, prefix = place[5:].partition("/")
    body = aws.client("s3").get_object(Bucket=bucket, Key=prefix + min(found))["Body"]
    file = pq.ParquetFile(io.BytesIO(body.read()))
    assert sorted(file.read()["n"].to_pylist()) == [2, 4]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_unload_needs_an_empty_place(athena: Athena, place: str) -> None:
    sql = f"UNLOAD (SELECT 1 AS n) TO '{place}' WITH (format = 'PARQUET')"
    athena.run(sql)
    assert athena.failure(sql).startswith("HIVE_PATH_ALREADY_EXISTS: ")


def test_a_statement_writes_a_hundred_partitions_at_most(athena: Athena, place: str) -> None:
    def unload(count: int) -> str:
        return (
            f"UNLOAD (SELECT n, n AS p FROM UNNEST(sequence(1, {count})) AS t(n)) "
            f"TO '{place}' WITH (format = 'PARQUET', partitioned_by = ARRAY['p'])"
        )

    assert athena.failure(unload(101)) == (
        "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions/buckets"
    )
    assert keys(athena.lake, place) == []
    athena.run(unload(100))
    assert len(keys(athena.lake, place)) == 100


def test_a_table_is_created_from_a_query_and_inserted_into(athena: Athena, name: str) -> None:
    athena.run(
        f"CREATE TABLE {name} WITH (format = 'PARQUET', partitioned_by = ARRAY['p']) AS "
        "SELECT 1 AS n, 1.5e0 AS x, 'a' AS p"
    )
    execution = athena.run(f"INSERT INTO {name} VALUES (2, NULL, 'b')")
    answer = athena.client.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    assert answer["UpdateCount"] == 1
    athena.run(f"INSERT INTO {name} (p, n) SELECT 'a', 3")
    assert athena.rows(f"SELECT n, x, p FROM {name} ORDER BY n") == [
        ["1", "1.5", "a"],
        ["2", None, "b"],
        ["3", None, "a"],
    ]
    assert athena.failure(f"INSERT INTO {name} VALUES ('x', 1e0, 'b')").startswith(
        "TYPE_MISMATCH: Insert query has mismatched column types: "
    )
    athena.run(f"DROP TABLE {name}")
    assert athena.failure(f"SELECT * FROM {name}").startswith("TABLE_NOT_FOUND")


def test_an_enforced_workgroup_decides_where_a_new_table_lies(
    athena: Athena, aws: Server, name: str, place: str
) -> None:
    sql = (
        f"CREATE TABLE {name} WITH (format = 'PARQUET', external_location = '{place}') "
        "AS SELECT 1 AS n"
    )
    assert "enforces a centralized output location" in athena.failure(sql)
    free = f"free-{uuid.uuid4().hex[:8]}"
    athena.client.create_work_group(
        Name=free, Configuration={"EnforceWorkGroupConfiguration": False}
    )
    output = f"s3://{BUCKET}/athena-results"
    Athena(aws, workgroup=free).run(sql, ResultConfiguration={"OutputLocation": output})
    assert len(keys(aws, place)) == 1
    assert athena.rows(f"SELECT * FROM {name}") == [["1"]]


def test_a_view_is_a_table_to_its_reader(athena: Athena, name: str) -> None:
    athena.run(f"CREATE VIEW {name} AS SELECT n, n * 2 AS double FROM (VALUES 1, 2) AS t(n)")
    assert athena.rows(f"SELECT double FROM {name} ORDER BY 1") == [["2"], ["4"]]
    assert athena.failure(f"CREATE VIEW {name} AS SELECT 1 AS n").startswith("TABLE_ALREADY_EXISTS")
    athena.run(f"CREATE OR REPLACE VIEW {name} AS SELECT 7 AS n")
    assert athena.rows(f"SELECT * FROM {name}") == [["7"]]
    assert [name] in athena.rows("SHOW VIEWS")
    athena.run(f"DROP VIEW {name}")
    assert athena.failure(f"SELECT * FROM {name}").startswith("TABLE_NOT_FOUND")


def test_a_view_and_its_query_may_read_the_same_table(
    athena: Athena, aws: Server, table: str, place: str
) -> None:
    put(aws, f"{place}d=1/x.parquet", parquet(n=[1], s=["a"]))
    put(aws, f"{place}d=2/x.parquet", parquet(n=[2], s=["b"]))
    athena.run(f"MSCK REPAIR TABLE {table}")
    athena.run(f"CREATE VIEW {table}_v AS SELECT n AS v_n, s AS v_s FROM {table}")
    assert athena.rows(
        f"SELECT t.n, v.v_s FROM {table} AS t CROSS JOIN {table}_v AS v WHERE t.d = '2' ORDER BY 2"
    ) == [["2", "a"], ["2", "b"]]


def test_what_duckdb_alone_would_compare_is_refused(athena: Athena, table: str) -> None:
    assert athena.failure(f"SELECT * FROM {table} WHERE n = '5'").endswith(
        "Cannot apply operator: bigint = varchar(1)"
    )
    assert athena.failure(f"SELECT upper(s) AS u, count(*) FROM {table} GROUP BY u").startswith(
        "COLUMN_NOT_FOUND"
    )


def test_the_catalog_can_be_asked(athena: Athena, table: str, place: str) -> None:
    assert athena.rows(f"SHOW TABLES '{table[:8]}*'") == [[table]]
    assert [DATABASE] in athena.rows("SHOW DATABASES")
    assert athena.rows(f"SHOW COLUMNS IN {table}") == [["n"], ["s"], ["d"]]
    described = [(row[0] or "").split("\t") for row in athena.rows(f"DESCRIBE {table}")]
    assert [[cell.strip() for cell in row[:2]] for row in described[:3]] == [
        ["n", "bigint"],
        ["s", "string"],
        ["d", "string"],
    ]
    created = "\n".join(row[0] or "" for row in athena.rows(f"SHOW CREATE TABLE {table}"))
    assert f"LOCATION\n  '{place}'" in created
    assert athena.rows(
        "SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_name = '{table}' ORDER BY ordinal_position"
    ) == [["n", "bigint"], ["s", "varchar"], ["d", "varchar"]]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "SELECT * FROM no_such_table",
            (
                "TABLE_NOT_FOUND: line 1:15: "
                "Table 'awsdatacatalog.a_database.no_such_table' does not exist"
            ),
        ),
        ("SELECT * FROM nowhere.t", "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"),
        (
            "SELECT no_such FROM (SELECT 1 AS n) AS t",
            "COLUMN_NOT_FOUND: line 1:8: Column 'no_such' cannot be resolved",
        ),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
        (
            "SELECT * FROM read_csv('/etc/passwd')",
            "FUNCTION_NOT_FOUND: line 1:1: Function 'read_csv' not registered",
        ),
        ("SELECT CAST('x' AS BIGINT)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to BIGINT"),
    ],
)
def test_a_failed_query_says_why_in_athenas_words(athena: Athena, sql: str, reason: str) -> None:
    execution = athena.ended(athena.start(sql))
    assert execution["Status"]["StateChangeReason"] == reason
    assert execution["Status"]["AthenaError"]["ErrorMessage"] == reason
    assert execution["Status"]["AthenaError"]["ErrorCategory"] == 2
    with pytest.raises(ClientError, match="Final query state: FAILED"):
        athena.client.get_query_results(QueryExecutionId=execution["QueryExecutionId"])


def test_what_is_no_sql_is_refused_at_once(athena: Athena) -> None:
    with pytest.raises(ClientError) as refused:
        athena.start("SELEC 1")
    assert refused.value.response["Error"]["Message"] == "line 1:7: mismatched input '1'"
    assert dict(refused.value.response)["AthenaErrorCode"] == "MALFORMED_QUERY"


def test_a_query_that_scans_too_much_is_cancelled(
    aws: Server, athena: Athena, name: str, place: str
) -> None:
    small = f"small-{uuid.uuid4().hex[:8]}"
    output = f"s3://{BUCKET}/athena-results/"
    athena.client.create_work_group(
        Name=small,
        Configuration={
            "BytesScannedCutoffPerQuery": 10_000_000,
            "ResultConfiguration": {"OutputLocation": output},
        },
    )
    athena.run(f"CREATE EXTERNAL TABLE {name} (line string) LOCATION '{place}'")
    put(aws, f"{place}x.txt", b"x\n" * 5_000_001)
    limited = Athena(aws, workgroup=small)
    status = limited.ended(limited.start(f"SELECT count(*) FROM {name}"))["Status"]
    assert (status["State"], status["StateChangeReason"]) == (
        "CANCELLED",
        "Bytes scanned limit was exceeded",
    )


def test_a_running_query_can_be_stopped(athena: Athena) -> None:
    numbers = "UNNEST(sequence(1, 30000))"
    endless = (
        f"SELECT count(*) FROM {numbers} AS a(x), {numbers} AS b(y), {numbers} AS c(z) "
        "WHERE x * y % 7 = z % 11"
    )
    identifier = athena.start(endless)

    def state() -> str:
        execution = athena.client.get_query_execution(QueryExecutionId=identifier)
        return str(execution["QueryExecution"]["Status"]["State"])

    until("it runs", lambda: state() == "RUNNING")
    started = time.monotonic()
    athena.client.stop_query_execution(QueryExecutionId=identifier)
    assert state() == "CANCELLED"
    assert athena.rows("SELECT 1") == [["1"]]
    assert time.monotonic() - started < 30


def test_a_repeated_start_is_the_same_query(athena: Athena) -> None:
    token = uuid.uuid4().hex
    first = athena.start("SELECT 1", ClientRequestToken=token)
    assert athena.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        athena.start("SELECT 2", ClientRequestToken=token)


def test_parameters_take_the_place_of_question_marks(athena: Athena) -> None:
    sql = "SELECT n FROM (VALUES (1, 'a?'), (2, 'b')) AS t(n, s) WHERE s = ? AND n = ?"
    assert athena.rows(sql, ExecutionParameters=["'a?'", "1"]) == [["1"]]


def test_a_query_may_what_its_caller_may(
    aws: Server, athena: Athena, name: str, place: str
) -> None:
    athena.run(f"CREATE EXTERNAL TABLE {name} (n bigint) STORED AS PARQUET LOCATION '{place}'")
    put(aws, f"{place}x.parquet", parquet(n=[1]))
    iam, bucket = aws.client("iam"), BUCKET
    iam.create_user(UserName=name)
    statements = [
        {"Effect": "Allow", "Action": ["athena:*", "glue:Get*"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{bucket}/athena-results/*",
        },
    ]

    def allow() -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)

    allow()
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = Athena(aws, aws.client("athena", key["AccessKeyId"], key["SecretAccessKey"]))
    said = user.failure(f"SELECT * FROM {name}")
    assert said.startswith("PERMISSION_DENIED: Insufficient permissions to execute the query.")
    whole = f"arn:aws:s3:::{bucket}"
    statements.append(
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": [whole, f"{whole}/tests/{name}/x.parquet"],
        }
    )
    allow()
    assert user.rows(f"SELECT * FROM {name}") == [["1"]]
    unload = f"UNLOAD (SELECT 1 AS n) TO '{place}out/' WITH (format = 'PARQUET')"
    assert user.failure(unload).startswith("PERMISSION_DENIED")
