"""More dates than one object may hold: told before a file is written for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import ObjectTooLargeError
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from engine.job import Job

#: Later dates are none, but say something of a row (:mod:`engine.write.publish`).
_LAST_DATE = "DATE '9999-12-31'"


def check_dates(job: Job, dates: int) -> None:
    """Refuse more dates than one object may hold.

    Raises
    ------
    ObjectTooLargeError
        When there are.
    """
    if dates > job.options.max_partitions:
        raise ObjectTooLargeError(
            f"{dates:,} dates, MaxPartitionsPerObject allows {job.options.max_partitions:,}: "
            "raise it, or split the object"
        )


def check_rows(job: Job, rows_sql: str) -> None:
    """Refuse rows of more dates than one object may hold, as :func:`check_dates`."""
    ((dates,),) = job.run(
        f"SELECT count(DISTINCT {PARTITION_KEY}) FROM {rows_sql} "
        f"WHERE {PARTITION_KEY} <= {_LAST_DATE}"
    )
    check_dates(job, dates)
