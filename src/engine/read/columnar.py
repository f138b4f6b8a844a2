"""Parquet and Avro: files that bring their types.

Each type is mapped to one that Athena reads and that holds every value; where the table has
another type for a column, the rows are read again as JSON and each value is conformed or rescued.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import duckdb
import fastavro

from contract.values import Digits
from engine.convert.layout import RESCUED, lay_out
from engine.convert.proofs import FOR_CONTRACTS, FOR_RECORDS, as_json, as_line, map_types, widened
from engine.convert.rows import VALUE, conformed, conversion, publish_rows
from engine.convert.rules import Rules, checked, in_file, typed
from engine.job import DUCKDB_ERRORS
from engine.read.jsonl import conform_lines, numbered_lines
from engine.types.kinds import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    WHOLE_DIGITS,
    Array,
    Kind,
    Map,
    Scalar,
    Struct,
    literal,
    merged,
    quoted,
    writable,
)
from engine.write.publish import JSON_FILE, dated, lineage, publish
from store.errors import RejectedObjectError
from store.naming import normalise
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from duckdb.sqltypes import DuckDBPyType

    from engine.convert.layout import Layout
    from engine.job import Job
    from store.model import Conversion, OutputFile


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
        root = _schema(job, path)
        found = job.db.sql(f"SELECT * FROM {relation}")
        values = {
            name: _read(quoted(name), kind, node)
            for name, kind, node in zip(found.columns, found.types, root.children, strict=True)
        }
        kinds = {name: kind for name, (kind, _) in values.items()}
        rules = Rules.of(job.contract, nulls=True)
        layout = in_file(lay_out(job.table, rules.fields(kinds)), values)
        reads = {
            t.field: widened(values[t.field][1], kinds[t.field], t.kind)
            for t in layout.targets
            if t.written
        }
        exact = {field: sql for field, sql in reads.items() if sql is not None}
        filled = {name for name, kind in kinds.items() if kind != NULL}
        if len(exact) == len(layout.targets) and filled <= exact.keys():
            select = [f"{exact[t.field]} AS {quoted(t.column)}" for t in layout.targets]
            select += [
                lineage(job, "CAST(NULL AS VARCHAR)"),
                f"{dated(job, layout.targets, exact)} AS date_partition",
            ]
            query = f"SELECT {', '.join(select)} FROM {relation}"
            outputs = _unless_broken(job, query, rules, kinds, layout)
            if outputs is not None:
                return conversion(job, "parquet", compression, layout, outputs)
        lines = job.workdir / "rows.jsonl"
        _write_lines(job, relation, values, lines, rules)
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS as error:
        raise RejectedObjectError(Reason.CORRUPT_FILE, f"Parquet: {error}") from error
    outputs, rescued = conform_lines(job, rules, numbered_lines(lines), layout)
    return conversion(job, "parquet", compression, layout, outputs, rescued)


def _unless_broken(
    job: Job, query: str, rules: Rules, kinds: dict[str, Kind], layout: Layout
) -> tuple[OutputFile, ...] | None:
    """Write rows; None where one of them may break the contract."""
    shapes = {name: typed(kind) for name, kind in kinds.items()}
    certain = rules.certain(shapes, layout)
    try:
        return publish(job, checked(query, certain, _ERROR, RESCUED), width=layout.width)
    except duckdb.OutOfMemoryException:
        raise
    except DUCKDB_ERRORS:
        # What the file itself is to blame for is found again where its rows are looked at.
        if rules.root.trivial:
            raise
        return None


_ERROR = "error('not certainly as the contract says')"


def _write_lines(
    job: Job, relation: str, values: dict[str, tuple[Kind, str]], lines: Path, rules: Rules
) -> None:
    """Write every row as JSON, for values that no cast takes to their column's type."""
    raw = ", ".join(f"{sql} AS {quoted(name)}" for name, (_, sql) in values.items())
    rows = f"SELECT {raw} FROM {relation}"
    line = as_line(
        (name, as_json(quoted(name), kind, _spelled(rules, name)))
        for name, kind in zip(values, job.db.sql(rows).types, strict=True)
    )
    job.db.execute(f"COPY (SELECT {line} FROM ({rows})) TO {literal(str(lines))} ({JSON_FILE})")


def _spelled(rules: Rules, name: str) -> Mapping[str, str]:
    return FOR_RECORDS if rules.root.property(name).trivial else FOR_CONTRACTS


@dataclass(frozen=True, slots=True)
class _Node:
    """An element of a Parquet schema, of which DuckDB's types do not say all."""

    name: str = ""
    logical: str = ""
    children: tuple[_Node, ...] = ()

    def child(self, position: int) -> _Node:
        return self.children[position] if position < len(self.children) else _Node()


def _schema(job: Job, path: Path) -> _Node:
    """Read a file's schema.

    Raises
    ------
    RejectedObjectError
        When DuckDB would read a column as other values than the file's.
    """
    elements = iter(
        job.db.execute(
            "SELECT name, logical_type, num_children, precision "
            f"FROM parquet_schema({literal(str(path))})"
        ).fetchall()
    )

    def node() -> _Node:
        name, logical, children, precision = next(elements)
        if (precision or 0) > 38:
            detail = f"column {name} is a decimal of {precision} digits, more than 38"
            raise RejectedObjectError(Reason.UNSUPPORTED_TYPE, detail)
        return _Node(name, logical or "", tuple(node() for _ in range(children or 0)))

    return node()


def _read(value: str, kind: DuckDBPyType, node: _Node) -> tuple[Kind, str]:
    """Give what a value is, and the SQL that reads it as that.

    Parameters
    ----------
    value : str
        SQL of the value.
    kind : DuckDBPyType
        What DuckDB reads it as.
    node : _Node
        What the file says that it is.
    """
    name = str(kind.id)
    match name:
        case _ if node.logical.startswith("NullType"):
            return NULL, "CAST(NULL AS VARCHAR)"
        case "list" | "array":
            element = f"e{len(value)}"
            # Of three levels the middle one has no name of its own (Parquet's LogicalTypes.md).
            inside = node.child(0)
            inside = inside.child(0) if len(inside.children) == 1 else inside
            item, sql = _read(element, cast("DuckDBPyType", kind.children[0][1]), inside)
            if item == NULL:
                return Array(
                    NULL
                ), f"list_transform({value}, lambda {element}: CAST(NULL AS VARCHAR))"
            read = value if sql == element else f"list_transform({value}, lambda {element}: {sql})"
            return Array(item), read
        case "struct":
            return _read_struct(value, kind, node)
        case "map":
            return _read_map(value, kind, node.child(0))
        case "decimal":
            return Scalar(str(kind).lower().replace(" ", "")), value
        case "union":
            return STRING, _JSON.format(value)
    scalar, sql = _SCALARS.get(name, (STRING, _TEXT))
    return scalar, sql.format(value)


_JSON = "CAST(to_json({0}) AS VARCHAR)"

#: Times, intervals, UUIDs, enumerations, nanoseconds, integers beyond 64 bits: their text is
#: the one form in which Athena keeps all of it.
_TEXT = "CAST({0} AS VARCHAR)"

_INSTANTS = ("timestamp", "timestamp_s", "timestamp_ms", "timestamp with time zone")

_SCALARS: dict[str, tuple[Kind, str]] = {
    **{name: (Scalar(name), "{0}") for name in ("tinyint", "smallint", "bigint")},
    **{name: (Scalar(name), "{0}") for name in ("float", "double", "boolean", "date")},
    "integer": (Scalar("int"), "{0}"),
    "utinyint": (Scalar("smallint"), "CAST({0} AS SMALLINT)"),
    "usmallint": (Scalar("int"), "CAST({0} AS INTEGER)"),
    "uinteger": (BIGINT, "CAST({0} AS BIGINT)"),
    "ubigint": (Scalar("decimal(20,0)"), "CAST({0} AS DECIMAL(20, 0))"),
    # With a zone it is an instant; the session's zone is UTC.
    **dict.fromkeys(_INSTANTS, (TIMESTAMP, "CAST({0} AS TIMESTAMP)")),
    "blob": (BINARY, "{0}"),
}

#: Athena has maps by any of these; floating point is no key.
_KEYS = frozenset({*WHOLE_DIGITS, "boolean", "string", "date", "timestamp"})


def _read_struct(value: str, kind: DuckDBPyType, node: _Node) -> tuple[Kind, str]:
    children = cast("list[tuple[str, DuckDBPyType]]", kind.children)
    # The tag of a union has no name, which makes names useless for its other fields, too.
    named = all(name for name, _ in children)
    parts = [
        (
            name or normalise(name),
            *_read(
                f"{value}.{quoted(name)}" if named else f"struct_extract_at({value}, {number})",
                inner,
                node.child(number - 1),
            ),
        )
        for number, (name, inner) in enumerate(children, 1)
    ]
    if len({normalise(name) for name, _, _ in parts}) < len(parts):
        return STRING, _JSON.format(value)
    shape = Struct(tuple((name, inner) for name, inner, _ in parts))
    if all(sql == f"{value}.{quoted(name)}" for name, _, sql in parts):
        return shape, value
    packed = ", ".join(f"{quoted(name)} := {sql}" for name, _, sql in parts)
    return shape, f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"


def _read_map(value: str, kind: DuckDBPyType, entries: _Node) -> tuple[Kind, str]:
    key_type, value_type = map_types(kind)
    entry = f"e{len(value)}"
    key, key_sql = _read(f"{entry}.key", key_type, entries.child(0))
    item, item_sql = _read(f"{entry}.value", value_type, entries.child(1))
    if not isinstance(key, Scalar) or key.name not in _KEYS:
        return STRING, _JSON.format(value)
    if (key_sql, item_sql) == (f"{entry}.key", f"{entry}.value"):
        return Map(key, item), value
    read = (
        f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: "
        f"struct_pack(key := {key_sql}, value := {item_sql})))"
    )
    return Map(key, item), read


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
    with path.open("rb") as file:
        try:
            reader = fastavro.reader(file)
            kind = _kind_of(reader.writer_schema, {})
        except MemoryError:
            raise
        except Exception as error:  # fastavro raises whatever decoding damaged bytes meets
            raise _corrupt(error) from error
        fields = dict(kind.fields) if isinstance(kind, Struct) else {VALUE: kind}
        rules = Rules.of(job.contract, nulls=True)
        layout = lay_out(job.table, rules.fields(fields))
        rows = (
            conformed(_plain(record), layout.targets, job.drift)
            for number, record in enumerate(_records(reader), 1)
            if not _refused(job, rules, number, record)
        )
        outputs, rescued = publish_rows(job, rows, layout)
    return conversion(job, "avro", compression, layout, outputs, rescued)


def _records(reader: Iterable[Any]) -> Iterator[Any]:
    found = iter(reader)
    while True:
        try:
            record = next(found)
        except StopIteration:
            return
        except MemoryError:
            raise
        except Exception as error:  # fastavro raises whatever decoding damaged bytes meets
            raise _corrupt(error) from error
        yield record


def _refused(job: Job, rules: Rules, number: int, record: Any) -> bool:
    """Put a record that breaks the contract into quarantine."""
    if rules.root.trivial:
        return False
    judged = _plain(record, judged=True)
    if broken := rules.violation(judged):
        raw = json.dumps(judged, ensure_ascii=False).encode()
        job.quarantine.add(number, Reason.CONTRACT_VIOLATION, str(broken), raw)
    return broken is not None


def _corrupt(error: Exception) -> RejectedObjectError:
    return RejectedObjectError(Reason.CORRUPT_FILE, f"Avro: {error!r}")


_AVRO: dict[str, Kind] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "int": BIGINT,
    "long": BIGINT,
    "float": DOUBLE,
    "double": DOUBLE,
    "date": DATE,
    **dict.fromkeys(
        (f"{local}timestamp-{unit}" for local in ("", "local-") for unit in ("millis", "micros")),
        TIMESTAMP,
    ),
}


def _kind_of(schema: Any, named: dict[str, Kind]) -> Kind:
    """Give the kind of the values of an Avro schema."""
    match schema:
        case str():
            return named.get(schema, _AVRO.get(schema, STRING))
        case list():
            return merged(_kind_of(branch, named) for branch in schema)
        case {"logicalType": "decimal", "precision": int() as precision, **rest}:
            kind = Scalar(f"decimal({precision},{rest.get('scale', 0)})")
            return kind if writable(kind) else STRING
        case {"logicalType": str() as logical} if logical in _AVRO:
            return _AVRO[logical]
        case {"type": "array", "items": items}:
            return Array(_kind_of(items, named))
        case {"type": "map", "values": values}:
            return Map(STRING, _kind_of(values, named))
        case {"type": "record" | "error", "name": name, "fields": fields}:
            # Until it is known, a record within itself is text: JSON.
            inside = tuple((f["name"], _kind_of(f["type"], named)) for f in fields)
            return named.setdefault(name, Struct(inside))
        case {"type": "enum" | "fixed", "name": name}:
            named[name] = STRING
            return STRING
        case {"logicalType": "time-millis" | "time-micros" | "uuid" | "duration"}:
            return STRING
        case {"type": inner}:
            return _kind_of(inner, named)
    return STRING


def _plain(value: Any, *, judged: bool = False) -> Any:
    """Write what JSON has no type for so that nothing of it is lost, or as a contract sees it."""
    match value:
        case dict():
            return {key: _plain(inner, judged=judged) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner, judged=judged) for inner in value]
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return base64.b64encode(value).decode("ascii")
        case Decimal() if judged:
            return Digits(value)
        case datetime() if judged:
            return f"{value.replace(tzinfo=None).isoformat()}Z"
        case Decimal() | UUID() | timedelta():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return _NOT_FINITE[str(value)]
    return value


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
