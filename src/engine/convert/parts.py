"""Several files in one object: what became of each, as what became of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.write.quarantine import commonest_first
from store.model import Conversion, Schema, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.job import Job
    from store.model import Drift, OutputFile


def combined(job: Job, found: Sequence[Conversion]) -> Conversion:
    """Sum up the parts of an object, read one after the other into one table.

    Parameters
    ----------
    job : Job
        The object.
    found : sequence of Conversion
        Of each part; none for an archive without data.
    """
    read, quarantined = sum(c.read for c in found), sum(c.quarantined for c in found)
    schemas = [c.schema for c in found if c.outputs]
    formats = sorted({c.format for c in found})
    return Conversion(
        Status.PARTIAL if quarantined else Status.DONE if read else Status.EMPTY,
        "+".join(formats) or "archive",
        "+".join(sorted({c.compression for c in found})) or job.compression,
        read,
        sum(c.accepted for c in found),
        quarantined,
        sum(c.rescued for c in found),
        schemas[-1] if schemas else job.table or Schema(),
        _numbered(file for c in found for file in c.outputs),
        _numbered(file for c in found for file in c.quarantine),
        tuple(dict.fromkeys(name for c in found for name in c.added)),
        _drift(found),
        undated=sum(c.undated for c in found),
        short=sum(c.short for c in found),
        guesses=tuple(dict.fromkeys(guess for c in found for guess in c.guesses)),
        date_column=next((c.date_column for c in found if c.date_column), ""),
        refused=commonest_first(one for c in found for one in c.refused),
        datelike=tuple(dict.fromkeys(name for c in found for name in c.datelike)),
        csv=next((c.csv for c in found if c.csv), {}),
    )


def _numbered(files: Iterable[OutputFile]) -> tuple[OutputFile, ...]:
    """Give each file a number of its own among those of its date."""
    parts: Counter[str] = Counter()
    numbered = []
    for file in files:
        numbered.append(replace(file, part=parts[file.partition]))
        parts[file.partition] += 1
    return tuple(numbered)


def _drift(found: Sequence[Conversion]) -> tuple[Drift, ...]:
    drift: dict[str, Drift] = {}
    for one in (drift for c in found for drift in c.drift):
        before = drift.get(one.column)
        drift[one.column] = replace(one, count=one.count + before.count) if before else one
    return tuple(sorted(drift.values(), key=lambda one: (-one.count, one.column)))
