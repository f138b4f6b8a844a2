"""The one query that reads a block: every value proved, rescued, or its record set aside.

A value that certainly is one of its column's type is written. One that certainly is not goes to
``_rescued_data`` under its name, as the exact reading would put it there. Where SQL cannot tell,
and where a record may break its contract, the record is set aside by its number and read exactly.
Nothing here raises because of one record, and none is read twice because of another.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.convert.beyond import beyond, member_sql
from engine.convert.exact import conform
from engine.convert.rules import QUOTED
from engine.read.reading import NO_TEXT, NUMBER, READ, Conformed
from engine.types.kinds import NULL, STRING, Scalar
from engine.types.sql import duckdb_type, literal, quoted
from engine.write.dates import candidates, certain_day_sql
from engine.write.publish import ASIDE, UNREAD, dated, lineage
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from engine.convert.layout import Target
    from engine.convert.plan import Plan
    from engine.job import Job
    from engine.read.reading import Reading, Relation
    from engine.types.kinds import Kind


@dataclass(frozen=True, slots=True)
class _Value:
    """One column of the file; its proof, its value and its rescue have names in the query."""

    target: Target
    conformed: Conformed
    number: int
    fixed: bool

    @property
    def fits_name(self) -> str:
        return f"lake_f{self.number}"

    @property
    def value_name(self) -> str:
        return f"lake_v{self.number}"

    @property
    def rescued_name(self) -> str:
        return f"lake_r{self.number}"

    @property
    def rescues(self) -> bool:
        """Whether what does not fit may be rescued here; where not, its record is set aside."""
        return self.fixed and not self.certain and self.conformed.rescued_sql != NO_TEXT

    @property
    def tested_sql(self) -> str:
        """Give the test, in which the value goes by its name where it is an expression."""
        fits, value = self.conformed.fits_sql, self.conformed.value_sql
        whole = value.startswith(("TRY_CAST(", "CASE WHEN ")) and value.endswith((")", " END"))
        fits = fits.replace(value, self.value_name) if whole else fits
        return fits.replace(READ, self.value_name)

    @property
    def column_sql(self) -> str:
        """Give the column's value; what a row that is set aside has here is nothing to anybody."""
        if self.certain:
            return self.conformed.value_sql
        if not self.rescues:
            return self.value_name
        return f"CASE WHEN {self.fits_name} THEN {self.value_name} END"

    @property
    def certain(self) -> bool:
        """Whether every value fits."""
        return self.conformed.fits_sql == "true"


def scan_query(job: Job, reading: Reading, plan: Plan, relation: Relation, rows: int) -> str:
    """Give the query that reads a block.

    Parameters
    ----------
    job : Job
        Where the rows come from.
    reading : Reading
        How its format reads values.
    plan : Plan
        Fields and columns.
    relation : Relation
        The block.
    rows : int
        How many records it has.

    Returns
    -------
    str
        As :func:`engine.write.publish.publish` takes it. Rows that are set aside have the date
        ``ASIDE``, and their record's number in ``_rescued_data``.
    """
    values = _values(reading, plan, relation.fields)
    unsure = [value for value in values if not value.certain]
    read = "".join(f", {v.conformed.value_sql} AS {v.value_name}" for v in unsure)
    # A test that cannot be decided is not passed. DuckDB computes twice what is said twice, so
    # the value has a name before it is tested, and the test one before anything depends on it.
    tested = "".join(f", ({v.tested_sql}) IS TRUE AS {v.fits_name}" for v in unsure)
    kept = "".join(
        f", CASE WHEN NOT {v.fits_name} THEN {v.conformed.rescued_sql} END AS {v.rescued_name}"
        for v in unsure
        if v.rescues
    )
    inner = f"SELECT *{tested} FROM (SELECT *{read} FROM ({relation.query}))"
    inner = f"SELECT *{kept} FROM ({inner})" if kept else inner
    columns = [v.column_sql for v in values]
    named = [f"{sql} AS {quoted(v.target.column)}" for v, sql in zip(values, columns, strict=True)]
    more = beyond(reading, plan, relation.fields, rows)
    aside = " OR ".join(_aside(values, relation, plan) + more.aside_sqls) or "false"
    rescued = _rescued(values, more.rescued_sqls)
    texts = {v.target.field: v.conformed.text_sql or quoted(v.target.field) for v in values}
    dating = [replace(v.target, kind=_own_kind(plan, v.target)) for v in values]
    day = dated(job, dating, texts, usual=plan.usual)
    undated = [
        f"NOT {test}"
        for target in candidates(job.date_columns, dating)
        if not plan.usual and (test := certain_day_sql(texts[target.field], target.kind)) != "true"
    ]
    aside = " OR ".join([aside] * (aside != "false") + undated) or "false"
    there = {value.target.field for value in values}
    shapes = {name: shape for name, shape in plan.shapes.items() if name in there}
    certain = plan.rules.certain(shapes, plan.layout)
    query = (
        f"SELECT {', '.join([*named, ''])}{aside} AS lake_aside, {rescued} AS lake_rescued, "
        f"{day} AS lake_day, {NUMBER} FROM ({inner})"
    )
    if certain != "true":
        # Over the columns of the table, and once: DuckDB computes twice what is said twice.
        test = f"(lake_aside OR ({certain}) IS NOT TRUE) AS lake_aside"
        query = f"SELECT * REPLACE ({test}) FROM ({query})"
    elif aside == "false" and not plan.usual:
        return _finished(job, values, "lake_rescued", "lake_day", query)
    doubtful = f"lake_aside OR lake_day = DATE '{UNREAD}'" if plan.usual else "lake_aside"
    return _finished(
        job,
        values,
        f"CASE WHEN {doubtful} THEN CAST({NUMBER} AS VARCHAR) ELSE lake_rescued END",
        f"CASE WHEN lake_aside THEN DATE '{ASIDE}' ELSE lake_day END",
        query,
    )


def _own_kind(plan: Plan, target: Target) -> Kind:
    """Give the type in which a value comes, for the date that it may be."""
    shape = plan.shapes[target.field]
    if not isinstance(shape, Scalar):
        return target.kind
    return STRING if shape in (QUOTED, NULL) else shape


def _finished(job: Job, values: list[_Value], rescued: str, day: str, query: str) -> str:
    names = [quoted(value.target.column) for value in values]
    columns = [*names, lineage(job, rescued), f"{day} AS {PARTITION_KEY}"]
    return f"SELECT {', '.join(columns)} FROM ({query})"


def _values(reading: Reading, plan: Plan, fields: frozenset[str]) -> list[_Value]:
    found = []
    for number, target in enumerate(plan.layout.targets):
        name, shape = target.field, plan.shapes.get(target.field)
        if shape is None or not target.written:
            continue
        fixed = name in plan.fixed and not plan.rules.judges(name)
        if name in fields:
            conformed = reading.conformed(quoted(name), shape, target.kind, fixed=fixed)
            if name in plan.path:
                conformed = _filled(quoted(name), conformed, _constant(target, plan.path[name]))
        elif name in plan.path:
            conformed = _constant(target, plan.path[name])
        else:
            continue
        found.append(_Value(target, conformed, number, fixed))
    return found


def _constant(target: Target, text: str) -> Conformed:
    """Give a value that the path has for every record."""
    rescued: dict[str, object] = {}
    value = conform(text, target.kind, target.field, rescued)
    kind_sql = duckdb_type(target.kind)
    if rescued:
        json_sql = literal(json.dumps(text, ensure_ascii=False))
        return Conformed("false", f"CAST(NULL AS {kind_sql})", json_sql, literal(text))
    spelled = value if isinstance(value, str) else json.dumps(value)
    return Conformed("true", f"CAST({literal(spelled)} AS {kind_sql})", text_sql=literal(text))


def _filled(value_sql: str, own: Conformed, path: Conformed) -> Conformed:
    """Take the value of the path where a record has none of its own."""

    def either(path_sql: str, own_sql: str) -> str:
        return f"CASE WHEN {value_sql} IS NULL THEN {path_sql} ELSE {own_sql} END"

    return Conformed(
        either(path.fits_sql, own.fits_sql),
        either(path.value_sql, own.value_sql),
        either(path.rescued_sql, own.rescued_sql),
        f"coalesce(CAST({own.text_sql or value_sql} AS VARCHAR), {path.text_sql})",
    )


def _aside(values: list[_Value], relation: Relation, plan: Plan) -> list[str]:
    """Say in SQL which records have to be read exactly."""
    tests = [] if relation.odd_sql == "false" else [relation.odd_sql]
    for value in values:
        if value.certain:
            continue
        if value.rescues:
            tests.append(f"(NOT {value.fits_name} AND {value.rescued_name} IS NULL)")
        else:
            # What does not fit may change the column's type, or only Python can say what it is.
            tests.append(f"NOT {value.fits_name}")
    # Fields without a column held nothing but nulls where they were looked at.
    known = {value.target.field for value in values}.union(plan.layout.beyond)
    unknown = sorted(relation.fields - known)
    return tests + [f"{quoted(name)} IS NOT NULL" for name in unknown]


def _rescued(values: list[_Value], more: list[str]) -> str:
    """Give the SQL of what did not fit, as the text of a JSON object."""
    misfits = [value for value in values if value.rescues]
    members = [f"{member_sql(v.target.field)} || {v.rescued_name}" for v in misfits]
    if not (members or more):
        return NO_TEXT
    object_sql = f"'{{' || concat_ws(',', {', '.join(members + more)}) || '}}'"
    if more:
        return f"nullif({object_sql}, '{{}}')"
    every = " AND ".join(value.fits_name for value in misfits)
    return f"CASE WHEN {every} THEN NULL ELSE {object_sql} END"
