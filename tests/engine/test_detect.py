"""What a file is: its content decides, its name and its media type break ties."""

from __future__ import annotations

import gzip
import io
import struct
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from engine.open.detect import Said
from engine.open.opened import Opened, opened
from engine.open.stored import Stored
from store.errors import RejectedObjectError
from tests.support.engine import convert
from tests.support.packing import tarred, zipped

if TYPE_CHECKING:
    from pathlib import Path

TABLE = pa.table({"id": [1, 2]})
MEDIA_TYPES = [
    "",
    "text/csv",
    "application/json",
    "application/x-ndjson",
    "application/octet-stream",
    "application/gzip",
    "application/x-parquet",
    "image/png",
    "text/html; charset=utf-8",
]


def of(
    body: bytes, folder: Path, key: str = "data/t/object", content_type: str = "", hint: str = ""
) -> list[Opened] | Stored:
    for old in folder.iterdir():
        old.unlink()
    path = folder / "object"
    path.write_bytes(body)
    return opened(path, key, Said(content_type, hint), folder, 10**9, lambda: None)


def name(body: bytes, folder: Path, key: str = "data/t/object", content_type: str = "") -> str:
    found = of(body, folder, key, content_type)
    assert isinstance(found, list)
    (part,) = found
    return part.format.name


@pytest.mark.parametrize(
    "body",
    [
        b"[[Main Page]] is a wiki page\nsecond line\n",
        b"{{ config(materialized='table') }}\nselect 1\n",
        b"{% macro x() %}\n{{ x }}\n",
        b'[[bin]]\nname = "x"\npath = "y"\n',
        b"[section]\nkey = value\n",
        (
            b"[2024-01-15 10:00:00] INFO start\n[2024-01-15 10:00:01] INFO request body:\n"
            b'{"id": 1}\n[2024-01-15 10:00:02] INFO done\n'
        ),
        b'{"id": 1}\n[2024-01-15 10:00:02] INFO done\n[2024-01-15 10:00:03] INFO done\n',
        b"[1] a footnote\n[2] another\n",
        b"{id: 1, name: x}\n",
        b"{'id': 1}\n",
        b"[ERROR] it failed\n",
        b"{\n  body { color: red }\n}\n",
        b"{a",
    ],
)
@pytest.mark.parametrize("key", ["data/t/object", "data/t/object.txt", "data/t/object.log"])
@pytest.mark.parametrize("content_type", ["", "application/json"])
def test_a_text_that_only_begins_like_json_is_text(
    body: bytes, key: str, content_type: str, tmp_path: Path
) -> None:
    assert name(body, tmp_path, key, content_type) == "text"


DOCUMENTS = {
    "pretty": b'{\n "a": 1,\n "b": 2\n}\n',
    "concatenated": b'{"a":1}{"a":2}\n{"a":3}{"a":4}\n',
    "mixed": b'{"a":1}\n{"a":2}{"a":3}\n{"a":4}\n{"a":5}\n{"a":6}\n',
    "commas": b'{"a":1,"b":"x"},\n{"a":2,"b":"y"},\n{"a":3,"b":"z"}\n',
    "commas on a line": b'{"a":1},{"a":2},{"a":3}',
    "escaped line feeds": b'{"a":"foo","n":1}\\n{"a":"bar","n":2}\\n',
    "array": b'[\n {"a": 1},\n {"a": 2}\n]\n',
    "long": b'[\n {"a": "' + b"x" * 300_000 + b'"}\n]\n',
    "long array": b"[\n" + b' {"a": 1, "b": [1.5, null, "x\\ny"]},\n' * 20_000 + b" {}]",
    "broken further on": b'[\n {"a": 1},\n {"a": oops}\n]\n',
    "cut off": b'[\n {"a": 1},\n {"a": 2},\n',
}


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("ending", ["", ".json", ".jsonl", ".ndjson", ".txt"])
def test_a_document_is_one_by_any_name(body: bytes, ending: str, tmp_path: Path) -> None:
    assert name(body, tmp_path, f"data/t/object{ending}") == "json"


LINES = {
    "plain": b'{"a": 1}\n{"a": 2}\n',
    "one broken": b'{"a": 1}\n{"a": \n{"a": 3}\n{"a": 4}\n',
    "first broken": b'x {"a": 1}\n{"a": 2}\n{"a": 3}\n{"a": 4}\n',
    "first is a number": b'1\n{"a": 2}\n{"a": 3}\n',
    "arrays": b"[1, 2]\n[3, 4]\n",
}


@pytest.mark.parametrize("body", LINES.values(), ids=LINES)
@pytest.mark.parametrize("ending", ["", ".json", ".jsonl", ".log"])
def test_json_lines_are_ones_by_any_name(body: bytes, ending: str, tmp_path: Path) -> None:
    assert name(body, tmp_path, f"data/t/object{ending}") == "jsonl"


@pytest.mark.parametrize("body", [b"1\n2\n", b'"a"\n"b"\n', b"true\nnope\n", b'{"a": 1}\n'])
def test_a_tie_is_broken_by_the_name(body: bytes, tmp_path: Path) -> None:
    assert name(body, tmp_path, "data/t/object.jsonl") == "jsonl"


@pytest.mark.parametrize("content_type", MEDIA_TYPES)
@pytest.mark.parametrize("ending", ["", ".bin"])
def test_a_wrong_media_type_does_not_matter(content_type: str, ending: str, tmp_path: Path) -> None:
    for body, wanted in (
        (b'"id","name"\n"1","ann"\n"2","bob"\n', "csv"),
        (b"id,name\n1,ann\n2,bob\n", "csv"),
        (b'{"id":1}\n{"id":2}\n', "jsonl"),
        (b"just words\nmore words\n", "text"),
    ):
        assert name(body, tmp_path, f"data/t/object{ending}", content_type) == wanted


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"just words\nmore words\n", "line 1, column 1"),
        (b"<html>\n<body>\n", "line 1, column 1"),
        (b"\n\nxyz", "line 3, column 1"),
    ],
)
@pytest.mark.parametrize("ending", ["json", "jsonl", "geojson"])
def test_what_is_named_as_json_and_has_none_is_rejected_with_the_place(
    body: bytes, place: str, ending: str, tmp_path: Path
) -> None:
    with pytest.raises(RejectedObjectError) as caught:
        of(body, tmp_path, f"data/t/object.{ending}")
    assert caught.value.code == "UNKNOWN_FORMAT"
    assert place in caught.value.detail


def test_a_table_named_as_json_is_a_table(tmp_path: Path) -> None:
    assert name(b"id,name\n1,ann\n2,bob\n", tmp_path, "data/t/object.json") == "csv"


def test_the_contract_counts_more_than_the_name(tmp_path: Path) -> None:
    found = of(b"1\n2\n", tmp_path, "data/t/object.csv", hint="jsonl")
    assert isinstance(found, list)
    assert found[0].format.name == "jsonl"
    found = of(b'{"a": 1}\n', tmp_path, "data/t/object.json", hint="text")
    assert isinstance(found, list)
    assert found[0].format.name == "text"


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": 1, "name": "a"}\n{"id": 2, "name": "b"}\n',
        b'[{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]\n',
    ],
)
@pytest.mark.parametrize("key", ["data/t/x.json", "data/t/x.log", "data/t/x.csv"])
def test_json_is_cells_where_the_contract_says_csv(body: bytes, key: str, tmp_path: Path) -> None:
    found = of(body, tmp_path, key, "application/json", "csv")
    assert isinstance(found, list)
    assert found[0].format.name == "csv"


@pytest.mark.parametrize("ending", ["toml", "ini", "yaml", "md", "log", "txt", "cfg"])
@pytest.mark.parametrize("body", [b"[]", b"[]\n", b"[1]\n", b"[section]\n", b"[1]\nx=1\n[2]\n"])
def test_brackets_alone_prove_no_json_in_a_file_of_text(
    ending: str, body: bytes, tmp_path: Path
) -> None:
    assert name(body, tmp_path, f"data/t/object.{ending}") == "text"
    assert name(b'[]\n{"a": 1}\n{"a": 2}\n', tmp_path, f"data/t/object.{ending}") == "jsonl"


def test_brackets_alone_are_json_in_a_file_without_a_name(tmp_path: Path) -> None:
    assert name(b"[]\n", tmp_path) == "json"


@pytest.mark.parametrize("hint", ["json", "jsonl"])
def test_a_table_is_not_guessed_where_the_contract_says_json(hint: str, tmp_path: Path) -> None:
    with pytest.raises(RejectedObjectError) as caught:
        of(b"id,name\n1,a\n2,b\n", tmp_path, "data/t/x.csv", hint=hint)
    assert caught.value.code == "UNKNOWN_FORMAT"


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (b"a,b\n1,2\n", "csv"),
        (b"a;b\r\n1;2\r\n", "csv"),
        (b'{"a": 1, "b": 2}\n', "jsonl"),
        (b'[{"a": 1, "b": 2}]\n', "json"),
        (b"a line\n", "txt"),
    ],
)
def test_the_byte_by_which_dos_ends_a_file_is_no_record(body: bytes, ending: str) -> None:
    plain = convert(body, f"data/t/a.{ending}")
    for ended in (body + b"\x1a", gzip.compress(body + b"\x1a")):
        found = convert(ended, f"data/t/a.{ending}")
        assert (found.status, found.types) == ("DONE", plain.types)
        assert found.values == plain.values


def test_the_byte_by_which_dos_ends_a_file_is_a_value_elsewhere() -> None:
    found = convert(b"a,b\n" + b"1,x\n" * 30 + b"2,\x1a\n3,y\x1a", "data/t/a.csv")
    assert [row["b"] for row in found.values[-2:]] == ["\x1a", "y\x1a"]


def test_what_is_no_text_stays_what_it_is(tmp_path: Path) -> None:
    found = of(_file(parquet.write_table), tmp_path, "data/t/x.csv", hint="csv")
    assert isinstance(found, list)
    assert found[0].format.name == "parquet"


def _file(write: object) -> bytes:
    file = io.BytesIO()
    write(TABLE, file)  # type: ignore[operator]  # one of PyArrow's functions
    return file.getvalue()


def test_parquet_is_known(tmp_path: Path) -> None:
    assert name(_file(parquet.write_table), tmp_path, "data/t/object.csv", "text/csv") == "parquet"
    assert name(b"PARE" + bytes(100) + b"PARE", tmp_path) == "parquet"


COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
ORC = _file(orc.write_table)
SHEETS = {
    "orc": ORC,
    "xlsx": zipped(("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x")),
    "xlsb": zipped(("[Content_Types].xml", b"x"), ("xl/workbook.bin", b"x")),
    "ods": zipped(("mimetype", b"application/vnd.oasis.opendocument.spreadsheet")),
    "xls": COMPOUND + "Workbook\0".encode("utf-16-le"),
}
DATABASE = b"SQLite format 3\0" + bytes(84)
UNREAD = {
    "JAR": (
        zipped(("META-INF/MANIFEST.MF", b"x")),
        "a Java archive",
        "application/java-archive",
    ),
    "DOCX": (
        zipped(("[Content_Types].xml", b"x"), ("word/document.xml", b"x")),
        "a Word document",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "DOC": (
        COMPOUND + "WordDocument\0".encode("utf-16-le"),
        "a Word document",
        "application/msword",
    ),
    "SQLite": (DATABASE, "a SQLite database", "application/vnd.sqlite3"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image", "image/png"),
    "PDF": (b"%PDF-1.7\n\0\0\x01\xff", "PDF", "application/pdf"),
    "PDF in ASCII": (b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\n", "PDF", "application/pdf"),
    "WAV": (b"RIFF" + struct.pack("<L", 36) + b"WAVEfmt \0\0\0", "WAV audio", "audio/vnd.wave"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(30), "a 7z archive", "application/x-7z-compressed"),
    "MP4": (bytes(3) + b"\x18ftypisom" + bytes(20), "ISO media", "video/mp4"),
    "bytes": (bytes(range(256)), "bytes of no known format", "application/octet-stream"),
}


@pytest.mark.parametrize("kind", SHEETS)
def test_workbooks_and_orc_are_known_by_their_content(kind: str, tmp_path: Path) -> None:
    assert name(SHEETS[kind], tmp_path, "data/t/object.csv", "text/csv") == kind
    assert name(zipped(("a.csv", SHEETS[kind])), tmp_path) == kind


@pytest.mark.parametrize(("body", "called", "media_type"), UNREAD.values(), ids=UNREAD)
def test_what_is_not_read_says_what_it_is(
    body: bytes, called: str, media_type: str, tmp_path: Path
) -> None:
    found = of(body, tmp_path, "data/t/object.csv.gz")
    assert isinstance(found, Stored)
    assert found.detail.startswith(f"not read: {called}")
    assert (found.media_type, found.compression) == (media_type, "none")


def test_what_is_not_read_says_where_it_is(tmp_path: Path) -> None:
    body = DATABASE
    found = of(zipped(("a.db", body)), tmp_path)
    assert isinstance(found, Stored)
    assert found.detail == "not read: a SQLite database inside zip"
    assert found.path.read_bytes() == body
    whole = tarred(("a.csv", b"a,b\n1,2\n"), ("b.db", body), mode="w:gz")
    found = of(whole, tmp_path)
    assert isinstance(found, Stored)
    assert found.detail == "not read: a SQLite database inside tar+gzip: 'b.db', one of 2 files"
    assert found.path.read_bytes() == whole
    assert found.media_type == "application/gzip"


@pytest.mark.parametrize(
    "body",
    [
        b"ORCID,name\n0000-0001,ann\n0000-0002,bob\n",
        b"PK,name\n1,ann\n2,bob\n",
        b"ID3,name\n1,ann\n2,bob\n",
        b"RIFF,name\n1,ann\n2,bob\n",
        b"BZh9,name\n1,ann\n2,bob\n",
    ],
)
def test_a_table_that_begins_like_a_format_is_a_table(body: bytes, tmp_path: Path) -> None:
    assert name(body, tmp_path) == "csv"


def test_each_part_has_a_format_of_its_own(tmp_path: Path) -> None:
    body = zipped(
        ("a.csv", b"a,b\n1,2\n3,4\n"),
        ("b.jsonl", b'{"a": 1}\n{"a": 2}\n'),
        ("c.parquet", _file(parquet.write_table)),
        ("d.csv", "a;b\nKöln;1\nÖland;2\n".encode("cp1252")),
    )
    found = of(body, tmp_path)
    assert isinstance(found, list)
    assert [part.format.name for part in found] == ["csv", "jsonl", "parquet", "csv"]
    assert [part.guess for part in found] == ["", "", "", "encoding guessed: cp1252"]


def test_control_characters_that_divide_fields_are_text(tmp_path: Path) -> None:
    # Hive's ^A and FIX's; which of them is a table the dialect says.
    for body in (b"1\x01ann\x01\\N\x013.5\n", b"8=FIX.4.4\x019=65\x0135=D\x01\n"):
        assert name(body, tmp_path) in {"text", "csv"}


@pytest.mark.parametrize("key", ["data/t/x.txt", "data/t/x.json", "data/t/x"])
@pytest.mark.parametrize("body", [b'{"a": "x"}\n[%b\n', b"[\n%b,\n1", b'{"a": 1,\n"b": %b\n}\n'])
def test_a_number_of_thousands_of_digits_is_no_fault_of_ours(key: str, body: bytes) -> None:
    assert convert(body % (b"9" * 5000), key).status in ("DONE", "PARTIAL", "REJECTED")
