"""PyAthena and awswrangler work with the local AWS as they do with AWS."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pyathena import connect
from pyathena.error import OperationalError

from localaws.tests.server.conftest import BUCKET, DATABASE, ROOT, WORKGROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localaws.tests.server.conftest import Server


@pytest.fixture(scope="module")
def cursor(aws: Server) -> Iterator[Any]:
    with (
        connect(
            endpoint_url=aws.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            work_group=WORKGROUP,
            schema_name=DATABASE,
            poll_interval=0.05,
        ) as connection,
        connection.cursor() as made,
    ):
        yield made


def test_pyathena_gets_values_of_their_types(cursor: Any) -> None:
    cursor.execute(
        "SELECT 1 AS a, 1.5e0 AS b, DECIMAL '1.50' AS c, 'x' AS d, true AS e, "
        "DATE '2024-01-15' AS f, TIMESTAMP '2024-01-15 10:00:00' AS g, NULL AS h, "
        "ARRAY[1, 2] AS i"
    )
    assert cursor.fetchone() == (
        1, 1.5, Decimal("1.50"), "x", True, dt.date(2024, 1, 15),
        dt.datetime(2024, 1, 15, 10, 0), None, [1, 2],
    )  # fmt: skip
    assert [column[:2] for column in cursor.description[:3]] == [
        ("a", "integer"),
        ("b", "double"),
        ("c", "decimal"),
    ]


def test_pyathena_binds_parameters_and_reads_many_rows(cursor: Any) -> None:
    cursor.execute(
        "SELECT n FROM UNNEST(sequence(1, 3000)) AS t(n) WHERE n > %(least)d AND 'a''b' = %(text)s "
        "ORDER BY n",
        {"least": 1000, "text": "a'b"},
    )
    assert [n for (n,) in cursor.fetchall()] == list(range(1001, 3001))


def test_pyathena_raises_athenas_reason(cursor: Any) -> None:
    with pytest.raises(OperationalError, match="COLUMN_NOT_FOUND: line 1:8: Column 'nope'"):
        cursor.execute("SELECT nope FROM (SELECT 1 AS n) AS t")


#: In a process of its own: pandas raises warnings that are none of ours.
_AWSWRANGLER = """
import json, sys
import awswrangler as wr, boto3, pandas as pd
told = json.loads(sys.argv[1])
for service in ("athena", "glue", "s3", "sts"):
    setattr(wr.config, f"{service}_endpoint_url", told["endpoint"])
session = boto3.Session("test", "test", region_name="us-east-1")
frame = pd.DataFrame({"n": [1, 2, 3], "s": ["a", "b", None], "d": ["x", "x", "y"]})
wr.s3.to_parquet(frame, path=told["place"], dataset=True, database=told["database"],
                 table=told["table"], partition_cols=["d"], boto3_session=session)
common = {"database": told["database"], "workgroup": told["workgroup"], "boto3_session": session}
sql = f"SELECT n, s, d FROM {told['table']} ORDER BY n"
plain = wr.athena.read_sql_query(sql, ctas_approach=False, **common)
unloaded = wr.athena.read_sql_query(sql, ctas_approach=False, unload_approach=True,
                                    s3_output=told["output"], **common)
ctas = wr.athena.read_sql_query(sql, ctas_approach=True, **common)
frames = [frame.sort_values("n") for frame in (plain, unloaded, ctas)]
as_lists = [json.loads(frame.to_json(orient="values")) for frame in frames]
print(json.dumps({"frames": as_lists, "types": [str(t) for t in plain.dtypes]}))
"""


def test_awswrangler_writes_a_dataset_and_reads_it_in_all_its_ways(aws: Server) -> None:
    table = f"w_{uuid.uuid4().hex[:12]}"
    told = {
        "endpoint": aws.endpoint,
        "place": f"s3://{BUCKET}/tests/{table}/",
        # It follows a manifest only within the bucket of the results.
        "output": f"s3://{BUCKET}/athena-results/{table}/",
        "table": table,
        "database": DATABASE,
        "workgroup": WORKGROUP,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _AWSWRANGLER, json.dumps(told)],
        cwd=ROOT,
        env=aws.shell,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = [[1, "a", "x"], [2, "b", "x"], [3, None, "y"]]
    assert found["frames"] == [expected, expected, expected]
    assert found["types"][0] == "Int64"
