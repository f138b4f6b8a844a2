"""The UTC day that a value means, as SQL: :func:`engine.types.moments.day_of` for whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.types.glue import sized
from engine.types.kinds import DATE, DOUBLE, STRING, TIMESTAMP, WHOLE_DIGITS, Kind, Scalar, Struct
from engine.types.sql import quoted
from engine.write.spelled import bound_sql, double_sql, in_range_sql, number_sql, text_sql
from store.paths import date_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from engine.convert.layout import Target

NO_DAY = "CAST(NULL AS DATE)"

#: How MongoDB names a date within a struct, in a file and in a table.
_WITHIN = ("$date", "_date")

# DuckDB knows a value's type before it runs, and leaves out the branches of the others.
_MOMENTS = (
    "('DATE', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS', "
    "'TIMESTAMP WITH TIME ZONE')"
)
_TEXTS = "('VARCHAR', 'JSON')"


def candidates(date_columns: Sequence[str], targets: Iterable[Target]) -> tuple[Target, ...]:
    """Give the columns of a file that may date a record, the first ones first.

    Parameters
    ----------
    date_columns : sequence of str
        Names of the parameter, the contract's choice before them.
    targets : iterable of Target
        Columns of the file. Neither their order nor one beside them changes whether one is
        among the candidates.
    """
    found: dict[str, Target] = {}
    # Of two spellings of one name the same comes first in every file.
    fields = sorted(targets, key=lambda target: target.field)
    by_name: dict[str, list[Target]] = {}
    for target in fields:
        by_name.setdefault(_squeezed(target.field), []).append(target)
    for name in date_columns:
        matching = by_name.get(_squeezed(name), []) if _squeezed(name) else []
        for target in sorted(matching, key=lambda target: target.field != name):
            found.setdefault(target.field, target)
    return tuple(found.values())


def _squeezed(name: str) -> str:
    # `dateTime` is `datetime`, and `event-time` is `eventtime`.
    return date_name(name).replace("_", "")


def first_day_sql(
    values: Iterable[tuple[str, Kind]],
    created: datetime,
    formats: Sequence[str] = (),
    unusual: str = "",
) -> str:
    """Give the SQL of a record's first usable day among several values.

    Parameters
    ----------
    values : iterable of (str, Kind)
        SQL and type of each, in the order of :func:`candidates`.
    created : datetime
        When the object was created.
    formats : sequence of str
        Formats of the contract.
    unusual : str
        See :func:`engine.write.spelled.text_sql`.

    Returns
    -------
    str
        Null where none of them means a day.
    """
    days = [day_sql(value, kind, created, formats, unusual) for value, kind in values]
    days = [day for day in days if day != NO_DAY]
    return f"coalesce({', '.join(days)})" if len(days) > 1 else days[0] if days else NO_DAY


def day_sql(
    value_sql: str,
    kind: Kind,
    created: datetime,
    formats: Sequence[str] = (),
    unusual: str = "",
) -> str:
    """Give the SQL of the UTC day that a value means.

    Parameters
    ----------
    value_sql : str
        SQL of the raw value: of the kind's own type, or text that spells one.
    kind : Kind
        The column's type.
    created : datetime
        When the object was created.
    formats : sequence of str
        Formats of the contract, as of ``strptime``.
    unusual : str
        See :func:`engine.write.spelled.text_sql`.

    Returns
    -------
    str
        A date; null exactly where :func:`engine.types.moments.day_of` gives None.
    """
    text = f"CAST({value_sql} AS VARCHAR)"
    if kind in (TIMESTAMP, DATE):
        return (
            f"CASE WHEN typeof({value_sql}) IN {_MOMENTS} "
            f"THEN {in_range_sql(f'CAST({value_sql} AS DATE)')} "
            f"ELSE {text_sql(text, created, formats, unusual)} END"
        )
    if isinstance(kind, Scalar) and kind.name in WHOLE_DIGITS:
        whole = f"TRY_CAST({text} AS BIGINT)"
        return (
            f"CASE WHEN typeof({value_sql}) NOT IN {_TEXTS} "
            f"THEN {number_sql(f'TRY_CAST({value_sql} AS BIGINT)', created)} "
            f"WHEN CAST({whole} AS VARCHAR) = {text} THEN {number_sql(whole, created)} "
            f"ELSE {text_sql(text, created, formats, unusual)} END"
        )
    if kind in (DOUBLE, Scalar("float")):
        return (
            f"CASE WHEN typeof({value_sql}) NOT IN {_TEXTS} "
            f"THEN {double_sql(f'CAST({value_sql} AS DOUBLE)', created)} "
            f"ELSE {text_sql(text, created, formats, unusual)} END"
        )
    if kind == STRING or sized(kind)[0]:
        return text_sql(text, created, formats, unusual)
    if isinstance(kind, Struct) and any(date_name(name) == "date" for name, _ in kind.fields):
        parts = ", ".join(f"to_json({value_sql}) ->> '$.{quoted(name)}'" for name in _WITHIN)
        return bound_sql(f"coalesce({parts})", "t1", text_sql("t1", created, formats, unusual))
    return NO_DAY


def certain_day_sql(value_sql: str, kind: Kind) -> str:
    """Give the SQL that is true where :func:`day_sql` certainly agrees with ``day_of``.

    Parameters
    ----------
    value_sql : str
        SQL of the raw value.
    kind : Kind
        The column's type.

    Returns
    -------
    str
        Not true only for a zone that is named: DuckDB's rules for it are not Python's.
    """
    if kind not in (STRING, TIMESTAMP, DATE) and sized(kind)[0] not in ("varchar", "char"):
        return "true"
    text = f"CAST({value_sql} AS VARCHAR)"
    return (
        f"CASE WHEN strlen({text}) > 20 AND contains({text}, '/') "
        f"THEN NOT regexp_matches({text}, '[A-Za-z_]/[A-Za-z]') ELSE true END"
    )
