"""Formats and compressions are found by content, whatever the name says."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from tests.support.engine import convert, lines

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS: list[dict[str, Any]] = [{"n": 1, "text": 'één, "two"'}, {"n": 2, "text": "drei\nvier"}]


def parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def avro(records: list[dict[str, Any]], fields: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": fields})
    fastavro.writer(file, schema, records, codec="deflate")
    return file.getvalue()


FIELDS: list[dict[str, Any]] = [
    {"name": "n", "type": "long"},
    {"name": "text", "type": ["null", "string"]},
]
CSV = 'n,text\r\n1,"één, ""two"""\r\n2,"drei\nvier"\r\n'

FORMATS: dict[str, bytes] = {
    "jsonl": lines(*ROWS),
    "json": json.dumps(ROWS, indent=2).encode(),
    "json-one-line": json.dumps(ROWS).encode(),
    "json-wrapped": json.dumps({"Records": ROWS}).encode(),
    "json-concatenated": b"".join(json.dumps(row).encode() for row in ROWS),
    "json-pretty-concatenated": b"\n".join(json.dumps(row, indent=1).encode() for row in ROWS),
    "csv": CSV.encode(),
    "csv-bom": b"\xef\xbb\xbf" + CSV.encode(),
    "csv-utf16": CSV.encode("utf-16"),
    "csv-utf16-without-mark": CSV.encode("utf-16-le"),
    "csv-latin1": CSV.encode("cp1252"),
    "tsv": CSV.replace(",", "\t").replace("één\t", "één,").encode(),
    "semicolon": CSV.replace(",", ";").replace("één;", "één,").encode(),
    "pipe": CSV.replace(",", "|").replace("één|", "één,").encode(),
    "parquet": parquet(pa.Table.from_pylist(ROWS)),
    "avro": avro(ROWS, FIELDS),
}

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda body: body,
    "gzip": gzip.compress,
    "gzip-members": lambda body: gzip.compress(body[:7]) + gzip.compress(body[7:]) + b"\0" * 512,
    "zstd": zstd.compress,
    "zstd-frames": lambda body: zstd.compress(body[:7]) + zstd.compress(body[7:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("key", ["data/t/object", "data/t/object.dat", "data/t/object.txt"])
def test_a_format_is_known_by_its_content(name: str, key: str) -> None:
    found = convert(FORMATS[name], key)
    assert found.status == "DONE"
    assert found.types == {"n": "bigint", "text": "string"}
    assert sorted(found.values, key=lambda row: row["n"]) == ROWS


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_a_compression_is_known_by_its_content(name: str, packing: str) -> None:
    found = convert(PACKED[packing](FORMATS[name]), "data/t/object.zip")
    assert sorted(found.values, key=lambda row: row["n"]) == ROWS
    assert found.conversion is not None
    assert found.conversion.compression == packing.partition("-")[0]


@pytest.mark.parametrize("packing", [p for p in PACKED if p != "none"])
@pytest.mark.parametrize("damage", ["cut", "junk", "flipped"])
def test_a_damaged_stream_is_rejected_whole(packing: str, damage: str) -> None:
    body = PACKED[packing](lines(*({"n": n, "text": f"{n * n}"} for n in range(2000))))
    if damage == "cut":
        body = body.rstrip(b"\0")[:-9]
    elif damage == "junk":
        body = body.rstrip(b"\0") + b"junk"
    else:
        middle = len(body.rstrip(b"\0")) // 2
        body = body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]
    found = convert(body)
    assert found.status == "REJECTED"
    assert found.error is not None
    assert found.error.code == "CORRUPT_COMPRESSION"


@pytest.mark.parametrize(
    "body", [b"", b"\n \n", b"\xef\xbb\xbf", b"[]", b'{"Records": []}', b"a,b\n"]
)
def test_without_records_an_object_is_empty(body: bytes) -> None:
    key = "data/t/object.csv" if body == b"a,b\n" else "data/t/object.json"
    found = convert(body, key)
    assert found.status == "EMPTY"
    assert found.conversion is not None
    assert found.conversion.outputs == ()


@pytest.mark.parametrize(
    "body",
    [
        b'[{"n": 1',
        b'{"n": [1, 2}',
        b'{"n": "never closed}',
        b"not JSON at all",
    ],
)
def test_a_broken_document_is_rejected_with_the_place(body: bytes) -> None:
    found = convert(body, "data/t/object.json")
    assert found.status == "REJECTED"
    assert found.error is not None
    assert found.error.code in {"CORRUPT_FILE", "UNKNOWN_FORMAT"}


WRONG = ('{"id": 5, "a": "v5}', '{"id": 5', '{"id": 5}}', '{"id": ["5"}', "nope")
FORMS = {
    "lines": ("[\n", ",\n", "\n]\n"),
    "wrapped": ('{"Records": [\n', ",\n", "\n]}\n"),
    "commas before": ("[", "\n,", "]"),
    "commas alone": ("", ",\n", ",\n"),
    "never ends": ("[\n", ",\n", "\n"),
    "one line": ("[", ",", "]"),
    "one line, wrapped": ('{"records":[', ", ", "]}"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    ("form", "place"),
    # A text that does not begin with a record is no list of them.
    [(f, place) for f in FORMS for place in (0, 9, 19) if (f, place) != ("commas alone", 0)],
)
def test_an_element_that_breaks_the_document_is_refused_alone(
    form: str, wrong: str, place: int
) -> None:
    begin, between, end = FORMS[form]
    elements = [f'{{"id": {n}, "a": "v{n}"}}' for n in range(20)]
    elements[place] = wrong
    found = convert((begin + between.join(elements) + end).encode(), "data/t/object.json")
    good = [{"id": n, "a": f"v{n}"} for n in range(20) if n != place]
    assert found.values == good
    assert found.reasons == [(place + 1, "MALFORMED_JSON")]


def test_elements_over_several_lines_are_divided_by_what_stands_between_them() -> None:
    elements = [f'  {{\n    "id": {n},\n    "a": {{"b": [1, 2]}}\n  }}' for n in range(5)]
    elements[2] = '  {\n    "id": "2\n  }'
    found = convert(f"[\n{','.join(elements)}\n]".encode(), "data/t/object.json")
    assert [row["id"] for row in found.values] == [0, 1, 3, 4]
    assert found.reasons == [(3, "MALFORMED_JSON")]
    assert found.conversion is not None
    assert "the JSON document is broken" in " ".join(found.conversion.guesses)


def test_objects_within_a_broken_document_are_no_records() -> None:
    inner = '[{"x": 1},{"x": 2},{"x": 3}]'
    broken = f'[{{"a": 1,"b": {inner}}},{{"a": "2,"b": {inner}}}]'
    found = convert(broken.encode(), "data/t/object.json")
    assert [row["a"] for row in found.values] == [1]
    assert found.reasons == [(2, "MALFORMED_JSON")]
    alike = broken.replace('"x"', '"a"')
    assert convert(alike.encode(), "data/t/object.json").status == "REJECTED"


def test_lines_of_json_may_end_with_a_carriage_return() -> None:
    found = convert(b'{"a": 1}\r{"a": 2}\r\r{"a": tru}\r', "data/t/object.jsonl")
    assert found.values == [{"a": 1}, {"a": 2}]
    assert found.reasons == [(3, "MALFORMED_JSON")]


def test_a_last_element_that_is_cut_short_among_many_brackets_takes_no_time() -> None:
    points = ",".join(f"[{n},{n}]" for n in range(100_000))
    began = time.monotonic()
    found = convert(f'[\n{{"a": 1}},\n{{"a": 2}},\n{{"p": [{points}'.encode(), "data/t/object.json")
    assert found.values == [{"a": 1}, {"a": 2}]
    assert found.reasons == [(3, "MALFORMED_JSON")]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("name", ["object.json", "object.jsonl", "object"])
@pytest.mark.parametrize("between", ["\n", "", "\r\n"])
def test_elements_of_arrays_that_follow_each_other_are_records(name: str, between: str) -> None:
    arrays = ['[{"n": 1}, {"n": 2}]', '[{"n": 3}]', '[{"n": 4, "of": [{"n": 5}, {"n": 6}]}]']
    alone = [row for array in arrays for row in convert(array.encode(), f"data/t/{name}").values]
    found = convert(between.join(arrays).encode(), f"data/t/{name}")
    assert [{k: v for k, v in row.items() if v} for row in found.values] == alone
    assert [row["n"] for row in found.values] == [1, 2, 3, 4]


def test_arrays_of_values_on_lines_are_records() -> None:
    found = convert(b"[1, 2]\n[3, 4]\n", "data/t/object.jsonl")
    assert found.values == [{"value": [1, 2]}, {"value": [3, 4]}]


@pytest.mark.parametrize(
    ("body", "good", "refused"),
    [
        ('[{"n": 1}, {"n": 2}', [{"n": 1}, {"n": 2}], [3]),
        ('[{"n": 1}, {"n": 2},\n', [{"n": 1}, {"n": 2}], [3]),
        ('[{"n": 1}, {"n": 2}, {"n": 3', [{"n": 1}, {"n": 2}], [3]),
        ("[1, 25", [{"value": 1}], [2]),
        ("[1, 25\n", [{"value": 1}, {"value": 25}], [3]),
    ],
)
def test_of_an_array_that_is_cut_short_not_all_is_accepted(
    body: str, good: list[Any], refused: list[int]
) -> None:
    found = convert(body.encode(), "data/t/object.json")
    assert found.values == good
    assert found.reasons == [(number, "MALFORMED_JSON") for number in refused]


@pytest.mark.parametrize("behind", ["\n\x1b", "\x00", "\nThe end\n"])
def test_what_follows_an_array_on_a_line_makes_it_no_record(behind: str) -> None:
    for name in ("object.json", "object.jsonl"):
        found = convert(f'[{{"n": 1}}, {{"n": 2}}]{behind}'.encode(), f"data/t/{name}")
        assert found.values == [{"n": 1}, {"n": 2}]
        assert [entry["raw"] for entry in found.quarantine] == [behind.strip()]


WRAPPED = '{"Records": [{"n": 1}, {"n": 2}]'


@pytest.mark.parametrize(
    ("behind", "refused"),
    [
        ("", ","),
        ("}\0", "}\0"),
        ("}\nDone", "}\tDone"),
        (', {"n": 3}]}', ', {"n": 3}]}'),
        ("}}", "}}"),
    ],
)
def test_what_follows_a_wrapped_array_costs_no_record(behind: str, refused: str) -> None:
    found = convert((WRAPPED + behind).encode(), "data/t/object.json")
    assert found.values == [{"n": 1}, {"n": 2}]
    assert [entry["raw"] for entry in found.quarantine] == [refused]


def test_what_follows_a_broken_wrapped_array_is_refused() -> None:
    body = b'{"Records": [{"n": 1}, {"n": "2}, {"n": 3}], "other": 1}'
    found = convert(body, "data/t/object.json")
    assert found.values == [{"n": 1}, {"n": 3}]
    assert [entry["raw"] for entry in found.quarantine] == ['{"n": "2}', ', "other": 1}']


@pytest.mark.parametrize("between", [",\n", ", "])
def test_elements_that_are_divided_in_two_ways_come_once(between: str) -> None:
    elements = [json.dumps({"n": n, "text": "x" * 80}) for n in range(180_000)]
    text = f"[{between.join(elements[:10])},{','.join(elements[10:])}]"
    assert len(convert(text.encode(), "data/t/object.json").rows) == 180_000


def test_lines_of_tuples_are_records() -> None:
    for body in (b'[{"n": 1}, "x"]\n[{"n": 2}, "y"]\n', b'["x", 1]\n[{"n": 2}, 1]\n'):
        assert len(convert(body, "data/t/object.jsonl").rows) == 2


@pytest.mark.parametrize("wrong", ['"id": "2', '"id": [', '"id": tru'])
@pytest.mark.parametrize("indent", [0, 1, 4])
def test_objects_within_a_broken_element_are_no_records_however_indented(
    wrong: str, indent: int
) -> None:
    rows = [{"id": n, "b": [{"x": 1}, {"x": 2}]} for n in range(4)]
    text = json.dumps(rows, indent=indent).replace('"id": 2', wrong)
    found = convert(text.encode(), "data/t/object.json")
    assert [row["id"] for row in found.values] == [0, 1, 3]
    assert found.reasons == [(3, "MALFORMED_JSON")]


def test_garbage_between_elements_costs_itself() -> None:
    inner = '"m": [{"id": 5}]'
    body = f'[{{"id": 1, {inner}}}, x y, {{"id": 3, {inner}}}, {{"id": 5}}]'
    found = convert(body.encode(), "data/t/object.json")
    assert [row["id"] for row in found.values] == [1, 3, 5]
    assert [entry["raw"] for entry in found.quarantine] == ["x y"]
    found = convert(b'[{"n": 1}, {"n": 2}/*c*/, {"n": 3}]', "data/t/object.json")
    assert found.values == [{"n": 1}, {"n": 3}]
    assert [entry["raw"] for entry in found.quarantine] == ['{"n": 2}/*c*/']


@pytest.mark.parametrize("broken", ["[1,NaN],", '{"a": 1},,', "NaN,"])
def test_many_broken_elements_take_no_time(broken: str) -> None:
    began = time.monotonic()
    found = convert(f"[{broken * 8_000}1]".encode(), "data/t/object.json")
    assert len(found.quarantine) == 8_000
    assert time.monotonic() - began < 10


def test_files_that_were_joined_have_a_byte_order_mark_each() -> None:
    body = b'\xef\xbb\xbf{"n": 1}\n\xef\xbb\xbf{"n": 2}\n{"n": 3}\n'
    assert convert(body, "data/t/object.jsonl").values == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_lines_may_end_in_several_ways() -> None:
    body = b'{"n": 1}\r{"n": 2}\r\n{"n": 3}\n{"n": tru}\r{"n": 5}'
    found = convert(body, "data/t/object.jsonl")
    assert found.values == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 5}]
    assert found.reasons == [(4, "MALFORMED_JSON")]


def test_what_follows_an_array_is_refused() -> None:
    found = convert(b'[{"n": 1},{"n": 2}]\nDone\n', "data/t/object.json")
    assert found.values == [{"n": 1}, {"n": 2}]
    assert [entry["raw"] for entry in found.quarantine] == ["Done"]


def test_one_broken_element_of_a_document_is_refused_alone() -> None:
    found = convert(b'[{"n": 1}, {"n": tru}, {"n":\n3}]', "data/t/object.json")
    assert found.values == [{"n": 1}, {"n": 3}]
    assert found.reasons == [(2, "MALFORMED_JSON")]
    assert found.quarantine[0]["raw"] == '{"n": tru}'


def test_a_wrapper_with_other_members_is_one_record() -> None:
    found = convert(b'{"Records": [{"n": 1}, {"n": 2}], "other": true}')
    assert found.values == [{"records": [{"n": 1}, {"n": 2}], "other": True}]


def test_text_is_a_row_a_line() -> None:
    body = b"2024-01-15 first line\n\nthird, with a comma\r\n"
    found = convert(body, "data/t/app.log")
    assert found.values == [
        {"line_number": 1, "line": "2024-01-15 first line"},
        {"line_number": 3, "line": "third, with a comma"},
    ]


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 9, "application/pdf"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "image/png"),
        (bytes(range(256)) * 9, "application/octet-stream"),
    ],
)
def test_what_holds_no_records_is_described(body: bytes, media_type: str) -> None:
    found = convert(body, "data/t/scan", table={"a": "bigint"})
    (row,) = found.stored
    assert (row["key"], row["size"], row["media_type"]) == ("data/t/scan", len(body), media_type)
    assert (row["dataset"], row["source_bucket"], row["source_version"]) == ("t", "raw", "v1")
    assert row["sha256"] == hashlib.sha256(body).hexdigest()
    assert row["detail"].startswith("not read: ")


def test_what_was_not_read_is_stored_and_no_row_of_its_dataset() -> None:
    found = convert(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, table={"a": "bigint"})
    assert found.conversion is not None
    assert (found.status, found.rows, found.types) == ("STORED", [], {"a": "bigint"})
    assert (found.conversion.read, found.conversion.accepted) == (0, 0)
    assert found.conversion.detail == found.stored[0]["detail"]


def test_what_was_guessed_is_said() -> None:
    found = convert("1;é\n2;è\n".encode("cp1252"), "data/t/a.csv")
    assert found.conversion is not None
    encoding, header = found.conversion.guesses
    assert encoding == "encoding guessed: cp1252"
    assert header.startswith("no header was found: the first row is data, and the columns are ")
    assert convert(b'{"a": 1}\n').conversion.guesses == ()  # type: ignore[union-attr]  # it is one


@pytest.mark.parametrize("name", ["parquet", "avro"])
def test_a_cut_file_is_rejected(name: str) -> None:
    found = convert(FORMATS[name][:-20])
    assert found.status == "REJECTED"
    assert found.error is not None
    assert found.error.code == "CORRUPT_FILE"


def test_delimited_text_becomes_numbers_only_where_nothing_is_lost() -> None:
    body = (
        b"zip,amount,count,flag,version,big,empty,quoted\n"
        b'01234,1.50,7,true,1.10.1,12345678901234567890,,""\n'
        b"98765,2,8,FALSE,2,2,,x\n"
    )
    found = convert(body)
    assert found.types == {
        "zip": "string",
        "amount": "double",
        "count": "bigint",
        "flag": "boolean",
        "version": "string",
        "big": "string",
        "quoted": "string",
    }
    assert found.values[0] == {
        "zip": "01234",
        "amount": 1.5,
        "count": 7,
        "flag": True,
        "version": "1.10.1",
        "big": "12345678901234567890",
        "quoted": "",
    }


def test_delimited_rows_that_are_wrong_are_refused_alone() -> None:
    body = 'a,b\n1,é\n3\n4,5,6\n"7,8\n9,ü\n'.encode() + b'10,\xff\n12,"13"x\n14,15\n'
    found = convert(body, "data/t/object.csv")
    assert found.values == [{"a": 1, "b": "é"}, {"a": 9, "b": "ü"}, {"a": 14, "b": "15"}]
    assert found.reasons == [
        (2, "FIELD_COUNT"),
        (3, "FIELD_COUNT"),
        (4, "MALFORMED_ROW"),
        (6, "INVALID_UTF8"),
        (7, "MALFORMED_ROW"),
    ]
    assert [entry["raw"] for entry in found.quarantine][:3] == ["3", "4,5,6", '"7,8']


def test_delimited_values_that_do_not_fit_the_table_are_rescued() -> None:
    found = convert(b"a,b\n1,x\ntwo,y\n", table={"a": "bigint", "b": "string"})
    assert found.values == [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]
    assert found.rescued == [None, {"a": "two"}]


def test_a_file_without_header_gets_numbered_columns() -> None:
    found = convert(b"1,2.5,x\n3,4.5,y\n")
    assert found.values == [
        {"column_1": 1, "column_2": 2.5, "column_3": "x"},
        {"column_1": 3, "column_2": 4.5, "column_3": "y"},
    ]


def test_equal_headers_keep_both_columns() -> None:
    found = convert(b"id,ID,id,\n1,2,3,4\n5,6,7,8\n", "data/t/object.csv")
    assert [sorted(row.values()) for row in found.values] == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_parquet_types_become_what_athena_reads() -> None:
    moment = datetime(2024, 1, 15, 10, tzinfo=UTC)
    table = pa.table(
        {
            "small": pa.array([1], pa.uint8()),
            "huge": pa.array([2**64 - 1], pa.uint64()),
            "price": pa.array([Decimal("12.50")], pa.decimal128(10, 2)),
            "day": pa.array([date(2024, 1, 15)]),
            "at": pa.array([moment], pa.timestamp("us", "UTC")),
            "nanos": pa.array([1], pa.timestamp("ns")),
            "bytes": pa.array([b"\xff\x00"], pa.binary()),
            "Nested Name": pa.array([{"A b": [1.5]}]),
        }
    )
    found = convert(parquet(table))
    assert found.types == {
        "small": "bigint",
        "huge": "decimal(20,0)",
        "price": "decimal(10,2)",
        "day": "date",
        "at": "timestamp",
        "nanos": "string",
        "bytes": "string",
        "nested_name": "struct<a_b:array<double>>",
    }
    (row,) = found.values
    assert row["huge"] == Decimal(2**64 - 1)
    assert row["price"] == Decimal("12.50")
    assert row["at"] == moment.replace(tzinfo=None)
    assert row["nanos"].endswith(".000000001")
    assert row["bytes"] == "/wA="
    assert row["nested_name"] == {"a_b": [1.5]}


def test_parquet_of_another_type_than_the_table_is_conformed() -> None:
    table = pa.table({"a": [1.0, 2.5], "b": ["x", "y"]})
    found = convert(parquet(table), table={"a": "bigint", "b": "string"})
    assert [row["a"] for row in found.values] == [1, None]
    assert found.rescued == [None, {"a": 2.5}]


def test_a_line_broken_within_a_cell_is_text() -> None:
    found = convert(b'id,note\n1,"a\x0bb"\n2,"c\x0bd"\n3,"e"\n', "data/t/x.csv")
    assert [row["note"] for row in found.values] == ["a\x0bb", "c\x0bd", "e"]


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (b'{"a": "x\x01y"}', [(1, "MALFORMED_JSON")]),
        (b'{"a": "x\xffy"}', [(1, "INVALID_UTF8")]),
        (b'{"a": "x"},\n', []),
        (b'{"a": "x"}\\n', []),
        (b'{"a": NaN}', [(1, "MALFORMED_JSON")]),
    ],
)
def test_a_document_of_one_object_ends_in_a_verdict(
    body: bytes, reasons: list[tuple[int, str]]
) -> None:
    assert convert(body, "data/t/object.json").reasons == reasons
