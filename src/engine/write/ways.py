"""Which way rows become files: as many dates at once as memory holds.

How wide the rows are is not asked. Row groups have a size in bytes, and where DuckDB runs out
of memory all the same, what it wrote is thrown away and the next, more sparing way is tried.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from engine.convert.layout import RESCUED
from engine.convert.proofs import as_json, as_line
from engine.types.sql import literal, quoted
from engine.write.counts import lines_in
from engine.write.many import check_dates, check_rows
from store.errors import ObjectTooLargeError
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.job import Job

#: Beyond so many columns the buffers of a file for each date, and what DuckDB holds while it
#: proves every value, are more than a small function has.
WIDE = 300

#: Where one scan could not hold the files of all dates, these fall into so many groups by
#: their hash: of the 4,000 that one object may hold at most, about 62 meet in a group.
_GROUPS = 64

#: Bytes of rows that wait to be written, where more did not fit.
_WAITING = 32_000_000

#: Bytes of a row group in memory, and of one of the groups of dates.
_ROW_GROUP, _STAGED_ROW_GROUP = 32_000_000, 1_000_000

#: How many times its limit DuckDB may reserve while it copies: a page of long values may be
#: 100 MB, for which it reserves 128 up to three times.
_RESERVED = 2

_RESCUED_STATS = quoted(RESCUED)

#: Columns that are copied at once, where not all of them are.
_COLUMNS = 500

#: Cells of a row group of a wide file; DuckDB rounds up to 2,048 rows.
_WIDE_CELLS = 8_000_000

# Zstandard's default, level 3, saves a hundredth of the space for some more time.
_PACKED = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
_FILE = f"{_PACKED}, ROW_GROUP_SIZE_BYTES {_ROW_GROUP}"

#: Bytes that DuckDB sets aside for the dictionary of each column of text, and for all of a file.
_LEAST, _MOST, _DICTIONARIES = 16_384, 1_048_576, 33_554_432

_QUICK = f"FORMAT parquet, COMPRESSION lz4_raw, STRING_DICTIONARY_PAGE_SIZE_LIMIT {_LEAST}"
_STAGED = f"{_QUICK}, ROW_GROUP_SIZE_BYTES {_STAGED_ROW_GROUP}, PARTITION_BY (lake_group)"
_COPY = f"{_QUICK}, ROW_GROUP_SIZE 2048"

#: Bytes. Athena reads a Parquet file in pieces of its row groups; beyond this a file is only
#: slower to copy or to lose (Athena User Guide, "Optimize data": 128 MB to 1 GB).
_MAX_FILE = 512 * 1024 * 1024

# DuckDB writes JSON to one file only. Its text holds no control characters, so that as a
# delimited file of one column it needs no quotes.
_JSON = (
    "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', "
    f"COMPRESSION gzip, FILE_EXTENSION 'json.gz', PARTITION_BY ({PARTITION_KEY})"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that was written.

    Attributes
    ----------
    date : str
        Of all its rows.
    path : Path
        Where it is.
    rows : int
        How many it has.
    rescued : bool
        Whether something in it may have been rescued.
    """

    date: str
    path: Path
    rows: int
    rescued: bool = True


Written = list[File]


def written(job: Job, select: str, width: int, *, apart: bool) -> Written:
    """Write the rows of a query as files, each of one date.

    Parameters
    ----------
    job : Job
        Where and how.
    select : str
        A query whose last column, ``date_partition``, is never null.
    width : int
        How many columns a file has.
    apart : bool
        Whether more columns are read than written, so that memory does not hold both at once.

    Raises
    ------
    ObjectTooLargeError
        When there are more dates than one object may hold.
    """
    if width > WIDE:
        if apart:
            select = f"FROM {_copied_apart(job, select)}"
        with job.sparing():
            return _date_by_date(job, select, width)
    found = _tried(job, select, _dictionary(width))
    return _from_copies(job, select) if found is None else found


def pieces(job: Job, path: Path, rows: int) -> list[tuple[Path, int]]:
    """Divide a Parquet file that is too large for one reader to be given."""
    if path.stat().st_size <= _MAX_FILE or path.suffix != ".parquet":
        return [(path, rows)]
    folder = _fresh(path.parent / "pieces")
    options = f"{_FILE}, FILE_SIZE_BYTES {_MAX_FILE // 2}, RETURN_STATS"
    stats = _copied(job, f"FROM {_rows_of(path)}", folder, options)
    path.unlink()
    found = [(Path(name), count) for name, count, *_ in stats]
    return sorted(found, key=lambda piece: (len(piece[0].name), piece[0].name))


def _tried(job: Job, select: str, dictionary: int) -> Written | None:
    """Write rows in one way or the other; None where memory holds neither."""
    for way in (_at_once, _in_two_steps):
        folder = _fresh(job.workdir / "out")
        with suppress(duckdb.OutOfMemoryException):
            if (found := way(job, select, folder, dictionary)) is not None:
                return found
        shutil.rmtree(folder)
    return None


def _at_once(job: Job, select: str, folder: Path, dictionary: int) -> Written | None:
    """Write all dates in one scan; None when more files than may be open had to be."""
    found = _partitioned(job, select, folder, dictionary)
    return found if len({one.date for one in found}) == len(found) else None


def _in_two_steps(job: Job, select: str, folder: Path, dictionary: int) -> Written:
    """Divide the rows into groups of dates, then each group into dates."""
    stage = _fresh(job.workdir / "stage")
    groups = f"SELECT *, hash({PARTITION_KEY}) % {_GROUPS} AS lake_group FROM ({select})"
    found: Written = []
    try:
        _copied(job, groups, stage, _STAGED)
        # A file takes a millisecond, and there may be one for each row.
        check_rows(job, _rows_of(stage / "*" / "*"))
        for group in sorted(stage.iterdir()):
            job.check_time()
            rows = f"FROM {_rows_of(group / '*')}"
            found += _partitioned(job, rows, folder / group.name, dictionary)
            shutil.rmtree(group)
    finally:
        shutil.rmtree(stage)
    return found


def _from_copies(job: Job, select: str) -> Written:
    """Copy the rows to files of small pages first: large ones leave no room for anything else.

    Then so few rows wait to be written that memory holds them, however wide they are.
    """
    rows = f"SELECT * FROM {_copied_apart(job, select)}"
    ((size,),) = job.run(f"SELECT avg(strlen(CAST(rows AS VARCHAR))) FROM ({rows}) AS rows")
    for times in (1, _RESERVED):
        with job.sparing(times), _waiting(job, int(_WAITING // max(size or 1, 1))):
            found = _tried(job, rows, _LEAST)
        if found is not None:
            return found
    raise ObjectTooLargeError("memory was not enough for its rows: raise FunctionMemory")


def _copied_apart(job: Job, select: str) -> str:
    """Copy as many columns at once as memory holds; give SQL that joins them again."""
    folder = _fresh(job.workdir / "copies")
    columns = job.db.sql(select).columns
    some = [columns[start : start + _COLUMNS] for start in range(0, len(columns), _COLUMNS)]
    with job.sparing(_RESERVED):
        copies = [path for part in some for path in _copies(job, select, part, folder)]
    return " POSITIONAL JOIN ".join(map(_rows_of, copies))


def _copies(job: Job, select: str, columns: list[str], folder: Path) -> list[Path]:
    copy = folder / f"{len(list(folder.iterdir()))}.parquet"
    names = ", ".join(map(quoted, columns))
    try:
        # In their order, by which they are joined.
        job.run(f"COPY (SELECT {names} FROM ({select})) TO {literal(str(copy))} ({_COPY})")
    except duckdb.OutOfMemoryException:
        if len(columns) == 1:
            raise
        middle = len(columns) // 2
        parts = (columns[:middle], columns[middle:])
        return [path for part in parts for path in _copies(job, select, part, folder)]
    return [copy]


@contextmanager
def _waiting(job: Job, rows: int) -> Iterator[None]:
    """Let no more rows wait to be written, for a while."""
    name = "partitioned_write_flush_threshold"
    ((before,),) = job.run(f"SELECT current_setting('{name}')")
    job.db.execute(f"SET GLOBAL {name} = {min(before, max(rows, 1))}")
    try:
        yield
    finally:
        job.db.execute(f"SET GLOBAL {name} = {before}")


def _rows_of(files: Path) -> str:
    return f"read_parquet({literal(str(files))}, hive_partitioning = false)"


def _date_by_date(job: Job, select: str, width: int) -> Written:
    """Write rows of many columns: one file open at a time, however often they are read."""
    folder = _fresh(job.workdir / "out")
    rows_at_once = max(2048, _WIDE_CELLS // (2 * width))
    dictionary = _dictionary(width)
    options = f"{_PACKED}, {_limited(dictionary)}, ROW_GROUP_SIZE {rows_at_once}"
    dates = job.run(f"SELECT DISTINCT CAST({PARTITION_KEY} AS VARCHAR) FROM ({select}) ORDER BY 1")
    check_dates(job, len(dates))
    found: Written = []
    for (date,) in dates:
        job.check_time()
        rows = f"SELECT * FROM ({select}) WHERE {PARTITION_KEY} = DATE {literal(date)}"
        if job.output_format == "json":
            found += _partitioned(job, rows, _fresh(folder), dictionary)
            continue
        path = folder / f"{date}.parquet"
        ((count,),) = job.run(
            f"COPY (SELECT * EXCLUDE {PARTITION_KEY} FROM ({rows})) TO "
            f"{literal(str(path))} ({options})"
        )
        found.append(File(date, path, count))
    return found


def _partitioned(job: Job, select: str, folder: Path, dictionary: int) -> Written:
    if job.output_format == "json":
        _copied(job, _lines(job, select), folder, _JSON)
        files = folder.glob(f"{PARTITION_KEY}=*/*")
        return [File(file.parent.name.partition("=")[2], file, lines_in(file)) for file in files]
    options = f"{_FILE}, {_limited(dictionary)}, PARTITION_BY ({PARTITION_KEY}), RETURN_STATS"
    return [
        File(
            next(iter(keys.values())).strip("'"),
            Path(name),
            rows,
            columns.get(_RESCUED_STATS, {}).get("null_count") != str(rows),
        )
        for name, rows, _, _, columns, keys in _copied(job, select, folder, options)
    ]


def _dictionary(width: int) -> int:
    """Give the bytes of a dictionary in a file of so many columns."""
    return min(_MOST, max(_LEAST, _DICTIONARIES // max(width, 1)))


def _limited(dictionary: int) -> str:
    return f"STRING_DICTIONARY_PAGE_SIZE_LIMIT {dictionary}"


def _copied(job: Job, select: str, target: Path, options: str) -> list[tuple[Any, ...]]:
    """Write rows in any order: only then DuckDB counts the bytes of a row group."""
    job.db.execute("SET GLOBAL preserve_insertion_order = false")
    try:
        return job.run(f"COPY ({select}) TO {literal(str(target))} ({options})")
    finally:
        job.db.execute("RESET GLOBAL preserve_insertion_order")


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
