"""The work on one object: its files, its limits, its database."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.convert.layout import LINEAGE_NAMES
from engine.database import FREED, MARGIN, interrupted_in
from engine.write.quarantine import Quarantine
from store.errors import ObjectTooLargeError, OutOfTimeError
from store.naming import normalise, partition_of
from store.paths import day_of_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import duckdb

    from contract.schema import Contract
    from engine.database import Database
    from engine.options import Options
    from store.model import Schema, Source


#: How many times as much as it touches DuckDB may reserve for files of many columns.
_RESERVED = 8


@dataclass(slots=True)
class Job:
    """One object being converted.

    Attributes
    ----------
    source : Source
        The object.
    table : Schema or None
        The table as it was read.
    options : Options
        Limits.
    workdir : Path
        A folder for this job alone.
    seconds_left : callable
        Seconds until the invocation is killed.
    db : duckdb.DuckDBPyConnection
        A database in memory that spills below ``workdir``.
    quarantine : Quarantine
        Takes what is refused.
    contract : Contract or None
        What the dataset's records must be.
    compression : str
        What the object was packed with.
    guesses : list of str
        What was guessed of the file, in words for the operator.
    csv : dict
        As of :class:`store.model.Conversion`.
    partition : str
        The date of all records, whatever they say; empty where they say it.
    place : str
        The key, and of a file in an archive its path there: folders may name columns and a date.
    """

    source: Source
    table: Schema | None
    options: Options
    workdir: Path
    seconds_left: Callable[[], float]
    db: duckdb.DuckDBPyConnection
    quarantine: Quarantine
    contract: Contract | None = None
    compression: str = "none"
    guesses: list[str] = field(default_factory=list)
    csv: dict[str, str | int | bool] = field(default_factory=dict)
    partition: str = ""
    place: str = ""

    @property
    def date_columns(self) -> tuple[str, ...]:
        """Columns that may date a record; the contract's choice comes first."""
        if self.partition:
            return ()
        chosen = self.contract.partition_column if self.contract else ""
        return (chosen, *self.options.date_columns) if chosen else self.options.date_columns

    @property
    def known_columns(self) -> frozenset[str]:
        """Names of the table's columns, and of the contract's."""
        columns = self.table.columns if self.table else ()
        properties = self.contract.root.properties if self.contract else ()
        return frozenset(
            [column.name for column in columns if column.name not in LINEAGE_NAMES]
            + [normalise(name) for name in properties]
        )

    @property
    def output_format(self) -> str:
        """What its rows are written as: what the table's files are, however it began."""
        return self.table.format if self.table else self.options.output_format

    @property
    def date_formats(self) -> tuple[str, ...]:
        """How texts that date records may be written, beside what is read anyway."""
        return self.contract.date_formats if self.contract else ()

    @property
    def undated_partition(self) -> str:
        """Where records without a usable date of their own go."""
        if self.partition:
            return self.partition
        day = day_of_path(self.place)
        return day.isoformat() if day else partition_of(self.source.created)

    def restart(self) -> None:
        """Forget what was counted and refused: another reading of the object begins."""
        self.quarantine.restart()
        for folder in self.workdir.glob("out-*"):
            shutil.rmtree(folder)

    @contextmanager
    def sparing(self, times: int = _RESERVED) -> Iterator[None]:
        """Give memory back sooner, and let DuckDB reserve some times as much, for a while.

        Freed memory is returned at once: of 375 MB that leaves 225 in use, for some fifth more
        processor time. And DuckDB counts what it reserves for each column, not what it touches of
        that: 600 fields of a struct are 244 MB to it, and 85 to the machine.

        Parameters
        ----------
        times : int
            How many times as much.
        """
        mb = self.options.memory_mb
        self.db.execute("SET GLOBAL allocator_bulk_deallocation_flush_threshold = '1MB'")
        self.db.execute(f"SET GLOBAL memory_limit = '{mb * times}MB'")
        try:
            yield
        finally:
            self.db.execute(f"SET GLOBAL memory_limit = '{mb}MB'")
            self.db.execute(f"SET GLOBAL allocator_bulk_deallocation_flush_threshold = '{FREED}'")

    def run(self, query: str) -> list[tuple[Any, ...]]:
        """Run a statement to its end, or until the invocation's; give its rows."""
        with interrupted_in(self.db, self.seconds_left() - MARGIN):
            rows: list[tuple[Any, ...]] = self.db.execute(query).fetchall()
        return rows

    def check_time(self, vcpu_seconds: float = 0) -> None:
        """Hand the object back while there is time to say so.

        Parameters
        ----------
        vcpu_seconds : float
            What is needed at least, of a whole vCPU.

        Raises
        ------
        OutOfTimeError
            When less than that is left, or less than five seconds.
        """
        left, needed = self.seconds_left(), vcpu_seconds / self.options.vcpus
        if left < MARGIN:
            raise OutOfTimeError("the invocation ends before the object does: handed back")
        if left < needed:
            raise OutOfTimeError(f"it needs {needed:.0f} s at least and {left:.0f} s are left")


@contextmanager
def inner(job: Job, name: str, **changes: Any) -> Iterator[Job]:
    """Open the work on one of several files: with an empty folder and a quarantine of its own.

    Parameters
    ----------
    job : Job
        The work on all of them.
    name : str
        Of the folder.
    changes
        What else is its own.
    """
    folder = job.workdir / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    quarantine = Quarantine(job.source, folder / "quarantine.jsonl.gz", job.options.first_date)
    try:
        yield replace(job, workdir=folder, quarantine=quarantine, guesses=[], csv={}, **changes)
    finally:
        with suppress(OSError):  # a full disk, which has been told
            quarantine.close()


@contextmanager
def opened(
    source: Source,
    table: Schema | None,
    options: Options,
    workdir: Path,
    seconds_left: Callable[[], float],
    database: Database,
    contract: Contract | None = None,
) -> Iterator[Job]:
    """Open a job and give back what it holds, whatever happens.

    Raises
    ------
    ObjectTooLargeError
        When disk or memory were not enough.
    EngineFailedError
        When DuckDB failed, and not because of the file.
    """
    quarantine = Quarantine(source, workdir / "quarantine.jsonl.gz", options.first_date)
    with database.guarded(workdir):
        db = database.cursor()
        try:
            yield Job(
                source,
                table,
                options,
                workdir,
                seconds_left,
                db,
                quarantine,
                contract,
                place=source.key,
            )
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise ObjectTooLargeError(
                f"the disk is full: raise EphemeralStorage ({error})"
            ) from error
        finally:
            with suppress(OSError):  # a full disk, which has been told
                quarantine.close()
            db.close()
