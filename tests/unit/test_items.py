"""An entry as an item of DynamoDB: the same when it is read again, and never too large."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from processor.ingest.preparation import facts_of
from store.entry import Attempt, Entry
from store.errors import ServiceError
from store.items import entry_of, item_of
from store.model import Conversion, Drift, Schema, Status
from tests.support.cloud import item_size

LIMIT = 400 * 1024


def keys(name: str) -> tuple[str, ...]:
    """Of as many dates as one object may have, in a dataset with the longest name."""
    first = dt.date(2000, 1, 1)
    folder = f"processed/{'d' * 120}/date_partition="
    return tuple(f"{folder}{first + dt.timedelta(n)}/{name}.parquet" for n in range(10_000))


def test_the_largest_entry_fits_an_item() -> None:
    drift = tuple(Drift(f"{n}" * 9000, "struct<" * 9000, 1, "é" * 9000) for n in range(10, 30))
    told = Conversion(
        Status.STORED, "jsonl", "gzip", 1, 1, 0, 0, Schema(), drift=drift,
        guesses=("encoding guessed: cp1251" * 900,) * 900,
        date_column="d" * 9000, detail="x" * 900_000,
    )  # fmt: skip
    opened = Attempt(1, "w" * 32, "m" * 40, "v" * 32, 1.5, 2.5, detail="é" * 300)
    entry = Entry(
        revision=9,
        version="v" * 32,
        outputs=keys("a"),
        replaced=keys("b"),
        attempts=tuple(replace(opened, generation=n, keys=keys(f"{n}")) for n in range(6)),
        facts=facts_of(told),
    )
    item = item_of("b" * 63 + "/" + "k" * 1024, entry, 0.0)
    assert item_size(item) < LIMIT
    assert entry_of(item) == entry


def test_what_a_later_version_added_is_left_out() -> None:
    entry = Entry(revision=1, version="v1", verdict=Status.DONE, facts={"bytes": 1})
    item = item_of("bucket/data/x", entry, 0.0) | {"later": {"B": b"x"}, "more": {"L": []}}
    assert entry_of(item) == entry


def test_what_an_error_says_is_cut_where_it_is_made() -> None:
    error = ServiceError("x" * 1_000_000)
    assert len(error.detail) == len(str(error)) == 2000
    assert error.detail.endswith("…")


def test_an_object_that_goes_well_the_first_time_costs_one_write_unit_each_time() -> None:
    """DynamoDB counts whole KB; a sparse index counts each change again."""
    facts: dict[str, str | int] = {
        "dataset": "orders", "bytes": 2_000_000, "format": "jsonl", "compression": "none",
        "records_read": 100_000, "records_accepted": 100_000, "records_quarantined": 0,
        "records_rescued": 0, "records_undated": 0, "records_short": 0, "columns_added": 0,
        "milliseconds": 1234, "sequencer": "0055AED6DCD90281E5", "date_column": "timestamp",
    }  # fmt: skip
    opened = Attempt(1, "a" * 32, f"{'m' * 36}/0", "v" * 32, 1764034321.25, 1764034681.5)
    entry = Entry().begun(opened, "orders")
    name = "data-lake-raw-123456789012-eu-central-1/data/orders/2024/01/15/part-0001.jsonl.gz"
    announced = entry.announced(1, keys("a-0123456789ab-0123456789ab")[:1])
    committed = replace(announced, revision=2).committed(1, Status.DONE, facts, "")
    for written in (entry, announced, committed):
        item = item_of(name, written, 0.0)
        assert item_size(item) <= 1024
        assert "attention" not in item
