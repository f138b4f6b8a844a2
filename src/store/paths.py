"""What the path of an object says of its records: a day, and columns."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import unquote

from store.naming import RAW_PREFIX, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What Hive and Spark write for null.
_NULL = "__HIVE_DEFAULT_PARTITION__"

_YEARS, _MONTHS, _DAYS = ("year", "yyyy", "y"), ("month", "mm", "m"), ("day", "dd", "d")

#: Folders of these names hold whole dates.
_DATES = frozenset({
    "dt", "ds", "date", "day", "date_partition", "partition_date", "partition_dt", "event_date",
    "ingest_date", "load_date", "log_date", "created_date", "p_date",
})  # fmt: skip

_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T _-].*)?|([0-9]{4})([0-9]{2})([0-9]{2})"
)


def date_name(field: str) -> str:
    """Spell a field's name as date columns are compared.

    Parameters
    ----------
    field : str
        The name in the file: ``eventTime``, ``@timestamp``, ``Event Time``, ``event.time``.

    Returns
    -------
    str
        ``event_time``, ``timestamp``: camelCase and signs divide words.
    """
    divided = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", field)
    return re.sub("_+", "_", normalise(divided)).strip("_")


def path_columns(key: str) -> dict[str, str | None]:
    """Give the ``name=value`` folders of a key, which writers took out of the rows.

    Parameters
    ----------
    key : str
        Decoded key of the raw object.

    Returns
    -------
    dict
        Values by the folder's own name; those below ``data/<dataset>/`` only. Hive's escapes
        are undone, and its word for null is None.
    """
    found: dict[str, str | None] = {}
    for folder in _folders(key)[1:]:
        name, sign, value = folder.partition("=")
        if sign and name:
            found[unquote(name)] = None if value == _NULL else unquote(value)
    return found


def day_of_path(key: str) -> date | None:
    """Give the day that a path says.

    Parameters
    ----------
    key : str
        Decoded key of the raw object.

    Returns
    -------
    date or None
        ``year=2024/month=01/day=15``, ``dt=2024-01-15`` and ``2024/01/15/10`` are one; the
        innermost counts. None for a year or a month alone.
    """
    folders = _folders(key)
    named = {
        date_name(name): unquote(value)
        for name, sign, value in (folder.partition("=") for folder in folders)
        if sign
    }
    whole = (_day(named[name]) for name in reversed(named) if name in _DATES)
    parts = [
        next((named[n] for n in names if n in named), "") for names in (_YEARS, _MONTHS, _DAYS)
    ]
    return (
        next((day for day in whole if day), None)
        or _calendar(parts)
        or next((day for day in map(_day, reversed(folders)) if day), None)
        or _of_folders(folders)
    )


def _folders(key: str) -> list[str]:
    return key.removeprefix(RAW_PREFIX).split("/")[:-1]


def _of_folders(folders: list[str]) -> date | None:
    """Give the innermost three folders that are year, month and day."""
    for start in range(len(folders) - 3, -1, -1):
        if day := _calendar(folders[start : start + 3]):
            return day
    return None


def _day(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    return _calendar([group for group in found.groups() if group]) if found else None


def _calendar(parts: Sequence[str]) -> date | None:
    year, month, day = parts
    if not (re.fullmatch("(?:19|20)[0-9]{2}", year) and _short(month) and _short(day)):
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _short(text: str) -> bool:
    return re.fullmatch("[0-9]{1,2}", text) is not None
