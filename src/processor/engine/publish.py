"""Rows to finished files, one partition at a time, within bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from processor.engine.columns import RESCUED, SOURCE_KEY, SOURCE_VERSION
from processor.engine.kinds import BIGINT, DATE, DOUBLE, STRING, TIMESTAMP, Kind, literal
from processor.errors import ObjectTooLargeError
from processor.model import OutputFile
from processor.naming import PARTITION_KEY, normalise, partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processor.engine.columns import Target
    from processor.engine.job import Job

#: DuckDB keeps this many partitions open; with more it would close and reopen them, which
#: makes several files of one date and takes much memory.
_OPEN_PARTITIONS = 90

_FORMAT = {
    "parquet": ("parquet", "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440"),
    "json": ("json.gz", "FORMAT json, COMPRESSION gzip"),
}


def lineage(job: Job, rescued: str) -> str:
    """Give the columns that say where a row came from, as SQL.

    Parameters
    ----------
    job : Job
        Whose source it is.
    rescued : str
        SQL of what did not fit.
    """
    return (
        f"{literal(job.source.key)} AS {SOURCE_KEY}, "
        f"{literal(job.source.version)} AS {SOURCE_VERSION}, {rescued} AS {RESCUED}"
    )


def dated(job: Job, targets: Iterable[Target], reference: dict[str, str]) -> str:
    """Give the partition of a row, as SQL.

    Parameters
    ----------
    job : Job
        Names the columns that may date a record.
    targets : iterable of Target
        Columns of the file.
    reference : dict
        SQL of each field's raw value.

    Returns
    -------
    str
        An expression that is an ISO date, in UTC; a row without a usable date gets the
        date on which the object was created, so that a retry writes the same place.
    """
    fallback = literal(partition_of(job.source.created))
    present = {target.column: target for target in targets}
    for name in job.options.date_columns:
        target = present.get(normalise(name))
        if target is not None and (moment := _moment(reference[target.field], target.kind)):
            # Beyond these years no ISO date has four digits.
            return (
                f"CASE WHEN {moment} BETWEEN TIMESTAMP '0001-01-01' AND "
                f"TIMESTAMP '9999-12-31 23:59:59.999999' "
                f"THEN strftime({moment}, '%Y-%m-%d') ELSE {fallback} END"
            )
    return fallback


def _moment(value: str, kind: Kind) -> str:
    if kind == STRING:
        return f"CAST(TRY_CAST({value} AS TIMESTAMPTZ) AS TIMESTAMP)"
    if kind in (TIMESTAMP, DATE):
        return f"TRY_CAST(TRY_CAST(CAST({value} AS VARCHAR) AS TIMESTAMPTZ) AS TIMESTAMP)"
    if kind in (BIGINT, DOUBLE):
        number = f"TRY_CAST(CAST({value} AS VARCHAR) AS DOUBLE)"
        # Seconds until the year 5138, milliseconds from 1973, microseconds from 1973.
        return (
            f"CASE WHEN {number} BETWEEN 0 AND 1e11 THEN make_timestamp(CAST({number} * 1e6 AS "
            f"BIGINT)) WHEN {number} BETWEEN 1e11 AND 1e14 THEN make_timestamp(CAST({number} * "
            f"1e3 AS BIGINT)) WHEN {number} BETWEEN 1e14 AND 1e17 THEN "
            f"make_timestamp(CAST({number} AS BIGINT)) END"
        )
    return ""


def publish(job: Job, select: str) -> tuple[OutputFile, ...]:
    """Write rows as one file for each date.

    Parameters
    ----------
    job : Job
        Where and how.
    select : str
        A query whose last column is ``date_partition``.

    Returns
    -------
    tuple of OutputFile
        In order of their dates.

    Raises
    ------
    duckdb.Error
        When the query itself says that a row is not what it promised.
    ObjectTooLargeError
        When there are more dates than one object may hold.
    """
    job.check_time()
    extension, options = _FORMAT[job.options.output_format]
    folder = _fresh(job.workdir / "out")
    written = _partitioned(job, select, folder, extension, options)
    dates = {partition for partition, _, _ in written}
    if len(dates) > job.options.max_partitions:
        raise ObjectTooLargeError(
            f"it holds {len(dates):,} dates, MaxPartitionsPerObject allows "
            f"{job.options.max_partitions:,}"
        )
    return tuple(OutputFile(path, partition, 0, rows) for partition, path, rows in sorted(written))


def _partitioned(
    job: Job, select: str, folder: Path, extension: str, options: str
) -> list[tuple[str, Path, int]]:
    stats = job.db.execute(
        f"COPY ({select}) TO {literal(str(folder))} ({options}, PARTITION_BY ({PARTITION_KEY}), "
        f"FILE_EXTENSION {literal(extension)}, RETURN_STATS)"
    ).fetchall()
    return [
        (next(iter(keys.values())).strip("'"), Path(name), rows)
        for name, rows, _, _, _, keys in stats
    ]


def _fresh(folder: Path) -> Path:
    number = 0
    while (candidate := folder.with_name(f"{folder.name}-{number}")).exists():
        number += 1
    candidate.mkdir()
    return candidate
