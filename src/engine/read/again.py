"""Files that the lake itself has written: their rows become the records that they were."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.convert.exact import Row, Several
from engine.convert.jsontext import loads
from engine.convert.layout import LINEAGE_NAMES, RESCUED, origin_of
from engine.convert.optimistic import observe
from engine.read.parquet import ParquetReading
from engine.read.reading import ExactOnlyError, Record
from engine.read.typed import TypedBlock
from engine.types.glue import parse_athena_type, sized
from engine.types.kinds import STRING, WHOLE_DIGITS, Scalar
from engine.types.sql import quoted
from engine.write.counts import lines_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from engine.convert.plan import Plan
    from engine.convert.rules import Rules
    from engine.job import Job
    from engine.read.fields import Field
    from engine.read.reading import Conformed, Relation
    from engine.types.kinds import Kind
    from store.model import Schema

#: What a relation calls the column of what was rescued, and its field: no other field is called
#: so, since a name with such a character is spelled out (:mod:`engine.convert.layout`).
_RESCUED = "lake rescued"
_RESCUED_FIELD = "\0rescued"


def fields_of_columns(table: Schema | None) -> dict[str, str]:
    """Name the field that each column was made for."""
    columns = table.columns if table else ()
    return {c.name: origin_of(c) for c in columns if c.name not in LINEAGE_NAMES}


def record_of(fields: dict[str, Any], rescued: str | None) -> Row:
    """Put what was rescued back to where it came from.

    Parameters
    ----------
    fields : dict
        What the columns hold, by the names of their fields.
    rescued : str or None
        What ``_rescued_data`` holds.

    Returns
    -------
    Row
        What has no place is left: of a repeated key the values before the last, fields without
        a column, and what lies within a value, where no type becomes another.
    """
    row, left = Row(fields), {}
    for path, value in (loads(rescued) if rescued else {}).items():
        if path in row and row[path] is None:
            row[path] = value
        else:
            # A column that holds something fitted: these are the values before it.
            left[path] = Several(value) if path in row and isinstance(value, list) else value
    row.left = left
    return row


def _again(field: Field, kinds: Mapping[str, Kind]) -> Field:
    """Read as text what an object would have spelled otherwise than its column did."""
    kind = kinds.get(field.name)
    before = sized(field.kind)[0] if isinstance(field.kind, Scalar) else ""
    text = f"CAST({field.read_sql} AS VARCHAR)"
    if before == "decimal" and isinstance(kind, Scalar) and kind.name in WHOLE_DIGITS:
        text = f"regexp_replace({text}, '[.]0+$', '')"
    elif field.kind != Scalar("float") or kind in (None, field.kind):
        return field
    return replace(field, kind=STRING, source=STRING, read_sql=text)


class _ParquetBlock(TypedBlock):
    """Rows of which those with something rescued are read exactly."""

    def relation(self, plan: Plan) -> Relation:
        """See the protocol."""
        found = super().relation(plan)
        odd = f"({found.odd_sql} OR {quoted(_RESCUED)} IS NOT NULL)"
        return replace(found, fields=found.fields - {_RESCUED_FIELD}, odd_sql=odd)

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """See the protocol."""
        for one in super().records(numbers):
            rescued = one.value.pop(_RESCUED_FIELD)
            yield replace(one, value=record_of(one.value, rescued))


class ParquetAgain(ParquetReading):
    """A Parquet file of a table's rows.

    Parameters
    ----------
    job : Job
        Its table names the fields.
    path : Path
        The file.
    """

    block = _ParquetBlock

    def __init__(self, job: Job, path: Path) -> None:
        super().__init__(job, path)
        names = fields_of_columns(job.table)
        columns = job.table.columns if job.table else ()
        kinds = {column.name: parse_athena_type(column.type) for column in columns}
        fields = []
        for one in self.fields:
            if one.name == RESCUED:
                fields.append(replace(one, name=_RESCUED_FIELD, column=_RESCUED))
            elif one.name not in LINEAGE_NAMES:
                # A column that the table lacks, since it was made again, is a field by its name.
                own = names.get(one.name, one.name)
                fields.append(replace(_again(one, kinds), name=own))
        self.become(tuple(fields))

    def guess(self, rules: Rules) -> dict[str, Kind]:
        """Say what the fields are."""
        return {name: kind for name, kind in super().guess(rules).items() if name != _RESCUED_FIELD}


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
        self._names = fields_of_columns(job.table)
        self._path = path

    def guess(self, _rules: Rules) -> dict[str, Kind]:
        """Guess nothing: all rows are looked at."""
        return {}

    def learn(self, _rules: Rules) -> dict[str, Kind]:
        """Say what the fields of all rows are."""
        found: dict[str, Kind] = {}
        for record in self.records():
            observe(found, record.value)
        return found

    def conformed(self, value_sql: str, shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
        """See the protocol."""
        del value_sql, shape, kind, fixed
        raise ExactOnlyError

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
                fields = dict.fromkeys(self._names.values()) | {
                    self._names.get(column, column): value
                    for column, value in row.items()
                    if column not in LINEAGE_NAMES
                }
                yield Record(number, line, record_of(fields, row.get(RESCUED)))
