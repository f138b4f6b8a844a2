"""The work on one object: its files, its limits, its database."""

from __future__ import annotations

import atexit
import errno
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import duckdb

from engine.convert.drift import Drifting
from engine.types.kinds import literal
from engine.write.quarantine import Quarantine
from store.errors import ObjectTooLargeError, OutOfTimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contract.schema import Contract
    from store.model import Schema, Source

#: 131,072 rows in a function of 512 MB (docs/performance.md).
_ROWS_PER_MB = 512

#: What DuckDB raises. It cuts what it quotes of a line by bytes; where that is within a
#: character, its own message cannot be decoded.
DUCKDB_ERRORS = (duckdb.Error, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Options:
    """What the deployment allows the engine.

    Attributes
    ----------
    memory_mb : int
        DuckDB's share of the process's memory.
    threads : int
        Worker threads; the function has a fraction of one processor.
    disk_bytes : int
        Room below the work folder.
    date_columns : tuple of str
        Columns that may date a record, the first present one wins.
    max_partitions : int
        Dates that one object may hold.
    output_format : str
        ``parquet`` or ``json``.
    max_columns : int
        Columns that a table may have.
    """

    memory_mb: int = 256
    threads: int = 1
    disk_bytes: int = 4_000_000_000
    date_columns: tuple[str, ...] = ("timestamp", "date")
    max_partitions: int = 4000
    output_format: str = "parquet"
    max_columns: int = 1500


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
    drift : Drifting
        Rows with something rescued, by the column that it did not fit.
    guesses : list of str
        What was guessed of the file, in words for the operator.
    """

    source: Source
    table: Schema | None
    options: Options
    workdir: Path
    seconds_left: Callable[[], float]
    db: duckdb.DuckDBPyConnection
    quarantine: Quarantine
    contract: Contract | None = None
    drift: Drifting = field(default_factory=Drifting)
    guesses: list[str] = field(default_factory=list)

    @property
    def date_columns(self) -> tuple[str, ...]:
        """Columns that may date a record; the contract's choice comes first."""
        chosen = self.contract.partition_column if self.contract else ""
        return (chosen, *self.options.date_columns) if chosen else self.options.date_columns

    def restart(self) -> None:
        """Forget what was counted and refused: another reading of the object begins."""
        self.quarantine.restart()
        self.drift.clear()

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Have freed memory returned at once, for a while: of 375 MB it leaves 225 in use.

        Some fifth more processor time is the price, so it is for wide files only.
        """
        self.db.execute("SET GLOBAL allocator_bulk_deallocation_flush_threshold = '1MB'")
        try:
            yield
        finally:
            self.db.execute("RESET GLOBAL allocator_bulk_deallocation_flush_threshold")

    def check_time(self) -> None:
        """Hand the object back while there is time to say so.

        Raises
        ------
        OutOfTimeError
            When less than five seconds are left.
        """
        if self.seconds_left() < 5:
            raise OutOfTimeError("the invocation ends before the object does: handed back")


@cache
def _database(options: Options) -> duckdb.DuckDBPyConnection:
    """Open the database of this process: a third of the time that a small file takes."""
    spill = tempfile.mkdtemp(prefix="lake-spill-")
    atexit.register(shutil.rmtree, spill, ignore_errors=True)
    db = duckdb.connect(":memory:")
    for setting in (
        f"threads = {options.threads}",
        f"memory_limit = '{options.memory_mb}MB'",
        f"temp_directory = {literal(spill)}",
        "TimeZone = 'UTC'",
        "autoinstall_known_extensions = false",
        # As many rows wait to be written, and become row groups: by default four times as
        # many as fit here, which takes memory and saves no time.
        f"partitioned_write_flush_threshold = {_ROWS_PER_MB * options.memory_mb}",
        "partitioned_write_max_open_files = 100",
    ):
        db.execute(f"SET GLOBAL {setting}")
    return db


@contextmanager
def opened(
    source: Source,
    table: Schema | None,
    options: Options,
    workdir: Path,
    seconds_left: Callable[[], float],
    contract: Contract | None = None,
) -> Iterator[Job]:
    """Open a job and give back what it holds, whatever happens.

    Raises
    ------
    ObjectTooLargeError
        When disk or memory were not enough.
    """
    quarantine = Quarantine(source, workdir / "quarantine.jsonl.gz")
    db = _database(options).cursor()
    try:
        yield Job(source, table, options, workdir, seconds_left, db, quarantine, contract)
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise ObjectTooLargeError(f"memory or disk was not enough: {error}") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ObjectTooLargeError(f"disk was not enough: {error}") from error
    finally:
        quarantine.close()
        db.close()
