"""Whatever is proved of dates holds: random queries over random rows, by DuckDB."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from model.dates import UnprovenError, prove
from tests.support.chance import examples

DAYS = ("2024-01-01", "2024-01-02", "2024-01-03")
LOOKUPS = frozenset({"look"})


def either(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


def source(depth: int) -> st.SearchStrategy[str]:
    if not depth:
        return either("a", "b", "look")
    inner = query(depth - 1).map(lambda sql: f"({sql})")
    return st.one_of(either("a", "b", "look"), inner)


@st.composite
def query(draw: st.DrawFn, depth: int = 2) -> str:
    """A query of columns ``date_partition``, ``id`` and ``x``, which may mix dates or not."""
    if depth and draw(st.integers(0, 5)) == 0:
        sides = draw(query(depth - 1)), draw(query(depth - 1))
        word = draw(either("UNION ALL", "UNION", "EXCEPT", "INTERSECT"))
        return f"(SELECT * FROM ({sides[0]}) AS l {word} SELECT * FROM ({sides[1]}) AS r)"
    text = f"FROM {draw(source(depth))} AS s"
    names = ["s"]
    if draw(st.booleans()):
        names.append("t")
        join = draw(either("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"))
        text += f" {join} {draw(source(depth))} AS t"
        if join != "CROSS JOIN":
            same = "s.date_partition = t.date_partition"
            tests = (
                "s.id = t.id",
                f"{same} AND s.id = t.id",
                same,
                f"({same})",
                f"{same} OR s.x > 2",
            )
            text += f" ON {draw(either(*tests))}"
    date = draw(either(*(f"{name}.date_partition" for name in names)))
    if draw(st.booleans()):
        tests = (
            "s.x > 1",
            "s.id IN (SELECT id FROM look)",
            "s.id IN (SELECT id FROM b)",
            "EXISTS (SELECT 1 FROM look WHERE look.id = s.id)",
            f"{names[0]}.date_partition = {names[-1]}.date_partition",
        )
        text += f" WHERE {draw(either(*tests))}"
    kind = draw(st.integers(0, 4))
    if kind == 0:
        by = draw(either(date, f"{date}, s.id", "s.id", f"{names[-1]}.date_partition, s.x"))
        shown = date if date in by else f"max({date})"
        return (
            f"SELECT {shown} AS date_partition, count(*) AS id, sum(s.x) AS x {text} GROUP BY {by}"
        )
    if kind == 1:
        by = draw(either(date, f"s.id, {date}", "s.id"))
        window = f"sum(s.x) OVER (PARTITION BY {by})"
        return f"SELECT {date} AS date_partition, s.id AS id, {window} AS x {text}"
    if kind == 2:
        shown = draw(either(date, f"max({date})", "'2024-01-01'"))
        return f"SELECT {shown} AS date_partition, max(s.id) AS id, 1 AS x {text}"
    distinct = draw(either("", "DISTINCT "))
    last = draw(
        either("s.x", f"{names[-1]}.x", "(SELECT max(x) FROM look)", "(SELECT max(x) FROM a)")
    )
    return f"SELECT {distinct}{date} AS date_partition, {names[-1]}.id AS id, {last} AS x {text}"


ROWS = st.lists(st.tuples(st.sampled_from(DAYS), st.integers(0, 3), st.integers(0, 4)), max_size=6)


def answer(sql: str, tables: dict[str, list[tuple[Any, ...]]]) -> Counter[tuple[Any, ...]] | None:
    """The rows of a query; None where DuckDB does not take it."""
    with duckdb.connect() as db:
        for name, rows in tables.items():
            db.execute(f"CREATE TABLE {name} (date_partition VARCHAR, id BIGINT, x BIGINT)")
            if rows:
                db.executemany(f"INSERT INTO {name} VALUES (?, ?, ?)", rows)
        try:
            return Counter(db.execute(sql).fetchall())
        except duckdb.BinderException:
            return None


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(sql=query(), a=ROWS, b=ROWS, look=ROWS)
def test_of_each_date_the_rows_come_from_rows_of_that_date(
    sql: str, a: list[Any], b: list[Any], look: list[Any]
) -> None:
    try:
        prove(sqlglot.parse_one(sql, read="athena"), LOOKUPS)
    except UnprovenError:
        event("refused")
        return
    whole = answer(sql, {"a": a, "b": b, "look": look})
    if whole is None:
        event("no query")
        return
    event("proved")
    for day in DAYS:
        of_day = [[row for row in rows if row[0] == day] for rows in (a, b)]
        part = answer(sql, {"a": of_day[0], "b": of_day[1], "look": look})
        assert part is not None
        kept = [Counter({r: n for r, n in rows.items() if r[0] == day}) for rows in (whole, part)]
        assert kept[0] == kept[1], (day, sql)


@pytest.mark.parametrize(
    "sql",
    [
        # Queries that a source is computed of.
        "SELECT a.date_partition, y FROM a CROSS JOIN UNNEST((SELECT array_agg(id) FROM b)) t(y)",
        "SELECT a.date_partition, t.x FROM a CROSS JOIN LATERAL (SELECT max(x) AS x FROM b) AS t",
        "SELECT a.date_partition, t.x FROM a CROSS JOIN (VALUES ((SELECT max(x) FROM b))) AS t(x)",
        "SELECT date_partition FROM a GROUP BY date_partition, id > (SELECT max(x) FROM b)",
        # What a LEFT JOIN says of the rows before it.
        (
            "SELECT a.date_partition, b.x FROM a CROSS JOIN b LEFT JOIN a AS c "
            "ON a.date_partition = b.date_partition AND c.date_partition = a.date_partition"
        ),
        (
            "SELECT a.date_partition, b.x FROM a CROSS JOIN b LEFT JOIN a AS c "
            "ON c.date_partition = a.date_partition AND c.date_partition = b.date_partition"
        ),
        # Columns of a union meet by their places.
        "SELECT * FROM a UNION ALL SELECT date_partition, x FROM b",
        "SELECT date_partition, x FROM b UNION ALL SELECT * FROM a",
        "SELECT * FROM a UNION ALL SELECT * FROM (SELECT date_partition, x FROM b)",
        "SELECT *, x AS y FROM a UNION ALL SELECT * FROM b",
        (
            "SELECT * FROM a MATCH_RECOGNIZE (ORDER BY x MEASURES A.date_partition AS d "
            "PATTERN (A+) DEFINE A AS true)"
        ),
        "SELECT date_partition, localtimestamp AS now FROM a",
        "SELECT date_partition, shuffle(x) AS x FROM a",
    ],
)
def test_what_mixes_dates_is_refused(sql: str) -> None:
    with pytest.raises(UnprovenError):
        prove(sqlglot.parse_one(sql, read="athena"), LOOKUPS)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT DATE_PARTITION, count(*) AS n FROM a GROUP BY DATE_PARTITION",
        "SELECT * FROM a UNION ALL SELECT * FROM b",
        "SELECT * FROM (SELECT x, date_partition FROM a) UNION ALL SELECT * FROM b",
        "SELECT s.* FROM a AS s UNION ALL SELECT x, date_partition FROM b",
        (
            "SELECT a.date_partition, c.x FROM a JOIN b ON a.date_partition = b.date_partition "
            "LEFT JOIN b AS c ON c.x = a.id AND c.date_partition = b.date_partition"
        ),
        "SELECT a.date_partition, y FROM a CROSS JOIN UNNEST((SELECT array_agg(x) FROM look)) t(y)",
        "SELECT a.date_partition, y FROM a CROSS JOIN UNNEST(ARRAY[x, id]) AS t(y)",
    ],
)
def test_what_does_not_mix_dates_is_proved(sql: str) -> None:
    prove(sqlglot.parse_one(sql, read="athena"), LOOKUPS)
