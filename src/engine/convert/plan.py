"""How a file is going to be read: its fields, their columns, and what is certain of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.convert.layout import lay_out
from engine.types.kinds import NULL, STRING
from store.naming import normalise
from store.paths import path_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.convert.layout import Layout
    from engine.convert.rules import Rules
    from engine.job import Job
    from engine.types.kinds import Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is going to be read.

    Attributes
    ----------
    rules : Rules
        The dataset's contract.
    shapes : dict
        What each field is read as.
    layout : Layout
        The columns.
    fixed : frozenset of str
        Fields whose column no other record could change: the table has it, the contract gives
        its type, or every record was looked at. What does not fit these is rescued; what does
        not fit another shows that the guess was wrong.
    path : mapping of str to str
        Fields that the object's path gives, for records that lack them.
    usual : bool
        Whether dates seem to be spelled as in most files. Records with others are read exactly.
    """

    rules: Rules
    shapes: dict[str, Kind]
    layout: Layout
    fixed: frozenset[str]
    path: Mapping[str, str] = field(default_factory=dict)
    usual: bool = False


def planned(job: Job, rules: Rules, shapes: Mapping[str, Kind], *, whole: bool) -> Plan:
    """Plan how to read a file.

    Parameters
    ----------
    job : Job
        The table as it is, and the path.
    rules : Rules
        The dataset's contract.
    shapes : mapping of str to Kind
        What the fields' values show.
    whole : bool
        Whether every record was looked at, and not a sample.
    """
    path = _path_fields(job.place, shapes)
    fields = rules.fields(_with_path(shapes, path))
    layout = lay_out(job.table, fields, job.options.max_columns, rules.written(fields))
    known = {column.name for column in job.table.columns} if job.table else set()
    known -= {path.partition(".")[0] for path in layout.added}
    fixed = frozenset(
        target.field
        for target in layout.targets
        if whole
        or target.column in known
        or target.field not in shapes
        or rules.alone(target.field) == fields[target.field]
    )
    return Plan(rules, rules.promised(fields, layout), layout, fixed, path)


def replanned(job: Job, plan: Plan, shapes: Mapping[str, Kind]) -> Layout:
    """Give the columns of a plan when more is known of the fields."""
    fields = plan.rules.fields(_with_path(shapes, plan.path))
    return lay_out(job.table, fields, job.options.max_columns, plan.rules.written(fields))


def _with_path(shapes: Mapping[str, Kind], path: Mapping[str, str]) -> dict[str, Kind]:
    return {**shapes, **{name: STRING for name in path if shapes.get(name, NULL) == NULL}}


def _path_fields(key: str, shapes: Mapping[str, Kind]) -> dict[str, str]:
    """Give the ``name=value`` folders of a path, by the field of that name where there is one."""
    fields = {normalise(field): field for field in shapes}
    return {
        fields.get(normalise(name), name): text
        for name, text in path_columns(key).items()
        if text is not None
    }
