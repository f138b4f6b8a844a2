"""Rows to finished files, one partition at a time, within bounded memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.convert.layout import RESCUED, SOURCE_KEY, SOURCE_VERSION
from engine.types.sql import literal
from engine.write.dates import candidates, first_day_sql
from engine.write.many import check_dates
from engine.write.ways import pieces, written
from store.model import OutputFile
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.convert.layout import Target
    from engine.job import Job
    from engine.write.ways import Written

#: Dates that are none: of rows that are set aside to be read exactly, of rows without a usable
#: date, and of those set aside since SQL has not read how their date is spelled. No ISO date has
#: five digits.
ASIDE, UNDATED, UNREAD = "10000-01-01", "10000-01-02", "10000-01-03"


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


def dated(
    job: Job, targets: Iterable[Target], reference: dict[str, str], *, usual: bool = False
) -> str:
    """Give the date of a row, as SQL.

    Parameters
    ----------
    job : Job
        Names the columns that may date a record.
    targets : iterable of Target
        Columns of the file.
    reference : dict
        SQL of each field's raw value.
    usual : bool
        Whether most texts that date a row are spelled as in most files: others are not read.

    Returns
    -------
    str
        The first usable date of each row, in UTC; null for a row without one, and ``UNREAD`` for
        one that only the exact reading can date.
    """
    values = [
        (reference[target.field], target.kind)
        for target in candidates(job.date_columns, targets)
        if target.field in reference
    ]
    unusual = f"DATE '{UNREAD}'" if usual else ""
    return first_day_sql(values, job.source.created, job.date_formats, unusual)


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
    unread : int
        Rows in ``aside`` of which only the spelling of the date was not read.
    undated : int
        Rows in ``outputs`` that have no usable date of their own.
    rescued : tuple of OutputFile
        Those outputs in which something was rescued.
    dateless : tuple of OutputFile
        Those outputs whose rows have no usable date of their own.
    """

    outputs: tuple[OutputFile, ...] = ()
    aside: tuple[Path, ...] = ()
    rows: int = 0
    unread: int = 0
    undated: int = 0
    rescued: tuple[OutputFile, ...] = ()
    dateless: tuple[OutputFile, ...] = ()


def publish(
    job: Job, select: str, part: int = 0, width: int = 0, *, apart: bool = False
) -> Published:
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
    apart : bool
        Whether more are read than written.

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
    return _told(job, written(job, select, width, apart=apart), part)


def _told(job: Job, found: Written, part: int) -> Published:
    """Give each file its partition and its number there."""
    fallback = job.undated_partition
    parts: Counter[str] = Counter()
    outputs, rescued, dateless = [], [], []
    for one in sorted(found, key=lambda one: (one.date, one.path)):
        if one.date in (ASIDE, UNREAD):
            continue
        partition = fallback if one.date == UNDATED else one.date
        for path, rows in pieces(job, one.path, one.rows):
            outputs.append(OutputFile(path, partition, part + parts[partition], rows))
            parts[partition] += 1
            if one.rescued:
                rescued.append(outputs[-1])
            if one.date == UNDATED:
                dateless.append(outputs[-1])
    check_dates(job, len(parts))
    return Published(
        tuple(outputs),
        tuple(one.path for one in found if one.date in (ASIDE, UNREAD)),
        sum(one.rows for one in found),
        sum(one.rows for one in found if one.date == UNREAD),
        sum(one.rows for one in found if one.date == UNDATED),
        tuple(rescued),
        tuple(dateless),
    )
