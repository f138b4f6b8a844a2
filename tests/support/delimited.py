"""Convert delimited bytes through the generic conversion, and read what was written."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.csv import CsvSettings
from contract.schema import parse
from engine.convert.optimistic import convert
from engine.database import Database
from engine.job import Options, opened
from engine.open.dialect import Context, find_dialect, read_samples
from engine.read.delimited import Delimited
from store.model import Column, Schema, Source
from tests.support.athena import read
from tests.support.engine import Result

if TYPE_CHECKING:
    from engine.open.dialect import Dialect

CREATED = datetime(2024, 1, 20, 12, tzinfo=UTC)
OPTIONS = Options(memory_mb=400, disk_bytes=10**9)
DATABASE = Database(OPTIONS)


def dialect_of(
    data: bytes,
    extension: str = "csv",
    settings: CsvSettings | None = None,
    table: tuple[str, ...] = (),
) -> Dialect | None:
    """Find the dialect of a file of these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        context = Context(extension, settings or CsvSettings(), table)
        return find_dialect(read_samples(path), context)


def convert_csv(
    data: bytes,
    *,
    extension: str = "csv",
    table: dict[str, str] | None = None,
    contract: dict[str, Any] | None = None,
    settings: CsvSettings | None = None,
) -> Result:
    """Convert a file of these bytes."""
    schema = Schema(tuple(Column(n, t) for n, t in table.items())) if table else None
    said = parse(json.dumps(contract), "demo") if contract else None
    dialect = dialect_of(data, extension, settings, tuple(table or ()))
    assert dialect is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.csv"
        path.write_bytes(data.removeprefix(b"\xef\xbb\xbf"))
        work = Path(folder) / "work"
        work.mkdir()
        source = Source("bucket", "data/demo/in.csv", "v1", "demo", path, CREATED, "")
        with opened(source, schema, OPTIONS, work, lambda: 600.0, DATABASE, said) as job:
            done = convert(job, Delimited(job, path, dialect))
            rows = [row for file in done.outputs for row in read(file, done.schema)]
            kept = [row for file in done.quarantine for row in read(file, None)]
        assert done.records_read == len(rows) + len(kept)
        return Result(done, rows, kept)
