"""Memory, disk, time and partitions: a clear verdict instead of a crash."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from datetime import date, timedelta
from time import process_time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.generate import json_lines
from engine.options import Options
from engine.write import ways
from store.errors import OutOfTimeError
from tests.conftest import ROOT
from tests.engine.test_long_values import FULL
from tests.support.engine import convert, lines

if TYPE_CHECKING:
    from pathlib import Path


def test_many_dates_make_one_file_each(tmp_path: Path) -> None:
    path = tmp_path / "object"
    count = json_lines(path, 5_000_000, days=400)
    found = convert(path)
    assert found.conversion is not None
    outputs = found.conversion.outputs
    assert len(outputs) == len({f.partition for f in outputs}) == 400
    assert len(found.rows) == count


def test_too_many_dates_are_named_with_the_parameter() -> None:
    body = lines(*({"date": f"{y:04}-01-01"} for y in range(1900, 2030)))
    found = convert(body, options=Options(max_partitions=100))
    assert found.status == "TOO_LARGE"
    assert found.error is not None
    assert "130 dates, MaxPartitionsPerObject allows 100" in found.error.detail


@pytest.mark.parametrize("output", ["parquet", "json"])
def test_too_many_dates_are_told_before_there_is_a_file_for_each(output: str) -> None:
    days = (date(1980, 1, 1) + timedelta(days=n) for n in range(16_607))
    body = "n,date\n" + "".join(f"{n},{day}\n" for n, day in enumerate(days))
    options = Options(output_format=output)
    begun = process_time()
    found = convert(body.encode(), "data/t/a.csv", options=options)
    assert process_time() - begun < 8
    assert found.error is not None
    assert "16,607 dates, MaxPartitionsPerObject allows 4,000" in found.error.detail


def test_a_file_that_unpacks_to_more_than_the_disk_is_too_large() -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    found = convert(bomb, options=Options(disk_bytes=1_000_000))
    assert found.status == "TOO_LARGE"
    assert found.error is not None
    assert "EphemeralStorage" in found.error.detail


def test_without_time_the_object_is_handed_back() -> None:
    with pytest.raises(OutOfTimeError):
        convert(lines({"a": 1}), seconds_left=lambda: 1)


@pytest.mark.parametrize("packed", [False, True])
def test_what_cannot_be_finished_even_at_best_is_not_begun(packed: bool) -> None:
    slow = Options(vcpus=0.001)
    body = lines(*({"a": n, "b": "x" * 50} for n in range(10_000)))
    assert convert(body, options=slow, seconds_left=lambda: 20).status == "DONE"
    larger = gzip.compress(body * 3) if packed else body * 3
    with pytest.raises(OutOfTimeError, match=r"needs \d+ s at least and 20 s are left"):
        convert(larger, options=slow, seconds_left=lambda: 20)


MEMORY = """
import sys, tempfile
from datetime import UTC, datetime
from pathlib import Path
from engine.duck import DuckEngine
from engine.options import Options
from store.model import Source
from tests.support.peak import peak_mb
with tempfile.TemporaryDirectory() as work:
    source = Source(Path(sys.argv[1]), "raw", "data/t/o", "v1", "t", datetime.now(UTC))
    engine = DuckEngine(Options(output_format=sys.argv[2], max_columns=2500))
    done = engine.convert(source, None, Path(work), lambda: 900)
    assert done.read == done.accepted + done.quarantined > 0
print(peak_mb())
"""


def peak_of(path: Path, output: str = "parquet") -> int:
    """Give the MB that a fresh process takes at most to convert a file."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), output],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    "what", [pytest.param("few dates", marks=FULL), "many dates", "few dates and bad lines"]
)
def test_memory_stays_within_the_function(tmp_path: Path, what: str) -> None:
    path = tmp_path / "object"
    json_lines(
        path,
        # Each date has a file, whatever is in it.
        10_000_000 if what == "many dates" else 100_000_000,
        days=2000 if what == "many dates" else 3,
        bad=100 if "bad" in what else 0,
    )
    assert peak_of(path) < 450


@pytest.mark.parametrize("value", [pytest.param("[]", marks=FULL), '{"k": 1}'])
def test_a_record_of_millions_of_values_costs_itself(tmp_path: Path, value: str) -> None:
    path = tmp_path / "object"
    values = ",".join([value] * (14_000_000 // (len(value) + 1)))
    path.write_text(f'{{"a": 1}}\n{{"b": [{values}]}}\n{{"a": 2}}\n')
    assert peak_of(path) < 450


def wide(path: Path, columns: int, rows: int) -> None:
    """Records of all scalar kinds, spread over three dates."""

    def record(row: int) -> dict[str, Any]:
        values = [(row * n, row * n / 8, f"v{row * n}", row % 2 == 0) for n in range(columns - 1)]
        named = {f"c{n}": value[n % 4] for n, value in enumerate(values)}
        return {"date": f"2024-01-0{1 + row % 3}", **named}

    records = map(record, range(rows))
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in records))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(record(0))
            for one in records:
                writer.writerow(str(v).lower() if isinstance(v, bool) else v for v in one.values())
    else:
        pq.write_table(pa.Table.from_pylist(list(records)), path)


@pytest.mark.parametrize(
    ("suffix", "output", "columns"),
    [
        (".jsonl", "parquet", 2000),
        pytest.param(".csv", "parquet", 2000, marks=FULL),
        (".parquet", "parquet", 2000),
        (".parquet", "json", 500),
    ],
)
def test_many_columns_fit_the_function(
    tmp_path: Path, suffix: str, output: str, columns: int
) -> None:
    path = tmp_path / f"object{suffix}"
    # Text of so many fields is read exactly, which takes a minute for 1,500 records.
    wide(path, columns, 400 if suffix in (".csv", ".jsonl") else 800)
    # What the handler has beside the engine takes about 100 MB (docs/explanation/performance.md).
    assert peak_of(path, output) < 350


def test_a_large_output_is_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "_MAX_FILE", 300_000)
    path = tmp_path / "object"
    count = json_lines(path, 20_000_000, days=2)
    found = convert(path)
    assert found.conversion is not None
    names = [(file.partition, file.part) for file in found.conversion.outputs]
    assert len(set(names)) == len(names) >= 4
    assert len(found.rows) == count
