"""One measured run: ``python -m benchmarks.contestants NAME WORK FILE OUTPUT``.

Each contestant reads the file as its documentation advises and writes zstd Parquet partitioned
by date. Printed as one line of JSON: processor seconds, wall seconds, peak memory, bytes written.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

#: The column that dates a record, by work.
MOMENT = {"json": "timestamp", "gzip": "timestamp", "dirty": "timestamp", "csv": "time_hour"}

MEMORY_MB = 256


def duckdb_copy(work: str, file: Path, output: Path) -> None:
    """Run DuckDB alone: the floor, which checks nothing and keeps no account."""
    import duckdb

    database = duckdb.connect()
    database.execute(
        f"SET threads = 1; SET memory_limit = '{MEMORY_MB}MB'; SET TimeZone = 'UTC'; "
        f"SET temp_directory = '{output}.spill'"
    )
    ignoring = ", ignore_errors = true" if work == "dirty" else ""
    source = (
        f"read_csv('{file}')"
        if work == "csv"
        else f"read_json('{file}', format = 'newline_delimited'{ignoring})"
    )
    database.execute(
        f"COPY (SELECT *, strftime({MOMENT[work]}, '%Y-%m-%d') AS date_partition FROM {source}) "
        f"TO '{output}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date_partition))"
    )


def ours(work: str, file: Path, output: Path) -> None:
    """Run the engine of this project on a local file, as the function runs it."""
    _convert(work, file, output, {})


def contract(work: str, file: Path, output: Path) -> None:
    """Run the same engine for a dataset that has a contract."""
    from contract.loading import read

    path = Path(__file__).with_name("contract.schema.json")
    _convert(work, file, output, {"bench": read(path, "bench")})


def _convert(work: str, file: Path, output: Path, contracts: dict[str, Any]) -> None:
    from engine.duck import DuckEngine
    from engine.job import Options
    from store.model import Source

    output.mkdir()
    key = f"data/bench/{file.name}"
    source = Source(file, "raw", key, "v1", "bench", datetime(2024, 1, 1, tzinfo=UTC))
    options = Options(disk_bytes=20_000_000_000, date_columns=(MOMENT[work],))
    done = DuckEngine(options, contracts).convert(source, None, output, lambda: 900)
    if done.read != done.accepted + done.quarantined:
        raise AssertionError("a record was lost")
    sys.stderr.write(f"{done.status} {done.accepted} {done.quarantined}\n")


def polars(work: str, file: Path, output: Path) -> None:
    """Use Polars, streaming (user guide, "Sources and sinks")."""
    import polars as pl

    frame = (
        pl.scan_csv(file, infer_schema_length=None)
        if work == "csv"
        else pl.scan_ndjson(file, low_memory=True)
    )
    dated = frame.with_columns(
        pl.col(MOMENT[work]).cast(pl.String).str.slice(0, 10).alias("date_partition")
    )
    dated.sink_parquet(
        pl.PartitionBy(output, key="date_partition", include_key=False),
        compression="zstd",
        mkdir=True,
    )


def pyarrow(work: str, file: Path, output: Path) -> None:
    """Use PyArrow, batch by batch (Apache Arrow cookbook, "Reading and writing data")."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.dataset as ds
    import pyarrow.json

    pa.set_cpu_count(1)
    reader = pyarrow.csv.open_csv(file) if work == "csv" else pyarrow.json.open_json(file)

    def batches() -> object:
        for batch in reader:
            moment = batch.column(batch.schema.get_field_index(MOMENT[work]))
            days = pc.utf8_slice_codeunits(pc.cast(moment, pa.string()), 0, 10)
            yield batch.append_column("date_partition", days)

    schema = reader.schema.append(pa.field("date_partition", pa.string()))
    ds.write_dataset(
        batches(),
        output,
        schema=schema,
        format="parquet",
        file_options=ds.ParquetFileFormat().make_write_options(compression="zstd"),
        partitioning=ds.partitioning(pa.schema([("date_partition", pa.string())]), flavor="hive"),
        existing_data_behavior="overwrite_or_ignore",
    )


def _frame(work: str, file: Path) -> object:
    import pandas as pd

    frame = pd.read_csv(file) if work == "csv" else pd.read_json(file, lines=True)
    frame["date_partition"] = frame[MOMENT[work]].astype(str).str.slice(0, 10)
    return frame


def pandas(work: str, file: Path, output: Path) -> None:
    """Use pandas (user guide, "IO tools")."""
    frame = _frame(work, file)
    frame.to_parquet(output, compression="zstd", partition_cols=["date_partition"])  # type: ignore[attr-defined]  # pandas is no dependency


def awswrangler(work: str, file: Path, output: Path) -> None:
    """Use AWS SDK for pandas, writing to S3 (tutorial 004, "Parquet datasets")."""
    import awswrangler as wr

    wr.s3.to_parquet(
        df=_frame(work, file),
        path=f"s3://bench/{output.name}/",
        dataset=True,
        partition_cols=["date_partition"],
        compression="zstd",
    )


class _Context:
    """What Lambda hands to a handler."""

    function_name, memory_limit_in_mb, aws_request_id = "bench", 512, "bench"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def _ingest(key: str) -> Any:
    from processor.app import handler as invoke

    place = {"bucket": {"name": "bench"}, "object": {"key": key}}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": place}
    (answer,) = invoke({"Records": [record]}, _Context())["objects"]
    if answer["status"] != "DONE":
        raise AssertionError(answer)


def handler(work: str, file: Path, output: Path) -> None:
    """Run the whole handler: download, conform, account, write, upload, commit."""
    del work, output
    import boto3

    s3 = boto3.client("s3")
    # The first call opens connections and is not measured. A key of its own: the same version
    # of the same key would be recognised, and not read again.
    for key in ("data/warm/object", f"data/bench/{uuid4().hex}"):
        if key.startswith("data/warm"):
            s3.put_object(Bucket="bench", Key=key, Body=b'{"timestamp": "2024-01-01"}\n')
        else:
            s3.upload_file(str(file), "bench", key)
            _start()
        _ingest(key)


def small(work: str, file: Path, output: Path) -> None:
    """Run the whole handler on many files of 1 KB; FILE holds them one after the other."""
    del work, output
    import boto3

    s3 = boto3.client("s3")
    lines = file.read_bytes().splitlines(keepends=True)
    bodies = [b"".join(lines[n : n + 6]) for n in range(0, len(lines), 6)]
    keys = [f"data/small/{n}.json" for n in range(len(bodies))]
    for key, body in zip(keys, bodies, strict=True):
        s3.put_object(Bucket="bench", Key=key, Body=body)

    for number, key in enumerate(keys):
        if number == 20:
            _start()
        _ingest(key)
    sys.stderr.write(f"{len(keys) - 20} measured\n")


def cold(work: str, file: Path, output: Path) -> None:
    """Import the function and build everything that its first event needs."""
    del work, file, output
    from processor import app

    app._parts()[0]


_started = (0.0, 0.0)


def _start() -> None:
    global _started  # one run is one process
    _started = (time.process_time(), time.perf_counter())


def main() -> None:
    """Run one contestant and print its figures."""
    name, work, file, output = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    _start()
    globals()[name](work, file, output)
    cpu, wall = time.process_time() - _started[0], time.perf_counter() - _started[1]
    # Unlike ru_maxrss, this is not inherited from the process that started this one.
    peak = Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]
    written = sum(path.stat().st_size for path in output.rglob("*.parquet"))
    figures = {"cpu": cpu, "wall": wall, "rss_mb": int(peak) / 1024, "output_bytes": written}
    sys.stdout.write("\n" + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
