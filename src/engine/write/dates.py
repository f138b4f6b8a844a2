"""The UTC day that a value means, as SQL: :func:`engine.types.moments.day_of` for whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.types.kinds import (
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    WHOLE_DIGITS,
    Kind,
    Scalar,
    Struct,
    literal,
    quoted,
    sized,
)
from engine.types.moments import (
    EARLIEST,
    FIRST_NUMBER,
    FIRST_SECOND,
    LAST_NUMBER,
    LATEST,
    UNITS,
    last_second,
)
from engine.types.paths import date_name
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from engine.convert.layout import Target
    from engine.types.spellings import Form

NO_DAY = "CAST(NULL AS DATE)"

_MOST = 2**63 - 1

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
    for name in date_columns:
        wanted = _squeezed(name)
        matching = [target for target in fields if wanted and _squeezed(target.field) == wanted]
        for target in sorted(matching, key=lambda target: target.field != name):
            found.setdefault(target.field, target)
    return tuple(found.values())


def _squeezed(name: str) -> str:
    # `dateTime` is `datetime`, and `event-time` is `eventtime`.
    return date_name(name).replace("_", "")


def first_day_sql(
    values: Iterable[tuple[str, Kind]], created: datetime, formats: Sequence[str] = ()
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

    Returns
    -------
    str
        Null where none of them means a day.
    """
    days = [day_sql(value, kind, created, formats) for value, kind in values]
    days = [day for day in days if day != NO_DAY]
    return f"coalesce({', '.join(days)})" if len(days) > 1 else days[0] if days else NO_DAY


def day_sql(value_sql: str, kind: Kind, created: datetime, formats: Sequence[str] = ()) -> str:
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

    Returns
    -------
    str
        A date; null exactly where :func:`engine.types.moments.day_of` gives None.
    """
    text = f"CAST({value_sql} AS VARCHAR)"
    if kind in (TIMESTAMP, DATE):
        return (
            f"CASE WHEN typeof({value_sql}) IN {_MOMENTS} "
            f"THEN {_in_range(f'CAST({value_sql} AS DATE)')} "
            f"ELSE {_text_sql(text, created, formats)} END"
        )
    if isinstance(kind, Scalar) and kind.name in WHOLE_DIGITS:
        whole = f"TRY_CAST({text} AS BIGINT)"
        return (
            f"CASE WHEN typeof({value_sql}) NOT IN {_TEXTS} "
            f"THEN {_number_sql(f'TRY_CAST({value_sql} AS BIGINT)', created)} "
            f"WHEN CAST({whole} AS VARCHAR) = {text} THEN {_number_sql(whole, created)} "
            f"ELSE {_text_sql(text, created, formats)} END"
        )
    if kind in (DOUBLE, Scalar("float")):
        return (
            f"CASE WHEN typeof({value_sql}) NOT IN {_TEXTS} "
            f"THEN {_double_sql(f'CAST({value_sql} AS DOUBLE)', created)} "
            f"ELSE {_text_sql(text, created, formats)} END"
        )
    if kind == STRING or sized(kind)[0]:
        return _text_sql(text, created, formats)
    if isinstance(kind, Struct) and any(date_name(name) == "date" for name, _ in kind.fields):
        parts = ", ".join(f"to_json({value_sql}) ->> '$.{quoted(name)}'" for name in _WITHIN)
        return _bound(f"coalesce({parts})", "t1", _text_sql("t1", created, formats))
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
        f"coalesce(strlen({text}) <= 20 OR NOT contains({text}, '/') "
        f"OR NOT regexp_matches({text}, '[A-Za-z_]/[A-Za-z0-9_+-]'), true)"
    )


def _in_range(day: str) -> str:
    return f"CASE WHEN {day} BETWEEN {_date(EARLIEST)} AND {_date(LATEST)} THEN {day} END"


def _date(day: object) -> str:
    return f"DATE '{day}'"


def _bound(value: str, name: str, expression: str) -> str:
    """Give a name to a value, so that it is computed once: DuckDB shares nothing in a CASE."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


# --- Numbers ---------------------------------------------------------------------------


def _number_sql(whole: str, created: datetime) -> str:
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


def _double_sql(number: str, created: datetime) -> str:
    fits = f"{number} = floor({number}) OR {number} > {LAST_NUMBER + 1}"
    whole = f"TRY_CAST(floor({number}) AS BIGINT)"
    return f"CASE WHEN {fits} THEN {_number_sql(whole, created)} END"


# --- Texts -----------------------------------------------------------------------------


def _text_sql(text: str, created: datetime, formats: Sequence[str]) -> str:
    """Give the day of a text; what most files hold is read by a cast, without expressions."""
    odd = (
        f"CASE WHEN length({text}) <= {LONGEST} "
        f"THEN {_bound(_bare(text), 't2', _odd_sql('t2', created, formats))} END"
    )
    if formats:
        return odd
    # Year and offset cannot leave the four digits of a year within these.
    usual = f"{text} > '1001' AND {text} < '9999-12-31'"
    return (
        f"CASE WHEN {text} IS NOT NULL THEN coalesce(CASE "
        f"WHEN {text} LIKE '____-__-_____:__%' AND {usual} THEN CAST({_moment_sql(text)} AS DATE) "
        f"WHEN {text} LIKE '____-__-__' AND {usual} THEN TRY_CAST({text} AS DATE) "
        f"END, {odd}) END"
    )


def _moment_sql(text: str) -> str:
    """Give what a cast reads of a text like ``2024-01-15T10:00``; null says nothing."""
    with_colon = f"{text}[1:-3] || ':' || {text}[-2:]"
    return (
        f"CASE WHEN strlen({text}) = 16 THEN TRY_CAST({text} || ':00' AS TIMESTAMP) "
        f"WHEN NOT {text} LIKE '________________:__%' THEN NULL "
        f"WHEN ends_with({text}, 'Z') OR strlen({text}) = 19 THEN TRY_CAST({text} AS TIMESTAMP) "
        f"WHEN {text} LIKE '%_+__:__' OR {text} LIKE '%_-__:__' "
        f"THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) "
        f"WHEN {text} LIKE '%_+____' OR {text} LIKE '%_-____' "
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
        _bound(_extracted(text, form), "p1", _moved_sql(form)) for form in map(form_of, formats)
    ]
    spelled = _bound(_extracted(_rewritten(text), WHOLE_TEXT), "p1", _moved_sql(WHOLE_TEXT))
    found.append(
        f"CASE WHEN regexp_full_match({text}, {literal(WHOLE)}) "
        f"THEN {_number_sql(whole, created)} "
        f"WHEN regexp_full_match({text}, {literal(FRACTION)}) "
        f"THEN {_double_sql(number, created)} "
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
        return _bound(day, "p2", _in_range("p2"))
    hour = f"CAST(rtrim({parts['h']}, ':') AS INTEGER)"
    utc = f"p2 + CAST(floor((p4 - {_offset_sql(parts)}) / 86400) AS INTEGER)"
    moved = _bound(
        hour, "p3", _bound(_seconds_sql(parts), "p4", _bound(utc, "p5", _in_range("p5")))
    )
    # DuckDB binds a list twice and a lambda's body once: lambdas are nested in bodies only.
    return _bound(day, "p2", f"CASE WHEN {parts['h']} = '' THEN {_in_range('p2')} ELSE {moved} END")


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
    return (
        f"CASE WHEN {sign} <> '' THEN CASE WHEN {hours} <= 23 AND {minutes} <= 59 "
        f"AND {zone} IN ('', 'UT', 'UTC', 'GMT') THEN {ahead} END "
        f"WHEN {zone} <> '' THEN CASE {zone} {zones} END "
        f"WHEN {name} IN ('', 'UTC', 'GMT', 'Z') THEN 0 "
        f"ELSE epoch({local}) - epoch(TRY(timezone({name}, {local}))) END"
    )
