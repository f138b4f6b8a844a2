"""How a query fails, in Athena's words.

::

    QueryError
    ├── MalformedError    refused by StartQueryExecution itself
    └── CancelledError    the query ends CANCELLED, not FAILED
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlglot.errors import ParseError

#: ``AthenaError.ErrorCategory`` of what the user can mend (API reference, AthenaError).
_SYSTEM, USER = 1, 2


class QueryError(Exception):  # "error" is what Athena calls the structure in it
    """When a statement cannot be run.

    Parameters
    ----------
    name : str
        Athena's name of the error, as it stands first in StateChangeReason.
    message : str
        What follows it.
    """

    def __init__(self, name: str, message: str, category: int = USER) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message
        self.category = category


class MalformedError(QueryError):
    """When a text is no statement of the dialect."""

    def __init__(self, message: str) -> None:
        super().__init__("MALFORMED_QUERY", message)

    @classmethod
    def of(cls, error: ParseError) -> MalformedError:
        """Say where sqlglot stopped, as Athena says it."""
        first = error.errors[0] if error.errors else {}
        line, column = first.get("line") or 1, first.get("col") or 1
        found = first.get("highlight") or ""
        column = max(1, column - len(found) + 1)
        return cls(f"line {line}:{column}: mismatched input '{found or '<EOF>'}'")


class CancelledError(QueryError):
    """When a query was stopped, by its user or by a limit."""

    def __init__(self, message: str) -> None:
        super().__init__("CANCELLED", message)


def position(name: str, tree: exp.Expr | None) -> str:
    """Say where an identifier stands in the statement, as ``line 1:8``."""
    if tree is not None:
        for found in tree.find_all(exp.Identifier):
            if found.name.lower() == name.lower() and "line" in found.meta:
                start = found.meta["col"] - (found.meta["end"] - found.meta["start"])
                return f"line {found.meta['line']}:{start}"
    return "line 1:1"


def table_not_found(database: str, table: str, tree: exp.Expr | None) -> QueryError:
    """Say that the catalog has no such table."""
    return QueryError(
        "TABLE_NOT_FOUND",
        f"{position(table, tree)}: Table 'awsdatacatalog.{database}.{table}' does not exist",
    )


def no_iceberg(table: str) -> QueryError:
    """Say that a table's kind is none of the local AWS's."""
    return QueryError(
        "NOT_SUPPORTED",
        f"{table} is an Iceberg table, which the local AWS can neither read nor write: it knows "
        "tables of Parquet, JSON and text",
    )


#: What DuckDB says, and what Athena says to the same.
_SAME: tuple[tuple[str, str, str], ...] = (
    (
        r"Referenced column \"?([^\"]+?)\"? (?:not found|was not found)",
        "COLUMN_NOT_FOUND",
        "column",
    ),
    (r"does not have a column named \"([^\"]+)\"", "COLUMN_NOT_FOUND", "column"),
    (r"Referenced table \"([^\"]+)\" not found", "COLUMN_NOT_FOUND", "column"),
    (r"Ambiguous reference to column name \"([^\"]+)\"", "AMBIGUOUS_NAME", "ambiguous"),
    (r"WHERE clause cannot contain (?:aggregates|window)", "EXPRESSION_NOT_SCALAR", "where"),
    (r"aggregate function calls cannot be nested", "NESTED_AGGREGATION", "whole"),
    (r"Function with name (\S+) does not exist", "FUNCTION_NOT_FOUND", "function"),
    (r"column \"([^\"]+)\" must appear in the GROUP BY", "EXPRESSION_NOT_AGGREGATE", "aggregate"),
    (r"Could not convert string '(.*)' to (\w+)", "INVALID_CAST_ARGUMENT", "cast"),
    (
        r"(?:invalid \w+ field|date field|timestamp field).*?\"(.*?)\"",
        "INVALID_CAST_ARGUMENT",
        "date",
    ),
    (r"Could not parse string \"(.*)\" according to", "INVALID_FUNCTION_ARGUMENT", "format"),
    (
        r"No function matches the given name and argument types '([^']+)'",
        "FUNCTION_NOT_FOUND",
        "types",
    ),
    (r"Cannot (?:compare|combine|mix)[^\n]*", "TYPE_MISMATCH", "whole"),
    (
        r"Overflow[^\n]*|out of range(?! error)[^\n]*|doesn't fit[^\n]*",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "whole",
    ),
    (r"Malformed JSON[^\n]*", "HIVE_CURSOR_ERROR", "json"),
    (
        r"Unimplemented type for cast \((\w+).* -> (\w+)",
        "TYPE_MISMATCH",
        "types of cast",
    ),
    (
        r"Could not (?:convert string|cast value) \"?(.*?)\"? to (DECIMAL\(\d+,\d+\))",
        "INVALID_CAST_ARGUMENT",
        "decimal",
    ),
    (r"Unsupported cast[^\n]*|Unimplemented type for cast[^\n]*", "TYPE_MISMATCH", "whole"),
)

_TRINO = {
    "INT32": "integer", "INT64": "bigint", "INT16": "smallint", "INT8": "tinyint",
    "DOUBLE": "double", "FLOAT": "real", "BOOL": "boolean",
}  # fmt: skip

_TRINO_OF = {"FLOAT": "real", "BLOB": "varbinary", "STRUCT": "row", "LIST": "array"}

#: What a macro of ours raises: a text with the message that cannot be converted to a number.
_OWN = re.compile(r"Could not convert string '([A-Z][A-Z_]+): (.*)' to \w+", re.DOTALL)


def translated(error: duckdb.Error, trees: Iterable[exp.Expr]) -> QueryError:
    """Give DuckDB's failure Athena's name.

    Parameters
    ----------
    error : duckdb.Error
        What DuckDB raised.
    trees : iterable of Expr
        The statement as it was written, for the position.

    Returns
    -------
    QueryError
        ``GENERIC_INTERNAL_ERROR`` with DuckDB's message where there is no better name.
    """
    text, tree = str(error), next(iter(trees), None)
    if isinstance(error, duckdb.InterruptException):
        return CancelledError("Query was cancelled by user")
    if own := _OWN.search(text):
        return QueryError(own[1], own[2].strip())
    for pattern, name, kind in _SAME:
        if found := re.search(pattern, text, re.IGNORECASE):
            return QueryError(name, _message(kind, found, tree))
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return QueryError("SYNTAX_ERROR", text.splitlines()[0])
    return QueryError("GENERIC_INTERNAL_ERROR", text.splitlines()[0], _SYSTEM)


def _message(kind: str, found: re.Match[str], tree: exp.Expr | None) -> str:
    first = found[1] if found.re.groups else found[0]
    name = first.rpartition(".")[2]
    said: dict[str, Callable[[], str]] = {
        "column": lambda: f"{position(name, tree)}: Column '{first}' cannot be resolved",
        "ambiguous": lambda: f"{position(name, tree)}: Column '{first}' is ambiguous",
        "where": lambda: (
            "line 1:1: WHERE clause cannot contain aggregations, window functions or grouping "
            "operations"
        ),
        "function": lambda: f"{position(name, tree)}: Function '{first}' not registered",
        "aggregate": lambda: (
            f"{position(name, tree)}: '{first}' must be an aggregate expression or appear in "
            "GROUP BY clause"
        ),
        "cast": lambda: (
            f"Cannot cast '{first}' to {_TRINO.get(found[2].upper(), found[2]).upper()}"
        ),
        "decimal": lambda: f"Cannot cast '{first}' to {found[2].replace(',', ', ')}",
        "types of cast": lambda: (
            f"Cannot cast {_TRINO_OF.get(first, first).lower()} to "
            f"{_TRINO_OF.get(found[2], found[2]).lower()}"
        ),
        "date": lambda: f"Value cannot be cast to date or timestamp: {first}",
        "format": lambda: f'Invalid format: "{first}"',
        "types": lambda: f"Unexpected parameters for {first.lower()}",
        "json": lambda: f"Row is not a valid JSON Object - {found[0]}",
        "whole": lambda: found[0],
    }
    return said[kind]()
