"""What a model says, and which models can be kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model.loading import load_folder
from model.model import ordered, parse
from store.errors import ModelError
from store.models import Model, Refresh, dumps, loads, readers

if TYPE_CHECKING:
    from pathlib import Path

BY_DATE = "-- description: What a row is\n-- refresh: by date\n"
WHOLE = BY_DATE.replace("by date", "whole")


def by_date(sql: str, lookup: str = "") -> Model:
    return parse("m", BY_DATE + (f"-- lookup: {lookup}\n" if lookup else "") + sql)


def test_a_model_is_what_its_comments_and_its_query_say() -> None:
    model = parse(
        "sales",
        "-- description: Sales by day and category\n"
        "-- This is for people.\n"
        "-- refresh: by date\n"
        "-- lookup: categories\n"
        "-- at most every: 15 minutes\n"
        "SELECT o.date_partition, c.name, sum(o.price) AS total\n"
        "FROM orders o JOIN categories c ON c.id = o.category\n"
        "GROUP BY 1, 2;\n",
    )
    assert model.header.description == "Sales by day and category"
    assert (model.header.refresh, model.header.minutes) == (Refresh.BY_DATE, 15)
    assert [(s.name, s.line, s.column) for s in model.sources] == [
        ("orders", 7, 6),
        ("categories", 7, 20),
    ]
    assert model.dated == ("orders",)
    assert model.sql.endswith("GROUP BY 1, 2")


def test_names_of_subqueries_are_no_sources() -> None:
    model = by_date(
        "WITH orders AS (SELECT * FROM orders), b AS (SELECT * FROM orders) "
        "SELECT * FROM b, (SELECT 1 AS one) AS c"
    )
    assert [source.name for source in model.sources] == ["orders"]


def test_names_of_subqueries_are_the_same_in_capitals_and_functions_are_no_sources() -> None:
    model = parse(
        "m",
        WHOLE + "WITH Some AS (SELECT * FROM T) SELECT * FROM some, TABLE(sequence(1, 3)) AS s (n)",
    )
    assert [source.name for source in model.sources] == ["t"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM t",
        "SELECT t.*, 1 AS one FROM t WHERE x = 1",
        "SELECT date_partition, count(*) FROM t GROUP BY date_partition",
        "SELECT date_partition, count(*) FROM t GROUP BY 1",
        "SELECT date_partition AS d2, date_partition FROM t",
        "SELECT DISTINCT date_partition, a FROM t",
        "SELECT date_partition, row_number() OVER (PARTITION BY date_partition ORDER BY a) FROM t",
        "SELECT a.date_partition FROM a JOIN b ON x = y AND a.date_partition = b.date_partition",
        "SELECT a.date_partition FROM a LEFT JOIN b ON (a.date_partition = b.date_partition)",
        "SELECT b.date_partition FROM a RIGHT JOIN b ON a.date_partition = b.date_partition",
        "SELECT a.date_partition FROM a JOIN b USING (date_partition, id)",
        "SELECT b.date_partition FROM a, b WHERE a.date_partition = b.date_partition",
        "SELECT a.date_partition FROM a JOIN look l ON l.id = a.id",
        "SELECT a.date_partition FROM a WHERE id IN (SELECT id FROM look)",
        "SELECT a.date_partition, x FROM a CROSS JOIN UNNEST(a.items) AS u (x)",
        "SELECT date_partition FROM a UNION ALL SELECT date_partition FROM b",
        "SELECT * FROM a EXCEPT SELECT * FROM b",
        "SELECT d AS date_partition FROM (SELECT date_partition AS d FROM a) s",
        "WITH s (d, n) AS (SELECT date_partition, 1 FROM a) SELECT d AS date_partition FROM s",
        "SELECT a.date_partition, (SELECT max(x) FROM look) FROM a",
        "SELECT date_partition, sum(sum(x)) OVER (PARTITION BY date_partition) FROM a GROUP BY 1",
    ],
)
def test_rows_of_one_date_each_are_proved(sql: str) -> None:
    assert by_date(sql, "look" if "look" in sql else "").by_date


@pytest.mark.parametrize(
    ("sql", "place", "said"),
    [
        ("SELECT x FROM t", "3:8", "no column date_partition"),
        ("SELECT d AS date_partition FROM t", "3:8", "no column date_partition"),
        ("SELECT count(*) FROM t", "3:8", "add GROUP BY date_partition"),
        ("SELECT max(date_partition) AS date_partition FROM t", "3:8", "add GROUP BY"),
        ("SELECT x, count(*) FROM t GROUP BY x", "3:36", "add date_partition to GROUP BY"),
        ("SELECT date_partition FROM t GROUP BY ROLLUP (date_partition)", "3:47", "ROLLUP"),
        ("SELECT date_partition, sum(x) OVER (ORDER BY x) FROM t", "3:24", "add PARTITION BY"),
        ("SELECT * FROM t LIMIT 5", "3:", "LIMIT takes rows"),
        ("SELECT * FROM (SELECT * FROM t LIMIT 5) s", "3:", "LIMIT takes rows"),
        (
            "SELECT a.date_partition FROM a JOIN b ON a.id = b.id",
            "3:8",
            "not joined by their dates",
        ),
        ("SELECT a.date_partition FROM a, b", "3:8", "a.date_partition = b.date_partition"),
        (
            "SELECT b.date_partition FROM a LEFT JOIN b ON a.date_partition = b.date_partition",
            "3:8",
            "no column date_partition",
        ),
        (
            "SELECT a.date_partition FROM a FULL JOIN b ON a.date_partition = b.date_partition",
            "3:42",
            "FULL JOIN",
        ),
        (
            "SELECT a.date_partition FROM a JOIN b ON a.date_partition = b.date_partition OR a.x",
            "3:8",
            "not joined by their dates",
        ),
        ("SELECT date_partition FROM a JOIN b USING (date_partition)", "3:8", "of which source"),
        ("SELECT * FROM a WHERE id IN (SELECT id FROM b)", "3:37", "b is read for all dates"),
        ("SELECT a.*, (SELECT max(x) FROM b) FROM a", "3:21", "b is read for all dates"),
        ("SELECT * FROM a WHERE ts > now()", "3:", "another value each time"),
        ("SELECT *, current_date AS made FROM a", "3:", "another value each time"),
        ("SELECT * FROM a UNION ALL SELECT 1, '2024-01-01'", "3:", "one side of it has dates"),
        ("SELECT 1 AS date_partition", "3:8", "no source has dates"),
        ("WITH RECURSIVE r AS (SELECT * FROM a) SELECT * FROM r", "3:", "WITH RECURSIVE"),
        ("SELECT * FROM a TABLESAMPLE BERNOULLI (10)", "3:", "TABLESAMPLE"),
    ],
)
def test_what_may_mix_dates_is_refused_with_its_place(sql: str, place: str, said: str) -> None:
    with pytest.raises(ModelError) as refused:
        by_date(sql)
    assert refused.value.detail.startswith(f"m.sql:{place}"), refused.value.detail
    assert said in refused.value.detail


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("m", "SELECT 1", "m.sql:1: `-- description: …` is missing"),
        ("m", "-- description: x\nSELECT 1", "m.sql:1: `-- refresh: …` is missing"),
        ("m", "-- description: x\n-- refresh: daily\nSELECT 1", "m.sql:2: refresh is 'daily'"),
        ("m", BY_DATE + "-- lookups: a\nSELECT * FROM t", "m.sql:3: 'lookups' says nothing"),
        ("m", BY_DATE + "-- lookup: a\nSELECT * FROM t", "lookup a is no source of it"),
        ("m", BY_DATE + "-- refresh: whole\nSELECT * FROM t", "m.sql:3: refresh is said twice"),
        ("m", WHOLE + "-- at most every: hour\nSELECT 1", "m.sql:3: at most every is 'hour'"),
        ("m", WHOLE + "SELECT a FROM t WHERE WHERE b", "m.sql:3:"),
        ("m", WHOLE + "SELECT 'a FROM t", "never ends"),
        ("m", WHOLE + "SELECT 1; SELECT 2", "one SELECT"),
        ("m", WHOLE + "DROP TABLE t", "one SELECT"),
        ("m", WHOLE, "one SELECT"),
        ("m", WHOLE + "SELECT * FROM m", "m.sql:3:15: it reads itself"),
        ("My Model", WHOLE + "SELECT 1", "is called as its table"),
        ("quarantine", WHOLE + "SELECT 1", "is called as its table"),
    ],
)
def test_what_is_no_model_is_refused(name: str, text: str, said: str) -> None:
    with pytest.raises(ModelError) as refused:
        parse(name, text)
    assert said in refused.value.detail


def test_models_come_after_those_that_they_read() -> None:
    first = parse("z", BY_DATE + "SELECT * FROM t")
    second = parse("b", BY_DATE + "SELECT * FROM z")
    third = parse("a", WHOLE + "SELECT count(*) AS n FROM b")
    assert [model.name for model in ordered([third, second, first])] == ["z", "b", "a"]


def test_models_that_read_each_other_are_refused() -> None:
    circle = [parse(a, WHOLE + f"SELECT * FROM {b}") for a, b in ("xy", "yz", "zx")]
    with pytest.raises(ModelError, match="x → y → z → x"):
        ordered(circle)


def test_dates_of_a_model_that_is_made_anew_as_a_whole_tell_nothing() -> None:
    whole = parse("w", WHOLE + "SELECT * FROM t")
    with pytest.raises(ModelError, match=r"m\.sql:3:15: w is made anew as a whole"):
        ordered([whole, by_date("SELECT * FROM w")])
    ordered([whole, by_date("SELECT t.* FROM t JOIN w ON w.x = t.x", "w")])


def test_a_text_is_another_when_its_rows_may_be() -> None:
    one = by_date("SELECT * FROM t")
    assert one.text_hash == by_date("SELECT * FROM t;\n").text_hash
    assert one.text_hash != by_date("SELECT * FROM t WHERE true").text_hash
    assert one.text_hash != parse("m", WHOLE + "SELECT * FROM t").text_hash
    described = parse("m", BY_DATE.replace("What", "All that") + "SELECT * FROM t")
    assert one.text_hash == described.text_hash


def test_a_folder_says_everything_that_is_to_be_mended(tmp_path: Path) -> None:
    assert load_folder(tmp_path / "none") == []
    (tmp_path / "a.sql").write_text("-- description: One\nSELECT 1")
    (tmp_path / "b.sql").write_bytes(b"\xff")
    with pytest.raises(ModelError) as refused:
        load_folder(tmp_path)
    assert [line.split(":")[0] for line in refused.value.detail.splitlines()] == ["a.sql", "b.sql"]


def test_models_survive_being_built_into_the_functions() -> None:
    one = by_date("SELECT t.date_partition FROM t JOIN look l ON l.id = t.id", "look")
    two = parse("w", WHOLE + "SELECT max(x) AS x FROM t")
    assert loads(dumps([one, two])) == (one, two)
    assert readers([one, two]) == {"t": ("m", "w")}


@pytest.mark.parametrize(
    "end", [";", ";;", " ; ;", "; -- it's done", ";\n-- done;\n", "; /* ; */", " -- a comment; --"]
)
def test_what_stands_behind_the_query_is_no_part_of_it(end: str) -> None:
    """In the brackets of UNLOAD Athena takes no semicolon."""
    query = "SELECT date_partition, ';' AS x FROM orders"
    model = by_date(query + end)
    assert model.sql == (query + end if end.startswith(" --") else query)


def test_a_query_that_athena_would_not_take_for_its_length_is_refused() -> None:
    with pytest.raises(ModelError, match="longer than"):
        by_date(f"SELECT date_partition, '{'x' * 250_000}' AS x FROM orders")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = BY_DATE + "SELECT date_partition, id FROM orders"
    (tmp_path / "m.sql").write_text(text, encoding="utf-8-sig")
    assert [model.name for model in load_folder(tmp_path)] == ["m"]
