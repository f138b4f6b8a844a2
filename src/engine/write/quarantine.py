"""Refused records, written as they are found."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING

from store.model import OutputFile, Refusal, Source
from store.naming import partition_from
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

#: What is kept of a record too large for a row; the raw object still holds all of it.
_RAW_KEPT = 1_000_000

#: So many rules of a contract are counted.
_RULES = 1000


@dataclass(slots=True)
class Quarantine:
    """Refused records as gzipped JSON Lines, written as they are found.

    Attributes
    ----------
    source : Source
        The object that they are of.
    path : Path
        Where they are written.
    first_date : str
        ISO date of the first partition that queries of them look into.
    count : int
        How many there are.
    first : dict of str to Refusal
        The first one of each reason.
    counts : Counter of str
        How many there are of each reason.
    rules : Counter of str
        How many break each rule of the contract; a record may break several.
    """

    source: Source
    path: Path
    first_date: str = ""
    count: int = 0
    first: dict[str, Refusal] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    _file: IO[str] | None = field(default=None, repr=False)

    def add(
        self, number: int, reason: str, detail: str, raw: bytes, rules: Sequence[str] = ()
    ) -> None:
        """Keep one record.

        Parameters
        ----------
        number : int
            Of the record in the object, from 1; 0 for the object as a whole.
        reason : str
            One of :class:`store.reasons.Reason`.
        detail : str
            What was wrong, for the operator.
        raw : bytes
            The record as it was.
        rules : sequence of str
            Names of the rules of the contract that it breaks.
        """
        if self._file is None:
            # Without a time in its header the same records always give the same bytes.
            packed = gzip.GzipFile(self.path, "wb", compresslevel=6, mtime=0)
            self._file = io.TextIOWrapper(packed, encoding="utf-8", newline="\n")
        if len(raw) > _RAW_KEPT:
            detail = f"{detail}; of {len(raw):,} bytes the first {_RAW_KEPT:,} are kept here"
            raw = raw[:_RAW_KEPT]
        try:
            text, encoding = raw.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(raw).decode("ascii"), "base64"
        entry = {
            "source_bucket": self.source.bucket,
            "source_key": self.source.key,
            "source_version": self.source.version,
            "dataset": self.source.dataset,
            "record_number": number,
            "reason": str(reason),
            "detail": detail,
            "raw": text,
            "raw_encoding": encoding,
        }
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.count += 1
        self.counts[reason] += 1
        # Each field that is not allowed is a rule of its own: there is no end of them.
        self.rules.update(rules if len(self.rules) < _RULES else self.rules.keys() & rules)
        if reason not in self.first:
            self.first[reason] = Refusal(str(reason), 1, number, detail)

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Say why records were refused, the commonest reason first."""
        return commonest_first(
            replace(
                one,
                count=self.counts[reason],
                rules=dict(self.rules) if reason == Reason.CONTRACT_VIOLATION else {},
            )
            for reason, one in self.first.items()
        )

    def restart(self) -> None:
        """Forget everything: another reading of the object begins."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.count = 0
        self.first.clear()
        self.counts.clear()
        self.rules.clear()

    def close(self) -> tuple[OutputFile, ...]:
        """Finish the file; give it, or nothing when nothing was refused."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if not self.count:
            return ()
        partition = partition_from(self.source.created, self.first_date)
        return (OutputFile(self.path, partition, 0, self.count),)


def commonest_first(found: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """Add up what was refused for one reason; order by how many records that concerns."""
    reasons: dict[str, Refusal] = {}
    for one in found:
        if before := reasons.get(one.reason):
            rules = dict(Counter(before.rules) + Counter(one.rules))
            reasons[one.reason] = replace(before, count=before.count + one.count, rules=rules)
        else:
            reasons[one.reason] = one
    return tuple(sorted(reasons.values(), key=lambda one: (-one.count, one.reason)))
