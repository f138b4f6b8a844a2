from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import naming
from store.errors import KeyOutsideLakeError
from store.model import OutputFile, Source

FOLDER = naming.table_prefix("orders")


@pytest.mark.parametrize(
    ("key", "dataset"),
    [
        ("data/test-data.json", "processed_table"),
        ("data/orders/2024-01-15.json", "orders"),
        ("data/orders/2024/01/15/a.json", "orders"),
        ("data/My-Orders 2024/a.json", "my_orders_2024"),
        ("data/Café/a.json", "cafe"),
        ("data/日本/a.json", "u65e5u672c"),
        ("data/中国/a.json", "u4e2du56fd"),
        ("data//a.json", "processed_table"),
        ("data/---/a.json", "___"),
        ("data/quarantine/a.json", "quarantine_data"),
        ("data/objects/a.json", "objects_data"),
        ("data/orders/", "orders"),
        ("data/", "processed_table"),
    ],
)
def test_the_folder_names_the_dataset(key: str, dataset: str) -> None:
    assert naming.dataset_of(key) == dataset


@pytest.mark.parametrize("key", ["", "other/a.json", "data"])
def test_a_key_that_is_not_under_data_is_refused(key: str) -> None:
    with pytest.raises(KeyOutsideLakeError):
        naming.dataset_of(key)


@given(st.text(min_size=1))
def test_every_name_becomes_one_that_glue_and_athena_read(folder: str) -> None:
    name = naming.dataset_of(f"data/{folder}/file.json")
    assert name
    assert len(name) <= 128
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")


def test_two_long_names_with_one_beginning_stay_apart() -> None:
    names = {naming.dataset_of(f"data/{'a' * 200}{end}/f.json") for end in "xy"}
    assert len(names) == 2


def _source(key: str = "data/orders/a.json", version: str = "v1") -> Source:
    return Source(
        path=Path("object"),
        bucket="raw",
        key=key,
        version=version,
        dataset=naming.dataset_of(key),
        created=datetime(2024, 1, 15, 23, 30, tzinfo=UTC),
    )


def _file(name: str = "f.parquet", part: int = 0) -> OutputFile:
    return OutputFile(Path(name), "2024-01-15", part, 1)


def test_no_two_versions_and_no_two_attempts_write_the_same_key() -> None:
    first = naming.output_key(FOLDER, _source(), _file(), 1)
    assert first == naming.output_key(FOLDER, _source(), _file(), 1)
    assert first != naming.output_key(FOLDER, _source(version="v2"), _file(), 1)
    assert first != naming.output_key(FOLDER, _source(), _file(), 2)
    assert first.startswith("processed/orders/date_partition=2024-01-15/a-")
    assert first.endswith(".parquet")


def test_keys_that_normalise_alike_do_not_share_an_output() -> None:
    keys = ["data/orders/a b.json", "data/orders/a_b.json", "data/Orders/a b.json"]
    assert len({naming.output_key(FOLDER, _source(key), _file(), 1) for key in keys}) == 3


def test_parts_of_one_partition_have_names_of_their_own() -> None:
    assert naming.output_key(FOLDER, _source(), _file(part=2), 1).endswith("-2.parquet")


def test_each_file_says_of_which_object_it_is() -> None:
    files = [
        naming.output_key(FOLDER, _source(), _file(), 1),
        naming.output_key(FOLDER, _source(version="v2"), _file(part=2), 7),
        naming.output_key(naming.table_prefix("orders", 3), _source(), _file(), 1),
        naming.quarantine_key(_source(), _file("q.jsonl.gz"), 1),
        naming.stored_key(_source(), _file("stored.jsonl.gz"), 1),
    ]
    source = _source()
    assert {naming.object_in(one) for one in files} == {
        naming.object_name(source.bucket, source.key)
    }
    other = naming.output_key(FOLDER, _source("data/orders/a.csv"), _file(), 1)
    assert naming.object_in(other) != naming.object_in(files[0])
    assert naming.object_in("processed/orders/date_partition=2024-01-15/somebody.parquet") == ""


def test_quarantine_keeps_both_suffixes() -> None:
    key = naming.quarantine_key(_source(), _file("q.jsonl.gz"), 1)
    assert key.startswith("quarantine/date_partition=2024-01-15/a-")
    assert key.endswith(".jsonl.gz")


def test_a_stored_file_s_row_lies_beside_the_quarantine() -> None:
    key = naming.stored_key(_source(), _file("stored.jsonl.gz"), 1)
    assert key.startswith("objects/date_partition=2024-01-15/a-")
    assert key.endswith(".jsonl.gz")


@pytest.mark.parametrize("key", ["data/_hidden.json", "data/.hidden", "data/日本.json", "data/=.x"])
def test_no_output_begins_with_what_hive_readers_skip(key: str) -> None:
    name = naming.output_key(FOLDER, _source(key), _file(), 1).rsplit("/", 1)[1]
    assert name[0] not in "._"
