"""What docs/reference/formats.md says is what the engine does with a tiny file of each format."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pyorc
import pytest

from engine.duck import DuckEngine
from engine.open.opened import READ
from engine.options import Options
from engine.read.formats import _READINGS
from tests.conftest import ROOT
from tests.engine.test_sheets import xlsx
from tests.support.engine import Result, convert
from tests.support.packing import (
    PACKINGS,
    compress,
    needs_cramjam,
    snappy_hadoop,
    snappy_java,
    tarred,
    zipped,
)
from tests.support.workbooks import compound, ods, xls

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")

ROWS: list[dict[str, Any]] = [{"id": 1, "name": "Anna"}, {"id": 2, "name": "Bert"}]
CSV = b"id,name\n1,Anna\n2,Bert\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)

#: Each row has a letter that is not ASCII.
GERMAN = "id,name\n1,Müller\n2,Köhler\n3,Schäfer\n"


def rows(mark: str) -> list[list[str]]:
    """The cells of the table between two marks, without its head."""
    inside = PAGE.split(f"<!-- {mark} -->")[1].split(f"<!-- /{mark} -->")[0]
    lines = [line for line in inside.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line[1:-1].split(" |")] for line in lines]


def table(mark: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in rows(mark)])


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def avro() -> bytes:
    file = io.BytesIO()
    fields = [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}]
    fastavro.writer(file, {"type": "record", "name": "r", "fields": fields}, ROWS)
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


def orc() -> bytes:
    file = io.BytesIO()
    with pyorc.Writer(file, "struct<id:bigint,name:string>") as writer:
        writer.writerows([tuple(row.values()) for row in ROWS])
    return file.getvalue()


FILES: dict[str, bytes] = {
    "JSON Lines": b"".join(json.dumps(row).encode() + b"\n" for row in ROWS),
    "JSON array": json.dumps(ROWS).encode(),
    '`{"Records": […]}`, as CloudTrail writes': json.dumps({"Records": ROWS}).encode(),
    "JSON objects that follow each other, over several lines each": "\n".join(
        json.dumps(row, indent=2) for row in ROWS
    ).encode(),
    "JSON text sequence (RFC 7464)": b"".join(
        b"\x1e" + json.dumps(row).encode() + b"\n" for row in ROWS
    ),
    "comma separated": CSV,
    "tab separated": CSV.replace(b",", b"\t"),
    "semicolon separated": CSV.replace(b",", b";"),
    "pipe separated": CSV.replace(b",", b"|"),
    "comma separated, without a header": b"1,0.5\n2,1.5\n3,2.5\n",
    "Parquet": parquet(),
    "Avro": avro(),
    "ORC": orc(),
    "spreadsheet, XLSX": xlsx(S=[["id", "name"], [1, "Anna"], [2, "Bert"]]),
    "spreadsheet, ODS": ods([["id", "name"], [1, "Anna"], [2, "Bert"]]),
    "spreadsheet, XLS": xls([["id", "name"], [1, "Anna"], [2, "Bert"]]),
    "text and logs": b"10:00:00 INFO started, and ready\n10:00:01 WARN slow\n",
    "XML, YAML, source code": b"<orders>\n  <order id='1'/>\n</orders>\n",
    "nothing": b"",
}


def twice(body: bytes) -> list[tuple[str, bytes]]:
    """Members of an archive, one of them no data."""
    return [("first", body), ("_SUCCESS", b""), ("folder/second", body)]


@pytest.fixture(scope="module")
def engine() -> DuckEngine:
    """One for many files: opening a database takes longer than reading a tiny file."""
    return DuckEngine(Options())


def check(found: Result, status: str, columns: list[str], form: str) -> None:
    assert found.conversion is not None, found.error
    assert (found.status, found.conversion.format) == (status, form)
    if columns:
        assert list(found.types) == columns


@table("formats")
def test_a_format_becomes_what_the_page_says(row: list[str], engine: DuckEngine) -> None:
    name, *cells = row
    (plain,), (packed,), (archived,), columns, (form,) = map(codes, cells)
    body = FILES[name]
    alone = convert(body, engine=engine)
    check(alone, plain, columns, form)
    for pack in PACKINGS.values():
        found = convert(pack(body), engine=engine)
        check(found, packed, columns, form)
        assert found.values == alone.values
    for archive in (zipped, tarred):
        found = convert(archive(*twice(body)), engine=engine)
        check(found, archived, columns, form)
        assert found.values == alone.values * 2


def test_every_format_that_has_a_reader_is_on_the_page() -> None:
    named = {name for row in rows("formats") for name in codes(row[-1])}
    assert named | {"xlsb"} == set(_READINGS) >= READ
    assert FILES.keys() == {row[0] for row in rows("formats")}


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "not at all": bytes,
    "gzip": gzip.compress,
    "Zstandard": PACKINGS["zstd"],
    "bzip2": PACKINGS["bzip2"],
    "xz": PACKINGS["xz"],
    "LZ4 frames": lambda body: PACKINGS["lz4"](body),
    "Snappy frames": lambda body: PACKINGS["snappy"](body),
    "Snappy as Java writes it": snappy_java,
    "Snappy as Hadoop writes it, in a file named `.snappy`": snappy_hadoop,
    "compress, `.Z`": compress,
    "ZIP": lambda body: zipped(("a.csv", body)),
    "tar": lambda body: tarred(("a.csv", body)),
    "tar within gzip": lambda body: tarred(("a.csv", body), mode="w:gz"),
    "gzip within gzip": lambda body: gzip.compress(gzip.compress(body)),
    "gzip within tar": lambda body: tarred(("a.csv.gz", gzip.compress(body))),
}


@needs_cramjam
@table("packings")
def test_a_packing_is_undone_and_named(row: list[str]) -> None:
    found = convert(PACKED[row[0]](CSV), "data/t/a.csv.snappy")
    assert found.conversion is not None, found.error
    assert (found.status, found.conversion.compression) == ("DONE", *codes(row[1]))
    assert found.values == ROWS


def encrypted() -> bytes:
    body = bytearray(zipped(("a.csv", CSV)))
    body[6] |= 1
    body[body.find(b"PK\x01\x02") + 8] |= 1
    return bytes(body)


def deflate64() -> bytes:
    body = bytearray(zipped(("a.csv", CSV)))
    for at in (8, body.find(b"PK\x01\x02") + 10):
        struct.pack_into("<H", body, at, 9)
    return bytes(body)


def layers(count: int) -> bytes:
    body = CSV
    for _ in range(count):
        body = gzip.compress(body)
    return body


UNREAD: dict[str, bytes] = {
    "PDF": b"%PDF-1.7\n" + bytes(range(256)),
    "PNG image": PNG,
    "PNG image, packed by gzip": gzip.compress(PNG),
    "ZIP archive of a CSV file and a PNG image": zipped(("a.csv", CSV), ("b.png", PNG)),
    "Word document": zipped(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")),
    "Java archive": zipped(("META-INF/MANIFEST.MF", b""), ("A.class", b"\xca\xfe\xba\xbe")),
    "Arrow": b"ARROW1\0\0" + bytes(40),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "SQLite database": b"SQLite format 3\0" + bytes(40),
    "7z archive": b"7z\xbc\xaf\x27\x1c" + bytes(40),
    "ZIP archive with a password": encrypted(),
    "ZIP archive packed by deflate64": deflate64(),
    "bytes of no known format": bytes(range(32)) * 9,
    "workbook with a password": compound("EncryptedPackage", b"\1"),
    "encrypted Parquet": b"PARE" + bytes(40) + b"PARE",
    "truncated Parquet": parquet()[:-9],
    "truncated gzip": gzip.compress(CSV)[:-5],
    "truncated JSON object": b'{"id": 1, "a": [2',
    "text that is named `.json`": b"first line\nsecond line\n",
    "page of HTML that is named `.csv`": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
    "archive of 1,001 files": zipped(*((f"{n}.csv", CSV) for n in range(1001))),
    "nine layers of gzip": layers(9),
    "archive of nothing": zipped(("_SUCCESS", b"")),
}


@table("unread")
def test_what_is_not_read_has_the_status_and_the_words_of_the_page(row: list[str]) -> None:
    name, status, reason, detail = row
    extension = re.search(r"named `(\.\w+)`", name)
    found = convert(UNREAD[name], f"data/t/a{extension[1]}" if extension else "data/t/object")
    assert found.status == codes(status)[0]
    if found.conversion is None:
        assert found.error is not None
        assert codes(reason) == [found.error.code]
        assert found.error.detail.startswith(detail)
    else:
        assert (reason, found.conversion.detail) == ("", detail)


ENCODED: dict[str, tuple[bytes, dict[str, Any]]] = {
    "UTF-8": (GERMAN.encode(), {}),
    "UTF-8 with a byte order mark": (GERMAN.encode("utf-8-sig"), {}),
    "UTF-16 with a byte order mark": (GERMAN.encode("utf-16"), {}),
    "UTF-16 without one": (GERMAN.encode("utf-16-le"), {}),
    "UTF-32 with a byte order mark": (GERMAN.encode("utf-32"), {}),
    "Windows-1252, content type `text/csv; charset=cp1252`": (
        GERMAN.encode("cp1252"),
        {"content_type": "text/csv; charset=cp1252"},
    ),
    "Windows-1252, `x-encoding` in the contract": (
        GERMAN.encode("cp1252"),
        {"contract": {"type": "object", "x-encoding": "cp1252"}},
    ),
    "Windows-1252": (GERMAN.encode("cp1252"), {}),
    "bytes that are letters in no language": (bytes(range(0x80, 0x100)) * 2, {}),
}


@table("encodings")
def test_an_encoding_is_known_or_guessed_as_the_page_says(row: list[str]) -> None:
    body, said = ENCODED[row[0]]
    found = convert(body, "data/t/a.csv", **said)
    assert found.conversion is not None, found.error
    assert [guess for guess in found.conversion.guesses if guess.startswith("encoding")] == (
        [row[2]] if row[2] else []
    )
    if "no language" not in row[0]:
        assert [one["name"] for one in found.values] == ["Müller", "Köhler", "Schäfer"]
