"""The function's configuration, read once from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployment decided.

    Attributes
    ----------
    curated_bucket, database, workgroup, ledger_table, queue_url : str
        Names of the resources that the function uses.
    keep_minutes : int
        For how long a query may still read what was replaced.
    """

    curated_bucket: str
    database: str
    workgroup: str
    ledger_table: str
    queue_url: str
    keep_minutes: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every variable that the template sets.

        Raises
        ------
        KeyError
            When one is missing: the deployment is broken.
        """
        return cls(
            curated_bucket=environment["CURATED_BUCKET"],
            database=environment["DATABASE_NAME"],
            workgroup=environment["WORKGROUP"],
            ledger_table=environment["LEDGER_TABLE"],
            queue_url=environment["QUEUE_URL"],
            keep_minutes=int(environment["KEEP_MINUTES"]),
        )
