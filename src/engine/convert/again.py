"""Rows that the lake has written, conformed anew: to a table that has other types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.convert.optimistic import convert
from engine.convert.parts import combined
from engine.job import inner
from engine.read.again import JsonAgain, ParquetAgain
from engine.write.counts import prove

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.job import Job
    from store.model import Conversion


def rewritten(job: Job, files: Iterable[tuple[Path, str]]) -> Conversion:
    """Conform the rows of an object anew.

    A row keeps its date and its origin. What was rescued of it is tried once more.

    Parameters
    ----------
    job : Job
        Its table is what the rows are conformed to.
    files : iterable of tuple of Path and str
        The files that hold the rows, and the date of each; one is removed before the next one is
        asked for.

    Raises
    ------
    MiscountedError
        When there are not as many rows as before.
    """
    found = []
    for number, (path, date) in enumerate(files):
        reader = ParquetAgain if path.suffix == ".parquet" else JsonAgain
        with inner(job, f"again-{number}", partition=date) as one:
            done = convert(one, reader(one, path))
        # They were accepted once: nothing is refused.
        prove(done.read, done.accepted, 0)
        found.append(done)
        path.unlink()
    return combined(job, found)
