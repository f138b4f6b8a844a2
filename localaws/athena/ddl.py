"""Statements about the catalog alone: SHOW, DESCRIBE, views, partitions, tables, databases."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

from localaws.athena.catalog import Partition, bucket_and_prefix, folder_values, slashed
from localaws.athena.engine import Outcome, view_text
from localaws.athena.errors import QueryError, no_iceberg
from localaws.athena.types import hive_to_duckdb
from localaws.athena.writing import add_partitions, partition_folder
from localaws.internals import athena as ministack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localaws.athena import statements as st
    from localaws.athena.catalog import Table
    from localaws.athena.engine import Engine

#: What UpdateTable takes of what GetTable gives.
_TABLE_INPUT = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys",
    "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters",
)  # fmt: skip


def explain(engine: Engine, statement: st.Explain) -> Outcome:
    """Run EXPLAIN: the plan is DuckDB's, of the query as it was translated."""
    written = engine.translate(statement.sql)
    if not statement.analyze:
        # Athena reads no data for it.
        engine.scanned = 0
    if statement.validate:
        return Outcome.of_text(["Valid"], [["true"]])
    words = "ANALYZE, " if statement.analyze else ""
    form = f"({words}FORMAT {'json' if statement.json else 'text'})"
    rows = engine.connection.execute(f"EXPLAIN {form} {written}").fetchall()
    lines = [line for *_, plan in rows for line in str(plan).splitlines()]
    return Outcome.of_text(["Query Plan"], [[line] for line in lines])


def show(engine: Engine, statement: st.Show) -> Outcome:
    """Run SHOW and DESCRIBE."""
    what = statement.what
    if what == "databases":
        names = [
            one["Name"]
            for page in engine.glue.get_paginator("get_databases").paginate()
            for one in page["DatabaseList"]
        ]
        # Of databases the pattern is a regular expression, of tables one of Hive's.
        pattern = re.compile(statement.pattern or ".*")
        return _listed("database_name", [name for name in names if pattern.fullmatch(name)], None)
    if what in ("tables", "views"):
        database = statement.name[1] if statement.name else engine.request.database
        names = [
            one["Name"]
            for page in engine.glue.get_paginator("get_tables").paginate(DatabaseName=database)
            for one in page["TableList"]
            if what == "tables" or one.get("TableType") == "VIRTUAL_VIEW"
        ]
        return _listed("tab_name" if what == "tables" else "views", names, statement.pattern)
    if statement.name is None:
        raise QueryError("SYNTAX_ERROR", f"SHOW {what.upper()} needs a name")
    if what == "tblproperties" and statement.pattern:
        return _property(engine.need(statement.name), statement.pattern)
    return _about(engine.need(statement.name), what, engine)


def _property(table: Table, name: str) -> Outcome:
    value = table.parameters.get(name)
    said = value if value is not None else f"Table {table.name} does not have property: {name}"
    return Outcome.of_text(["prpt_name"], [[said]])


def _listed(column: str, names: list[str], pattern: str | None) -> Outcome:
    # Hive's patterns: * for anything, | between alternatives.
    wanted = [one.strip() for one in (pattern or "*").split("|")]
    kept = [n for n in sorted(names) if any(fnmatch.fnmatchcase(n, one) for one in wanted)]
    return Outcome.of_text([column], [[name] for name in kept])


def _about(table: Table, what: str, engine: Engine) -> Outcome:
    if what == "partitions":
        if not table.keys:
            raise QueryError("INVALID_TABLE", f"Table {table.name} is not a partitioned table")
        rows = [
            "/".join(f"{k.name}={v}" for k, v in zip(table.keys, one.values, strict=True))
            for one in engine.catalog.partitions(table)
        ]
        return Outcome.of_text(["partition"], [[row] for row in sorted(rows)])
    if what == "columns":
        return Outcome.of_text(
            ["field"], [[column.name] for column in [*table.columns, *table.keys]]
        )
    if what == "tblproperties":
        return Outcome.of_text(
            ["prpt_name"], [[f"{k}\t{v}"] for k, v in sorted(table.parameters.items())]
        )
    if what == "describe":
        return _describe(table)
    return Outcome.of_text(["createtab_stmt"], [[line] for line in _created(table)])


def _describe(table: Table) -> Outcome:
    comments = {
        column["Name"].lower(): column.get("Comment", "")
        for column in [*table.storage.get("Columns", []), *(table.raw.get("PartitionKeys") or [])]
    }

    def line(name: str, kind: str, comment: str) -> list[str | None]:
        return [f"{name:<20}\t{kind:<20}\t{comment:<20}"]

    rows = [
        line(column.name, column.type, comments[column.name])
        for column in [*table.columns, *table.keys]
    ]
    if table.keys:
        rows += [
            line("", "", ""),
            line("# Partition Information", "", ""),
            line("# col_name", "data_type", "comment"),
            line("", "", ""),
            *(line(key.name, key.type, comments[key.name]) for key in table.keys),
        ]
    return Outcome.of_text(["col_name", "data_type", "comment"], rows)


def _created(table: Table) -> list[str]:
    if table.is_view:
        return [f"CREATE VIEW {table.name} AS", str(table.raw.get("ViewOriginalText"))]
    serde = (table.storage.get("SerdeInfo") or {}).get("SerializationLibrary", "")
    lines = [f"CREATE EXTERNAL TABLE `{table.database}.{table.name}`("]
    lines += _comma([f"  `{column.name}` {column.type}" for column in table.columns])
    lines[-1] += ")"
    if table.keys:
        lines.append("PARTITIONED BY ( ")
        lines += _comma([f"  `{key.name}` {key.type}" for key in table.keys])
        lines[-1] += ")"
    lines += [
        "ROW FORMAT SERDE ",
        f"  '{serde}' ",
        "STORED AS INPUTFORMAT ",
        f"  '{table.storage.get('InputFormat', '')}' ",
        "OUTPUTFORMAT ",
        f"  '{table.storage.get('OutputFormat', '')}'",
        "LOCATION",
        f"  '{table.location}'",
        "TBLPROPERTIES (",
        *_comma([f"  '{k}'='{v}'" for k, v in sorted(table.parameters.items())]),
    ]
    lines[-1] += ")"
    return lines


def _comma(lines: list[str]) -> list[str]:
    return [*(f"{line}, " for line in lines[:-1]), *lines[-1:]]


def create_view(engine: Engine, statement: st.CreateView) -> Outcome:
    """Run CREATE VIEW."""
    database, name = engine.named(statement.name)
    present = engine.catalog.table(database, name)
    if present is not None and not (present.is_view and statement.replace):
        raise QueryError(
            "TABLE_ALREADY_EXISTS",
            f"line 1:1: View already exists: 'awsdatacatalog.{database}.{name}'",
        )
    columns = engine.into_table("_view", statement.sql)
    made = {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": of.hive()} for column, of in columns],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": view_text(statement.sql, engine.request.database, columns),
        "ViewExpandedText": "/* Presto View */",
    }
    call = engine.glue.create_table if present is None else engine.glue.update_table
    call(DatabaseName=database, TableInput=made)
    # What the view would scan was read for its columns only.
    engine.scanned = 0
    return Outcome()


def drop_view(engine: Engine, statement: st.DropView) -> Outcome:
    """Run DROP VIEW."""
    database, name = engine.named(statement.name)
    present = engine.catalog.table(database, name)
    if present is None:
        if statement.if_exists:
            return Outcome()
        raise QueryError(
            "TABLE_NOT_FOUND", f"line 1:1: View 'awsdatacatalog.{database}.{name}' does not exist"
        )
    if not present.is_view:
        raise QueryError("NOT_SUPPORTED", f"'{database}.{name}' is a table, not a view")
    engine.glue.delete_table(DatabaseName=database, Name=name)
    return Outcome()


def repair(engine: Engine, statement: st.Repair) -> Outcome:
    """Run MSCK REPAIR TABLE: add the Hive folders that are not registered."""
    table = engine.need(statement.name)
    bucket, prefix = bucket_and_prefix(table.location)
    known = {one.values for one in engine.catalog.partitions(table)}
    names = [key.name for key in table.keys]
    new: dict[tuple[str, ...], Partition] = {}
    pages = engine.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for key in (one["Key"] for page in pages for one in page.get("Contents", [])):
        folder = "/".join(key[len(prefix) :].split("/")[: len(names)]) + "/"
        found = folder_values(folder)
        if list(found) == names and (values := tuple(found.values())) not in known:
            new[values] = Partition(values, table.location + folder)
    add_partitions(engine, table, list(new.values()))
    folders = [one.location[len(table.location) :].rstrip("/") for one in new.values()]
    listed = "\t".join(f"{table.name}:{folder}" for folder in folders)
    missing = f"Partitions not in metastore:\t{listed}"
    added = [f"Repair: Added partition to metastore {table.name}:{folder}" for folder in folders]
    return Outcome.of_text(["result"], [[line] for line in ([missing, *added] if new else [])])


def _values(table: Table, told: Mapping[str, str]) -> tuple[str, ...]:
    names = [key.name for key in table.keys]
    if set(told) != set(names):
        raise QueryError("SYNTAX_ERROR", f"Partition keys of {table.name} are {', '.join(names)}")
    return tuple(told[name] for name in names)


def add(engine: Engine, statement: st.AddPartitions) -> Outcome:
    """Run ALTER TABLE ADD PARTITION."""
    table = engine.need(statement.name)
    known = {one.values for one in engine.catalog.partitions(table)}
    made = []
    for told, location in statement.partitions:
        values = _values(table, told)
        if values in known:
            if not statement.if_not_exists:
                raise QueryError(
                    "FAILED", f"SemanticException Partition already exists: {list(values)}"
                )
            continue
        made.append(Partition(values, slashed(location or partition_folder(table, values))))
    add_partitions(engine, table, made)
    return Outcome()


def drop(engine: Engine, statement: st.DropPartitions) -> Outcome:
    """Run ALTER TABLE DROP PARTITION."""
    table = engine.need(statement.name)
    known = {one.values for one in engine.catalog.partitions(table)}
    for told in statement.partitions:
        values = _values(table, told)
        if values not in known:
            if statement.if_exists:
                continue
            raise QueryError("FAILED", f"SemanticException Partition not found {list(values)}")
        engine.glue.delete_partition(
            DatabaseName=table.database, TableName=table.name, PartitionValues=list(values)
        )
    return Outcome()


def alter(engine: Engine, statement: st.AlterTable) -> Outcome:
    """Run ALTER TABLE ADD COLUMNS, REPLACE COLUMNS and SET TBLPROPERTIES."""
    table = engine.need(statement.name)
    made: dict[str, Any] = {name: table.raw[name] for name in _TABLE_INPUT if table.raw.get(name)}
    made["Parameters"] = {**table.parameters, **statement.properties}
    for column in statement.columns:
        # A type that there is not is refused now, not when the table is read.
        hive_to_duckdb(column["Type"])
    present = [] if statement.replace else table.storage.get("Columns", [])
    columns = [*present, *statement.columns]
    made["StorageDescriptor"] = {**table.storage, "Columns": columns}
    engine.glue.update_table(DatabaseName=table.database, TableInput=made)
    return Outcome()


def database(engine: Engine, statement: st.Database) -> Outcome:
    """Run CREATE DATABASE and DROP DATABASE."""
    known = engine.glue.exceptions
    try:
        if statement.create:
            engine.glue.create_database(DatabaseInput={"Name": statement.name})
        else:
            tables = engine.glue.get_tables(DatabaseName=statement.name)["TableList"]
            if tables and not statement.cascade:
                raise QueryError("FAILED", f"Database {statement.name} is not empty")
            engine.glue.delete_database(Name=statement.name)
    except (known.AlreadyExistsException, known.EntityNotFoundException) as error:
        if not statement.tolerant:
            raise QueryError("FAILED", error.response["Error"]["Message"]) from error
    return Outcome()


def external(engine: Engine, statement: st.External) -> Outcome:
    """Run CREATE EXTERNAL TABLE and DROP TABLE."""
    ddl = statement.ddl
    schema, name = engine.named((ddl.database, ddl.table))
    present = engine.catalog.table(schema, name)
    if isinstance(ddl, ministack.DropTable):
        if present is None and not ddl.if_exists:
            raise QueryError("FAILED", f"SemanticException Table not found {name}")
        if present is not None:
            engine.glue.delete_table(DatabaseName=schema, Name=name)
        return Outcome()
    if ddl.iceberg:
        raise no_iceberg(f"{schema}.{name}")
    if present is not None:
        if ddl.if_not_exists:
            return Outcome()
        raise QueryError("FAILED", f"AlreadyExistsException Table {name} already exists")
    made = ministack.create_table_input(ddl)
    made["Name"] = name
    for column in [*ddl.columns, *ddl.partition_keys]:
        # A type that there is not is refused now, not when the table is read.
        hive_to_duckdb(column["Type"])
    engine.glue.create_table(DatabaseName=schema, TableInput=made)
    return Outcome()
