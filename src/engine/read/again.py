"""Files that the lake itself has written: their rows become the records that they were."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.convert.jsontext import Repeated, loads
from engine.convert.layout import LINEAGE, RESCUED, origin_of
from engine.read.parquet import ParquetReading
from engine.read.reading import ExactOnlyError, Record
from engine.read.typed import TypedBlock
from engine.types.kinds import NULL, kind_of, merge
from engine.types.sql import quoted
from engine.write.counts import lines_in
from store.naming import normalise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from engine.convert.plan import Plan
    from engine.convert.rules import Rules
    from engine.job import Job
    from engine.read.reading import Conformed, Relation
    from engine.types.kinds import Kind
    from store.model import Schema

#: What a relation calls the column of what was rescued; no column of a table is called so.
_RESCUED = "lake rescued"


class Row(Repeated):
    """A row as a record, and what was rescued of it beside its fields.

    Attributes
    ----------
    left : dict
        By path, as in ``_rescued_data``.
    """

    left: dict[str, Any]

    @property
    def earlier(self) -> dict[str, Any]:
        """Give what a record's repeated keys had, and all else that stays rescued."""
        return self.left


def fields_of_columns(table: Schema) -> dict[str, str]:
    """Name the field that each column was made for; the lineage columns are of none."""
    lineage = {column.name for column in LINEAGE}
    return {c.name: origin_of(c) for c in table.columns if c.name not in lineage}


def record_of(fields: dict[str, Any], rescued: Mapping[str, Any]) -> Row:
    """Put what was rescued back to where it came from.

    Parameters
    ----------
    fields : dict
        What the columns hold, by the names of their fields.
    rescued : mapping
        By path, as in ``_rescued_data``.

    Returns
    -------
    Row
        What has no place is left: of a repeated key the values before the last, fields without
        a column.
    """
    row = Row(fields)
    row.pairs = list(fields.items())
    row.left = {path: value for path, value in rescued.items() if not _put(row, path, value)}
    return row


def _put(fields: dict[str, Any], path: str, value: Any) -> bool:
    """Put a value to where its path leads, if there is nothing yet."""
    if path in fields:
        if fields[path] is None:
            fields[path] = value
            return True
        return False
    names = [name for name, inner in fields.items() if isinstance(inner, dict)]
    for name in sorted(names, key=len, reverse=True):
        if path.startswith(f"{name}."):
            return _put_within(fields[name], path[len(name) + 1 :], value)
    return False


def _put_within(fields: dict[str, Any], path: str, value: Any) -> bool:
    """Do the same within a struct, whose fields have other names in its file than in paths."""
    found = normalise(path)
    if found in fields:
        if fields[found] is not None:
            return False
        del fields[found]
        fields[path] = value
        return True
    for end in (at for at, sign in enumerate(path) if sign == "."):
        name = normalise(path[:end])
        if isinstance(fields.get(name), dict):
            return _put_within(fields[name], path[end + 1 :], value)
    fields[path] = value
    return True


class ParquetAgain(ParquetReading):
    """A Parquet file of a table's rows.

    Parameters
    ----------
    job : Job
        Its table names the fields.
    path : Path
        The file.
    """

    def __init__(self, job: Job, path: Path) -> None:
        super().__init__(job, path)
        names = fields_of_columns(job.table) if job.table else {}
        fields = [replace(one, name=names[one.name]) for one in self.fields if one.name in names]
        fields += [replace(one, column=_RESCUED) for one in self.fields if one.name == RESCUED]
        self.become(tuple(fields))

    def guess(self, rules: Rules) -> dict[str, Kind]:
        """Say what the fields are."""
        return {name: kind for name, kind in super().guess(rules).items() if name != RESCUED}

    def blocks(self) -> Iterator[TypedBlock]:
        """Give the file as one block."""
        for block in super().blocks():
            yield _ParquetBlock(self, block)


class _ParquetBlock(TypedBlock):
    """Rows of which those with something rescued are read exactly."""

    def __init__(self, reading: ParquetAgain, block: TypedBlock) -> None:
        vars(self).update(vars(block))
        self._reading = reading

    def relation(self, plan: Plan) -> Relation:
        """See the protocol."""
        found = super().relation(plan)
        odd = f"({found.odd_sql} OR {quoted(_RESCUED)} IS NOT NULL)"
        return replace(found, fields=found.fields - {RESCUED}, odd_sql=odd)

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """See the protocol."""
        for one in super().records(numbers):
            rescued = one.value.pop(RESCUED)
            yield replace(one, value=record_of(one.value, loads(rescued) if rescued else {}))


class JsonAgain:
    """A file of a table's rows as gzipped JSON Lines: all of them are read exactly.

    Parameters
    ----------
    job : Job
        Its table names the fields.
    path : Path
        The file.
    """

    name = "jsonl"
    nulls = True
    texts = False
    sampled = False

    def __init__(self, job: Job, path: Path) -> None:
        self._names = fields_of_columns(job.table) if job.table else {}
        self._path = path

    def guess(self, _rules: Rules) -> dict[str, Kind]:
        """Say what the fields of all rows are."""
        found: dict[str, Kind] = {}
        for record in self.records():
            for name, value in record.value.items():
                found[name] = merge(found.get(name, NULL), kind_of(value))
        return found

    def learn(self, rules: Rules) -> dict[str, Kind]:
        """Say the same."""
        return self.guess(rules)

    def conformed(self, value_sql: str, shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
        """See the protocol; nobody asks."""
        raise NotImplementedError

    def blocks(self) -> Iterator[JsonAgain]:
        """Give the file as one block."""
        yield self

    def relation(self, plan: Plan) -> Relation:
        """See the protocol."""
        del plan
        raise ExactOnlyError

    def divided(self, plan: Plan, said: str) -> None:
        """See the protocol."""
        del plan, said

    def count(self) -> int:
        """See the protocol."""
        return lines_in(self._path)

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """See the protocol."""
        with gzip.open(self._path) as lines:
            for number, line in enumerate(lines, 1):
                if numbers is not None and number not in numbers:
                    continue
                row = loads(line.decode())
                fields = {field: row.get(column) for column, field in self._names.items()}
                rescued = row.get(RESCUED)
                value = record_of(fields, loads(rescued) if rescued else {})
                yield Record(number, line, value)
