"""What the user is told of dates: fields that look like some, and values that should be some."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from engine.types.glue import sized
from engine.types.kinds import DATE, STRING, TIMESTAMP, Scalar
from engine.types.sql import literal
from engine.write.counts import filled, shortened
from engine.write.dates import candidates
from store.naming import normalise
from store.paths import day_of_path, path_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from engine.convert.layout import Target
    from engine.job import Job
    from store.model import OutputFile

#: So many are told.
_NAMED = 5

#: Lines of a JSON file that are looked at, and the bytes of all of them: it is a hint.
_LINES, _BYTES = 100, 1_000_000

#: Values that are no date: so many are told, of so many that are looked at.
_TOLD, _LOOKED_AT = 3, 100

#: A day in digits, 2024-01-15, 15.1.2024 or 1/15/2024, and perhaps a time; not a line of a log.
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
    r"([Tt ,]+\d{1,2}:\d\d(:\d\d)?([.,]\d+)?( ?[AaPp][Mm])? ?(Z|z|[A-Z]{2,5}|[-+]\d\d:?(\d\d)?)?)?"
)


def datelike(job: Job, targets: Sequence[Target], outputs: Sequence[OutputFile]) -> tuple[str, ...]:
    """Find fields whose values begin with a date, without reading them.

    Parameters
    ----------
    job : Job
        The object.
    targets : sequence of Target
        Its columns.
    outputs : sequence of OutputFile
        What was written of it; the first one is looked at.

    Returns
    -------
    tuple of str
        At most five names, as the file writes them. Of a Parquet file the least and the greatest
        value of each column are looked at, which its footer tells; of a JSON file the first lines.
    """
    if not outputs:
        return ()
    # What the folders of a key say dates its records already.
    known = {*map(normalise, path_columns(job.place))} if day_of_path(job.place) else set[str]()
    path = outputs[0].path
    seen = _extremes(job, path) if path.suffix == ".parquet" else _first_values(path)
    return tuple(
        target.field
        for target in targets
        if target.written
        and normalise(target.field) not in known
        and _may_hold_dates(target)
        and seen.get(target.column)
        and all(map(_DATE.fullmatch, seen[target.column]))
    )[:_NAMED]


def no_dates(
    job: Job, targets: Iterable[Target], dateless: Sequence[OutputFile]
) -> dict[str, tuple[str, ...]]:
    """Give some values of the column that dates records which are no dates.

    Parameters
    ----------
    job : Job
        The object.
    targets : iterable of Target
        Its columns.
    dateless : sequence of OutputFile
        What was written of its records without a usable date.

    Returns
    -------
    dict
        At most three values by the column's name; empty where each is null.
    """
    # A struct is no date, and files lack one that is null throughout.
    dating = [
        target.column
        for target in candidates(job.date_columns, targets)
        if target.written and isinstance(target.kind, Scalar)
    ]
    for column in dating[:1]:
        values = [
            shortened(text)
            for query in filled(dateless, column)
            for (text,) in job.run(f"SELECT left(t, 1000) FROM ({query}) LIMIT {_LOOKED_AT}")
        ]
        if some := tuple(filter(None, dict.fromkeys(values)))[:_TOLD]:
            return {column: some}
    return {}


def _may_hold_dates(target: Target) -> bool:
    return target.kind in (STRING, DATE, TIMESTAMP) or sized(target.kind)[0] in ("varchar", "char")


def _extremes(job: Job, path: Path) -> dict[str, list[str]]:
    found = job.run(
        "SELECT path_in_schema, min(stats_min_value), max(stats_max_value) "
        f"FROM parquet_metadata({literal(str(path))}) "
        "WHERE stats_min_value IS NOT NULL AND stats_max_value IS NOT NULL GROUP BY ALL"
    )
    return {name: [least, most] for name, least, most in found}


def _first_values(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    with gzip.open(path) as file:
        for line in file.read(_BYTES).splitlines(keepends=True)[:_LINES]:
            if line.endswith(b"\n"):
                for name, value in json.loads(line).items():
                    if value is not None:
                        found[name].append(str(value))
    return found
