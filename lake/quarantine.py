"""Refused records, as the table `quarantine` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake import query
from lake.statement import literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from lake.query import Result
    from lake.target import Target

_COLUMNS = "source_key, record_number, reason, detail, raw, raw_encoding"


def records(
    target: Target,
    *,
    most: int,
    key: str = "",
    dataset: str = "",
    reason: str = "",
    dates: Collection[str] = (),
) -> Result:
    """Give refused records, the newest days first.

    Parameters
    ----------
    target : Target
        The lake.
    most : int
        So many are enough.
    key, dataset, reason : str
        Only those of an object, of a dataset, with a reason; what is empty does not matter.
    dates : collection of str
        Where they are known, Athena does not look at other days.
    """
    named = {"source_key": key, "dataset": dataset, "reason": reason}
    conditions = [f"{name} = {literal(value)}" for name, value in named.items() if value]
    if dates:
        conditions.append(f"date_partition IN ({', '.join(map(literal, dates))})")
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    order = "ORDER BY date_partition DESC, source_key, record_number"
    sql = f"SELECT {_COLUMNS} FROM quarantine {where}{order} LIMIT {most + 1}"  # noqa: S608  # of literals that are quoted
    return query.run(target, sql, most=most)
