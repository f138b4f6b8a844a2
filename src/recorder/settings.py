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
    processed_bucket : str
        Where the rows are written.
    source : str
        Of the events: the lake's prefix.
    first_date : str
        ISO date of the first partition of ``lake_runs`` that queries look into.
    """

    processed_bucket: str
    source: str
    first_date: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every variable that the template sets.

        Raises
        ------
        KeyError
            When one is missing: the deployment is broken.
        """
        return cls(
            processed_bucket=environment["PROCESSED_BUCKET"],
            source=environment["EVENT_SOURCE"],
            first_date=environment["FIRST_DATE"],
        )
