"""Kinds of files that went wrong when real corpora were run; each reduced to a few lines."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyorc
import pytest

from engine.duck import DuckEngine
from engine.options import Options
from tests.support.engine import Result, convert


def _orc(kind: str, rows: list[tuple[Any, ...]]) -> bytes:
    file = io.BytesIO()
    with pyorc.Writer(file, kind, compression=pyorc.CompressionKind.ZLIB) as writer:
        writer.writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize("back", range(20, 140, 13))
def test_damage_anywhere_in_an_orc_files_end_is_the_files(back: int) -> None:
    body = bytearray(_orc("struct<a:bigint,b:string>", [(n, str(n)) for n in range(50)]))
    body[-back] ^= 0xFF
    body[-back - 1] ^= 0x55
    assert convert(bytes(body), "data/t/a.orc").status in ("REJECTED", "DONE", "PARTIAL")


def test_decimals_of_hive_0_11_say_no_precision() -> None:
    file = io.BytesIO()
    with pyorc.Writer(
        file, "struct<a:decimal(1,0)>", compression=pyorc.CompressionKind.NONE
    ) as writer:
        writer.write((Decimal(3),))
    # The type in the footer: kind 14, precision 1, scale 0.
    body = file.getvalue().replace(b"\x08\x0e\x20\x00\x28\x01", b"\x08\x0e\x20\x00\x28\x00")
    found = convert(body, "data/t/a.orc")
    assert (found.status, len(found.rows), found.types) == ("DONE", 1, {"a": "string"})


def _parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def test_a_parquet_file_with_an_encoding_that_duckdb_does_not_have_is_kept() -> None:
    table = pa.table({"a": pa.array([Decimal("1.25")] * 9, pa.decimal128(9, 2))})
    body = _parquet(table, use_dictionary=False, column_encoding={"a": "BYTE_STREAM_SPLIT"})
    found = convert(body, "data/t/a.parquet")
    assert found.status in ("STORED", "DONE")
    if found.status == "STORED":
        assert "not read: Parquet" in found.stored[0]["detail"]


def test_a_variant_shredded_as_others_do_is_kept_and_the_database_lives() -> None:
    kind = pa.struct([("metadata", pa.binary()), ("typed_value", pa.int32())])
    body = bytearray(
        _parquet(pa.table({"v": pa.array([{"metadata": b"\x01\x00", "typed_value": 3}], kind)}))
    )
    engine = DuckEngine(Options())
    assert convert(bytes(body), "data/t/a.parquet", engine=engine).status in ("STORED", "DONE")
    assert convert(b'{"a": 1}\n', "data/t/a.jsonl", engine=engine).status == "DONE"


def _csv(text: str, table: dict[str, str] | None = None) -> Result:
    return convert(text.encode(), "data/t/a.csv", table)


def test_names_of_r_stand_one_column_to_the_right_and_may_repeat() -> None:
    found = _csv('"x";"x";"x"\n"r1";"1";"0";"2"\n"r2";"4";"5";"6"\n"r3";"7";"8";"9"\n')
    assert found.status == "DONE"
    assert found.values[0] == {"column_1": "r1", "x": 1, "x_2": 0, "x_3": 2}


def test_one_year_is_a_name_above_what_is_none() -> None:
    found = _csv("state,2018\nOhio,R+7\nIowa,R+6\nUtah,R+31\n")
    assert (found.status, list(found.types), len(found.rows)) == ("DONE", ["state", "2018"], 3)
    among_others = _csv("Ohio,2018\nIowa,2017\nUtah,1999\nTexas,5\n")
    assert len(among_others.rows) == 4


@pytest.mark.parametrize("text", ["ABBA", '"]"bla]""'])
def test_a_file_of_one_line_that_names_nothing_is_not_empty(text: str) -> None:
    found = _csv(text)
    assert found.conversion is not None
    assert found.conversion.read == 1


def test_a_header_alone_is_empty() -> None:
    assert _csv("id,name,created_at\n").status == "EMPTY"


def test_quotes_that_match_nowhere_are_characters() -> None:
    rows = [f'{n};"he said "yes" again"' for n in range(6)]
    found = _csv("\n".join([*rows, '6;"he said "no"; again"']) + "\n")
    assert (len(found.rows), found.reasons) == (6, [(7, "FIELD_COUNT")])


def test_a_table_whose_lines_are_longer_than_the_sample_has_its_header() -> None:
    width = 700
    header = ",".join(["id", *(f"{n}" + "0" * 60 for n in range(width))])
    rows = [",".join([f"id{row}", *["TRUE" * 1 + "x" * 60] * width]) for row in range(3)]
    found = _csv("\n".join([header, *rows]) + "\n")
    assert len(found.rows) == 3
    assert next(iter(found.types)) == "id"


def test_where_no_two_rows_are_alike_the_first_is_the_measure() -> None:
    found = _csv("id,name,age\n1,Ann\n2,Bob,26,x\n")
    assert found.reasons == [(1, "FIELD_COUNT"), (2, "FIELD_COUNT")]


def test_names_in_a_comment_above_numbers_may_have_spaces() -> None:
    found = _csv("# energy (MeV), n (cm2 g-1)\n0.0, 1.5\n0.1, 2.5\n0.2, 3.5\n")
    assert found.status == "DONE"
    assert len(found.rows) == 3
    assert list(found.values[0].values()) == [0.0, 1.5]
    prose = _csv("# made in May, 2020\n0.0,1.5\n0.1,2.5\n")
    assert prose.reasons == [(1, "NOT_A_ROW")]


def test_a_table_without_names_does_not_hide_a_plain_header() -> None:
    table = {"column_1": "bigint", "column_2": "bigint"}
    assert len(_csv("1,2\n3,4\n", table).rows) == 2
    assert len(_csv("a,b\n3,4\n", table).rows) == 1
    assert len(_csv("a,b\nc,d\n", table).rows) == 2


def test_a_last_row_that_sums_up_is_no_row() -> None:
    rows = "".join(f"{n},Graz,{n}.5\n" for n in range(1, 40))
    found = _csv(f"order,city,amount\n{rows}Total,,819.5\n")
    assert found.reasons == [(40, "NOT_A_ROW")]
    assert found.types["order"] == "bigint"
    of_texts = _csv("name,amount\nAnn,1\nBob,2\nCyd,4\nTotal,7\n")
    assert len(of_texts.rows) == 4


def test_single_quotes_are_quotes_where_that_makes_rows_equally_wide() -> None:
    rows = "".join(f"{n},'Ann, {n}',{n}.5\n" for n in range(5))
    found = _csv(f"id,'name',amount\n{rows}")
    assert (found.status, list(found.types)) == ("DONE", ["id", "name", "amount"])
    assert found.values[0] == {"id": 0, "name": "Ann, 0", "amount": 0.5}
    kept = _csv("id,name\n1,'a'\n2,O'Hara\n")
    assert [row["name"] for row in kept.values] == ["'a'", "O'Hara"]


def test_a_header_may_begin_with_a_number_sign() -> None:
    found = _csv("#,Name,Type 1\n1,Bulba,Grass\n2,Ivy,Fire\n")
    assert len(found.rows) == 2
    assert list(found.types)[1:] == ["name", "type_1"]


def test_a_header_of_which_some_columns_have_no_name() -> None:
    found = _csv("Minister,Date,Name,,\nAnn,May,Somebody,,\nBob,June,Another one,,\n")
    assert len(found.rows) == 2
    assert {"minister", "date", "name"} <= set(found.types)


def test_a_yaml_that_quotes_a_table_is_text() -> None:
    body = "body: |\n" + "".join(f"  {n},2,3,4\n" for n in range(90))
    found = convert(body.encode(), "data/t/a.yaml")
    assert found.conversion is not None
    assert found.conversion.format == "text"


def test_single_quotes_may_be_wrong_in_some_rows() -> None:
    rows = "".join(f"{n},'Ann, {n}, and so on',{n}.5\n" for n in range(8))
    found = _csv(f"id,'name',amount\n{rows}8,'it's, so',1.5\n9,'x',2.5\n")
    assert found.reasons == [(9, "MALFORMED_ROW")]
    assert found.values[0] == {"id": 0, "name": "Ann, 0, and so on", "amount": 0.5}


@pytest.mark.parametrize("body", [b"PARE" + bytes(40) + b"PARE", b"%PDF-1.7\n" + bytes(range(256))])
def test_a_member_that_is_not_read_is_named_with_how_its_archive_is_packed(body: bytes) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", "id,name\n1,Ann\n2,Bob\n")
        archive.writestr("b.dat", gzip.compress(body))
    found = convert(file.getvalue(), "data/t/x.zip")
    assert found.conversion is not None
    assert (found.status, found.conversion.compression) == ("STORED", "gzip+zip")
    (row,) = found.stored
    assert row["detail"].endswith(" inside gzip+zip: 'b.dat', one of 2 files")
    assert (row["media_type"], row["size"]) == ("application/zip", len(file.getvalue()))


def test_under_a_contract_that_says_csv_json_is_the_text_of_cells() -> None:
    body = b'text\n{"id": 1}\n{"id": 2}\n'
    found = convert(body, "data/t/a.json", contract={"x-format": "csv"})
    assert [row["text"] for row in found.values] == ['{"id": 1}', '{"id": 2}']
    body = b'{"id": 1}\n{"id": 2}\n'
    contract = {"x-format": "csv", "x-csv": {"header": False}}
    found = convert(body, "data/t/a.jsonl", contract=contract)
    assert [list(row.values()) for row in found.values] == [['{"id": 1}'], ['{"id": 2}']]


@pytest.mark.parametrize("lines", [30, 400, 3000])
@pytest.mark.parametrize("line", ["plain words", "Dear, reader, hello", "a;b", "1,2,3"])
@pytest.mark.parametrize("key", ["data/t/a.csv", "data/t/a"])
def test_cells_of_many_lines_are_cells_wherever_a_sample_begins(
    lines: int, line: str, key: str
) -> None:
    cell = "\n".join([line] * lines)
    count = 1_500_000 // len(cell) if lines < 3000 else 40
    mark = "," if "," in line else ";"
    rows = "".join(f'{n}{mark}"{cell}"{mark}{2 * n}\n' for n in range(count))
    found = convert(f"id{mark}text{mark}n\n{rows}".encode(), key)
    assert (found.status, len(found.rows)) == ("DONE", count)
    assert found.types == {"id": "bigint", "text": "string", "n": "bigint"}


SPACED = "".join(f"{n} {n * 1.5} 2024-01-{n + 1:02} w{n}\n" for n in range(1, 20))


@pytest.mark.parametrize("key", ["data/t/a", "data/t/a.dat", "data/t/a.csv"])
@pytest.mark.parametrize("header", ["", "id value on word\n"])
def test_numbers_at_single_spaces_are_a_table(key: str, header: str) -> None:
    found = convert((header + SPACED).encode(), key)
    assert found.conversion is not None
    assert (found.status, len(found.rows)) == ("DONE", 19)
    assert list(found.values[0].values()) == [1, 1.5, "2024-01-02", "w1"]
    assert "delimiter guessed: ' '" in found.conversion.guesses


@pytest.mark.parametrize(
    ("text", "key"),
    [
        *((SPACED, f"data/t/a.{ending}") for ending in ("log", "txt", "md")),
        (SPACED + "and 1 2 3 4 more\n", "data/t/a"),
        (SPACED.replace(" ", "  ", 1), "data/t/a"),
        ("2024-01-15 10:00:00 200 5\n" * 9, "data/t/a"),
        ("1 234 567\n8 123 000\n9 999 123\n", "data/t/a"),
        ("one two 3\nfour five 6\nsix seven 8\n", "data/t/a"),
    ],
)
def test_what_else_has_spaces_is_text(text: str, key: str) -> None:
    found = convert(text.encode(), key)
    assert found.conversion is not None
    assert found.conversion.format == "text"


@pytest.mark.parametrize(
    "names",
    ["gene,0.00,0.25,0.50,0.75", "name,0.1,0.5,0.9,1.3", "store,1,2,3,4,5"],
)
@pytest.mark.parametrize("key", ["data/t/a.csv", "data/t/a"])
def test_numbers_in_even_steps_beside_a_name_are_names(names: str, key: str) -> None:
    width = names.count(",")
    rows = "".join(
        f"row{n}," + ",".join(f"{n * n * (k * k + 1) % 97 / 7:.3f}" for k in range(width)) + "\n"
        for n in range(1, 20)
    )
    found = convert(f"{names}\n{rows}".encode(), key)
    assert len(found.rows) == 19
    assert list(found.types.values()) == ["string", *["double"] * width]


@pytest.mark.parametrize(
    "first", ["row0,0.1,0.5,0.9", "row0,1,2,3,4", "row0,2,2,2,2,2", "0.1,0.2,0.3"]
)
def test_numbers_in_other_order_are_a_row(first: str) -> None:
    rest = [",".join(["row1", "0.3", "0.2", "0.7", "0.5", "0.1"][: first.count(",") + 1])] * 5
    if first[0] == "0":
        rest = ["0.7,0.1,0.5"] * 5
    assert len(_csv("\n".join([first, *rest]) + "\n").rows) == 6


#: Exponents that neither doubles nor Python's decimals have.
_BEYOND = ["1e99999999999999999999", "-2.5E+99999999999999999999", "1E-99999999999999999999"]


@pytest.mark.parametrize("number", _BEYOND)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
def test_an_exponent_beyond_all_decimals_costs_nobody_else(number: str, name: str) -> None:
    bodies = {
        "a.json": f'[{{"id": 1, "n": {number}}}, {{"id": 2, "n": 1.5}}]',
        "a.jsonl": f'{{"id": 1, "n": {number}}}\n{{"id": 2, "n": 1.5}}\n',
        "a.csv": f"id,n\n1,{number}\n2,1.5\n",
    }
    found = convert(bodies[name].encode(), f"data/t/{name}")
    assert found.status == "DONE"
    first, second = sorted(found.rows, key=lambda row: int(row["id"]))
    # It is there by its digits, wherever it went; or it is zero, which 1e-400 is as a double, too.
    zero = ["0.0"] if "E-" in number and name != "a.csv" else []
    assert {number, *zero} & {str(first["n"]), *json.loads(first["_rescued_data"] or "{}").values()}
    assert str(second["n"]) == "1.5"
