"""JSON Lines: vectorised where a line is what the file promised, exact where it is not.

1. *Strict.* A sample of the file and the table say what every line should look like. The
   whole file is read as just that and written as Parquet in the same scan; the query raises
   at the first line that is anything else: an unknown key, a fraction among integers, a
   number in quotes, a line that is no JSON.
2. *Sifted.* Lines that are no JSON are put into quarantine, the others read as in 1.
3. *Exact.* Every line is parsed by :mod:`processor.engine.record`, the fields' kinds are
   inferred over the whole file, and each value conformed; what is written then needs no
   checks.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import duckdb

from processor.engine.columns import Layout, Target, lay_out
from processor.engine.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    Array,
    Kind,
    Struct,
    duckdb_type,
    kind_of,
    literal,
    merge,
    quoted,
)
from processor.engine.publish import dated, lineage, publish
from processor.engine.record import NotJsonError, Repeated, conform, loads
from processor.errors import RejectedObjectError
from processor.model import Conversion, OutputFile, Status
from processor.naming import normalise
from processor.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from processor.engine.job import Job

#: A value that is no object is a row of this one column.
VALUE = "value"

#: A line longer than this is no record: DuckDB reads 16 MiB at most, Athena 32 MB.
_MAX_LINE = 15 * 1024 * 1024

#: Read from the beginning and from three places further on, to guess what lines look like.
_HEAD, _PROBE, _PROBES = 1_000_000, 100_000, 3

_BOM = b"\xef\xbb\xbf"

#: JSON's own white space; a line of nothing else is no record.
_BLANK = b" \t\r\n"

#: Beyond it not every integer is a double.
_EXACT = 2**53


def convert_jsonl(job: Job, path: Path, compression: str) -> Conversion:
    """Convert a file of JSON Lines.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    path : Path
        The plain bytes.
    compression : str
        What they were packed with.

    Returns
    -------
    Conversion
        Every line that is not blank is counted once.

    Raises
    ------
    RejectedObjectError
        When nothing in the file is JSON.
    """
    shapes, sampled = _sample(path)
    if not sampled:
        if all(not line.strip(_BLANK) for _, line in _lines(path)):
            return _conversion(job, compression, lay_out(job.table, {}), ())
        if not any(_parsed(line) for _, line in _lines(path)):
            raise RejectedObjectError(Reason.UNKNOWN_FORMAT, "no line of it is JSON")
    layout = lay_out(job.table, shapes)
    if _vectorisable(shapes):
        for attempt in (_whole, _sifted):
            try:
                outputs = publish(job, _strict(job, attempt(job, path), shapes, layout))
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error:
                # Whatever it was that the file did not promise: the next way finds it.
                continue
            return _conversion(job, compression, layout, outputs)
    return _exactly(job, path, compression)


def _conversion(
    job: Job,
    compression: str,
    layout: Layout,
    outputs: tuple[OutputFile, ...],
    rescued: int = 0,
) -> Conversion:
    accepted, quarantined = sum(file.rows for file in outputs), job.quarantine.count
    read = accepted + quarantined
    status = Status.PARTIAL if quarantined else Status.DONE if read else Status.EMPTY
    return Conversion(
        status,
        "jsonl",
        compression,
        read,
        accepted,
        quarantined,
        rescued,
        layout.schema,
        outputs,
        job.quarantine.close(),
    )


# --- Lines -----------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not blank, numbered from 1, without a byte order mark."""
    number = 0
    with path.open("rb") as file:
        if file.read(3) != _BOM:
            file.seek(0)
        while line := file.readline(_MAX_LINE + 1):
            if len(line) > _MAX_LINE:
                while (rest := file.readline(_MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
            if line.strip(_BLANK):
                number += 1
                yield number, line


def _parsed(line: bytes) -> bool:
    try:
        loads(line.decode("utf-8"))
    except (NotJsonError, UnicodeDecodeError):
        return False
    return True


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {VALUE: value}


def _observe(shapes: dict[str, Kind], value: Any) -> None:
    for key, item in _fields(value).items():
        shape = kind_of(item)
        shapes[key] = merge(shapes[key], shape) if key in shapes else shape


def _sample(path: Path) -> tuple[dict[str, Kind], int]:
    """Guess the shape of each field; tell how many records said so."""
    shapes: dict[str, Kind] = {}
    count = 0
    size = path.stat().st_size
    places = [(0, _HEAD)]
    if size > 2 * _HEAD:
        places += [(size * n // (_PROBES + 1), _PROBE) for n in range(1, _PROBES + 1)]
    with path.open("rb") as file:
        for start, length in places:
            file.seek(start)
            block = file.read(length).removeprefix(_BOM if start == 0 else b"")
            lines = block.split(b"\n")
            # The first and the last line of a piece are whole only at the file's ends.
            whole = lines[start > 0 : None if start + length >= size else -1]
            for line in whole:
                if not line.strip(_BLANK):
                    continue
                try:
                    value = loads(line.decode("utf-8"))
                except (NotJsonError, UnicodeDecodeError):
                    continue
                _observe(shapes, value)
                count += 1
    return shapes, count


# --- The vectorised way ----------------------------------------------------------------


def _vectorisable(shapes: dict[str, Kind]) -> bool:
    """Tell whether DuckDB can keep the keys apart: its names ignore case."""

    def distinct(shape: Kind) -> bool:
        match shape:
            case Array(item):
                return distinct(item)
            case Struct(fields):
                names = {normalise(name) for name, _ in fields}
                return len(names) == len(fields) and all(distinct(k) for _, k in fields)
            case _:
                return True

    lowered = {key.lower() for key in shapes}
    return (
        bool(shapes)
        and len(lowered) == len(shapes)
        and "" not in shapes
        and all(distinct(shape) for shape in shapes.values())
    )


def _whole(job: Job, path: Path) -> Path:
    with path.open("rb") as file:
        if file.read(3) != _BOM:
            return path
    return _sifted(job, path)


def _sifted(job: Job, path: Path) -> Path:
    """Put the lines that are no JSON into quarantine; give a file of the others."""
    job.quarantine.restart()
    numbers = _malformed(job, path)
    target = job.workdir / "sifted"
    bad = next(numbers, 0)
    with target.open("wb") as kept:
        for number, line in _lines(path):
            if number != bad:
                kept.write(line)
                continue
            if not _refused(job, number, line):
                # Two parsers disagree about the line: let the exact way judge all of them.
                raise duckdb.InvalidInputException("a line is JSON after all")
            bad = next(numbers, 0)
    if bad:
        raise duckdb.InvalidInputException("lines were counted differently")
    return target


def _malformed(job: Job, path: Path) -> Iterator[int]:
    """Give the numbers of the lines that DuckDB does not take for JSON, in order."""
    cursor = job.db.execute(
        "SELECT number FROM (SELECT row_number() OVER () AS number, json FROM read_json("
        f"{literal(str(path))}, format = 'newline_delimited', records = false, "
        "ignore_errors = true, auto_detect = false, columns = {json: 'JSON'})) "
        "WHERE json IS NULL"
    )
    while rows := cursor.fetchmany(10_000):
        yield from (number for (number,) in rows)


def _refused(job: Job, number: int, line: bytes) -> bool:
    """Put a line that is no JSON into quarantine; False when it is JSON."""
    raw = line.rstrip(b"\r\n")
    if len(line) > _MAX_LINE:
        job.quarantine.add(
            number, Reason.RECORD_TOO_LARGE, f"the line is longer than {_MAX_LINE:,} bytes", raw
        )
        return True
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        job.quarantine.add(number, Reason.INVALID_UTF8, str(error), raw)
        return True
    try:
        loads(text)
    except NotJsonError as error:
        job.quarantine.add(number, Reason.MALFORMED_JSON, str(error), raw)
        return True
    return False


def _strict(job: Job, path: Path, shapes: dict[str, Kind], layout: Layout) -> str:
    """Give a query over the file that raises at the first line unlike its promise."""
    kinds = {target.field: target.kind for target in layout.targets}
    # DuckDB infers the columns from the first file alone, and then refuses keys that it
    # does not know. The first file is ours: one record that shows exactly what to expect.
    marker = f"lake_{uuid.uuid4().hex}"
    example: dict[str, Any] = {marker: True}
    example |= {k: _example(shape, kinds.get(k, NULL)) for k, shape in shapes.items()}
    first = job.workdir / "example"
    first.write_text(json.dumps(example), encoding="utf-8")
    reference = {target.field: quoted(target.field) for target in layout.targets}
    columns = [
        f"{_checked(reference[t.field], shapes[t.field], t.kind)} AS {quoted(t.column)}"
        for t in layout.targets
    ]
    unseen = [f"{quoted(k)} IS NOT NULL" for k in shapes if k not in kinds]
    rescued = "CAST(NULL AS VARCHAR)"
    if unseen:
        rescued = f"CASE WHEN {' OR '.join(unseen)} THEN {_ERROR} ELSE {rescued} END"
    columns += [
        lineage(job, rescued),
        f"{dated(job, layout.targets, reference)} AS date_partition",
    ]
    return (
        f"SELECT {', '.join(columns)} FROM read_json("
        f"[{literal(str(first))}, {literal(str(path))}], format = 'newline_delimited', "
        f"sample_size = 1, maximum_sample_files = 1, map_inference_threshold = -1) "
        f"WHERE {marker} IS NULL"
    )


_ERROR = "error('not as the sample promised')"


def _example(shape: Kind, kind: Kind) -> Any:
    """Give a value from which DuckDB infers a type that keeps what is read.

    Text for strings; null, which makes the type JSON, for all else: it keeps the digits of
    a number and the quotes of a string, so that the two can be told apart.
    """
    match shape, kind:
        case Struct(shapes), Struct():
            known = {
                name: _example(inner, target)
                for name, inner in shapes
                if (target := kind.get(normalise(name))) is not None
            }
            return known or None
        case Array(item), Array(target):
            return [_example(item, target)]
    return "x" if kind in (STRING, TIMESTAMP, DATE) else None


def _checked(value: str, shape: Kind, kind: Kind) -> str:
    """Give the SQL that reads a raw value as a kind, or raises."""
    match shape, kind:
        case Struct(shapes), Struct(fields):
            if not any(kind.get(normalise(name)) for name, _ in shapes):
                return f"CASE WHEN {value} IS NOT NULL THEN {_ERROR} END"
            by_name = {normalise(name): (name, inner) for name, inner in shapes}
            packed = ", ".join(
                f"{quoted(name)} := "
                + (
                    _checked(f"{value}.{quoted(by_name[name][0])}", by_name[name][1], target)
                    if name in by_name
                    else f"CAST(NULL AS {duckdb_type(target)})"
                )
                for name, target in fields
            )
            return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"
        case Array(item), Array(target):
            if target == STRING:
                return value
            name = f"e{value.count('list_transform')}_{abs(hash(value)) % 1000}"
            return f"list_transform({value}, lambda {name}: {_checked(name, item, target)})"
    if kind == STRING:
        return value
    text = f"CAST({value} AS VARCHAR)"
    read = {
        BIGINT: (
            f"CAST(TRY_CAST({text} AS BIGINT) AS VARCHAR) = {text}",
            f"CAST({text} AS BIGINT)",
        ),
        DOUBLE: (
            f"NOT starts_with({text}, '\"') AND abs(TRY_CAST({text} AS DOUBLE)) < {_EXACT}",
            f"CAST({text} AS DOUBLE)",
        ),
        BOOLEAN: (f"{text} IN ('true', 'false')", f"{text} = 'true'"),
    }
    if kind not in read:
        return f"CASE WHEN {value} IS NOT NULL THEN {_ERROR} END"
    test, result = read[kind]
    return f"CASE WHEN {value} IS NULL THEN NULL WHEN {test} THEN {result} ELSE {_ERROR} END"


# --- The exact way ---------------------------------------------------------------------


def _exactly(job: Job, path: Path, compression: str) -> Conversion:
    """Read line by line, inferring over the whole file before a value is conformed."""
    shapes: dict[str, Kind] = {}
    for number, line in _lines(path):
        if number % 10_000 == 0:
            job.check_time()
        if (value := _value(line)) is not _NOT_JSON:
            _observe(shapes, value)
    layout = lay_out(job.table, shapes)
    job.quarantine.restart()
    target = job.workdir / "conformed"
    rescued = 0
    with target.open("w", encoding="utf-8") as kept:
        for number, line in _lines(path):
            if number % 10_000 == 0:
                job.check_time()
            if _refused(job, number, line):
                continue
            row = conformed_row(_value(line), layout.targets)
            rescued += "_rescued_data" in row
            kept.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    outputs = publish(job, _trusted(job, target, layout))
    return _conversion(job, compression, layout, outputs, rescued)


_NOT_JSON = object()


def _value(line: bytes) -> Any:
    if len(line) > _MAX_LINE:
        return _NOT_JSON
    try:
        return loads(line.decode("utf-8"))
    except (NotJsonError, UnicodeDecodeError):
        return _NOT_JSON


def conformed_row(value: Any, targets: tuple[Target, ...]) -> dict[str, Any]:
    """Read one record as a row.

    Parameters
    ----------
    value : Any
        What :func:`processor.engine.record.loads` gave.
    targets : tuple of Target
        Where its fields go; a field without one held nothing but nulls.

    Returns
    -------
    dict
        Values by column; ``_rescued_data`` among them where something did not fit.
    """
    rescued: dict[str, Any] = {}
    fields = _fields(value)
    if isinstance(value, Repeated):
        rescued |= {key: every[:-1] for key, every in value.repeated.items()}
    row = {
        t.column: conform(fields[t.field], t.kind, t.field, rescued)
        for t in targets
        if t.field in fields
    }
    if rescued:
        row["_rescued_data"] = json.dumps(rescued, ensure_ascii=False, separators=(",", ":"))
    return row


def _trusted(job: Job, path: Path, layout: Layout) -> str:
    """Give a query over conformed rows, which need no checks."""
    columns = {t.column: duckdb_type(t.kind) for t in layout.targets}
    types = ", ".join(
        f"{quoted(name)}: {literal(kind)}"
        for name, kind in {**columns, "_rescued_data": "VARCHAR"}.items()
    )
    reference = {t.field: quoted(t.column) for t in layout.targets}
    select = [quoted(name) for name in columns]
    select += [
        lineage(job, "_rescued_data"),
        f"{dated(job, layout.targets, reference)} AS date_partition",
    ]
    return (
        f"SELECT {', '.join(select)} FROM read_json({literal(str(path))}, "
        f"format = 'newline_delimited', maximum_object_size = {4 * _MAX_LINE}, "
        f"auto_detect = false, columns = {{{types}}})"
    )
