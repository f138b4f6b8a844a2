"""The one DuckDB of a process: opened when needed, thrown away when it is broken."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from engine.types.sql import literal
from engine.workspace import prefix
from store.errors import EngineFailedError, ObjectTooLargeError, OutOfTimeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.options import Options

#: Rows that wait to be written: 131,072 in a function of 512 MB.
_ROWS_PER_MB = 512

#: Memory is given back to the system when as much is freed at once: which values of some
#: kilobytes do, and others do not. Else the process keeps twice as much as DuckDB uses.
FREED = "32MB"

#: Bytes of disk below which a failed write is the disk's fault.
_FULL = 16 * 1024 * 1024

#: Seconds before the end of an invocation at which a statement is interrupted: enough to say so.
MARGIN = 5.0

#: What DuckDB raises because of the bytes that it reads. It cuts what it quotes of a line by
#: bytes; where that is within a character, its own message cannot be decoded.
DATA_ERRORS = (
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    UnicodeDecodeError,
)


def said_by(error: Exception) -> str:
    """Give what DuckDB said, also where it cut a character in two."""
    if isinstance(error, UnicodeDecodeError):
        return error.object.decode("utf-8", "replace")
    return str(error)


#: What the system says of a disk without room, in DuckDB's messages.
_NO_ROOM = ("No space left on device", "Disk quota exceeded", "File too large")


def is_full(error: Exception) -> bool:
    """Tell whether an error of DuckDB says that a disk, or a quota of it, is used up."""
    text = str(error)
    return isinstance(error, duckdb.IOException) and any(reason in text for reason in _NO_ROOM)


class Database:
    """A database in memory that spills to a folder of its own.

    After a fatal or internal error DuckDB refuses every further statement, so the next object
    gets a new one.

    Parameters
    ----------
    options : Options
        Memory and threads.
    root : Path or None
        Where it spills; the system's place for temporary files when None.
    """

    def __init__(self, options: Options, root: Path | None = None) -> None:
        self._options = options
        self._root = root
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._spill: Path | None = None

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Give a cursor; the database is opened at the first: a third of a small file's time."""
        if self._connection is None:
            self._connection = self._opened()
        return self._connection.cursor()

    def discard(self) -> None:
        """Close the database and remove what it spilled."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self._spill is not None:
            shutil.rmtree(self._spill, ignore_errors=True)
            self._spill = None

    def _opened(self) -> duckdb.DuckDBPyConnection:
        self._spill = Path(tempfile.mkdtemp(prefix=prefix("spill"), dir=self._root))
        connection = duckdb.connect(":memory:")
        for setting in (
            f"threads = {self._options.threads}",
            f"memory_limit = '{self._options.memory_mb}MB'",
            f"temp_directory = {literal(str(self._spill))}",
            "TimeZone = 'UTC'",
            "autoinstall_known_extensions = false",
            f"partitioned_write_flush_threshold = {_ROWS_PER_MB * self._options.memory_mb}",
            "partitioned_write_max_open_files = 1000",
            f"allocator_bulk_deallocation_flush_threshold = '{FREED}'",
        ):
            connection.execute(f"SET GLOBAL {setting}")
        return connection

    @contextmanager
    def guarded(self, workdir: Path) -> Iterator[None]:
        """Say of DuckDB's own failures whose they are; data errors pass through.

        Parameters
        ----------
        workdir : Path
            On the disk that may be full.

        Raises
        ------
        EngineFailedError
            When DuckDB failed, not the file: tried again, with a new database.
        ObjectTooLargeError
            When memory or disk were not enough.
        OutOfTimeError
            When a statement was interrupted.
        """
        try:
            yield
        except (duckdb.FatalException, duckdb.InternalException) as error:
            self.discard()
            raise EngineFailedError(
                f"DuckDB failed, and not because of the file: {error}"
            ) from error
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise ObjectTooLargeError(
                f"memory or disk was not enough: raise FunctionMemory or EphemeralStorage ({error})"
            ) from error
        except duckdb.InterruptException as error:
            raise OutOfTimeError("the invocation ends before the object does") from error
        except duckdb.IOException as error:
            if not is_full(error) and shutil.disk_usage(workdir).free > _FULL:
                raise
            raise ObjectTooLargeError(
                f"the disk is full: raise EphemeralStorage ({error})"
            ) from error


@contextmanager
def interrupted_in(cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what runs on a cursor when its time is over."""
    timer = threading.Timer(max(seconds, 0), cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # DuckDB 1.5.6 crashes when a cursor is interrupted while it is closed.
        timer.join()
