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
    TAIL,
    TAIL_PARTS,
    UNWRAPPED,
    WHOLE,
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
        f"WHEN {text} LIKE '____-__-_____:__:__%' AND {usual} THEN CAST(CASE "
        f"WHEN ends_with({text}, 'Z') THEN TRY_CAST({text} AS TIMESTAMP) "
        f"WHEN strlen({text}) = 19 THEN TRY_CAST({text} AS TIMESTAMP) "
        f"WHEN {text} LIKE '%_+__:__' OR {text} LIKE '%_-__:__' "
        f"THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) END AS DATE) "
        f"WHEN {text} LIKE '____-__-__' AND {usual} THEN TRY_CAST({text} AS DATE) "
        f"END, {odd}) END"
    )


def _bare(text: str) -> str:
    blank = " || ".join(f"chr({ord(character)})" for character in BLANK)
    inner = f"regexp_replace(trim({text}, {blank}), {literal(WRAPPED)}, {literal(UNWRAPPED)})"
    wrapped = f"regexp_matches({text}, '^[{BLANK}\"{{]|[{BLANK}]$')"
    return f"CASE WHEN {wrapped} THEN trim({inner}, {blank}) ELSE {text} END"


def _odd_sql(text: str, created: datetime, formats: Sequence[str]) -> str:
    whole, number = f"TRY_CAST({text} AS BIGINT)", f"TRY_CAST({text} AS DOUBLE)"
    numbers = (
        f"CASE WHEN regexp_full_match({text}, {literal(WHOLE)}) "
        f"THEN {_number_sql(whole, created)} ELSE {_double_sql(number, created)} END"
    )
    found = [_given_sql(text, form_of(each)) for each in formats]
    found.append(
        f"CASE WHEN regexp_full_match({text}, {literal(FRACTION)}) THEN {_packed(numbers, {})} "
        f"WHEN regexp_matches({text}, '[0-9]{{4}}') THEN "
        f"{_bound(_heads_sql(text), 't3', _tail_sql())} END"
    )
    return _bound(f"coalesce({', '.join(found)})", "p1", _moved_sql())


def _packed(day: str, tail: dict[str, str]) -> str:
    """Give a date and the parts that follow it, the same ones for every way to spell it."""
    parts = ", ".join(f"{part} := {tail.get(part, repr(''))}" for part in TAIL_PARTS)
    return f"struct_pack(a := {day}, {parts})"


def _extracted(text: str, form: Form) -> str:
    names = ", ".join(literal(part) for part in form.parts)
    return f"regexp_extract({text}, {literal(f'^(?:{form.pattern})$')}, [{names}])"


def _given_sql(text: str, form: Form) -> str:
    parts = {part: f"g1.{part}" for part in form.parts}
    packed = f"CASE WHEN g2 IS NOT NULL THEN {_packed('g2', parts)} END"
    return _bound(_extracted(text, form), "g1", _bound(_day_sql(parts), "g2", packed))


def _heads_sql(text: str) -> str:
    heads = []
    for form in HEADS:
        day = _day_sql({part: f"h1.{part}" for part in form.parts})
        head = f"CASE WHEN h1.y <> '' THEN struct_pack(a := {day}, r := h1.r) END"
        heads.append(_bound(_extracted(text, form), "h1", head))
    return f"coalesce({', '.join(heads)})"


def _tail_sql() -> str:
    tail = _packed("t3.a", {part: f"x1.{part}" for part in TAIL_PARTS})
    found = _bound(_extracted("t3.r", TAIL), "x1", f"CASE WHEN x1.x <> '' THEN {tail} END")
    return f"CASE WHEN t3.r = '' THEN {_packed('t3.a', {})} ELSE {found} END"


def _moved_sql() -> str:
    """Give the day in UTC of a moment whose day somewhere is known."""
    tail = {part: f"p1.{part}" for part in TAIL_PARTS}
    seconds = _bound(f"CAST(rtrim({tail['h']}, ':') AS INTEGER)", "hour", _seconds_sql(tail))
    utc = f"p1.a + CAST(floor((p2 - {_offset_sql(tail)}) / 86400) AS INTEGER)"
    moved = f"CASE WHEN p1.h = '' THEN p1.a ELSE {_bound(seconds, 'p2', utc)} END"
    return _bound(moved, "p3", _in_range("p3"))


def _day_sql(parts: dict[str, str]) -> str:
    year = parts["y"]
    first = f"TRY_CAST({year} || '-01-01' AS DATE)"
    if "w" in parts:
        week = f"{year} || '-01-04'"
        monday = f"date_trunc('week', TRY_CAST({week} AS DATE))"
        days = f"(TRY_CAST({parts['w']} AS INTEGER) * 7 + TRY_CAST({parts['u']} AS INTEGER) - 8)"
        found = f"(CAST({monday} AS DATE) + {days})"
        return f"CASE WHEN isoyear({found}) = TRY_CAST({year} AS INTEGER) THEN {found} END"
    if "j" in parts:
        found = f"({first} + (TRY_CAST({parts['j']} AS INTEGER) - 1))"
        return f"CASE WHEN year({found}) = TRY_CAST({year} AS INTEGER) THEN {found} END"
    month = (
        f"CASE WHEN {parts['m']} > 'A' "
        f"THEN CAST((instr('{MONTHS}', lower({parts['m']}[1:3])) + 2) // 3 AS VARCHAR) "
        f"ELSE {parts['m']} END"
    )
    spelled = f"{year} || '-' || {month} || '-' || trim({parts['d']})"
    return f"CASE WHEN {year} <> '' THEN TRY_CAST({spelled} AS DATE) END"


def _integer(text: str) -> str:
    return f"coalesce(TRY_CAST({text} AS INTEGER), 0)"


def _seconds_sql(tail: dict[str, str]) -> str:
    """Give the second of the day; that of a leap second is the one before it."""
    minute, second = _integer(tail["i"]), _integer(tail["s"])
    digits, half = tail["f"], f"lower({tail['p']})"
    unit = f"CASE WHEN {tail['s']} <> '' THEN 0 WHEN {tail['i']} <> '' THEN 60 ELSE 3600 END"
    fraction = (
        f"CASE WHEN {tail['s']} <> '' OR {digits} = '' THEN 0 "
        f"ELSE floor(CAST('0.' || {digits} AS DOUBLE) * {unit}) END"
    )
    clock = (
        f"CASE WHEN {half} = '' THEN hour "
        f"WHEN hour BETWEEN 1 AND 12 THEN hour % 12 + if({half} = 'p', 12, 0) END"
    )
    midnight = f"hour = 24 AND {minute} = 0 AND {second} = 0 AND trim({digits}, '0') = ''"
    return (
        f"CASE WHEN {minute} <= 59 AND {second} <= 60 AND (hour <= 23 OR ({midnight})) "
        f"THEN ({clock}) * 3600 + {minute} * 60 + least({second}, 59) + {fraction} END"
    )


def _offset_sql(tail: dict[str, str]) -> str:
    """Give the seconds ahead of UTC; null for what is no offset."""
    zone, sign, name = f"upper({tail['z']})", tail["g"], tail["b"]
    hours, minutes, seconds = (_integer(tail[part]) for part in ("oh", "om", "os"))
    ahead = f"({hours} * 3600 + {minutes} * 60 + {seconds}) * if({sign} = '-', -1, 1)"
    zones = " ".join(f"WHEN '{each}' THEN {ahead * 3600}" for each, ahead in ZONES.items())
    local = "(CAST(p1.a AS TIMESTAMP) + to_seconds(p2))"
    return (
        f"CASE WHEN {sign} <> '' THEN CASE WHEN {hours} <= 23 AND {minutes} <= 59 "
        f"AND {zone} IN ('', 'UT', 'UTC', 'GMT') THEN {ahead} END "
        f"WHEN {zone} <> '' THEN CASE {zone} {zones} END "
        f"WHEN {name} IN ('', 'UTC', 'GMT', 'Z') THEN 0 "
        f"ELSE epoch({local}) - epoch(TRY(timezone({name}, {local}))) END"
    )
