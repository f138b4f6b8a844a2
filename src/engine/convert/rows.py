"""Rows that are already conformed: the end that every exact reading shares."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.convert.exact import Row, conform, rescue, rescue_earlier
from engine.convert.jsontext import dumps
from engine.convert.layout import RESCUED
from engine.types.glue import athena_type
from engine.types.sql import duckdb_type, literal, quoted
from engine.write.counts import lines_in, prove, rescued_in, rows_in
from engine.write.datelike import datelike, no_dates
from engine.write.dates import candidates
from engine.write.publish import Published, lineage, publish
from engine.write.ways import WIDE
from store.model import Conversion, Drift, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from engine.convert.layout import Layout
    from engine.job import Job
    from engine.write.counts import Rescued

#: So many drifting columns are named, those that drift most.
_NAMED = 20

#: Columns that are read from JSON at once where there are many.
_SLICE = 500

#: The day of a row that was read exactly; no column is called so.
DAY = "lake day"

#: A value that is no object is a row of this one column.
VALUE = "value"


def fields_of(value: Any) -> dict[str, Any]:
    """Give the fields of a record, whatever kind of JSON value it is."""
    return value if isinstance(value, dict) else {VALUE: value}


def conformed(value: Any, layout: Layout, path: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read one record as a row.

    Parameters
    ----------
    value : Any
        What :func:`engine.convert.jsontext.loads` gave.
    layout : Layout
        Where its fields go; a field without a column held nothing but nulls, or is beyond what
        the table may have.
    path : mapping of str to str, optional
        Fields that the object's path gives, where the record has none.

    Returns
    -------
    dict
        Values by column; ``_rescued_data`` among them where something did not fit.
    """
    rescued: dict[str, Any] = dict(value.left) if isinstance(value, Row) else {}
    fields = fields_of(value)
    if path:
        given = {name: text for name, text in path.items() if fields.get(name) is None}
        fields = {**fields, **given}
    rescue_earlier(value, "", rescued)
    row = {
        target.column: conform(fields[target.field], target.kind, target.field, rescued)
        for target in layout.targets
        if target.field in fields
    }
    for name in layout.beyond:
        if fields.get(name) is not None:
            rescue(rescued, name, fields[name])
    if rescued:
        row[RESCUED] = dumps(rescued)
    return row


def publish_rows(
    job: Job, rows: Iterable[dict[str, Any]], layout: Layout, part: int = 0
) -> Published:
    """Write conformed rows as one file for each date.

    Parameters
    ----------
    job : Job
        Where and how.
    rows : iterable of dict
        As :func:`conformed` gives them.
    layout : Layout
        Their columns.
    part : int
        Number of these files among those of their dates.

    Raises
    ------
    OutOfTimeError
        When the invocation ends first.
    """
    path = job.workdir / f"conformed-{part}"
    count = longest = 0
    with path.open("wb") as file:
        for row in rows:
            count += 1
            if count % 1_000 == 0:
                job.check_time()
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
            longest = max(longest, len(line))
            file.write(line + b"\n")
    query = _trusted(job, path, layout, longest)
    published = publish(job, query, part, layout.width) if count else Published()
    path.unlink()
    return published


def _trusted(job: Job, path: Path, layout: Layout, longest: int) -> str:
    """Give a query over conformed rows, which need no checks."""
    columns = {t.column: duckdb_type(t.kind) for t in layout.targets if t.written}
    select = [quoted(name) for name in columns]
    select += [lineage(job, RESCUED), f"{quoted(DAY)} AS date_partition"]
    columns[DAY] = "DATE"
    columns[RESCUED] = "VARCHAR"
    # DuckDB's buffers are some times as long as this.
    limit = max(longest + 1, 64 * 1024)
    if layout.width > WIDE:
        with job.sparing():
            return f"SELECT {', '.join(select)} FROM {_sliced(job, path, columns, limit)}"
    return f"SELECT {', '.join(select)} FROM {_relation(path, columns, limit)}"


def _relation(path: Path, columns: dict[str, str], limit: int) -> str:
    types = ", ".join(f"{quoted(name)}: {literal(kind)}" for name, kind in columns.items())
    return (
        f"read_json({literal(str(path))}, format = 'newline_delimited', records = true, "
        f"maximum_object_size = {limit}, auto_detect = false, columns = {{{types}}})"
    )


def _sliced(job: Job, path: Path, columns: dict[str, str], limit: int) -> str:
    """Give the same rows from files of some of the columns: JSON of all takes too much memory."""
    names = list(columns)
    slices = []
    for start in range(0, len(names), _SLICE):
        some = {name: columns[name] for name in names[start : start + _SLICE]}
        file = job.workdir / f"{path.name}-{start}.parquet"
        job.run(
            f"COPY (SELECT * FROM {_relation(path, some, limit)}) TO {literal(str(file))} "
            "(FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE 2048, "
            "STRING_DICTIONARY_PAGE_SIZE_LIMIT 16384)"
        )
        slices.append(f"read_parquet({literal(str(file))}, hive_partitioning = false)")
    return " POSITIONAL JOIN ".join(slices)


def summed(
    job: Job, name: str, layout: Layout, read: int, published: Sequence[Published], short: int
) -> Conversion:
    """Sum up what became of an object.

    Parameters
    ----------
    job : Job
        Its quarantine is finished here.
    name : str
        What the file was.
    layout : Layout
        Its columns.
    read : int
        Records, counted in the object.
    published : sequence of Published
        What was written.
    short : int
        Records whose last fields were left out.

    Raises
    ------
    MiscountedError
        When the object, the files and the quarantine do not agree.
    """
    outputs = tuple(file for one in published for file in one.outputs)
    quarantine = job.quarantine.close()
    accepted = rows_in(job, outputs)
    quarantined = sum(lines_in(file.path) for file in quarantine)
    prove(read, accepted, quarantined)
    undated = sum(one.undated for one in published)
    rescued = rescued_in(job, [file for one in published for file in one.rescued])
    return Conversion(
        Status.PARTIAL if quarantined else Status.DONE if read else Status.EMPTY,
        name,
        job.compression,
        read,
        accepted,
        quarantined,
        rescued.rows,
        replace(layout.schema, format=job.output_format),
        outputs,
        quarantine,
        layout.added,
        _drift(layout, rescued),
        undated=undated,
        short=short,
        guesses=(*job.guesses, *_beyond(layout)),
        date_column=_date_column(job, layout) if accepted > undated else "",
        refused=job.quarantine.refused,
        datelike=datelike(job, layout.targets, outputs) if 0 < undated == accepted else (),
        no_dates=no_dates(job, layout.targets, [f for one in published for f in one.dateless]),
        csv=job.csv,
    )


def _beyond(layout: Layout) -> tuple[str, ...]:
    """Say which fields have no column, in words."""
    if not layout.beyond:
        return ()
    names = ", ".join(layout.beyond[:3])
    more = "" if len(layout.beyond) <= 3 else f" and {len(layout.beyond) - 3:,} more"
    full = "the table has as many as MaxColumns allows"
    return (f"no column for {names}{more}: {full}; the values are in _rescued_data",)


def _date_column(job: Job, layout: Layout) -> str:
    """Name the first column that may have dated records."""
    dating = candidates(job.date_columns, layout.targets)
    return dating[0].column if dating else ""


def _drift(layout: Layout, rescued: Rescued) -> tuple[Drift, ...]:
    """Say which columns met values of other types, in how many rows, and one such value of each."""
    columns = {target.field: target for target in layout.targets}
    counts: Counter[str] = Counter()
    found: dict[str, tuple[str, str]] = {}
    for path, (count, example) in rescued.paths.items():
        names = [name for name in columns if path == name or path.startswith(f"{name}.")]
        target = columns[max(names, key=len)] if names else None
        column, kind = (target.column, athena_type(target.kind)) if target else (path, "")
        counts[column] += count
        found.setdefault(column, (kind, example))
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    return tuple(
        Drift(column, kind, count, example)
        for column, count in most
        for kind, example in [found[column]]
    )
