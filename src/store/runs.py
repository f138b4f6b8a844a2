"""The table ``lake_runs``: a row for each version of an object, and what others are told. Pure.

A row is in the file of the ten minutes in which its object was created. That does not depend on
when or how often the version was committed, so a row is always written to the place where its
predecessor is, if there is one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from store.items import entry_of, instant, object_of, updated_at
from store.model import Status
from store.naming import PARTITION_KEY, RUNS, dataset_in, partition_in
from store.states import is_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from store.entry import Entry

#: Minutes of a file: a day has 144 at most, and one file is written anew for each batch.
_MINUTES = 10

#: Facts of the ledger that are columns by the same name.
_FACTS = (
    *("dataset", "reason", "bytes", "format", "compression"),
    *("records_read", "records_accepted", "records_quarantined"),
    *("records_rescued", "records_undated", "records_short"),
    *("columns_added", "date_column", "milliseconds"),
)

#: Dates that an event names; of more it has the first and the last, and how many there are.
MOST_DATES = 1000

#: Hexadecimal digits of an identity: beyond any chance that two are the same.
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Commit:
    """A write of the ledger that made a version the object's rows, or took them away.

    Attributes
    ----------
    bucket, key : str
        The raw object.
    at : str
        When it was committed.
    entry : Entry
        As it was written.
    """

    bucket: str
    key: str
    at: str
    entry: Entry

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Commit | None:
        """Read an item of the ledger as it was written; None where that was no commit."""
        if is_state(item):
            return None
        entry = entry_of(item)
        if not entry.revision or entry.revision != entry.committed_at:
            return None
        return cls(*object_of(item), updated_at(item), entry)

    @property
    def has_row(self) -> bool:
        """Tell whether it is about a version; a deletion is not."""
        return self.entry.verdict is not Status.DELETED

    def row(self) -> Row:
        """Give the version's row.

        Returns
        -------
        Row
            With what the ledger says.
        """
        entry, facts = self.entry, self.entry.facts
        dates = self._dates(entry.outputs)
        return Row(
            _digest(self.bucket, self.key, entry.version),
            self.at,
            int(facts.get("uploaded", 0)),
            {
                "source_bucket": self.bucket,
                "key": self.key,
                "version": entry.version,
                "status": entry.verdict.value,
                **{name: facts.get(name) for name in _FACTS},
                "first_date": dates[0] if dates else None,
                "last_date": dates[-1] if dates else None,
                "dates": len(dates),
                "files": len(entry.outputs),
                "replay": entry.replay or None,
            },
        )

    def event(self) -> dict[str, Any] | None:
        """Say what others are told; None where no file changed.

        Returns
        -------
        dict
            The detail of an event ``Dataset changed``.
        """
        entry, facts = self.entry, self.entry.facts
        changed = (*entry.outputs, *entry.replaced)
        if not any(map(partition_in, changed)):
            return None
        dates = self._dates(changed)
        return {
            # The same, however often it is sent.
            "id": _digest(self.bucket, self.key, self.at, str(entry.revision)),
            "dataset": facts.get("dataset", ""),
            "status": entry.verdict.value,
            "bucket": self.bucket,
            "key": self.key,
            "version": entry.version,
            "committed_at": self.at,
            "dates": dates if len(dates) <= MOST_DATES else [],
            "date_count": len(dates),
            "first_date": dates[0] if dates else None,
            "last_date": dates[-1] if dates else None,
            **{
                name: facts.get(name, 0)
                for name in ("records_read", "records_accepted", "records_quarantined")
            },
            "replay": entry.replay,
        }

    def _dates(self, keys: Iterable[str]) -> list[str]:
        """Give the dates of the dataset's rows in files, in order."""
        return sorted({partition_in(key).rpartition("/")[2] for key in keys if dataset_in(key)})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    id : str
        Of the version.
    at : str
        When it was committed; what was committed later holds.
    created : int
        When the object was created, in seconds since 1970; 0 where nobody knows.
    told : dict
        The other columns.
    """

    id: str
    at: str
    created: int
    told: dict[str, Any]

    def line(self) -> bytes:
        """Spell it as a line of its file."""
        columns = {"id": self.id, "committed_at": self.at}
        created = {"created_at": instant(self.created) if self.created else None}
        told = json.dumps({**columns, **created, **self.told}, ensure_ascii=False)
        return told.encode("utf-8", "surrogatepass") + b"\n"

    def file(self, first_date: str) -> str:
        """Name the file that it is in; it depends on nothing that may change.

        Parameters
        ----------
        first_date : str
            ISO date of the first partition that queries look into.
        """
        created = datetime.fromtimestamp(self.created, UTC)
        day = max(created.date().isoformat(), first_date)
        minute = created.minute - created.minute % _MINUTES
        return f"{RUNS}/{PARTITION_KEY}={day}/{created.hour:02}-{minute:02}.jsonl.gz"


#: What a line begins with, before and after its identity.
_BEFORE, _AFTER = b'{"id": "', b'", "committed_at": "'


def merged(lines: Iterable[bytes], rows: Iterable[Row]) -> Iterator[bytes]:
    """Put rows into a file: each version has one, the one that was committed last.

    Parameters
    ----------
    lines : iterable of bytes
        The file as it is.
    rows : iterable of Row
        Of this file.

    Yields
    ------
    bytes
        Lines of the file as it shall be.
    """
    new: dict[bytes, Row] = {}
    for row in rows:
        there = new.get(row.id.encode())
        if there is None or there.at <= row.at:
            new[row.id.encode()] = row
    start = len(_BEFORE)
    for line in lines:
        # Thousands of lines are passed on for each that is changed: none of these is parsed.
        found = new.get(line[start : start + _DIGITS])
        if found is None:
            yield line
        elif found.at < _committed(line):
            yield line
            del new[found.id.encode()]
    for row in new.values():
        yield row.line()


def _committed(line: bytes) -> str:
    start = len(_BEFORE) + _DIGITS + len(_AFTER)
    return line[start:].partition(b'"')[0].decode()


def _digest(*parts: str) -> str:
    text = "\n".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:_DIGITS]
