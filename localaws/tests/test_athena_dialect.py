"""Athena's dialect on DuckDB: each value is the one that Trino's documentation gives or implies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from localaws.athena import dialect, functions
from localaws.athena.errors import MalformedError, QueryError, translated
from localaws.athena.types import ResultType, fits, hive_to_duckdb, java_double
from localaws.tests.columns import of_columns

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        functions.install(made)
        yield made


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[list[str | None]]:
    """What a user of Athena would see of a query's rows."""
    tree = dialect.parse(sql)
    try:
        result = connection.execute(dialect.prepared(connection, tree))
    except duckdb.BinderException:
        result = connection.execute(dialect.prepared(connection, tree, unnest_maps=False))
    types = [ResultType(of) for _, of, *_ in result.description or []]
    return [
        [of.text(value) for of, value in zip(types, row, strict=True)] for row in result.fetchall()
    ]


FUNCTIONS = [
    # Dates and times
    ("date_diff('second', TIMESTAMP '2020-03-01 00:00:00', TIMESTAMP '2020-03-02 00:00:00')",
     "86400"),
    ("date_diff('day', TIMESTAMP '2020-03-01 23:00:00', TIMESTAMP '2020-03-02 01:00:00')", "0"),
    ("date_diff('day', DATE '2020-03-01', DATE '2020-03-02')", "1"),
    ("date_add('second', 86, TIMESTAMP '2020-03-01 00:00:00')", "2020-03-01 00:01:26.000"),
    ("date_add('month', 1, DATE '2024-01-31')", "2024-02-29"),
    ("date_add('day', -1, DATE '2020-03-01')", "2020-02-29"),
    ("DATE '2012-08-08' + INTERVAL '2' DAY", "2012-08-10"),
    ("TIMESTAMP '2012-08-08 01:00:00' + INTERVAL '29' HOUR", "2012-08-09 06:00:00.000"),
    ("DATE '2024-03-31' - INTERVAL '1' MONTH", "2024-02-29"),
    ("DATE '2024-03-01' - DATE '2024-02-01'", "29 00:00:00.000"),
    ("to_milliseconds(DATE '2024-03-01' - DATE '2024-02-01') / 86400000", "29"),
    ("to_milliseconds(TIMESTAMP '2024-01-02 00:00:01.5' - TIMESTAMP '2024-01-01 00:00:00')",
     "86401500"),
    ("date_trunc('hour', TIMESTAMP '2022-10-20 05:10:00')", "2022-10-20 05:00:00.000"),
    ("date_trunc('month', DATE '2022-10-20')", "2022-10-01"),
    ("date_format(TIMESTAMP '2022-10-20 05:10:00', '%m-%d-%Y %H')", "10-20-2022 05"),
    ("date_format(TIMESTAMP '2022-10-20 05:10:09', '%Y-%m-%d %H:%i:%s')", "2022-10-20 05:10:09"),
    ("date_parse('2022/10/20/05', '%Y/%m/%d/%H')", "2022-10-20 05:00:00.000"),
    ("format_datetime(TIMESTAMP '2022-10-20 05:10:00', 'yyyy-MM-dd''T''HH:mm')",
     "2022-10-20T05:10"),
    ("parse_datetime('2022/10/20', 'yyyy/MM/dd')", "2022-10-20 00:00:00.000 UTC"),
    ("from_iso8601_timestamp('2020-05-11T11:15:05Z')", "2020-05-11 11:15:05.000 UTC"),
    ("from_iso8601_date('2020-05-11')", "2020-05-11"),
    ("to_iso8601(TIMESTAMP '2020-05-11 11:15:05')", "2020-05-11T11:15:05.000"),
    ("from_unixtime(1589195705)", "2020-05-11 11:15:05.000 UTC"),
    ("to_unixtime(TIMESTAMP '2020-05-11 11:15:05')", "1.589195705E9"),
    ("hour(at_timezone(TIMESTAMP '2012-10-31 01:00:00', 'America/Los_Angeles'))", "18"),
    ("hour(from_unixtime(0) AT TIME ZONE 'Europe/Vienna')", "1"),
    ("day_of_week(DATE '2024-01-15')", "1"),
    ("extract(DOW FROM DATE '2024-01-21')", "7"),
    ("extract(YEAR FROM TIMESTAMP '2022-10-20 05:10:00')", "2022"),
    ("day_of_year(DATE '2024-02-01')", "32"),
    ("week(DATE '2024-01-01')", "1"),
    ("year_of_week(DATE '2021-01-03')", "2020"),
    ("quarter(DATE '2024-05-01')", "2"),
    ("millisecond(TIMESTAMP '2024-01-01 00:00:12.345')", "345"),
    ("last_day_of_month(DATE '2024-02-10')", "2024-02-29"),
    ("CAST(TIMESTAMP '2024-01-15 10:00:00' AS VARCHAR)", "2024-01-15 10:00:00.000"),
    ("CAST(TIMESTAMP '2024-01-15 10:00:00' AS DATE)", "2024-01-15"),
    # Regular expressions
    (r"regexp_extract('1a 2b 14m', '\d+')", "1"),
    (r"regexp_extract('1a 2b 14m', '(\d+)([a-z]+)', 2)", "a"),
    ("regexp_extract('abc', 'x')", None),
    (r"regexp_extract_all('1a 2b 14m', '\d+')", "[1, 2, 14]"),
    (r"regexp_like('1a 2b 14m', '\d+b')", "true"),
    (r"regexp_replace('1a 2b 14m', '\d+[ab] ')", "14m"),
    (r"regexp_replace('1a 2b 14m', '(\d+)([ab]) ', '3c$2 ')", "3ca 3cb 14m"),
    (r"regexp_split('1a 2b 14m', '\s*[a-z]+\s*')", "[1, 2, 14, ]"),
    (r"regexp_count('1a 2b 14m', '\s*[a-z]+\s*')", "3"),
    # Strings
    ("split('a,b,c', ',')", "[a, b, c]"),
    ("split_part('a,b', ',', 2)", "b"),
    ("split_part('a,b', ',', 3)", None),
    ("strpos('hello', 'l')", "3"),
    ("position('l' IN 'hello')", "3"),
    ("substr('hello', 2, 3)", "ell"),
    ("substr('hello', -3)", "llo"),
    ("length('日本')", "2"),
    ("lpad('7', 3, '0')", "007"),
    ("rpad('7', 3, '0')", "700"),
    ("replace('abca', 'a')", "bc"),
    ("reverse('abc')", "cba"),
    ("upper('a') || lower('B')", "Ab"),
    ("concat('a', NULL)", None),
    ("trim('  x ')", "x"),
    ("trim(LEADING '!' FROM '!foo!')", "foo!"),
    ("starts_with('hello', 'he')", "true"),
    ("translate('abcd', 'a', 'z')", "zbcd"),
    ("levenshtein_distance('kitten', 'sitting')", "3"),
    ("hamming_distance('abc', 'abd')", "1"),
    ("codepoint('a')", "97"),
    ("chr(65)", "A"),
    ("format('%s%%', 123)", "123%"),
    ("format('%.5f', pi())", "3.14159"),
    ("format('%03d', 8)", "008"),
    ("url_extract_host('https://example.com:8080/a?b=c#d')", "example.com"),
    ("url_extract_port('https://example.com:8080/a?b=c#d')", "8080"),
    ("url_extract_path('https://example.com:8080/a?b=c#d')", "/a"),
    ("url_extract_query('https://example.com:8080/a?b=c#d')", "b=c"),
    ("url_extract_parameter('https://example.com/a?b=c&d=e', 'd')", "e"),
    ("url_decode('a%20b')", "a b"),
    ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    ("to_hex(sha1(to_utf8('a')))", "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8"),
    ("to_base64(to_utf8('a'))", "YQ=="),
    ("from_utf8(to_utf8('a'))", "a"),
    ("to_utf8('ab')", "61 62"),
    # Numbers
    ("7 / 2", "3"),
    ("-7 / 2", "-3"),
    ("7e0 / 2", "3.5"),
    ("1e0 / 0", "Infinity"),
    ("0e0 / 0", "NaN"),
    ("CAST(7 AS BIGINT) / 2e0", "3.5"),
    ("CAST(7 AS DECIMAL(10, 2)) / 2e0", "3.5"),
    ("-7 % 3", "-1"),
    ("mod(7, 3)", "1"),
    ("round(2.5e0)", "3.0"),
    ("round(-2.5e0)", "-3.0"),
    ("round(2.345e0, 2)", "2.35"),
    ("truncate(-2.7e0)", "-2.0"),
    ("ceiling(2.1e0)", "3.0"),
    ("power(2, 3)", "8.0"),
    ("log(2, 8)", "3.0"),
    ("width_bucket(5, 0, 10, 5)", "3"),
    ("is_nan(nan())", "true"),
    ("bit_count(9, 64)", "2"),
    ("bit_count(-7, 64)", "62"),
    ("bitwise_and(19, 25)", "17"),
    ("bitwise_or(19, 25)", "27"),
    ("bitwise_xor(19, 25)", "10"),
    ("bitwise_not(19)", "-20"),
    ("bitwise_left_shift(5, 2)", "20"),
    ("bitwise_right_shift(8, 3)", "1"),
    ("greatest(1, NULL)", None),
    ("least(3, 2)", "2"),
    # Conversion
    ("CAST('42' AS INTEGER)", "42"),
    ("CAST(NULL AS BIGINT)", None),
    ("TRY_CAST('x' AS BIGINT)", None),
    ("TRY_CAST('5.5' AS INTEGER)", None),
    ("TRY(8 / 0)", None),
    ("CAST('abcdef' AS VARCHAR(3))", "abc"),
    ("CAST(1.50 AS VARCHAR)", "1.50"),
    ("CAST(5 AS DECIMAL)", "5"),
    ("DECIMAL '1.50'", "1.50"),
    ("CAST(1.2345 AS DECIMAL(10, 2))", "1.23"),
    ("CAST(true AS VARCHAR)", "true"),
    ("typeof(CAST(1 AS BIGINT))", "bigint"),
    ("if(1 > 2, 'a', 'b')", "b"),
    ("coalesce(NULL, 'x')", "x"),
    ("nullif(1, 1)", None),
    # JSON
    ("json_extract_scalar('[1, 2, 3]', '$[2]')", "3"),
    ("""json_extract_scalar('{"a": {"b": "c"}}', '$.a.b')""", "c"),
    ("""json_extract_scalar('{"a": {"b": "c"}}', '$.a')""", None),
    ("json_extract_scalar('no json', '$.a')", None),
    ("""json_extract('{"a": [1,2]}', '$.a')""", "[1,2]"),
    ("json_array_length('[1, 2, 3]')", "3"),
    ("""json_size('{"x": {"a": 1, "b": 2}}', '$.x')""", "2"),
    ("json_format(JSON '[1,2]')", "[1,2]"),
    ("CAST(ARRAY[1, 23] AS JSON)", "[1,23]"),
    # Arrays
    ("cardinality(ARRAY[1, 2, 3])", "3"),
    ("element_at(ARRAY['a', 'b'], -1)", "b"),
    ("element_at(ARRAY['a', 'b'], 5)", None),
    ("ARRAY['a', 'b'][1]", "a"),
    ("array_join(ARRAY[1, 2], ';')", "1;2"),
    ("array_sort(ARRAY[3, 1, 2])", "[1, 2, 3]"),
    ("array_distinct(ARRAY[1, 1])", "[1]"),
    ("array_max(ARRAY[1, 3, 2])", "3"),
    ("array_min(ARRAY[1, 3, 2])", "1"),
    ("array_position(ARRAY['a', 'b'], 'b')", "2"),
    ("array_position(ARRAY['a', 'b'], 'x')", "0"),
    ("array_remove(ARRAY[1, 2, 1], 1)", "[2]"),
    ("array_intersect(ARRAY[1, 2], ARRAY[2, 3])", "[2]"),
    ("array_except(ARRAY[1, 2], ARRAY[2, 3])", "[1]"),
    ("cardinality(array_union(ARRAY[1, 2], ARRAY[2, 3]))", "3"),
    ("arrays_overlap(ARRAY[1, 2], ARRAY[2])", "true"),
    ("contains(ARRAY[1, 2], 2)", "true"),
    ("slice(ARRAY[1, 2, 3, 4], 2, 2)", "[2, 3]"),
    ("slice(ARRAY[1, 2, 3, 4], -2, 2)", "[3, 4]"),
    ("flatten(ARRAY[ARRAY[1], ARRAY[2]])", "[1, 2]"),
    ("sequence(1, 5, 2)", "[1, 3, 5]"),
    (
        "sequence(DATE '2001-08-22', DATE '2001-08-24', INTERVAL '1' DAY)",
        "[2001-08-22, 2001-08-23, 2001-08-24]",
    ),
    ("concat(ARRAY[1], ARRAY[2])", "[1, 2]"),
    ("zip(ARRAY[1, 2], ARRAY['1b', '2b'])", "[{field0=1, field1=1b}, {field0=2, field1=2b}]"),
    # Lambdas
    ("filter(ARRAY[5, -6, NULL, 7], x -> x > 0)", "[5, 7]"),
    ("transform(ARRAY[5, NULL, 6], x -> COALESCE(x, 0) + 1)", "[6, 1, 7]"),
    ("reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s)", "75"),
    ("reduce(ARRAY[5, 20], 0, (s, x) -> s + x, s -> s * 2)", "50"),
    ("any_match(ARRAY[1, 2], x -> x > 1)", "true"),
    ("all_match(ARRAY[1, 2], x -> x > 1)", "false"),
    ("none_match(ARRAY[1, 2], x -> x > 2)", "true"),
    ("zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> x + y)", "[4, 6]"),
    ("map_filter(MAP(ARRAY['k1', 'k2'], ARRAY[20, 3]), (k, v) -> v > 10)", "{k1=20}"),
    (
        "transform_values(MAP(ARRAY[1, 2, 3], ARRAY[10, 20, 30]), (k, v) -> k + v)",
        "{1=11, 2=22, 3=33}",
    ),
    ("transform_keys(MAP(ARRAY['a'], ARRAY[1]), (k, v) -> upper(k))", "{A=1}"),
    # Maps and rows
    ("cardinality(MAP(ARRAY['a', 'b'], ARRAY[1, 2]))", "2"),
    ("element_at(MAP(ARRAY['a'], ARRAY[1]), 'a')", "1"),
    ("element_at(MAP(ARRAY['a'], ARRAY[1]), 'z')", None),
    ("map_keys(MAP(ARRAY['a'], ARRAY[1]))", "[a]"),
    ("map_values(MAP(ARRAY['a'], ARRAY[1]))", "[1]"),
    ("map_concat(MAP(ARRAY['a'], ARRAY[1]), MAP(ARRAY['b'], ARRAY[2]))", "{a=1, b=2}"),
    ("ROW(1, 'a')", "{field0=1, field1=a}"),
    ("CAST(ROW(1, 'a') AS ROW(x BIGINT, y VARCHAR))", "{x=1, y=a}"),
    ("CAST(ROW(1, 'a') AS ROW(x BIGINT, y VARCHAR)).y", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), FUNCTIONS)
def test_a_function_gives_what_trino_gives(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: str | None
) -> None:
    assert rows(connection, f"SELECT {expression}") == [[expected]]


_DATA = "(VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'a')) AS t(id, n, s)"

QUERIES = [
    (f"SELECT approx_distinct(s), count_if(n > 10), max_by(id, n), min_by(id, n) FROM {_DATA}",
     [["2", "2", "3", "1"]]),
    (f"SELECT approx_percentile(n, 0.5), bool_and(n > 5), bool_or(n > 25) FROM {_DATA}",
     [["20", "true", "true"]]),
    (f"SELECT array_agg(n ORDER BY n DESC), map_agg(id, n) FROM {_DATA}",
     [["[30, 20, 10]", "{1=10, 2=20, 3=30}"]]),
    (f"SELECT histogram(s) FROM {_DATA} WHERE s = 'a'", [["{a=2}"]]),
    (f"SELECT listagg(s, ',') WITHIN GROUP (ORDER BY id) FROM {_DATA}", [["a,b,a"]]),
    (f"SELECT sum(n), avg(n), sum(n) / count(*) FROM {_DATA}", [["60", "20.0", "20"]]),
    (f"SELECT sum(n) / 2e0, max(n) / min(n), sum(n) % 7, CAST(sum(n) AS VARCHAR) FROM {_DATA}",
     [["30.0", "3", "4", "60"]]),
    (("SELECT date_trunc('hour', max(t)), max(t) + INTERVAL '1' HOUR, CAST(max(t) AS VARCHAR) "
     "FROM (VALUES TIMESTAMP '2024-01-15 10:11:12') AS x(t)"),
     [["2024-01-15 10:00:00.000", "2024-01-15 11:11:12.000", "2024-01-15 10:11:12.000"]]),
    (f"SELECT n / sum(n) OVER () FROM {_DATA} WHERE id = 1", [["1"]]),
    (f"SELECT s, sum(n) FROM {_DATA} GROUP BY 1 ORDER BY 1", [["a", "40"], ["b", "20"]]),
    ((f"SELECT id, row_number() OVER (PARTITION BY s ORDER BY n), lag(n) OVER (ORDER BY id) "
     f"FROM {_DATA} ORDER BY id"), [["1", "1", None], ["2", "1", "10"], ["3", "2", "20"]]),
    (("SELECT a, n FROM (VALUES (ARRAY['dog', 'cat'])) AS x(animals) "
     "CROSS JOIN UNNEST(animals) WITH ORDINALITY AS t(a, n) ORDER BY n"),
     [["dog", "1"], ["cat", "2"]]),
    ("SELECT k, v FROM UNNEST(MAP(ARRAY['a', 'b'], ARRAY[1, 2])) AS t(k, v) ORDER BY k",
     [["a", "1"], ["b", "2"]]),
    ("SELECT x, y FROM UNNEST(ARRAY[ROW(1, 'a'), ROW(2, 'b')]) AS t(x, y) ORDER BY x",
     [["1", "a"], ["2", "b"]]),
    ("SELECT x, y FROM UNNEST(ARRAY[1, 2], ARRAY['a']) AS t(x, y) ORDER BY x",
     [["1", "a"], ["2", None]]),
    ("SELECT * FROM (VALUES 1, 2) AS t(x) ORDER BY x DESC", [["2"], ["1"]]),
    ("SELECT x FROM (VALUES 3, NULL, 1) AS t(x) ORDER BY x DESC", [["3"], ["1"], [None]]),
    ("VALUES (1, 'a'), (2, 'b')", [["1", "a"], ["2", "b"]]),
    ("WITH a AS (SELECT 1 AS x UNION ALL SELECT 2) SELECT sum(x) FROM a", [["3"]]),
    (f"SELECT id FROM {_DATA} ORDER BY id OFFSET 1 LIMIT 1", [["2"]]),
    (f"SELECT s, count(*) FROM {_DATA} GROUP BY ROLLUP(s) ORDER BY s",
     [["a", "2"], ["b", "1"], [None, "3"]]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), FUNCTIONS)
def test_a_function_gives_the_same_of_columns(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: str | None
) -> None:
    if sql := of_columns(expression):
        assert rows(connection, sql) == [[expected], [expected]]


@pytest.mark.parametrize(("sql", "expected"), QUERIES)
def test_a_query_gives_what_trino_gives(
    connection: duckdb.DuckDBPyConnection, sql: str, expected: list[list[str | None]]
) -> None:
    assert rows(connection, sql) == expected


def test_columns_without_a_name_get_trinos(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT 1, 2 AS b, count(*), CAST(ROW(1) AS ROW(x BIGINT)).x"
    result = connection.execute(dialect.prepared(connection, dialect.parse(sql)))
    assert [name for name, *_ in result.description] == ["_col0", "b", "_col2", "x"]


FAILURES = [
    ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT 1 % 0", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT CAST('5.5' AS INTEGER)", "INVALID_CAST_ARGUMENT: Cannot cast '5.5' to INTEGER"),
    ("SELECT CAST('x' AS DOUBLE)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to DOUBLE"),
    ("SELECT CAST('2024-13-01' AS DATE)",
     "INVALID_CAST_ARGUMENT: Value cannot be cast to date or timestamp: 2024-13-01"),
    ("SELECT nope FROM (VALUES 1) AS t(x)",
     "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
    ("SELECT x,\n  t.nope FROM (VALUES 1) AS t(x)",
     "COLUMN_NOT_FOUND: line 2:5: Column 'nope' cannot be resolved"),
    ("SELECT strftime(DATE '2024-01-01', '%Y')",
     "FUNCTION_NOT_FOUND: line 1:8: Function 'strftime' not registered"),
    ("SELECT list_sum(ARRAY[1])",
     "FUNCTION_NOT_FOUND: line 1:1: Function 'list_sum' not registered"),
    ("SELECT x, count(*) FROM (VALUES 1) AS t(x)",
     ("EXPRESSION_NOT_AGGREGATE: line 1:8: 'x' must be an aggregate expression or appear in GROUP "
     "BY clause")),
    ("SELECT 9223372036854775807 + CAST(1 AS BIGINT)",
     "NUMERIC_VALUE_OUT_OF_RANGE: Overflow in addition of INT64 (9223372036854775807 + 1)!"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), FAILURES)
def test_a_failure_has_athenas_name(
    connection: duckdb.DuckDBPyConnection, sql: str, expected: str
) -> None:
    tree = dialect.parse(sql)
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
    ("sql", "expected"),
    [
        ("SELEC 1", "line 1:7: mismatched input '1'"),
        ("SELECT 1; SELECT 2", "line 1:1: Only one sql statement is allowed"),
        ("", "line 1:1: Only one sql statement is allowed"),
        ("TRUNCATE TABLE x", "line 1:1: mismatched input 'TRUNCATE'"),
    ],
)
def test_what_is_no_query_is_refused_before_it_runs(sql: str, expected: str) -> None:
    with pytest.raises(MalformedError) as refused:
        dialect.parse(sql)
    assert refused.value.message == expected


@pytest.mark.parametrize("sql", ["SELECT 'it's'", "SELECT 1 /* no end"])
def test_a_text_or_a_comment_without_an_end_is_refused_before_it_runs(sql: str) -> None:
    with pytest.raises(MalformedError, match="line 1:1: Error tokenizing"):
        dialect.parse(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT max(n) FROM (t) WHERE n > 1",
        "SELECT max(a.n) FROM ((t)) AS a",
        "SELECT max(b.n) FROM (t) AS a JOIN (t) AS b ON a.n = b.n",
        "SELECT max(a.n) FROM (t AS a JOIN t AS b ON a.n = b.n)",
        "SELECT max(n) FROM (SELECT * FROM (t))",
    ],
)
def test_a_table_may_stand_in_brackets(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE t AS SELECT unnest([1, 2]) AS n")
    assert rows(connection, sql) == [["2"]]


def test_what_cannot_be_translated_says_so() -> None:
    tree = dialect.parse("SELECT array_sort(ARRAY[1, 2], (x, y) -> y - x)")
    with pytest.raises(QueryError, match="NOT_SUPPORTED: The local lake cannot translate"):
        dialect.to_duckdb(tree)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (29.99, "29.99"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1e10, "1.0E10"),
        (1.5e-5, "1.5E-5"),
        (123456789.125, "1.23456789125E8"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_doubles_are_printed_as_java_prints_them(value: float, expected: str) -> None:
    assert java_double(value) == expected


TYPES = [
    ("CAST(1 AS TINYINT)", "tinyint", "1", "tinyint"),
    ("CAST(1 AS SMALLINT)", "smallint", "1", "smallint"),
    ("1", "integer", "1", "int"),
    ("CAST(1 AS BIGINT)", "bigint", "1", "bigint"),
    ("CAST(0.1 AS REAL)", "float", "0.1", "float"),
    ("1e0", "double", "1.0", "double"),
    ("1.50", "decimal", "1.50", "decimal(3,2)"),
    ("'a'", "varchar", "a", "string"),
    ("true", "boolean", "true", "boolean"),
    ("DATE '2024-01-15'", "date", "2024-01-15", "date"),
    ("TIMESTAMP '2024-01-15 10:00:00'", "timestamp", "2024-01-15 10:00:00.000", "timestamp"),
    ("to_utf8('a')", "varbinary", "61", "binary"),
    ("JSON '{}'", "json", "{}", "string"),
    ("ARRAY['a', NULL]", "array", "[a, null]", "array<string>"),
    ("MAP(ARRAY['k'], ARRAY[true])", "map", "{k=true}", "map<string,boolean>"),
    ("CAST(ROW(1, ARRAY[2e0]) AS ROW(a INTEGER, b ARRAY(DOUBLE)))", "row", "{a=1, b=[2.0]}",
     "struct<a:int,b:array<double>>"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "athena", "text", "hive"), TYPES)
def test_a_type_is_named_and_printed_as_athena_does(
    connection: duckdb.DuckDBPyConnection, expression: str, athena: str, text: str, hive: str
) -> None:
    result = connection.execute(dialect.prepared(connection, dialect.parse(f"SELECT {expression}")))
    (described,) = result.description
    of = ResultType(described[1])
    (row,) = result.fetchall()
    assert (of.athena, of.text(row[0]), of.hive()) == (athena, text, hive)


def test_hives_types_are_read_however_deep() -> None:
    hive = "struct<a:int,b:array<struct<c:string,d:decimal(10,2)>>,m:map<string,bigint>>"
    assert hive_to_duckdb(hive) == (
        'STRUCT("a" INTEGER, "b" STRUCT("c" VARCHAR, "d" DECIMAL(10,2))[], '
        '"m" MAP(VARCHAR, BIGINT))'
    )
    with pytest.raises(QueryError, match="HIVE_INVALID_METADATA: Unsupported Hive type: text"):
        hive_to_duckdb("array<text>")


@pytest.mark.parametrize(
    ("parquet", "hive", "expected"),
    [
        ("INT64", "bigint", True),
        ("INT32", "bigint", True),
        ("INT64", "int", False),
        ("INT64", "double", False),
        ("INT64", "string", False),
        ("DOUBLE", "float", False),
        ("BYTE_ARRAY", "string", True),
        ("INT96", "timestamp", True),
        ("FIXED_LEN_BYTE_ARRAY", "decimal(10,2)", True),
    ],
)
def test_parquet_is_read_only_as_what_it_is(parquet: str, hive: str, expected: bool) -> None:
    assert fits(parquet, hive) is expected
