"""What the deployment allows the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What the deployment allows the engine.

    Attributes
    ----------
    memory_mb : int
        DuckDB's share of the process's memory.
    threads : int
        Worker threads; the function has a fraction of one processor.
    vcpus : float
        That fraction.
    disk_bytes : int
        Room below the work folder.
    date_columns : tuple of str
        Columns that may date a record, the first usable date wins.
    max_partitions : int
        Dates that one object may hold.
    output_format : str
        ``parquet`` or ``json``: how new tables are written; a table keeps its own.
    max_columns : int
        Columns that a table may have.
    first_date : str
        ISO date of the first partition of ``quarantine`` and ``objects`` that queries look into.
    """

    memory_mb: int = 256
    threads: int = 1
    vcpus: float = 1.0
    disk_bytes: int = 4_000_000_000
    date_columns: tuple[str, ...] = ("timestamp", "date")
    max_partitions: int = 4000
    output_format: str = "parquet"
    max_columns: int = 1500
    first_date: str = ""
