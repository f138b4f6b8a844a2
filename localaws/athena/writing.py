"""Statements that write data: UNLOAD, CREATE TABLE AS, INSERT INTO."""

from __future__ import annotations

import datetime as dt
import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from localaws.athena.catalog import NULL_PARTITION, Partition, bucket_and_prefix, slashed
from localaws.athena.engine import Outcome
from localaws.athena.errors import QueryError, no_iceberg
from localaws.athena.types import ResultType, hive_to_duckdb, is_whole, quoted
from localaws.internals import athena as ministack

if TYPE_CHECKING:
    from localaws.athena.catalog import Table
    from localaws.athena.engine import Engine
    from localaws.athena.statements import CreateTableAs, Insert, Rewrite, Unload

#: Athena opens no more writers than that in one statement (ctas-insert-into, unload).
MOST_PARTITIONS = 100

_RESULT = "_result"

#: What LazySimpleSerDe separates fields by, unless it is told.
_CONTROL_A = "\x01"

_COMPRESSION = {
    "PARQUET": {
        "GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "LZ4": "lz4_raw",
        "NONE": "uncompressed",
    },
    "JSON": {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "uncompressed"},
    "TEXTFILE": {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "uncompressed"},
}  # fmt: skip
_SUFFIX = {"gzip": ".gz", "zstd": ".zst"}
_SERDE = {
    "PARQUET": ministack.STORED_AS["parquet"],
    "JSON": (
        ministack.TEXT_INPUT_FORMAT,
        ministack.STORED_AS["textfile"][1],
        "org.openx.data.jsonserde.JsonSerDe",
    ),
    "TEXTFILE": ministack.STORED_AS["textfile"],
}


@dataclass(frozen=True)
class Written:
    """A file that a statement wrote.

    Attributes
    ----------
    location : str
        Its S3 address.
    values : tuple of str
        Values of the partition keys.
    """

    location: str
    values: tuple[str, ...]


#: Properties of CREATE TABLE AS (Athena documentation, "CREATE TABLE AS"), of Hive tables.
_PROPERTIES = frozenset(
    {
        "table_type", "is_external", "location", "external_location", "format", "partitioned_by",
        "bucketed_by", "bucket_count", "field_delimiter", "write_compression", "compression_level",
        "parquet_compression", "orc_compression",
    }
)  # fmt: skip


def rewrite(_: Engine, statement: Rewrite) -> Outcome:
    """Refuse what changes rows that are there."""
    raise QueryError(
        "NOT_SUPPORTED",
        f"{statement.what} is for Iceberg tables only, and the local AWS has none",
    )


def unload(engine: Engine, statement: Unload) -> Outcome:
    """Run UNLOAD."""
    keys = [str(key).lower() for key in statement.properties.get("partitioned_by", [])]
    target = slashed(statement.to)
    if not keys:
        # With partitions Athena adds to what is there (UNLOAD, Considerations).
        _need_empty(engine, target, "Unload target")
    columns = engine.into_table(_RESULT, statement.sql)
    written = _write(engine, columns, keys, statement.properties, target)
    return Outcome(updated=_count(engine), manifest=[one.location for one in written])


def create_table_as(engine: Engine, statement: CreateTableAs) -> Outcome:
    """Run CREATE TABLE AS."""
    database, name = engine.named(statement.name)
    if engine.catalog.table(database, name) is not None:
        if statement.if_not_exists:
            return Outcome()
        raise QueryError(
            "TABLE_ALREADY_EXISTS",
            f"line 1:1: Table 'awsdatacatalog.{database}.{name}' already exists",
        )
    properties = statement.properties
    if str(properties.get("table_type", "HIVE")).upper() == "ICEBERG":
        raise no_iceberg(f"{database}.{name}")
    if str(properties.get("table_type", "HIVE")).upper() != "HIVE":
        raise QueryError(
            "INVALID_TABLE_PROPERTY", f"table_type {properties['table_type']}: HIVE or ICEBERG"
        )
    for unknown in sorted(properties.keys() - _PROPERTIES):
        raise QueryError(
            "INVALID_TABLE_PROPERTY",
            f"line 1:1: Catalog 'awsdatacatalog' table property '{unknown}' does not exist",
        )
    target = properties.get("external_location")
    if target and engine.request.enforced:
        raise QueryError(
            "INVALID_TABLE_PROPERTY",
            "The Create Table As Select query failed because it was submitted with an "
            "'external_location' property to an Athena Workgroup that enforces a centralized "
            "output location for all queries",
        )
    target = slashed(target or f"{engine.request.output}tables/{engine.request.identifier}/")
    _need_empty(engine, target, f"Target directory for table '{database}.{name}'")
    columns = engine.into_table(_RESULT, statement.sql)
    if not statement.with_data:
        engine.connection.execute(f"DELETE FROM {_RESULT}")
    keys = [str(key).lower() for key in properties.get("partitioned_by", [])]
    described = [{"Name": column.lower(), "Type": of.hive()} for column, of in columns]
    written = _write(engine, columns, keys, properties, target)
    kind = str(properties.get("format", "PARQUET")).upper()
    input_format, output_format, serde = _SERDE[kind]
    ddl = ministack.CreateTable(
        database,
        name,
        external=True,
        columns=described[: len(described) - len(keys)],
        partition_keys=described[len(described) - len(keys) :],
        location=target,
        input_format=input_format,
        output_format=output_format,
        serde=serde,
        serde_parameters=_serde_parameters(properties),
        table_properties={"classification": kind.lower()},
    )
    made = ministack.create_table_input(ddl)
    made["StorageDescriptor"]["Location"] = target
    engine.glue.create_table(DatabaseName=database, TableInput=made)
    _register(engine, engine.need((database, name)), written)
    return Outcome(updated=_count(engine), manifest=[one.location for one in written])


def _serde_parameters(properties: Any) -> dict[str, str]:
    delimiter = properties.get("field_delimiter")
    if delimiter is None:
        return {"serialization.format": "1"}
    return {"field.delim": str(delimiter), "serialization.format": str(delimiter)}


def insert(engine: Engine, statement: Insert) -> Outcome:
    """Run INSERT INTO."""
    table = engine.need(statement.name)
    if table.is_iceberg:
        raise no_iceberg(f"{table.database}.{table.name}")
    serde = table.storage.get("SerdeInfo") or {}
    lazy = serde.get("SerializationLibrary") == _SERDE["TEXTFILE"][2]
    kind = "TEXTFILE" if lazy else table.format.upper()
    if kind not in _COMPRESSION or table.is_view:
        raise QueryError("NOT_SUPPORTED", f"The local lake cannot insert into {table.name}")
    target = [*table.columns, *table.keys]
    chosen = list(statement.columns) or [column.name for column in target]
    columns = engine.into_table("_inserted", statement.sql)
    unknown = set(chosen) - {column.name for column in target}
    if unknown:
        raise QueryError(
            "COLUMN_NOT_FOUND",
            f"line 1:1: Insert column name does not exist in target table: {min(unknown)}",
        )
    kinds = {column.name: column.type for column in target}
    if len(chosen) != len(columns) or not all(
        _assignable(engine, column, of, kinds[name])
        for (column, of), name in zip(columns, chosen, strict=True)
    ):
        raise QueryError(
            "TYPE_MISMATCH",
            "Insert query has mismatched column types: "
            f"Table: [{', '.join(kinds[name] for name in chosen)}], "
            f"Query: [{', '.join(of.athena for _, of in columns)}]",
        )
    given = {
        name: _rounded(column, of, kinds[name])
        for (column, of), name in zip(columns, chosen, strict=True)
    }
    items = ", ".join(
        f"CAST({given.get(column.name, 'NULL')} AS {hive_to_duckdb(column.type)}) "
        f"AS {quoted(column.name)}"
        for column in target
    )
    engine.connection.execute(f"CREATE TEMP TABLE {_RESULT} AS SELECT {items} FROM _inserted")
    described = engine.connection.execute(f"SELECT * FROM {_RESULT} LIMIT 0").description or []
    properties = {
        "format": kind,
        "compression": "SNAPPY" if kind == "PARQUET" else "GZIP",
        "field_delimiter": (serde.get("Parameters") or {}).get("field.delim", _CONTROL_A),
    }
    written = _write(
        engine,
        [(name, ResultType(of)) for name, of, *_ in described],
        [key.name for key in table.keys],
        properties,
        table.location,
    )
    _register(engine, table, written)
    return Outcome(updated=_count(engine), manifest=[one.location for one in written])


_NUMBERS = frozenset({"tinyint", "smallint", "integer", "bigint", "decimal", "float", "double"})
_DAYS = frozenset({"date", "timestamp"})


def _assignable(engine: Engine, column: str, of: ResultType, hive: str) -> bool:
    """Tell whether Trino assigns a column of a query to one of a table.

    It does between types of which either is coerced to the other; a value that the column's type
    cannot hold fails then (Trino, ``TypeCoercion.isCompatible``).
    """
    have, need = of.athena, _athena(engine, hive)
    if have == need or any({have, need} <= kinds for kinds in (_NUMBERS, _DAYS)):
        return True
    # DuckDB calls a column of nulls INTEGER.
    counted = engine.connection.execute(f"SELECT count({quoted(column)}) FROM _inserted").fetchone()
    return counted == (0,)


def _rounded(column: str, of: ResultType, hive: str) -> str:
    """Write a column of a query; Trino rounds half away from zero, DuckDB's casts to even."""
    fractions = of.athena in ("decimal", "float", "double")
    return f"round({quoted(column)})" if fractions and is_whole(hive) else quoted(column)


def _athena(engine: Engine, hive: str) -> str:
    """Give Athena's name of a Hive type."""
    null = engine.connection.execute(f"SELECT CAST(NULL AS {hive_to_duckdb(hive)})")
    return ResultType((null.description or [])[0][1]).athena


def _count(engine: Engine) -> int:
    ((count,),) = engine.connection.execute(f"SELECT count(*) FROM {_RESULT}").fetchall()
    return int(count)


def _need_empty(engine: Engine, target: str, what: str) -> None:
    bucket, prefix = bucket_and_prefix(target)
    found = engine.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    if found.get("KeyCount"):
        raise QueryError(
            "HIVE_PATH_ALREADY_EXISTS",
            f"{what} already exists: {target}. You may need to manually clean the data at "
            f"location '{target}' before retrying. Athena will not delete data in your account.",
        )


def _write(
    engine: Engine,
    columns: list[tuple[str, ResultType]],
    keys: list[str],
    properties: dict[str, Any] | Any,
    target: str,
) -> list[Written]:
    """Write the result's rows below a target; give the files."""
    kind = str(properties.get("format", "PARQUET")).upper()
    if kind not in _COMPRESSION:
        raise QueryError("NOT_SUPPORTED", f"The local lake cannot write {kind}")
    named = properties.get("compression") or properties.get("write_compression")
    wanted = str(named or properties.get(f"{kind.lower()}_compression") or "GZIP").upper()
    try:
        compression = _COMPRESSION[kind][wanted]
    except KeyError:
        raise QueryError("INVALID_TABLE_PROPERTY", f"{wanted} compression of {kind}") from None
    names = [name.lower() for name, _ in columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise QueryError("DUPLICATE_COLUMN_NAME", f"line 1:1: Column name '{twice}' not unique")
    if keys and names[-len(keys) :] != keys:
        raise QueryError(
            "HIVE_COLUMN_ORDER_MISMATCH",
            "Partition keys must be the last columns in the table and in the same order as the "
            f"table properties: {keys}",
        )
    connection = engine.connection
    if keys:
        tuple_of = ", ".join(quoted(key) for key in keys)
        ((count,),) = connection.execute(
            f"SELECT count(*) FROM (SELECT DISTINCT {tuple_of} FROM {_RESULT})"
        ).fetchall()
        if count > MOST_PARTITIONS:
            raise QueryError(
                "HIVE_TOO_MANY_OPEN_PARTITIONS",
                f"Exceeded limit of {MOST_PARTITIONS} open writers for partitions/buckets",
            )
    if not _count(engine):
        return []
    folder = engine.folder / "written"
    folder.mkdir()
    items = ", ".join(
        f"CAST({quoted(name)} AS {of.storable()}) AS {quoted(name.lower())}" for name, of in columns
    )
    options = [f"COMPRESSION {compression}", *_options(kind, properties)]
    if keys:
        options.append(f"PARTITION_BY ({', '.join(quoted(key) for key in keys)})")
    to = folder if keys else folder / "data"
    connection.execute(f"COPY (SELECT {items} FROM {_RESULT}) TO '{to}' ({', '.join(options)})")
    bucket, prefix = bucket_and_prefix(target)
    now, written = dt.datetime.now(dt.UTC), []
    for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        engine.check()
        below = "/".join(path.relative_to(folder).parts[:-1])
        values = tuple(unquote(part.partition("=")[2]) for part in below.split("/") if part)
        suffix = "" if kind == "PARQUET" else _SUFFIX.get(compression, "")
        key = (
            f"{prefix}{below}{'/' if below else ''}{now:%Y%m%d_%H%M%S}_{number:05d}_{uuid.uuid4()}"
        )
        with path.open("rb") as body:
            engine.s3.put_object(Bucket=bucket, Key=key + suffix, Body=body)
        written.append(Written(f"s3://{bucket}/{key}{suffix}", values))
    return written


def _options(kind: str, properties: Any) -> list[str]:
    if kind == "JSON":
        return ["FORMAT json"]
    if kind == "TEXTFILE":
        delimiter = str(properties.get("field_delimiter", _CONTROL_A)).replace("'", "''")
        return ["FORMAT csv", "HEADER false", f"DELIMITER '{delimiter}'", "QUOTE ''", "ESCAPE ''"]
    return ["FORMAT parquet"]


def _register(engine: Engine, table: Table, written: list[Written]) -> None:
    """Add the partitions that are new."""
    if not table.keys or table.is_projected:
        return
    known = {one.values for one in engine.catalog.partitions(table)}
    found = {
        one.values: Partition(one.values, one.location.rpartition("/")[0] + "/") for one in written
    }
    add_partitions(engine, table, [one for values, one in found.items() if values not in known])


def add_partitions(engine: Engine, table: Table, partitions: list[Partition]) -> None:
    """Register partitions, as many in a call as Glue takes."""
    # As of a table; dbt-athena takes it for granted that a partition has parameters.
    parameters = {"transient_lastDdlTime": str(int(time.time()))}
    made = [
        {
            "Values": list(one.values),
            "StorageDescriptor": {**table.storage, "Location": one.location},
            "Parameters": parameters,
        }
        for one in partitions
    ]
    for start in range(0, len(made), 100):
        engine.glue.batch_create_partition(
            DatabaseName=table.database,
            TableName=table.name,
            PartitionInputList=made[start : start + 100],
        )


def partition_folder(table: Table, values: tuple[str, ...]) -> str:
    """Say where Hive puts a partition."""
    escaped = (re.sub(r"[\x00-\x1f\"#%'*/:=?\\{}\[\]^\x7f]", _percent, v) for v in values)
    pairs = zip((key.name for key in table.keys), escaped, strict=True)
    return table.location + "".join(f"{key}={value or NULL_PARTITION}/" for key, value in pairs)


def _percent(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"
