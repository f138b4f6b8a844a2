"""The UTC day that a value means: what dates a record, one value at a time."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.types.spellings import (
    BLANK,
    FRACTION,
    HEADS,
    LONGEST,
    MONTHS,
    TAIL,
    UNWRAPPED,
    WHOLE,
    WRAPPED,
    ZONES,
    form_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.types.spellings import Form

#: Years before this come from programs that took two digits for four; years after have five.
EARLIEST, LATEST = date(1000, 1, 1), date(9999, 12, 31)

#: Days that a bare number may spell as YYYYMMDD: others are likelier identifiers or amounts.
FIRST_NUMBER, LAST_NUMBER = 1900_01_01, 2099_12_31

#: 1980 in seconds: earlier moments cannot be told from durations and counters.
FIRST_SECOND = 315_532_800

#: Ticks in a second: seconds, milli-, micro- and nanoseconds.
UNITS = (1, 10**3, 10**6, 10**9)

_EPOCH = date(1970, 1, 1).toordinal()
_MOST = 2**63 - 1


def last_second(created: datetime) -> int:
    """Give the last second that a number may mean: a year after the object was created."""
    return int((created + timedelta(days=366)).timestamp())


def day_of(value: Any, created: datetime, formats: Sequence[str] = ()) -> date | None:
    """Give the UTC day that a value means.

    Parameters
    ----------
    value : Any
        What a record has in a date column: text, a number, a date, or a date of MongoDB's
        extended JSON. A moment without an offset is taken as UTC.
    created : datetime
        When the object was created, with its zone.
    formats : sequence of str
        Formats of the contract, as of ``strptime``; they come first.

    Returns
    -------
    date or None
        None for what certainly means no day: ambiguous texts, years of two digits, numbers
        that are neither ``YYYYMMDD`` nor a plausible moment.
    """
    match value:
        case bool() | None:
            return None
        case datetime():
            return _of_moment(value)
        case date():
            return _in_range(value)
        case int():
            return _of_whole(value, created)
        case float():
            return _of_double(value, created)
        case Decimal():
            return _of_text(f"{value:f}", created, formats)
        case str():
            return _of_text(value, created, formats)
        case dict():
            names = ("$date", "_date", "$numberLong", "_numberlong")
            inner = next((value[name] for name in names if name in value), None)
            return day_of(inner, created, formats)
    return None


def first_day(values: Iterable[Any], created: datetime, formats: Sequence[str] = ()) -> date | None:
    """Give the first usable day among a record's values, in the order of the date columns."""
    days = (day_of(value, created, formats) for value in values)
    return next((day for day in days if day is not None), None)


def _of_moment(moment: datetime) -> date | None:
    try:
        return _in_range((moment.astimezone(UTC) if moment.tzinfo else moment).date())
    except OverflowError:
        return None


def _in_range(day: date) -> date | None:
    return day if EARLIEST <= day <= LATEST else None


def _of_whole(number: int, created: datetime) -> date | None:
    if FIRST_NUMBER <= number <= LAST_NUMBER:
        return _calendar(number // 10_000, number // 100 % 100, number % 100)
    last = last_second(created)
    for unit in UNITS:
        if FIRST_SECOND * unit <= number <= min(last * unit, _MOST):
            return date.fromordinal(_EPOCH + number // (86_400 * unit))
    return None


def _of_double(number: float, created: datetime) -> date | None:
    if not math.isfinite(number):
        return None
    whole = math.floor(number)
    if whole != number and whole <= LAST_NUMBER:
        return None
    return _of_whole(whole, created)


def _of_text(text: str, created: datetime, formats: Sequence[str]) -> date | None:
    if len(text) > LONGEST:
        return None
    text = re.sub(WRAPPED, UNWRAPPED, text.strip(BLANK)).strip(BLANK)
    for form in map(form_of, formats):
        parts = _parts(text, form)
        start = _day(parts) if parts else None
        day = _moved(start, parts) if parts and start else None
        if day is not None:
            return day
    if re.fullmatch(WHOLE, text):
        return _of_whole(int(text), created)
    if re.fullmatch(FRACTION, text):
        return _of_double(float(text), created)
    head = next((parts for form in HEADS if (parts := _parts(text, form))), None)
    if head is None:
        return None
    day, rest = _day(head), head["r"]
    tail = _parts(rest, TAIL)
    return None if day is None or tail is None else _moved(day, tail)


def _parts(text: str, form: Form) -> dict[str, str] | None:
    found = re.fullmatch(form.pattern, text)
    if found is None:
        return None
    return dict(zip(form.parts, (group or "" for group in found.groups()), strict=True))


def _moved(day: date, tail: dict[str, str]) -> date | None:
    """Give the day in UTC of a moment whose day somewhere is known."""
    if not tail.get("h"):
        return _in_range(day)
    seconds = _seconds(tail)
    offset = None if seconds is None else _offset(tail, day, seconds)
    if seconds is None or offset is None:
        return None
    try:
        return _in_range(day + timedelta(days=(seconds - offset) // 86_400))
    except OverflowError:
        return None


def _day(parts: dict[str, str]) -> date | None:
    year = int(parts["y"])
    if parts.get("w"):
        try:
            return date.fromisocalendar(year, int(parts["w"]), int(parts["u"]))
        except ValueError:
            return None
    if parts.get("j"):
        first = _calendar(year, 1, 1)
        day = int(parts["j"])
        if first is None or not 1 <= day <= (366 if _leap(year) else 365):
            return None
        return first + timedelta(days=day - 1)
    month = parts["m"]
    number = int(month) if month.isdigit() else MONTHS.index(month[:3].lower()) // 3 + 1
    return _calendar(year, number, int(parts["d"]))


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _calendar(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _seconds(parts: dict[str, str]) -> int | None:
    """Give the second of the day; that of a leap second is the one before it."""
    hour = int(parts.get("h", "").rstrip(":") or 0)
    minute, second = int(parts.get("i") or 0), int(parts.get("s") or 0)
    digits, half = parts.get("f", ""), parts.get("p", "").lower()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + 12 * (half == "p")
    midnight = hour == 24 and not minute and not second and not digits.strip("0")
    if minute > 59 or second > 60 or (hour > 23 and not midnight):
        return None
    # A fraction is one of the last unit that is there (ISO 8601-1, 5.3.1.4).
    unit = 0 if parts.get("s") else 60 if parts.get("i") else 3600
    return hour * 3600 + minute * 60 + min(second, 59) + math.floor(float(f"0.{digits}") * unit)


def _offset(parts: dict[str, str], day: date, seconds: int) -> int | None:
    """Give the seconds ahead of UTC; 0 where nothing says so, None for what is no offset."""
    zone, sign, name = parts.get("z", "").upper(), parts.get("g", ""), parts.get("b", "")
    if sign:
        hours, minutes = int(parts["oh"]), int(parts["om"] or 0)
        if hours > 23 or minutes > 59 or zone not in ("", "UT", "UTC", "GMT"):
            return None
        ahead = hours * 3600 + minutes * 60 + int(parts["os"] or 0)
        return -ahead if sign == "-" else ahead
    if zone or name in ("", "UTC", "GMT", "Z"):
        return ZONES[zone] * 3600 if zone else 0
    place = _place(name)
    if place is None:
        return None
    try:
        local = datetime(day.year, day.month, day.day, tzinfo=place) + timedelta(seconds=seconds)
        behind = local.utcoffset()
    except OverflowError:
        return None
    return None if behind is None else math.floor(behind.total_seconds())


@cache
def _place(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None
