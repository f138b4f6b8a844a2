"""Trino's functions where DuckDB has none of the same meaning, as DuckDB macros.

Some macros are typed, so that a date stays a date where DuckDB alone would make a timestamp of it.
DuckDB does not know the type of an aggregate when it chooses between them: for these there is an
untyped one, whose name ends in ``_any``. The names carry a prefix because a macro may not use a
function of its own name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localaws.athena import arithmetic
from localaws.athena.types import duckdb_to_trino

if TYPE_CHECKING:
    import duckdb

#: Before the name of every macro here.
PREFIX = "trino_"

#: The macros that are typed.
TYPED = frozenset(
    {
        "add", "date_trunc", "divide", "integer", "minus", "modulus", "reverse", "sequence",
        "subtract", "timestamp",
    }
)  # fmt: skip


#: A double's text as Java writes it: 1.0E10 where DuckDB writes 10000000000.0. A lambda, so that
#: the value is named once.
_JAVA = (
    "list_transform([CAST(a AS VARCHAR)], lambda t: CASE "
    "WHEN t IS NULL THEN NULL WHEN t = 'nan' THEN 'NaN' "
    "WHEN t = 'inf' THEN 'Infinity' WHEN t = '-inf' THEN '-Infinity' "
    "WHEN abs(CAST(t AS DOUBLE)) < 1e7 AND abs(CAST(t AS DOUBLE)) >= 1e-3 "
    "OR CAST(t AS DOUBLE) = 0 THEN t "
    "ELSE list_transform([{'i': regexp_extract(t, '^-?([0-9]*)', 1), "
    "'f': regexp_extract(t, '[.]([0-9]+)', 1), "
    "'e': coalesce(TRY_CAST(regexp_extract(t, 'e(.*)', 1) AS INTEGER), 0)}], "
    "lambda p: concat(left(t, CAST(t[1] = '-' AS INTEGER)), "
    "left(ltrim(p.i || p.f, '0'), 1), '.', "
    "coalesce(nullif(rtrim(substr(ltrim(p.i || p.f, '0'), 2), '0'), ''), '0'), 'E', "
    "p.e + len(p.i) - 1 - (len(p.i || p.f) - len(ltrim(p.i || p.f, '0')))))[1] END)[1]"
)


def _by_type(form: str, zone: str) -> str:
    """Write a value as text, whatever its type: the branches that do not apply are null."""
    return (
        "CASE typeof(a) "
        f"WHEN 'TIMESTAMP' THEN strftime(TRY_CAST(CAST(a AS VARCHAR) AS TIMESTAMP), '{form}') "
        "WHEN 'TIMESTAMP WITH TIME ZONE' THEN "
        f"strftime(TRY_CAST(CAST(a AS VARCHAR) AS TIMESTAMPTZ), '{form}{zone}') "
        f"WHEN 'DOUBLE' THEN {_JAVA} WHEN 'FLOAT' THEN {_JAVA} "
        "ELSE CAST(a AS VARCHAR) END"
    )


#: Without a step Trino counts down where the end is below the start.
_SERIES = "generate_series(a, b, CASE WHEN a <= b THEN 1 ELSE -1 END)"

_MACROS: dict[str, list[tuple[str, str]]] = {
    "add": [
        ("a DATE, i INTERVAL", "CAST(a + i AS DATE)"),
        ("a, i", "a + i"),
    ],
    "add_any": [("a, i", "a + i")],
    "subtract": [
        ("a DATE, i INTERVAL", "CAST(a - i AS DATE)"),
        ("a, i", "a - i"),
    ],
    "subtract_any": [("a, i", "a - i")],
    # Between two days lies an interval, where DuckDB counts them.
    "minus": [("a DATE, b DATE", "to_days(CAST(a - b AS INTEGER))"), ("a, b", "a - b")],
    "minus_any": [("a, b", "a - b")],
    "to_milliseconds": [("i", "epoch_ms(i)")],
    "date_trunc": [
        ("u, a DATE", "CAST(date_trunc(u, a) AS DATE)"),
        ("u, a", "date_trunc(u, a)"),
    ],
    "date_trunc_any": [("u, a", "date_trunc(u, a)")],
    "last_day_of_month": [("a", "last_day(CAST(a AS DATE))")],
    "millisecond": [("a", "millisecond(a) % 1000")],
    "to_iso8601": [("a", _by_type("%Y-%m-%dT%H:%M:%S.%g", "Z"))],
    # Of an array or a map; DuckDB has a function for each, and no macro over any map.
    "cardinality": [
        (
            "a",
            (
                "CAST(CASE WHEN json_type(to_json(a)) = 'ARRAY' THEN json_array_length(to_json(a)) "
                "ELSE len(json_keys(to_json(a))) END AS BIGINT)"
            ),
        )
    ],
    "slice": [
        (
            "a, s, n",
            (
                "CASE WHEN s > 0 THEN list_slice(a, s, s + n - 1) "
                "ELSE list_slice(a, len(a) + s + 1, len(a) + s + n) END"
            ),
        )
    ],
    "regexp_extract": [
        ("s, p", "CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p) END"),
        ("s, p, g", "CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END"),
    ],
    "split_part": [
        ("s, d, i", "CASE WHEN i <= len(string_split(s, d)) THEN split_part(s, d, i) END"),
    ],
    "json_extract": [
        ("j, p", "CASE WHEN json_valid(CAST(j AS VARCHAR)) THEN json_extract(j, p) END")
    ],
    "json_extract_scalar": [
        (
            "j, p",
            (
                "CASE WHEN json_valid(CAST(j AS VARCHAR)) "
                "AND json_type(j, p) NOT IN ('OBJECT', 'ARRAY', 'NULL') "
                "THEN json_extract_string(j, p) END"
            ),
        )
    ],
    "json_array_length": [
        (
            "j",
            (
                "CASE WHEN json_valid(CAST(j AS VARCHAR)) AND json_type(j) = 'ARRAY' "
                "THEN CAST(json_array_length(j) AS BIGINT) END"
            ),
        )
    ],
    "json_size": [
        (
            "j, p",
            (
                "CAST(CASE json_type(j, p) WHEN 'ARRAY' THEN json_array_length(j, p) "
                "WHEN 'OBJECT' THEN len(json_keys(j, p)) ELSE 0 END AS BIGINT)"
            ),
        )
    ],
    "map_agg": [("k, v", "map_from_entries(list({'k': k, 'v': v}) FILTER (k IS NOT NULL))")],
    "multimap_agg": [
        (
            "k, v",
            (
                "map_from_entries(list_transform(list_distinct(list(k)), lambda x: {'k': x, 'v': "
                "list_transform(list_filter(list({'k': k, 'v': v}), lambda e: e.k = x), "
                "lambda e: e.v)}))"
            ),
        )
    ],
    "histogram": [("a", "histogram(a)")],
    "array_union": [("a, b", "list_distinct(list_concat(a, b))")],
    "array_has_duplicates": [("a", "len(list_distinct(a)) < len(a)")],
    "every": [("a", "bool_and(a)")],
    "arrays_overlap": [("a, b", "list_has_any(a, b)")],
    "array_position": [("a, x", "CAST(coalesce(list_position(a, x), 0) AS BIGINT)")],
    "array_remove": [("a, x", "list_filter(a, lambda e: e <> x)")],
    "array_sum": [("a", "list_sum(a)")],
    "array_average": [("a", "list_avg(a)")],
    "array_frequency": [("a", "list_histogram(a)")],
    "zip": [("a, b", "list_zip(a, b)"), ("a, b, c", "list_zip(a, b, c)")],
    "bitwise_left_shift": [("a, n", "CAST(a AS BIGINT) << n")],
    "bitwise_right_shift": [("a, n", "CAST(a AS BIGINT) >> n")],
    "bit_count": [("a, n", "CAST(bit_count(CAST(a AS BIGINT)) AS BIGINT)")],
    "codepoint": [("s", "unicode(s)")],
    "regexp_count": [("s, p", "CAST(len(regexp_extract_all(s, p)) AS BIGINT)")],
    "hamming_distance": [("a, b", "CAST(hamming(a, b) AS BIGINT)")],
    "url_extract_protocol": [
        ("s", "nullif(regexp_extract(s, '^([a-zA-Z][a-zA-Z0-9+.-]*):', 1), '')")
    ],
    "url_extract_host": [("s", "regexp_extract(s, '^[a-zA-Z][a-zA-Z0-9+.-]*://([^/:?#]*)', 1)")],
    "url_extract_path": [
        ("s", "regexp_extract(s, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^?#]*)', 1)")
    ],
    "url_extract_query": [("s", "regexp_extract(s, '[?]([^#]*)', 1)")],
    "url_extract_fragment": [("s", "regexp_extract(s, '#(.*)$', 1)")],
    "url_extract_parameter": [
        (
            "s, n",
            (
                "CASE WHEN regexp_matches(s, concat('[?&]', n, '=')) "
                "THEN url_decode(regexp_extract(s, concat('[?&]', n, '=([^&#]*)'), 1)) END"
            ),
        )
    ],
    "url_extract_port": [
        (
            "s",
            (
                "TRY_CAST(regexp_extract(s, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/:?#]*:([0-9]+)', 1) "
                "AS BIGINT)"
            ),
        )
    ],
    "width_bucket": [
        (
            "x, lo, hi, n",
            (
                "CAST(CASE WHEN x < lo THEN 0 WHEN x >= hi THEN n + 1 "
                "ELSE floor((x - lo) * n / CAST(hi - lo AS DOUBLE)) + 1 END AS BIGINT)"
            ),
        )
    ],
    "is_finite": [("x", "isfinite(x)")],
    "is_infinite": [("x", "isinf(x)")],
    "infinity": [("", "CAST('infinity' AS DOUBLE)")],
    "nan": [("", "CAST('nan' AS DOUBLE)")],
    "e": [("", "exp(1)")],
    "varchar": [("a", _by_type("%Y-%m-%d %H:%M:%S.%g", " UTC"))],
    "yow": [("a", "isoyear(a)")],
    "from_unixtime_nanos": [("n", "CAST(make_timestamp(n // 1000) AS TIMESTAMPTZ)")],
    "regexp_position": [
        ("s, p", "CASE WHEN regexp_matches(s, p) THEN strpos(s, regexp_extract(s, p)) ELSE -1 END")
    ],
    "trim_array": [("a, n", "list_slice(a, 1, len(a) - n)")],
    "split_to_map": [
        (
            "s, entry, pair",
            (
                "map_from_entries(list_transform(string_split(s, entry), "
                "lambda e: {'k': split_part(e, pair, 1), 'v': split_part(e, pair, 2)}))"
            ),
        )
    ],
    "is_json_scalar": [("j", "json_type(j) NOT IN ('ARRAY', 'OBJECT')")],
    "random": [
        ("n", "CAST(floor(random() * n) AS BIGINT)"),
        ("a, b", "CAST(a + floor(random() * (b - a)) AS BIGINT)"),
    ],
    "reverse": [("a VARCHAR", "reverse(a)"), ("a", "list_reverse(a)")],
    "reverse_any": [("a", "reverse(a)")],
    "sequence": [
        ("a DATE, b DATE", "CAST(generate_series(a, b, INTERVAL 1 DAY) AS DATE[])"),
        ("a DATE, b DATE, i INTERVAL", "CAST(generate_series(a, b, i) AS DATE[])"),
        ("a, b", _SERIES),
        ("a, b, i", "generate_series(a, b, i)"),
    ],
    "sequence_any": [("a, b", _SERIES), ("a, b, i", "generate_series(a, b, i)")],
}

#: Names that a statement may call as they stand, and sqlglot does not know.
NAMED = frozenset(
    {
        "array_average", "array_frequency", "array_has_duplicates", "array_union", "arrays_overlap",
        "bit_count", "bitwise_left_shift", "bitwise_right_shift", "codepoint", "e", "every",
        "from_unixtime_nanos", "hamming_distance", "histogram", "infinity", "is_finite",
        "is_infinite", "is_json_scalar", "json_array_length", "json_size", "map_agg", "millisecond",
        "multimap_agg", "nan", "regexp_position", "to_iso8601", "to_milliseconds", "trim_array",
        "url_extract_fragment", "url_extract_host", "url_extract_parameter", "url_extract_path",
        "url_extract_port", "url_extract_protocol", "url_extract_query", "yow", "zip",
    }
)  # fmt: skip

#: Names that mean the same to DuckDB, and sqlglot does not know.
SHARED = frozenset(
    {"geometric_mean", "map_concat", "map_entries", "map_values", "url_decode", "url_encode"}
)


_ALL = {**_MACROS, **arithmetic.MACROS}

_CALLED = re.compile(rf"\b{PREFIX}(\w+)", re.IGNORECASE)


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection Trino's settings, and what :func:`provide` needs.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A new one.
    """
    connection.execute("LOAD icu")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET integer_division = true")
    connection.execute("SET ieee_floating_point_ops = true")
    connection.create_function("trino_type", duckdb_to_trino, ["VARCHAR"], "VARCHAR")


def provide(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Give a connection those of Trino's functions that a statement calls: all of them take 60 ms.

    Parameters
    ----------
    connection : DuckDBPyConnection
        An installed one; the macros go to its own in-memory database.
    sql : str
        As :func:`localaws.athena.dialect.to_duckdb` writes it. A macro calls no other.
    """
    for name in dict.fromkeys(map(str.lower, _CALLED.findall(sql))):
        if name in _ALL:
            bodies = ", ".join(f"({parameters}) AS {body}" for parameters, body in _ALL[name])
            connection.execute(f"CREATE MACRO IF NOT EXISTS {PREFIX}{name} {bodies}")
