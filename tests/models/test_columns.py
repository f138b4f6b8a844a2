"""Columns that there are not are named where they stand; whatever Athena accepts is left alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from localaws.tests.test_athena_everyday import ANSWERS, CASTS
from model.columns import Finding, Known
from model.model import query_of
from tests.models.test_dates import query
from tests.support.chance import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = {
    "orders": {
        "id": "bigint",
        "customer": "string",
        "price": "decimal(10,2)",
        "items": "array<struct<sku:string,qty:int>>",
        "tags": "array<string>",
        "address": "struct<city:string,geo:struct<lat:double>>",
        "attributes": "map<string,string>",
        "timestamp": "timestamp",
        "nested": "array<array<int>>",
        "strange": "what?<ever",
        "date_partition": "string",
    },
    "customers": {
        "id": "bigint",
        "name": "string",
        "country": "string",
        "date_partition": "string",
    },
}

HEAD = "-- description: x\n-- refresh: whole\n"


def found(sql: str, tables: dict[str, dict[str, str]] = TABLES) -> list[Finding]:
    text = HEAD + sql
    return Known(tables, "lake").wrong(text, query_of("m.sql", text))


#: What Athena accepts, of many kinds.
GOOD = [
    "SELECT id, customer FROM orders",
    'SELECT ID, Orders.Customer, ORDERS."Price" FROM Orders',
    "SELECT o.id AS x FROM orders AS o WHERE o.price > 1 ORDER BY x, o.id",
    "SELECT o.id, c.name FROM orders o JOIN customers c ON o.customer = c.name",
    "SELECT o.id AS i, c.name FROM orders o LEFT JOIN customers c USING (id, date_partition)",
    "SELECT id, price, name FROM orders JOIN customers USING (id)",
    "SELECT id AS a, name FROM orders FULL OUTER JOIN customers USING (id)",
    "WITH a AS (SELECT id, price * 2 AS twice FROM orders) SELECT id, twice FROM a",
    (
        "WITH A (X, Y) AS (SELECT id, price FROM orders), b AS (SELECT x FROM a) SELECT a.y, "
        "b.X AS z FROM a, b"
    ),
    "WITH a (x) AS (SELECT id FROM orders UNION ALL SELECT id FROM customers) SELECT x FROM a",
    "SELECT id, row_number() OVER (PARTITION BY customer ORDER BY price DESC) AS nth FROM orders",
    (
        "SELECT id, sum(price) OVER w AS s FROM orders WINDOW w AS (PARTITION BY customer ORDER"
        " BY id)"
    ),
    (
        "SELECT id, sum(price) OVER (w ROWS 3 PRECEDING) AS s FROM orders WINDOW w AS "
        "(PARTITION BY customer)"
    ),
    "SELECT id, sku, qty FROM orders CROSS JOIN UNNEST(items) AS i (sku, qty)",
    "SELECT id, sku, qty FROM orders CROSS JOIN UNNEST(items)",
    "SELECT id, i.sku FROM orders CROSS JOIN UNNEST(items) AS i",
    "SELECT id, tag, n FROM orders CROSS JOIN UNNEST(tags) WITH ORDINALITY AS t (tag, n)",
    "SELECT id, tag FROM orders LEFT JOIN UNNEST(tags) AS t (tag) ON true",
    "SELECT id, k, v FROM orders CROSS JOIN UNNEST(attributes) AS m (k, v)",
    "SELECT id, x FROM orders, UNNEST(nested) AS n (inside), UNNEST(inside) AS o2 (x)",
    (
        "SELECT o.id, l.most FROM orders o CROSS JOIN LATERAL (SELECT max(name) AS most FROM "
        "customers c WHERE c.id = o.id) AS l"
    ),
    "SELECT address.city AS city, o.address.geo.lat AS lat, orders.id AS i FROM orders o, orders",
    "SELECT o.address.geo.lat, address.geo FROM orders o",
    "SELECT attributes['k'] AS k, element_at(items, 1).sku AS sku, items[1].qty AS q FROM orders",
    (
        "SELECT id FROM orders WHERE customer IN (SELECT name FROM customers WHERE country = "
        "address.city)"
    ),
    (
        "SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM customers WHERE o.customer = name "
        "AND price > 3)"
    ),
    "SELECT id, (SELECT max(name) FROM customers c WHERE c.id = orders.id) AS best FROM orders",
    "SELECT id FROM orders WHERE price > ALL (SELECT id FROM customers)",
    "SELECT id FROM orders UNION ALL SELECT id FROM customers ORDER BY id",
    "SELECT id AS a FROM orders UNION SELECT id AS b FROM customers ORDER BY a LIMIT 3",
    "(SELECT id FROM orders EXCEPT SELECT id FROM customers) INTERSECT SELECT id FROM orders",
    "SELECT a FROM (SELECT id AS a FROM orders UNION ALL SELECT id FROM customers) AS u",
    "SELECT customer, count(*) AS n FROM orders GROUP BY 1 ORDER BY n DESC, 1",
    (
        "SELECT upper(customer) AS customer, count(*) AS n FROM orders GROUP BY upper(customer)"
        " HAVING count(*) > 1 AND max(price) > 2"
    ),
    (
        "SELECT customer, date_partition, sum(price) AS s FROM orders GROUP BY ROLLUP "
        "(customer, date_partition)"
    ),
    "SELECT customer, grouping(customer) AS g FROM orders GROUP BY GROUPING SETS ((customer), ())",
    "SELECT customer, sum(price) AS s FROM orders GROUP BY CUBE (customer)",
    (
        "SELECT transform(tags, t -> upper(t) || customer) AS t, filter(items, i -> i.qty > id)"
        " AS f FROM orders"
    ),
    (
        "SELECT reduce(nested, 0, (s, x) -> s + reduce(x, 0, (t, y) -> t + y + s, t -> t), s ->"
        " s) AS total FROM orders"
    ),
    "SELECT transform_values(attributes, (k, v) -> concat(k, v, customer)) AS m FROM orders",
    "SELECT array_sort(items, (a, b) -> IF(a.qty < b.qty, -1, 1)) AS x FROM orders",
    "SELECT any_match(tags, tag -> any_match(tags, other -> other <> tag)) AS m FROM orders",
    "SELECT listagg(customer, ', ') WITHIN GROUP (ORDER BY price) AS l FROM orders",
    "SELECT array_agg(customer ORDER BY price DESC) FILTER (WHERE id > 1) AS l FROM orders",
    "SELECT CAST(ROW(id, price) AS ROW(a bigint, b double)).a AS a FROM orders",
    "SELECT r.a.b AS b FROM (SELECT CAST(ROW(ROW(1)) AS ROW(a ROW(b int))) AS r FROM orders) s",
    "SELECT (CAST(ROW(id, price) AS ROW(a bigint, b double))).* FROM orders",
    "SELECT address.* FROM orders",
    "SELECT a, b FROM (SELECT (CAST(ROW(id, price) AS ROW(a bigint, b double))).* FROM orders) s",
    "SELECT v.a, b FROM (VALUES (1, 'x'), (2, 'y')) AS v (a, b)",
    "SELECT _col0 AS a, _col1 AS b FROM (VALUES (1, 2))",
    "SELECT _col0 AS n FROM (SELECT count(*) FROM orders)",
    "SELECT x FROM UNNEST(sequence(1, 3)) AS s (x)",
    "SELECT x FROM TABLE(sequence(1, 3)) AS s (x)",
    "SELECT sequential_number FROM TABLE(sequence(start => 1, stop => 3))",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r",
    (
        "WITH RECURSIVE r AS (SELECT id, 1 AS depth FROM orders UNION ALL SELECT r.id, depth + "
        "1 FROM r WHERE depth < 3) SELECT id, depth FROM r"
    ),
    'SELECT "$path" AS p, "$file_size" AS s FROM orders',
    (
        "SELECT current_date AS d, localtimestamp AS l, current_user AS u, current_timestamp AS"
        " t, localtime AS lt FROM orders"
    ),
    (
        'SELECT extract(dow FROM "timestamp") AS d, date_trunc(\'day\', "timestamp") AT '
        "TIME ZONE 'UTC' AS t FROM orders"
    ),
    "SELECT \"timestamp\" + INTERVAL '1' DAY AS t, timestamp AS u FROM orders",
    (
        "SELECT normalize(customer, NFC) AS n, trim(BOTH 'x' FROM customer) AS t, position('a' "
        "IN customer) AS p FROM orders"
    ),
    (
        "SELECT IPADDRESS '10.0.0.1' AS i, JSON '{}' AS j, X'65' AS x, UUID "
        "'12151fd2-7586-11e9-8f9e-2a86e4085a59' AS u, REAL '1.5' AS r, DOUBLE '1' AS d FROM "
        "orders"
    ),
    (
        "SELECT substring(customer FROM 2 FOR 3) AS s, TRY(1 / id) AS t, TRY_CAST(customer AS "
        "bigint) AS c FROM orders"
    ),
    (
        "SELECT CASE customer WHEN 'a' THEN price ELSE id END AS x, NULLIF(id, 1) AS n, "
        "coalesce(customer, 'x') AS c FROM orders"
    ),
    (
        "SELECT id FROM orders WHERE customer LIKE 'a!%' ESCAPE '!' AND id BETWEEN 1 AND 3 AND "
        "price IS DISTINCT FROM id"
    ),
    "SELECT id FROM orders TABLESAMPLE BERNOULLI (10)",
    "SELECT o.id, c.id AS other FROM (orders o JOIN customers c ON o.id = c.id)",
    (
        "SELECT o.id, d.name FROM orders o JOIN (customers c JOIN (SELECT name, id AS i FROM "
        "customers) d ON c.id = d.i) ON c.id = o.id"
    ),
    "SELECT x.a FROM orders AS x (a, b, c, d, e, f, g, h, i, j)",
    "SELECT o.* FROM orders o",
    (
        "SELECT s.id, s.n FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM orders) s "
        "WHERE n = 1"
    ),
    (
        "SELECT id FROM (SELECT o.*, c.name FROM orders o JOIN customers c ON o.id = c.id) s "
        "WHERE name = 'x'"
    ),
    "SELECT lake.orders.id FROM lake.orders",
    "SELECT o.id FROM awsdatacatalog.lake.orders o",
    "SELECT anything, o.whatever FROM elsewhere.orders o",
    "SELECT anything FROM unheard",
    "SELECT o.id, anything FROM orders o JOIN unheard u ON u.x = o.id",
    "SELECT id FROM orders o WHERE id IN (SELECT whatever FROM unheard)",
    "SELECT table_name FROM information_schema.tables",
    "SELECT id, price FROM orders ORDER BY price * 2, customer OFFSET 2 LIMIT 5",
    "SELECT price AS total FROM orders ORDER BY total * 2",
    "SELECT DISTINCT customer AS c FROM orders ORDER BY c",
    "SELECT id FROM orders FETCH FIRST 5 ROWS ONLY",
    (
        "SELECT json_extract_scalar(customer, '$.a') AS a, json_query(customer, 'lax $.a') AS "
        "q, json_value(customer, 'lax $.b' RETURNING int) AS b FROM orders"
    ),
    "SELECT json_object(KEY 'k' VALUE id) AS o FROM orders",
    "SELECT my_own_function(id, x -> x + price) AS f, bing_tile(1, 2, 3) AS b FROM orders",
    (
        "SELECT approx_percentile(price, ARRAY[0.5, 0.9]) AS p, max_by(customer, price) AS m, "
        "histogram(customer) AS h FROM orders"
    ),
    "SELECT id, lag(price, 1) IGNORE NULLS OVER (ORDER BY id) AS l FROM orders",
    (
        "SELECT id, first_value(price) OVER (ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND "
        "CURRENT ROW) AS f FROM orders"
    ),
    "SELECT map(ARRAY['a'], ARRAY[id])['a'] AS m, ARRAY[id, price][1] AS a FROM orders",
    (
        "SELECT * FROM orders MATCH_RECOGNIZE (PARTITION BY customer ORDER BY id MEASURES "
        "A.price AS ap ONE ROW PER MATCH PATTERN (A B+) DEFINE B AS B.price < PREV(B.price))"
    ),
    (
        "SELECT o.id, (SELECT count(*) FROM UNNEST(o.tags) AS t (tag) WHERE tag = customer) AS "
        "n FROM orders o"
    ),
    (
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM (SELECT id FROM customers) c "
        "WHERE c.id = o.id)"
    ),
    (
        "WITH o AS (SELECT * FROM orders), p AS (SELECT o.*, 1 AS one FROM o) SELECT p.one, "
        "p.customer FROM p"
    ),
    "WITH orders AS (SELECT id AS oid FROM orders) SELECT oid FROM orders",
    "SELECT a.id, b.id AS b FROM orders a, orders b WHERE a.id = b.id",
    (
        "SELECT count(*) AS n, count(DISTINCT customer) AS d, count_if(price > 1) AS i, "
        "sum(DISTINCT id) AS s FROM orders"
    ),
    "SELECT id FROM orders WHERE (id, customer) IN (SELECT id, name FROM customers)",
    (
        "SELECT format('%s', id) AS f, date_diff('day', \"timestamp\", now()) AS d, if(id = "
        "1, 'a') AS i FROM orders"
    ),
    (
        "SELECT id FROM orders WHERE contains(tags, 'x') AND cardinality(filter(tags, x -> x = "
        "customer)) > 0"
    ),
    "TABLE orders",
    "SELECT 1 AS one, 'x' AS x, DATE '2024-01-01' AS d, NULL AS n, TRUE AS t",
    "SELECT n.x FROM orders o CROSS JOIN LATERAL (SELECT o.id AS x) AS n",
    "SELECT id FROM orders WHERE date_partition = (SELECT max(date_partition) FROM customers)",
    "SELECT max(o.id) AS m FROM orders o GROUP BY o.customer ORDER BY max(o.price), o.customer",
    "SELECT s.id FROM (SELECT id FROM orders ORDER BY price LIMIT 3) s",
    "SELECT s.c.d FROM (SELECT ROW(id) AS c FROM orders) s",
    (
        "SELECT GREATEST(id, 2) AS g, LEAST(id, price) AS l, TRANSFORM(SEQUENCE(1, id), n -> n "
        "* id) AS t FROM orders"
    ),
]


@pytest.mark.parametrize("sql", GOOD)
def test_what_athena_accepts_is_left_alone(sql: str) -> None:
    assert found(sql) == []


@pytest.mark.parametrize("sql", GOOD)
def test_in_capitals_likewise(sql: str) -> None:
    # Texts between quotes stay, and so do units and names of types that are written in them.
    parts = re.split(r"('[^']*')", sql)
    loud = "".join(part if part.startswith("'") else part.upper() for part in parts)
    assert found(loud) == []


EVERYDAY = {
    "id": "bigint",
    "name": "string",
    "price": "double",
    "flag": "boolean",
    "tags": "array<string>",
    "m": "map<string,bigint>",
}


@pytest.mark.parametrize(
    "expression", [e for e, _ in ANSWERS] + [f"CAST({v} AS {k})" for v, k, _ in CASTS]
)
def test_everyday_expressions_are_left_alone(expression: str) -> None:
    assert found(f"SELECT {expression} AS x FROM o", {"o": EVERYDAY}) == []


#: What Athena refuses: where it stands, and what is said; a place for each.
WRONG = [
    ("SELECT idd FROM orders", ["3:8 orders has no column idd: did you mean id?"]),
    ("SELECT id,\n  o.prise FROM orders o", ["4:3 o (orders) has no column prise: did you mean"]),
    ("SELECT name FROM orders", ["3:8 orders has no column name: it has id, customer, price"]),
    ("SELECT country FROM (SELECT * FROM customers) c, orders o WHERE o.nme = c.nam",
     ["3:65 o (orders) has no column nme", "3:73 c has no column nam: did you mean name?"]),
    ("SELECT o.id FROM orders o JOIN customers c ON o.customer = c.nmae", ["3:60 c (customers)"]),
    ("SELECT id, nonsense FROM orders JOIN customers USING (id)",
     ["3:12 no source has a column nonsense: there are id, customer"]),
    ("SELECT id FROM orders JOIN customers USING (name)", ["3:45 USING (name) needs a column"]),
    ("WITH a AS (SELECT id AS x FROM orders) SELECT y FROM a", ["3:47 a has no column y: it has"]),
    ("WITH a AS (SELECT id AS x FROM orders) SELECT a.id FROM a", ["3:47 a has no column id"]),
    ("WITH a (p) AS (SELECT id AS x FROM orders) SELECT x FROM a", ["3:51 a has no column x"]),
    ("WITH o AS (SELECT *, 1 AS one FROM orders) SELECT one, prise FROM o", ["3:56 o has no"]),
    ("SELECT s.price FROM (SELECT id FROM orders) AS s", ["3:8 s has no column price: it has id"]),
    ("SELECT price FROM (SELECT id FROM orders)", ["3:8 the subquery has no column price"]),
    ("SELECT price FROM (SELECT id AS a FROM orders UNION SELECT id FROM customers)",
     ["3:8 the subquery has no column price: it has a"]),
    ("SELECT id FROM orders WHERE customr = 'x'", ["3:29 orders has no column customr"]),
    ("SELECT customer FROM orders GROUP BY customer, contry", ["3:48 orders has no"]),
    ("SELECT customer, count(*) AS n FROM orders GROUP BY 1 HAVING m > 1", ["3:62 orders has no"]),
    ("SELECT customer, count(*) AS n FROM orders GROUP BY 1 HAVING n > 1",
     ["3:62 n is a name that this SELECT gives, and only ORDER BY knows it"]),
    ("SELECT price * 2 AS twice FROM orders WHERE twice > 3", ["3:45 twice is a name"]),
    ("SELECT upper(customer) AS c FROM orders GROUP BY c", ["3:50 c is a name"]),
    ("SELECT idd, price FROM orders WHERE idd > 1", ["3:8 orders has", "3:37 orders has no"]),
    ("SELECT id FROM orders ORDER BY prize", ["3:32 orders has no column prize"]),
    ("SELECT sum(pric) OVER (PARTITION BY custmer ORDER BY idx) AS s FROM orders",
     ["3:12 orders", "3:37 orders", "3:54 orders"]),
    ("SELECT transform(tags, t -> t || customr) AS t FROM orders", ["3:34 orders has no column"]),
    ("SELECT transform(tag, t -> t) AS t FROM orders", ["3:18 orders has no column tag: did you"]),
    ("SELECT id, tagg FROM orders CROSS JOIN UNNEST(tags) AS t (tag)", ["3:12 no source has a"]),
    ("SELECT tag FROM orders CROSS JOIN UNNEST(tagss) AS t (tag)", ["3:42 no source has a"]),
    ("SELECT t.tagg FROM orders CROSS JOIN UNNEST(tags) AS t (tag)", ["3:8 t has no column tagg"]),
    (("SELECT l.mst FROM orders o CROSS JOIN LATERAL (SELECT max(name) AS most FROM customers c "
      "WHERE c.id = o.idd) AS l"), ["3:8 l has no column mst", "3:103 o (orders) has no"]),
    ("SELECT adress.city AS c FROM orders",
     ["3:8 no source and no column is called adress: did you mean address?"]),
    ("SELECT orders.id FROM orders o", ["3:8 no source and no column is called orders: its sourc"]),
    ("SELECT x.* FROM orders o", ["3:8 no source is called x: its sources are o"]),
    ("SELECT lake.orders.idd FROM lake.orders", ["3:20 orders has no column idd"]),
    ("SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.idd)",
     ["3:78 o (orders) has no column idd: did you mean id?"]),
    ("SELECT id FROM orders WHERE customer IN (SELECT nam FROM customers)", ["3:49 no source"]),
    ("SELECT id FROM orders UNION ALL SELECT idd FROM customers", ["3:40 customers has no"]),
    ("SELECT o.id FROM orders o, (SELECT name FROM customers WHERE id = o.id) c",
     ["3:67 no source and no column is called o"]),
    ("SELECT o.id AS i FROM orders o JOIN unheard u ON u.x = o.idd", ["3:56 o (orders) has no"]),
    ("SELECT missing", ["3:8 no source has a column missing: name a source in FROM"]),
    ("SELECT count(*) FROM orders", ["3:8 column 1 has no name, and a table's columns need one"]),
    ("SELECT id, price + 1, id * 2 AS x FROM orders", ["3:12 column 2 has no name"]),
    ("SELECT id, customer AS id FROM orders", ["3:12 two of its columns are called id"]),
    ("SELECT *, 1 AS one FROM orders o JOIN customers c ON o.id = c.id",
     ["3: two of its columns are called id, and a table has one: name them one by one"]),
    ("SELECT o.*, c.id FROM orders o JOIN customers c ON o.id = c.id",
     ["3: two of its columns are called id, and a table has one: name them one by one"]),
    (("SELECT TRY_CAST(pricee AS int) AS p, coalesce(x1, x2) AS c, a.b.c AS d, r['k'] AS e, "
      "el[1].f AS g FROM orders"), ["3:17 ", "3:47 ", "3:51 ", "3:61 no ", "3:73 ", "3:86 "]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "places"), WRONG)
def test_what_athena_refuses_is_named_where_it_stands(sql: str, places: list[str]) -> None:
    said = [f"{one.line}:{one.column} {one.text}" for one in found(sql)]
    assert len(said) == len(places), said
    for one, wanted in zip(said, places, strict=True):
        place, _, words = wanted.partition(" ")
        assert one.startswith(place), said
        assert words in one


def test_columns_of_models_are_known_by_their_texts() -> None:
    known = Known(TABLES, "lake")
    known.add("first", query_of("first", "SELECT *, 1 AS one FROM orders"))
    known.add("second", query_of("second", "SELECT one, price AS much FROM first"))
    known.add("third", query_of("third", "SELECT * FROM unheard"))
    text = "SELECT second.one, mch, customer FROM second"
    (finding, other) = known.wrong(text, query_of("m", text))
    assert finding.text == "second has no column mch: did you mean much?"
    assert other.text == "second has no column customer: it has one, much"
    assert known.names(query_of("m", "SELECT *, 2 AS two FROM second")) == ("one", "much", "two")
    text = "SELECT anything FROM third"
    assert known.wrong(text, query_of("m", text)) == []
    assert known.names(query_of("m", "SELECT * FROM third")) is None


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        for name in ("a", "b", "look"):
            made.execute(f"CREATE TABLE {name} (date_partition VARCHAR, id BIGINT, x BIGINT)")
        yield made


TABLE = {"date_partition": "string", "id": "bigint", "x": "bigint"}


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(sql=query(), pick=st.integers(0, 100))
def test_of_random_queries_a_wrong_name_is_found_and_nothing_else(
    db: duckdb.DuckDBPyConnection, sql: str, pick: int
) -> None:
    try:
        db.execute(sql)
    except duckdb.BinderException:
        assume(False)
    tables = dict.fromkeys(("a", "b", "look"), TABLE)
    assert found(sql, tables) == []
    columns = list(re.finditer(r"\b[st]\.(id|x|date_partition)\b", sql))
    assume(columns)
    one = columns[pick % len(columns)]
    wrong = f"{sql[: one.start(1)]}zzz{sql[one.end(1) :]}"
    (finding,) = found(wrong, tables)
    assert (finding.line, finding.column) == (3, one.start() + 1), wrong
    assert "has no column zzz" in finding.text
