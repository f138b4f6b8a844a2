"""What the use case needs of the world, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from store.runs import Row


class Runs(Protocol):
    """The files of the table ``lake_runs``."""

    def put(self, file: str, rows: Collection[Row]) -> None:
        """Have a file hold rows, each beside those of other versions that it holds already.

        Raises
        ------
        TransientError
            When it could not be written, or others kept writing it.
        """
        ...


class Events(Protocol):
    """Who tells others."""

    def send(self, details: Collection[dict[str, Any]]) -> None:
        """Send an event for each detail; one that is sent twice has the same identity.

        Raises
        ------
        ServiceError
            When not all could be sent.
        """
        ...
