"""What the command makes of a catalog after a crawl."""

from __future__ import annotations

from lake.crawl import twins


def test_a_table_named_like_another_with_a_hash_is_its_twin() -> None:
    digest = "0123456789abcdef" * 2
    names = ["orders", f"orders_{digest}", f"lonely_{digest}", "orders_2024", "orders_copy"]
    assert twins(names) == [f"orders_{digest}"]
