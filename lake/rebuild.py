"""Ingest a dataset anew into a table of its own, and switch the dataset's table to it.

Where raw objects cannot be read any more, the functions read the rows that were made of them.

Each step can be killed, and is found again by what the catalog says:

1. The *next* table is made, with the wanted types and a folder of its own, and the dataset's table
   gets a mark. From then on the functions write to the next table, and leave the rows of the
   dataset's own folder where they are: these can still be read.
2. Every object with rows in the old folder is ingested again.
3. When there is none left, and no worker that has not seen the mark, the dataset's table gets the
   columns, the folder and the partitions of the next one.
4. Objects with rows in the old folder only were deleted, and their rows are given up: now the
   functions are told so.
5. When no worker is left that has not seen the switch, the next table and the old folder are
   deleted, and models that read the table are told.

A worker remembers a table for some seconds. So each step waits for :data:`SETTLE` seconds, and for
the workers that had begun by then.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lake import curation, ledger, messages, outputs, raw, tables
from lake.errors import LakeCommandError
from lake.total import total
from lake.trouble import aws_said
from store import catalog, naming
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lake.ledger import Item
    from lake.target import Target
    from store.model import Drift

    Table = dict[str, Any]

#: Longer than a worker remembers a table, and than clocks differ.
SETTLE = 30.0

#: The most that BatchDeletePartition takes (AWS Glue API).
_DELETE_BATCH = 25

#: Seconds in which a rebuild that makes its table also marks the dataset's.
_STARTING = 600.0

#: Types that a column can get, as far as most people use them.
_TYPES = (
    *("boolean", "int", "bigint", "double", "decimal(10,2)"),
    *("string", "date", "timestamp"),
)

#: Storage classes of which an object cannot be read at once (Amazon S3 User Guide).
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True)
class Progress:
    """How far a rebuild is.

    Attributes
    ----------
    step : str
        ``ingesting``, ``settling``, ``switched``, ``giving up`` or ``done``.
    objects : int
        Objects of the dataset that have rows.
    left : tuple of str
        Raw keys whose rows are in the old folder.
    rows, rescued : int
        Of all objects; rows with something in ``_rescued_data``.
    drift : tuple of Drift
        Which columns met values that do not fit.
    """

    step: str
    objects: int = 0
    left: tuple[str, ...] = ()
    rows: int = 0
    rescued: int = 0
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True)
class Rebuild:
    """One rebuild of one dataset.

    Attributes
    ----------
    target : Target
        The lake.
    dataset : str
        Its table.
    settle : float
        Seconds that each step waits for workers.
    clock : callable
        Seconds since 1970.
    from_processed : bool
        Whether rows are conformed anew from the files that hold them, and no raw object is read.
    without_deleted : bool
        Whether the rows of objects that were deleted from the raw bucket are given up.
    """

    target: Target
    dataset: str
    settle: float = SETTLE
    clock: Callable[[], float] = time.time
    from_processed: bool = False
    without_deleted: bool = False

    def start(self, types: Mapping[str, str]) -> None:
        """Make the next table and mark the dataset's; go on with one that is under way.

        Parameters
        ----------
        types : mapping of str to str
            Columns that get another type.

        Raises
        ------
        LakeCommandError
            When there is no such table or column, or objects cannot be ingested again; nothing
            was changed.
        """
        table = tables.table_of(self.target, self.dataset)
        if table is None:
            others = [one for one in tables.tables_of(self.target) if not naming.is_reserved(one)]
            raise tables.missing(self.dataset, others)
        if why := catalog.why_foreign(table, self._bucket, self.dataset):
            raise LakeCommandError(why)
        if catalog.since(table):
            following = tables.table_of(self.target, naming.next_table(self.dataset))
            known = {
                c["Name"]: c["Type"] for c in (following or table)["StorageDescriptor"]["Columns"]
            }
            if any(known.get(name) != kind for name, kind in types.items()):
                raise LakeCommandError(
                    f"A rebuild of {self.dataset} is under way: `lake rebuild {self.dataset}` "
                    "goes on with it; change the type after that."
                )
            return
        self._check_types(table, types)
        items = self._items()
        if not self.from_processed:
            self._check_objects(items)
        self._check_files(catalog.folder_of(table))
        number = self._next_number(table, items)
        self._create(catalog.next_of(table, self._bucket, number, types))
        self._update(table, catalog.begun(table, number, self.clock()))

    def announce(self) -> None:
        """Have every object that is left ingested again, once workers know of the rebuild.

        Once the table is switched, have the rows removed that are given up.

        Raises
        ------
        LakeCommandError
            When objects were deleted, and their rows shall not be given up.
        """
        table = tables.table_of(self.target, self.dataset)
        if table is None or not catalog.since(table):
            return
        if not (number := catalog.rebuild_of(table)):
            given_up = self._left(self._items(), catalog.folder_of(table))
            name = f"switch-{self.dataset}-{self.clock():.0f}"
            messages.announce(self.target, sorted(given_up), name, removal=True)
            return
        if self.clock() < catalog.since(table) + self.settle:
            return
        left = self._left(self._items(), naming.table_prefix(self.dataset, number))
        # What is left after an announcement is to be ingested, whatever that did.
        name = f"rebuild-{self.dataset}-{number}-{self.clock():.0f}"
        if self.from_processed:
            messages.announce(self.target, sorted(left), name, rewrite=True)
            return
        deleted = self._deleted(left)
        self._check_deleted(deleted, len(left))
        messages.announce(self.target, sorted(left - deleted), name)

    def advance(self) -> Progress:
        """Do what can be done now.

        Returns
        -------
        Progress
            How far it is; to be called again until it is ``done``.
        """
        table = tables.table_of(self.target, self.dataset)
        if table is None:
            raise LakeCommandError(f"Table {self.dataset} was dropped while it was rebuilt.")
        items = self._items()
        with_rows = sum(bool(item.partitions) for item in items)
        if not catalog.since(table):
            return _done(items)
        if number := catalog.rebuild_of(table):
            folder = naming.table_prefix(self.dataset, number)
            old = self._left(items, folder)
            # They are read until the switch.
            given_up = self._deleted(old) if old and self.without_deleted else set()
            left = tuple(sorted(old - given_up))
            if self.clock() < catalog.since(table) + self.settle:
                return Progress("settling", with_rows, left)
            if left:
                return Progress("ingesting", with_rows, left)
            if self._unsettled(table, items):
                return Progress("settling", with_rows)
            following = tables.table_of(self.target, naming.next_table(self.dataset))
            if following is None:
                raise LakeCommandError(f"Table {naming.next_table(self.dataset)} is gone.")
            self._update(table, catalog.switched(table, following, self.clock()))
            self._move_partitions()
            return Progress("switched", with_rows)
        # Also what a worker has registered since that had not seen the switch.
        self._move_partitions()
        if given_up := self._left(items, catalog.folder_of(table)):
            return Progress("giving up", with_rows, tuple(sorted(given_up)))
        if self._unsettled(table, items):
            return Progress("switched", with_rows)
        self._drop(naming.next_table(self.dataset))
        doomed = self._old_files(catalog.folder_of(table))
        # Before they are deleted: dates of which no row is left are known by nothing else.
        self._tell(doomed)
        outputs.delete(self.target, doomed, "files of the old table")
        self._update(table, catalog.settled(table))
        return _done(items)

    # --- What is asked ------------------------------------------------------------------

    @property
    def _glue(self) -> Any:
        return self.target.client("glue")

    @property
    def _database(self) -> str:
        return self.target.outputs["GlueDatabaseName"]

    @property
    def _bucket(self) -> str:
        return self.target.outputs["ProcessedBucketName"]

    def _items(self) -> list[Item]:
        return list(ledger.items(self.target, ledger.Filter(datasets=[self.dataset])))

    def _left(self, items: list[Item], folder: str) -> set[str]:
        """Name the objects that have rows elsewhere than in the new folder."""
        return {
            item.key
            for item in items
            if any(naming.folder_of(key) not in ("", folder) for key in item.outputs)
        }

    def _unsettled(self, table: Table, items: list[Item]) -> bool:
        """Tell whether a worker may be at it that has not seen the step that the table is at."""
        seen, now = catalog.since(table) + self.settle, self.clock()
        return now < seen or any(item.is_worked_on(now, since=seen) for item in items)

    def _check_types(self, table: Table, types: Mapping[str, str]) -> None:
        columns = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
        for name, kind in types.items():
            if name not in columns or name.startswith("_"):
                known = [c for c in columns if not c.startswith("_")]
                meant = near(name, known, f"it has {', '.join(known)}.")
                raise LakeCommandError(f"Table {self.dataset} has no column {name}: {meant}")
            if not catalog.is_type(kind):
                meant = near(kind, _TYPES, f"use {', '.join(_TYPES)}, …")
                raise LakeCommandError(f"{kind!r} is no type that a column can get: {meant}")

    def _check_files(self, folder: str) -> None:
        """Refuse to leave files behind that are not the lake's: no query would read them again."""
        strange = [k for k in outputs.listed(self.target, folder) if not naming.is_output(k)]
        if strange:
            raise LakeCommandError(
                f"{len(strange):,} files in {folder} are not the lake's, such as {strange[0]}: "
                "after a rebuild no query of the table reads them. Upload them to the raw bucket "
                "(`lake put`), or move them away, then repeat this."
            )

    def _next_number(self, table: Table, items: list[Item]) -> int:
        """Give a number under which no rebuild has written, not even one that was given up."""
        written = [key for item in items for key in (*item.outputs, *item.announced)]
        written += outputs.listed(self.target, f"{naming.REBUILT}/{self.dataset}/")
        folders = {catalog.folder_of(table), *map(naming.folder_of, written)}
        return 1 + max(naming.rebuild_in(folder, self.dataset) or 0 for folder in folders)

    def _check_objects(self, items: list[Item]) -> None:
        there = dict(raw.listed(self.target, naming.RAW_PREFIX))
        keys = {item.key for item in items if item.partitions}
        archived = sum(there.get(key) in _ARCHIVED for key in keys)
        if archived:
            raise LakeCommandError(
                f"{archived:,} of {len(keys):,} raw objects of {self.dataset} are in Glacier and "
                "cannot be read. Restore them first (aws s3api restore-object), then repeat this; "
                "or use --from-processed, which reads the rows that were made of them."
            )
        self._check_deleted(keys - there.keys(), len(keys))

    def _deleted(self, keys: set[str]) -> set[str]:
        """Name the objects that are not in the raw bucket any more."""
        return keys - raw.present(self.target, keys)

    def _check_deleted(self, deleted: set[str], count: int) -> None:
        """Refuse to go on without deleted objects, unless their rows shall be given up."""
        if deleted and not self.without_deleted:
            raise LakeCommandError(
                f"{len(deleted):,} of {count:,} raw objects of {self.dataset} were deleted, "
                f"such as {min(deleted)}. With --from-processed no raw object is read: all rows "
                "are made of those that the table has. With --without-deleted the rows of deleted "
                "objects go at the switch. Until then every row can be read."
            )

    # --- What is changed ----------------------------------------------------------------

    def _update(self, table: Table, wanted: dict[str, Any]) -> None:
        try:
            self._glue.update_table(
                DatabaseName=self._database,
                TableInput=wanted,
                VersionId=table["VersionId"],
                SkipArchive=True,
            )
        except ClientError as error:
            raise LakeCommandError(
                f"Table {self.dataset} was not changed. {aws_said(error)} The same command goes on."
            ) from error

    def _create(self, made: Any) -> None:
        """Make the next table, or take the one that a start left that was killed.

        Raises
        ------
        LakeCommandError
            When somebody else is just starting another rebuild: nothing was changed.
        """
        there = tables.table_of(self.target, made["Name"])
        if there is not None and catalog.is_like(there, made):
            return
        if there is not None:
            age = self.clock() - there["CreateTime"].timestamp()
            if age < _STARTING:
                raise LakeCommandError(
                    f"Another rebuild of {self.dataset} was begun {age:.0f} s ago, and nothing was "
                    f"changed by this one. Wait {_STARTING - age:.0f} s, or repeat the other one."
                )
            # No start takes so long. It is not marked, so that nobody has written to it.
            self._drop(made["Name"])
        try:
            self._glue.create_table(DatabaseName=self._database, TableInput=made)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
            raise LakeCommandError(
                f"Another rebuild of {self.dataset} was begun just now, and nothing was changed by "
                f"this one: `lake rebuild {self.dataset}` goes on with the other."
            ) from error

    def _drop(self, name: str) -> None:
        try:
            self._glue.delete_table(DatabaseName=self._database, Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityNotFoundException":
                raise

    def _move_partitions(self) -> None:
        """Give the dataset's table the partitions of the next one."""
        table = tables.table_of(self.target, self.dataset)
        wanted = tables.partitions_of(self.target, naming.next_table(self.dataset))
        there = tables.partitions_of(self.target, self.dataset)
        if table is None or wanted is None or there is None:
            return
        # One that is where the table has its files now was registered by a worker just now.
        elsewhere = {date for date, one in there.items() if catalog.why_misplaced(table, one)}
        name: dict[str, Any] = {"DatabaseName": self._database, "TableName": self.dataset}
        for batch in _batches(sorted(elsewhere & wanted.keys()), tables.BATCH):
            entries = [
                {"PartitionValueList": [d], "PartitionInput": catalog.partition_of(table, d)}
                for d in batch
            ]
            answer = self._glue.batch_update_partition(**name, Entries=entries)
            tables.check(answer, self.dataset, "EntityNotFoundException")
        tables.create_partitions(self.target, table, sorted(wanted.keys() - there.keys()))
        for batch in _batches(sorted(elsewhere - wanted.keys()), _DELETE_BATCH):
            doomed = [{"Values": [date]} for date in batch]
            answer = self._glue.batch_delete_partition(**name, PartitionsToDelete=doomed)
            tables.check(answer, self.dataset, "EntityNotFoundException")

    def _tell(self, doomed: list[str]) -> None:
        """Have tables of models made anew whose rows were read otherwise before the switch."""
        now = (f"{self.dataset}/{d}" for d in tables.partitions_of(self.target, self.dataset) or {})
        curation.tell(self.target, sorted({*now, *map(naming.partition_in, doomed)} - {""}))

    def _old_files(self, kept: str) -> list[str]:
        """List the dataset's files that are in no folder of its table any more."""
        prefixes = (naming.table_prefix(self.dataset), f"{naming.REBUILT}/{self.dataset}/")
        found = (key for prefix in prefixes for key in outputs.listed(self.target, prefix))
        return [key for key in found if naming.folder_of(key) not in ("", kept)]


def _done(items: list[Item]) -> Progress:
    with_rows = [item for item in items if item.partitions]
    if not with_rows:
        return Progress("done")
    whole = total(with_rows)
    return Progress("done", len(with_rows), (), whole.accepted, whole.rescued, whole.drift)


def _batches(found: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(found), size):
        yield found[start : start + size]
