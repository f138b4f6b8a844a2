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

from engine.convert.exact import conform
from engine.convert.rules import QUOTED
from engine.read.reading import NUMBER, Conformed
from engine.types.kinds import NULL, STRING, duckdb_type, literal, quoted
from engine.write.dates import candidates, certain_day_sql
from engine.write.publish import ASIDE, dated, lineage
from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from engine.convert.layout import Target
    from engine.convert.plan import Plan
    from engine.job import Job
    from engine.read.reading import Reading, Relation
    from engine.types.kinds import Kind

_NO_TEXT = "CAST(NULL AS VARCHAR)"


@dataclass(frozen=True, slots=True)
class _Value:
    """One column of the file, with the names that its proof and its value have in the query."""

    target: Target
    conformed: Conformed
    fits_name: str
    value_name: str

    @property
    def certain(self) -> bool:
        """Whether every value fits."""
        return self.conformed.fits_sql == "true"


def scan_query(job: Job, reading: Reading, plan: Plan, relation: Relation) -> str:
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

    Returns
    -------
    str
        As :func:`engine.write.publish.publish` takes it. Rows that are set aside have the date
        ``ASIDE``, and their record's number in ``_rescued_data``.
    """
    values = _values(reading, plan, relation.fields)
    inner = "".join(
        # A test that cannot be decided is not passed.
        f", ({v.conformed.fits_sql}) IS TRUE AS {v.fits_name}, "
        f"{v.conformed.value_sql} AS {v.value_name}"
        for v in values
        if not v.certain
    )
    columns = [
        v.conformed.value_sql if v.certain else f"CASE WHEN {v.fits_name} THEN {v.value_name} END"
        for v in values
    ]
    named = [f"{sql} AS {quoted(v.target.column)}" for v, sql in zip(values, columns, strict=True)]
    aside, rescued = _aside(plan, values, relation), _rescued(values)
    texts = {v.target.field: v.conformed.text_sql or quoted(v.target.field) for v in values}
    dating = [replace(v.target, kind=_own_kind(plan, v.target)) for v in values]
    day = dated(job, dating, texts)
    unsure = [
        f"NOT {test}"
        for target in candidates(job.date_columns, dating)
        if (test := certain_day_sql(texts[target.field], target.kind)) != "true"
    ]
    aside = " OR ".join([aside] * (aside != "false") + unsure) or "false"
    # The contract may name fields that the file has not.
    there = {name: shape for name, shape in plan.shapes.items() if name in relation.fields}
    certain = plan.rules.certain(there, plan.layout)
    query = (
        f"SELECT {', '.join([*named, ''])}{aside} AS lake_aside, {rescued} AS lake_rescued, "
        f"{day} AS lake_day, {NUMBER} FROM (SELECT *{inner} FROM ({relation.query}))"
    )
    if certain != "true":
        aside = f"(lake_aside OR ({certain}) IS NOT TRUE)"
    elif aside == "false":
        return _finished(job, values, "lake_rescued", "lake_day", query)
    else:
        aside = "lake_aside"
    return _finished(
        job,
        values,
        f"CASE WHEN {aside} THEN CAST({NUMBER} AS VARCHAR) ELSE lake_rescued END",
        f"CASE WHEN {aside} THEN DATE '{ASIDE}' ELSE lake_day END",
        query,
    )


def _own_kind(plan: Plan, target: Target) -> Kind:
    """Give the type in which a value comes, for the date that it may be."""
    shape = plan.shapes[target.field]
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
        if name in fields:
            conformed = reading.conformed(
                quoted(name), shape, target.kind, fixed=name in plan.fixed
            )
            if name in plan.path:
                conformed = _filled(quoted(name), conformed, _constant(target, plan.path[name]))
        elif name in plan.path:
            conformed = _constant(target, plan.path[name])
        else:
            continue
        found.append(_Value(target, conformed, f"lake_f{number}", f"lake_v{number}"))
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


def _aside(plan: Plan, values: list[_Value], relation: Relation) -> str:
    """Say in SQL which records have to be read exactly."""
    tests = [] if relation.odd_sql == "false" else [relation.odd_sql]
    for value in values:
        if value.certain:
            continue
        if value.target.field not in plan.fixed:
            # What does not fit here may change the column's type: it is looked at exactly.
            tests.append(f"NOT {value.fits_name}")
        elif value.conformed.rescued_sql == _NO_TEXT:
            tests.append(f"NOT {value.fits_name}")
        else:
            tests.append(f"(NOT {value.fits_name} AND {value.conformed.rescued_sql} IS NULL)")
    # Fields without a column held nothing but nulls where they were looked at.
    known = {value.target.field for value in values}
    unknown = sorted(plan.shapes.keys() & relation.fields - known)
    tests += [f"{quoted(name)} IS NOT NULL" for name in unknown]
    return " OR ".join(tests) or "false"


def _rescued(values: list[_Value]) -> str:
    """Give the SQL of what did not fit, as the text of a JSON object."""
    misfits = [
        value for value in values if not value.certain and value.conformed.rescued_sql != _NO_TEXT
    ]
    if not misfits:
        return _NO_TEXT
    members = ", ".join(
        f"CASE WHEN NOT {v.fits_name} "
        f"THEN {_member(v.target.field)} || {v.conformed.rescued_sql} END"
        for v in misfits
    )
    every = " AND ".join(value.fits_name for value in misfits)
    return f"CASE WHEN {every} THEN NULL ELSE '{{' || concat_ws(',', {members}) || '}}' END"


def _member(field: str) -> str:
    return literal(f"{json.dumps(field, ensure_ascii=False)}:")
