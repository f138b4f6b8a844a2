"""``information_schema``, of which Athena clients read tables and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localaws.athena.errors import QueryError

if TYPE_CHECKING:
    import duckdb

#: Its name, and what it is called in DuckDB, which has one of its own.
SCHEMA, LOCAL = "information_schema", "_information_schema"

_COLUMNS = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "columns": (
        "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position",
        "column_default", "is_nullable", "data_type",
    ),
}  # fmt: skip
_ATHENA = {"string": "varchar", "int": "integer", "binary": "varbinary", "float": "real"}


def register(connection: duckdb.DuckDBPyConnection, glue: Any, name: str) -> None:
    """Make one of its tables known to a connection.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The query's.
    glue : client
        In the name of the caller.
    name : str
        Which one.
    """
    if name not in _COLUMNS:
        raise QueryError(
            "TABLE_NOT_FOUND", f"line 1:1: Table 'awsdatacatalog.{SCHEMA}.{name}' does not exist"
        )
    catalog = "awsdatacatalog"
    rows: list[tuple[Any, ...]] = []
    for page in glue.get_paginator("get_databases").paginate():
        for schema in (one["Name"] for one in page["DatabaseList"]):
            if name == "schemata":
                rows.append((catalog, schema))
                continue
            for tables in glue.get_paginator("get_tables").paginate(DatabaseName=schema):
                for table in tables["TableList"]:
                    rows += _rows(name, catalog, schema, table)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {LOCAL}")
    columns = ", ".join(
        f"{column} {'BIGINT' if column == 'ordinal_position' else 'VARCHAR'}"
        for column in _COLUMNS[name]
    )
    connection.execute(f"CREATE OR REPLACE TABLE {LOCAL}.{name} ({columns})")
    if rows:
        marks = ", ".join("?" for _ in _COLUMNS[name])
        connection.executemany(f"INSERT INTO {LOCAL}.{name} VALUES ({marks})", rows)


def _rows(name: str, catalog: str, schema: str, table: dict[str, Any]) -> list[tuple[Any, ...]]:
    if name == "tables":
        kind = "VIEW" if table.get("TableType") == "VIRTUAL_VIEW" else "BASE TABLE"
        return [(catalog, schema, table["Name"], kind)]
    described = [
        *table.get("StorageDescriptor", {}).get("Columns", []),
        *table.get("PartitionKeys", []),
    ]
    return [
        (
            catalog, schema, table["Name"], column["Name"], number, None, "YES",
            _ATHENA.get(column["Type"], column["Type"]),
        )
        for number, column in enumerate(described, 1)
    ]  # fmt: skip
