"""Fields that have no column, since the table has as many as it may: rescued by the same scan."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.read.reading import NO_TEXT
from engine.types.kinds import NULL, Scalar
from engine.types.sql import literal, quoted
from store.errors import ObjectTooLargeError

if TYPE_CHECKING:
    from engine.convert.plan import Plan
    from engine.read.reading import Conformed, Reading
    from engine.types.kinds import Kind

#: Values that are rescued for one vector of DuckDB's, which has 2,048 rows: some 150 MB.
_MOST, _VECTOR = 1_200_000, 2048

#: What a name and its value are called where all of one type are read alike.
_EACH = "lake_each"


@dataclass(slots=True)
class Beyond:
    """What becomes of them.

    Attributes
    ----------
    rescued_sqls : list of str
        Members of the JSON object that holds what was rescued; null where there are none.
    aside_sqls : list of str
        True for records that have to be read exactly.
    """

    rescued_sqls: list[str] = field(default_factory=list)
    aside_sqls: list[str] = field(default_factory=list)


def beyond(reading: Reading, plan: Plan, fields: frozenset[str], rows: int) -> Beyond:
    """Say what becomes of the fields of a relation that have no column.

    DuckDB holds a vector for each step of each expression: half a megabyte for a column. So all
    columns of one type are one list, whose items are read by one expression.

    Parameters
    ----------
    reading : Reading
        How its format reads values.
    plan : Plan
        Fields and columns.
    fields : frozenset of str
        The relation's.
    rows : int
        How many records it has.

    Raises
    ------
    ObjectTooLargeError
        When memory does not hold the values of so many of them.
    """
    found = Beyond()
    groups: dict[tuple[Kind, str], list[tuple[str, str]]] = {}
    for name in plan.layout.beyond:
        if name not in fields:
            continue
        shape = plan.shapes[name]
        value = reading.conformed(quoted(name), shape, NULL, fixed=True)
        if not _certain(value) or plan.rules.judges(name) or name in plan.path:
            found.aside_sqls.append(f"NOT ({value.fits_sql})")
        elif isinstance(shape, Scalar):
            each_sql = value.rescued_sql.replace(value.text_sql, f"{_EACH}[2]")
            groups.setdefault((shape, each_sql), []).append((name, value.text_sql))
        else:
            found.rescued_sqls.append(f"{member_sql(name)} || {value.rescued_sql}")
    certain = sum(map(len, groups.values())) + len(found.rescued_sqls)
    if certain * min(rows, _VECTOR) > _MOST:
        raise ObjectTooLargeError(
            f"{certain:,} columns more than MaxColumns allows: raise it, or divide the file"
        )
    for (_, each_sql), members in groups.items():
        names = ", ".join(member_sql(name) for name, _ in members)
        values = ", ".join(value_sql for _, value_sql in members)
        found.rescued_sqls.append(
            f"array_to_string(list_transform(list_zip([{names}], [{values}]), "
            f"lambda {_EACH}: {_EACH}[1] || {each_sql}), ',')"
        )
    return found


def _certain(value: Conformed) -> bool:
    """Tell whether all but null is rescued by SQL."""
    return value.rescued_sql != NO_TEXT and value.fits_sql == f"{value.text_sql} IS NULL"


def member_sql(name: str) -> str:
    """Give the SQL of how a member of a JSON object begins: its name, and the colon."""
    return literal(f"{json.dumps(name, ensure_ascii=False)}:")
