"""Run the engine on bytes and read what it wrote with another reader than its own."""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.schema import parse
from engine.duck import DuckEngine
from engine.options import Options
from store.errors import ObjectTooLargeError, RejectedObjectError
from store.model import Column, Conversion, OutputFile, Schema, Source, Status
from store.naming import dataset_of
from tests.support.athena import read

if TYPE_CHECKING:
    from collections.abc import Callable

CREATED = datetime(2024, 1, 20, 12, tzinfo=UTC)
LINEAGE = ("_source_key", "_source_version", "_rescued_data")


@dataclass
class Result:
    """What became of an object; the counts were checked against the files."""

    conversion: Conversion | None
    rows: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    stored: list[dict[str, Any]] = field(default_factory=list)
    error: RejectedObjectError | ObjectTooLargeError | None = None

    @property
    def status(self) -> str:
        if self.conversion is None:
            return "REJECTED" if isinstance(self.error, RejectedObjectError) else "TOO_LARGE"
        return self.conversion.status.value

    @property
    def types(self) -> dict[str, str]:
        assert self.conversion is not None
        return {
            column.name: column.type
            for column in self.conversion.schema.columns
            if column.name not in LINEAGE
        }

    @property
    def values(self) -> list[dict[str, Any]]:
        """The rows' own columns."""
        return [
            {k: v for k, v in row.items() if k not in LINEAGE and k != "date_partition"}
            for row in self.rows
        ]

    @property
    def rescued(self) -> list[dict[str, Any] | None]:
        return [json.loads(r) if (r := row["_rescued_data"]) else None for row in self.rows]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(entry["record_number"], entry["reason"]) for entry in self.quarantine]


@cache
def _warm(options: Options) -> DuckEngine:
    """An engine that has read other objects before, as a function's mostly has."""
    return DuckEngine(options, {})


def convert(
    body: bytes | Path,
    key: str = "data/t/object",
    table: dict[str, str] | None = None,
    options: Options | None = None,
    content_type: str = "",
    seconds_left: Callable[[], float] = lambda: 900,
    contract: Any = None,
    schema: Schema | None = None,
    engine: DuckEngine | None = None,
) -> Result:
    """Convert an object, read its files by PyArrow and hold the engine to its counts."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        path = body if isinstance(body, Path) else work / "object"
        if isinstance(body, bytes):
            path.write_bytes(body)
        dataset = dataset_of(key)
        source = Source(path, "raw", key, "v1", dataset, CREATED, content_type)
        known = schema
        if table is not None:
            known = Schema(tuple(Column(*c) for c in table.items()))
        (work / "job").mkdir()
        try:
            if engine is None and contract is None:
                engine = _warm(options or Options())
            elif engine is None:
                engine = DuckEngine(options or Options(), {dataset: parse(dataset, contract)})
                object.__setattr__(engine, "database", _warm(options or Options()).database)
            done = engine.convert(source, known, work / "job", seconds_left)
        except (RejectedObjectError, ObjectTooLargeError) as error:
            return Result(None, [], [], error=error)
        return _told(done, key)


def _told(done: Conversion, key: str) -> Result:
    rows = []
    names = [column.name for column in done.schema.columns]
    for file in done.outputs:
        found = (
            read(file.path, done.schema) if done.schema.format == "parquet" else _packed((file,))
        )
        assert len(found) == file.rows
        rows += [dict.fromkeys(names) | row | {"date_partition": file.partition} for row in found]
    quarantine, stored = _packed(done.quarantine), _packed(done.stored)
    assert done.read == done.accepted + done.quarantined
    assert (len(rows), len(quarantine)) == (done.accepted, done.quarantined)
    assert sum(row["_rescued_data"] is not None for row in rows) == done.rescued
    assert {row["_source_key"] for row in rows} <= {key}
    assert len(stored) == (done.status is Status.STORED)
    return Result(done, rows, quarantine, stored)


def rewritten(
    body: bytes,
    before: Schema | None,
    types: dict[str, str],
    options: Options | None = None,
    lost: str = "",
) -> tuple[Result, Result]:
    """Convert an object; give that, and what its rows are once its columns have other types."""
    key = "data/t/object"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "object").write_bytes(body)
        source = Source(work / "object", "raw", key, "v1", "t", CREATED)
        engine = _warm(options or Options())
        for name in ("job", "again"):
            (work / name).mkdir()
        done = engine.convert(source, before, work / "job", lambda: 900)
        first = _told(done, key)
        columns = [replace(c, type=types.get(c.name, c.type)) for c in done.schema.columns]
        columns = [column for column in columns if column.name != lost]
        table = replace(done.schema, columns=tuple(columns))
        files = [(file.path, file.partition) for file in done.outputs]
        again = engine.rewrite(source, iter(files), table, work / "again", lambda: 900)
        assert not any(path.exists() for path, _ in files)
        return first, _told(again, key)


def _packed(files: tuple[OutputFile, ...]) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in files
        for line in gzip.decompress(file.path.read_bytes()).decode().split("\n")[:-1]
    ]


def lines(*records: Any) -> bytes:
    """JSON Lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)
