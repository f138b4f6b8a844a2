"""What the engine tells of a file beside its records: why not, which dates, how it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.options import Options
from store.model import Conversion, Refusal
from tests.support.engine import convert


def told(body: bytes, name: str = "a.csv", **options: Any) -> Conversion:
    found = convert(body, f"data/t/{name}", options=Options(**options)).conversion
    assert found is not None
    return found


def test_refusals_are_counted_by_reason_and_the_first_one_is_kept() -> None:
    found = told(b'{"a":1}\n{"b\nnothing\n\xff\n', "a.jsonl")
    assert [(one.reason, one.count, one.record) for one in found.refused] == [
        ("MALFORMED_JSON", 2, 2),
        ("INVALID_UTF8", 1, 4),
    ]
    assert sum(one.count for one in found.refused) == found.quarantined
    assert all(one.detail for one in found.refused)


def test_a_second_reading_counts_refusals_once() -> None:
    # The first reading gives up where a later row needs another type.
    rows = b"".join(b"%d,x\n" % n for n in range(3000))
    found = told(b"id,name\n" + rows + b"1,2,3,4\n" + b"nine,x\n")
    assert found.refused == (Refusal("FIELD_COUNT", 1, 3001, "4 fields where the table has 2"),)


@pytest.mark.parametrize("form", ["parquet", "json"])
@pytest.mark.parametrize(
    ("values", "looks"),
    [
        (["2024-01-15", "2024-01-16T10:00:00Z"], True),
        (["15.01.2024", "31.12.2023 10:00"], True),
        (["1/15/2024", ""], True),
        (["2024-01-15 10:00:00.5 +01:00", "2024-01-16T10:00Z"], True),
        (["1/15/2024 9:05 PM", "1/16/2024 10:05:00 AM"], True),
        (["2024-01-15 10:00:00 INFO started", "2024-01-15 10:00:01 WARN slow"], False),
        (["2024-01-15", "soon"], False),
        (["20240115", "20240116"], False),
        (["1.2.3", "1.2.4"], False),
        (["", ""], False),
    ],
)
def test_a_column_that_looks_like_a_date_is_told_where_none_dates(
    form: str, values: list[str], looks: bool
) -> None:
    rows = "".join(f"{number},{value}\n" for number, value in enumerate(values))
    found = told(f"id,Picked Up\n{rows}".encode(), output_format=form)
    assert found.undated == 2
    assert found.datelike == (("Picked Up",) if looks else ())


def test_where_a_column_dates_records_no_other_is_told() -> None:
    assert told(b"date,other\n2024-01-15,2024-01-16\n").datelike == ()


@pytest.mark.parametrize("form", ["parquet", "json"])
@pytest.mark.parametrize("name", ["t/a.csv", "t/dt=2024-13-01/a.csv", "t/dt=2024-01-15/a.csv"])
def test_a_folder_that_dates_the_records_is_not_told_to_look_like_a_date(
    form: str, name: str
) -> None:
    found = convert(b"id\n1\n2\n", f"data/{name}", options=Options(output_format=form)).conversion
    assert found is not None
    assert found.datelike == (("dt",) if "13" in name else ())


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_values_that_should_be_dates_and_are_none_are_told(form: str) -> None:
    texts = ["2024-01-15", "soon", "", "n/a", "soon", "tomorrow  or later", "never", "x" * 2000]
    rows = "".join(f"{number},{text}\n" for number, text in enumerate(texts))
    found = told(f"id,Date\n{rows}".encode(), output_format=form)
    assert (found.undated, found.no_dates) == (7, {"date": ("soon", "n/a", "tomorrow or later")})
    assert told(b"id,date\n1,2024-01-15\n2,\n", output_format=form).no_dates == {}
    assert told(b"id,date\n1,soon\n", output_format=form).no_dates == {"date": ("soon",)}
    assert told(b'{}\n{"DATE": {"": null}}\n', "a.json", output_format=form).no_dates == {}
    (only,) = told(f"id,date\n1,{'y ' * 500}\n".encode(), output_format=form).no_dates["date"]
    assert len(only) == 60


def test_how_a_file_is_written_is_told_in_the_words_of_a_contract() -> None:
    assert told(b"a,b\n1,2\n").csv == {}
    assert told(b"a;b\n1;x\n2;y\n").csv == {"delimiter": ";"}
    assert told(b"a\tb\n1\t'x\ty'\n2\t'z'\n", "a.tsv").csv == {"delimiter": "\t", "quote": "'"}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"id;price;qty\n1;2,50;3\n2;1.001,5;4\n", "price"),
        (b'id,price\n1,"2,5"\n2,\n3,4\n', "price"),
        (b"price\n2,5\n3,75\n", "price"),
        (b'id,price\n1,"2,500"\n2,"1,250"\n', ""),
        (b"id;note\n1;2,5\n2;none\n", ""),
    ],
)
def test_numbers_with_decimal_commas_are_told(body: bytes, names: str) -> None:
    said = [guess for guess in told(body).guesses if '"decimal": ","' in guess]
    assert [guess.partition(":")[0] for guess in said] == ([names] if names else [])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"data": {"items": [{"id": 100001}, {"id": 200002}]}, "next": 2}', "$.data.items"),
        ('{"my data": [{"id": 1}, {"id": 12345678901234567890}]}', '$["my data"]'),
        ('{"order": 1, "note": "as agreed by telephone", "lines": [{"id": 1}, {"id": 2}]}', ""),
        ('{"items": [{"id": 1}]}', ""),
        ('{"items": [[1, 2], [3, 4]]}', ""),
        ('{"items": [{"id": 1}, {"id": 2}]}\n{"items": [{"id": 3}, {"id": 4}]}', ""),
    ],
)
def test_a_document_that_is_mostly_a_list_is_told_to_be_one(body: str, path: str) -> None:
    said = [guess for guess in told(body.encode(), "a.json").guesses if "x-records" in guess]
    assert bool(said) == bool(path)
    if path:
        assert said[0].startswith("most of the document is a list of 2 objects: ")
        assert f'say "x-records": {json.dumps(path)} in the contract' in said[0]
        assert len(convert(body.encode(), contract={"x-records": path}).rows) == 2
