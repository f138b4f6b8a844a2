"""What the use case needs of the world, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from store.curated import Table
    from store.models import Model
    from store.refresh import Query, Refresh, Run
    from store.touch import Touch


class States(Protocol):
    """The state of every model's table, each changed by one conditional write."""

    def get(self, model: str) -> Refresh:
        """Read consistently; an unknown model has the empty state, revision 0."""
        ...

    def put(self, model: str, state: Refresh) -> Refresh | None:
        """Write the state if the ledger still holds the revision before it.

        Returns
        -------
        Refresh or None
            None when it was written; else what the ledger holds: another worker wrote first, or
            this was written and the answer was lost.
        """
        ...


class Queries(Protocol):
    """Athena."""

    def start(self, sql: str, token: str) -> str:
        """Begin a query, or join the one that was begun with the token; give its identifier.

        Raises
        ------
        ModelFailedError
            When Athena does not take it.
        """
        ...

    def look(self, query: str) -> Query:
        """Say how a query is."""
        ...


class Tables(Protocol):
    """The catalog."""

    def get(self, name: str) -> Table | None:
        """Describe a table, as Glue does; None where there is none."""
        ...

    def forget(self, view: str) -> None:
        """Drop a view; one that is not there is no error."""
        ...

    def dates(self, name: str) -> list[str]:
        """List the registered partitions of a table."""
        ...

    def places(self, name: str, dates: Collection[str]) -> dict[str, str]:
        """Give the locations of those partitions that there are, by their dates.

        One that Glue does not tell of is left out.
        """
        ...

    def publish(self, model: Model, run: Run, written: Collection[str]) -> None:
        """Have queries read what a run wrote: the table, then each of its dates.

        Parameters
        ----------
        model : Model
            Whose table.
        run : Run
            Its folder is whole.
        written : collection of str
            Dates of which it has rows; the others of the run get no partition.

        Raises
        ------
        CatalogConflictError
            When others changed the table meanwhile.
        """
        ...


class Files(Protocol):
    """Buckets."""

    def dates(self, location: str) -> list[str]:
        """List the dates that have a folder at a location of a bucket."""
        ...

    def delete(self, folder: str) -> None:
        """Delete all that is in a folder of the curated bucket; nothing there is no error."""
        ...


class Queue(Protocol):
    """The curate queue."""

    def tell(self, partitions: Collection[str]) -> None:
        """Say that partitions of a table changed, such as ``daily_sales/2024-01-15``."""
        ...

    def send(self, found: Iterable[Touch]) -> None:
        """Send messages."""
        ...
