"""The table of formats: who reads what a file was found to be."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from engine.convert.optimistic import convert
from engine.read.delimited import Delimited
from engine.read.document import document
from engine.read.jsonl import JsonLines
from engine.read.lines import with_line_feeds
from engine.read.parquet import ParquetReading
from engine.read.reading import OtherwiseError
from engine.read.text import TextLines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.job import Job
    from engine.open.detect import Format
    from engine.read.reading import Reading
    from store.model import Conversion


def _delimited(job: Job, path: Path, found: Format) -> Reading:
    if found.dialect is None:
        raise AssertionError("a delimited file has a dialect")
    job.guesses += found.dialect.guesses
    job.csv |= found.dialect.unusual
    return Delimited(job, path, found.dialect)


# The libraries of these are loaded where such a file comes: a cold start need not wait for them.


def _avro(job: Job, path: Path, _: Format) -> Reading:
    from engine.read.avro import AvroReading

    return AvroReading(job, path)


def _orc(job: Job, path: Path, _: Format) -> Reading:
    from engine.read.orc import OrcReading

    return OrcReading(job, path)


def _sheets(job: Job, path: Path, found: Format) -> Reading:
    from engine.read.sheets import SheetsReading

    return SheetsReading(job, path, found.name)


#: Who reads a format, and how many megabytes of it, unpacked, one vCPU takes in a second at best
#: (docs/explanation/performance.md).
_READINGS: dict[str, tuple[Callable[[Job, Path, Format], Reading], float]] = {
    "jsonl": (lambda job, path, _: JsonLines(job, with_line_feeds(path, job.workdir)), 60),
    "json": (lambda job, path, _: document(job, path), 60),
    "csv": (_delimited, 60),
    "text": (lambda job, path, _: TextLines(job, path), 60),
    "parquet": (lambda job, path, _: ParquetReading(job, path), 40),
    "avro": (_avro, 10),
    "orc": (_orc, 10),
    **dict.fromkeys(("xlsx", "xlsb", "xls", "ods"), (_sheets, 5)),
}


def converted(job: Job, path: Path, found: Format) -> Conversion:
    """Read a plain file as what it was found to be.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    path : Path
        The file; of a text in UTF-8.
    found : Format
        What it is.

    Raises
    ------
    OutOfTimeError
        When even at best the time left is not enough.
    """
    reader, megabytes_per_second = _READINGS[found.name]
    job.check_time(path.stat().st_size / 1e6 / megabytes_per_second)
    reading = reader(job, path, found)
    try:
        return _blaming(job, reading)
    except OtherwiseError as error:
        return _blaming(job, error.reading())


def _blaming(job: Job, reading: Reading) -> Conversion:
    with reading.blamed() if isinstance(reading, ParquetReading) else nullcontext():
        return convert(job, reading)
