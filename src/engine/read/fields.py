"""The fields of files that bring their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.read.reading import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.types.kinds import Kind

#: The column of a block's rows with the text of those that are no records.
REFUSED = "lake_refused"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a file with types.

    Attributes
    ----------
    name : str
        As the file spells it.
    kind : Kind
        What its values are.
    read_sql : str
        Reads it as that from a row of the file.
    column : str
        What a relation calls it: the field's name, where SQL, to which case is nothing, can
        tell it from the others.
    source : Kind
        What the SQL gives: the kind, or text of one.
    raw_sql : str
        SQL of what the file has where ``read_sql`` does not hold all of it, such as a moment
        beyond all calendars, and null elsewhere; empty where that cannot be.
    text_sql : str
        Reads the field as text, which a new column of it is where ``raw_sql`` was needed; empty
        where such values are rescued instead.
    """

    name: str
    kind: Kind
    read_sql: str
    column: str
    source: Kind
    raw_sql: str = ""
    text_sql: str = ""

    @property
    def raw_column(self) -> str:
        """Give what a relation calls the value of ``raw_sql``."""
        return f"{self.column} raw"


@dataclass(frozen=True, slots=True)
class Column:
    """A field as its file has it; see :class:`Field`."""

    name: str
    kind: Kind
    read_sql: str
    source: Kind | None = None
    raw_sql: str = ""
    text_sql: str = ""


def fields_of_file(columns: Iterable[Column]) -> tuple[Field, ...]:
    """Give the fields of a file names by which they can be told apart."""
    found: list[Field] = []
    names: set[str] = set()
    taken = {NUMBER, REFUSED}
    for position, given in enumerate(columns, 1):
        wanted = given.name
        name, count = wanted, 1
        while name in names:
            # The very same name again, as in the header of a delimited file.
            count += 1
            name = f"{wanted}_{count}"
        names.add(name)
        column = name if name and name.lower() not in taken else f"lake_field_{position}"
        taken.add(column.lower())
        source = given.source or given.kind
        found.append(
            Field(name, given.kind, given.read_sql, column, source, given.raw_sql, given.text_sql)
        )
    return tuple(found)
