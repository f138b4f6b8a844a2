"""Which column of a table dates its records, and how its texts write dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lake import query as athena
from lake.statement import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lake.target import Target

#: A day, a month and a year that ISO 8601 would not write so.
_DAY = r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}$"

#: A day as ISO 8601 writes it, with whatever time behind.
_ISO = r"^\d{4}-\d{2}-\d{2}([T ]|$)"

#: A day in digits as above, where the first or the second number is of no month.
_LARGE = (r"^(1[3-9]|[23]\d)[/.-]", r"^\d{1,2}[/.-](1[3-9]|[23]\d)[/.-]")


@dataclass(frozen=True, slots=True)
class Dates:
    """What one column says about dates.

    Attributes
    ----------
    dates : bool
        Whether each of its values begins with the date of its row's partition.
    format : str
        How its texts write dates, where that is not ISO 8601; empty where it is, or where there
        are other texts.
    unclear : bool
        Whether its texts are such dates, and day and month may be either way round.
    iso : bool
        Whether each of its values begins with a date as ISO 8601 writes it.
    """

    dates: bool = False
    format: str = ""
    unclear: bool = False
    iso: bool = False


def dates_of(target: Target, dataset: str, columns: list[tuple[str, str]]) -> dict[str, Dates]:
    """Look for dates in the columns of text and of dates.

    Parameters
    ----------
    target : Target
        The lake.
    dataset : str
        Whose table is read.
    columns : list of (str, str)
        Names and types.

    Returns
    -------
    dict
        By the column's name, for columns of text and of dates.
    """
    looked_at = [(name, kind) for name, kind in columns if kind in ("string", "date")]
    if not looked_at:
        return {}
    asked = [sql for column in looked_at for sql in _asked(*column)]
    table = quoted(dataset)
    (row,) = athena.run(target, f"SELECT {', '.join(asked)} FROM {table}").rows  # noqa: S608  # names are quoted
    width = len(row) // len(looked_at)
    return {
        name: _read(row[width * number : width * (number + 1)])
        for number, (name, _) in enumerate(looked_at)
    }


def _asked(name: str, kind: str) -> Iterator[str]:
    text = quoted(name) if kind == "string" else f"CAST({quoted(name)} AS varchar)"
    yield f"count({text})"
    tests = [f"substr({text}, 1, 10) = CAST(date_partition AS varchar)"]
    tests += [f"regexp_like({text}, '{pattern}')" for pattern in (_ISO, _DAY, *_LARGE)]
    for test in tests:
        yield f"sum(CASE WHEN {test} THEN 1 ELSE 0 END)"
    for end in ("min", "max"):
        yield f"{end}(regexp_extract({text}, '[/.-]'))"


def _read(answers: list[str | None]) -> Dates:
    filled, dating, iso, written, *large = (int(answer or 0) for answer in answers[:6])
    if not filled:
        return Dates()
    least, most = answers[6:]
    if written < filled or least != most or all(large):
        return Dates(dating == filled, iso=iso == filled)
    if not any(large) and least != ".":
        return Dates(unclear=True)
    # With points the day comes first wherever dates are written so.
    month_first = large[1] > 0
    return Dates(format=f"%m{least}%d{least}%Y" if month_first else f"%d{least}%m{least}%Y")
