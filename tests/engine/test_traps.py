"""Every way known in which an engine changes or drops a value in silence."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.duck import DuckEngine
from engine.options import Options
from engine.read import lines as read_lines
from store.model import Column, Schema, Source
from tests.support.engine import CREATED, convert, lines

if TYPE_CHECKING:
    from pathlib import Path

#: Enough records that what follows lies outside of any sample.
MANY = [{"a": n} for n in range(60_000)]


@pytest.mark.parametrize("before", [[{"a": 1}], MANY], ids=["sampled", "not sampled"])
@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (29.99, "double", 29.99),
        (30.0, None, 30),
        (2**53 + 1, "bigint", 2**53 + 1),
        (2**63 - 1, "bigint", 2**63 - 1),
        (2**63, "string", "9223372036854775808"),
        ("30", "string", "30"),
        ("x", "string", "x"),
        (True, "string", "true"),
        ({"b": 1}, "string", '{"b":1}'),
        ([1], "string", "[1]"),
    ],
)
def test_a_later_value_of_another_kind_is_kept(
    before: list[dict[str, Any]], value: Any, kind: str | None, expected: Any
) -> None:
    found = convert(lines(*before, {"a": value}))
    assert found.status == "DONE"
    assert found.types["a"] in ({kind} if kind else {"bigint", "double"})
    assert found.values[-1]["a"] == expected
    assert len(found.rows) == len(before) + 1


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "18446744073709551616", "123456789012345678901", "1" * 5000]
)
def test_numbers_that_no_number_type_holds_are_kept_as_text(number: str) -> None:
    found = convert(b'{"a": 1.5}\n{"a": %s}\n' % number.encode())
    assert [row["a"] for row in found.values] == ["1.5", number]


@pytest.mark.parametrize(
    "number",
    ["0.0", "-0.0", "0", "0.00", "1E2", "1.10", "0.30000000000000004", "0.1234567890123456789"],
)
def test_numbers_that_a_double_holds_are_doubles(number: str) -> None:
    found = convert(b'{"a": 1.5}\n{"a": %s}\n' % number.encode())
    assert [row["a"] for row in found.values] == [1.5, float(number)]


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "nan", "+1", "01", "0x10", ".5"]
)
def test_what_is_no_json_number_is_refused(number: str) -> None:
    found = convert(b'{"a": 1}\n{"a": %s}\n{"a": 2}\n' % number.encode())
    assert found.reasons == [(2, "MALFORMED_JSON")]
    assert found.quarantine[0]["raw"] == f'{{"a": {number}}}'


def test_a_huge_integer_outside_the_sample_is_kept() -> None:
    found = convert(lines(*MANY, {"a": 2**70 + 1}))
    assert found.types == {"a": "string"}
    assert {row["a"] for row in found.values} == {str(n) for n in range(60_000)} | {str(2**70 + 1)}
    assert not any(found.rescued)


def test_an_error_that_duckdb_cannot_spell_fails_no_file() -> None:
    # It quotes the line that it stopped at, and cuts the quotation within a character.
    record = {"a": None, "b": None, "c": [["\U00010000" * 3], "0\x1f\x80"]}
    for body in (lines(*({"a": "x" * n} for n in range(800)), record), lines({"a": 1}, record)):
        assert convert(body).status == "DONE"


def test_a_key_outside_the_sample_is_a_column() -> None:
    found = convert(lines(*MANY, {"b": {"c": [1]}}))
    assert found.types == {"a": "bigint", "b": "struct<c:array<bigint>>"}
    assert found.values[-1] == {"a": None, "b": {"c": [1]}}


def test_an_empty_object_is_a_row_and_a_bad_line_is_not() -> None:
    found = convert(b'{"a": 1}\n{}\n{"a": 2\n{"a": null}\n\n{"a": 3}\n')
    assert [row["a"] for row in found.values] == [1, None, None, 3]
    assert found.reasons == [(3, "MALFORMED_JSON")]


def test_good_lines_after_bad_ones_are_kept() -> None:
    records = [json.dumps({"a": n, "text": "x" * (n % 50)}) for n in range(20_000)]
    records[99::100] = [record[: len(record) // 2] for record in records[99::100]]
    found = convert("\n".join(records).encode())
    assert [number for number, _ in found.reasons] == list(range(100, 20_001, 100))
    assert len(found.rows) == 20_000 - 200


def test_a_repeated_key_keeps_every_value() -> None:
    found = convert(b'{"a": 1, "a": 2}\n{"a": 3}\n')
    assert sorted(row["a"] for row in found.values) == [2, 3]
    assert {"a": [1]} in found.rescued


def test_a_repeated_key_keeps_every_value_also_where_the_last_does_not_fit() -> None:
    table = Schema((Column("a", "bigint"), Column("s", "struct<b:bigint>")))
    found = convert(
        b'{"a": 1, "a": "x"}\n{"s": {"b": 2, "b": "y"}}\n{"s": {"c": 3, "c": 4}}\n', schema=table
    )
    assert found.rescued == [{"a": [1, "x"]}, {"s.b": [2, "y"]}, {"s.c": [3]}]


@pytest.mark.parametrize(
    ("types", "record", "rescued"),
    [
        ({"o": "array<bigint>"}, '{"o": [2.5, 7.5]}', {"o": [2.5, 7.5]}),
        ({"o": "array<struct<a:bigint>>"}, '{"o": [2, "x"]}', {"o": [2, "x"]}),
        ({"o": "array<boolean>"}, '{"o": [1, "yes", null]}', {"o": [1, "yes", None]}),
        (
            {"m": "map<string,array<bigint>>"},
            '{"m": {"a": [true, false]}}',
            {"m.a": [True, False]},
        ),
        (
            {"m": "map<string,struct<b:bigint>>"},
            '{"m": {"a": {"b": "u v"}, "a.b": 5}}',
            {"m.a.b": ["u v", 5]},
        ),
    ],
)
def test_values_that_do_not_fit_are_whole_however_many_have_one_path(
    types: dict[str, str], record: str, rescued: dict[str, Any]
) -> None:
    table = Schema(tuple(Column(*one) for one in types.items()))
    # Beside a repeated key all is read exactly.
    for text in (record, record[:-1] + ', "r": 1, "r": 2}'):
        (found,) = convert(text.encode() + b"\n", schema=table).rescued
        assert found is not None
        assert {k: v for k, v in found.items() if k != "r"} == rescued


def test_text_of_a_value_keeps_every_value_of_a_repeated_key() -> None:
    table = Schema((Column("a", "string"), Column("n", "bigint")))
    text = '[{"k":1,"k":[{"l":2,"l":3}]},4]'
    found = convert(f'{{"a": {text}}}\n{{"n": {text}}}\n'.encode(), schema=table)
    assert found.values[0]["a"] == text
    assert found.rows[1]["_rescued_data"] == f'{{"n":{text}}}'


@pytest.mark.parametrize(
    "text", ["10:00:00", "2024-01-15", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "007", "1e5", " x "]
)
def test_strings_stay_strings(text: str) -> None:
    found = convert(lines({"a": text}, {"a": text}))
    assert found.types == {"a": "string"}
    assert [row["a"] for row in found.values] == [text, text]


def test_mixed_kinds_keep_strings_without_quotes() -> None:
    found = convert(lines({"a": "x"}, {"a": 1}, {"a": [1, "y"]}, {"a": None}))
    assert [row["a"] for row in found.values] == ["x", "1", '[1,"y"]', None]


def test_many_varying_keys_are_no_map() -> None:
    found = convert(lines(*({"a": {f"k{n}": n}} for n in range(150))))
    assert sum(v for row in found.values for v in row["a"].values() if v is not None) == sum(
        range(150)
    )


def test_names_that_differ_in_case_are_two_columns() -> None:
    found = convert(lines({"id": 1, "ID": 2}, {"Id": 3}))
    assert sorted(v for row in found.values for v in row.values() if v is not None) == [1, 2, 3]


def test_a_column_called_like_the_partition_does_not_collide() -> None:
    found = convert(lines({"date_partition": "x", "timestamp": "2024-02-03T00:00:00Z"}))
    assert found.rows[0]["date_partition"] == "2024-02-03"
    assert "x" in found.values[0].values()


@pytest.mark.parametrize(
    ("moment", "partition"),
    [
        ("2024-01-15T10:00:00Z", "2024-01-15"),
        ("2024-01-15", "2024-01-15"),
        ("2024-01-15 23:30:00", "2024-01-15"),
        ("2024-01-15T23:30:00-05:00", "2024-01-16"),
        ("2024-01-15T00:30:00+02:00", "2024-01-14"),
        (1705312800, "2024-01-15"),
        (1705312800123, "2024-01-15"),
        ("not a date", "2024-01-20"),
        ("99999-01-01", "2024-01-20"),
        (None, "2024-01-20"),
    ],
)
def test_a_record_is_dated_in_utc_or_by_its_object(moment: Any, partition: str) -> None:
    found = convert(lines({"n": 1, "timestamp": moment}, {"n": 2, "timestamp": moment}))
    assert {row["date_partition"] for row in found.rows} == {partition}


TABLE = {"a": "bigint", "s": "struct<x:double,y:string>"}


def test_what_does_not_fit_the_table_is_rescued_by_path() -> None:
    records = [
        {"a": 1, "s": {"x": 1.5, "y": "z"}},
        {"a": "abc", "s": {"x": 2, "y": 3}},
        {"a": 2.5, "s": {"x": "no", "y": None}},
        {"a": "7", "s": "text"},
    ]
    found = convert(lines(*MANY, *records), table=TABLE)
    rows = found.values[-4:] if len(found.rows) == len(MANY) + 4 else []
    by_rescue = {json.dumps(r): v for r, v in zip(found.rescued, found.values, strict=True)}
    assert rows
    assert by_rescue['{"a": "abc"}'] == {"a": None, "s": {"x": 2.0, "y": "3"}}
    assert by_rescue['{"a": 2.5, "s.x": "no"}'] == {"a": None, "s": {"x": None, "y": None}}
    assert by_rescue['{"s": "text"}'] == {"a": 7, "s": None}
    assert found.conversion is not None
    assert found.conversion.rescued == 3


def test_lines_set_aside_are_rare_and_their_neighbours_stay_vectorised() -> None:
    body = lines(*MANY[:30_000]) + b"oops\n" + lines({"a": "abc"}, *MANY[30_000:])
    found = convert(body, table={"a": "bigint"})
    assert found.reasons == [(30_001, "MALFORMED_JSON")]
    assert found.conversion is not None
    # What does not fit is rescued in the same scan; only what SQL cannot judge is read by itself.
    assert sorted((f.part, f.rows) for f in found.conversion.outputs) == [(0, 60_001)]
    assert found.conversion.rescued == 1


def test_only_the_lines_that_sql_cannot_judge_are_read_one_by_one() -> None:
    body = lines(*MANY[:30_000], {"a": {"b": [1]}}, *MANY[30_000:])
    found = convert(body, table={"a": "bigint"})
    assert found.conversion is not None
    assert sorted((f.part, f.rows) for f in found.conversion.outputs) == [(0, 60_000), (1, 1)]
    assert {"a": {"b": [1]}} in found.rescued


def test_a_line_larger_than_a_row_can_be_is_refused() -> None:
    body = lines({"a": "x"}) + b'{"a": "' + b"y" * 40_000_000 + b'"}\n' + lines({"a": "z"})
    found = convert(body)
    assert [row["a"] for row in found.values] == ["x", "z"]
    assert found.reasons == [(2, "RECORD_TOO_LARGE")]
    assert "first 1,000,000" in found.quarantine[0]["detail"]


@pytest.mark.parametrize("over", [0, 1, 2, 30])
def test_the_line_after_one_at_the_limit_is_kept(
    over: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_lines, "MAX_RECORD", 20)
    long = b"x" * (20 + over - 1) + b"\n"
    found = list(read_lines.lines_of(io.BytesIO(b"before\n" + long + b"after\n")))
    assert found == [b"before\n", long[:21], b"after\n"]


def test_raw_bytes_in_quarantine_are_exact() -> None:
    found = convert(b'{"a": 1}\n{"a": "\xff\xfe"}\n')
    assert found.reasons == [(2, "INVALID_UTF8")]
    (entry,) = found.quarantine
    assert (entry["raw_encoding"], entry["raw"]) == ("base64", "eyJhIjogIv/+In0=")


def test_json_output_holds_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(
        lines({"a": 1, "s": {"x": "é"}, "date": "2024-01-01"}, {"a": 2, "date": "2024-01-02"})
    )
    source = Source(path, "raw", "data/t/o", "v1", "t", CREATED)
    done = DuckEngine(Options(output_format="json")).convert(source, None, tmp_path, lambda: 900)
    assert [f.partition for f in done.outputs] == ["2024-01-01", "2024-01-02"]
    assert all(f.path.name.endswith(".json.gz") and f.rows == 1 for f in done.outputs)
    rows = [json.loads(gzip.decompress(f.path.read_bytes())) for f in done.outputs]
    assert [(r["a"], r["s"], r["_source_version"]) for r in rows] == [
        (1, {"x": "é"}, "v1"),
        (2, None, "v1"),
    ]
