"""Rows to finished files, one partition at a time, within bounded memory."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from engine.convert.layout import RESCUED, SOURCE_KEY, SOURCE_VERSION
from engine.convert.proofs import as_json, as_line
from engine.types.sql import literal, quoted
from engine.write.counts import lines_in
from engine.write.dates import candidates, first_day_sql
from store.errors import ObjectTooLargeError
from store.model import OutputFile
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.convert.layout import Target
    from engine.job import Job

#: Where one scan could not hold the files of all dates, these fall into so many groups by
#: their hash: of the 4,000 that one object may hold at most, about 62 meet in a group.
_GROUPS = 64

#: Dates that are none: of rows that are set aside to be read exactly, and of rows without a
#: usable date. No ISO date has five digits.
ASIDE, UNDATED = "10000-01-01", "10000-01-02"

#: Beyond so many columns the buffers of a file for each date, and what DuckDB holds while it
#: proves every value, are more than a small function has.
WIDE = 300

#: Cells of a row group of a wide file; DuckDB rounds up to 2,048 rows.
_WIDE_CELLS = 8_000_000

_RESCUED_STATS = quoted(RESCUED)

# Zstandard's default, level 3, saves a hundredth of the space for some more time.
_PARQUET_FILE = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"

# For the dictionary of each column of text DuckDB sets aside a megabyte, unless told otherwise.
_WIDE_FILE = f"{_PARQUET_FILE}, STRING_DICTIONARY_PAGE_SIZE_LIMIT 16384"
_PARQUET = f"{_PARQUET_FILE}, PARTITION_BY ({PARTITION_KEY})"

#: Bytes. Athena reads a Parquet file in pieces of its row groups; beyond this a file is only
#: slower to copy or to lose (Athena User Guide, "Optimize data": 128 MB to 1 GB).
_MAX_FILE = 512 * 1024 * 1024

# DuckDB writes JSON to one file only. Its text holds no control characters, so that as a
# delimited file of one column it needs no quotes.
JSON_FILE = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"
_JSON = f"{JSON_FILE}, COMPRESSION gzip, FILE_EXTENSION 'json.gz', PARTITION_BY ({PARTITION_KEY})"


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
        f"{_constant(job.source.key)} AS {SOURCE_KEY}, "
        f"{_constant(job.source.version)} AS {SOURCE_VERSION}, {rescued} AS {RESCUED}"
    )


def _constant(text: str) -> str:
    # An ENUM of one value is written as the Parquet string that it is, without hashing it anew
    # for every row: a tenth of the time of writing a narrow table.
    return f"{literal(text)}::ENUM({literal(text)})"


def dated(job: Job, targets: Iterable[Target], reference: dict[str, str]) -> str:
    """Give the date of a row, as SQL.

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
        The first usable date of each row, in UTC; null for a row without one.
    """
    values = [
        (reference[target.field], target.kind)
        for target in candidates(job.date_columns, targets)
        if target.field in reference
    ]
    return first_day_sql(values, job.source.created, job.date_formats)


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a query's rows.

    Attributes
    ----------
    outputs : tuple of OutputFile
        Finished files, in order of their dates.
    aside : tuple of Path
        Files whose column ``_rescued_data`` holds the numbers of records to be read exactly.
    rows : int
        All rows of the query.
    undated : int
        Rows in ``outputs`` that have no usable date of their own.
    rescued : tuple of OutputFile
        Those outputs in which something was rescued.
    """

    outputs: tuple[OutputFile, ...] = ()
    aside: tuple[Path, ...] = ()
    rows: int = 0
    undated: int = 0
    rescued: tuple[OutputFile, ...] = ()


def publish(job: Job, select: str, part: int = 0, width: int = 0) -> Published:
    """Write rows as one file for each date.

    Parameters
    ----------
    job : Job
        Where and how.
    select : str
        A query whose last column, ``date_partition``, is the date of each row: null for a row
        without a usable one, :data:`ASIDE` for one that is not to be published.
    part : int
        Number of these files among those of their dates.
    width : int
        Columns that a file has; many are written in another way.

    Returns
    -------
    Published
        A row without a date is in the partition of its object, so that a retry writes the
        same place.

    Raises
    ------
    duckdb.Error
        When the query itself says that a row is not what it promised.
    ObjectTooLargeError
        When there are more dates than one object may hold.
    """
    job.check_time()
    select = (
        f"SELECT * REPLACE (coalesce({PARTITION_KEY}, DATE '{UNDATED}') AS {PARTITION_KEY}) "
        f"FROM ({select})"
    )
    if width > WIDE:
        with job.sparing():
            written = _date_by_date(job, select, width)
    else:
        written = _at_once(job, select) or _in_two_steps(job, select)
    return _told(job, written, part)


def _told(job: Job, written: Written, part: int) -> Published:
    """Give each file its partition and its number there."""
    fallback = job.undated_partition
    parts: Counter[str] = Counter()
    outputs, rescued = [], []
    for one in sorted(written, key=lambda one: (one.date, one.path)):
        if one.date == ASIDE:
            continue
        partition = fallback if one.date == UNDATED else one.date
        for path, rows in _pieces(job, one.path, one.rows):
            outputs.append(OutputFile(path, partition, part + parts[partition], rows))
            parts[partition] += 1
            if one.rescued:
                rescued.append(outputs[-1])
    _check_dates(job, len(parts))
    return Published(
        tuple(outputs),
        tuple(one.path for one in written if one.date == ASIDE),
        sum(one.rows for one in written),
        sum(one.rows for one in written if one.date == UNDATED),
        tuple(rescued),
    )


def _check_dates(job: Job, dates: int) -> None:
    if dates > job.options.max_partitions:
        raise ObjectTooLargeError(
            f"{dates:,} dates, MaxPartitionsPerObject allows {job.options.max_partitions:,}: "
            "raise it, or split the object"
        )


def _pieces(job: Job, path: Path, rows: int) -> list[tuple[Path, int]]:
    """Divide a Parquet file that is too large for one reader to be given."""
    if path.stat().st_size <= _MAX_FILE or path.suffix != ".parquet":
        return [(path, rows)]
    folder = _fresh(path.parent / "pieces")
    stats = job.run(
        f"COPY (SELECT * FROM read_parquet({literal(str(path))}, hive_partitioning = false)) TO "
        f"{literal(str(folder))} ({_PARQUET_FILE}, FILE_SIZE_BYTES {_MAX_FILE // 2}, RETURN_STATS)"
    )
    path.unlink()
    found = [(Path(name), count) for name, count, *_ in stats]
    return sorted(found, key=lambda piece: (len(piece[0].name), piece[0].name))


@dataclass(frozen=True, slots=True)
class _File:
    date: str
    path: Path
    rows: int
    rescued: bool = True


Written = list[_File]


def _at_once(job: Job, select: str) -> Written | None:
    """Write all dates in one scan; None when there were too many for that."""
    folder = _fresh(job.workdir / "out")
    try:
        written = _partitioned(job, select, folder)
    except duckdb.OutOfMemoryException:
        written = None
    if written is not None and len({one.date for one in written}) == len(written):
        return written
    shutil.rmtree(folder)
    return None


def _in_two_steps(job: Job, select: str) -> Written:
    """Divide the rows into groups of dates, then each group into dates."""
    stage = _fresh(job.workdir / "stage")
    job.run(
        f"COPY (SELECT *, hash({PARTITION_KEY}) % {_GROUPS} AS lake_group FROM ({select})) TO "
        f"{literal(str(stage))} (FORMAT parquet, COMPRESSION lz4_raw, PARTITION_BY (lake_group))"
    )
    written: Written = []
    for group in sorted(stage.iterdir()):
        job.check_time()
        rows = f"SELECT * FROM read_parquet({literal(str(group / '*'))}, hive_partitioning = false)"
        written += _partitioned(job, rows, _fresh(job.workdir / "out"))
        shutil.rmtree(group)
    return written


def _date_by_date(job: Job, select: str, width: int) -> Written:
    """Write rows of many columns: one file open at a time, however often they are read."""
    folder = _fresh(job.workdir / "out")
    options = f"{_WIDE_FILE}, ROW_GROUP_SIZE {max(2048, _WIDE_CELLS // (2 * width))}"
    dates = job.run(f"SELECT DISTINCT CAST({PARTITION_KEY} AS VARCHAR) FROM ({select}) ORDER BY 1")
    _check_dates(job, len(dates))
    written: Written = []
    for (date,) in dates:
        job.check_time()
        rows = f"SELECT * FROM ({select}) WHERE {PARTITION_KEY} = DATE {literal(date)}"
        if job.options.output_format == "json":
            written += _partitioned(job, rows, _fresh(folder))
            continue
        path = folder / f"{date}.parquet"
        ((count,),) = job.run(
            f"COPY (SELECT * EXCLUDE {PARTITION_KEY} FROM ({rows})) TO "
            f"{literal(str(path))} ({options})"
        )
        written.append(_File(date, path, count))
    return written


def _partitioned(job: Job, select: str, folder: Path) -> Written:
    if job.options.output_format == "json":
        job.run(f"COPY ({_lines(job, select)}) TO {literal(str(folder))} ({_JSON})")
        files = folder.glob(f"{PARTITION_KEY}=*/*")
        return [_File(file.parent.name.partition("=")[2], file, lines_in(file)) for file in files]
    stats = job.run(f"COPY ({select}) TO {literal(str(folder))} ({_PARQUET}, RETURN_STATS)")
    return [
        _File(
            next(iter(keys.values())).strip("'"),
            Path(name),
            rows,
            columns.get(_RESCUED_STATS, {}).get("null_count") != str(rows),
        )
        for name, rows, _, _, columns, keys in stats
    ]


def _lines(job: Job, select: str) -> str:
    """Give each row as one column of JSON text."""
    rows = job.db.sql(select)
    line = as_line(
        (name, as_json(quoted(name), kind))
        for name, kind in zip(rows.columns, rows.types, strict=True)
        if name != PARTITION_KEY
    )
    return f"SELECT {line}, {PARTITION_KEY} FROM ({select})"


def _fresh(folder: Path) -> Path:
    number = 0
    while (candidate := folder.with_name(f"{folder.name}-{number}")).exists():
        number += 1
    candidate.mkdir()
    return candidate
