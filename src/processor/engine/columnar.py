"""Parquet and Avro: files that bring their types.

Each type is mapped to one that Athena reads and that holds every value; where the table has
another type for a column, the rows are read again as JSON and each value is conformed or rescued.
"""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import duckdb
import fastavro

from processor.engine.columns import RESCUED, lay_out
from processor.engine.contract import Rules, as_json, checked, in_file
from processor.engine.job import DUCKDB_ERRORS
from processor.engine.jsonl import convert_jsonl
from processor.engine.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    Array,
    Kind,
    Scalar,
    Struct,
    literal,
    quoted,
)
from processor.engine.publish import dated, lineage, publish
from processor.engine.rows import conversion
from processor.errors import OutOfTimeError, RejectedObjectError
from processor.naming import normalise
from processor.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

    from processor.engine.job import Job
    from processor.model import Conversion, OutputFile

_WHOLE = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"}
)
_INSTANT = frozenset({"timestamp", "timestamp_s", "timestamp_ms", "timestamp with time zone"})


def convert_parquet(job: Job, path: Path, compression: str) -> Conversion:
    """Convert a Parquet file.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    path : Path
        The file.
    compression : str
        What the file as a whole was packed with.

    Returns
    -------
    Conversion
        A typed value always fits, or is rescued; only a contract refuses rows.

    Raises
    ------
    RejectedObjectError
        When it is truncated, corrupt or encrypted.
    """
    relation = f"read_parquet({literal(str(path))}, hive_partitioning = false)"
    try:
        found = job.db.sql(f"SELECT * FROM {relation}")
        fields = dict(zip(found.columns, found.types, strict=True))
        values = {name: _read(quoted(name), kind) for name, kind in fields.items()}
        rules = Rules.of(job.contract, nulls=True)
        shapes = rules.fields({name: kind for name, (kind, _) in values.items()})
        layout = in_file(lay_out(job.table, shapes), values)
        columns = {t.field: t.kind for t in layout.targets}
        if all(columns.get(name) == _settled(kind) for name, (kind, _) in values.items()):
            select = [f"{values[t.field][1]} AS {quoted(t.column)}" for t in layout.targets]
            reference = {name: sql for name, (_, sql) in values.items()}
            select += [
                lineage(job, "CAST(NULL AS VARCHAR)"),
                f"{dated(job, layout.targets, reference)} AS date_partition",
            ]
            certain = rules.certain(rules.promised(shapes, layout), layout)
            rows = f"SELECT {', '.join(select)} FROM {relation}"
            outputs = _unless_broken(job, checked(rows, certain, _ERROR, RESCUED), rules)
            if outputs is not None:
                return conversion(job, "parquet", compression, layout, outputs)
        lines = job.workdir / "rows.jsonl"
        if job.contract:
            values = {name: (kind, as_json(kind, sql)) for name, (kind, sql) in values.items()}
        selected = ", ".join(f"{sql} AS {quoted(name)}" for name, (_, sql) in values.items())
        job.db.execute(
            f"COPY (SELECT {selected} FROM {relation}) TO {literal(str(lines))} (FORMAT json)"
        )
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS as error:
        raise RejectedObjectError(Reason.CORRUPT_FILE, f"Parquet: {error}") from error
    return convert_jsonl(job, lines, compression, "parquet", nulls=True)


_ERROR = "error('not certainly as the contract says')"


def _unless_broken(job: Job, select: str, rules: Rules) -> tuple[OutputFile, ...] | None:
    """Write rows; None where one of them may break the contract."""
    try:
        return publish(job, select)
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS:
        # What the file itself is to blame for is found again where its rows are looked at.
        if rules.root.trivial:
            raise
        return None


def _settled(kind: Kind) -> Kind:
    match kind:
        case Array(item):
            return Array(_settled(item))
        case Struct(fields):
            return Struct(tuple((normalise(name), _settled(inner)) for name, inner in fields))
        case _:
            return kind


def _read(value: str, kind: DuckDBPyType) -> tuple[Kind, str]:
    """Give the type that a column gets, and the SQL that reads a value as it.

    Parameters
    ----------
    value : str
        SQL of the value.
    kind : DuckDBPyType
        What DuckDB reads it as.
    """
    name = str(kind.id)
    if name in ("list", "array"):
        element = f"e{len(value)}"
        item, sql = _read(element, cast("DuckDBPyType", kind.children[0][1]))
        return Array(item), f"list_transform({value}, lambda {element}: {sql})"
    if name == "struct":
        return _read_struct(value, kind)
    if name in _SCALARS:
        scalar, sql = _SCALARS[name]
        return scalar, sql.format(value)
    if name == "decimal":
        return Scalar(str(kind).lower().replace(" ", "")), value
    return STRING, (_JSON if name in ("map", "union") else _TEXT).format(value)


_JSON = "CAST(to_json({0}) AS VARCHAR)"

#: Times, intervals, UUIDs, enumerations, nanoseconds, integers beyond 64 bits: their text is
#: the one form in which Athena keeps all of it.
_TEXT = "CAST({0} AS VARCHAR)"

_SCALARS: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(_WHOLE, (BIGINT, "CAST({0} AS BIGINT)")),
    **dict.fromkeys(("float", "double"), (DOUBLE, "CAST({0} AS DOUBLE)")),
    # With a zone it is an instant; the session's zone is UTC.
    **dict.fromkeys(_INSTANT, (TIMESTAMP, "CAST({0} AS TIMESTAMP)")),
    "boolean": (BOOLEAN, "{0}"),
    "date": (DATE, "{0}"),
    "ubigint": (Scalar("decimal(20,0)"), "CAST({0} AS DECIMAL(20, 0))"),
    # Files older than the UTF8 annotation hold text in plain byte arrays.
    "blob": (STRING, "coalesce(TRY(decode({0})), to_base64({0}))"),
}


def _read_struct(value: str, kind: DuckDBPyType) -> tuple[Kind, str]:
    children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
    parts = [(name, *_read(f"{value}.{quoted(name)}", inner)) for name, inner in children]
    if len({normalise(name) for name, _, _ in parts}) < len(parts):
        return STRING, _JSON.format(value)
    packed = ", ".join(f"{quoted(normalise(name))} := {sql}" for name, _, sql in parts)
    return (
        Struct(tuple((name, inner) for name, inner, _ in parts)),
        f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END",
    )


def convert_avro(job: Job, path: Path, compression: str) -> Conversion:
    """Convert an Avro object container file.

    Parameters
    ----------
    job : Job
        Table, limits and quarantine.
    path : Path
        The file.
    compression : str
        What the file as a whole was packed with.

    Returns
    -------
    Conversion
        As of the same records in JSON Lines.

    Raises
    ------
    RejectedObjectError
        When it is truncated or corrupt: nothing of it is published.
    """
    lines = job.workdir / "rows.jsonl"
    try:
        with path.open("rb") as file, lines.open("w", encoding="utf-8") as rows:
            for count, record in enumerate(fastavro.reader(file)):
                if count % 10_000 == 0:
                    job.check_time()
                rows.write(json.dumps(record, ensure_ascii=False, default=_plain) + "\n")
    except (OSError, OutOfTimeError):
        raise
    # Whatever else a corrupt file makes the reader stumble over is the file's fault.
    except Exception as error:
        raise RejectedObjectError(Reason.CORRUPT_FILE, f"Avro: {error!r}") from error
    return convert_jsonl(job, lines, compression, "avro", nulls=True)


def _plain(value: Any) -> Any:
    """Write what JSON has no type for so that nothing of it is lost."""
    match value:
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return base64.b64encode(value).decode("ascii")
        case Decimal() | UUID() | timedelta():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
