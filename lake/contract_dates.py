"""Which column of a table dates its records, and how its texts write dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from lake import query as athena
from lake.errors import LakeCommandError
from lake.statement import quoted
from store.naming import normalise
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lake.target import Target

#: A day, a month and a year that ISO 8601 would not write so.
_DAY = r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}$"

#: A day as ISO 8601 writes it, with whatever time behind.
_ISO = r"^\d{4}-\d{2}-\d{2}([T ]|$)"

#: A day in digits as above, where the first or the second number is of no month.
_LARGE = (r"^(1[3-9]|[23]\d)[/.-]", r"^\d{1,2}[/.-](1[3-9]|[23]\d)[/.-]")


#: Characters of a value that is shown.
_SHOWN = 40

#: Types of which every value is a date.
MOMENTS = frozenset({"date", "timestamp"})

#: Types of which no value is a date.
_DATELESS = ("boolean", "binary", "array", "map")

#: What a text or a number that dates a record looks like (docs/reference/schema.md, "Dates"):
#: digits in three groups, a month by its name, YYYYMMDD, a week or a day of a year, a moment in
#: seconds, milli-, micro- or nanoseconds. Some that date none look so, too.
_DATELIKE = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    r"|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[A-Za-z]*[^A-Za-z].*\d{4}"
    r"|^\W*(19|20)\d{2}([01]\d[0-3]\d|-?[Ww][0-5]\d-?[1-7]|-?[0-3]\d{2})(\D|$)"
    r"|^\W*([3-9]\d{8}|1\d{9})(\d{3}|\d{6}|\d{9})?(\.\d*)?\s*$"
)


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

    @property
    def all_dates(self) -> bool:
        """Whether each of its values is a date."""
        return self.dates or self.iso or self.unclear or bool(self.format)


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


def why_no_date(target: Target, dataset: str, name: str, kind: str) -> str:
    """Say why a column dates no record; nothing where one of its values looks like a date."""
    if kind in MOMENTS or (kind.startswith("struct") and "_date:" in kind):
        return ""
    if kind.startswith((*_DATELESS, "struct")):
        return f"its type is {kind}"
    column = quoted(name)
    # A double would be written as 1.7E9.
    value = f"TRY_CAST({column} AS bigint)" if kind in ("double", "float") else column
    text = f"CAST({value} AS varchar)"
    datelike = f"sum(CASE WHEN regexp_like({text}, '{_DATELIKE}') THEN 1 ELSE 0 END)"
    sql = f"SELECT {datelike}, CAST(min({column}) AS varchar) FROM {quoted(dataset)}"  # noqa: S608  # names are quoted
    ((count, least),) = athena.run(target, sql).rows
    if int(count or 0):
        return ""
    return "it has no value" if least is None else f"its values are such as {least[:_SHOWN]}"


def chosen_of(
    target: Target,
    dataset: str,
    columns: Sequence[tuple[str, str, str]],
    dates: Mapping[str, Dates],
    date_column: str,
) -> str:
    """Find the column that shall date records; give its name as the data writes it.

    Raises
    ------
    click.BadParameter
        When there is no such column, or it holds no dates.
    """
    matching = [one for one in columns if date_column in (one[2], normalise(one[2]))]
    if not matching:
        meant = near(
            date_column,
            [original for _, _, original in columns],
            f"`lake describe {dataset}` lists its columns.",
        )
        raise _refusal(f"The table {dataset} has no column {date_column}: {meant}")
    name, kind, original = matching[0]
    if said := why_no_date(target, dataset, name, kind):
        others = [
            other
            for column, kind, other in columns
            if kind in MOMENTS or ((seen := dates.get(column)) and seen.all_dates)
        ]
        then = (
            f"Columns that hold dates: {', '.join(others)}."
            if others
            else "Name a column that holds dates, or leave --date-column out."
        )
        raise _refusal(
            f"The column {original} of the table {dataset} holds no dates: {said}. {then}"
        )
    return original


def _refusal(said: str) -> click.BadParameter:
    return click.BadParameter(said, param_hint="--date-column")


def dating(name: str, seen: Dates | None) -> dict[str, Any]:
    """Say how one column dates records.

    Raises
    ------
    LakeCommandError
        When nobody can tell day from month in it.
    """
    if seen and seen.unclear:
        raise LakeCommandError(
            f"Each date in {name} could have its day or its month first. Write the contract "
            f'yourself: "x-partition-column": "{name}", and "x-date-format": "%d/%m/%Y" or '
            '"%m/%d/%Y", with the sign that stands between them.'
        )
    found = {"x-partition-column": name}
    return found | ({"x-date-format": seen.format} if seen and seen.format else {})


def proposed_dating(properties: dict[str, Any], dates: dict[str, Dates | None]) -> dict[str, Any]:
    """Propose the column that dates records, and how its texts are to be read."""
    found = {
        name: seen for name, seen in dates.items() if seen and "type" in properties.get(name, {})
    }
    for name, seen in found.items():
        if seen.unclear:
            properties[name]["$comment"] = "Day or month first? Say it in x-date-format."
    for name, seen in found.items():
        if seen.dates:
            return {"x-partition-column": name}
    # None dates the rows now: one that could is proposed.
    for name, seen in found.items():
        if seen.format or seen.iso:
            return dating(name, seen)
    return {}


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
