"""The command `lake rm`: take the rows of objects out of the lake, and the objects, too.

Rows go by the lake's own protocol: the function is told that the object was deleted, as S3 tells
it with ``RawDeletes=remove``. It removes rows only of an object that is not in the raw bucket: the
lake keeps the rows of every object that is there. So an object has to be deleted first.
"""

from __future__ import annotations

import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contract.schema import SUFFIX
from lake import buckets, health, ledger, messages, models, raw, render, tables
from lake.context import agree, counting, err, out
from lake.errors import LakeCommandError
from lake.files import objects, show_lines
from lake.ledger import Filter
from lake.meant import meant
from lake.project import contracts_folder, project_root
from model.files import files_of
from store import naming
from store.catalog import why_foreign
from store.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set

    from lake.context import Choice
    from lake.ledger import Item
    from lake.target import Target

#: Seconds; a worker remembers a table for ten (`aws/glue.py`).
_REMEMBERED = 11.0

#: So many keys are named before it is asked.
_NAMED = 10

#: Seconds that a table waits for those of models. A busy curator is never done.
_CURATED = 600.0


@dataclass
class Chosen:
    """What is to go.

    Attributes
    ----------
    items : dict of str to Item
        Entries of the ledger that are not those of removed objects, by raw key.
    present : list of str
        Raw keys that are in the raw bucket; where every version is to go, also those of which
        there are only old ones.
    dataset : str
        The dataset whose table is to go, too; empty for single objects.
    """

    items: dict[str, Item] = field(default_factory=dict)
    present: list[str] = field(default_factory=list)
    dataset: str = ""

    @property
    def rows(self) -> int:
        """Count the rows that queries do not find any more."""
        return sum(item.accepted for item in self.items.values())


@click.command()
@click.argument("keys", nargs=-1, metavar="[KEY]…")
@click.option("--dataset", help="All objects of a dataset, and then its table.")
@click.option("--raw", "also_raw", is_flag=True, help="Delete the raw objects, too.")
@click.option(
    "--all-versions",
    is_flag=True,
    help="With --raw: every version of them and of their rows, for ever.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", default=900.0, show_default=True, help="Seconds to wait.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def rm(
    choice: Choice,
    /,
    keys: tuple[str, ...],
    dataset: str | None,
    also_raw: bool,
    all_versions: bool,
    dry_run: bool,
    yes: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Remove the rows of the objects KEY…, or of a dataset with its table.

    A key that ends with * means all that begin so. Objects that are still in the raw bucket are
    deleted from it with --raw: rows of an object that is there would come back.
    """
    if keys and dataset:
        raise LakeCommandError("Give keys or --dataset, not both: --dataset takes all of its keys.")
    if not (keys or dataset):
        raise LakeCommandError("Say what to remove: keys, as `lake files` shows, or --dataset.")
    if all_versions and not also_raw:
        raise LakeCommandError("--all-versions erases raw objects: say --raw, too.")
    if dataset in naming.OWN_TABLES:
        raise LakeCommandError(
            f"The table {dataset} is the lake's own. Objects below {naming.RAW_PREFIX}{dataset}/ "
            f"are in the table {naming.dataset_of(f'{naming.RAW_PREFIX}{dataset}/x')}: "
            "name that one."
        )
    target = choice.target()
    chosen = choose(target, keys, dataset or "", deleted=all_versions)
    if chosen.present and not also_raw:
        raise LakeCommandError(
            f"{objects(len(chosen.present))} in the raw bucket, such as {chosen.present[0]}: rows "
            "of an object that is there would come back. --raw deletes the objects, too."
        )
    lines = list(_plan(chosen, also_raw, all_versions))
    if dry_run:
        _report(chosen, lines, as_json=as_json)
        return
    show_lines(lines, first="", console=err)
    agree(
        "Remove this?",
        yes=yes,
        else_say="`lake rm --yes` does not ask.",
        else_so="Nothing was removed.",
    )
    deadline = time.monotonic() + timeout
    erased = _delete_raw(target, chosen.present, all_versions) if also_raw else 0
    left = _remove_rows(target, sorted(chosen.items), deadline)
    if all_versions and not left:
        erased += _erase_files(target, {*chosen.items, *chosen.present})
    dropped = bool(chosen.dataset and not left) and _drop(target, chosen.dataset, deadline)
    said = (
        f"{erased:,} version{'s'[: erased != 1]} erased: of raw objects and their rows' files."
        if all_versions
        else f"{objects(erased)} deleted from the raw bucket."
    )
    _tell(chosen, left, erased, said, dropped=dropped, as_json=as_json)
    if left:
        sys.exit(1)


def choose(target: Target, keys: Sequence[str], dataset: str, *, deleted: bool = False) -> Chosen:
    """Find what is meant.

    Parameters
    ----------
    target : Target
        The lake.
    keys : sequence of str
        Raw keys, or patterns of them.
    dataset : str
        In place of keys.
    deleted : bool
        Whether raw objects are meant, too, of which the bucket has only old versions.

    Raises
    ------
    LakeCommandError
        When there is nothing, or the table is not the lake's.
    """
    wanted = Filter(keys=keys) if keys else Filter(datasets=[dataset])
    known = {item.key: item for item in ledger.items(target, wanted)}
    if dataset:
        table = tables.table_of(target, dataset)
        if table and (why := why_foreign(table, target.outputs["ProcessedBucketName"], dataset)):
            raise LakeCommandError(why)
        folder = raw.keys(target, f"{naming.RAW_PREFIX}{dataset}/", deleted=deleted)
        there = {key for key in folder if naming.dataset_of(key) == dataset}
        there |= raw.present(target, known.keys() - there, deleted=deleted)
    else:
        table, there = None, set()
        for key in keys:
            if key.endswith("*"):
                there |= raw.keys(target, key[:-1], deleted=deleted)
        single = {*known} | {key for key in keys if key[-1:] != "*"}
        there |= raw.present(target, single - there, deleted=deleted)
    # Also of a file without a record: its entry says afterwards that it is gone.
    entries = {key: item for key, item in known.items() if not _is_gone(item)}
    if not (entries or there or table):
        said = meant(target, wanted) or "`lake files` shows what is there."
        raise LakeCommandError(f"There is nothing to remove. {said}")
    return Chosen(entries, sorted(there), dataset if table else "")


def _plan(chosen: Chosen, also_raw: bool, all_versions: bool) -> Iterator[str]:
    named = sorted({*chosen.items, *chosen.present})
    more = f", and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    if named:
        yield f"{objects(len(named))}: {', '.join(named[:_NAMED])}{more}"
    refused = sum(item.quarantined for item in chosen.items.values())
    also = f", and records of the table quarantine: {refused:,}" if refused else ""
    yield f"rows that go: {chosen.rows:,}{also}"
    if chosen.dataset:
        yield f"the table {chosen.dataset} goes"
    if chosen.present and also_raw:
        yield (
            f"raw objects that are erased with every version: {len(chosen.present):,}"
            if all_versions
            else f"raw objects that are deleted: {len(chosen.present):,}"
        )
    yield from _remains(all_versions)


def _remains(all_versions: bool) -> Iterator[str]:
    """Say what is not gone at once."""
    if all_versions:
        yield (
            "what remains: old versions of the files of models' tables, for "
            "NoncurrentVersionDays; results of queries, for QueryResultDays; keys and counts in "
            "lake_runs and in the function's log"
        )
    else:
        yield (
            "what remains: old versions of objects and of files with their rows, for "
            "NoncurrentVersionDays; results of queries, for QueryResultDays. --raw --all-versions "
            "erases the old versions, too"
        )


def _report(chosen: Chosen, lines: list[str], *, as_json: bool) -> None:
    if as_json:
        told = {
            "keys": sorted({*chosen.items, *chosen.present}),
            "rows": chosen.rows,
            "in_raw": len(chosen.present),
            "table": chosen.dataset or None,
        }
        render.show_json(told)
    else:
        show_lines(lines, first="")


def _delete_raw(target: Target, keys: Sequence[str], all_versions: bool) -> int:
    bucket = target.outputs["RawBucketName"]
    if all_versions:
        return _erase(target, bucket, keys)
    return sum(buckets.delete(target, bucket, ({"Key": key} for key in keys)))


def _erase(target: Target, bucket: str, keys: Sequence[str]) -> int:
    """Delete every version of some objects; count these."""
    found = (
        one
        for key in keys
        for one in buckets.versions(target, bucket, key)
        # Another key may begin so.
        if one["Key"] == key
    )
    return sum(buckets.delete(target, bucket, found, "versions"))


def _erase_files(target: Target, keys: Set[str]) -> int:
    """Delete every version of the files that uploads under some raw keys ever had; count these.

    What is there is not deleted: it is of an upload that came meanwhile.
    """
    bucket, raw_bucket = target.outputs["ProcessedBucketName"], target.outputs["RawBucketName"]
    names = {naming.object_name(raw_bucket, key) for key in keys}
    datasets = {naming.dataset_of(key) for key in keys}
    folders = [f"{naming.QUARANTINE}/", f"{naming.OBJECTS}/"]
    for dataset in sorted(datasets):
        folders += [naming.table_prefix(dataset), f"{naming.REBUILT}/{dataset}/"]
    found = (
        one
        for folder in folders
        for one in buckets.deleted(
            target, bucket, folder, lambda key: naming.object_in(key) in names
        )
    )
    return sum(buckets.delete(target, bucket, found, "versions"))


def _remove_rows(target: Target, keys: list[str], deadline: float) -> list[str]:
    """Have the function remove the rows, and wait; give the keys that are left."""
    messages.announce(target, keys, f"rm-{uuid.uuid4().hex[:12]}", removal=True)
    bucket, left = target.outputs["RawBucketName"], keys
    watch = health.Watch(target, keys)
    with counting() as progress:
        task = progress.add_task("removing rows", total=len(keys))
        while True:
            known = ledger.get_many(target, bucket, left)
            left = [key for key in left if not _is_gone(known.get(key))]
            progress.update(task, completed=len(keys) - len(left))
            if not left or time.monotonic() > deadline:
                return left
            if trouble := watch.unsaid():
                err.print(trouble, style="yellow")
            time.sleep(0.5)


def _is_gone(item: Item | None) -> bool:
    # Files that are replaced can be read until they are deleted.
    return item is None or (item.status is Status.DELETED and not item.entry.replaced)


def _drop(target: Target, dataset: str, deadline: float) -> bool:
    """Drop the table, once the tables of models that read it have followed."""
    readers = [
        one.name
        for one in models.read(files_of(models.folder())).models
        if any(source.name == dataset for source in one.sources)
    ]
    if readers:
        _await_curator(target, min(deadline, time.monotonic() + _CURATED))
    if tables.table_of(target, dataset) is None:
        return False
    target.client("glue").delete_table(
        DatabaseName=target.outputs["GlueDatabaseName"], Name=dataset
    )
    # What is uploaded after the command gets a table again, also from a worker that knew this one.
    with err.status("waiting until no worker remembers the table…"):
        time.sleep(_REMEMBERED)
    if readers:
        err.print(
            f"These models read {dataset}, and wait from now on until there is such a table "
            f"again: {', '.join(readers)}.",
            style="yellow",
        )
    return True


def _await_curator(target: Target, deadline: float) -> None:
    """Wait until the curator has taken what it was told, also for other models, or for so long."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    with err.status("waiting until tables of models have followed…"):
        while time.monotonic() < deadline:
            counts = target.client("sqs").get_queue_attributes(
                QueueUrl=target.outputs["CurateQueueUrl"], AttributeNames=names
            )["Attributes"]
            if not any(int(one) for one in counts.values()):
                return
            time.sleep(1)


def _tell(
    chosen: Chosen, left: list[str], erased: int, said: str, *, dropped: bool, as_json: bool
) -> None:
    gone = [item for key, item in chosen.items.items() if item.outputs and key not in left]
    rows = sum(item.accepted for item in gone)
    if as_json:
        told = {
            "removed": len(gone),
            "rows": rows,
            "deleted_versions": erased,
            "table_dropped": dropped,
            "waiting": left,
        }
        render.show_json(told)
        return
    if gone:
        out.print(f"The rows of {objects(len(gone))} are removed: {rows:,}.")
    if erased:
        out.print(said)
    if dropped:
        out.print(f"The table {chosen.dataset} was dropped.")
        contract = contracts_folder(project_root(Path.cwd())) / f"{chosen.dataset}{SUFFIX}"
        if contract.is_file():
            out.print(f"The contract {contract.name} stays, and holds for what is uploaded again.")
    if left:
        out.print(f"{objects(len(left))} not yet, such as {left[0]}: the same command goes on.")
