"""What the use case needs of the world, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from contract.schema import Contract
    from store.entry import Entry
    from store.model import Conversion, OutputFile, RawObject, Schema, Source


class Content(Protocol):
    """One version of a raw object, its bytes yet to be read."""

    @property
    def raw(self) -> RawObject:
        """Describe it."""
        ...

    def save(self, path: Path) -> None:
        """Write exactly that version's bytes to a file.

        Raises
        ------
        ObjectGoneError
            When that version was deleted meanwhile.
        ObjectArchivedError
            When it must be restored from Glacier first.
        ObjectEncryptedError
            When its key is one that the function cannot use.
        """
        ...

    def close(self) -> None:
        """Give back what it holds, whether it was saved or not."""
        ...


class RawStore(Protocol):
    """The raw bucket, read only."""

    def open(self, bucket: str, key: str) -> Content | None:
        """Ask for the current version, or None where there is no object."""
        ...

    def head(self, bucket: str, key: str) -> RawObject | None:
        """Describe the current version, or None where there is no object."""
        ...


class OutputStore(Protocol):
    """The processed bucket."""

    def download(self, key: str, path: Path) -> None:
        """Write a file's bytes to a local one.

        Raises
        ------
        RowsGoneError
            When there is no such file.
        """
        ...

    def upload_all(self, files: Mapping[str, Path], seconds_left: Callable[[], float]) -> None:
        """Publish files, by their keys, each whole: a reader never sees part of one.

        In no order that one could rely on. The first failure stops what was not begun; of several
        at once, that of the first key is raised.

        Raises
        ------
        OutOfTimeError
            When the invocation would end first; some files may be there.
        """
        ...

    def delete(self, keys: Collection[str]) -> None:
        """Delete keys; one that does not exist is no error."""
        ...


class Catalog(Protocol):
    """The tables that Athena sees."""

    def schema(self, dataset: str) -> Schema | None:
        """Give the table's columns and format, or None where there is no table.

        Raises
        ------
        RejectedObjectError
            When the table is somebody else's, and not to be touched.
        """
        ...

    def declare(self, dataset: str, schema: Schema) -> bool:
        """Create the table, or append the columns and fields of structs that it lacks.

        Returns
        -------
        bool
            Whether the table was created.

        Raises
        ------
        SchemaConflictError
            When the table and a file of this schema cannot be read alike
            (:func:`engine.types.evolve.evolved`); nothing was changed.
        RejectedObjectError
            When the table is somebody else's.
        CatalogConflictError
            When other writers kept changing the table for longer than we tried.
        """
        ...

    def add_partitions(self, dataset: str, partitions: Iterable[str]) -> None:
        """Register partitions; one that exists is no error.

        Raises
        ------
        RejectedObjectError
            When somebody gave one of them another place.
        CatalogConflictError
            When the table was dropped meanwhile.
        """
        ...

    def crawl(self) -> bool:
        """Start the crawler; False when it runs already, or ran not long ago."""
        ...


class Ledger(Protocol):
    """The state of every raw key, each changed by one conditional write."""

    def get(self, raw_object: str) -> Entry:
        """Read consistently; an unknown key has the empty entry, revision 0."""
        ...

    def put(self, raw_object: str, entry: Entry) -> Entry | None:
        """Write the entry if the ledger still holds the revision before it.

        Returns
        -------
        Entry or None
            None when it was written; else what the ledger holds, with nothing written: another
            worker wrote first.
        """
        ...

    def unswept(self) -> Iterable[str]:
        """Name raw objects after which something is to be cleaned up, and nobody may come."""
        ...


class Engine(Protocol):
    """Turns a local file into conformed local files; see :mod:`engine`."""

    def convert(
        self, source: Source, table: Schema | None, workdir: Path, seconds_left: Callable[[], float]
    ) -> Conversion:
        """Read the file whole, conform its records to the table, account for each.

        Raises
        ------
        RejectedObjectError, ObjectTooLargeError
            When the object cannot be served: a verdict, recorded with its reason.
        MiscountedError, EngineFailedError
            When the fault is ours: the message goes back to the queue, nothing is published.
        OutOfTimeError
            When the invocation ends first.
        """
        ...

    def rewrite(
        self,
        source: Source,
        files: Iterable[tuple[Path, str]],
        table: Schema,
        workdir: Path,
        seconds_left: Callable[[], float],
    ) -> Conversion:
        """Conform rows anew that the lake has written, each file's to the date given with it.

        A file is read whole, and removed, before the next one is asked for.

        Raises
        ------
        ObjectTooLargeError, MiscountedError, EngineFailedError, OutOfTimeError
            As of :meth:`convert`.
        """
        ...

    def judging(self, contract: Contract) -> Engine:
        """Give the same engine with another contract of one dataset."""
        ...

    def reject(self, source: Source, code: str, detail: str, workdir: Path) -> OutputFile:
        """Write the one quarantine entry of a file that cannot be served at all."""
        ...


class Curation(Protocol):
    """Who makes tables of the lake's rows."""

    def concerns(self, partition: str) -> bool:
        """Tell whether a change of a partition, such as ``orders/2024-01-15``, is to be told."""
        ...

    def tell(self, partitions: Collection[str]) -> None:
        """Say that the rows of partitions changed; to say it twice does no harm."""
        ...


class Queue(Protocol):
    """The queue that delivers messages until they are acknowledged."""

    def hand_back(self, receipt: str, seconds: int) -> None:
        """Have a message delivered again after so many seconds, not the visibility timeout."""
        ...
