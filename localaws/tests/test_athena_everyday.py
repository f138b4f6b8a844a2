"""Queries that everybody writes: those that Athena answers, with its answers, and those it refuses.

Values follow Trino's documentation and its operators (``DoubleOperators``, ``DecimalOperators``,
``DateTimes``); case b53.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from localaws.athena import analysis, dialect, functions, statements
from localaws.athena.errors import MalformedError, QueryError, translated
from localaws.athena.types import ResultType
from localaws.tests.columns import of_columns
from localaws.tests.test_athena_analysis import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        functions.install(made)
        made.execute(
            "CREATE TABLE o AS SELECT * FROM (VALUES "
            "(1::BIGINT, 'ann', 10.5::DOUBLE, TRUE, ['a', 'b'], MAP {'k': 1::BIGINT}), "
            "(2, 'bob', 20.0, FALSE, ['c'], MAP {'j': 2::BIGINT}), "
            "(3, '7', NULL, NULL, NULL, NULL)) AS t(id, name, price, flag, tags, m)"
        )
        yield made


def first(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str | None]:
    result = connection.execute(dialect.prepared(connection, dialect.parse(sql)))
    types = [ResultType(of) for _, of, *_ in result.description or []]
    (row, *_) = result.fetchall()
    return [of.text(value) for of, value in zip(types, row, strict=True)]


ANSWERS = [
    # Whole numbers stay whole, decimals have as many places as the longer side, half up.
    ("7 / 2", "3"), ("7 % 3", "1"), ("1 / 3.0", "0.3"), ("7.0 / 2", "3.5"), ("2 / 3.00", "0.67"),
    ("1e0 / 3", "0.3333333333333333"), ("1e0 / 0", "Infinity"),
    ("100.0 * count(*) / 7", "42.9"), ("sum(id) / count(*)", "2"), ("sum(id) * 1.00 / 7", "0.86"),
    ("sum(CASE WHEN flag THEN 1 ELSE 0 END) * 100.0 / count(*)", "33.3"),
    ("sum(price) / count(*)", "10.166666666666666"),
    ("sum(DISTINCT id)", "6"), ("sum(id) FILTER (WHERE id > 1)", "5"),
    # A double is rounded half away from zero; a text is a whole number or an error.
    ("CAST(10.5e0 AS integer)", "11"), ("CAST(-2.5e0 AS bigint)", "-3"),
    ("CAST(2.5 AS integer)", "3"), ("CAST(avg(price) AS integer)", "15"),
    ("CAST(max(id) AS integer)", "3"), ("CAST('9007199254740993' AS bigint)", "9007199254740993"),
    ("TRY_CAST('7.5' AS integer)", None), ("CAST(true AS integer)", "1"),
    # Between date and time stands a space.
    ("CAST('2024-01-15 10:00' AS timestamp)", "2024-01-15 10:00:00.000"),
    ("CAST('2024-01-15' AS timestamp)", "2024-01-15 00:00:00.000"),
    ("TRY_CAST('2024-01-15T10:00:00' AS timestamp)", None),
    ("CAST(DATE '2024-01-15' AS timestamp)", "2024-01-15 00:00:00.000"),
    # Types by Trino's names.
    ("typeof(ARRAY['a'])", "array(varchar)"), ("typeof(TIMESTAMP '2024-01-15 10:00:00')",
     "timestamp(3)"), ("typeof(7 / 2)", "integer"), ("typeof(NULL)", "unknown"),
    ("typeof(CAST(NULL AS map(varchar, array(row(timestamp timestamp, x array(real))))))",
     "map(varchar, array(row(timestamp timestamp(3), x array(real))))"),
    # Subscripts and functions.
    ("split('a-b', '-')[2]", "b"), ("try(split('a-b', '-')[3])", None),
    ("element_at(split('a-b', '-'), 3)", None), ("array_agg(id ORDER BY id DESC)[1]", "3"),
    ("MAP(ARRAY['k'], ARRAY[1])['k']", "1"), ("CAST(NULL AS array(integer))[1]", None),
    ("CAST(NULL AS map(varchar, integer))['k']", None),
    ("reverse(ARRAY[1, 2])", "[2, 1]"), ("reverse('ab')", "ba"),
    ("split_to_map('a=1,b=2', ',', '=')", "{a=1, b=2}"), ("random(5) < 5", "true"),
    ("random(1, 3) BETWEEN 1 AND 2", "true"), ("regexp_position('abc', 'c')", "3"),
    ("trim_array(ARRAY[1, 2], 1)", "[1]"), ("yow(DATE '2021-01-03')", "2020"),
    ("from_unixtime_nanos(1000000000)", "1970-01-01 00:00:01.000 UTC"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), ANSWERS)
def test_an_everyday_expression_gives_what_athena_gives(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: str | None
) -> None:
    aggregate = any(f"{name}(" in expression for name in ("sum", "count", "avg", "max", "agg"))
    source = " FROM o" if aggregate else ""
    assert first(connection, f"SELECT {expression}{source}") == [expected]


@pytest.mark.parametrize(("expression", "expected"), ANSWERS)
def test_an_everyday_expression_gives_the_same_of_columns(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: str | None
) -> None:
    aggregate = any(f"{name}(" in expression for name in ("sum", "count", "avg", "max", "agg"))
    # sqlglot writes one argument of random().
    if not aggregate and "random" not in expression and (sql := of_columns(expression)):
        assert first(connection, sql) == [expected]


#: Casts of columns: value, type, and what Trino gives or says.
CASTS = [
    ("10000000000.0e0", "varchar", "1.0E10"), ("2.5e0", "varchar", "2.5"),
    ("-1e-7", "varchar", "-1.0E-7"), ("9999999e0", "varchar", "9999999.0"),
    ("CAST(NULL AS double)", "varchar", None), ("CAST(1e8 AS real)", "varchar", "1.0E8"),
    ("'7'", "bigint", "7"), ("' 7 '", "double", "7.0"), ("'1e3'", "double", "1000.0"),
    ("'7.25'", "decimal(10,1)", "7.3"), ("2.5e0", "bigint", "3"), ("-2.5e0", "integer", "-3"),
    ("'2024-01-15'", "date", "2024-01-15"), ("true", "bigint", "1"), ("'t'", "boolean", "true"),
    ("TIMESTAMP '2024-01-15 10:00:00.5'", "date", "2024-01-15"),
    ("TIMESTAMP '2024-01-15 10:00:00.5'", "varchar", "2024-01-15 10:00:00.500"),
    ("'2.9'", "integer", "INVALID_CAST_ARGUMENT: Cannot cast '2.9' to INTEGER"),
    ("'x'", "decimal(10,1)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to DECIMAL(10, 1)"),
    ("'7'", "boolean", "INVALID_CAST_ARGUMENT: Cannot cast '7' to BOOLEAN"),
    ("7", "date", "TYPE_MISMATCH: Cannot cast integer to date"),
    ("DATE '2024-01-15'", "bigint", "TYPE_MISMATCH: Cannot cast date to bigint"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "expected"), CASTS)
@pytest.mark.parametrize("column", [False, True])
def test_a_cast_gives_or_says_what_trino_does(
    connection: duckdb.DuckDBPyConnection, value: str, kind: str, expected: str | None, column: bool
) -> None:
    sql = f"SELECT CAST({value} AS {kind})"
    if column:
        sql = f"SELECT CAST(c AS {kind}) FROM (VALUES {value}, {value}) AS t(c)"
    try:
        found = first(connection, sql)[0]
    except duckdb.Error as error:
        found = str(translated(error, [dialect.parse(sql)]))
    assert found == expected


FAILURES = [
    ("CAST(name AS bigint) FROM o", "INVALID_CAST_ARGUMENT: Cannot cast 'ann' to BIGINT"),
    ("CAST('2024-01-15T10:00:00Z' AS timestamp)",
     "INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: 2024-01-15T10:00:00Z"),
    ("tags[5] FROM o", ("INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to "
     "array length: 5 > 2")),
    ("m['zz'] FROM o", "INVALID_FUNCTION_ARGUMENT: Key not present in map: zz"),
    ("1.0 / 0", "DIVISION_BY_ZERO: Division by zero"),
    ("ifnull(name, 'x') FROM o", "FUNCTION_NOT_FOUND: line 1:8: Function 'ifnull' not registered"),
    ("id, left(name, 2) FROM o", "FUNCTION_NOT_FOUND: line 1:12: Function 'left' not registered"),
    ("id FROM o AS a, o AS b", "AMBIGUOUS_NAME: line 1:8: Column 'id' is ambiguous"),
    ("id FROM o WHERE count(*) > 1", ("EXPRESSION_NOT_SCALAR: line 1:1: WHERE clause cannot "
     "contain aggregations, window functions or grouping operations")),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "expected"), FAILURES)
def test_an_everyday_mistake_fails_as_in_athena(
    connection: duckdb.DuckDBPyConnection, rest: str, expected: str
) -> None:
    tree = dialect.parse(f"SELECT {rest}")
    try:
        connection.execute(dialect.prepared(connection, tree)).fetchall()
    except duckdb.Error as error:
        said = str(translated(error, [tree]))
    except QueryError as error:
        said = str(error)
    else:
        said = "nothing"
    assert said == expected


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT id::varchar FROM o", "line 1:10: mismatched input '::'"),
        ("SELECT id FROM o WHERE name == 'x'", "line 1:29: mismatched input '=='"),
        ("SELECT id FROM o WHERE name ILIKE 'x'", "line 1:29: mismatched input 'ILIKE'"),
        ("SELECT id FROM o WHERE name LIKE ANY ('x')", "line 1:34: mismatched input 'ANY'"),
        ("SELECT id, FROM o", "line 1:12: mismatched input 'FROM'"),
        ("SELECT id FROM order", "line 1:16: mismatched input 'order'"),
        ("SELECT id FROM o JOIN Group ON true", "line 1:23: mismatched input 'Group'"),
        (
            "SELECT 2024_total FROM o",
            (
                "line 1:8: identifiers must not start with a digit; surround the identifier with "
                "double quotes"
            ),
        ),
        ("FROM o", "line 1:1: mismatched input 'FROM'"),
        ("SELECT id FROM o LIMIT 10 OFFSET 5", "line 1:27: mismatched input 'OFFSET'"),
        ("SELECT DISTINCT ON (id) id FROM o", "line 1:17: mismatched input 'ON'"),
        ("SELECT [1, 2]", "line 1:8: mismatched input '['"),
        ("SELECT * EXCLUDE (id) FROM o", "line 1:1: mismatched input '('"),
        ("SELECT id FROM o GROUP BY ALL", "line 1:1: mismatched input '<EOF>'"),
    ],
)
def test_the_grammar_of_other_dialects_is_refused_where_it_stands(sql: str, said: str) -> None:
    with pytest.raises(MalformedError) as refused:
        dialect.parse(sql)
    assert refused.value.message == said


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM o OFFSET 5 LIMIT 10",
        "SELECT a FROM (SELECT id AS a FROM o LIMIT 3) OFFSET 1",
        'SELECT "left" AS first FROM o',
        "WITH list(n) AS (SELECT 1) SELECT n FROM list",
        "SELECT u.size FROM UNNEST(ARRAY[1]) AS u(size)",
        "SELECT ARRAY[ARRAY[1], ARRAY[2]][1]",
        "SELECT count(*) FROM o GROUP BY ROLLUP (id)",
        "SELECT IF(id = 1, 'a', 'b'), coalesce(name, '') FROM o",
    ],
)
def test_what_is_athenas_own_is_read(sql: str) -> None:
    dialect.to_duckdb(dialect.parse(sql))


MISMATCHES = [
    ("SELECT id + '1' FROM db.t",
     "TYPE_MISMATCH: line 1:8: Cannot apply operator: bigint + varchar(1)"),
    ("SELECT s || id FROM db.t",
     "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (varchar, bigint) for function concat"),
    ("SELECT coalesce(id, 'none') FROM db.t",
     ("TYPE_MISMATCH: line 1:17: All COALESCE operands must be the same type or coercible to a "
     "common type. Cannot find common type between bigint and varchar(4)")),
    ("SELECT CASE WHEN b THEN id ELSE 'x' END FROM db.t",
     ("TYPE_MISMATCH: line 1:18: All CASE results must be the same type or coercible to a common "
     "type. Cannot find common type between bigint and varchar(1)")),
    ("SELECT IF(b, 1, s) FROM db.t",
     ("TYPE_MISMATCH: line 1:11: All IF results must be the same type or coercible to a common "
     "type. Cannot find common type between integer and varchar")),
    ("SELECT DISTINCT s FROM db.t ORDER BY id",
     ("EXPRESSION_NOT_IN_DISTINCT: line 1:38: For SELECT DISTINCT, ORDER BY expressions must "
     "appear in select list")),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "said"), MISMATCHES)
def test_types_that_athena_does_not_mix_are_refused(sql: str, said: str) -> None:
    with pytest.raises(QueryError) as refused:
        analysis.check(dialect.parse(sql), {("db", "t"): TABLE})
    assert str(refused.value) == said


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT coalesce(s, 'x'), coalesce(x, 0), s || '-' || CAST(id AS varchar) FROM db.t",
        "SELECT id + 1.5, d + INTERVAL '1' DAY, ts - ts, CASE WHEN b THEN 1 END FROM db.t",
        "SELECT DISTINCT s AS q, upper(s) FROM db.t ORDER BY q, upper(s), 1",
        "SELECT CASE s WHEN 'a' THEN 1 WHEN 'b' THEN 2.5 ELSE 0 END FROM db.t",
    ],
)
def test_types_that_athena_mixes_are_left_alone(sql: str) -> None:
    analysis.check(dialect.parse(sql), {("db", "t"): TABLE})


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("SHOW TABLES orders", "line 1:13"),
        ("SHOW TABLES LIKE orders", "line 1:18"),
        ("SHOW COLUMNS orders", "line 1:14"),
        ("DESCRIBE orders id", "line 1:17"),
        ("SHOW CREATE TABLE orders x", "line 1:26"),
    ],
)
def test_a_pattern_needs_quotes_and_nothing_follows_a_statement(sql: str, place: str) -> None:
    with pytest.raises(MalformedError) as refused:
        statements.read(sql)
    assert refused.value.message.startswith(f"{place}: mismatched input")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SHOW TABLES 'o*'", statements.Show("tables", None, "o*")),
        ("SHOW TABLES IN db LIKE 'o*|p*';", statements.Show("tables", (None, "db"), "o*|p*")),
        ("SHOW TBLPROPERTIES t('a')", statements.Show("tblproperties", (None, "t"), "a")),
    ],
)
def test_a_pattern_in_quotes_is_one(sql: str, expected: statements.Show) -> None:
    assert statements.read(sql) == expected
