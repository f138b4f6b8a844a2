"""Rows to finished files, one partition at a time, within bounded memory."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from engine.convert.layout import RESCUED, SOURCE_KEY, SOURCE_VERSION
from engine.convert.proofs import as_json, as_line
from engine.types.kinds import literal, quoted
from engine.types.paths import day_of_path
from engine.write.dates import candidates, first_day_sql
from store.errors import ObjectTooLargeError
from store.model import OutputFile
from store.naming import PARTITION_KEY, partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.convert.layout import Target
    from engine.job import Job

#: With more than 100 partitions open DuckDB closes and reopens them, which makes several
#: files of one date and takes much memory. This many dates among the first rows show that
#: it would come to that.
_FEW_DATES, _FIRST_ROWS, _SMALL = 60, 8192, 4_000_000

#: Dates fall into so many groups by their hash: of the 4,000 that one object may hold at most,
#: about 62 meet in a group.
_GROUPS = 64

#: Beyond so many columns the buffers of a file for each date, and what DuckDB holds while it
#: proves every value, are more than a small function has.
WIDE = 300

#: Cells of a row group of a wide file; DuckDB rounds up to 2,048 rows.
_WIDE_CELLS = 8_000_000

# Zstandard's default, level 3, saves a hundredth of the space for some more time.
_PARQUET_FILE = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
_PARQUET = f"{_PARQUET_FILE}, PARTITION_BY ({PARTITION_KEY})"

#: Bytes. Athena reads a Parquet file in pieces of its row groups; beyond this a file is only
#: slower to copy or to lose (Athena User Guide, "Optimize data": 128 MB to 1 GB).
_MAX_FILE = 512 * 1024 * 1024

# DuckDB writes JSON to one file only. Its text holds no control characters, so that as a
# delimited file of one column it needs no quotes.
JSON_FILE = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"
_JSON = f"{JSON_FILE}, COMPRESSION gzip, FILE_EXTENSION 'json.gz', PARTITION_BY ({PARTITION_KEY})"

_BLOCK = 1024 * 1024


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
    return first_day_sql(values, job.source.created)


def publish(job: Job, select: str, part: int = 0, width: int = 0) -> tuple[OutputFile, ...]:
    """Write rows as one file for each date.

    Parameters
    ----------
    job : Job
        Where and how.
    select : str
        A query whose last column, ``date_partition``, is the date of each row. A row without
        a usable one gets the date that the object's path says, else the one on which the
        object was created, so that a retry writes the same place.
    part : int
        Number of these files among those of their dates.
    width : int
        Columns that a file has; many are written in another way.

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
    otherwise = day_of_path(job.source.key) or partition_of(job.source.created)
    select = (
        f"SELECT * REPLACE (coalesce({PARTITION_KEY}, DATE {literal(str(otherwise))}) "
        f"AS {PARTITION_KEY}) FROM ({select})"
    )
    if width > WIDE:
        with job.sparing():
            written = _date_by_date(job, select, width)
    else:
        at_once = None if _spread(job, select) else _at_once(job, select)
        written = at_once or _in_two_steps(job, select)
    _check_dates(job, len({partition for partition, _, _ in written}))
    return tuple(
        OutputFile(piece, partition, number, count)
        for partition, path, rows in sorted(written)
        for number, (piece, count) in enumerate(_pieces(job, path, rows), part)
    )


def _check_dates(job: Job, dates: int) -> None:
    if dates > job.options.max_partitions:
        raise ObjectTooLargeError(
            f"it holds {dates:,} dates, MaxPartitionsPerObject allows "
            f"{job.options.max_partitions:,}"
        )


def _pieces(job: Job, path: Path, rows: int) -> list[tuple[Path, int]]:
    """Divide a Parquet file that is too large for one reader to be given."""
    if path.stat().st_size <= _MAX_FILE or path.suffix != ".parquet":
        return [(path, rows)]
    folder = _fresh(path.parent / "pieces")
    stats = job.db.execute(
        f"COPY (SELECT * FROM read_parquet({literal(str(path))}, hive_partitioning = false)) TO "
        f"{literal(str(folder))} ({_PARQUET_FILE}, FILE_SIZE_BYTES {_MAX_FILE // 2}, RETURN_STATS)"
    ).fetchall()
    path.unlink()
    found = [(Path(name), count) for name, count, *_ in stats]
    return sorted(found, key=lambda piece: (len(piece[0].name), piece[0].name))


Written = list[tuple[str, Path, int]]


def _spread(job: Job, select: str) -> bool:
    """Tell from the first rows whether there are many dates; a small file may have any."""
    if job.source.path.stat().st_size < _SMALL:
        return False
    ((dates,),) = job.db.execute(
        f"SELECT count(DISTINCT {PARTITION_KEY}) FROM ({select} LIMIT {_FIRST_ROWS})"
    ).fetchall()
    return bool(dates > _FEW_DATES)


def _at_once(job: Job, select: str) -> Written | None:
    """Write all dates in one scan; None when there were too many for that."""
    folder = _fresh(job.workdir / "out")
    try:
        written = _partitioned(job, select, folder)
    except duckdb.OutOfMemoryException:
        written = None
    if written is not None and len({date for date, _, _ in written}) == len(written):
        return written
    shutil.rmtree(folder)
    return None


def _in_two_steps(job: Job, select: str) -> Written:
    """Divide the rows into groups of dates, then each group into dates."""
    stage = _fresh(job.workdir / "stage")
    job.db.execute(
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
    options = f"{_PARQUET_FILE}, ROW_GROUP_SIZE {max(2048, _WIDE_CELLS // width)}"
    dates = job.db.execute(
        f"SELECT DISTINCT CAST({PARTITION_KEY} AS VARCHAR) FROM ({select}) ORDER BY 1"
    ).fetchall()
    _check_dates(job, len(dates))
    written: Written = []
    for (date,) in dates:
        job.check_time()
        rows = f"SELECT * FROM ({select}) WHERE {PARTITION_KEY} = DATE {literal(date)}"
        if job.options.output_format == "json":
            written += _partitioned(job, rows, _fresh(folder))
            continue
        path = folder / f"{date}.parquet"
        ((count,),) = job.db.execute(
            f"COPY (SELECT * EXCLUDE {PARTITION_KEY} FROM ({rows})) TO "
            f"{literal(str(path))} ({options})"
        ).fetchall()
        written.append((date, path, count))
    return written


def _partitioned(job: Job, select: str, folder: Path) -> Written:
    if job.options.output_format == "json":
        job.db.execute(f"COPY ({_lines(job, select)}) TO {literal(str(folder))} ({_JSON})")
        files = folder.glob(f"{PARTITION_KEY}=*/*")
        return [(file.parent.name.partition("=")[2], file, _count_lines(file)) for file in files]
    stats = job.db.execute(
        f"COPY ({select}) TO {literal(str(folder))} ({_PARQUET}, RETURN_STATS)"
    ).fetchall()
    return [
        (next(iter(keys.values())).strip("'"), Path(name), rows)
        for name, rows, _, _, _, keys in stats
    ]


def _count_lines(path: Path) -> int:
    with gzip.open(path) as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))


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
