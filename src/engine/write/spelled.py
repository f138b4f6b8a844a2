"""The day that a number or a text spells, as SQL; :mod:`engine.write.dates` says whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.types.moments import (
    EARLIEST,
    FIRST_NUMBER,
    FIRST_SECOND,
    LAST_NUMBER,
    LATEST,
    UNITS,
    last_second,
)
from engine.types.spellings import (
    BLANK,
    FRACTION,
    HEADS,
    LONGEST,
    MONTHS,
    REWRITTEN,
    TAIL_PARTS,
    UNWRAPPED,
    WHOLE,
    WHOLE_TEXT,
    WRAPPED,
    ZONES,
    form_of,
)
from engine.types.sql import literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.types.spellings import Form

_MOST = 2**63 - 1


def in_range_sql(day: str) -> str:
    """Give a day if its year is one of four digits that somebody may have meant."""
    return f"CASE WHEN {day} BETWEEN {_date(EARLIEST)} AND {_date(LATEST)} THEN {day} END"


def _date(day: object) -> str:
    return f"DATE '{day}'"


def bound_sql(value: str, name: str, expression: str) -> str:
    """Give a name to a value, so that it is computed once: DuckDB shares nothing in a CASE."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


# --- Numbers ---------------------------------------------------------------------------


def number_sql(whole: str, created: datetime) -> str:
    """Give the day of a whole number of 64 bits."""
    last = last_second(created)
    units = " ".join(
        f"WHEN {whole} BETWEEN {FIRST_SECOND * unit} AND {min(last * unit, _MOST)} "
        f"THEN DATE '1970-01-01' + CAST({whole} // {86_400 * unit} AS INTEGER)"
        for unit in UNITS
    )
    digits = f"CAST({whole} AS VARCHAR)"
    spelled = f"{digits}[1:4] || '-' || {digits}[5:6] || '-' || {digits}[7:8]"
    return (
        f"CASE {units} WHEN {whole} BETWEEN {FIRST_NUMBER} AND {LAST_NUMBER} "
        f"THEN TRY_CAST({spelled} AS DATE) END"
    )


def double_sql(number: str, created: datetime) -> str:
    """Give the day of a double."""
    fits = f"{number} = floor({number}) OR {number} > {LAST_NUMBER + 1}"
    whole = f"TRY_CAST(floor({number}) AS BIGINT)"
    return f"CASE WHEN {fits} THEN {number_sql(whole, created)} END"


# --- Texts -----------------------------------------------------------------------------


def text_sql(text: str, created: datetime, formats: Sequence[str], unusual: str = "") -> str:
    """Give the day of a text; what most files hold is read by a cast, without expressions.

    Parameters
    ----------
    text : str
        Its SQL.
    created : datetime
        When the object was created.
    formats : sequence of str
        Formats of the contract.
    unusual : str
        SQL of what is given, without a look at it, for a text that is not spelled as in most
        files; empty to read it, too. To plan how takes longer than to read a small file.
    """
    odd = (
        f"CASE WHEN length({text}) <= {LONGEST} "
        f"THEN {bound_sql(_bare(text), 't2', _odd_sql('t2', created, formats))} END"
    )
    if formats:
        return odd
    there = f"nullif({text}, '')" if unusual else text
    # Year and offset cannot leave the four digits of a year within these.
    usual = f"{text} > '1001' AND {text} < '9999-12-31'"
    return (
        f"CASE WHEN {there} IS NOT NULL THEN coalesce(CASE "
        f"WHEN {text} LIKE '____-__-_____:__:__%' AND {usual} "
        f"THEN CAST({_moment_sql(text)} AS DATE) "
        f"WHEN {text} LIKE '____-__-_____:__' AND {usual} "
        f"THEN CAST(TRY_CAST({text} || ':00' AS TIMESTAMP) AS DATE) "
        f"WHEN {text} LIKE '____-__-__' AND {usual} THEN TRY_CAST({text} AS DATE) "
        f"WHEN {text} BETWEEN '1' AND ':' AND regexp_full_match({text}, {literal(WHOLE)}) "
        f"THEN {number_sql(f'TRY_CAST({text} AS BIGINT)', created)} "
        f"END, {unusual or odd}) END"
    )


def _moment_sql(text: str) -> str:
    """Give what a cast reads of a text like ``2024-01-15T10:00:00``; null says nothing."""
    with_colon = f"{text}[1:-3] || ':' || {text}[-2:]"
    return (
        f"CASE WHEN ends_with({text}, 'Z') OR strlen({text}) = 19 "
        f"THEN TRY_CAST({text} AS TIMESTAMP) "
        f"WHEN regexp_matches({text}, '[+-][01][0-9]:[0-5][0-9]$') "
        f"THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) "
        f"WHEN regexp_matches({text}, '[+-][01][0-9][0-5][0-9]$') "
        f"THEN CAST(TRY_CAST({with_colon} AS TIMESTAMPTZ) AS TIMESTAMP) END"
    )


def _bare(text: str) -> str:
    blank = " || ".join(f"chr({ord(character)})" for character in BLANK)
    inner = f"regexp_replace(trim({text}, {blank}), {literal(WRAPPED)}, {literal(UNWRAPPED)})"
    wrapped = f"regexp_matches({text}, '^[{BLANK}\"{{]|[{BLANK}]$')"
    return f"CASE WHEN {wrapped} THEN trim({inner}, {blank}) ELSE {text} END"


def _odd_sql(text: str, created: datetime, formats: Sequence[str]) -> str:
    whole, number = f"TRY_CAST({text} AS BIGINT)", f"TRY_CAST({text} AS DOUBLE)"
    found = [
        bound_sql(_extracted(text, form), "p1", _moved_sql(form)) for form in map(form_of, formats)
    ]
    spelled = bound_sql(_extracted(_rewritten(text), WHOLE_TEXT), "p1", _moved_sql(WHOLE_TEXT))
    found.append(
        f"CASE WHEN regexp_full_match({text}, {literal(WHOLE)}) "
        f"THEN {number_sql(whole, created)} "
        f"WHEN regexp_full_match({text}, {literal(FRACTION)}) "
        f"THEN {double_sql(number, created)} "
        f"WHEN regexp_matches({text}, '[0-9]{{4}}') THEN {spelled} END"
    )
    return f"coalesce({', '.join(found)})"


def _extracted(text: str, form: Form) -> str:
    names = ", ".join(literal(part) for part in form.parts)
    return f"regexp_extract({text}, {literal(f'^(?:{form.pattern})$')}, [{names}])"


def _rewritten(text: str) -> str:
    """Give the SQL of a text with its date in one order; no head begins as that does."""
    found = {True: text, False: text}
    for form in HEADS:
        (spelled,) = (REWRITTEN[part] for part in form.parts if part in REWRITTEN)
        groups = {part: f"\\{form.parts.index(part) + 1}" for part in form.parts}
        pattern, new = literal(f"^(?:{form.pattern})$"), literal(spelled.format(**groups))
        first = form.parts[0] == "y"
        found[first] = f"regexp_replace({found[first]}, {pattern}, {new})"
    return (
        f"CASE WHEN regexp_matches({text}, '^[0-9]{{4}}') THEN {found[True]} "
        f"ELSE {found[False]} END"
    )


def _moved_sql(form: Form) -> str:
    """Give the day in UTC of the parts of a text, all empty where it is not of that form."""
    parts = {part: f"p1.{part}" for part in form.parts}
    day = _day_sql(parts)
    if "h" not in parts:
        return bound_sql(day, "p2", in_range_sql("p2"))
    hour = f"CAST(rtrim({parts['h']}, ':') AS INTEGER)"
    utc = f"p2 + CAST(floor((p4 - {_offset_sql(parts)}) / 86400) AS INTEGER)"
    moved = bound_sql(
        hour, "p3", bound_sql(_seconds_sql(parts), "p4", bound_sql(utc, "p5", in_range_sql("p5")))
    )
    # DuckDB binds a list twice and a lambda's body once: lambdas are nested in bodies only.
    return bound_sql(
        day, "p2", f"CASE WHEN {parts['h']} = '' THEN {in_range_sql('p2')} ELSE {moved} END"
    )


def _day_sql(parts: dict[str, str]) -> str:
    year, found = parts["y"], []
    number = f"TRY_CAST({year} AS INTEGER)"
    if "w" in parts:
        monday = f"CAST(date_trunc('week', TRY_CAST({year} || '-01-04' AS DATE)) AS DATE)"
        days = f"TRY_CAST({parts['w']} AS INTEGER) * 7 + TRY_CAST({parts['u']} AS INTEGER) - 8"
        day = f"({monday} + ({days}))"
        found.append(
            f"WHEN {parts['w']} <> '' THEN CASE WHEN isoyear({day}) = {number} THEN {day} END"
        )
    if "j" in parts:
        first = f"TRY_CAST({year} || '-01-01' AS DATE)"
        day = f"({first} + (TRY_CAST({parts['j']} AS INTEGER) - 1))"
        found.append(
            f"WHEN {parts['j']} <> '' THEN CASE WHEN year({day}) = {number} THEN {day} END"
        )
    if "m" in parts:
        name = f"(instr('{MONTHS}', lower({parts['m']}[1:3])) + 2) // 3"
        month = f"if({parts['m']} > 'A', CAST({name} AS VARCHAR), {parts['m']})"
        spelled = f"{year} || '-' || {month} || '-' || trim({parts['d']})"
        found.append(f"WHEN {parts['m']} <> '' THEN TRY_CAST({spelled} AS DATE)")
    return f"CASE {' '.join(found)} END"


def _integer(text: str) -> str:
    return f"coalesce(TRY_CAST({text} AS INTEGER), 0)"


def _seconds_sql(parts: dict[str, str]) -> str:
    """Give the second of the day; that of a leap second is the one before it."""
    given = {part: parts.get(part, "''") for part in TAIL_PARTS}
    minute, second = _integer(given["i"]), _integer(given["s"])
    digits, half = given["f"], f"lower({given['p']})"
    fraction = (
        f"CASE WHEN {given['s']} <> '' OR {digits} = '' THEN 0 "
        f"ELSE floor(CAST('0.' || {digits} AS DOUBLE) * if({given['i']} <> '', 60, 3600)) END"
    )
    clock = (
        f"CASE WHEN {half} = '' THEN p3 "
        f"WHEN p3 BETWEEN 1 AND 12 THEN p3 % 12 + if({half} = 'p', 12, 0) END"
    )
    midnight = f"p3 = 24 AND {minute} = 0 AND {second} = 0 AND trim({digits}, '0') = ''"
    return (
        f"CASE WHEN {minute} <= 59 AND {second} <= 60 AND (p3 <= 23 OR ({midnight})) "
        f"THEN ({clock}) * 3600 + {minute} * 60 + least({second}, 59) + {fraction} END"
    )


def _offset_sql(parts: dict[str, str]) -> str:
    """Give the seconds ahead of UTC; null for what is no offset."""
    if "g" not in parts:
        return "0"
    zone, sign, name = f"upper({parts['z']})", parts["g"], parts.get("b", "''")
    hours, minutes, seconds = (_integer(parts[part]) for part in ("oh", "om", "os"))
    ahead = f"({hours} * 3600 + {minutes} * 60 + {seconds}) * if({sign} = '-', -1, 1)"
    zones = " ".join(f"WHEN '{each}' THEN {ahead * 3600}" for each, ahead in ZONES.items())
    local = "(CAST(p2 AS TIMESTAMP) + to_seconds(p4))"
    # A zone that nobody knows is an error that TRY does not catch, but this does.
    there = f"TRY_CAST(CAST({local} AS VARCHAR) || ' ' || {name} AS TIMESTAMPTZ)"
    return (
        f"CASE WHEN {sign} <> '' THEN CASE WHEN {hours} <= 23 AND {minutes} <= 59 "
        f"AND {zone} IN ('', 'UT', 'UTC', 'GMT') THEN {ahead} END "
        f"WHEN {zone} <> '' THEN CASE {zone} {zones} END "
        f"WHEN {name} IN ('', 'UTC', 'GMT', 'Z') THEN 0 "
        f"ELSE epoch({local}) - epoch({there}) END"
    )
