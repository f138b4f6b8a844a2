"""Of which columns of datasets those of models are made."""

from __future__ import annotations

import pytest

from model.columns import Known
from model.lineage import Made, trace
from model.model import query_of
from store.errors import ModelError
from tests.models.test_columns import TABLES


def made(sql: str, tables: dict[str, dict[str, str]] = TABLES) -> dict[str, list[str]]:
    found = trace(query_of("m", sql), Known(tables, "lake"), {})
    return {name: [f"{o.table}.{o.column}" for o in one.origins] for name, one in found.items()}


@pytest.mark.parametrize(
    ("sql", "column", "origins"),
    [
        ("SELECT price * id AS x FROM orders", "x", ["orders.id", "orders.price"]),
        ("SELECT o.price AS x FROM orders o WHERE id > 1", "x", ["orders.price"]),
        ("SELECT name FROM orders o JOIN customers c ON o.id = c.id", "name", ["customers.name"]),
        ("WITH a AS (SELECT id AS b FROM orders) SELECT b AS c FROM a", "c", ["orders.id"]),
        ("TABLE customers UNION SELECT id, '', '', '' FROM orders", "id",
         ["customers.id", "orders.id"]),
        ("SELECT sum(price) OVER (PARTITION BY id) AS x FROM orders", "x",
         ["orders.id", "orders.price"]),
        ("SELECT sku FROM orders CROSS JOIN UNNEST(items) AS i (sku, q)", "sku", ["orders.items"]),
        ("SELECT address.city AS c FROM orders", "c", ["orders.address"]),
        ("SELECT * FROM orders", "tags", ["orders.tags"]),
        ("SELECT (SELECT max(name) FROM customers) AS x FROM orders", "x", ["customers.name"]),
        ("WITH orders AS (SELECT id AS i FROM orders) SELECT i FROM orders", "i", ["orders.id"]),
        ("SELECT count(*) AS n, 'x' AS x FROM orders", "n", []),
        ("SELECT count(*) AS n, 'x' AS x FROM orders", "x", []),
        ('SELECT "Timestamp" AS t FROM ORDERS', "t", ["orders.timestamp"]),
    ],
)  # fmt: skip
def test_a_column_is_made_of_those_that_its_expression_names(
    sql: str, column: str, origins: list[str]
) -> None:
    assert made(sql)[column] == origins


def test_without_a_catalog_it_is_told_as_far_as_the_text_says_it() -> None:
    assert made("SELECT a, t.b AS c FROM t", {}) == {"a": ["t.a"], "c": ["t.b"]}
    assert made("SELECT u.a, b FROM t JOIN u ON t.x = u.x", {}) == {"a": ["u.a"], "b": [".b"]}
    assert made("SELECT a FROM (SELECT * FROM t) AS s", {}) == {"a": ["t.*"]}
    with pytest.raises(ModelError, match="only a catalog knows which columns"):
        made("SELECT * FROM t", {})
    with pytest.raises(ModelError, match="only a catalog knows of which source"):
        made("SELECT a FROM t WHERE b IN (SELECT c FROM u)", {})


def test_through_models_it_is_told_of_columns_of_datasets() -> None:
    known, traced = Known(TABLES, "lake"), dict[str, dict[str, Made]]()
    texts = {
        "first": "SELECT id, price AS p, count(*) AS n FROM orders GROUP BY 1, 2",
        "second": "SELECT p * n AS total, name FROM first JOIN customers USING (id)",
        "third": "SELECT max(total) AS most, sum(n) AS n FROM second CROSS JOIN first",
    }
    for name, text in texts.items():
        query = query_of(name, text)
        traced[name] = trace(query, known, traced)
        known.add(name, query)
    (origin,) = traced["third"]["most"].origins
    assert (origin.table, origin.column, origin.through) == ("orders", "price", ("second", "first"))
    assert traced["third"]["n"] == Made("SUM(first.n)", ())
