"""What files that bring their types have in common: Parquet, Avro, ORC, spreadsheets.

Each of them gives its rows to DuckDB as typed columns, from the file itself or from JSON lines
in which nothing is lost. Whatever is read exactly is read from the same columns, so that both
ways start from the same values.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from engine.convert.jsontext import loads
from engine.convert.proofs import FOR_CONTRACTS, FOR_RECORDS, as_json
from engine.convert.rules import Rules
from engine.read.casts import fitted, same_family
from engine.read.fields import REFUSED
from engine.read.reading import NUMBER, Conformed, Record, Relation
from engine.types.glue import sized
from engine.types.kinds import NULL, STRING, Array, Kind, Map, Scalar, Struct
from engine.types.sql import quoted
from store.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    import duckdb

    from engine.convert.plan import Plan
    from engine.job import Job
    from engine.read.fields import Field

#: Rows that are fetched from DuckDB at once.
_FETCHED = 500


class TypedReading:
    """A file whose fields and types are known before a record is read.

    Parameters
    ----------
    job : Job
        Its database reads the blocks; its contract judges them.
    name : str
        Of the format, as the ledger has it.
    fields : tuple of Field
        All of its fields.
    """

    nulls = True
    texts = False
    sampled = False

    def __init__(self, job: Job, name: str, fields: tuple[Field, ...]) -> None:
        self.job, self.name = job, name
        self.rules = Rules.of(job.contract, nulls=True)
        self.become(fields)

    def become(self, fields: tuple[Field, ...]) -> None:
        """Take other fields, once more of the file is known."""
        self.fields = fields
        self._by_sql = {quoted(field.name): field for field in fields}

    def guess(self, _rules: Rules) -> dict[str, Kind]:
        """Say what the fields are: the file says it of all records."""
        return {field.name: field.kind for field in self.fields}

    def learn(self, rules: Rules) -> dict[str, Kind]:
        """Say the same: no record adds to it."""
        return self.guess(rules)

    def conformed(self, value_sql: str, shape: Kind, kind: Kind, *, fixed: bool) -> Conformed:
        """Say how a value becomes one of its column's type.

        Parameters
        ----------
        value_sql : str
            The quoted name of a field, or any other SQL of a value.
        shape : Kind
            What the value is, where it is no field: of one the file has said it.
        kind : Kind
            The column's type.
        fixed : bool
            Nothing here: no value changes what the file says of a field.
        """
        del fixed
        field = self._by_sql.get(value_sql)
        if field is None:
            return fitted(value_sql, shape, kind)
        column = quoted(field.column)
        if kind == NULL:
            # What has no column is rescued as it is; relation() sets aside what is not whole.
            return fitted(column, field.source, kind)
        if self.rules.root.property(field.name).trivial:
            return _unless_raw(field, fitted(column, field.source, kind))
        if same_family(field.source, kind):
            # Another type than the column's may break the contract: that is judged exactly.
            found = fitted(column, field.source, kind)
            return _unless_raw(field, Conformed(found.fits_sql, found.value_sql, text_sql=column))
        missing = fitted(column, NULL, kind).value_sql
        return _unless_raw(field, Conformed(f"{column} IS NULL", missing, text_sql=column))


def _unless_raw(field: Field, found: Conformed) -> Conformed:
    """Rescue what the file has and no column of the field's type holds."""
    if not field.raw_sql:
        return found
    whole = f"{quoted(field.raw_column)} IS NULL"
    fits = whole if found.fits_sql == "true" else f"({whole} AND {found.fits_sql})"
    return Conformed(fits, found.value_sql, found.rescued_sql, found.text_sql)


class TypedBlock:
    """Consecutive rows of a file with types.

    Parameters
    ----------
    reading : TypedReading
        The file.
    rows_query : str
        SQL of its rows, from which each field's own SQL reads.
    before : int
        How many of the file's records come before it.
    counted : callable
        Counts its records by other means than DuckDB.
    number_sql : str
        Numbers the rows, from 1.
    refused_sql : str
        The text of a row of which a string is no UTF-8, null for all others; empty where
        there is none.
    """

    def __init__(
        self,
        reading: TypedReading,
        rows_query: str,
        before: int,
        counted: Callable[[], int],
        number_sql: str = "row_number() OVER ()",
        refused_sql: str = "",
    ) -> None:
        self.count = counted
        self._before = before
        self._refused_sql = refused_sql
        self._reading, self._rows, self._number = reading, rows_query, number_sql
        #: Records that cannot be read, by their numbers.
        self.refused: dict[int, Record] = {}

    def relation(self, plan: Plan) -> Relation:
        """Give the block to DuckDB: one column for each field, and the number."""
        names = frozenset(field.name for field in self._reading.fields)
        odd = [f"{REFUSED} IS NOT NULL" if self._refused_sql else _among(sorted(self.refused))]
        odd += [
            f"{quoted(field.raw_column)} IS NOT NULL"
            for field in self._reading.fields
            if field.raw_sql and field.name in plan.layout.beyond
        ]
        return Relation(self.query(), names, " OR ".join(odd))

    def query(self) -> str:
        """Give the SQL of :meth:`relation`."""
        fields = self._reading.fields
        select = [f"{f.read_sql} AS {quoted(f.column)}" for f in fields]
        select += [f"{f.raw_sql} AS {quoted(f.raw_column)}" for f in fields if f.raw_sql]
        select += [f"{self._refused_sql} AS {REFUSED}"] if self._refused_sql else []
        return f"SELECT {', '.join((*select, f'{self._number} AS {NUMBER}'))} FROM ({self._rows})"

    def records(self, numbers: Collection[int] | None = None) -> Iterator[Record]:
        """Read exactly the records of these numbers, or all: as JSON has them."""
        names = [field.name for field in self._reading.fields]
        db = self._reading.job.db.cursor()
        try:
            lines = db.execute(self._lines(db, numbers))
            while rows := lines.fetchmany(_FETCHED):
                self._reading.job.check_time()
                for number, line, refused in rows:
                    if number in self.refused or refused is not None:
                        yield self.refused.get(number) or self._refused(number, refused)
                        continue
                    values = dict(zip(names, json.loads(line).values(), strict=True))
                    yield self._record(number, values)
        finally:
            db.close()

    def _refused(self, number: int, text: str) -> Record:
        detail = "a string of it is no UTF-8"
        return Record(self._before + number, text.encode(), None, Reason.INVALID_UTF8, detail)

    def _record(self, number: int, values: dict[str, Any]) -> Record:
        rules = self._reading.rules
        if not rules.root.trivial:
            kinds = self._reading.guess(rules)
            values = {name: _judged(value, kinds[name]) for name, value in values.items()}
        raw = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        return Record(self._before + number, raw, values)

    def _lines(self, db: duckdb.DuckDBPyConnection, numbers: Collection[int] | None) -> str:
        query, fields = self.query(), self._reading.fields
        kinds = dict(zip(*(lambda r: (r.columns, r.types))(db.sql(query)), strict=True))
        if numbers is not None:
            query = f"SELECT * FROM ({query}) WHERE {_among(sorted(numbers))}"

        def spelled(column: str, field: Field) -> str:
            return as_json(quoted(column), kinds[column], self._spelled(field.name))

        parts = ", ".join(
            f"f{n} := CASE WHEN {quoted(f.raw_column)} IS NULL THEN "
            f"to_json({spelled(f.column, f)}) ELSE to_json({spelled(f.raw_column, f)}) END"
            if f.raw_sql
            else f"f{n} := {spelled(f.column, f)}"
            for n, f in enumerate(fields)
        )
        line = f"CAST(to_json(struct_pack({parts})) AS VARCHAR)" if parts else "'{}'"
        refused = REFUSED if self._refused_sql else "NULL"
        return f"SELECT {NUMBER}, {line}, {refused} FROM ({query})"

    def _spelled(self, name: str) -> dict[str, str]:
        trivial = self._reading.rules.root.property(name).trivial
        return FOR_RECORDS if trivial else {**FOR_RECORDS, **FOR_CONTRACTS}

    def divided(self, plan: Plan, said: str) -> None:
        """Give nothing: rows with types are as promised, or the file is damaged."""
        del plan, said


def _judged(value: Any, kind: Kind) -> Any:
    """Give a decimal to a contract as the number that it is, by its digits."""
    match value, kind:
        case str(), Scalar() if sized(kind)[0] == "decimal":
            return loads(value)
        case list(), Array(item):
            return [_judged(inner, item) for inner in value]
        case dict(), Map(_, item):
            return {key: _judged(inner, item) for key, inner in value.items()}
        case dict(), Struct(fields):
            kinds = dict(fields)
            return {key: _judged(inner, kinds.get(key, STRING)) for key, inner in value.items()}
    return value


def _among(numbers: list[int]) -> str:
    """Give SQL that is true for these numbers; neighbours are written as one span."""
    if not numbers:
        return "false"
    ends = [0, *(n for n, (a, b) in enumerate(pairwise(numbers), 1) if b > a + 1), len(numbers)]
    spans = [(numbers[first], numbers[last - 1]) for first, last in pairwise(ends)]
    alone = [str(first) for first, last in spans if first == last]
    tests = [f"{NUMBER} BETWEEN {first} AND {last}" for first, last in spans if first < last]
    if alone:
        tests.append(f"{NUMBER} IN (SELECT unnest([{', '.join(alone)}]))")
    return f"({' OR '.join(tests)})"
