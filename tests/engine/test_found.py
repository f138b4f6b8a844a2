"""Kinds of files that went wrong when real corpora were run; each reduced to a few lines of ours."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyorc
import pytest

from engine.duck import DuckEngine
from engine.job import Options
from tests.support.engine import convert


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
