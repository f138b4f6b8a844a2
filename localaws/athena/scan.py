"""From a table and a query to the files that are read, and to a DuckDB view of them.

Only folders of registered (or projected) partitions count, and of those only the ones that the
query's own conditions on partition keys leave. Columns are found by name; a file whose type is
not the table's fails the query if the column is used.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from localaws.athena import dialect
from localaws.athena.catalog import NULL_PARTITION, Column, Partition, bucket_and_prefix
from localaws.athena.errors import QueryError
from localaws.athena.types import (
    base_of,
    fits,
    hive_to_duckdb,
    is_nested,
    is_whole,
    literal,
    quoted,
)
from localaws.internals import athena as ministack

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection
    from pathlib import Path

    from localaws.athena.catalog import Table

#: Below this many partitions each folder is listed by itself; else their common one, once.
_LIST_EACH = 8

#: How many objects are fetched at once.
_PARALLEL = 8

#: A line of JSON may be this long.
_LONGEST_LINE = 32 * 1024 * 1024


@dataclass(frozen=True)
class File:
    """An object that a query reads.

    Attributes
    ----------
    bucket, key : str
        Where it is.
    size : int
        In bytes.
    modified : datetime
        When it was written.
    partition : Partition or None
        The partition that it lies in.
    """

    bucket: str
    key: str
    size: int
    modified: dt.datetime
    partition: Partition | None


#: Columns that no star gives (Athena documentation, "Query files by their metadata"; Trino's Hive
#: connector), with their types.
HIDDEN = {
    "$path": "string",
    "$file_size": "bigint",
    "$file_modified_time": "timestamp",
}


# --- What a query uses -----------------------------------------------------------------------


def used_columns(tree: exp.Expr) -> set[str] | None:
    """Give the names of all columns in a query; None where a star means all of them."""
    for star in tree.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            return None
    # What stands before a point may be a table or a column with fields.
    columns = tree.find_all(exp.Column)
    return {part.name.lower() for column in columns for part in column.parts}


def hidden_columns(tree: exp.Expr) -> list[str]:
    """Give the hidden columns that a query names, and have its stars leave them out."""
    named = {column.name.lower() for column in tree.find_all(exp.Column)}
    found = [name for name in HIDDEN if name in named]
    local = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for select in tree.find_all(exp.Select) if found else ():
        source = select.args.get("from_")
        table = source.this if source is not None else None
        if isinstance(table, exp.Table) and table.name.lower() not in local:
            for star in (item for item in select.expressions if isinstance(item, exp.Star)):
                star.set("except_", [exp.to_identifier(name, quoted=True) for name in found])
    return found


def partitions_of(table: Table, partitions: list[Partition]) -> str:
    """Write the SELECT that is a table's list of partitions, ``"table$partitions"``."""
    if not partitions:
        return _nothing(table.keys)
    rows = ", ".join(
        "(" + ", ".join("NULL" if v == NULL_PARTITION else literal(v) for v in one.values) + ")"
        for one in partitions
    )
    names = ", ".join(quoted(key.name) for key in table.keys)
    items = ", ".join(
        f"CAST({quoted(key.name)} AS {hive_to_duckdb(key.type)}) AS {quoted(key.name)}"
        for key in table.keys
    )
    return f"SELECT {items} FROM (VALUES {rows}) AS p({names})"


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    if isinstance(condition, exp.And):
        return [*_conjuncts(condition.left), *_conjuncts(condition.right)]
    if isinstance(condition, exp.Paren):
        return _conjuncts(condition.this)
    return [condition]


def _filter_of(node: exp.Table, keys: set[str]) -> exp.Expr | None:
    """Give what a query asks of partition keys where it reads a table; None for nothing."""
    select, at = node.find_ancestor(exp.Select), node.parent
    if select is None or not isinstance(at, exp.From | exp.Join) or at.parent is not select:
        return None
    joins = select.args.get("joins") or []
    # The rows that an outer join adds are not of the partition that was asked for.
    if any(join.side for join in joins) or select.args.get("where") is None:
        return None
    alone = all(isinstance(join.this, exp.Unnest) for join in joins)
    names = {node.alias_or_name.lower()}
    kept = []
    for condition in _conjuncts(select.args["where"].this):
        columns = list(condition.find_all(exp.Column))
        ours = all(
            column.name.lower() in keys
            and (column.table.lower() in names or (not column.table and alone))
            for column in columns
        )
        if columns and ours and not condition.find(exp.Query):
            bare = condition.copy()
            for column in bare.find_all(exp.Column):
                column.set("table", None)
                column.set("db", None)
            kept.append(bare)
    return exp.and_(*kept) if kept else None


def prune(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    partitions: list[Partition],
    nodes: list[exp.Table],
) -> list[Partition]:
    """Leave the partitions that a query can have rows from.

    Parameters
    ----------
    connection : DuckDBPyConnection
        To evaluate conditions with.
    table : Table
        Whose partitions they are.
    partitions : list of Partition
        All that the catalog has.
    nodes : list of exp.Table
        Where the query reads the table.

    Returns
    -------
    list of Partition
        In their order.
    """
    keys = {key.name for key in table.keys}
    filters = [_filter_of(node, keys) for node in nodes]
    wanted = [one for one in filters if one is not None]
    if not partitions or len(wanted) != len(filters) or not wanted:
        return partitions
    query = exp.select("_index").from_("_values").where(exp.or_(*wanted))
    condition = dialect.prepared(connection, query)
    rows = [
        (index, *(None if v == NULL_PARTITION else v for v in partition.values))
        for index, partition in enumerate(partitions)
    ]
    columns = ", ".join(
        f"CAST(v[{n}] AS {hive_to_duckdb(key.type)}) AS {quoted(key.name)}"
        for n, key in enumerate(table.keys, 1)
    )
    # One parameter for all: rows by executemany are slow for many partitions.
    try:
        found = connection.execute(
            f"WITH _values AS (SELECT r.i AS _index, {columns} FROM (SELECT unnest($1) AS i, "
            f"unnest($2) AS v) AS r) {condition}",
            [[row[0] for row in rows], [list(row[1:]) for row in rows]],
        ).fetchall()
    except duckdb.Error:
        # What is wrong with the condition is said when the query itself is run.
        return partitions
    indices = {index for (index,) in found}
    return [one for index, one in enumerate(partitions) if index in indices]


# --- Files -----------------------------------------------------------------------------------


def _listed(s3: Any, bucket: str, prefix: str) -> list[tuple[str, int, dt.datetime]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [
        (one["Key"], one["Size"], one["LastModified"])
        for page in pages
        for one in page.get("Contents", [])
        if one["Size"]
    ]


def hidden(relative: str) -> bool:
    """Tell whether Hive skips a key: a part of it begins with a point or an underscore."""
    return any(part.startswith(("_", ".")) for part in relative.split("/"))


def files_of(s3: Any, table: Table, partitions: list[Partition] | None) -> list[File]:
    """List the objects of a table.

    Parameters
    ----------
    s3 : client
        In the name of the caller.
    table : Table
        A table, no view.
    partitions : list of Partition or None
        Those that are left, for a table with partition keys.

    Returns
    -------
    list of File
        In the order of partitions and keys.
    """
    if partitions is None:
        return _below(s3, table.location, {table.location: [None]})
    inside = [one for one in partitions if one.location.startswith(table.location)]
    if len(inside) <= _LIST_EACH:
        inside = []
    at: dict[str, list[Partition | None]] = {}
    for one in inside:
        at.setdefault(one.location, []).append(one)
    found = _below(s3, table.location, at) if inside else []
    alone = set(partitions) - set(inside)
    for one in partitions:
        if one in alone:
            found += _below(s3, one.location, {one.location: [one]})
    return found


def _below(s3: Any, location: str, at: dict[str, list[Partition | None]]) -> list[File]:
    """List an address once, for all that lies there: an object is of every folder above it."""
    bucket, prefix = bucket_and_prefix(location)
    whose = {bucket_and_prefix(folder)[1]: them for folder, them in at.items()}
    return [
        File(bucket, key, size, modified, one)
        for key, size, modified in _listed(s3, bucket, prefix)
        for end in (n for n in range(len(prefix), len(key)) if key[:n] in whose)
        if not hidden(key[end:])
        for one in whose[key[:end]]
    ]


def fetch(s3: Any, files: list[File], folder: Path) -> list[str]:
    """Bring objects into a folder; give their paths in the same order."""
    folder.mkdir(parents=True, exist_ok=True)

    def get(numbered: tuple[int, File]) -> str:
        number, file = numbered
        # The end of the name says how it is compressed.
        path = folder / f"{number}-{file.key.rpartition('/')[2][-80:]}"
        body = s3.get_object(Bucket=file.bucket, Key=file.key)["Body"]
        with path.open("wb") as to:
            for chunk in body.iter_chunks(1 << 20):
                to.write(chunk)
        return str(path)

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(get, enumerate(files)))


# --- Views -----------------------------------------------------------------------------------


def view(
    connection: duckdb.DuckDBPyConnection,
    label: str,
    table: Table,
    files: list[File],
    paths: list[str],
    used: set[str] | None,
    hidden: Collection[str] = (),
) -> str:
    """Write the SELECT that is a table's content.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where a mapping of files to partition values is made.
    label : str
        What tells the view from others of the same table.
    table : Table
        What the catalog says.
    files : list of File
        The objects.
    paths : list of str
        Where they lie on this machine.
    used : set of str or None
        Names of the columns that the query uses; None for all.
    hidden : collection of str
        Those of :data:`HIDDEN` that it uses.

    Returns
    -------
    str
        A query in DuckDB's dialect.

    Raises
    ------
    QueryError
        ``HIVE_BAD_DATA`` where a file's type of a used column is not the table's.
    """
    if not paths:
        return _nothing([*table.columns, *table.keys, *(Column(n, HIDDEN[n]) for n in hidden)])
    source, columns = _source(connection, table, files, paths, used)
    if not table.keys and not hidden:
        return f"SELECT {columns} FROM {source} AS f"
    mapping = quoted(f"_files_{label}")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {mapping} AS SELECT unnest($1) AS file, "
        'unnest($2) AS partition_values, unnest($3) AS "$path", unnest($4) AS "$file_size", '
        'unnest($5) AS "$file_modified_time"',
        [
            paths,
            [
                [None if v == NULL_PARTITION else v for v in file.partition.values]
                if file.partition
                else []
                for file in files
            ],
            [f"s3://{file.bucket}/{file.key}" for file in files],
            [file.size for file in files],
            [file.modified for file in files],
        ],
    )
    keys = [
        f"CAST(m.partition_values[{n}] AS {hive_to_duckdb(key.type)}) AS {quoted(key.name)}"
        for n, key in enumerate(table.keys, 1)
    ]
    keys += [f"m.{quoted(name)}" for name in hidden]
    return (
        f"SELECT {', '.join([columns, *keys])} FROM {source} AS f "
        f"JOIN {mapping} AS m ON m.file = f.{_FILE}"
    )


#: Name of the column that says which file a row is from.
_FILE = '"$file"'


def _nothing(columns: list[Column]) -> str:
    items = ", ".join(
        f"CAST(NULL AS {hive_to_duckdb(column.type)}) AS {quoted(column.name)}"
        for column in columns
    )
    return f"SELECT {items} WHERE false"


def _paths(paths: list[str]) -> str:
    return "[" + ", ".join(literal(path) for path in paths) + "]"


def _source(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    files: list[File],
    paths: list[str],
    used: set[str] | None,
) -> tuple[str, str]:
    if table.format == "parquet":
        return _parquet(connection, table, files, paths, used)
    if table.format == "json":
        return _json(connection, table, paths)
    if table.format == "csv":
        return _text(table, paths)
    raise QueryError("NOT_SUPPORTED", f"The local lake cannot read {table.format}")


def _parquet(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    files: list[File],
    paths: list[str],
    used: set[str] | None,
) -> tuple[str, str]:
    at = dict(zip(paths, files, strict=True))
    present = _parquet_columns(connection, paths)
    names: set[str] = set()
    for path, columns in present.items():
        names |= set(columns)
        for column in table.columns:
            physical = columns.get(column.name)
            if physical is None or (used is not None and column.name not in used):
                continue
            nested = physical == "GROUP"
            if nested != is_nested(column.type) or not (nested or fits(physical, column.type)):
                file = at[path]
                kind = physical.replace("BYTE_ARRAY", "BINARY")
                raise QueryError(
                    "HIVE_BAD_DATA",
                    f"Field {column.name}'s type {kind} in parquet file "
                    f"s3://{file.bucket}/{file.key} is incompatible with type "
                    f"{column.type} defined in table schema",
                )
    wanted = [
        (column, column.name in names and (used is None or column.name in used))
        for column in table.columns
    ]
    items = [
        f"CAST({'f.' + quoted(column.name) if there else 'NULL'} AS "
        f"{hive_to_duckdb(column.type)}) AS {quoted(column.name)}"
        for column, there in wanted
    ]
    return (
        (
            f"read_parquet({_paths(paths)}, union_by_name = true, hive_partitioning = false, "
            f"filename = {literal('$file')})"
        ),
        ", ".join(items),
    )


def _parquet_columns(
    connection: duckdb.DuckDBPyConnection, paths: list[str]
) -> dict[str, dict[str, str]]:
    """Give each file's top-level columns with their physical types, GROUP for nested ones."""
    try:
        rows = connection.execute(
            "SELECT file_name, name, type, num_children FROM parquet_schema($1)", [paths]
        ).fetchall()
    except duckdb.InvalidInputException as error:
        raise QueryError("HIVE_BAD_DATA", f"Not valid Parquet file: {error}") from error
    found: dict[str, dict[str, str]] = {}
    below: dict[str, int] = {}
    for path, name, kind, children in rows:
        if path not in found:
            # The first element is the schema itself.
            found[path], below[path] = {}, 0
            continue
        # The elements come depth first, each with the number of its children.
        if below[path] == 0:
            found[path][name.lower()] = "GROUP" if children else kind
        else:
            below[path] -= 1
        below[path] += children or 0
    return found


def _json(connection: duckdb.DuckDBPyConnection, table: Table, paths: list[str]) -> tuple[str, str]:
    properties = (table.storage.get("SerdeInfo") or {}).get("Parameters") or {}
    ignore = properties.get("ignore.malformed.json", "false").lower() == "true"
    source = (
        f"read_ndjson_objects({_paths(paths)}, ignore_errors = {str(ignore).lower()}, "
        f"filename = {literal('$file')}, maximum_object_size = {_LONGEST_LINE})"
    )
    # The SerDe does not tell Id from id.
    keys: dict[str, list[str]] = {}
    for (key,) in connection.execute(
        f"SELECT DISTINCT unnest(json_keys(json)) FROM {source} AS f"
    ).fetchall():
        keys.setdefault(key.lower(), []).append(key)
    items = []
    for column in table.columns:
        found = [f"(f.json -> {literal('$.' + quoted(key))})" for key in keys.get(column.name, [])]
        value = f"coalesce({', '.join(found)})" if found else "CAST(NULL AS JSON)"
        items.append(f"{_from_json(value, column.type)} AS {quoted(column.name)}")
    return source, ", ".join(items)


def _from_json(value: str, hive: str) -> str:
    text, kind = f"({value} ->> '$')", hive_to_duckdb(hive)
    if is_nested(hive):
        return f"CAST({value} AS {kind})"
    if kind in ("VARCHAR", "BLOB"):
        return f"CAST({text} AS {kind})"
    # The text that is no value of the type is in the message; see errors.py.
    pattern = "[+-]?[0-9]+" if is_whole(hive) else ".*"
    complaint = literal(f"HIVE_BAD_DATA: Error Parsing Column of type {base_of(hive)}: ")
    return (
        f"CAST(CASE WHEN {text} IS NULL OR (regexp_full_match({text}, {literal(pattern)}) "
        f"AND TRY_CAST({text} AS {kind}) IS NOT NULL) THEN {text} "
        f"ELSE concat({complaint}, {text}) END AS {kind})"
    )


def _text(table: Table, paths: list[str]) -> tuple[str, str]:
    """Delimited text as MiniStack reads it, one relation a file so that rows know theirs."""
    raw = {**table.raw, "PartitionKeys": []}
    # Its own format detection goes by classification first.
    raw["Parameters"] = {**table.parameters, "classification": "csv"}
    each = [
        f"SELECT *, {literal(path)} AS {_FILE} FROM {ministack.table_relation(raw, [path])}"
        for path in paths
    ]
    items = ", ".join(
        f"CAST(f.{quoted(column.name)} AS {hive_to_duckdb(column.type)}) AS {quoted(column.name)}"
        for column in table.columns
    )
    return f"({' UNION ALL '.join(each)})", items
