"""Which column a field of a file goes to, and under what type."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.types.glue import athena_type, parse_athena_type, writable
from engine.types.kinds import NULL, STRING, Kind, additions, grown, leaves, settled
from store.model import Column, Schema
from store.naming import PARTITION_KEY, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE_KEY, SOURCE_VERSION, RESCUED = "_source_key", "_source_version", "_rescued_data"

LINEAGE = (
    Column(SOURCE_KEY, "string", "Key of the raw object that the row came from"),
    Column(SOURCE_VERSION, "string", "Version of the raw object that the row came from"),
    Column(RESCUED, "string", "What did not fit its column, as JSON"),
)

#: Columns of every table, which name no field of a file.
LINEAGE_NAMES = frozenset(column.name for column in LINEAGE)

#: Names that rows carry already.
_TAKEN = LINEAGE_NAMES | {PARTITION_KEY}

#: Glue takes 255 bytes; Athena's limit for what it creates itself is the same.
_MAX_NAME, _MAX_COMMENT = 200, 255

#: How a comment ends that is not all of a name.
_SHORTENED = re.compile(" #[0-9a-f]{6}$")

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

    @property
    def written(self) -> bool:
        """Whether files can hold the column's type; where not, all of it is rescued."""
        return writable(self.kind)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file's fields meet a table's columns.

    Attributes
    ----------
    targets : tuple of Target
        One for each field, except new ones that were null throughout: they have no type.
    schema : Schema
        The table's columns, grown by new fields, then the new ones; the lineage columns among
        them.
    added : tuple of str
        New columns and new fields, these by their path.
    beyond : tuple of str
        Fields that have no column, since the table has as many as it may: they are rescued.
    """

    targets: tuple[Target, ...]
    schema: Schema
    added: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many columns a Parquet file of it has."""
        return sum(leaves(target.kind) for target in self.targets)


def lay_out(
    table: Schema | None,
    fields: Mapping[str, Kind],
    max_columns: int | None = None,
    written: Mapping[str, str] | None = None,
) -> Layout:
    """Assign each field of a file to a column.

    A field goes to the column that was made for its very name, else to a new one of its
    normalised name, else, where that is another field's (``id`` is not ``ID``), to one that
    bears a hash of its own name, too. So no two names ever share a column, alone or together, in
    one file or in several, in any order; ``id`` beside ``ID`` always has the plain name, and
    only of two that come alone, in two files, the first has it. A hash in every name that is
    not normal would make even that the same, and ``order_id`` of ``Order ID`` ugly for ever.

    Parameters
    ----------
    table : Schema or None
        The table as it is.
    fields : mapping of str to Kind
        Shapes of the file's fields.
    max_columns : int, optional
        Columns that a table may have; a field that would need another has none.
    written : mapping of str to str, optional
        How the contract writes the names of fields: what it takes for one property is one column.

    Returns
    -------
    Layout
        Columns that the table has keep the table's type, structs gain fields.
    """
    columns = {column.name.lower(): column for column in (table.columns if table else ())}
    written = written or {}
    by_origin = {origin_of(column): name for name, column in columns.items()}
    targets: dict[str, Target] = {}
    added: list[str] = []
    used: set[str] = set()
    room = max_columns - len(columns) if max_columns is not None else len(fields)
    beyond: list[str] = []
    # A field that bears its column's very name goes first: it never has to make way. Beyond that
    # the order is that of the names, so that files in which it differs agree.
    for field in sorted(fields, key=lambda f: (_origin(f) not in by_origin, f != normalise(f), f)):
        own = written.get(field, field)
        name = by_origin.get(_origin(own)) or _column_name(own)
        another = name in columns and origin_of(columns[name]) not in (_origin(own), _origin(field))
        if another and own != field:
            # The table may have been made before the contract, by another spelling.
            another = normalise(origin_of(columns[name])) != normalise(own)
        if another or name in used or name in _TAKEN:
            name = f"{name[: _MAX_NAME - 7]}_{_hash(field)}"
        if fields[field] == NULL and name not in columns:
            continue
        if name not in columns:
            room -= 1
            if room < 0:
                beyond.append(field)
                continue
        used.add(name)
        if name in columns:
            before = parse_athena_type(columns[name].type)
            kind = _grown(before, fields[field])
            if kind != before:
                added += additions(before, kind, name)
                columns[name] = replace(columns[name], type=athena_type(kind))
        else:
            kind = _new(fields[field])
        targets[field] = Target(field, name, kind)
    ordered = tuple(targets[field] for field in fields if field in targets)
    for target in ordered:
        if target.column not in columns:
            own = written.get(target.field, target.field)
            origin = "" if own == target.column else _origin(own)
            columns[target.column] = Column(target.column, athena_type(target.kind), origin)
            added.append(target.column)
    for column in LINEAGE:
        columns.setdefault(column.name, column)
    return Layout(ordered, Schema(tuple(columns.values())), tuple(added), tuple(beyond))


def origin_of(column: Column) -> str:
    """Give the name of the field that a column was made for.

    A comment that cannot have been such a name is somebody's description; the column then
    belongs to the field of its own name.
    """
    name, comment = column.name.lower(), column.comment
    if not comment:
        return name
    wanted = _column_name(comment)
    hashed = f"{wanted[: _MAX_NAME - 7]}_{_hash(comment)}"
    return comment if name in (wanted, hashed) or _SHORTENED.search(comment) else name


def _new(shape: Kind) -> Kind:
    kind = settled(shape)
    return kind if len(athena_type(kind)) <= _MAX_TYPE else STRING


def _grown(column: Kind, shape: Kind) -> Kind:
    kind = grown(column, shape)
    return kind if len(athena_type(kind)) <= _MAX_TYPE else column


def _column_name(field: str) -> str:
    name = normalise(field)
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 7]}_{_hash(field)}"


def _origin(field: str) -> str:
    """Spell a field's name as a comment: Glue takes one line of at most 255 bytes."""
    raw = field.encode("utf-8", "surrogatepass")
    if len(raw) <= _MAX_COMMENT and field.isprintable() and field.strip():
        return field
    return f"{ascii(field[:40])[1:-1][:200]} #{_hash(field)}"


def _hash(field: str) -> str:
    return hashlib.sha256(field.encode("utf-8", "surrogatepass")).hexdigest()[:6]
