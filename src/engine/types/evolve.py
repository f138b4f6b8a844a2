"""How a table's columns may change: by new columns, and by new fields in structs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.types.glue import athena_type, parse_athena_type
from engine.types.kinds import united
from store.errors import SchemaConflictError

if TYPE_CHECKING:
    from store.model import Column, Schema


def evolved(table: Schema, file: Schema, max_columns: int | None = None) -> Schema:
    """Give the columns under which the table's files and a new file are read alike.

    Parameters
    ----------
    table : Schema
        The table as it is now.
    file : Schema
        The columns of a file that was conformed to the table as it was.
    max_columns : int, optional
        Columns that a table may have. A file that was conformed to the table as it is now keeps
        this by itself; two files that were conformed to an older one may not.

    Returns
    -------
    Schema
        The table's columns in their order, structs grown by the file's fields, then the
        file's new columns; the table's own where nothing is new.

    Raises
    ------
    SchemaConflictError
        When the two are of two formats or folders, give one column to fields of two names or
        types of which neither holds the other's values, or have too many columns together.
    """
    if table.format != file.format:
        raise SchemaConflictError(
            f"the table's files are {table.format}, the file was written as {file.format}"
        )
    if "" not in (table.folder, file.folder) and table.folder != file.folder:
        raise SchemaConflictError(
            f"the table's files are in {table.folder} by now, not in {file.folder}"
        )
    columns = {column.name.lower(): column for column in table.columns}
    for column in file.columns:
        present = columns.setdefault(column.name.lower(), column)
        if present.comment != column.comment:
            # The comment is the field's own name: `ID` and `id` came first at the same time.
            raise SchemaConflictError(
                f"column {present.name} is of the field {present.comment or present.name}, "
                f"the file's is of {column.comment or column.name}"
            )
        if present.type != column.type:
            columns[column.name.lower()] = _grown(present, column)
    if max_columns is not None and len(columns) > max(max_columns, len(file.columns)):
        raise SchemaConflictError(
            f"the table has {len(table.columns):,} columns by now; with the file's they are "
            f"{len(columns):,}, more than MaxColumns allows"
        )
    return replace(table, columns=tuple(columns.values()))


def _grown(present: Column, column: Column) -> Column:
    before = parse_athena_type(present.type)
    after = united(before, parse_athena_type(column.type))
    if after is None:
        raise SchemaConflictError(
            f"column {present.name} is {present.type}, the file was written as {column.type}"
        )
    return present if after == before else replace(present, type=athena_type(after))
