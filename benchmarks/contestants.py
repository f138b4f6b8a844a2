"""One measured run: ``python -m benchmarks.contestants NAME WORK FILE OUTPUT``.

Each contestant reads the file and writes zstd Parquet partitioned by date. Printed as one line of
JSON: processor seconds, wall seconds, peak memory, bytes written.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.clock import passed, start

MEMORY_MB = 256

_LOADED = {
    "duckdb_copy": ("duckdb",),
    "ours": ("engine.duck",),
    "contract": ("engine.duck", "contract.loading"),
    "polars": ("polars",),
    "pyarrow": ("pyarrow.csv", "pyarrow.dataset", "pyarrow.json", "pyarrow.parquet"),
    "pandas": ("pandas", "pyarrow.parquet"),
    "awswrangler": ("awswrangler",),
}

_KINDS = {".csv": "csv", ".parquet": "parquet"}


@dataclass(frozen=True, slots=True)
class Work:
    """What a contestant is told of a file.

    Attributes
    ----------
    name : str
        Of the work.
    kind : str
        ``csv``, ``parquet`` or ``json``.
    moment : str
        The column that dates a record.
    """

    name: str
    kind: str
    moment: str

    @classmethod
    def of(cls, name: str, file: Path) -> Work:
        """Tell it by the names."""
        flights = name in ("csv", "csv_one_date")
        return cls(name, _KINDS.get(file.suffix, "json"), "time_hour" if flights else "timestamp")


def duckdb_copy(work: Work, file: Path, output: Path) -> None:
    """Run DuckDB alone: the floor, which checks nothing and keeps no account."""
    import duckdb

    database = duckdb.connect()
    database.execute(
        f"SET threads = 1; SET memory_limit = '{MEMORY_MB}MB'; SET TimeZone = 'UTC'; "
        f"SET temp_directory = '{output}.spill'"
    )
    ignoring = ", ignore_errors = true" if work.name == "dirty" else ""
    source = {
        "csv": f"read_csv('{file}')",
        "parquet": f"read_parquet('{file}')",
        "json": f"read_json('{file}', format = 'newline_delimited'{ignoring})",
    }[work.kind]
    database.execute(
        f"COPY (SELECT *, strftime({work.moment}, '%Y-%m-%d') AS date_partition FROM {source}) "
        f"TO '{output}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date_partition))"
    )


def ours(work: Work, file: Path, output: Path) -> None:
    """Run the engine of this project on a local file, as the function runs it."""
    _convert(work, file, output, {})


def contract(work: Work, file: Path, output: Path) -> None:
    """Run the same engine for a dataset that has a contract."""
    from contract.loading import read

    path = Path(__file__).with_name("contract.schema.json")
    _convert(work, file, output, {"bench": read(path, "bench")})


def _convert(work: Work, file: Path, output: Path, contracts: dict[str, Any]) -> None:
    from engine.duck import DuckEngine
    from engine.options import Options
    from store.model import Column, Schema, Source

    output.mkdir()
    table, beside = None, file.with_name(f"{file.name}.table")
    if beside.exists():
        columns = json.loads(beside.read_text(encoding="utf-8")).items()
        table = Schema(tuple(Column(name, kind) for name, kind in columns))
    key = f"data/bench/{file.name}"
    source = Source(file, "raw", key, "v1", "bench", datetime(2024, 1, 1, tzinfo=UTC))
    options = Options(disk_bytes=20_000_000_000, date_columns=(work.moment,))
    done = DuckEngine(options, contracts).convert(source, table, output, lambda: 900)
    if done.read != done.accepted + done.quarantined:
        raise AssertionError("a record was lost")
    sys.stderr.write(
        f"{done.status} {done.format} {done.accepted} {done.quarantined} {done.rescued}\n"
    )


def main() -> None:
    """Run one contestant and print its figures."""
    from benchmarks import function, peers

    name, file, output = sys.argv[1], Path(sys.argv[3]), Path(sys.argv[4])
    # What an invocation finds loaded is not part of its work; the cold start is measured alone.
    for module in _LOADED.get(name, ()):
        importlib.import_module(module)
    found = next(
        getattr(m, name) for m in (sys.modules[__name__], peers, function) if name in dir(m)
    )
    start()
    found(Work.of(sys.argv[2], file), file, output)
    cpu, wall = passed()
    # Unlike ru_maxrss, this is not inherited from the process that started this one.
    peak = Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]
    written = sum(path.stat().st_size for path in output.rglob("*.parquet"))
    figures = {"cpu": cpu, "wall": wall, "rss_mb": int(peak) / 1024, "output_bytes": written}
    sys.stdout.write("\n" + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
