"""How a file is going to be read: its fields, their columns, and what is certain of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.convert.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.convert.layout import Layout
    from engine.convert.rules import Rules
    from engine.types.kinds import Kind
    from store.model import Schema


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
    """

    rules: Rules
    shapes: dict[str, Kind]
    layout: Layout
    fixed: frozenset[str]


def planned(table: Schema | None, rules: Rules, shapes: Mapping[str, Kind], *, whole: bool) -> Plan:
    """Plan how to read a file.

    Parameters
    ----------
    table : Schema or None
        The table as it is.
    rules : Rules
        The dataset's contract.
    shapes : mapping of str to Kind
        What the fields' values show.
    whole : bool
        Whether every record was looked at, and not a sample.
    """
    fields = rules.fields(shapes)
    layout = lay_out(table, fields)
    known = {column.name for column in table.columns} if table else set()
    known -= {path.partition(".")[0] for path in layout.added}
    fixed = frozenset(
        target.field
        for target in layout.targets
        if whole or target.column in known or rules.alone(target.field) == fields[target.field]
    )
    return Plan(rules, rules.promised(fields, layout), layout, fixed)
