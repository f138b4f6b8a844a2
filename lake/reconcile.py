"""Compare raw bucket, ledger, processed bucket, catalog and the tables of models."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lake import buckets, curation, ledger, messages, models, outputs, tables
from store import naming
from store.naming import is_output
from store.touch import of_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lake.ledger import Item
    from lake.target import Target
    from store.models import Model


@dataclass
class Differences:
    """What does not agree; empty lists for a lake that is whole.

    Attributes
    ----------
    undelivered : list of str
        Raw keys whose current version the lake has not ingested, and nobody is at it.
    missing : list of str
        Raw keys of which rows that the ledger lists are gone.
    leftovers : list of str
        Raw keys after which something of an older version or a dead worker is to be removed.
    orphans : list of str
        Processed keys that the lake wrote and no entry knows.
    deleted : list of str
        Raw keys that were ingested and deleted since; their rows stay, on purpose.
    foreign : list of str
        Processed keys that somebody else wrote; they are left alone.
    dropped : list of str
        Tables that have rows, do not exist, and are made again by their objects.
    unread : list of str
        Raw keys whose rows no query reads: their table was dropped, or made anew since.
    partitions : list of str
        Partitions that have rows and are not registered, such as ``orders/2024-01-15``.
    stale : list of str
        Dates of models' tables that are older than their sources, such as
        ``daily_sales/2024-01-15``, and that nobody is about to make anew.
    removed : list of str
        Tables of models that have no file any more, and folders of those whose table is gone,
        too, such as ``models/daily_sales/``; they are left alone.
    retyped : list of str
        Sentences about dropped tables that are made again with other types than they had.
    hidden : list of str
        Sentences about rows that no query reads and that only the operator can bring back.
    objects : int
        Raw objects looked at.
    """

    undelivered: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    partitions: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    retyped: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    objects: int = 0

    @property
    def to_send(self) -> list[str]:
        """Raw keys that :func:`fix` has the function look at again."""
        return sorted({*self.undelivered, *self.missing, *self.leftovers, *self.unread})

    @property
    def repairable(self) -> int:
        """Count what :func:`fix` would mend."""
        return len(self.to_send) + len(self.orphans) + len(self.partitions) + len(self.stale)


def compare(
    target: Target,
    grace: float,
    clock: Callable[[], float] = time.time,
    known: Sequence[Model] = (),
) -> Differences:
    """Find every difference.

    The lake may be at work meanwhile. Outputs are listed before the ledger is read: whatever
    was written by then had been announced in the ledger before, and names are never used twice,
    so a file that no entry knows is one that nobody will ever want again.

    Parameters
    ----------
    target : Target
        The lake.
    grace : float
        Seconds; raw objects younger than this may still be on their way.
    clock : callable
        Seconds since 1970.
    known : sequence of Model
        Those of the project.

    Returns
    -------
    Differences
        Sorted.
    """
    written = set(_written(target))
    bucket = target.outputs["RawBucketName"]
    entries = {item.key: item for item in ledger.items(target) if item.bucket == bucket}
    found, now = Differences(), clock()
    listed: set[str] = set()
    for item in entries.values():
        listed |= {*item.outputs, *item.entry.replaced, *item.announced}
        if set(item.outputs) - written and _is_missing(target, item):
            found.missing.append(item.key)
        elif item.has_leftovers(now):
            found.leftovers.append(item.key)
    current: set[str] = set()
    for key, version, modified in _raw(target):
        found.objects += 1
        current.add(key)
        item_of = entries.get(key)
        behind = item_of is None or item_of.version != version
        if behind and now - modified >= grace and not (item_of and item_of.is_worked_on(now)):
            found.undelivered.append(key)
    idle = [item for item in entries.values() if not item.is_worked_on(now)]
    seen = tables.look(target, idle, current)
    found.dropped, found.unread, found.hidden = seen.dropped, seen.unread, seen.hidden
    found.retyped = seen.retyped
    found.partitions = ["/".join(partition) for partition in seen.partitions]
    found.deleted = [k for k, item in entries.items() if item.outputs and k not in current]
    # Rows that are read until a rebuild is done are in no entry any more.
    strangers = {key for key in written - listed if naming.dataset_in(key) not in seen.rebuilt}
    found.orphans = [key for key in strangers if is_output(key)]
    found.foreign = [key for key in strangers if not is_output(key)]
    tables_of_models = models.look(target, known)
    changed = models.last_changes(entries.values(), tables_of_models)
    for one in tables_of_models:
        if not one.why_foreign:
            found.stale += [f"{one.model.name}/{date}".rstrip("/") for date in one.stale(changed)]
    found.removed = models.removed(target, known)
    for keys in vars(found).values():
        if isinstance(keys, list):
            keys.sort()
    return found


def fix(target: Target, found: Differences, replay: str) -> None:
    """Mend what can be mended: delete orphans, send events again, register partitions.

    Parameters
    ----------
    target : Target
        The lake.
    found : Differences
        What :func:`compare` gave.
    replay : str
        Names this repair.

    Raises
    ------
    LakeCommandError
        When SQS, Glue or S3 did only part of it; the same command does the rest.
    """
    # First: an object whose entry was lost is ingested as if for the first time, so that its file
    # may have the very name of the orphan that it left.
    outputs.delete(target, found.orphans, "orphans")
    # The function itself cleans up after old versions when it looks at the object.
    messages.announce(target, sorted({*found.undelivered, *found.leftovers}))
    messages.announce(target, sorted({*found.missing, *found.unread}), replay)
    tables.register(target, [(t, d) for t, _, d in (p.partition("/") for p in found.partitions)])
    # Last: queries read something else only now.
    gone = filter(None, map(naming.partition_in, found.orphans))
    curation.tell(target, sorted({*gone, *found.partitions}))
    wanted: dict[str, set[str]] = {}
    for name, _, date in (one.partition("/") for one in found.stale):
        wanted.setdefault(name, set()).add(date)
    for name, dates in wanted.items():
        curation.send(target, of_model(name, dates))


def _written(target: Target) -> Iterator[str]:
    for folder in (naming.PROCESSED, naming.REBUILT, naming.QUARANTINE, naming.OBJECTS):
        yield from outputs.listed(target, f"{folder}/")


def _raw(target: Target) -> Iterator[tuple[str, str, float]]:
    """Give each current raw object: key, version as in the ledger, seconds since 1970."""
    pages = target.client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=target.outputs["RawBucketName"], Prefix=naming.RAW_PREFIX):
        for found in page.get("Versions", []):
            if found["IsLatest"] and not found["Key"].endswith("/"):
                version = found["VersionId"]
                if version == "null":
                    version = found["ETag"].strip('"')
                yield found["Key"], version, found["LastModified"].timestamp()


def _is_missing(target: Target, item: Item) -> bool:
    """Look closer: the object may have been committed, or replaced, since outputs were listed."""
    bucket, entry = target.outputs["ProcessedBucketName"], ledger.get(target, item.bucket, item.key)
    return entry is not None and not all(
        buckets.exists(target, bucket, key) for key in entry.outputs
    )
