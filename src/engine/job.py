"""The work on one object: its files, its limits, its database, its quarantine."""

from __future__ import annotations

import base64
import errno
import gzip
import io
import json
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import duckdb

from engine.database import MARGIN, interrupted_in
from store.errors import ObjectTooLargeError, OutOfTimeError
from store.model import OutputFile, Schema, Source
from store.naming import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contract.schema import Contract
    from engine.database import Database

#: What DuckDB raises. It cuts what it quotes of a line by bytes; where that is within a
#: character, its own message cannot be decoded.
DUCKDB_ERRORS = (duckdb.Error, UnicodeDecodeError)

#: What is kept of a record too large for a row; the raw object still holds all of it.
_RAW_KEPT = 1_000_000


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
    """

    memory_mb: int = 256
    threads: int = 1
    disk_bytes: int = 4_000_000_000
    date_columns: tuple[str, ...] = ("timestamp", "date")
    max_partitions: int = 4000
    output_format: str = "parquet"


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

    @property
    def date_columns(self) -> tuple[str, ...]:
        """Columns that may date a record; the contract's choice comes first."""
        chosen = self.contract.partition_column if self.contract else ""
        return (chosen, *self.options.date_columns) if chosen else self.options.date_columns

    @property
    def undated_partition(self) -> str:
        """Where records without a usable date of their own go."""
        return partition_of(self.source.created)

    def restart(self) -> None:
        """Forget what was counted and refused: another reading of the object begins."""
        self.quarantine.restart()
        for folder in self.workdir.glob("out-*"):
            shutil.rmtree(folder)

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

    def run(self, query: str) -> list[tuple[Any, ...]]:
        """Run a statement to its end, or until the invocation's; give its rows."""
        with interrupted_in(self.db, self.seconds_left() - MARGIN):
            return self.db.execute(query).fetchall()

    def check_time(self) -> None:
        """Hand the object back while there is time to say so.

        Raises
        ------
        OutOfTimeError
            When less than five seconds are left.
        """
        if self.seconds_left() < MARGIN:
            raise OutOfTimeError("the invocation ends before the object does: handed back")


@dataclass(slots=True)
class Quarantine:
    """Refused records as gzipped JSON Lines, written as they are found."""

    source: Source
    path: Path
    count: int = 0
    _file: IO[str] | None = field(default=None, repr=False)

    def add(self, number: int, reason: str, detail: str, raw: bytes) -> None:
        """Keep one record.

        Parameters
        ----------
        number : int
            Of the record in the object, from 1; 0 for the object as a whole.
        reason : str
            One of :class:`store.reasons.Reason`.
        detail : str
            What was wrong, for the operator.
        raw : bytes
            The record as it was.
        """
        if self._file is None:
            # Without a time in its header the same records always give the same bytes.
            packed = gzip.GzipFile(self.path, "wb", compresslevel=6, mtime=0)
            self._file = io.TextIOWrapper(packed, encoding="utf-8", newline="\n")
        if len(raw) > _RAW_KEPT:
            detail = f"{detail}; of {len(raw):,} bytes the first {_RAW_KEPT:,} are kept here"
            raw = raw[:_RAW_KEPT]
        try:
            text, encoding = raw.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(raw).decode("ascii"), "base64"
        entry = {
            "source_bucket": self.source.bucket,
            "source_key": self.source.key,
            "source_version": self.source.version,
            "dataset": self.source.dataset,
            "record_number": number,
            "reason": str(reason),
            "detail": detail,
            "raw": text,
            "raw_encoding": encoding,
        }
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.count += 1

    @property
    def undated_partition(self) -> str:
        """Where records without a usable date of their own go."""
        return partition_of(self.source.created)

    def restart(self) -> None:
        """Forget everything: another reading of the object begins."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.count = 0

    def close(self) -> tuple[OutputFile, ...]:
        """Finish the file; give it, or nothing when nothing was refused."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if not self.count:
            return ()
        return (OutputFile(self.path, partition_of(self.source.created), 0, self.count),)


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
    quarantine = Quarantine(source, workdir / "quarantine.jsonl.gz")
    with database.guarded(workdir):
        db = database.cursor()
        try:
            yield Job(source, table, options, workdir, seconds_left, db, quarantine, contract)
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
