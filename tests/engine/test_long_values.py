"""Law 9: rows are held by their bytes, not by their number, whoever wrote the file."""

from __future__ import annotations

import csv
import json
import os
import random
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.wide import long_strings
from tests.engine.test_hostile import told

if TYPE_CHECKING:
    from pathlib import Path


#: The other writer and format take minutes, and the same path.
FULL = pytest.mark.skipif(os.environ.get("HOSTILE") != "full", reason="HOSTILE=full runs it")


def done(path: Path, rows: int) -> None:
    found = told(path)
    assert (found["status"], found["accepted"], found["quarantined"]) == ("DONE", rows, 0)


def texts(rows: int, length: int, seed: int = 0) -> pa.Array:
    """So many texts of so many characters that hardly pack."""
    drawn = random.Random(seed).randbytes(rows * length // 2).hex().encode()
    ends = np.arange(0, (rows + 1) * length, length, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(drawn))


@pytest.mark.parametrize(
    ("writer", "packs"), [pytest.param("duckdb", False, marks=FULL), ("pyarrow", True)]
)
def test_one_row_group_of_long_strings(writer: str, packs: bool, tmp_path: Path) -> None:
    rows, path = 9_000, tmp_path / "x.parquet"
    if not packs:
        long_strings(path, rows, 16_000)
    else:
        duckdb.execute(
            f"COPY (SELECT range AS id, repeat('word' || range, 2000) AS body FROM range({rows})) "
            f"TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {rows})"
        )
    if writer == "pyarrow":
        pq.write_table(pq.read_table(path), path, row_group_size=rows)
    done(path, rows)


@pytest.mark.parametrize("writer", ["duckdb", "pyarrow"])
def test_a_million_strings_of_which_few_differ(writer: str, tmp_path: Path) -> None:
    rows, path = 1_000_000, tmp_path / "x.parquet"
    if writer == "duckdb":
        duckdb.execute(
            f"COPY (SELECT range AS id, repeat(format('{{:04}}', range % 20), 250) AS a, "
            f"DATE '2024-01-01' + CAST(range % 5 AS INT) AS date FROM range({rows})) "
            f"TO '{path}' (FORMAT parquet)"
        )
    else:
        texts = pa.DictionaryArray.from_arrays(
            pa.array([n % 20 for n in range(rows)], pa.int32()),
            pa.array([f"{n:04}" * 250 for n in range(20)]),
        )
        pq.write_table(pa.table({"a": texts}), path)
    done(path, rows)


def test_long_strings_of_many_dates(tmp_path: Path) -> None:
    rows, path = 60_000, tmp_path / "x.parquet"
    dated = "DATE '2024-01-01' + CAST(hash(body) % 365 AS INT) AS date, body"
    bodies = pa.table({"body": texts(rows, 2048)})
    duckdb.from_arrow(bodies).project(dated).write_parquet(str(path))
    done(path, rows)


def test_pages_of_several_columns_that_memory_does_not_hold_at_once(tmp_path: Path) -> None:
    """DuckDB writes pages of 100 MB, and holds two of each column while it reads them."""
    rows, path = 40_000, tmp_path / "x.parquet"
    columns = {"id": range(rows)} | {f"c{n}": texts(rows, 2048, n) for n in range(3)}
    duckdb.from_arrow(pa.table(columns)).write_parquet(str(path))
    done(path, rows)


@pytest.mark.parametrize("suffix", [pytest.param("csv", marks=FULL), "jsonl"])
def test_long_strings_as_text(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    count = 5000 if os.environ.get("HOSTILE") == "full" else 1000
    rows = list(enumerate(texts(count, 16_000).to_pylist()))
    with path.open("w", newline="") as file:
        if suffix == "csv":
            csv.writer(file).writerows([("id", "body"), *rows])
        else:
            file.writelines(json.dumps({"id": n, "body": text}) + "\n" for n, text in rows)
    done(path, len(rows))
