"""Several files in one object: what became of each, as what became of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.types.glue import athena_type, parse_athena_type
from engine.types.kinds import merged, settled
from engine.write.quarantine import commonest_first
from store.model import Conversion, Schema, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from engine.job import Job
    from engine.types.kinds import Kind
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
        no_dates=next((c.no_dates for c in found if c.no_dates), {}),
        csv=next((c.csv for c in found if c.csv), {}),
    )


def retyped(schema: Schema, known: Collection[str], alone: Sequence[Schema]) -> Schema:
    """Give new columns types that hold the values of all parts.

    Parameters
    ----------
    schema : Schema
        Of the table that the parts would make, one after the other.
    known : collection of str
        Columns that the table had before: they keep their types.
    alone : sequence of Schema
        What each part would make by itself.
    """
    kinds: dict[str, list[Kind]] = {}
    for column in (column for one in alone for column in one.columns):
        kinds.setdefault(column.name, []).append(parse_athena_type(column.type))
    columns = (
        column
        if column.name in known or column.name not in kinds
        else replace(column, type=athena_type(settled(merged(kinds[column.name]))))
        for column in schema.columns
    )
    return replace(schema, columns=tuple(columns))


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
