"""Other libraries, each used as its documentation advises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.contestants import Work


def polars(work: Work, file: Path, output: Path) -> None:
    """Use Polars, streaming (user guide, "Sources and sinks")."""
    import polars as pl

    frame = (
        pl.scan_csv(file, infer_schema_length=None)
        if work.kind == "csv"
        else pl.scan_ndjson(file, low_memory=True)
    )
    dated = frame.with_columns(
        pl.col(work.moment).cast(pl.String).str.slice(0, 10).alias("date_partition")
    )
    dated.sink_parquet(
        pl.PartitionBy(output, key="date_partition", include_key=False),
        compression="zstd",
        mkdir=True,
    )


def pyarrow(work: Work, file: Path, output: Path) -> None:
    """Use PyArrow, batch by batch (Apache Arrow cookbook, "Reading and writing data")."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.dataset as ds
    import pyarrow.json

    pa.set_cpu_count(1)
    reader = pyarrow.csv.open_csv(file) if work.kind == "csv" else pyarrow.json.open_json(file)

    def batches() -> object:
        for batch in reader:
            moment = batch.column(batch.schema.get_field_index(work.moment))
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


def _frame(work: Work, file: Path) -> object:
    import pandas as pd

    frame = pd.read_csv(file) if work.kind == "csv" else pd.read_json(file, lines=True)
    frame["date_partition"] = frame[work.moment].astype(str).str.slice(0, 10)
    return frame


def pandas(work: Work, file: Path, output: Path) -> None:
    """Use pandas (user guide, "IO tools")."""
    frame = _frame(work, file)
    frame.to_parquet(output, compression="zstd", partition_cols=["date_partition"])  # type: ignore[attr-defined]  # pandas is no dependency


def awswrangler(work: Work, file: Path, output: Path) -> None:
    """Use AWS SDK for pandas, writing to S3 (tutorial 004, "Parquet datasets")."""
    import awswrangler as wr

    wr.s3.to_parquet(
        df=_frame(work, file),
        path=f"s3://bench/{output.name}/",
        dataset=True,
        partition_cols=["date_partition"],
        compression="zstd",
    )
