"""The function's configuration, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Lambda gives one vCPU at 1,769 MB and less in proportion
#: (AWS Lambda Developer Guide, "Configure Lambda function memory").
_MB_PER_VCPU = 1769


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment decided.

    Attributes
    ----------
    processed_bucket, database, crawler, ledger_table : str
        Names of the resources that the function writes to.
    queue_url, curate_queue_url : str
        Where its messages come from, and where it tells which dates of models changed.
    date_columns : tuple of str
        Columns that may date a record, the first usable date wins.
    output_format : str
        Of new tables, ``parquet`` or ``json``.
    max_partitions : int
        Dates that one object may hold.
    max_columns : int
        Columns that a table may have.
    crawl_minutes : int
        The least time from one start of the crawler to the next.
    first_date : str
        ISO date of the first partition of ``quarantine`` and ``objects`` that queries look into.
    memory_mb, disk_mb : int
        What the function has.
    """

    processed_bucket: str
    database: str
    crawler: str
    ledger_table: str
    queue_url: str
    curate_queue_url: str
    date_columns: tuple[str, ...]
    output_format: str
    max_partitions: int
    max_columns: int
    crawl_minutes: int
    first_date: str
    memory_mb: int
    disk_mb: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every variable that the template sets.

        Raises
        ------
        KeyError
            When one is missing: the deployment is broken, not an object.
        """
        return cls(
            processed_bucket=environment["PROCESSED_BUCKET"],
            database=environment["DATABASE_NAME"],
            crawler=environment["CRAWLER_NAME"],
            ledger_table=environment["LEDGER_TABLE"],
            queue_url=environment["QUEUE_URL"],
            curate_queue_url=environment["CURATE_QUEUE_URL"],
            date_columns=tuple(
                name.strip() for name in environment["DATE_COLUMNS"].split(",") if name.strip()
            ),
            output_format=environment["OUTPUT_FORMAT"],
            max_partitions=int(environment["MAX_PARTITIONS"]),
            max_columns=int(environment["MAX_COLUMNS"]),
            crawl_minutes=int(environment["CRAWL_MINUTES"]),
            first_date=environment["FIRST_DATE"],
            memory_mb=int(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
            disk_mb=int(environment["EPHEMERAL_STORAGE_MB"]),
        )

    @property
    def vcpus(self) -> float:
        """Processor share."""
        return self.memory_mb / _MB_PER_VCPU
