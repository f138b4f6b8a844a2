"""What runs on DuckDB and would fail in Athena is refused here, too."""

from __future__ import annotations

import pytest

from localaws.athena import analysis, dialect
from localaws.athena.catalog import Table
from localaws.athena.errors import QueryError

TABLE = Table(
    {
        "DatabaseName": "db",
        "Name": "t",
        "PartitionKeys": [{"Name": "day", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [
                {"Name": "id", "Type": "bigint"},
                {"Name": "s", "Type": "string"},
                {"Name": "d", "Type": "date"},
                {"Name": "ts", "Type": "timestamp"},
                {"Name": "l", "Type": "array<string>"},
                {"Name": "o", "Type": "struct<f:bigint>"},
                {"Name": "m", "Type": "map<string,bigint>"},
                {"Name": "x", "Type": "double"},
                {"Name": "b", "Type": "boolean"},
            ]
        },
    }
)

REFUSED = [
    ("SELECT * FROM db.t WHERE id = '5'",
     "TYPE_MISMATCH: line 1:26: Cannot apply operator: bigint = varchar(1)"),
    ("SELECT * FROM db.t WHERE d >= '2024-01-01'",
     "TYPE_MISMATCH: line 1:26: Cannot apply operator: date >= varchar(10)"),
    ("SELECT * FROM db.t WHERE day = DATE '2024-01-01'",
     "TYPE_MISMATCH: line 1:26: Cannot apply operator: varchar = date"),
    ("SELECT * FROM db.t WHERE id IN (1, 'a')",
     "TYPE_MISMATCH: line 1:26: Cannot apply operator: bigint = varchar(1)"),
    ("SELECT * FROM db.t WHERE d BETWEEN '2024' AND '2025'",
     "TYPE_MISMATCH: line 1:26: Cannot apply operator: date >= varchar(4)"),
    ("SELECT * FROM db.t AS a JOIN db.t AS b ON a.id = b.s",
     "TYPE_MISMATCH: line 1:45: Cannot apply operator: bigint = varchar"),
    ("SELECT substr(s, 1, 3) AS p, count(*) FROM db.t GROUP BY p",
     "COLUMN_NOT_FOUND: line 1:58: Column 'p' cannot be resolved"),
    ("SELECT id + 1 AS p FROM db.t WHERE p > 1",
     "COLUMN_NOT_FOUND: line 1:36: Column 'p' cannot be resolved"),
    ("SELECT id + 1 AS p, p * 2 AS q FROM db.t",
     "COLUMN_NOT_FOUND: line 1:21: Column 'p' cannot be resolved"),
    ("WITH a AS (SELECT * FROM db.t) SELECT id + 1 AS p, p * 2 AS q FROM a",
     "COLUMN_NOT_FOUND: line 1:52: Column 'p' cannot be resolved"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "reason"), REFUSED)
def test_what_athena_refuses_is_refused(sql: str, reason: str) -> None:
    with pytest.raises(QueryError) as refused:
        analysis.check(dialect.parse(sql), {("db", "t"): TABLE})
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM db.t WHERE id = 5 AND id = 5.5 AND x > 1 AND s = 'a' AND b = true",
        "SELECT * FROM db.t WHERE d = DATE '2024-01-01' AND ts > d AND ts < TIMESTAMP '2024-01-01'",
        "SELECT * FROM db.t WHERE CAST(id AS VARCHAR) = '5' AND d > CAST('2024-01-01' AS DATE)",
        "SELECT s AS id, count(*) AS n FROM db.t GROUP BY s ORDER BY n",
        "SELECT id AS p FROM db.t ORDER BY p",
        "SELECT s AS s, count(*) FROM db.t GROUP BY s HAVING count(*) > 1",
        "WITH a AS (SELECT id AS s FROM db.t) SELECT s FROM a WHERE s = 5",
        "SELECT p FROM (SELECT id AS p FROM db.t) WHERE p > 1",
        "SELECT u.v FROM db.t CROSS JOIN UNNEST(l) AS u(v) WHERE v = 'a'",
        "SELECT k, v AS v FROM db.t CROSS JOIN UNNEST(m) AS u(k, v) WHERE v > 1",
        "SELECT o.f AS f FROM db.t WHERE o.f = 5",
        "SELECT transform(l, s -> upper(s)) AS s2 FROM db.t",
        "SELECT filter(l, p -> p = 'a') AS p FROM db.t",
        "SELECT element_at(m, 'a') AS a FROM db.t WHERE element_at(m, 'a') = 1",
        "SELECT date_format(ts, '%Y') AS y FROM db.t WHERE date_format(ts, '%Y') = '2024'",
        "SELECT * FROM db.t WHERE id IN (SELECT max(id) FROM db.t)",
        "SELECT * FROM db.t AS a WHERE EXISTS (SELECT 1 FROM db.t AS b WHERE a.id = b.id)",
        "SELECT id, row_number() OVER (PARTITION BY s ORDER BY ts DESC) AS r FROM db.t",
        "SELECT a.id FROM db.t AS a JOIN db.t AS b USING (id) WHERE a.s = 'x'",
        "SELECT id FROM db.t UNION ALL SELECT 1",
        "SELECT * FROM (VALUES (1, 'a')) AS v(id, s) WHERE s = 'a' AND id = 1",
        'SELECT "$path" FROM db.t',
        # As dbt's models begin.
        "WITH a AS (SELECT * FROM db.t), b AS (SELECT CAST(s AS DATE) AS s FROM a) SELECT s FROM b",
        "SELECT upper(s) AS s FROM (SELECT * FROM db.t WHERE false LIMIT 0) AS a GROUP BY upper(s)",
        "SELECT upper(s) AS s FROM (SELECT a.*, 1 AS n FROM db.t AS a) WHERE s = 'a' AND n = 1",
        "SELECT upper(x) AS x FROM (SELECT * FROM information_schema.tables)",
    ],
)
def test_what_athena_runs_is_left_alone(sql: str) -> None:
    tree = dialect.parse(sql)
    analysis.check(tree, {("db", "t"): TABLE})
    assert tree == dialect.parse(sql)
