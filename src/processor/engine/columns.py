"""Which column a field of a file goes to, and under what type."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from processor.engine.kinds import NULL, STRING, Kind, athena_type, parse_athena_type, settled
from processor.model import Column, Schema
from processor.naming import PARTITION_KEY, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE_KEY, SOURCE_VERSION, RESCUED = "_source_key", "_source_version", "_rescued_data"

LINEAGE = (
    Column(SOURCE_KEY, "string", "Key of the raw object that the row came from"),
    Column(SOURCE_VERSION, "string", "Version of the raw object that the row came from"),
    Column(RESCUED, "string", "What did not fit its column, as JSON"),
)

#: Names that rows carry already.
_TAKEN = frozenset({SOURCE_KEY, SOURCE_VERSION, RESCUED, PARTITION_KEY})

#: Glue takes 255 bytes; Athena's limit for what it creates itself is the same.
_MAX_NAME = 200

#: A column type longer than this is kept as JSON text (Glue takes 131,072 characters).
_MAX_TYPE = 60_000


@dataclass(frozen=True, slots=True)
class Target:
    """A column that a field of the file fills.

    Attributes
    ----------
    field : str
        The name in the file.
    column : str
        The name in the table.
    kind : Kind
        The type in the table.
    """

    field: str
    column: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file's fields meet a table's columns.

    Attributes
    ----------
    targets : tuple of Target
        One for each field, except new ones that were null throughout: they have no type.
    schema : Schema
        The table's columns, then the new ones; the lineage columns among them.
    """

    targets: tuple[Target, ...]
    schema: Schema


def lay_out(table: Schema | None, fields: Mapping[str, Kind]) -> Layout:
    """Assign each field of a file to a column.

    A field goes to the column that keeps its name as original name, else to the column of
    its normalised name, else to a new one. Two fields that want one column (``ID`` and
    ``id``) are told apart by a hash of the name, the same way in every file.

    Parameters
    ----------
    table : Schema or None
        The table as it is.
    fields : mapping of str to Kind
        Shapes of the file's fields.

    Returns
    -------
    Layout
        Columns that the table has keep the table's type.
    """
    columns = list(table.columns) if table else []
    known = {column.name: column for column in columns}
    by_origin = {column.comment or column.name: column.name for column in columns}
    targets: dict[str, Target] = {}
    used: set[str] = set()
    # A field that bears its column's very name goes first: it never has to make way.
    for field in sorted(fields, key=lambda f: (f not in by_origin, f != normalise(f))):
        name = by_origin.get(field) or _column_name(field)
        if fields[field] == NULL and name not in known:
            continue
        if name in used or name in _TAKEN:
            name = f"{name[: _MAX_NAME - 7]}_{_hash(field)}"
        used.add(name)
        kind = parse_athena_type(known[name].type) if name in known else _new(fields[field])
        targets[field] = Target(field, name, kind)
    ordered = tuple(targets[field] for field in fields if field in targets)
    new = [
        Column(t.column, athena_type(t.kind), "" if t.field == t.column else t.field[:250])
        for t in ordered
        if t.column not in known
    ]
    lineage = [column for column in LINEAGE if column.name not in known]
    if table is None:
        return Layout(ordered, Schema((*new, *lineage)))
    return Layout(ordered, Schema((*columns, *new, *lineage)))


def _new(shape: Kind) -> Kind:
    kind = settled(shape)
    return kind if len(athena_type(kind)) <= _MAX_TYPE else STRING


def _column_name(field: str) -> str:
    name = normalise(field)
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 7]}_{_hash(field)}"


def _hash(field: str) -> str:
    return hashlib.sha256(field.encode("utf-8", "surrogatepass")).hexdigest()[:6]
