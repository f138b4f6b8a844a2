"""One query: its connection, its tables, its rows, and what it writes."""

from __future__ import annotations

import base64
import json
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from localaws.athena import analysis, dialect, functions, information, scan
from localaws.athena.catalog import Catalog, Table
from localaws.athena.errors import (
    CancelledError,
    QueryError,
    no_iceberg,
    position,
    table_not_found,
    translated,
)
from localaws.athena.types import ResultType, quoted

if TYPE_CHECKING:
    from types import TracebackType

    from localaws.sessions import Session

#: DuckDB's share of a machine that serves other queries and functions besides.
_THREADS, _MEMORY = 2, "1GB"

#: After a table's name: the list of its partitions (Athena documentation, "SHOW PARTITIONS").
_PARTITIONS = "$partitions"

_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/")


@dataclass(frozen=True)
class Request:
    """What StartQueryExecution was asked.

    Attributes
    ----------
    identifier : str
        The query execution's.
    sql : str
        The statement.
    database : str
        Where names without a database are looked up.
    output : str
        S3 folder of results, ending with a slash.
    enforced : bool
        The workgroup decides over the output location.
    cutoff : int or None
        Bytes that the query may scan.
    """

    identifier: str
    sql: str
    database: str
    output: str
    enforced: bool = False
    cutoff: int | None = None


@dataclass
class Outcome:
    """What a statement gave.

    Attributes
    ----------
    columns : list of (str, str, int, int)
        Name, Athena's type, precision and scale.
    rows : list of list
        Values as Athena prints them, None for null.
    updated : int
        Rows that were written.
    manifest : list of str
        S3 addresses that were written.
    """

    columns: list[tuple[str, str, int, int]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    updated: int = 0
    manifest: list[str] = field(default_factory=list)

    @classmethod
    def of_text(cls, names: list[str], rows: list[list[str | None]]) -> Outcome:
        """Make the outcome of a statement whose columns are all strings."""
        return cls([(name, "string", 0, 0) for name in names], rows)


class Engine:
    """What runs one query; use it as a context manager.

    Parameters
    ----------
    request : Request
        What is asked.
    session : Session
        In whose name.
    """

    def __init__(self, request: Request, session: Session) -> None:
        self.request = request
        self.glue, self.s3 = session.client("glue"), session.client("s3")
        self.catalog = Catalog(self.glue)
        self.scanned = 0
        self._cancelled = False
        self._closing = Lock()
        self._queries = 0
        self.trees: list[exp.Expr] = []

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Give the query's own database."""
        made = duckdb.connect(config={"threads": _THREADS, "memory_limit": _MEMORY})
        made.execute(f"SET temp_directory = '{self.folder}'")
        functions.install(made)
        return made

    @cached_property
    def folder(self) -> Path:
        """Give a folder that lives as long as the query."""
        return Path(tempfile.mkdtemp(prefix="athena-"))

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Statements about the catalog alone need neither.
        with self._closing:
            if connection := vars(self).pop("connection", None):
                connection.close()
        if "folder" in vars(self):
            shutil.rmtree(self.folder, ignore_errors=True)

    def cancel(self) -> None:
        """Stop it from another thread."""
        self._cancelled = True
        # DuckDB 1.5.6 crashes when a connection is interrupted while it is closed.
        with self._closing:
            if connection := vars(self).get("connection"):
                connection.interrupt()

    def check(self) -> None:
        """Stop here if it was cancelled."""
        if self._cancelled:
            raise CancelledError("Query was cancelled by user")

    def named(self, name: tuple[str | None, str]) -> tuple[str, str]:
        """Complete a name by the query's database."""
        return name[0] or self.request.database, name[1]

    def need(self, name: tuple[str | None, str]) -> Table:
        """Give a table that must exist."""
        database, table = self.named(name)
        found = self.catalog.table(database, table)
        if found is None:
            raise table_not_found(database, table, next(iter(self.trees), None))
        return found

    # --- Reading -----------------------------------------------------------------------------

    def translate(self, sql: str) -> str:
        """Make a query's tables known to the connection; give it in DuckDB's dialect."""
        tree = dialect.parse(sql)
        self.trees.append(tree)
        return self._translate(tree, self.request.database)

    def _translate(self, tree: exp.Expr, database: str) -> str:
        analysis.check(tree, self._register(tree, database))
        written = dialect.prepared(self.connection, tree)
        try:
            # Binding, and nothing else, tells whether UNNEST meets maps or arrays.
            self.connection.execute(f"EXPLAIN {written}")
        except duckdb.BinderException as error:
            if "map_entries" not in str(error).lower() and "MAP" not in str(error):
                raise
            written = dialect.prepared(self.connection, tree, unnest_maps=False)
        return written

    def select(self, sql: str) -> Outcome:
        """Run a query for its rows."""
        translated_sql = self.translate(sql)
        self.check()
        result = self.connection.execute(translated_sql)
        types = [(name, ResultType(of)) for name, of, *_ in result.description or []]
        columns = [(name, of.athena, *of.precision_and_scale) for name, of in types]
        rows = [
            [of.text(value) for (_, of), value in zip(types, row, strict=True)]
            for row in result.fetchall()
        ]
        return Outcome(columns, rows)

    def into_table(self, name: str, sql: str) -> list[tuple[str, ResultType]]:
        """Keep a query's rows in a temporary table; give its columns."""
        self.connection.execute(f"CREATE TEMP TABLE {name} AS {self.translate(sql)}")
        self.check()
        result = self.connection.execute(f"SELECT * FROM {name} LIMIT 0")
        return [(column, ResultType(of)) for column, of, *_ in result.description or []]

    def _register(self, tree: exp.Expr, database: str) -> dict[tuple[str, str], Table]:
        """Make views of the tables in a query, whose names it completes; give the tables."""
        local = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        nodes: dict[tuple[str, str], list[exp.Table]] = {}
        for node in tree.find_all(exp.Table):
            if isinstance(node.this, exp.Func):
                # DuckDB reads files by functions in FROM; Athena has none.
                said = node.this.sql("athena").partition("(")[0].lower()
                raise QueryError(
                    "FUNCTION_NOT_FOUND", f"line 1:1: Function '{said}' not registered"
                )
            if not node.name or (not node.db and node.name.lower() in local):
                continue
            key = ((node.db or database).lower(), node.name.lower())
            nodes.setdefault(key, []).append(node)
        used = scan.used_columns(tree)
        hidden = scan.hidden_columns(tree)
        tables: dict[tuple[str, str], Table] = {}
        # A view may read a table that the query reads, too, but other columns and partitions.
        self._queries += 1
        suffix = f"@{self._queries}"
        for (schema, name), places in nodes.items():
            if schema == information.SCHEMA:
                information.register(self.connection, self.glue, name)
                target = information.LOCAL
            else:
                target = schema + suffix
                tables[target, name] = self._make(schema, name, target, places, used, hidden, tree)
            for node in places:
                node.set("catalog", None)
                node.set("db", exp.to_identifier(target, quoted=True))
                node.set("this", exp.to_identifier(name, quoted=True))
                if not node.alias:
                    node.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        for column in tree.find_all(exp.Column):
            # The tables have aliases now: their names alone are enough. Other names with points
            # are fields of columns.
            if (column.db.lower(), column.table.lower()) in nodes:
                column.set("catalog", None)
                column.set("db", None)
        return tables

    def _make(
        self,
        database: str,
        name: str,
        target: str,
        places: list[exp.Table],
        used: set[str] | None,
        hidden: list[str],
        tree: exp.Expr,
    ) -> Table:
        of_partitions = name.endswith(_PARTITIONS)
        table = self.catalog.table(database, name.removesuffix(_PARTITIONS))
        if table is None or (of_partitions and not table.keys):
            raise self._missing(database, name, tree)
        if table.is_iceberg:
            raise no_iceberg(f"{database}.{table.name}")
        label = f"{target}.{name}"
        if of_partitions:
            content = scan.partitions_of(table, self.catalog.partitions(table))
            # What the catalog would say of it.
            keys = table.raw["PartitionKeys"]
            table = Table(
                {**table.raw, "PartitionKeys": [], "StorageDescriptor": {"Columns": keys}}
            )
        elif table.is_view:
            content = self._view(table)
        else:
            content = self._files(table, label, places, used, hidden)
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(target)}")
        self.connection.execute(f"CREATE VIEW {quoted(target)}.{quoted(name)} AS {content}")
        return table

    def _missing(self, database: str, name: str, tree: exp.Expr) -> QueryError:
        try:
            self.glue.get_database(Name=database)
        except self.glue.exceptions.EntityNotFoundException:
            at = position(database, tree)
            return QueryError("SCHEMA_NOT_FOUND", f"{at}: Schema '{database}' does not exist")
        return table_not_found(database, name, tree)

    def _view(self, table: Table) -> str:
        found = _VIEW.search(table.raw.get("ViewOriginalText") or "")
        if found is None:
            raise QueryError("INVALID_VIEW", f"View {table.name} is not one of Athena's")
        told = json.loads(base64.b64decode(found[1]))
        return self._translate(
            dialect.parse(told["originalSql"]), told.get("schema") or table.database
        )

    def _files(
        self,
        table: Table,
        label: str,
        places: list[exp.Table],
        used: set[str] | None,
        hidden: list[str],
    ) -> str:
        partitions = None
        if table.keys:
            partitions = scan.prune(self.connection, table, self.catalog.partitions(table), places)
        files = scan.files_of(self.s3, table, partitions)
        self.scanned += sum(file.size for file in files)
        if self.request.cutoff is not None and self.scanned > self.request.cutoff:
            raise CancelledError("Bytes scanned limit was exceeded")
        self.check()
        paths = scan.fetch(self.s3, files, self.folder / label)
        self.check()
        return scan.view(self.connection, label, table, files, paths, used, hidden)

    def failure(self, error: duckdb.Error) -> QueryError:
        """Give what DuckDB raised Athena's name."""
        return translated(error, self.trees)


def view_text(sql: str, database: str, columns: list[tuple[str, ResultType]]) -> str:
    """Write a view as Athena stores it in Glue."""
    told: dict[str, Any] = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": name, "type": of.athena} for name, of in columns],
    }
    encoded = base64.b64encode(json.dumps(told).encode()).decode()
    return f"/* Presto View: {encoded} */"
